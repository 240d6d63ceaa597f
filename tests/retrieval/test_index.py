import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_ir.data.passages import Passage
from hybrid_ir.errors import UserError
from hybrid_ir.retrieval import blocks
from hybrid_ir.retrieval import index as index_lib
from hybrid_ir.retrieval.index import Index, in_memory, search

LANGUAGES = ("de", "en", "tr")


def make_passages(count, rng):
  """Ids in no order, some of them in letters that sort by code point."""
  ids = [f"{i % 7}{'aZéж字😀'[i % 6]}{i}" for i in range(count)]
  rng.shuffle(ids)
  return [
    Passage(id, str(rng.choice(LANGUAGES)), f"text of {id}") for id in ids
  ]


def in_shards(passages, embeddings, size):
  """An index of shards, each in its own order, as `shards` has them."""
  parts = [
    in_memory("towns", passages[i : i + size], embeddings[i : i + size], None)
    for i in range(0, len(passages), size)
  ]
  languages = tuple(sorted({p.language for p in passages}))
  shards = []
  for part in parts:
    (shard,) = part.shards
    codes = [languages.index(part.languages[c]) for c in shard.languages]
    shards.append(
      index_lib.Shard(shard.embeddings, np.array(codes, np.int32), shard.read)
    )
  return Index("towns", languages, tuple(shards), None)


def slow(passages, embeddings, query, k, languages=()):
  """By sorting everything: score, then id as UTF-8 bytes, both descending."""
  scores = embeddings.astype(np.float64) @ query.astype(np.float64)
  found = [
    (score, p)
    for score, p in zip(scores, passages, strict=True)
    if not languages or p.language in languages
  ]
  found.sort(key=lambda pair: (pair[0], pair[1].id.encode()), reverse=True)
  return [(p.id, p.language, p.text, score) for score, p in found[:k]]


def plain(hits):
  assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
  return [(hit.id, hit.language, hit.text, hit.score) for hit in hits]


@settings(max_examples=60, deadline=None)
@given(
  count=st.integers(1, 40),
  size=st.integers(1, 40),
  k=st.integers(1, 45),
  queries=st.integers(1, 20),
  languages=st.sets(st.sampled_from(LANGUAGES)),
  seed=st.integers(0, 2**16),
  dtype=st.sampled_from(["float32", "float16"]),
)
def test_as_sorting_all_of_the_filtered_pool(
  count, size, k, queries, languages, seed, dtype
):
  rng = np.random.default_rng(seed)
  passages = make_passages(count, rng)
  # Small whole numbers: exact in float16, full of ties and of -0.0.
  embeddings = rng.integers(-1, 2, (count, 3)).astype(dtype)
  asked = rng.integers(-1, 2, (queries, 3)).astype(np.float32)
  index = in_shards(passages, embeddings, size)
  wanted = sorted(languages & set(index.languages))
  found = search(index, asked, k, wanted)
  assert [plain(hits) for hits in found] == [
    slow(passages, embeddings, query, k, wanted) for query in asked
  ]


def test_blocks_and_passes_change_nothing(monkeypatch):
  rng = np.random.default_rng(0)
  passages = make_passages(90, rng)
  embeddings = rng.integers(-1, 2, (90, 3)).astype(np.float32)
  asked = rng.integers(-1, 2, (37, 3)).astype(np.float32)
  index = in_shards(passages, embeddings, 40)
  whole = search(index, asked, 5)
  monkeypatch.setattr(index_lib, "_BLOCK_NUMBERS", 3 * 8)
  monkeypatch.setattr(index_lib, "_PLACES", 1)
  assert search(index, asked, 5) == whole


def test_only_a_block_is_on_a_device_at_once(monkeypatch):
  rng = np.random.default_rng(0)
  passages = make_passages(64, rng)
  embeddings = rng.normal(size=(64, 4)).astype(np.float16)
  monkeypatch.setattr(index_lib, "_BLOCK_NUMBERS", 4 * 16)
  monkeypatch.setattr(jax, "local_device_count", lambda: 4)
  shapes = []
  best = blocks._best

  def looks(queries, passages, wanted, **names):
    shapes.append([s.data.shape for s in passages.addressable_shards])
    return best(queries, passages, wanted, **names)

  monkeypatch.setattr(blocks, "_best", looks)
  search(in_shards(passages, embeddings, 50), np.ones((1, 4), np.float32), 3)
  assert shapes == [[(13, 4)] * 4] * 2  # 50 in four blocks, 14 in two


def of_parts(index, asked, k, parts, languages=()):
  found = [
    index_lib.best(index, asked, k, languages, part, parts)
    for part in range(parts)
  ]
  return index_lib.read(index, found, k)


@settings(max_examples=30, deadline=None)
@given(
  count=st.integers(1, 40),
  size=st.integers(1, 15),
  k=st.integers(1, 45),
  parts=st.integers(1, 5),
  languages=st.sets(st.sampled_from(LANGUAGES)),
  seed=st.integers(0, 2**16),
)
def test_parts_give_what_the_whole_gives(
  count, size, k, parts, languages, seed
):
  rng = np.random.default_rng(seed)
  passages = make_passages(count, rng)
  embeddings = rng.integers(-1, 2, (count, 3)).astype(np.float32)
  asked = rng.integers(-1, 2, (2, 3)).astype(np.float32)
  index = in_shards(passages, embeddings, size)
  wanted = sorted(languages & set(index.languages))
  whole = search(index, asked, k, wanted)
  assert of_parts(index, asked, k, parts, wanted) == whole


def test_devices_and_parts_change_no_bit(monkeypatch):
  rng = np.random.default_rng(0)
  passages = make_passages(300, rng)
  embeddings = rng.normal(size=(300, 24)).astype(np.float32)
  asked = rng.normal(size=(20, 24)).astype(np.float32)
  index = in_shards(passages, embeddings, 32)
  eight = search(index, asked, 10)
  assert of_parts(index, asked, 10, parts=3) == eight
  monkeypatch.setattr(jax, "local_device_count", lambda: 1)
  assert search(index, asked, 10) == eight
  assert of_parts(index, asked, 10, parts=4) == eight


def test_a_query_does_not_see_its_neighbours():
  rng = np.random.default_rng(0)
  passages = make_passages(200, rng)
  embeddings = rng.normal(size=(200, 24)).astype(np.float32)
  asked = rng.normal(size=(40, 24)).astype(np.float32)
  index = in_shards(passages, embeddings, 64)
  together = search(index, asked, 10)
  alone = [search(index, query[None], 10)[0] for query in asked]
  assert alone == together  # scores, too, to the last bit


def test_an_unknown_language():
  index = in_memory("towns", [Passage("a", "de", "x")], np.ones((1, 2)), None)
  message = "towns: no passage is in language 'xx'; there is de"
  with pytest.raises(UserError, match=message):
    search(index, np.ones((1, 2), np.float32), 3, ["de", "xx"])


def test_embeddings_of_another_size():
  index = in_memory("towns", [Passage("a", "de", "x")], np.ones((1, 2)), None)
  with pytest.raises(UserError, match="have 2 dimensions, the queries' 3"):
    search(index, np.ones((1, 3), np.float32), 3)


def test_nothing_asked_nothing_found():
  index = in_memory("towns", [Passage("a", "de", "x")], np.ones((1, 2)), None)
  assert search(index, np.zeros((0, 2), np.float32), 3) == []
  empty = in_memory("towns", [], np.zeros((0, 2), np.float32), None)
  assert search(empty, np.ones((2, 2), np.float32), 3) == [[], []]


def test_embeddings_that_are_not_finite():
  passages = [Passage("a", "de", "x"), Passage("b", "de", "y")]
  good, bad = np.ones((2, 2), np.float32), np.full((2, 2), np.nan, np.float32)
  with pytest.raises(UserError, match="2 of 2 passage embeddings are not fin"):
    in_memory("towns", passages, bad, None)
  with pytest.raises(UserError, match="2 of 2 query embeddings are not finite"):
    search(in_memory("towns", passages, good, None), bad, 3)
