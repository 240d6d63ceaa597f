import pytest

from hybrid_ir.data.mtop import LANGUAGES
from hybrid_ir.evaluation.mtop import from_mtop

from ..stand_ins import write_mtop


@pytest.fixture
def folder(tmp_path):
  write_mtop(tmp_path)
  return str(tmp_path)


def gold(benchmark, query_id):
  query = benchmark.query_ids.index(query_id)
  start, end = benchmark.gold_offsets[query : query + 2]
  return {benchmark.passage_ids[p] for p in benchmark.gold_passages[start:end]}


def test_an_utterances_gold_is_its_translations(folder):
  benchmark = from_mtop("utterance", folder)
  assert (benchmark.name, benchmark.unit) == ("mtop_utterance", "utterance")
  assert benchmark.settings == ("cross",)
  assert len(benchmark.query_ids) == len(benchmark.passage_ids) == 13
  assert gold(benchmark, "de:7") == {f"{c}:7" for c in LANGUAGES if c != "de"}
  assert gold(benchmark, "en:9") == set()
  assert benchmark.faults == ()  # a query without gold is dropped, no fault


def test_what_has_the_intent_answers_in_every_language(folder):
  benchmark = from_mtop("intent", folder)
  assert benchmark.name == "mtop_intent"
  assert benchmark.settings == ("mono", "cross", "multi")
  assert all(text.startswith("eval") for text in benchmark.passage_texts)
  assert len(benchmark.passage_ids) == 18
  assert gold(benchmark, "fr:7") == {
    f"{c}:{id}" for c in LANGUAGES for id in ("20", "21")
  }
  assert gold(benchmark, "fr:8") == {f"{c}:7" for c in LANGUAGES}
  assert gold(benchmark, "en:9") == set()


def test_ids_that_stand_twice(folder, tmp_path):
  with open(tmp_path / "hi" / "test.txt", "a") as file:
    file.write("7\tIN:RARE\t\tagain\td\thi_XX\tx\t{}\n")
  benchmark = from_mtop("utterance", folder, allow_faults=True)
  assert [fault.partition(" (")[0] for fault in benchmark.faults] == [
    "queries whose id stands twice: 1",
    "passages whose id stands twice: 1",
  ]
  assert gold(benchmark, "de:7") == {f"{c}:7" for c in LANGUAGES if c != "de"}
