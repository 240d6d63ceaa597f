"""The matrix: queries in rows, both states, a computed caption."""


def test_the_matrix_has_queries_in_rows_and_both_states(workdir, read_page):
  before, after = read_page(workdir).section("matrix").all("figure")
  assert before.numbers() == [20, 5, 1, 6, 30, 2, 3, 4, 10]
  assert after.numbers() == [71, 62, 53, 64, 82, 55, 46, 57, 68]
  caption = after.caption
  assert "Means: 73.7 within a language, 56.2 between two." in caption
  assert "en → ar (64), the worst th → ar (46)" in caption


def test_a_languages_row_holds_its_means_at_the_latest_step(workdir, read_page):
  [rows] = read_page(workdir).section("languages").tables()
  assert [row["Language"][0] for row in rows] == ["ar", "en", "th"]
  assert [row["mono"][0] for row in rows] == ["0.7100", "0.8200", "0.6800"]
  assert [row["cross, as query"][0] for row in rows] == ["0.5750", "–", "–"]
  assert [row["cross, as passage"][0] for row in rows] == ["–", "0.5950", "–"]
  assert [row["multi"][0] for row in rows] == ["–", "–", "0.3300"]
