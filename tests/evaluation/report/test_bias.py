"""The bias figures: shares as given, captions computed by hand."""

import json
import shutil


def test_the_bias_captions_are_computed(page):
  filled, own, *_ = page.section("bias").all("figure")
  pool = [25, 25, 50]
  assert filled.numbers() == [60, 30, 10, 10, 90, 0, 20, 50, 30, *pool]
  # (.6 + .9 + .3) / 3 and (.25 + .25 + .5) / 3; en: .9 against .25.
  assert "fill 60 % of the top 10; the pool holds 33 %" in own.caption
  assert "strongest for en: 90 % against 25 %" in own.caption
  # en: (.3 + .9 + .5) / 3 against .25; th: (.1 + 0 + .3) / 3 against .5.
  assert "passages in en stand furthest above" in filled.caption
  assert "(57 % against 25 %), those in th furthest below" in filled.caption
  assert "(13 % against 50 %)" in filled.caption


def test_the_pool_is_held_against_the_languages_that_ask(workdir, read_page):
  path = workdir / "details" / "toy_facts.json"
  details = json.loads(path.read_text())
  # th alone asks: its 30 % of the top 10 stand against its 50 % of the pool.
  details["top10_language_share"][:2] = [[float("nan")] * 3] * 2
  path.write_text(json.dumps(details))
  _, own, *_ = read_page(workdir).section("bias").all("figure")
  assert "fill 30 % of the top 10; the pool holds 50 %" in own.caption


def test_whose_translation_comes_first(page):
  *_, first, _ = page.section("bias").all("figure")
  assert first.numbers() == [40, 60, 0, 20, 80, 0]
  # Own: (.4 + .8) / 2; en of ar's queries: 60 %, ar of en's: 20 %.
  assert "own in 60 % of a language's queries, on average" in first.caption
  assert "after that, most often en (60 % of other" in first.caption


def test_the_divergence_has_a_row_a_language_and_the_state_before(page):
  bias = page.section("bias")
  *_, divergence = bias.all("figure")
  texts = [text.text.strip() for text in divergence.all("text")]
  assert {"ar", "en", "th", "step 200", "before training"} <= set(texts)
  # (.25 + .35 + .15) / 3.
  assert "Largest for en (0.35), 0.25 on average" in divergence.caption
  [rows] = bias.tables()
  assert [row["Divergence@10"][0] for row in rows] == (
    ["0.2500", "0.3500", "0.1500"]
  )


def test_without_lists_of_all_languages_there_is_no_share(workdir, read_page):
  for path in (workdir / "details").glob("*.json"):
    details = json.loads(path.read_text())
    nothing = [[float("nan")] * len(details["languages"])]
    details["top10_language_share"] = nothing * len(details["languages"])
    path.write_text(json.dumps(details))
  bias = read_page(workdir).section("bias")
  names = [figure.attributes["id"] for figure in bias.all("figure")]
  assert [name for name in names if not name.startswith("divergence")] == []


def test_without_details_the_scores_stand_alone(workdir, read_page):
  shutil.rmtree(workdir / "details")
  bias = read_page(workdir).section("bias")
  assert "No language bias: details/ holds no file" in bias.text
  [divergence] = bias.all("figure")
  assert divergence.attributes["id"].startswith("divergence")
