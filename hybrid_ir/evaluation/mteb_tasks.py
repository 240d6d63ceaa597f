"""Benchmarks as mteb's tasks. From catalog and benchmarks, to mteb.evaluate.

The only importer of mteb and datasets, which the extra `mteb` installs.
"""

import abc
import pathlib
from collections.abc import Mapping
from typing import Any

import datasets
import numpy as np
from mteb.abstasks.retrieval import AbsTaskRetrieval
from mteb.abstasks.task_metadata import TaskMetadata

from hybrid_ir.config import Config, Data
from hybrid_ir.data import lareqa
from hybrid_ir.data.lareqa.sets import HOMEPAGE
from hybrid_ir.errors import UserError
from hybrid_ir.evaluation.benchmarks import Benchmark
from hybrid_ir.evaluation.catalog import open_benchmark

# Our language codes (CLDR's) to mteb's: ISO 639-3, ISO 15924.
_CODES = {
  "ar": "ara-Arab",
  "bn": "ben-Beng",
  "de": "deu-Latn",
  "el": "ell-Grek",
  "en": "eng-Latn",
  "es": "spa-Latn",
  "fa": "fas-Arab",
  "fi": "fin-Latn",
  "fr": "fra-Latn",
  "hi": "hin-Deva",
  "id": "ind-Latn",
  "it": "ita-Latn",
  "ja": "jpn-Jpan",
  "ko": "kor-Hang",
  "nl": "nld-Latn",
  "pt": "por-Latn",
  "ru": "rus-Cyrl",
  "sw": "swa-Latn",
  "te": "tel-Telu",
  "th": "tha-Thai",
  "tr": "tur-Latn",
  "vi": "vie-Latn",
  "yo": "yor-Latn",
  "zh": "zho-Hans",
}
_SPLIT = "test"
_CITATION = """\
@inproceedings{roy-etal-2020-lareqa,
  author = {Roy, Uma and Constant, Noah and Al-Rfou, Rami and Barua, Aditya and
    Phillips, Aaron and Yang, Yinfei},
  booktitle = {Proceedings of the 2020 Conference on Empirical Methods in
    Natural Language Processing (EMNLP)},
  title = {{LAR}e{QA}: Language-Agnostic Answer Retrieval from a Multilingual
    Pool},
  url = {https://aclanthology.org/2020.emnlp-main.477},
  year = {2020},
}"""


class PooledTask(AbsTaskRetrieval):
  """One pool of all languages: LAReQA's multilingual setting.

  (Roy et al., EMNLP 2020, section 3.) A subset of the task is the queries of a
  language, so mteb's mean over subsets is the macro mean over query languages.
  A subclass has `metadata`, whose subsets are our language codes.
  """

  data_loaded: bool

  @abc.abstractmethod
  def read(self) -> Benchmark:
    """The benchmark that is scored."""

  def load_data(self, num_proc: int | None = None, **kwargs: Any) -> None:
    """Fills `dataset` from `read()`: mteb calls it, and nothing is downloaded.

    Args:
      num_proc: mteb's; one process reads.
      **kwargs: mteb's, such as its timer.
    """
    if not self.data_loaded:
      self.dataset = _subsets(self.read())
      self.data_loaded = True


class _Lareqa(PooledTask):
  """What the tasks of LAReQA's two sets share."""

  set_name: str  # of lareqa.NAMES

  def __init__(
    self,
    *,
    lareqa_dir: str = "",
    cache_dir: str = Config().cache_dir,
    seed: int = 42,
  ):
    """The arguments are as `data.lareqa_dir` and `cache_dir` of the config.

    Args:
      lareqa_dir: folder with xquad-r/ and mlqa-r/; empty: downloaded by TFDS.
      cache_dir: local folder; the data set is built in tfds/ inside of it.
      seed: mteb's; retrieval draws nothing.
    """
    super().__init__(seed=seed)
    self._data = Data(lareqa_dir=lareqa_dir)
    self._cache_dir = pathlib.Path(cache_dir).expanduser()

  def read(self) -> Benchmark:
    """The benchmark of the set's name.

    Raises:
      UserError: files of `lareqa_dir` that are missing or changed.
    """
    return open_benchmark(self.set_name, self._data, self._cache_dir)


def _lareqa_metadata(set_name: str, **fields: Any) -> TaskMetadata:
  return TaskMetadata(
    dataset={"path": HOMEPAGE, "revision": lareqa.fingerprint(set_name)},
    type="Retrieval",
    category="t2t",
    reference=HOMEPAGE,
    eval_splits=[_SPLIT],
    eval_langs={code: [_CODES[code]] for code in lareqa.languages(set_name)},
    main_score="ndcg_at_10",
    domains=["Encyclopaedic", "Written"],
    task_subtypes=["Question answering"],
    annotations_creators="derived",  # the answer spans' sentences
    dialect=[],
    bibtex_citation=_CITATION,
    **fields,
  )


class XQuADRPooled(_Lareqa):
  """XQuAD-R: 1,190 questions in each of 11 languages, 13,014 sentences."""

  set_name = "xquad_r"
  metadata = _lareqa_metadata(
    "xquad_r",
    name="XQuADRPooled",
    description=(
      "Find the sentence that answers a question, in every language, among the"
      " sentences of 240 paragraphs in 11 languages: one multilingual pool."
    ),
    date=("2019-05-21", "2019-11-21"),  # as mteb has it of XQuAD
    license="cc-by-sa-4.0",
    sample_creation="human-translated",
    adapted_from=["XQuADRetrieval"],
  )


class MLQARPooled(_Lareqa):
  """MLQA-R: 4,199 questions in 7 languages, 20,534 sentences."""

  set_name = "mlqa_r"
  metadata = _lareqa_metadata(
    "mlqa_r",
    name="MLQARPooled",
    description=(
      "Find the sentence that answers a question, in every language that has"
      " it, among the sentences of Wikipedia paragraphs in 7 languages: one"
      " multilingual pool."
    ),
    date=("2019-01-01", "2020-12-31"),  # as mteb has it of MLQA
    license="cc-by-nc-4.0",
    sample_creation="multiple",  # questions translated, paragraphs found
    adapted_from=["MLQARetrieval"],
  )


def pooled_task(
  benchmark: Benchmark, codes: Mapping[str, str] | None = None
) -> PooledTask:
  """Any benchmark as an mteb task, named `BENCHMARK_pooled`.

  Args:
    benchmark: queries, candidates and graded gold.
    codes: a language of the benchmark -> mteb's code, such as eng-Latn; goes
      before the ones that are known here.

  Raises:
    UserError: a language whose code is not known, a benchmark in which one
      pool of all languages has no meaning, or queries with instructions.
  """
  if "multi" not in benchmark.settings:
    raise UserError(
      f"benchmark {benchmark.name!r} is for {', '.join(benchmark.settings)}"
      " alone; expected one with the setting multi: score it by task=evaluate"
    )
  if benchmark.query_instructions:
    raise UserError(
      f"benchmark {benchmark.name!r}: its queries carry instructions, which are"
      " not given to mteb; score it by task=evaluate, or leave the field"
      " 'instruction' out"
    )
  known = {**_CODES, **(codes or {})}
  asked = [benchmark.languages[i] for i in np.unique(benchmark.query_languages)]
  for language in asked:
    if language not in known:
      raise UserError(
        f"benchmark {benchmark.name!r}: language {language!r} has no mteb code"
        f' here; expected one of {", ".join(known)}: pass codes={{"{language}":'
        ' "xxx-Xxxx"} (ISO 639-3, ISO 15924)'
      )

  class Pooled(PooledTask):
    """A class of its own: mteb takes `metadata` off instances."""

    metadata = TaskMetadata(
      name=f"{benchmark.name}_pooled",
      description=(
        f"Find the {benchmark.unit}s that are relevant to a query among those"
        f" of {len(benchmark.languages)} languages: one multilingual pool."
      ),
      dataset={"path": benchmark.name, "revision": benchmark.fingerprint},
      type="Retrieval",
      category="t2t",
      eval_splits=[_SPLIT],
      eval_langs={language: [known[language]] for language in asked},
      main_score="ndcg_at_10",
      license="not specified",
      bibtex_citation="",
      is_public=False,
    )

    def read(self) -> Benchmark:
      return benchmark

  return Pooled()


def _subsets(benchmark: Benchmark) -> dict[str, dict[str, dict[str, Any]]]:
  """Query language -> split -> mteb's RetrievalSplitData, of one pool."""
  pool = datasets.Dataset.from_dict(
    {
      "id": list(benchmark.passage_ids),
      "text": list(benchmark.passage_texts),
    }
  )
  gold: dict[str, dict[str, int]] = {id: {} for id in benchmark.query_ids}
  for query, passage, grade in zip(
    benchmark.gold_queries,
    benchmark.gold_passages,
    benchmark.gold_grades,
    strict=True,
  ):
    judged = gold[benchmark.query_ids[query]]
    judged[benchmark.passage_ids[passage]] = int(grade)
  subsets = {}
  for code in np.unique(benchmark.query_languages):
    here = np.flatnonzero(benchmark.query_languages == code)
    ids = [benchmark.query_ids[q] for q in here]
    queries = datasets.Dataset.from_dict(
      {"id": ids, "text": [benchmark.query_texts[q] for q in here]}
    )
    subsets[benchmark.languages[code]] = {
      _SPLIT: {
        "corpus": pool,
        "queries": queries,
        "relevant_docs": {id: gold[id] for id in ids},
        "top_ranked": None,  # the whole pool is searched
      }
    }
  return subsets
