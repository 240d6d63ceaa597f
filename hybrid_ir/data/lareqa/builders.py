"""TFDS builders of LAReQA's sets. From checked files, to `reading`.

The only importer of tensorflow_datasets. The data stands in ArrayRecord files,
an example a paragraph, built once into `cache_dir/tfds` and reused after.
"""

import contextlib
import io
import os
import pathlib
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np

from hybrid_ir.data.lareqa import squad_json
from hybrid_ir.data.lareqa.released import checked_file
from hybrid_ir.data.lareqa.sets import DATA_VERSION, FILES, HOMEPAGE, SETS
from hybrid_ir.data.lareqa.squad_json import ParagraphExample
from hybrid_ir.errors import UserError

# mypy: allow-subclassing-any
# (TFDS ships no types, and builders are subclasses of its classes.)

# Else it asks the network for Google's credentials: seconds, and a warning.
os.environ.setdefault("NO_GCE_CHECK", "true")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow_datasets as tfds

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
_SECONDS_TO_ANSWER = 20  # TFDS tries for 3 minutes before it gives up


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
  for stored in _built(name, language, cache_dir / "tfds", manual_dir):
    yield _decode(stored)


def _built(
  name: str,
  language: str,
  data_dir: pathlib.Path,
  manual_dir: pathlib.Path | None,
) -> Sequence[dict[str, Any]]:
  """Opens the data, built where it isn't: complete or absent (TFDS renames)."""
  builder = _BUILDERS[name](config=language, data_dir=data_dir)
  if not builder.data_path.exists():
    try:
      _build(builder, manual_dir)
    except OSError as e:
      if not builder.data_path.exists():  # no other process was first
        raise UserError(
          f"{builder.data_path}: cannot be built ({e}); check the room and the"
          " rights in cache_dir, and the network where data.lareqa_dir is empty"
        ) from None
    # A builder learns what there is when it is made.
    builder = _BUILDERS[name](config=language, data_dir=data_dir)
  source: Sequence[dict[str, Any]] = builder.as_data_source("test")
  return source


def _build(builder: _Lareqa, manual_dir: pathlib.Path | None) -> None:
  url = SETS[builder.name].url(builder.builder_config.name)
  tfds.display_progress_bar(manual_dir is None)  # else it takes no time
  if manual_dir is None:
    _check_reachable(url)
  try:
    with contextlib.redirect_stdout(io.StringIO()):  # TFDS prints two lines
      builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(
          manual_dir=manual_dir,  # a file there stands for the download
          force_checksums_validation=True,
          try_download_gcs=False,
        )
      )
  except (
    tfds.download.DownloadError,
    tfds.download.download_manager.NonMatchingChecksumError,
  ) as e:
    raise UserError(
      f"{url}: the download is not the released file"
      f" ({' '.join(str(e).split())}); try again, or set data.lareqa_dir"
    ) from None


def _check_reachable(url: str) -> None:
  request = urllib.request.Request(url, method="HEAD")
  try:
    urllib.request.urlopen(request, timeout=_SECONDS_TO_ANSWER).close()
  except (urllib.error.URLError, TimeoutError) as e:
    raise UserError(
      f"{url}: cannot be downloaded ({e}); set data.lareqa_dir to a folder with"
      f" a copy of {FILES}, or try again with a network"
    ) from None


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
