"""Data sets read by many workers. From a builder's parts, to `tfds_build`.

The only importer of Apache Beam (extra `beam`), which is imported late: what
is built without a runner does not need it.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from hybrid_ir.errors import UserError

# Gives the examples of a part, each with its key. Workers get it pickled.
Read = Callable[[Any], Iterator[tuple[str, dict[str, Any]]]]


def examples(parts: Sequence[Any], read: Read) -> Any:
  """What a TFDS builder's `_generate_examples` returns, to run on Beam.

  Args:
    parts: what is read apart; a worker has one at a time.
    read: of a part.

  Raises:
    UserError: Apache Beam is not installed.
  """
  beam = _load()
  # Reshuffled, else a runner may keep all parts on one worker.
  return beam.Create(parts) | beam.Reshuffle() | beam.FlatMap(read)


def options(flags: Sequence[str]) -> Any:
  """Beam's options.

  Args:
    flags: as Beam's runners know them, "--region=europe-west4".

  Raises:
    UserError: Apache Beam is not installed.
  """
  _load()
  from apache_beam.options.pipeline_options import PipelineOptions

  return PipelineOptions(list(flags))  # without any, it reads sys.argv


def _load() -> Any:
  try:
    import apache_beam
  except ImportError as error:
    raise UserError(
      "config key 'data.beam_runner' needs Apache Beam, which cannot be"
      f" imported ({error}); pip install 'hybrid_ir[beam]', or set the key to"
      " ''"
    ) from None
  return apache_beam
