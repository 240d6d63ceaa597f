import numpy as np
import pytest

from hybrid_ir.data.records import Record
from hybrid_ir.errors import UserError
from hybrid_ir.evaluation.benchmarks import from_records
from hybrid_ir.evaluation.evaluate import list_depths, rank_embeddings
from hybrid_ir.evaluation.stored_embeddings import _first_equal, rank_stored
from hybrid_ir.retrieval import exact

FIELDS = (
  *("gold_ranks", "gold_language_ranks", "top", "top_scores"),
  *("language_top", "language_scores", "own_top", "own_scores"),
)


@pytest.fixture(scope="module")
def benchmark():
  records = [
    Record(str(id), language, f"{id}?", f"{language} {id}", f"{id}")
    for language in ("de", "en", "tr")
    for id in range(9)
  ]
  return from_records("tiny", records, records)


@pytest.fixture
def arrays(benchmark):
  """Embeddings by id, in another order than the benchmark's."""
  rng = np.random.default_rng(0)
  arrays = {}
  for kind, ids in (
    ("query", benchmark.query_ids),
    ("passage", benchmark.passage_ids),
  ):
    order = rng.permutation(len(ids))
    arrays[f"{kind}_ids"] = np.array(ids)[order]
    plural = "queries" if kind == "query" else "passages"
    arrays[plural] = rng.standard_normal((len(ids), 5)).astype(np.float32)
  return arrays


def depths(benchmark):
  return list_depths(
    benchmark, approximate=3, run_settings=("mono",), run_depth=4
  )


def rank(benchmark, folder, arrays, allow=False):
  np.savez(folder / "tiny.npz", **arrays)
  return rank_stored(benchmark, folder, depths(benchmark), allow)


def in_order(ids, of, rows):
  place = {id: i for i, id in enumerate(of.tolist())}
  return rows[[place[id] for id in ids]]


def expected(benchmark, arrays):
  return rank_embeddings(
    benchmark,
    in_order(benchmark.query_ids, arrays["query_ids"], arrays["queries"]),
    in_order(
      # Each text stands once here: candidates and texts are the same.
      benchmark.passage_ids,
      arrays["passage_ids"],
      arrays["passages"],
    ),
    depths(benchmark),
  )


def assert_same(one, other):
  for name in FIELDS:
    ours, theirs = getattr(one, name), getattr(other, name)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, err_msg=name)


def test_rows_go_by_id(benchmark, arrays, tmp_path):
  found, lines = rank(benchmark, tmp_path, arrays)
  assert_same(found, expected(benchmark, arrays))
  assert not lines


def test_a_folder_of_arrays(benchmark, arrays, tmp_path):
  folder = tmp_path / "tiny"
  folder.mkdir()
  for kind, ids in (("queries", "query_ids"), ("passages", "passage_ids")):
    np.save(folder / f"{kind}.npy", arrays[kind].astype(np.float64))
    (folder / f"{kind}.ids.txt").write_text("\n".join(arrays[ids]) + "\n")
  found, _ = rank_stored(benchmark, tmp_path, depths(benchmark))
  assert_same(found, expected(benchmark, arrays))


def test_equal_embeddings_tie(benchmark, arrays, tmp_path):
  arrays["passages"][:] = arrays["passages"][0]
  ranking = rank(benchmark, tmp_path, arrays)[0]
  assert (ranking.top[:, :20] == np.arange(20)).all()


def test_of_equal_embeddings_the_first_is_scored():
  # Scores of equal rows may differ in their last bits, by where they stand in
  # a block: that they tie is no accident only where one row stands for all.
  rows = np.array([[0.1, 0.2], [0.2, 0.1], [0.1, 0.2]], np.float32)
  assert _first_equal(rows, np.array([0, 1, 2])).tolist() == [0, 1, 0]
  assert _first_equal(rows, np.array([2, 1, 0])).tolist() == [2, 1, 2]


def test_one_row_is_scored_for_all_that_are_equal(
  benchmark, arrays, tmp_path, monkeypatch
):
  pools = []

  def noting(queries, texts, pool, *rest):
    pools.append(pool)
    return rank_exactly(queries, texts, pool, *rest)

  rank_exactly = exact.rank
  monkeypatch.setattr(exact, "rank", noting)
  arrays["passages"][:] = arrays["passages"][0]
  rank(benchmark, tmp_path, arrays)
  [pool] = pools
  assert len(set(pool.texts.tolist())) == 1


def without(arrays, plural, ids, row):
  return {
    **arrays,
    plural: np.delete(arrays[plural], row, axis=0),
    ids: np.delete(arrays[ids], row),
  }


def test_what_has_no_embedding_is_not_retrieved(benchmark, arrays, tmp_path):
  lost_query = arrays["query_ids"][4]
  lost_passage = arrays["passage_ids"][7]
  less = without(arrays, "queries", "query_ids", 4)
  less = without(less, "passages", "passage_ids", 7)
  message = rf"queries without an embedding: 1 \(.{lost_query}.\); passages w"
  with pytest.raises(UserError, match=message):
    rank(benchmark, tmp_path, less)
  found, lines = rank(benchmark, tmp_path, less, allow=True)
  assert len(lines) == 2
  q = benchmark.query_ids.index(lost_query)
  p = benchmark.passage_ids.index(lost_passage)
  lost = (benchmark.gold_queries == q) | (benchmark.gold_passages == p)
  assert np.isinf(found.gold_ranks[lost]).all()
  assert np.isinf(found.gold_language_ranks[lost]).all()
  assert (found.top[q] == -1).all()
  assert p not in found.top
  # The others stand as they would, were the passage last.
  last = {**arrays, "passages": arrays["passages"].copy()}
  whole = expected(benchmark, last)
  row = benchmark.gold_queries
  before = [
    (whole.top[row[g]].tolist().index(p) if p in whole.top[row[g]] else 99)
    < whole.gold_ranks[g] - 1
    for g in range(len(row))
  ]
  kept = ~lost & (whole.gold_ranks <= whole.top.shape[1])
  ranks = whole.gold_ranks - np.array(before)
  assert (found.gold_ranks[kept] == ranks[kept]).all()


def test_a_passage_of_length_0_is_kept_where_faults_are_allowed(
  benchmark, arrays, tmp_path
):
  arrays["passages"][3] = 0
  with pytest.raises(UserError, match=r"embeddings of passages of length 0: 1"):
    rank(benchmark, tmp_path, arrays)
  found, lines = rank(benchmark, tmp_path, arrays, allow=True)
  assert_same(found, expected(benchmark, arrays))
  assert len(lines) == 1


def test_what_is_kept_is_not_said_to_be_left_out(benchmark, arrays, tmp_path):
  arrays["passages"][3] = 0
  with pytest.raises(UserError) as caught:
    rank(benchmark, tmp_path, arrays)
  assert str(caught.value).endswith(
    "; mend them, or keep them by --config.evaluate.allow_faults=true"
  )
  arrays["queries"][3] = np.nan
  with pytest.raises(UserError) as caught:
    rank(benchmark, tmp_path, arrays)
  assert str(caught.value).endswith(
    "; mend them, or leave them out (but keep embeddings of passages of length"
    " 0) by --config.evaluate.allow_faults=true"
  )


@pytest.mark.parametrize("key", ["query_ids", "passage_ids"])
@pytest.mark.parametrize(
  ("change", "found"),
  [
    (lambda ids: ids.astype("S"), r"an array of \|S4, shape \(27,\)"),
    (lambda ids: ids[:, None], r"an array of <U4, shape \(27, 1\)"),
    (lambda ids: np.arange(len(ids)), r"an array of int64, shape \(27,\)"),
    (lambda ids: ids[0], r"an array of <U4, shape \(\)"),
    (lambda ids: ids.astype(object), r"an array that cannot be read \(Object"),
  ],
)
def test_ids_that_are_no_texts(benchmark, arrays, tmp_path, key, change, found):
  arrays[key] = change(arrays[key])
  message = (
    rf"tiny\.npz \({key}\): {found}.*; expected texts \[rows\]: save"
    r" ids\.astype\(str\)"
  )
  with pytest.raises(UserError, match=message) as caught:
    rank(benchmark, tmp_path, arrays, allow=True)
  assert "\n" not in str(caught.value)


@pytest.mark.parametrize("allow", [False, True])
@pytest.mark.parametrize("kind", ["query", "passage"])
def test_ids_of_another_form(benchmark, arrays, tmp_path, kind, allow):
  key = f"{kind}_ids"
  arrays[key] = np.array([id.replace(":", "_") for id in arrays[key]])
  example = getattr(benchmark, key)[0]
  message = (
    rf"no id is one of the benchmark's \(the first: \"{arrays[key][0]}\"\);"
    rf' expected its ids, which are LANGUAGE:ID, such as "{example}"$'
  )
  with pytest.raises(UserError, match=message):
    rank(benchmark, tmp_path, arrays, allow)


def spoilt(arrays, key, row, value):
  changed = {**arrays, key: arrays[key].copy()}
  changed[key][row] = value
  return changed


def test_faults_are_named(benchmark, arrays, tmp_path):
  cases = [
    (spoilt(arrays, "passages", 2, np.nan), r"not finite: 1 .*row 2 "),
    (
      spoilt(arrays, "queries", 2, np.inf),
      r"of queries that are not fin",
    ),
    (
      spoilt(arrays, "query_ids", 1, "xx"),
      r"does not have \(its ids are LANGUAGE:ID, such as .de:0.\): 1 .*row 1"
      r" .xx.",
    ),
    (
      spoilt(arrays, "passages", 2, 1e19),
      r"of passages whose scores would leave float32 .*: 1 .*row 2 ",
    ),
    (
      spoilt(arrays, "queries", [2, 4], -1e38),
      r"of queries whose scores would leave float32 .*: 2 .*row 2 .*row 4 ",
    ),
    (
      spoilt(arrays, "query_ids", 5, arrays["query_ids"][0]),
      r"whose id stands before: 1 .*row 5",
    ),
  ]
  for changed, message in cases:
    with pytest.raises(UserError, match=message) as caught:
      rank(benchmark, tmp_path, changed)
    assert "\n" not in str(caught.value)
    ranking, lines = rank(benchmark, tmp_path, changed, allow=True)
    assert lines
    assert np.isinf(ranking.gold_ranks).any()


def test_arrays_that_do_not_fit_are_refused(benchmark, arrays, tmp_path):
  cases = [
    ({**arrays, "queries": arrays["queries"][:, :4]}, r"4 dims, but .* has 5"),
    ({**arrays, "queries": arrays["queries"][:3]}, r"3 rows, but 27 ids"),
    ({**arrays, "passages": np.zeros(3)}, r"shape \(3,\); expected floats"),
    ({**arrays, "queries": np.zeros((27, 5), int)}, r"int64.*expected floats"),
  ]
  for changed, message in cases:
    with pytest.raises(UserError, match=message):
      rank(benchmark, tmp_path, changed, allow=True)
  del arrays["queries"]
  with pytest.raises(UserError, match=r"tiny\.npz: not embeddings"):
    rank(benchmark, tmp_path, arrays)
  path = tmp_path / "tiny.npz"
  path.write_bytes(path.read_bytes()[:200])
  with pytest.raises(UserError, match=r"tiny\.npz: not embeddings"):
    rank_stored(benchmark, tmp_path, depths(benchmark))
  path.unlink()
  message = (
    r"tiny\.npz: no such file, nor a folder .*/tiny/; expected an \.npz with"
    r" query_ids, queries, .* or a folder with queries\.npy, queries\.ids\.txt"
  )
  with pytest.raises(UserError, match=message):
    rank_stored(benchmark, tmp_path, depths(benchmark))
