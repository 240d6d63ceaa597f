"""Systems that are not trained here, scored by task=evaluate."""

import json
import shutil
import sys

import numpy as np
import pytest

from hybrid_ir.data import tokenizer as tokenizer_lib
from hybrid_ir.errors import UserError
from hybrid_ir.retrieval import by_library
from hybrid_ir.retrieval.encode import TextEncoder

EVALUATE = {"task": "evaluate", "train.steps": 6, "system": "other"}


def macro(lines, setting, measure="map"):
  for line in lines:
    cell = (line["setting"], line["measure"], line["query_language"])
    if cell == (setting, measure, "*") and line["passage_language"] in (
      *("*", "all"),
    ):
      return line
  raise AssertionError(f"no {measure} in {setting}")


@pytest.fixture(scope="module")
def bm25(run, tmp_path_factory):
  workdir = tmp_path_factory.mktemp("bm25")
  run(workdir, {**EVALUATE, "evaluate.by": "bm25", "evaluate.run_depth": 180})
  return workdir


def test_bm25_needs_no_model(bm25, lines_of):
  lines = lines_of(bm25, "results.jsonl")
  # A town's name is asked and said: its passage is first.
  assert macro(lines, "mono")["value"] > 0.9
  assert {(line["search"], line["step"]) for line in lines} == {("exact", 0)}
  assert (bm25 / "details" / "towns.npz").exists()
  assert (bm25 / "config.json").exists()


def test_runs_of_another_workdir_give_its_figures(
  run, bm25, tmp_path, lines_of, capsys
):
  by_runs = {
    **EVALUATE,
    "evaluate.by": "runs",
    "evaluate.path": str(bm25 / "runs"),
    "evaluate.settings": ("multi",),
  }
  run(tmp_path, by_runs)
  ours = lines_of(tmp_path, "results.jsonl")
  theirs = [
    line
    for line in lines_of(bm25, "results.jsonl")
    if line["setting"] == "multi"
  ]
  assert {line["search"] for line in ours} == {"run"}
  for line in ours:
    line["search"] = "exact"
  assert ours == theirs
  assert "relevant passages are not in the run" not in capsys.readouterr().out


def test_a_cut_run_says_what_it_lacks(run, bm25, tmp_path, capsys):
  folder = tmp_path / "runs"
  folder.mkdir()
  text = (bm25 / "runs" / "towns.multi.trec").read_text()
  cut = [x for x in text.splitlines(True) if int(x.split()[3]) <= 2]
  (folder / "towns.multi.trec").write_text("".join(cut))
  changes = {"evaluate.by": "runs", "evaluate.path": str(folder)}
  run(tmp_path / "w", {**EVALUATE, **changes})
  out = capsys.readouterr().out
  assert "multi: " in out
  assert "of 54 relevant passages are not in the run" in out


def test_embeddings_made_elsewhere(run, tmp_path, lines_of):
  rng = np.random.default_rng(0)
  of_id = rng.standard_normal((60, 16)).astype(np.float32)
  of_id /= np.linalg.norm(of_id, axis=1, keepdims=True)
  languages = ("de", "en", "tr")
  np.savez(
    tmp_path / "towns.npz",
    query_ids=[f"{x}:t{i}" for x in languages for i in range(54, 60)],
    queries=np.concatenate([of_id[54:60]] * 3),
    passage_ids=[f"{x}:t{i}" for x in languages for i in range(60)],
    passages=np.concatenate([of_id] * 3),
  )
  changes = {"evaluate.by": "embeddings", "evaluate.path": str(tmp_path)}
  run(tmp_path / "w", {**EVALUATE, **changes})
  lines = lines_of(tmp_path / "w", "results.jsonl")
  # A query is its passages: they come first, in all languages.
  for setting in ("mono", "cross", "multi"):
    assert macro(lines, setting)["value"] == 1
  assert macro(lines, "multi", "rank_distance")["value"] == 2


@pytest.mark.parametrize(
  ("changes", "message"),
  [
    ({"evaluate.by": "runs"}, r"'evaluate.path' is '', but 'evaluate.by' is"),
    ({"evaluate.path": "here"}, r"'evaluate.path' is 'here', but"),
    (
      {"evaluate.by": "runs", "evaluate.path": "nowhere"},
      r"'nowhere': no such folder",
    ),
    (
      {"evaluate.by": "bm25", "task": "train_and_evaluate"},
      r"'evaluate.by' is 'bm25', but this workdir is for a trained model",
    ),
  ],
)
def test_what_does_not_go_together(run, tmp_path, changes, message):
  with pytest.raises(UserError, match=message):
    run(tmp_path / "w", {**EVALUATE, **changes})
  # It is said before anything is trained or scored.
  assert [path.name for path in (tmp_path / "w").iterdir()] == [".lock"]


@pytest.mark.parametrize("name", ["w/runs", "w/runs/../runs", "link"])
def test_runs_where_its_own_would_be_written_are_refused(
  run, bm25, tmp_path, name
):
  workdir, path = tmp_path / "w", tmp_path / name
  theirs = shutil.copytree(bm25 / "runs", workdir / "runs")
  lines = (theirs / "towns.multi.trec").read_text().splitlines(True)
  cross = [x for x in lines if x[:2] != x.split()[2][:2]]
  (theirs / "towns.cross.trec").write_text("".join(cross))
  (tmp_path / "link").symlink_to(theirs)
  before = {file: file.read_bytes() for file in theirs.iterdir()}
  by_runs = {"evaluate.by": "runs", "evaluate.path": str(path)}
  message = rf"'evaluate.path' is '{path}', and .*; name another --workdir"
  with pytest.raises(UserError, match=message):
    run(workdir, {**EVALUATE, **by_runs})
  assert {file: file.read_bytes() for file in theirs.iterdir()} == before
  assert sorted(file.name for file in workdir.iterdir()) == [".lock", "runs"]


def test_embeddings_where_details_would_be_written_are_refused(run, tmp_path):
  path = tmp_path / "w" / "details"
  path.mkdir(parents=True)
  changes = {"evaluate.by": "embeddings", "evaluate.path": str(path)}
  with pytest.raises(UserError, match="this workdir's own files would be wr"):
    run(tmp_path / "w", {**EVALUATE, **changes})


@pytest.mark.parametrize(
  ("changes", "message"),
  [
    ({"evaluate.by": "bm25", "system": "x"}, "'system' is 'x', but .* 'other'"),
    ({}, "'evaluate.by' is 'model', but .* with 'bm25'"),
    # Said before the training, not after it.
    ({"task": "train_and_evaluate"}, "'evaluate.by' is 'model', but .* with"),
  ],
)
def test_a_workdir_is_one_system(run, bm25, changes, message):
  with pytest.raises(UserError, match=message):
    run(bm25, {**EVALUATE, **changes})
  assert not (bm25 / "checkpoints").exists()


def test_what_rewrites_the_config_does_not_make_it_another_system(
  run, bm25, tmp_path
):
  workdir = shutil.copytree(bm25, tmp_path / "copy")
  config = json.loads((workdir / "config.json").read_text())
  config["evaluate"]["by"] = "model"
  (workdir / "config.json").write_text(json.dumps(config))
  with pytest.raises(UserError, match=r"but .*results.jsonl has .* 'bm25'"):
    run(workdir, EVALUATE)


def test_figures_without_a_config_are_added_to(run, bm25, tmp_path, lines_of):
  shutil.copy(bm25 / "results.jsonl", tmp_path)
  run(tmp_path, {**EVALUATE, "evaluate.by": "bm25"})
  assert lines_of(tmp_path, "results.jsonl") == lines_of(bm25, "results.jsonl")


def test_cut_embeddings_are_a_system_of_their_own(run, trained, tmp_path):
  workdir = shutil.copytree(trained, tmp_path / "copy")
  cut = {"task": "evaluate", "train.steps": 6, "encoder.dimensions": 8}
  run(workdir, cut)
  with pytest.raises(UserError, match=r"'encoder.dimensions' is 0, .* with 8;"):
    run(workdir, {**cut, "encoder.dimensions": 0})
  # The model that goes out is whole: these are not its figures.
  run(workdir, {**cut, "task": "export"})
  assert "Not evaluated." in (workdir / "export" / "README.md").read_text()


def test_figures_of_bm25_are_none_of_the_model_that_goes_out(
  run, trained, bm25, tmp_path
):
  workdir = shutil.copytree(bm25, tmp_path / "copy")
  changes = {
    "task": "export",
    "train.steps": 6,
    "train.warm_start": str(trained),
    "checkpoint.allow_changes": True,
    "export.overwrite": True,
  }
  card = workdir / "export" / "README.md"
  run(workdir, changes)
  assert "Not evaluated." in card.read_text()
  (workdir / "scored.json").unlink()  # a version that did not write it
  run(workdir, changes)
  assert "Not evaluated." not in card.read_text()


def test_a_trained_workdir_is_kept_for_its_model(run, trained):
  with pytest.raises(UserError, match="take task=evaluate and another"):
    run(trained, {**EVALUATE, "evaluate.by": "bm25"})


@pytest.fixture(scope="module")
def distilbert(data, tmp_path_factory):
  """A tiny, random model of a family that we do not know."""
  torch = pytest.importorskip("torch")
  library = pytest.importorskip("sentence_transformers")
  transformers = pytest.importorskip("transformers")
  folder = tmp_path_factory.mktemp("distilbert")
  lines = [json.loads(line) for line in data.read_text().splitlines()]
  texts = [line[key] for line in lines for key in ("query", "passage")]
  tokenizer_lib.save(tokenizer_lib.train_unigram(texts, 80), folder / "plain")
  torch.manual_seed(0)
  config = transformers.DistilBertConfig(
    vocab_size=80, dim=16, n_layers=1, n_heads=2, hidden_dim=24
  )
  transformers.DistilBertModel(config).save_pretrained(folder / "plain")
  modules = library.sentence_transformer.modules
  transformer = modules.Transformer(str(folder / "plain"))
  pooling = modules.Pooling(16)
  library.SentenceTransformer(
    modules=[transformer, pooling],
    prompts={"query": "ask: ", "document": "say: "},
  ).save(str(folder / "whole"))
  return folder / "whole"


def test_an_unknown_family_is_left_to_the_library(
  run, distilbert, tmp_path, lines_of, capsys
):
  run(tmp_path, {**EVALUATE, "encoder.path": str(distilbert)})
  out = capsys.readouterr().out
  assert "model_type 'distilbert' is none of bert," in out
  assert "loaded by sentence-transformers" in out
  lines = lines_of(tmp_path, "results.jsonl")
  assert macro(lines, "mono")["queries"] == 18


@pytest.mark.parametrize(
  ("key", "value"),
  [
    ("encoder.keep_layers", 1),
    ("encoder.pooling", "cls"),
    ("encoder.normalize", False),
    ("encoder.dtype", "bfloat16"),
    ("data.prefixes", {"towns": ("frage: ", "")}),
  ],
)
def test_keys_that_the_library_is_not_told_are_refused(
  run, tmp_path, key, value
):
  (tmp_path / "config.json").write_text('{"model_type": "distilbert"}')
  changes = {**EVALUATE, "encoder.path": str(tmp_path), key: value}
  with pytest.raises(UserError, match=f"config key '{key}' .* says nothing"):
    run(tmp_path / "w", changes)


def test_the_librarys_prompts_are_used_or_ours(distilbert, make_config):
  text = make_config().text
  model = by_library.load(distilbert, text, 0, "reason")
  plain = make_config({"text.query_prefix": "", "text.passage_prefix": ""}).text
  bare = by_library.load(distilbert, plain, 0, "reason")
  asked = model.queries(["was"], "")
  np.testing.assert_allclose(asked, bare.queries(["ask: was"], ""), atol=1e-6)
  np.testing.assert_allclose(
    model.passages(["was"], ""), bare.passages(["say: was"], ""), atol=1e-6
  )
  np.testing.assert_allclose(np.linalg.norm(asked, axis=1), 1, rtol=1e-6)
  # What cuts the queries does not cut the passages after them.
  lengths = {"text.query_length": 4, "text.passage_length": None}
  empty = {"text.query_prefix": "", "text.passage_prefix": ""}
  cut = make_config({**empty, **lengths}).text
  cutting = by_library.load(distilbert, cut, 0, "reason")
  long = ["was wo wer wie wann"]
  assert not np.allclose(cutting.queries(long, ""), bare.queries(long, ""))
  np.testing.assert_allclose(
    cutting.passages(long, ""), bare.passages(long, ""), atol=1e-6
  )
  short = by_library.load(distilbert, plain, 4, "reason")
  assert short.queries(["was", "wo"], "").shape == (2, 4)


def test_without_the_library_it_says_what_to_install(
  run, tmp_path, monkeypatch
):
  (tmp_path / "config.json").write_text('{"model_type": "distilbert"}')
  monkeypatch.setitem(sys.modules, "sentence_transformers", None)
  with pytest.raises(UserError, match="pip install sentence-transformers"):
    run(tmp_path / "w", {**EVALUATE, "encoder.path": str(tmp_path)})


def test_what_the_library_cannot_load(run, tmp_path):
  pytest.importorskip("sentence_transformers")
  (tmp_path / "config.json").write_text('{"model_type": "nosuchfamily"}')
  with pytest.raises(UserError, match="cannot load it either") as caught:
    run(tmp_path / "w", {**EVALUATE, "encoder.path": str(tmp_path)})
  assert "\n" not in str(caught.value)


def test_a_model_that_gives_embeddings_of_length_0(
  run, trained, tmp_path, monkeypatch, lines_of, capsys
):
  whole = TextEncoder.queries

  def with_empty_ones(*arguments, **options):
    found = whole(*arguments, **options)
    found[:5] = 0
    return found

  monkeypatch.setattr(TextEncoder, "queries", with_empty_ones)
  workdir = shutil.copytree(trained, tmp_path / "run")
  changes = {**EVALUATE, "evaluate.ann": True}
  said = "embeddings of queries of length 0: 5 "
  with pytest.raises(UserError, match=f"{said}.*keep them by --config"):
    run(workdir, changes)
  run(workdir, {**changes, "evaluate.allow_faults": True})
  assert said in capsys.readouterr().out
  details = json.loads((workdir / "details" / "towns.json").read_text())
  assert any(said in line for line in details["left_out"])
  assert {x["search"] for x in lines_of(workdir, "results.jsonl")} == {"exact"}
