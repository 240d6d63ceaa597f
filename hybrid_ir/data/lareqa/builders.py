"""TFDS builders of LAReQA's sets. From checked files, to `reading`.

An example is a paragraph; the data is built once into `cache_dir/tfds`.
"""

import os
import pathlib
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from hybrid_ir.data.lareqa import squad_json
from hybrid_ir.data.lareqa.released import checked_file
from hybrid_ir.data.lareqa.sets import DATA_VERSION, FILES, HOMEPAGE, SETS
from hybrid_ir.data.lareqa.squad_json import ParagraphExample
from hybrid_ir.data.tfds_build import open_split, tfds

# mypy: allow-subclassing-any
# (TFDS ships no types, and builders are subclasses of its classes.)

_CITATION = """\
@inproceedings{roy-etal-2020-lareqa,
  title = "{LAR}e{QA}: Language-Agnostic Answer Retrieval from a Multilingual
    Pool",
  author = "Roy, Uma and Constant, Noah and Al-Rfou, Rami and Barua, Aditya
    and Phillips, Aaron and Yang, Yinfei",
  booktitle = "Proceedings of the 2020 Conference on Empirical Methods in
    Natural Language Processing (EMNLP)",
  year = "2020",
  url = "https://aclanthology.org/2020.emnlp-main.477"
}"""


class _Lareqa(tfds.core.GeneratorBasedBuilder):
  """What both sets share; a language is a config. Abstract: lacks `_info`."""

  VERSION = tfds.core.Version(DATA_VERSION)
  RELEASE_NOTES: ClassVar = {DATA_VERSION: "Upstream's last with both sets."}

  def __init__(self, *, file_format: str = "array_record", **kwargs: Any):
    super().__init__(file_format=file_format, **kwargs)

  def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
    url = SETS[self.name].url(self.builder_config.name)
    return {"test": self._generate_examples(dl_manager.download(url))}

  def _generate_examples(
    self, path: os.PathLike[str]
  ) -> Iterator[tuple[str, ParagraphExample]]:
    for paragraph in squad_json.read(path):
      yield paragraph["id"], paragraph


def _configs(name: str) -> list[Any]:
  return [
    tfds.core.BuilderConfig(
      name=language, description=f"Questions and paragraphs in {language}."
    )
    for language in SETS[name].languages
  ]


def _info(builder: _Lareqa, license: str) -> Any:
  text = tfds.features.Text()
  return tfds.core.DatasetInfo(
    builder=builder,
    description=builder.__doc__,
    features=tfds.features.FeaturesDict(
      {
        "id": text,
        "title": text,
        "context": text,
        "sentences": tfds.features.Sequence(text),
        "sentence_breaks": tfds.features.Tensor(
          shape=(None, 2), dtype=np.int32
        ),
        # One answer a question, so flat: for lists of lists TFDS would import
        # TensorFlow.
        "questions": tfds.features.Sequence(
          {
            "id": text,
            "question": text,
            "answer": text,
            "answer_start": np.int32,
            "gold_sentence": np.int32,
          }
        ),
      }
    ),
    homepage=HOMEPAGE,
    citation=_CITATION,
    license=license,
    disable_shuffling=True,  # upstream's order
  )


class XquadR(_Lareqa):
  """XQuAD-R: XQuAD as answer retrieval; every question in 11 languages."""

  BUILDER_CONFIGS = _configs("xquad_r")

  def _info(self) -> Any:
    return _info(self, license="CC BY-SA 4.0")


class MlqaR(_Lareqa):
  """MLQA-R: MLQA as answer retrieval; a question in 2 to 4 of 7 languages."""

  BUILDER_CONFIGS = _configs("mlqa_r")

  def _info(self) -> Any:
    return _info(self, license="CC BY-NC 4.0")


_BUILDERS = {"xquad_r": XquadR, "mlqa_r": MlqaR}


def sha256(name: str, language: str) -> str:
  """The registered checksum of upstream's file."""
  checksum: str = _BUILDERS[name].url_infos[SETS[name].url(language)].checksum
  return checksum


def examples(
  name: str, language: str, *, cache_dir: pathlib.Path, lareqa_dir: str
) -> Iterator[ParagraphExample]:
  """Yields a language's paragraphs in upstream's order, building them first.

  Args:
    name: `xquad_r` or `mlqa_r`.
    language: a code, one of the set's.
    cache_dir: local folder; the data goes to `tfds/` inside of it.
    lareqa_dir: folder with upstream's xquad-r/ and mlqa-r/; empty: download.

  Raises:
    UserError: files in `lareqa_dir` that are missing or changed, or no
      network where it is empty.
  """
  manual_dir = None
  if lareqa_dir:
    manual_dir = checked_file(
      SETS[name], language, lareqa_dir, sha256(name, language)
    ).parent
  stored_examples = open_split(
    lambda: _BUILDERS[name](config=language, data_dir=cache_dir / "tfds"),
    "test",
    url="" if lareqa_dir else SETS[name].url(language),
    manual_dir=manual_dir,
    mend=f"set data.lareqa_dir to a folder with a copy of {FILES}",
  )
  for stored in stored_examples:
    yield _decode(stored)


def _decode(stored: dict[str, Any]) -> ParagraphExample:
  """TFDS stores bytes, and a list of dicts as a dict of lists."""
  questions = stored["questions"]
  return {
    "id": stored["id"].decode(),
    "title": stored["title"].decode(),
    "context": stored["context"].decode(),
    "sentences": [sentence.decode() for sentence in stored["sentences"]],
    "sentence_breaks": stored["sentence_breaks"].tolist(),
    "questions": [
      {
        "id": id.decode(),
        "question": question.decode(),
        "answer": answer.decode(),
        "answer_start": int(answer_start),
        "gold_sentence": int(gold_sentence),
      }
      for id, question, answer, answer_start, gold_sentence in zip(
        questions["id"],
        questions["question"],
        questions["answer"],
        questions["answer_start"],
        questions["gold_sentence"],
        strict=True,
      )
    ],
  }
