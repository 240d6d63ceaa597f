"""BM25 to a ranking. From a benchmark's texts, to evaluate.

A baseline that depends on no model: over words (retrieval/words.py), with
bm25s' Lucene variant, k1 = 1.5, b = 0.75. Statistics are those of the pool that
is searched: a language's passages in mono and cross, all of them in multi.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from hybrid_ir.evaluation.benchmarks import Benchmark
from hybrid_ir.retrieval.bm25 import Index
from hybrid_ir.retrieval.ranking import (
  Depths,
  Golds,
  Pool,
  Ranking,
  rank_blocks,
)
from hybrid_ir.retrieval.words import words

_BLOCK_SCORES = 2**22  # 16 MiB of float32


def rank_by_bm25(benchmark: Benchmark, depths: Depths) -> Ranking:
  """Ranks all candidates; those without a word of the query's score 0.

  Args:
    benchmark: what is searched.
    depths: of the lists.
  """
  numbers: dict[str, int] = {}

  def pieces(text: str) -> NDArray[np.int32]:
    return np.fromiter(
      (numbers.setdefault(word, len(numbers)) for word in words(text)), np.int32
    )

  name = benchmark.name
  passages = [
    pieces(text)
    for text in tqdm(
      benchmark.passage_texts, f"{name}: words", unit=" passages", leave=False
    )
  ]
  queries = [pieces(text) for text in benchmark.query_texts]
  C, L = len(passages), len(benchmark.languages)
  pool = Pool(np.arange(C, dtype=np.int32), benchmark.passage_languages, L)

  def rank(columns: list[NDArray[np.int64]], depths: Depths) -> Ranking:
    """Ranks by the statistics of these pools, each its own."""
    indices = [
      (here, Index([passages[i] for i in here]))
      for here in columns
      if len(here)
    ]

    def scores(rows: slice) -> NDArray[np.float32]:
      found = np.zeros((rows.stop - rows.start, C), np.float32)
      for out, query in zip(found, queries[rows], strict=True):
        for here, index in indices:
          out[here] = index.scores(query)
      return found

    def open_block(
      columns: slice,
    ) -> Callable[[slice], NDArray[np.float32]]:
      del columns  # one block: a query is scored against all at once
      return scores

    B = max(1, _BLOCK_SCORES // C)
    golds = Golds(benchmark.gold_offsets, benchmark.gold_passages)
    return rank_blocks(open_block, len(queries), C, pool, golds, depths, (B, C))

  whole = rank([np.arange(C)], Depths(depths.whole))
  parts = rank(
    [np.flatnonzero(benchmark.passage_languages == x) for x in range(L)],
    dataclasses.replace(depths, whole=0),
  )
  return dataclasses.replace(
    parts,
    gold_ranks=whole.gold_ranks,
    top=whole.top,
    top_scores=whole.top_scores,
  )
