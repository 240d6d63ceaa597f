import json

import pytest

from hybrid_ir.config import Data
from hybrid_ir.data import ir_judged, lareqa
from hybrid_ir.data.judged import Collection, Judgement, Texts
from hybrid_ir.data.lareqa import Paragraph, Question, Sentence
from hybrid_ir.errors import UserError
from hybrid_ir.evaluation.catalog import open_benchmark, short_name


def collection(dataset_id):
  language = dataset_id.split("/")[1]
  one = Texts(["1"], [language], [dataset_id], str)
  return Collection(one, one, [Judgement("1", "1", 1, "")])


@pytest.mark.parametrize(
  ("name", "short", "passages"),
  [
    ("miracl/sw/dev", "miracl_sw_dev", ("1",)),
    (
      "miracl/sw/dev+miracl/yo/dev",
      "miracl_sw_dev_miracl_yo_dev",
      ("yo:1", "sw:1"),
    ),
  ],
)
def test_ids_of_ir_datasets(monkeypatch, tmp_path, name, short, passages):
  monkeypatch.setattr(ir_judged, "collection", collection)
  benchmark = open_benchmark(f"ir_datasets:{name}", Data(), tmp_path)
  assert benchmark.source == f"ir_datasets:{name}"  # for prefixes of its own
  assert benchmark.name == short
  assert benchmark.passage_ids == passages


def test_long_names_name_files_too():
  names = [short_name(f"{'miracl/sw/dev+' * n}x") for n in (20, 21)]
  assert [len(name) for name in names] == [100, 100]
  assert len(set(names)) == 2
  assert short_name("bitext:deu-eng") == "bitext_deu_eng"


def test_a_folder_in_beirs_layout(tmp_path):
  folder = tmp_path / "my.hills"
  (folder / "qrels").mkdir(parents=True)
  line = {"_id": "a", "language": "en", "text": "Hill."}
  for name in ("corpus", "queries"):
    (folder / f"{name}.jsonl").write_text(json.dumps(line))
  judged = "query-id\tcorpus-id\tscore\na\ta\t2\na\tz\t1\n"
  (folder / "qrels" / "dev.tsv").write_text(judged)
  with pytest.raises(UserError, match=r"unknown passages: 1 .*dev.tsv:3"):
    open_benchmark(str(folder), Data(), tmp_path, split="dev")
  benchmark = open_benchmark(
    f"{folder}/", Data(), tmp_path, split="dev", allow_faults=True
  )
  assert (benchmark.name, benchmark.unit) == ("my_hills", "passage")
  assert benchmark.source == f"{folder}/"
  assert (benchmark.query_ids, benchmark.passage_ids) == (("en:a",), ("a",))
  assert benchmark.gold_grades.tolist() == [2]
  assert len(benchmark.faults) == 1


def test_a_folder_does_not_hide_a_set_by_name(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  (tmp_path / "world_facts").mkdir()  # a workdir, say
  assert open_benchmark("world_facts", Data(), tmp_path).source == "world_facts"
  with pytest.raises(UserError, match="qrels"):
    open_benchmark("./world_facts", Data(), tmp_path)


@pytest.mark.parametrize("unit", ["", ":context", ":paragraph"])
def test_a_released_set_is_the_one_that_is_trained_on(
  monkeypatch, tmp_path, unit
):
  def paragraphs(name, language, **folders):
    sentence = Sentence(f"{language}/0-0", "One.")
    question = Question("q1", "who?", 0)
    return [
      Paragraph(
        *(f"{language}/0", language, "A title", "One.", (sentence,)),
        *((question,), "here"),
      )
    ]

  monkeypatch.setattr(lareqa, "paragraphs", paragraphs)
  name = f"mlqa_r{unit}"
  own = {"mlqa_r": ("query: ", "passage: ")}
  benchmark = open_benchmark(name, Data(prefixes=own), tmp_path)
  assert benchmark.name == name.replace(":", "_")
  assert benchmark.source == "mlqa_r"  # whose prefixes it is encoded with
  own[name] = ("frage: ", "")
  assert open_benchmark(name, Data(prefixes=own), tmp_path).source == name


def test_own_pairs_keep_to_all_languages(tmp_path):
  path = tmp_path / "towns.jsonl"
  path.write_text(
    "\n".join(
      json.dumps(
        {
          "id": "1",
          "language": language,
          "query": f"{language}?",
          "passage": f"{language}.",
          "split": "test",
        }
      )
      for language in ("en", "de")
    )
  )
  data = Data(languages=("en",))  # of training
  benchmark = open_benchmark(str(path), data, tmp_path)
  assert benchmark.name == "towns"
  assert benchmark.languages == ("de", "en")


def test_a_pattern_goes_by_its_folders_name(tmp_path):
  folder = tmp_path / "towns"
  folder.mkdir()
  line = {"id": "1", "language": "en", "query": "who?", "passage": "ann"}
  for name, split in (("a", "train"), ("b", "test")):
    text = json.dumps({**line, "id": name, "split": split})
    (folder / f"{name}.jsonl").write_text(text)
  name = f"{folder}/*.jsonl"
  benchmark = open_benchmark(name, Data(), tmp_path)
  assert (benchmark.name, benchmark.source) == ("towns", name)


@pytest.mark.parametrize("name", ["mtop:intent", "bitext:de-en"])
def test_what_has_no_dev_split_is_none(tmp_path, name):
  with pytest.raises(UserError, match=f"'{name}' has no dev split"):
    open_benchmark(name, Data(), tmp_path, split="dev")


@pytest.mark.parametrize(
  ("name", "message"),
  [
    (
      "xquad_r:sentence",
      "unknown benchmark 'xquad_r:sentence'; expected xquad",
    ),
    ("mlqa_r:", "unknown benchmark 'mlqa_r:'; expected mlqa_r or mlqa_r:c"),
    (
      "mtop",
      "unknown benchmark 'mtop'; expected mtop:utterance or mtop:intent",
    ),
    ("mtop:intent", "'data.mtop_dir' is empty"),
    ("bitext:de-en", "'data.bitext_dir' is empty"),
    ("bitext", "'bitext:': expected two languages"),
    (
      "ir_datasets:miracl/sv/dev",
      "unknown data set 'ir_datasets:miracl/sv/dev'",
    ),
    ("miracle", "unknown benchmark 'miracle'; did you mean 'miracl'"),
    ("xquad-r:context", "did you mean 'xquad_r:context'?"),
    ("a.tsv", "data set 'a.tsv': of files, .jsonl and .parquet are read"),
  ],
)
def test_refused(tmp_path, name, message):
  with pytest.raises(UserError) as caught:
    open_benchmark(name, Data(), tmp_path)
  assert message in str(caught.value)
  assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
  ("name", "start"),
  [
    ("my_bench", "'my_bench'; expected one of world_facts, "),
    ("no/folder", "'no/folder', no such folder or file; expected one of "),
  ],
)
def test_an_unknown_benchmark_is_told_all_that_can_be_one(
  tmp_path, name, start
):
  with pytest.raises(UserError) as caught:
    open_benchmark(name, Data(), tmp_path)
  message = str(caught.value)
  assert message.startswith(f"unknown benchmark {start}")
  for kind in (
    "xquad_r:context",
    "mlqa_r:paragraph",
    "mtop:intent",
    "bitext:XX-YY",
    "ir_datasets:ID",
    "folder in BEIR's layout",
    ".jsonl or .parquet file",
  ):
    assert kind in message
