import math
import re

import numpy as np
import pytest

from hybrid_ir.data.records import Record
from hybrid_ir.errors import UserError
from hybrid_ir.evaluation.benchmarks import from_records
from hybrid_ir.evaluation.evaluate import evaluate, list_depths, rank_embeddings
from hybrid_ir.evaluation.run_ranking import rank_runs
from hybrid_ir.evaluation.runs import write_run

SETTINGS = ("mono", "cross", "multi")


@pytest.fixture(scope="module")
def benchmark():
  """Passages in their order: en:2 en:1 de:2 de:1; each query has two golds."""
  records = [
    Record(id, language, f"{id}?", f"{language} {id}", f"{language}:{id}")
    for language in ("de", "en")
    for id in ("1", "2")
  ]
  return from_records("tiny", records, records)


def write(folder, lines, setting="multi"):
  text = "".join(f"{line}\n" for line in lines)
  (folder / f"tiny.{setting}.trec").write_text(text, encoding="utf-8")


def lines_for(*queries, passages="en:2 en:1 de:2 de:1"):
  return [
    f"{query} Q0 {passage} 1 {9 - i} me"
    for query in queries
    for i, passage in enumerate(passages.split())
  ]


OTHERS = lines_for("en:1", "en:2", "de:2")


def ranks_of(benchmark, folder, settings=SETTINGS, allow=False):
  ranking, lines = rank_runs(
    benchmark, folder, settings, list_depths(benchmark, approximate=2), allow
  )
  q = benchmark.query_ids.index("de:1")
  start, stop = benchmark.gold_offsets[q : q + 2]
  ids = [benchmark.passage_ids[p] for p in benchmark.gold_passages[start:stop]]
  return (
    dict(zip(ids, ranking.gold_ranks[start:stop].tolist(), strict=True)),
    dict(
      zip(ids, ranking.gold_language_ranks[start:stop].tolist(), strict=True)
    ),
    ranking,
    lines,
  )


def test_by_score_then_by_id_descending_whatever_the_rank(benchmark, tmp_path):
  mine = [
    "de:1 Q0 de:1 1 0.5 me",
    "de:1 Q0 en:1 2 0.5 me",
    "de:1 Q0 de:2 3 -1e3 me",
    "de:1\tQ0  en:2 9 7 me",
  ]
  write(tmp_path, [*mine, *OTHERS])
  whole, part, ranking, lines = ranks_of(benchmark, tmp_path)
  assert whole == {"en:1": 2, "de:1": 3}
  assert part == {"en:1": 2, "de:1": 1}
  q = benchmark.query_ids.index("de:1")
  ids = [benchmark.passage_ids[p] for p in ranking.top[q, :4]]
  assert ids == ["en:2", "en:1", "de:1", "de:2"]
  assert ranking.top_scores[q, :4].tolist() == [7, 0.5, 0.5, -1000]
  assert (ranking.top[q, 4:] == -1).all()
  own = [benchmark.passage_ids[p] for p in ranking.language_top[q, 0]]
  assert own == ["de:1", "de:2"]
  assert benchmark.passage_ids[ranking.own_top[q, 0]] == "de:1"
  assert lines == ()


def test_what_is_not_listed_was_not_retrieved(benchmark, tmp_path):
  write(tmp_path, ["de:1 Q0 en:1 1 3 me", *OTHERS])
  whole, part, ranking, lines = ranks_of(benchmark, tmp_path)
  assert whole == part == {"en:1": 1, "de:1": math.inf}
  assert lines == tuple(
    f"{setting}: 1 of {n} relevant passages are not in the run; they count as"
    " not retrieved"
    for setting, n in (("mono", 4), ("multi", 8))
  )
  values = evaluate(benchmark, ranking, search="run")
  q = benchmark.query_ids.index("de:1")
  assert values.per_query["map"][q].tolist() == [0, 1, 0.5]
  assert {row.search for row in values.results} == {"run"}


def test_a_settings_own_file_goes_before_multi(benchmark, tmp_path):
  queries = ("de:1", "de:2", "en:1", "en:2")
  write(tmp_path, lines_for(*queries))
  of = {"de": "de:2 de:1", "en": "en:2 en:1"}
  mono = [
    line
    for query in queries
    for line in lines_for(query, passages=of[query[:2]])
  ]
  mono[0], mono[1] = mono[1], mono[0]
  mono[0] = mono[0].replace(" 8 ", " 100 ")  # de:1 finds de:1 first
  write(tmp_path, mono, "mono")
  whole, part, *_ = ranks_of(benchmark, tmp_path)
  assert whole == {"en:1": 2, "de:1": 4}
  assert part == {"en:1": 2, "de:1": 1}
  assert ranks_of(benchmark, tmp_path, ("mono",))[1]["de:1"] == 1
  (tmp_path / "tiny.multi.trec").unlink()
  assert ranks_of(benchmark, tmp_path, ("mono",))[1]["de:1"] == 1
  with pytest.raises(UserError, match=r"tiny\.cross\.trec: no such file"):
    ranks_of(benchmark, tmp_path, ("mono", "cross"))


FAULTS = {
  "de:1 Q0 de:1 1 x me": r"that are not .* 1 \(.*tiny\.multi\.trec:4 ",
  "de:1 Q0 de:1 1 nan me": r"lines whose score is not a .*: 1 .*:4 .nan.",
  "de:1 Q0 de:1 1 -inf me": r"lines whose score is not a finite number",
  "de:1 Q0 de:1 1 1e39 me": r"not a finite number in float32: 1 .*:4 .1e39.",
  "de:1 Q0 de:1 1 3": r"lines that are not",
  "fr:1 Q0 de:1 1 3 me": r"queries that the benchmark does not have \(its ids"
  r" are LANGUAGE:ID, such as .de:1.\): 1 .*fr:1",
  "de:1 Q0 fr:1 1 3 me": r"passages that the benchmark does not have \(its ids"
  r" are LANGUAGE:ID, such as .en:2.\): 1 .*:4 .fr:1.",
  "en:1 Q0 de:2 1 99 me": r"stand in it before: 1 \(.*:4 en:1 de:2\)",
}


@pytest.mark.parametrize("line", FAULTS)
def test_faults_are_named_or_left_out(benchmark, tmp_path, line):
  write(tmp_path, [*OTHERS[:3], line, *OTHERS[3:], *lines_for("de:1")])
  with pytest.raises(UserError, match=FAULTS[line]) as caught:
    ranks_of(benchmark, tmp_path)
  assert "\n" not in str(caught.value)
  ranking, lines = ranks_of(benchmark, tmp_path, allow=True)[2:]
  write(tmp_path, [*OTHERS, *lines_for("de:1")])
  without = ranks_of(benchmark, tmp_path)[2]
  assert (ranking.gold_ranks == without.gold_ranks).all()
  assert len(lines) == 1


@pytest.mark.parametrize("allow", [False, True])
@pytest.mark.parametrize(
  "lines",
  [
    lines_for("1", "2"),
    lines_for("de:1", passages="1 2"),
    ["de:1 Q0 de:1 1 nan me"],
    ["de:1,de:1,1"],
  ],
)
def test_a_run_of_which_nothing_is_of_use(benchmark, tmp_path, lines, allow):
  write(tmp_path, lines)
  with pytest.raises(UserError) as caught:
    ranks_of(benchmark, tmp_path, allow=allow)
  assert str(caught.value) == (
    f"{tmp_path / 'tiny.multi.trec'}: no line is of use to benchmark 'tiny'"
    f' (the first: "{lines[0]}"); expected `query Q0 passage rank score tag`'
    ' with its query ids (LANGUAGE:ID, such as "de:1"), its passage ids'
    ' (LANGUAGE:ID, such as "en:2") and finite scores'
  )


@pytest.mark.parametrize("allow", [False, True])
@pytest.mark.parametrize(
  "mono", [[], lines_for("de:1", "de:2", passages="en:1 en:2")]
)
def test_a_run_of_no_use_to_its_setting(benchmark, tmp_path, mono, allow):
  write(tmp_path, lines_for("de:1", "de:2", "en:1", "en:2"))
  write(tmp_path, mono, "mono")
  message = (
    r"tiny\.mono\.trec: not one of the 4 queries of mono has a line with a"
    r' passage in its own language; .* as "de:1"'
  )
  with pytest.raises(UserError, match=message):
    ranks_of(benchmark, tmp_path, allow=allow)
  ranks_of(benchmark, tmp_path, ("multi",))  # where it is not read


@pytest.mark.parametrize("setting", ["mono", "cross"])
def test_lines_that_are_not_of_the_setting(benchmark, tmp_path, setting):
  own, other = "de:2 de:1", "en:2 en:1"
  if setting == "cross":
    own, other = other, own
  sound = [
    *lines_for("de:1", "de:2", passages=own),
    *lines_for("en:1", "en:2", passages=other),
  ]
  write(tmp_path, sound, setting)
  without = ranks_of(benchmark, tmp_path, (setting,))
  assert without[3] == ()
  stray = other.split()[1]
  write(tmp_path, [*sound, f"de:1 Q0 {stray} 1 99 me"], setting)
  line = (
    f"lines in tiny.{setting}.trec of a passage that is not of its setting: 1"
    f" (de:1 {stray})"
  )
  with pytest.raises(UserError, match=re.escape(line)):
    ranks_of(benchmark, tmp_path, (setting,))
  found = ranks_of(benchmark, tmp_path, (setting,), allow=True)
  assert found[3] == (line,)
  assert found[:2] == without[:2]


def test_an_empty_run_of_a_setting_without_queries(tmp_path):
  queries = [Record("1", "en", "1?", "x", "q")]
  pool = [Record("1", "de", "1?", "de 1", "p")]
  benchmark = from_records("tiny", queries, pool)
  write(tmp_path, ["en:1 Q0 de:1 1 3 me"])
  write(tmp_path, [], "mono")  # as task=evaluate writes it
  ranking, lines = rank_runs(
    benchmark, tmp_path, SETTINGS, list_depths(benchmark)
  )
  assert ranking.gold_ranks.tolist() == [1]
  assert lines == ()


def test_queries_that_are_missing(benchmark, tmp_path):
  write(tmp_path, OTHERS)
  message = r"queries without a line in tiny\.multi\.trec: 1 \(de:1\)"
  with pytest.raises(UserError, match=message):
    ranks_of(benchmark, tmp_path)
  whole, part, *_ = ranks_of(benchmark, tmp_path, allow=True)
  assert whole == part == {"en:1": math.inf, "de:1": math.inf}


def test_not_utf8(benchmark, tmp_path):
  (tmp_path / "tiny.multi.trec").write_bytes(b"\xff Q0 de:1 1 3 me\n")
  with pytest.raises(UserError, match=r"trec:1: not UTF-8"):
    ranks_of(benchmark, tmp_path)


def test_our_own_runs_read_back(benchmark, tmp_path):
  rng = np.random.default_rng(0)
  queries, texts = rng.integers(-2, 3, (2, 4, 2)).astype(np.float32)
  depths = list_depths(
    benchmark,
    approximate=4,
    run_settings=("mono", "multi"),
    run_depth=4,
  )
  ranking = rank_embeddings(benchmark, queries, texts, depths)
  ids = benchmark.query_ids, benchmark.passage_ids
  for setting, top, scores in (
    ("multi", ranking.top, ranking.top_scores),
    ("mono", ranking.own_top, ranking.own_scores),
  ):
    path = tmp_path / f"tiny.{setting}.trec"
    write_run(path, "me", *ids, top, scores)
  read, lines = rank_runs(benchmark, tmp_path, SETTINGS, depths)
  assert not lines
  for name in ("gold_ranks", "gold_language_ranks", "top", "top_scores"):
    assert (getattr(read, name) == getattr(ranking, name)).all(), name
  for name in ("language_top", "own_top", "own_scores"):
    assert (getattr(read, name) == getattr(ranking, name)).all(), name
