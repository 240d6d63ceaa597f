import dataclasses
import json
import os
import pathlib

import numpy as np
import pytest

from hybrid_ir import files as files_lib
from hybrid_ir.data.passages import Passage
from hybrid_ir.errors import UserError
from hybrid_ir.retrieval import shards
from hybrid_ir.retrieval.index import search
from hybrid_ir.retrieval.origin import Origin

PASSAGES = [
  Passage("b", "de", "es regnet"),
  Passage("é", "de", "es schneit"),
  Passage("a", "en", "rain\n\nit rains"),
  Passage("Z", "en", "it snows"),
  Passage("😀", "de", "es regnet"),
]
PLAN = shards.Plan(
  origin=Origin({"pooling": "mean", "dense": []}, "0f", 2),
  corpus="c0",
  corpus_name="weather.tsv",
  languages={"de": 3, "en": 2},
  dtype="float32",
  shard_size=3,
)


def embed(texts, number):
  """A text's length and its spaces."""
  assert len(set(texts)) == len(texts)
  return np.array([[len(t), t.count(" ")] for t in texts], np.float32)


def write(folder, plan=PLAN, embed=embed):
  shards.start(folder, plan)
  missing = sorted(shards.missing(folder, plan))
  size = plan.shard_size
  parts = ((n, PASSAGES[n * size : (n + 1) * size]) for n in missing)
  for written in shards.write_shards(folder, plan, parts, embed):
    assert written <= size
  shards.finish(folder, plan)
  return missing


def files(folder):
  return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_is_written_is_read(tmp_path):
  assert write(tmp_path) == [0, 1]
  index = shards.open_index(tmp_path)
  assert len(index) == 5
  assert index.languages == ("de", "en")
  assert index.origin == PLAN.origin
  assert [s.embeddings.tolist() for s in index.shards] == [
    [[10, 1], [9, 1], [14, 1]],  # é, b, a
    [[9, 1], [8, 1]],  # 😀, Z
  ]
  assert [s.languages.tolist() for s in index.shards] == [[0, 0, 1], [0, 1]]
  assert index.shards[0].read([2, 0]) == [PASSAGES[2], PASSAGES[1]]
  (hits,) = search(index, np.array([[0, 1]], np.float32), 3, ["de"])
  assert [hit.id for hit in hits] == ["😀", "é", "b"]  # ties over two shards


def test_embeddings_are_mapped_not_read(tmp_path):
  write(tmp_path)
  index = shards.open_index(tmp_path)
  assert all(isinstance(s.embeddings, np.memmap) for s in index.shards)


def test_half_precision(tmp_path):
  write(tmp_path, dataclasses.replace(PLAN, dtype="float16"))
  index = shards.open_index(tmp_path)
  assert {s.embeddings.dtype for s in index.shards} == {np.dtype("float16")}
  (hits,) = search(index, np.array([[1, 0]], np.float32), 1)
  assert (hits[0].id, hits[0].score) == ("a", 14)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e6])
def test_what_is_not_finite_is_refused(tmp_path, bad):
  plan = dataclasses.replace(PLAN, dtype="float16")
  with pytest.raises(UserError, match=r"not finite in float16 .*encode.dtype"):
    write(tmp_path, plan, lambda texts, _: np.full((len(texts), 2), bad))
  assert set(files(tmp_path)) == {"plan.json"}


def test_a_stopped_index_goes_on(tmp_path):
  whole, stopped = tmp_path / "whole", tmp_path / "stopped"
  write(whole)

  def stop(texts, number):
    if number == 1:
      raise KeyboardInterrupt
    return embed(texts, number)

  with pytest.raises(KeyboardInterrupt):
    write(stopped, embed=stop)
  (stopped / ".00001.npy.1.tmp").write_bytes(b"of a killed run")
  (stopped / "00001.jsonl").write_bytes(b"its .npy is not there")
  with pytest.raises(UserError, match="not complete; run task=encode again"):
    shards.open_index(stopped)
  assert write(stopped) == [1]
  assert files(stopped) == files(whole)
  assert write(stopped) == []


@pytest.mark.parametrize(
  ("change", "message"),
  [
    (
      {"corpus": "c1", "corpus_name": "new.tsv"},
      r"'weather.tsv', not 'new.tsv'",
    ),
    (
      {"corpus": "c1"},
      r"the content of 'weather.tsv' has changed since it was",
    ),
    ({"shard_size": 4}, "shard_size is 3, not 4"),
    ({"dtype": "float16"}, "dtype is 'float32', not 'float16'"),
    ({"origin": Origin({}, "0f", 2)}, "origin is another"),
  ],
)
def test_another_index_is_refused(tmp_path, change, message):
  write(tmp_path)
  before = files(tmp_path)
  with pytest.raises(UserError, match=message):
    shards.start(tmp_path, dataclasses.replace(PLAN, **change))
  assert files(tmp_path) == before


def test_the_corpus_may_have_another_name(tmp_path):
  write(tmp_path)
  assert write(tmp_path, dataclasses.replace(PLAN, corpus_name="moved")) == []


def test_no_index(tmp_path):
  with pytest.raises(UserError, match="no index there; run task=encode first"):
    shards.open_index(tmp_path)


@pytest.mark.parametrize(
  ("name", "content", "message"),
  [
    ("00000.npy", b"\x93NUMPY", "shard 0 cannot be read"),
    ("00001.rows.npy", b"", "shard 1 cannot be read"),
    ("00000.jsonl", None, "does not fit the files beside it"),
    ("manifest.json", b"{", "not JSON"),
    ("manifest.json", b"{}", "not of format"),
  ],
)
def test_a_damaged_index(tmp_path, name, content, message):
  write(tmp_path)
  (tmp_path / name).unlink()
  if content is not None:
    (tmp_path / name).write_bytes(content)
  with pytest.raises(UserError, match=f"{message}.*; delete the folder"):
    shards.open_index(tmp_path)


def test_a_shard_of_another_index(tmp_path):
  write(tmp_path / "one")
  write(tmp_path / "two", dataclasses.replace(PLAN, shard_size=2))
  for kind in ("npy", "rows.npy", "jsonl"):
    name = f"00000.{kind}"
    (tmp_path / "one" / name).write_bytes(
      (tmp_path / "two" / name).read_bytes()
    )
  with pytest.raises(UserError, match=r"holds 4 passages, but .* says 5"):
    shards.open_index(tmp_path / "one")


def test_damaged_texts(tmp_path):
  write(tmp_path)
  index = shards.open_index(tmp_path)
  (tmp_path / "00000.jsonl").write_bytes(b"x" * 500)
  with pytest.raises(UserError, match=r"00000.jsonl: damaged"):
    index.shards[0].read([0])


def test_the_manifest_says_what_is_there(tmp_path):
  write(tmp_path)
  manifest = json.loads((tmp_path / "manifest.json").read_text())
  assert manifest["languages"] == {"de": 3, "en": 2}
  assert (manifest["passages"], manifest["shards"]) == (5, 2)
  assert manifest["corpus"] == "c0"
  assert manifest["dtype"] == "float32"
  assert manifest["origin"]["contract"] == {"pooling": "mean", "dense": []}


@pytest.mark.parametrize("name", ["00000.rows.npy", "00001.npy"])
def test_a_full_disk_is_named(tmp_path, name):
  aside = tmp_path / f".{name}.{files_lib._HOST}.{os.getpid()}.tmp"
  aside.symlink_to("/dev/full")
  with pytest.raises(OSError, match="No space left") as caught:
    write(tmp_path)
  assert files_lib.is_full(caught.value)
  assert caught.value.filename == str(tmp_path / name)
  write(tmp_path)  # with room again, it goes on


def test_a_shard_that_is_seen_late_is_waited_for(tmp_path, monkeypatch):
  write(tmp_path)
  (tmp_path / "manifest.json").unlink()
  shard, hidden = tmp_path / "00001.npy", tmp_path / "hidden"
  shard.rename(hidden)
  waits = []

  def sleep(seconds):
    waits.append(seconds)
    if len(waits) == 3:
      hidden.rename(shard)

  monkeypatch.setattr("time.sleep", sleep)
  shards.finish(tmp_path, PLAN)
  assert len(waits) == 3
  assert (tmp_path / "manifest.json").exists()


def test_a_shard_that_does_not_come_is_named(tmp_path, monkeypatch):
  write(tmp_path)
  (tmp_path / "manifest.json").unlink()
  (tmp_path / "00001.npy").unlink()
  waits = []
  monkeypatch.setattr("time.sleep", waits.append)
  with pytest.raises(UserError, match="1 of 2 shards are not there, such as 1"):
    shards.finish(tmp_path, PLAN)
  assert 2 <= sum(waits) <= 30
  assert not (tmp_path / "manifest.json").exists()


def test_what_a_network_remembers_as_absent_is_seen(tmp_path, monkeypatch):
  write(tmp_path)
  (tmp_path / "manifest.json").unlink()

  def remembered(path, **_):  # asked for by name, nothing has come yet
    raise FileNotFoundError(path)

  monkeypatch.setattr(pathlib.Path, "stat", remembered)
  assert shards.missing(tmp_path, PLAN) == set()
  (tmp_path / "00000.npy").unlink()
  assert shards.missing(tmp_path, PLAN) == {0}


def test_a_folder_that_is_not_shared_is_refused(tmp_path):
  for folder in (tmp_path, tmp_path / "nowhere"):
    with pytest.raises(UserError, match="all processes share"):
      shards.missing(folder, PLAN)
