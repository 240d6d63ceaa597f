"""Whole collections of ir_datasets' as TFDS sets. From `ir_sets`, to encoding.

An example is a passage; a collection of dozens of files, as MIRACL's are, is
built by Apache Beam's workers, a file each, where a runner is named. With and
without one the same examples come in the same order: TFDS sorts them by a hash
of their ids.
"""

import functools
import importlib.metadata
import pathlib
from collections.abc import Iterator
from typing import Any

from hybrid_ir.config import Data
from hybrid_ir.data import beam, ir_sets
from hybrid_ir.data.passages import Passage
from hybrid_ir.data.tfds_build import open_split, tfds

# mypy: allow-subclassing-any
# (TFDS ships no types, and builders are subclasses of its classes.)

_SPLIT = "passages"


class IrCorpus(tfds.core.GeneratorBasedBuilder):
  """The passages of a collection of ir_datasets', of one language."""

  # The library pins upstream's checksums: another release may have others.
  VERSION = tfds.core.Version(importlib.metadata.version("ir_datasets"))

  def __init__(self, *, dataset_id: str, on_beam: bool, data_dir: pathlib.Path):
    self._dataset_id = dataset_id
    self._on_beam = on_beam
    name = dataset_id.replace("/", "_")
    super().__init__(
      config=tfds.core.BuilderConfig(name=name, description=dataset_id),
      data_dir=data_dir,
      file_format="array_record",
    )

  def _info(self) -> Any:
    text = tfds.features.Text()
    return tfds.core.DatasetInfo(
      builder=self,
      description=self.__doc__,
      features=tfds.features.FeaturesDict({"id": text, "text": text}),
    )

  def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
    return {_SPLIT: self._generate_examples()}

  def _generate_examples(self) -> Any:
    parts = range(ir_sets.passage_parts(self._dataset_id))
    read = functools.partial(_examples, self._dataset_id)
    if self._on_beam:
      return beam.examples(parts, read)
    return (example for part in parts for example in read(part))


def _examples(
  dataset_id: str, part: int
) -> Iterator[tuple[str, dict[str, str]]]:
  for id, text in ir_sets.passages(dataset_id, part):
    yield id, {"id": id, "text": text}


def passages(
  name: str, data: Data, cache_dir: pathlib.Path
) -> Iterator[Passage]:
  """Yields a collection's passages, building it first where it is not built.

  A passage without any text is left out.

  Args:
    name: "ir_datasets:" and an id of ir_datasets', "ir_datasets:miracl/sw".
    data: the config's section; its runner builds.
    cache_dir: local folder; the data goes to `tfds/` inside of it. With a
      runner on other machines, one that they share.

  Raises:
    UserError: an unknown id or one whose language cannot be told, a failed
      download, or no Apache Beam.
  """
  dataset_id = name.removeprefix(ir_sets.PREFIX)
  language = ir_sets.passage_language(dataset_id)
  stored = open_split(
    functools.partial(
      IrCorpus,
      dataset_id=dataset_id,
      on_beam=bool(data.beam_runner),
      data_dir=cache_dir / "tfds",
    ),
    _SPLIT,
    url="",
    manual_dir=None,
    mend="set IR_DATASETS_HOME to a folder that has its files",
    runner=data.beam_runner,
    runner_flags=data.beam_options,
  )
  for example in stored:
    id, text = example["id"].decode(), example["text"].decode()
    if text:
      yield Passage(id, language, text, f"{name}, {id}")
