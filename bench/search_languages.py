"""Which languages fill the top 10 of a search over a benchmark's pool.

  python -m hybrid_ir.main --config=... --workdir=RUN --config.task=encode \
    --config.encode.corpus=xquad_r
  python bench/search_languages.py --workdir=RUN --lareqa_dir=FOLDER

Prints, for the first questions in each of some languages, the share of each
language in their top 10, and no text of the benchmark.
"""

import collections
import pathlib

from absl import app, flags

import hybrid_ir
from hybrid_ir.config import Data
from hybrid_ir.evaluation.catalog import open_benchmark

_WORKDIR = flags.DEFINE_string("workdir", None, "Has index/.", required=True)
_BENCHMARK = flags.DEFINE_string("benchmark", "xquad_r", "What was encoded.")
_LAREQA = flags.DEFINE_string("lareqa_dir", "", "As data.lareqa_dir.")
_CACHE = flags.DEFINE_string("cache_dir", "~/.cache/hybrid_ir", "As cache_dir.")
_LANGUAGES = flags.DEFINE_list("languages", "en,de,ar,zh,hi", "Of queries.")
_QUERIES = flags.DEFINE_integer("queries", 100, "In each language.")


def main(argv: list[str]) -> None:
  """Prints a row a query language."""
  del argv
  benchmark = open_benchmark(
    _BENCHMARK.value,
    Data(lareqa_dir=_LAREQA.value),
    pathlib.Path(_CACHE.value).expanduser(),
  )
  model = hybrid_ir.load(_WORKDIR.value)
  index = hybrid_ir.open_index(_WORKDIR.value)
  print("| queries | " + " | ".join(index.languages) + " |")
  print("|---" * (1 + len(index.languages)) + "|")
  for language in _LANGUAGES.value:
    code = benchmark.languages.index(language)
    texts = [
      text
      for text, its in zip(
        benchmark.query_texts, benchmark.query_languages, strict=True
      )
      if its == code
    ][: _QUERIES.value]
    hits = [hit for found in model.search(texts, index) for hit in found]
    counts = collections.Counter(hit.language for hit in hits)
    shares = [f"{counts[c] / len(hits):.1%}" for c in index.languages]
    print(f"| {language} | " + " | ".join(shares) + " |")


if __name__ == "__main__":
  app.run(main)
