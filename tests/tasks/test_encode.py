import dataclasses
import json
import shutil

import numpy as np
import pytest

from hybrid_ir.config import Config
from hybrid_ir.data.passages import Passage
from hybrid_ir.data.sources import NAMES
from hybrid_ir.errors import UserError
from hybrid_ir.retrieval.encode import TextEncoder
from hybrid_ir.retrieval.shards import open_index
from hybrid_ir.tasks import encode as encode_task


@pytest.fixture(scope="module")
def copy_run(trained):
  """path -> a trained workdir of its own there."""
  return lambda path: shutil.copytree(trained, path)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
  """25 passages in two languages, two of one text."""
  rows = [
    {
      "id": f"p{i}",
      "language": "de" if i % 2 else "en",
      "text": f"in babel wächst {i % 24}",
    }
    for i in range(25)
  ]
  path = tmp_path_factory.mktemp("corpus") / "passages.jsonl"
  lines = (json.dumps(row) + "\n" for row in rows)
  path.write_text("".join(lines), encoding="utf-8")
  return path


@pytest.fixture(scope="module")
def base(corpus):
  return {
    "task": "encode",
    "train.steps": 6,
    "encode.corpus": str(corpus),
    "encode.shard_size": 10,
  }


@pytest.fixture
def workdir(copy_run, tmp_path):
  return copy_run(tmp_path / "run")


def files(workdir):
  return {p.name: p.read_bytes() for p in (workdir / "index").iterdir()}


def names(workdir):
  return sorted(path.name for path in (workdir / "index").iterdir())


def test_the_index_holds_every_passage(run, workdir, base, capsys):
  run(workdir, base)
  assert "index: 25 passages (de, en); shards: 3\n" in capsys.readouterr().out
  kinds = ("jsonl", "npy", "rows.npy")
  shards = [f"0000{i}.{kind}" for i in range(3) for kind in kinds]
  assert names(workdir) == [*shards, "manifest.json", "plan.json"]
  index = open_index(workdir / "index")
  assert [len(s.languages) for s in index.shards] == [10, 10, 5]
  found = [p for s in index.shards for p in s.read(range(len(s.languages)))]
  assert {p.id for p in found} == {f"p{i}" for i in range(25)}
  for shard in index.shards:
    ids = [p.id for p in shard.read(range(len(shard.languages)))]
    assert ids == sorted(ids, reverse=True)
    np.testing.assert_allclose(
      np.linalg.norm(shard.embeddings, axis=1), 1, atol=1e-5
    )


def test_a_killed_run_encodes_only_the_rest(
  run, copy_run, tmp_path, base, monkeypatch
):
  whole, killed = copy_run(tmp_path / "whole"), copy_run(tmp_path / "killed")
  run(whole, base)
  passages, encoded = TextEncoder.passages, []

  def dies(self, params, texts, progress=""):
    if len(encoded) == 2:
      raise KeyboardInterrupt
    encoded.append(progress)
    return passages(self, params, texts, progress)

  monkeypatch.setattr(TextEncoder, "passages", dies)
  with pytest.raises(KeyboardInterrupt):
    run(killed, base)
  assert encoded == ["shard 1 of 3", "shard 2 of 3"]
  encoded.clear()
  run(killed, base)
  assert encoded == ["shard 3 of 3"]
  assert files(killed) == files(whole)
  encoded.clear()
  run(killed, base)
  assert encoded == []


@pytest.fixture
def as_process(monkeypatch):
  """(number, count) -> this process is that one of so many."""

  def as_process(number, count):
    processes = encode_task.processes
    monkeypatch.setattr(processes, "index", lambda: number)
    monkeypatch.setattr(processes, "count", lambda: count)
    monkeypatch.setattr(processes, "wait", lambda name: None)
    monkeypatch.setattr(processes, "agree", lambda facts: None)

  return as_process


def test_processes_share_out_the_shards_and_write_the_same_bytes(
  run, copy_run, tmp_path, base, as_process, monkeypatch, capsys
):
  whole, shared = copy_run(tmp_path / "whole"), copy_run(tmp_path / "shared")
  run(whole, base)
  capsys.readouterr()
  passages, encoded = TextEncoder.passages, []

  def counted(self, params, texts, progress=""):
    encoded.append(progress)
    return passages(self, params, texts, progress)

  monkeypatch.setattr(TextEncoder, "passages", counted)
  # One after the other: the first one cannot yet say that all are there.
  as_process(0, 2)
  with pytest.raises(UserError, match="1 of 3 shards are not there, such as 1"):
    run(shared, base)
  assert encoded == ["shard 1 of 3", "shard 3 of 3"]
  as_process(1, 2)
  run(shared, base)
  assert encoded == ["shard 1 of 3", "shard 3 of 3", "shard 2 of 3"]
  assert capsys.readouterr().out == ""
  assert not (shared / "index" / "manifest.json").exists()
  as_process(0, 2)
  run(shared, base)
  assert len(encoded) == 3  # nothing twice
  assert files(shared) == files(whole)


def test_what_processes_left_is_finished_by_another_number_of_them(
  run, copy_run, tmp_path, base, as_process
):
  whole, shared = copy_run(tmp_path / "whole"), copy_run(tmp_path / "shared")
  run(whole, base)
  as_process(0, 3)
  with pytest.raises(UserError, match="2 of 3 shards are not there"):
    run(shared, base)
  as_process(0, 1)
  run(shared, base)
  assert files(shared) == files(whole)


def test_a_process_that_does_not_share_the_folder(
  run, workdir, base, as_process
):
  as_process(1, 2)
  message = r"plan.json is not there; expected one folder that all processes"
  with pytest.raises(UserError, match=message):
    run(workdir, base)
  assert not (workdir / "index").exists()


def test_no_more_than_a_shard_is_read_ahead(run, workdir, base, monkeypatch):
  drawn = 0
  read = encode_task.passages._read

  def counted(*arguments):
    nonlocal drawn
    for passage in read(*arguments):
      drawn += 1
      yield passage

  seen = []
  passages = TextEncoder.passages

  def looks(self, params, texts, progress=""):
    seen.append(drawn - 25)  # the survey has read all of them once
    return passages(self, params, texts, progress)

  monkeypatch.setattr(encode_task.passages, "_read", counted)
  monkeypatch.setattr(TextEncoder, "passages", looks)
  run(workdir, base)
  assert seen == [10, 20, 25]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl.gz", "a.txt"])
def test_a_file_that_is_not_read(run, workdir, base, name):
  message = rf"'encode.corpus' is '{name}'; of files, .jsonl and .tsv of passag"
  with pytest.raises(UserError, match=message):
    run(workdir, base | {"encode.corpus": name})


def test_another_corpus_is_refused(run, workdir, base, tmp_path):
  run(workdir, base)
  before = files(workdir)
  other = tmp_path / "other.tsv"
  other.write_text("a\tes regnet\n")
  changes = {"encode.corpus": str(other), "encode.language": "de"}
  with pytest.raises(UserError, match=r"holds another index .*other.tsv"):
    run(workdir, {**base, **changes})
  with pytest.raises(UserError, match="shard_size is 10, not 9"):
    run(workdir, {**base, "encode.shard_size": 9})
  with pytest.raises(UserError, match="origin is another"):
    run(workdir, {**base, "encoder.dimensions": 8})
  assert files(workdir) == before


def test_a_data_set_by_name_gives_its_distinct_passages(
  run, workdir, base, data
):
  run(workdir, {**base, "encode.corpus": str(data)})
  index = open_index(workdir / "index")
  assert len(index) == 180  # of all splits
  assert index.languages == ("de", "en", "tr")
  first = index.shards[0].read([0])[0]
  assert first.id.startswith("tr:t")


def test_a_data_set_has_its_own_prefixes(run, tmp_path, base, data):
  """They do what the same prefixes for all texts do."""
  whole = {**base, "train.steps": 0, "encode.corpus": str(data)}
  ways = {
    "none": {},
    "own": {"data.prefixes": {str(data): ("nach ", "es wächst ")}},
    "all": {"text.query_prefix": "nach ", "text.passage_prefix": "es wächst "},
  }
  found = {}
  for name, changes in ways.items():
    workdir = tmp_path / name  # of one seed: the same weights
    run(workdir, {**whole, **changes, "task": "train"})
    run(workdir, {**whole, **changes})
    shards = open_index(workdir / "index").shards
    found[name] = np.concatenate([shard.embeddings for shard in shards])
  np.testing.assert_allclose(found["own"], found["all"], atol=1e-6)
  assert np.abs(found["own"] - found["none"]).max() > 0.01
  with pytest.raises(UserError, match="holds another index"):
    run(tmp_path / "own", {**whole, "checkpoint.allow_changes": True})


def test_leading_dimensions_in_half_precision(run, workdir, base):
  changes = {"encoder.dimensions": 8, "encode.dtype": "float16"}
  run(workdir, {**base, **changes})
  for shard in open_index(workdir / "index").shards:
    assert shard.embeddings.shape[1] == 8
    assert shard.embeddings.dtype == np.float16


@pytest.mark.parametrize(
  ("changes", "message"),
  [
    ({"encode.corpus": ""}, "'encode.corpus' is empty; name"),
    ({"encode.corpus": "no/such.tsv"}, "'encode.corpus' is 'no/such.tsv'"),
    ({"encode.corpus": "nosuch"}, "'nosuch', no file and no data set"),
    ({"encode.language": "xx"}, "'encode.language' is 'xx'; expected a code"),
  ],
)
def test_what_cannot_be_encoded(run, workdir, base, changes, message):
  with pytest.raises(UserError, match=message):
    run(workdir, {**base, **changes})
  assert not (workdir / "index").exists()


def refusal(corpus):
  """What is said where this is to be encoded."""
  config = Config()
  config.encode.corpus, config.encode.language = corpus, "en"
  with pytest.raises(UserError) as caught:
    encode_task.open_corpus(config)
  return str(caught.value)


def test_a_folder_of_passages_is_refused_and_no_judgements_asked_for(tmp_path):
  folder = tmp_path / "notes"
  folder.mkdir()
  for missing, there in (("corpus", "notes"), ("queries", "corpus")):
    (folder / f"{there}.jsonl").write_text('{"_id": "a", "text": "x"}')
    assert refusal(str(folder)) == (
      f"config key 'encode.corpus' is '{folder}', a folder without"
      f" {missing}.jsonl; name a .jsonl or .tsv file of passages, or a folder"
      " in BEIR's layout (docs/benchmarks.md)"
    )


def test_faults_of_a_folders_judgements_may_be_left_out(tmp_path, capsys):
  files = {
    "corpus.jsonl": '{"_id": "d1", "language": "en", "text": "90 m."}',
    "queries.jsonl": '{"_id": "q1", "language": "en", "text": "How tall?"}',
    "qrels.tsv": "query-id\tcorpus-id\tscore\nq1\td1\t1\nq1\td9\t1\n",
  }
  for name, content in files.items():
    (tmp_path / name).write_text(content)
  assert "leave them out by --config.evaluate.allow_f" in refusal(str(tmp_path))
  config = Config()
  config.encode.corpus = str(tmp_path)
  config.evaluate.allow_faults = True
  assert [p.id for p in encode_task.open_corpus(config).read()] == ["d1"]
  said = f"{tmp_path}: left out judgements of unknown passages: 1 ("
  assert capsys.readouterr().out.startswith(said)


@pytest.mark.parametrize(
  ("name", "hint"),
  [
    ("no/such", "expected"),
    ("mtop:intent", "expected"),
    ("wordl_facts", "did you mean 'world_facts'? There are"),
  ],
)
def test_an_unknown_corpus_is_told_all_that_is_encoded(name, hint):
  assert refusal(name) == (
    f"config key 'encode.corpus' is '{name}', no file and no data set; {hint}"
    " a .jsonl or .tsv file of passages, a .jsonl or .parquet file of pairs,"
    f" {', '.join(NAMES)}, and ir_datasets:ID with an id of theirs"
    " (docs/search.md)"
  )


@pytest.mark.parametrize("name", ["xquad_r:sentence", "mlqa_r:"])
def test_an_unknown_unit_of_lareqa_is_told_the_units(name):
  assert refusal(name).startswith(f"unknown benchmark '{name}'; expected ")


def test_a_glob_of_pairs_gives_their_passages(tmp_path):
  pair = {"language": "en", "query": "q"}
  for name in ("a", "b"):
    line = json.dumps({**pair, "id": name, "passage": f"text {name}"})
    (tmp_path / f"{name}.jsonl").write_text(line)
  config = Config()
  config.encode.corpus = f"{tmp_path}/*.jsonl"
  corpus = encode_task.open_corpus(config)
  assert sorted((p.id, p.text) for p in corpus.read()) == [
    ("en:a", "text a"),
    ("en:b", "text b"),
  ]


@pytest.mark.parametrize("suffix", ["jsonl", "tsv"])
def test_a_glob_of_passages_is_told_that_one_file_is_read(tmp_path, suffix):
  line = {"jsonl": '{"id": "a", "text": "x"}', "tsv": "a\tx"}[suffix]
  for name in ("a", "b"):
    (tmp_path / f"{name}.{suffix}").write_text(line)
  message = refusal(f"{tmp_path}/*.{suffix}")
  assert f"*.{suffix}', a glob; passages" in message
  assert "are read from one .jsonl or .tsv file" in message
  assert "cannot be read" in refusal(f"{tmp_path}/none*.{suffix}")


def test_without_a_model_it_says_what_to_do(run, tmp_path, base):
  with pytest.raises(UserError, match="holds no checkpoint; train first"):
    run(tmp_path / "run", base)
  assert [p.name for p in (tmp_path / "run").iterdir()] == [".lock"]


@pytest.fixture
def meanwhile(monkeypatch):
  """A function of the passages -> it is done to them after the survey."""

  def meanwhile(change):
    survey = encode_task.passages.survey

    def changed(name, read):
      corpus = survey(name, read)
      members = change([*read()])
      return dataclasses.replace(corpus, read=lambda: iter(members))

    monkeypatch.setattr(encode_task.passages, "survey", changed)

  return meanwhile


def edited(place, **changes):
  """Changes one of the passages."""

  def edited(members):
    members[place] = dataclasses.replace(members[place], **changes)
    return members

  return edited


ANOTHER = Passage("new", "de", "es regnet")


@pytest.mark.parametrize(
  ("change", "shard_size"),
  [
    (lambda members: members[:24], 10),
    (lambda members: [*members, ANOTHER], 10),
    (lambda members: [*members, ANOTHER], 5),  # the last shard is full
    (edited(12, text="es regnet"), 10),
    (edited(12, language="de"), 10),
    (edited(12, language="tr"), 10),  # none was in it before
  ],
)
def test_a_corpus_that_changes_meanwhile(
  run, workdir, base, meanwhile, change, shard_size
):
  meanwhile(change)
  message = r"passages.jsonl: was changed .*; delete .*/index and run task=enc"
  with pytest.raises(UserError, match=message):
    run(workdir, {**base, "encode.shard_size": shard_size})
  assert not (workdir / "index" / "manifest.json").exists()


def test_a_change_is_seen_in_what_is_there_already(
  run, workdir, base, meanwhile
):
  run(workdir, base)
  for name in ("manifest.json", "00002.npy"):
    (workdir / "index" / name).unlink()
  meanwhile(edited(0, text="es regnet"))
  with pytest.raises(UserError, match="was changed while it was encoded"):
    run(workdir, base)
  assert not (workdir / "index" / "manifest.json").exists()


def test_a_change_is_seen_in_what_another_process_encodes(
  run, workdir, base, meanwhile, as_process
):
  as_process(0, 2)
  meanwhile(edited(12, text="es regnet"))
  with pytest.raises(UserError, match="was changed while it was encoded"):
    run(workdir, base)


def test_a_collection_is_encoded_whole(run, workdir, base, monkeypatch):
  members = [Passage(f"d{i}", "sw", f"mvua {i}") for i in range(12)]

  def read(name, data, cache_dir):
    assert (name, data.beam_runner) == ("ir_datasets:miracl/sw", "DirectRunner")
    return iter(members)

  monkeypatch.setattr(encode_task.ir_corpora, "passages", read)
  changes = {
    "encode.corpus": "ir_datasets:miracl/sw",
    "data.beam_runner": "DirectRunner",
  }
  run(workdir, {**base, **changes})
  index = open_index(workdir / "index")
  assert (len(index), index.languages) == (12, ("sw",))
