import json
import shutil

import numpy as np
import pytest

from hybrid_ir.data.own_files import open_own
from hybrid_ir.errors import UserError
from hybrid_ir.retrieval.encode import TextEncoder
from hybrid_ir.retrieval.mined import Mined
from hybrid_ir.tasks import mine
from hybrid_ir.tasks.model import load_model
from hybrid_ir.training.mesh import make_mesh

MINE = {
  "task": "mine",
  "train.steps": 6,  # of the trained workdir
  "mine.depth": 12,
  "mine.negatives": 3,
}
# The tiny model's cosines are all close to 1.
MODEL = {**MINE, "mine.most": 1.5}
BM25 = {**MINE, "mine.by": "bm25"}


@pytest.fixture
def workdir(trained, tmp_path):
  """A copy of the trained workdir, to mine in."""
  shutil.copytree(trained, tmp_path / "run")
  return tmp_path / "run"


def read(path):
  return list(open_own(str(path), "train", ()).read())


def mined(workdir):
  return read(workdir / "mined" / "towns.jsonl")


def figures(workdir):
  return json.loads((workdir / "mined" / "towns.json").read_text())


def languages_of(records):
  return {record.passage: record.language for record in records}


@pytest.mark.parametrize("which", ["own", "other", "any"])
@pytest.mark.parametrize("keys", [MODEL, BM25], ids=["model", "bm25"])
def test_every_record_with_its_negatives(run, workdir, data, keys, which):
  run(workdir, {**keys, "mine.languages": which})
  records, before = mined(workdir), read(data)
  language_of = languages_of(before)
  assert len(records) == 3 * 48
  for record, other in zip(records, before, strict=True):
    for field in ("id", "language", "query", "passage", "group"):
      assert getattr(record, field) == getattr(other, field)
    own = {r.passage for r in before if r.id == record.id}
    assert own.isdisjoint(record.negatives)
    assert len(set(record.negatives)) == len(record.negatives) <= 3
    spoken = {language_of[negative] for negative in record.negatives}
    if which == "own":
      assert spoken <= {record.language}
    elif which == "other":
      assert record.language not in spoken
  found = figures(workdir)
  kept = [len(record.negatives) for record in records]
  assert found["kept"] == sum(kept) > 100
  assert found["without"] == kept.count(0)
  assert found["queries"] == found["passages"] == 144
  assert sum(found["kept_by_language"].values()) == sum(kept)
  if which != "other":
    assert found["positives"] > 0
  assert not (workdir / "mined" / "towns.parts").exists()


def test_equals_a_plain_search(run, make_config, workdir, data):
  """Against all the scores, sorted, one query at a time."""
  keys = {**MODEL, "mine.most": 1.0}
  run(workdir, keys)
  config = make_config(keys)
  mesh = make_mesh(1)
  loaded = load_model(config, workdir, mesh)
  encoder = loaded.model.text_encoder(config, mesh)
  before = read(data)
  queries = encoder.queries(loaded.params, [r.query for r in before])
  passages = encoder.passages(loaded.params, [r.passage for r in before])
  scores = queries @ passages.T
  for i, (record, found) in enumerate(zip(before, mined(workdir), strict=True)):
    within = [
      j for j, other in enumerate(before) if other.language == record.language
    ]
    within.sort(key=lambda j: scores[i, j], reverse=True)
    expected = [
      j
      for j in within[:12]
      if before[j].id != record.id and scores[i, j] <= scores[i, i]
    ][:3]
    # Cosines of texts that the tiny model takes for one differ by rounding.
    place = {r.passage: j for j, r in enumerate(before)}
    got = [scores[i, place[negative]] for negative in found.negatives]
    assert len(got) == pytest.approx(len(expected), abs=1)
    both = min(len(got), len(expected))
    np.testing.assert_allclose(
      got[:both], [scores[i, j] for j in expected][:both], atol=1e-6
    )


def test_training_takes_the_negatives(run, workdir, tmp_path, arrays_of):
  run(workdir, BM25)
  steps = {
    "data.train": (str(workdir / "mined" / "towns.jsonl"),),
    "train.warm_start": str(workdir),
    "train.steps": 2,
  }
  run(tmp_path / "with", {**steps, "loss.hard_negatives": 2})
  run(tmp_path / "without", steps)
  name = "params/encoder/tokens"
  with_, without = (
    arrays_of(tmp_path / each, 2)[name] for each in ("with", "without")
  )
  assert np.isfinite(with_).all()
  assert not np.array_equal(with_, without)


@pytest.fixture
def small_blocks(monkeypatch):
  monkeypatch.setattr(mine, "_BLOCK", 40)


@pytest.mark.parametrize("keys", [MODEL, BM25], ids=["model", "bm25"])
@pytest.mark.usefixtures("small_blocks")
def test_a_killed_run_goes_on_and_writes_the_same(
  run, workdir, trained, tmp_path, monkeypatch, keys
):
  whole = tmp_path / "whole"
  shutil.copytree(trained, whole)
  run(whole, keys)

  written, encoded = [], []
  write, encode = Mined.write, TextEncoder.passages

  def write_two(self, block, *others):
    if len(written) == 2:
      raise KeyboardInterrupt
    written.append(block)
    write(self, block, *others)

  def write_all(self, block, *others):
    written.append(block)
    write(self, block, *others)

  def count(self, params, texts, progress=""):
    encoded.append(len(texts))
    return encode(self, params, texts, progress)

  monkeypatch.setattr(Mined, "write", write_two)
  monkeypatch.setattr(TextEncoder, "passages", count)
  with pytest.raises(KeyboardInterrupt):
    run(workdir, keys)
  assert not (workdir / "mined" / "towns.jsonl").exists()
  monkeypatch.setattr(Mined, "write", write_all)
  run(workdir, keys)
  assert written == [0, 1, 2, 3]
  assert encoded == ([144] if keys.get("mine.by") != "bm25" else [])
  for name in ("towns.jsonl", "towns.json"):
    ours = (workdir / "mined" / name).read_bytes()
    assert ours == (whole / "mined" / name).read_bytes()


def test_a_second_run_finds_it_done(run, workdir, capsys):
  run(workdir, BM25)
  path = workdir / "mined" / "towns.jsonl"
  before = path.stat().st_mtime_ns
  first = capsys.readouterr().out
  run(workdir, BM25)
  assert path.stat().st_mtime_ns == before
  assert capsys.readouterr().out == first


def test_what_is_printed(run, workdir, capsys):
  run(workdir, BM25)
  out = capsys.readouterr().out
  path = workdir / "mined" / "towns.jsonl"
  assert "144 queries, 144 passages, by bm25, languages 'own'" in out
  assert "false by group" in out
  assert (
    f"--config.data.train={path} --config.loss.hard_negatives=3"
  ) in out.splitlines()[-1]


@pytest.mark.parametrize(
  ("change", "message"),
  [
    ({"mine.depth": 13}, "mine.depth: 12 there, 13 now"),
    ({"mine.by": "bm25"}, "mine.by: 'model' there, 'bm25' now"),
    ({"encoder.dimensions": 8}, "model.dimensions: 16 there, 8 now"),
  ],
)
def test_another_way_of_mining_is_refused(run, workdir, change, message):
  run(workdir, MODEL)
  before = (workdir / "mined" / "towns.jsonl").read_bytes()
  with pytest.raises(UserError, match=message):
    run(workdir, {**MODEL, **change})
  assert (workdir / "mined" / "towns.jsonl").read_bytes() == before


def test_where_nothing_was_kept_no_training_is_recommended(
  run, workdir, capsys
):
  run(workdir, {**MODEL, "mine.most": 0.01})
  out = capsys.readouterr().out
  assert "  kept            0.00 a query" in out
  assert "nothing was kept, so there is nothing to train on: raise" in out
  assert "train on them" not in out


def test_another_step_of_the_model_is_refused(run, workdir):
  run(workdir, MODEL)
  run(workdir, {"train.steps": 7})
  message = "model.parameters: .* model.step: 6 there, 7 now"
  with pytest.raises(UserError, match=message):
    run(workdir, {**MODEL, "train.steps": 7})


def test_bm25_needs_no_model(run, tmp_path):
  run(tmp_path / "run", BM25)
  assert len(mined(tmp_path / "run")) == 144


def test_several_data_sets(run, data, tmp_path, capsys):
  other = tmp_path / "other-towns.jsonl"
  shutil.copy(data, other)
  keys = {**BM25, "data.train": (f"{data}=2", f"{other}=0.5")}
  run(tmp_path / "two sets", keys)
  folder = tmp_path / "two sets" / "mined"
  names = sorted(path.name for path in folder.iterdir())
  assert names == [
    *("other_towns.json", "other_towns.jsonl"),
    *("towns.json", "towns.jsonl"),
  ]
  assert read(folder / "towns.jsonl")[0].query == read(data)[0].query
  assert (
    f"'--config.data.train={folder}/towns.jsonl=2'"
    f" '--config.data.train={folder}/other_towns.jsonl=0.5'"
  ) in capsys.readouterr().out


def test_a_data_set_is_mined_with_its_own_prefixes(run, workdir, prefixed):
  """As one that has them in its texts is."""
  paths, keys = prefixed
  run(workdir, {**MODEL, **keys, "data.train": paths})
  own, written, bare = (
    [
      [passage.removeprefix("es wächst ") for passage in record.negatives]
      for record in read(workdir / "mined" / f"{name}.jsonl")
    ]
    for name in ("towns", "written", "bare")
  )
  assert own == written
  assert own != bare


def test_two_of_one_name_are_refused(run, data, tmp_path):
  (tmp_path / "copy").mkdir()
  other = tmp_path / "copy" / data.name
  shutil.copy(data, other)
  keys = {**BM25, "data.train": (str(data), str(other))}
  with pytest.raises(UserError, match=r"to one file \(towns, towns\); rename"):
    run(tmp_path / "run", keys)


def write_records(path, records):
  lines = (json.dumps(record) + "\n" for record in records)
  path.write_text("".join(lines), encoding="utf-8")
  return (str(path),)


def small(id, passage, language="de"):
  return {
    "id": id,
    "language": language,
    "query": f"was ist {passage}",
    "passage": passage,
  }


def test_one_passage_is_nothing_to_mine(run, tmp_path):
  records = [small("a", "hafer im feld"), small("b", "hafer im feld")]
  keys = {**BM25, "data.train": write_records(tmp_path / "one.jsonl", records)}
  with pytest.raises(UserError, match=r"one.jsonl' has one passage alone"):
    run(tmp_path / "run", keys)


def test_other_languages_are_needed_for_other(run, tmp_path):
  records = [small("a", "hafer im feld"), small("b", "lein im feld")]
  train = write_records(tmp_path / "one.jsonl", records)
  keys = {**BM25, "data.train": train, "mine.languages": "other"}
  with pytest.raises(UserError, match=r"'other', but .* is in de alone"):
    run(tmp_path / "run", keys)


def test_less_depth_than_negatives_is_refused(run, tmp_path):
  message = r"'mine.depth' is 2, below 'mine.negatives' \(3\)"
  with pytest.raises(UserError, match=message):
    run(tmp_path / "run", {**BM25, "mine.depth": 2})


def test_without_a_model_it_says_what_to_do(run, tmp_path):
  with pytest.raises(UserError, match=r"holds no checkpoint; train first"):
    run(tmp_path / "run", MODEL)
