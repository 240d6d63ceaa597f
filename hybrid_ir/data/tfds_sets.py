"""SQuAD and its kin, and Dolly, as records. From TFDS, to the sources.

A question's passage is its whole paragraph. SQuAD's ids name the same question
in English and in XTREME's machine translations of its training set (Hu et al.
2020, https://arxiv.org/abs/2003.11080), so they make cross-lingual pairs; so do
XQuAD's and MLQA's.
"""

import dataclasses
import pathlib
from collections.abc import Iterator
from typing import Any

from hybrid_ir.data.records import Record
from hybrid_ir.data.tfds_build import open_published

NAMES = ("squad", "xquad", "mlqa", "tydi_qa", "dolly")

# An instruction is a task, and the query what it is done to. Where Dolly's
# example has no context, its instruction is all that a user would type: it is
# the query, and this the task, in the words of E5-instruct (arXiv 2402.05672:
# "Given a ..., retrieve ...").
DOLLY_TASK = "Given a request, retrieve a response that fulfils it"


@dataclasses.dataclass(frozen=True)
class Part:
  """One language of one split, as TFDS has it."""

  build: str  # its name, config and version
  split: str
  file: str  # one of the files that it is made of
  id_prefix: str = ""  # of the examples that are meant; "": all of them


_XQUAD = "ar de el en es hi ru th tr vi zh"
_MLQA = "ar de en es hi vi zh"
_TYDI_QA = {
  "ar": "arabic",
  "bn": "bengali",
  "en": "english",
  "fi": "finnish",
  "id": "indonesian",
  "ko": "korean",
  "ru": "russian",
  "sw": "swahili",
  "te": "telugu",
}
_SQUAD = "squad/v1.1:3.0.0"
_GOLDP = "tydi_qa/goldp:3.0.0"
_GOLDP_FILE = "tydiqa-goldp-v1.1-train.json"


def splits(name: str) -> dict[str, dict[str, Part]]:
  """Split -> language -> where TFDS has it.

  SQuAD's dev split is English alone, since its translations are not known to
  keep SQuAD's ids.
  """
  match name:
    case "squad":
      train = {"en": Part(_SQUAD, "train", "train-v1.1.json")}
      for code in _XQUAD.split():
        if code != "en":
          file = f"squad.translate.train.en-{code}.json"
          build = f"xquad/{code}:3.0.0"
          train[code] = Part(build, "translate-train", file)
      return {
        "train": train,
        "dev": {"en": Part(_SQUAD, "validation", "dev-v1.1.json")},
      }
    case "xquad":
      test = {
        code: Part(f"xquad/{code}:3.0.0", "test", f"xquad.{code}.json")
        for code in _XQUAD.split()
      }
      return {"test": test}
    case "mlqa":
      return {
        split: {
          code: Part(f"mlqa/{code}:1.0.0", theirs, "MLQA_V1.zip")
          for code in _MLQA.split()
        }
        for split, theirs in (("dev", "validation"), ("test", "test"))
      }
    case "tydi_qa":  # an example's language is the first word of its id
      return {
        "train": {
          code: Part(_GOLDP, "train", _GOLDP_FILE, f"{language}-")
          for code, language in _TYDI_QA.items()
        },
        "dev": {
          code: Part(_GOLDP, f"validation-{code}", _GOLDP_FILE)
          for code in _TYDI_QA
        },
      }
    case _:
      dolly = Part(
        "databricks_dolly:1.0.0", "train", "databricks-dolly-15k.jsonl"
      )
      return {"train": {"en": dolly}}


def fingerprint(part: Part) -> str:
  """Changes when TFDS's data does: a version stands for its checksums."""
  return f"{part.build}/{part.split}"


def records(
  language: str, part: Part, cache_dir: pathlib.Path
) -> Iterator[Record]:
  """Yields a part's records in TFDS's order, which is shuffled once and kept.

  Args:
    language: of the part, for the records.
    part: of `splits`.
    cache_dir: local folder; the data goes to `tfds/` inside of it.

  Raises:
    UserError: no network, or files that are not as they were released.
  """
  examples = open_published(
    part.build, part.split, part.file, cache_dir / "tfds"
  )
  for i, example in enumerate(examples):
    where = f"{part.build}, {part.split}, example {i}"
    if "instruction" in example:
      yield _response(example, str(i), language, where)
    elif example["id"].decode().startswith(part.id_prefix):
      yield _question(example, language, where)


def _question(example: dict[str, Any], language: str, where: str) -> Record:
  return Record(
    id=example["id"].decode(),
    language=language,
    query=_text(example["question"]),
    passage=_text(example["context"]),
    where=where,
  )


def _response(
  example: dict[str, Any], id: str, language: str, where: str
) -> Record:
  instruction = _text(example["instruction"])
  context = _text(example["context"])
  return Record(
    id=id,
    language=language,
    query=context or instruction,
    passage=_text(example["response"]),
    where=where,
    instruction=instruction if context else DOLLY_TASK,
  )


def _text(stored: bytes) -> str:
  return stored.decode().strip()
