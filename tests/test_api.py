"""The API, on a model of random weights in Hugging Face's layout."""

import json
import pathlib
import shutil
import subprocess
import sys

import huggingface_hub
import numpy as np
import pytest

import hybrid_ir
from hybrid_ir.config import Config
from hybrid_ir.config_check import check
from hybrid_ir.data import tokenizer as tokenizer_lib
from hybrid_ir.errors import UserError
from hybrid_ir.model.bi_encoder import BiEncoder
from hybrid_ir.tasks import encode, train
from hybrid_ir.workdir import open_workdir

TINY = pathlib.Path(__file__).parent / "model" / "fixtures" / "tiny_bert"
TOWNS = ["bab", "den", "kil", "lor", "bab", "lun"]
TEXTS = [f"in {town} wächst viel hafer" for town in TOWNS]


def run_in(workdir, task, config):
  check(config)
  with open_workdir(str(workdir), config) as opened:
    task.run(config, opened)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
  """A BERT that has never been trained, with a tokenizer of its size."""
  folder = tmp_path_factory.mktemp("tiny") / "model"
  folder.mkdir()
  for name in ("config.json", "model.safetensors"):
    shutil.copy(TINY / name, folder)
  size = json.loads((folder / "config.json").read_text())["vocab_size"]
  trained = tokenizer_lib.train_unigram(TEXTS, size)
  tokenizer_lib.save(trained, folder)
  return folder


@pytest.fixture(scope="module")
def model(folder):
  return hybrid_ir.load(folder)


@pytest.fixture(scope="module")
def workdir(folder, tmp_path_factory):
  """Where task=encode put TEXTS, with that model and prefixes."""
  path = tmp_path_factory.mktemp("encoded") / "run"
  corpus = path.parent / "towns.tsv"
  lines = (f"p{i}\t{text}\n" for i, text in enumerate(TEXTS))
  corpus.write_text("".join(lines), encoding="utf-8")
  config = Config()
  config.cache_dir = str(path.parent)
  config.encoder.path = str(folder)
  config.text.query_prefix = "frage: "
  config.text.passage_prefix = "in "
  config.encode.corpus = str(corpus)
  config.encode.language = "de"
  run_in(path, encode, config)
  return path


def plain(hits):
  return [(h.rank, h.id, h.text, round(h.score, 4)) for h in hits]


def test_a_search_of_texts_is_that_of_their_embeddings(model):
  queries = ["was wächst in bab", "hafer"]
  found = model.search(queries, TEXTS, k=4)
  passages = model.encode(TEXTS, "passage")
  assert passages.shape == (6, model.size)
  scores = model.encode(queries, "query") @ passages.T
  for hits, row in zip(found, scores, strict=True):
    order = sorted(range(6), key=lambda i: (round(row[i], 5), str(i)))[::-1]
    assert [hit.id for hit in hits] == [str(i) for i in order[:4]]
    assert [hit.text for hit in hits] == [TEXTS[i] for i in order[:4]]
    assert [hit.score for hit in hits] == pytest.approx(
      [row[i] for i in order[:4]], abs=1e-5
    )
  by_embeddings = model.search(queries, passages, k=4)
  assert [[h.id for h in hits] for hits in by_embeddings] == [
    [h.id for h in hits] for hits in found
  ]


def test_equal_texts_tie_and_the_larger_id_is_ahead(model):
  (hits,) = model.search(["bab"], TEXTS)
  scores = {hit.id: hit.score for hit in hits}
  ranks = {hit.id: hit.rank for hit in hits}
  assert scores["0"] == scores["4"]
  assert ranks["4"] + 1 == ranks["0"]


def test_a_workdir_is_loaded_with_its_prefixes(folder, model, workdir):
  index = hybrid_ir.open_index(workdir)
  assert len(index) == 6
  loaded = hybrid_ir.load(workdir)
  (hits,) = loaded.search(["bab"], index, k=2, languages=["de"])
  prefixes = {"query_prefix": "frage: ", "passage_prefix": "in "}
  by_hand = hybrid_ir.load(folder, **prefixes)
  (again,) = by_hand.search(["bab"], hybrid_ir.open_index(workdir / "index"), 2)
  assert plain(again) == plain(hits)
  assert {hit.language for hit in hits} == {"de"}
  with pytest.raises(UserError, match="query_prefix is 'frage: ' there, '' he"):
    model.search(["bab"], index)
  with pytest.raises(UserError, match="knows its own; leave query_prefix"):
    hybrid_ir.load(workdir, query_prefix="x")
  with pytest.raises(UserError, match="knows its own; leave longest out"):
    hybrid_ir.load(workdir, longest=16)


@pytest.mark.parametrize("typed", ["towns.tsv", "./towns.tsv"])
def test_an_index_has_the_prefixes_of_its_data_set(workdir, tmp_path, typed):
  stored = json.loads((workdir / "config.json").read_text(encoding="utf-8"))
  corpus = stored["encode"]["corpus"].replace("towns.tsv", typed)
  config = Config()
  config.cache_dir = str(tmp_path)
  config.encoder.path = stored["encoder"]["path"]
  config.data.prefixes = {corpus: ("frage: ", "in ")}
  config.encode.corpus = corpus
  config.encode.language = "de"
  run_in(tmp_path / "run", encode, config)
  found = []
  for path in (workdir, tmp_path / "run"):
    index = hybrid_ir.open_index(path)
    found.append(hybrid_ir.load(path).search(["bab"], index, k=4))
  assert plain(found[0][0]) == plain(found[1][0])


def test_many_searches_compile_the_model_once(workdir, monkeypatch):
  traced, embed = [], BiEncoder.embed

  def counted(*arguments):
    traced.append(arguments)
    return embed(*arguments)

  monkeypatch.setattr(BiEncoder, "embed", counted)
  index = hybrid_ir.open_index(workdir)
  model = hybrid_ir.load(workdir)
  model._data.prefixes[index.corpus] = ("frage: ", "in ")
  for _ in range(3):
    model.search(["bab"], index)
  assert len(traced) == 1


def training(path, folder, steps):
  """A config that trains that model on a file, which is written there."""
  config = Config()
  config.cache_dir = str(path)
  config.encoder.path = str(folder)
  config.text.query_length = config.text.passage_length = 20
  config.train.steps = steps
  config.train.batch_size = 8
  config.mix.cross = 0.0
  config.data.train = (str(path / "towns.jsonl"),)
  config.mesh.data = 1
  fields = {"language": "de", "query": "bab"}
  lines = (
    json.dumps({"id": f"{i}", **fields, "passage": f"hafer {i}"}) + "\n"
    for i in range(8)
  )
  (path / "towns.jsonl").write_text("".join(lines), encoding="utf-8")
  return config


def test_a_relative_path(tmp_path, folder, model, monkeypatch):
  """A workdir that was trained: orbax itself takes absolute paths alone."""
  run_in(tmp_path / "run", train, training(tmp_path, folder, steps=0))
  monkeypatch.chdir(tmp_path)
  (ours,) = hybrid_ir.load("run").encode(["bab"], "query")
  (theirs,) = model.encode(["bab"], "query")
  np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_the_model_that_an_index_was_made_with_is_another_runs(
  tmp_path, folder, model
):
  run_in(tmp_path / "run", train, training(tmp_path, folder, steps=1))
  config = training(tmp_path, folder, steps=1)
  config.train.warm_start = str(tmp_path / "run")
  config.encode.corpus = config.data.train[0]
  run_in(tmp_path / "encoded", encode, config)
  loaded = hybrid_ir.load(tmp_path / "encoded")
  (ours,) = loaded.encode(["bab"], "query")
  (theirs,) = hybrid_ir.load(tmp_path / "run").encode(["bab"], "query")
  np.testing.assert_allclose(ours, theirs, atol=1e-6)
  assert np.abs(ours - model.encode(["bab"], "query")).max() > 1e-5
  assert loaded.search(["bab"], hybrid_ir.open_index(tmp_path / "encoded"))


def test_dimensions_and_dtype(folder, model):
  short = hybrid_ir.load(folder, dimensions=3)
  assert short.size == 3
  whole = model.encode(["bab"], "query")[:, :3]
  np.testing.assert_allclose(
    short.encode(["bab"], "query"), whole / np.linalg.norm(whole), atol=1e-5
  )
  half = hybrid_ir.load(folder, dtype="bfloat16")
  gap = half.encode(["bab"], "query") - model.encode(["bab"], "query")
  assert 0 < np.abs(gap).max() < 0.1


def test_an_instruction_is_for_queries(model):
  plain_query = model.encode(["bab"], "query")
  told = model.encode(["bab"], "query", instruction="finde hafer")
  assert np.abs(told - plain_query).max() > 1e-4
  with pytest.raises(UserError, match="'passage' without an instruction"):
    model.encode(["bab"], "passage", instruction="finde hafer")


@pytest.mark.parametrize(
  ("queries", "passages", "message"),
  [
    ([""], TEXTS, "query 0: expected a text, got ''"),
    (["bab", " \n"], TEXTS, "query 1: expected a text"),
    (["bab", None], TEXTS, "query 1: expected a text, got None"),
    ("bab", TEXTS, "query: expected a list of texts, got one text"),
    (["bab"], "a text", "passage: expected a list of texts, got one text"),
    (["bab"], ["x", ""], "passage 1: expected a text"),
    (["bab"], np.ones((3, 2), np.float32), r"have the shape \(3, 2\)"),
  ],
)
def test_what_cannot_be_searched(model, queries, passages, message):
  with pytest.raises(UserError, match=message):
    model.search(queries, passages)


def test_other_mistakes(model, tmp_path):
  with pytest.raises(UserError, match="k is 0; expected at least 1"):
    model.search(["bab"], TEXTS, k=0)
  with pytest.raises(UserError, match="no passage is in language 'de'"):
    model.search(["bab"], TEXTS, languages=["de"])
  with pytest.raises(UserError, match="no index there; run task=encode"):
    hybrid_ir.open_index(tmp_path)
  with pytest.raises(UserError, match="kind is 'document'"):
    model.encode(["bab"], "document")
  with pytest.raises(UserError, match=r"^load: path is '.*nothing': no such "):
    hybrid_ir.load(tmp_path / "nothing")


def test_a_name_that_the_hub_does_not_give(monkeypatch):
  def fail(name, revision, allow_patterns):
    raise OSError("no route to host")

  monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
  message = (
    r"^load: path is 'nope': no such folder, and the hub did not give it as a"
    r" model \(no route to host\); name a local folder, or a hub id: org"
  )
  with pytest.raises(UserError, match=message):
    hybrid_ir.load("nope")


def test_nothing_in_nothing_out(model):
  assert model.search([], TEXTS) == []
  assert model.search(["bab"], []) == [[]]
  assert model.encode([], "query").shape == (0, model.size)


def test_importing_is_light():
  code = (
    "import sys, hybrid_ir; print('jax' in sys.modules);"
    "print(hybrid_ir.load.__module__, 'jax' in sys.modules)"
  )
  root = pathlib.Path(__file__).parents[1]
  done = subprocess.run(
    [sys.executable, "-c", code], cwd=root, capture_output=True, text=True
  )
  assert done.stdout == "False\nhybrid_ir.api True\n", done.stderr


def test_an_unknown_name_is_none():
  with pytest.raises(AttributeError, match="has no attribute 'lode'"):
    _ = hybrid_ir.lode
