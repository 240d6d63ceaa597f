from hybrid_ir.studies.instruct import extra

MULTI = ("multi", "map")


def test_english_queries_in_the_pool_of_all(make_study, make_outcome):
  config = make_study(
    {"training": {"hybrid": {}, "untrained": {"train.steps": 0}}}
  )
  by_language = [
    ("hybrid", MULTI, "en", (0.5, 0.7)),
    ("hybrid", MULTI, "de", (0.1, 0.1)),
    ("hybrid", ("cross", "map"), "en", (0.2, 0.2)),
    ("untrained", MULTI, "de", (0.3,)),
  ]
  scores = {"hybrid": {MULTI: (0.3, 0.4)}, "untrained": {MULTI: (0.3,)}}
  found = extra(make_outcome(config, scores, by_language=by_language))
  [table] = found.tables
  assert "english-xquad-r-map" in {plot.name for plot in found.plots}
  assert table.heads == ("arm", "MAP")
  assert table.rows == (("hybrid", ".6000 ± .1414"), ("untrained", "–"))
  [finding] = found.findings
  assert "MAP is .6000 ± .1414 of hybrid; these" in finding.text
  assert "are not tested" in finding.text
  assert finding.source == f"{table.name}, rows hybrid"


def test_without_english_queries_there_is_none(make_study, make_outcome):
  config = make_study({"training": {"hybrid": {}}})
  outcome = make_outcome(
    config,
    {"hybrid": {MULTI: (0.3,)}},
    by_language=[("hybrid", MULTI, "de", (0.3,))],
  )
  assert extra(outcome).tables == ()


def test_where_all_queries_are_english_multi_is_that(make_study, make_outcome):
  config = make_study({"training": {"hybrid": {}}})
  outcome = make_outcome(
    config,
    {"hybrid": {MULTI: (0.3,)}},
    by_language=[("hybrid", MULTI, "en", (0.3,))],
  )
  found = extra(outcome)
  assert found.tables == ()
  [finding] = found.findings
  assert "multi is multilingual retrieval with one query" in finding.text
  assert "not tested" not in finding.text
