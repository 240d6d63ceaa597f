"""The matrix: queries in rows, both states, what changed, in words too."""


def test_the_matrix_has_queries_in_rows_and_both_states(page):
  before, after, change = page.section("matrix").all("figure")
  assert before.numbers() == [20, 5, 1, 6, 30, 2, 3, 4, 10]
  assert after.numbers() == [71, 62, 53, 64, 82, 55, 46, 57, 68]
  caption = after.caption
  assert "Means: 73.7 within a language, 56.2 between two." in caption
  assert "en → ar (64), the worst th → ar (46)" in caption
  # BEFORE taken from AFTER, by hand.
  shown = [text.text.strip() for text in change.all("text")]
  assert [text for text in shown if text.startswith("+")] == (
    ["+51", "+57", "+52", "+58", "+52", "+53", "+43", "+53", "+58"]
  )
  assert "Higher in 9 cells, lower in 0" in change.caption
  assert "from +43.0 (th → ar) to +58.0" in change.caption
