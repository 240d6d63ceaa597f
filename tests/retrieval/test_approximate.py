import dataclasses

import numpy as np
import pytest

from hybrid_ir.data.passages import Passage
from hybrid_ir.errors import UserError
from hybrid_ir.retrieval import ann, ann_parameters, approximate, index
from hybrid_ir.retrieval.index import Index, Shard

# ScaNN looks at everything in so small a part: it is exact but for rounding.
PASSAGES, SIZE, K = 70, 16, 6


@pytest.fixture(scope="module")
def towns():
  """Five shards, the last one short, in two languages."""
  rng = np.random.default_rng(0)
  embeddings = rng.normal(size=(PASSAGES, 8)).astype(np.float16)
  shards = []
  for start in range(0, PASSAGES, SIZE):
    ids = [f"p{i:02d}" for i in range(start, min(start + SIZE, PASSAGES))][::-1]
    languages = np.array([int(id[1:]) % 2 for id in ids], np.int32)
    passages = [
      Passage(id, ("de", "en")[code], f"text of {id}")
      for id, code in zip(ids, languages, strict=True)
    ]

    def read(rows, passages=passages):
      return [passages[row] for row in rows]

    part = embeddings[start : start + SIZE][::-1]
    shards.append(Shard(part, languages, read))
  return Index("towns", ("de", "en"), tuple(shards), None)


def ids(lists):
  return [[hit.id for hit in hits] for hits in lists]


@pytest.mark.parametrize("parts", [1, 3, 7])
@pytest.mark.parametrize("languages", [(), ("en",)])
def test_parts_merged_are_the_exact_search(towns, parts, languages):
  pytest.importorskip("scann")
  rng = np.random.default_rng(1)
  queries = rng.normal(size=(9, 8)).astype(np.float32)
  found = [
    approximate.build(towns, K, languages, part, parts)(queries)
    for part in range(parts)
  ]
  exact = index.search(towns, queries, K, languages)
  merged = index.read(towns, found, K)
  assert ids(merged) == ids(exact)
  for ours, theirs in zip(merged, exact, strict=True):
    scores = [hit.score for hit in theirs]
    np.testing.assert_allclose([hit.score for hit in ours], scores, rtol=1e-5)


@pytest.fixture
def large(monkeypatch):
  """ScaNN's rules for large corpora hold for small ones."""
  pytest.importorskip("scann")
  monkeypatch.setattr(ann_parameters, "_BRUTE_FORCE_BELOW", 10)
  monkeypatch.setattr(ann_parameters, "_TREE_FROM", 30)


@pytest.fixture
def built(monkeypatch):
  """Counts what is built."""
  sizes, build = [], ann.build

  def counted(passages, *args, **options):
    sizes.append(len(passages))
    return build(passages, *args, **options)

  monkeypatch.setattr(ann, "build", counted)
  return sizes


def places(find, seed=1):
  rng = np.random.default_rng(seed)
  return find(rng.normal(size=(9, 8)).astype(np.float32))


def test_what_was_built_is_opened_and_finds_the_same_bits(
  towns, large, built, tmp_path
):
  said = []
  kept = {"folder": tmp_path, "note": said.append}
  first = approximate.build(towns, K, **kept)
  again = approximate.build(towns, K, **kept)
  assert built == [PASSAGES]
  for ours, theirs in zip(places(again), places(first), strict=True):
    assert ours.tobytes() == theirs.tobytes()
  assert said[0] == f"{tmp_path}/all/00000: not there; ScaNN builds it, once"
  assert said[2] == said[4]  # what it is, as it was built
  assert "partitions and hashing" in said[2]
  assert said[3] == f"{tmp_path}/all/00000: opened"


@pytest.mark.parametrize("goal", [{"target": 0.5}, {"sample": 20}, {"seed": 1}])
def test_another_goal_is_tuned_for_and_not_built_for(
  towns, large, built, tmp_path, goal
):
  said = []
  kept = {"folder": tmp_path, "note": said.append}
  approximate.build(towns, K, **kept)
  for k, aim in (
    (K + 2, approximate.Goal()),
    (K, approximate.Goal(**goal)),
  ):
    said.clear()
    tuned = approximate.build(towns, k, goal=aim, **kept)
    assert said[0].endswith(f"opened; tuned anew, for the {k} best")
    assert places(tuned).scores.shape == (9, k)
    said.clear()
    approximate.build(towns, k, goal=aim, **kept)
    assert said[0].endswith("opened")
  assert built == [PASSAGES]


def test_parts_and_languages_are_kept_apart(towns, large, built, tmp_path):
  def finds():
    for languages in ((), ("en",)):
      for part in range(2):
        yield approximate.build(towns, K, languages, part, 2, folder=tmp_path)

  first = [places(find) for find in finds()]
  again = [places(find) for find in finds()]
  assert built == [38, 32, 19, 16]
  for ours, theirs in zip(again, first, strict=True):
    for a, b in zip(ours, theirs, strict=True):
      assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("part", [0, 1])
def test_another_number_of_parts_is_refused(towns, large, tmp_path, part):
  approximate.build(towns, K, folder=tmp_path)
  with pytest.raises(UserError, match="one of 1 parts, but 2 processes search"):
    approximate.build(towns, K, (), part, 2, folder=tmp_path)


def test_other_embeddings_are_refused(towns, large, tmp_path):
  approximate.build(towns, K, folder=tmp_path)
  shard = towns.shards[-1]
  changed = shard.embeddings.copy()
  changed[-1, -1] += 1
  other = dataclasses.replace(
    towns,
    shards=(
      *towns.shards[:-1],
      dataclasses.replace(shard, embeddings=changed),
    ),
  )
  with pytest.raises(
    UserError, match=r"fingerprint is .*; delete .*/all, it is"
  ):
    approximate.build(other, K, folder=tmp_path)


def test_a_small_part_is_built_each_time(towns, tmp_path):
  pytest.importorskip("scann")
  said = []
  approximate.build(towns, K, folder=tmp_path, note=said.append)
  assert len(said) == 1
  assert said[0].startswith("ScaNN, 70 passages: brute force")
  assert list(tmp_path.iterdir()) == []


def test_embeddings_that_are_not_finite(towns):
  pytest.importorskip("scann")
  first, *rest = towns.shards
  bad = first.embeddings.copy()
  bad[3] = np.nan
  other = dataclasses.replace(
    towns, shards=(dataclasses.replace(first, embeddings=bad), *rest)
  )
  with pytest.raises(UserError, match="1 of 70 passage embeddings are not fin"):
    approximate.build(other, K)


def test_a_part_is_padded(towns):
  pytest.importorskip("scann")
  find = approximate.build(towns, 20, (), part=4, parts=5)
  places = find(np.ones((2, 8), np.float32))
  assert [array.shape for array in places] == [(2, 20)] * 3
  assert np.isfinite(places.scores).sum(axis=1).tolist() == [6, 6]
  assert set(places.shards[:, :6].ravel()) == {4}
  assert sorted(places.rows[0, :6]) == [0, 1, 2, 3, 4, 5]


def test_an_unknown_language(towns):
  with pytest.raises(UserError, match="no passage is in language 'xx'"):
    approximate.build(towns, K, ["xx"])


def test_queries_that_are_not_finite(towns):
  pytest.importorskip("scann")
  find = approximate.build(towns, K)
  with pytest.raises(UserError, match="1 of 1 query embeddings are not fin"):
    find(np.full((1, 8), np.nan, np.float32))
