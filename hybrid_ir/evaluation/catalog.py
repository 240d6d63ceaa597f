"""Benchmark names to benchmarks. From the readers, to evaluation."""

import dataclasses
import pathlib
import re

from hybrid_ir.config import Data
from hybrid_ir.data import lareqa
from hybrid_ir.data.sources import open_source
from hybrid_ir.evaluation.benchmarks import (
  Benchmark,
  from_paragraphs,
  from_records,
)


def open_benchmark(
  name: str,
  data: Data,
  cache_dir: pathlib.Path,
  split: str = "test",
  pool: str = "",
) -> Benchmark:
  """Opens a benchmark by the name that a config gives.

  LAReQA's sets are sentence retrieval. Of a data set of pairs, `split` gives
  the queries and `pool` the candidates: the passages of all splits by default,
  so that near misses stand among them.

  Args:
    name: xquad_r, mlqa_r, world_facts, or the path of a .jsonl file.
    data: the config's section.
    cache_dir: where builders put what they read.
    split: of the queries, for a data set of pairs.
    pool: of the candidates, for a data set of pairs; "": all splits.

  Raises:
    UserError: an unknown name, files that are not there, an empty split.
  """
  if name in lareqa.NAMES:
    paragraphs = {
      language: lareqa.paragraphs(
        name, language, cache_dir=cache_dir, lareqa_dir=data.lareqa_dir
      )
      for language in lareqa.languages(name)
    }
    return from_paragraphs(name, "sentence", paragraphs)
  data = dataclasses.replace(data, languages=())  # they limit training alone
  queries = open_source(name, split, data, cache_dir)
  passages = open_source(name, pool, data, cache_dir)
  short = re.sub(r"\W+", "_", pathlib.Path(name).stem)  # names files
  return from_records(short, queries.read(), passages.read())
