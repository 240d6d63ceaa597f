"""WORKDIR/metrics.jsonl and TensorBoard; the importer of tensorboard.

From the loop, to the report.
"""

import json
import pathlib
import time
from types import TracebackType
from typing import Any, Self

from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from hybrid_ir.files import write_aside

FILE = "metrics.jsonl"


class MetricsLog:
  """Appends a line a log step; lines after a resumed step are dropped."""

  def __init__(self, workdir: pathlib.Path, step: int):
    """Continues at `step`: what a killed run logged beyond it goes."""
    path = workdir / FILE
    lines = path.read_text().splitlines() if path.exists() else []
    with write_aside(path) as aside:
      aside.write_text("".join(f"{x}\n" for x in lines if _step(x) <= step))
    self._file = path.open("a")
    self._events = EventFileWriter(str(workdir / "tensorboard"))
    start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
    # TensorBoard drops what it has from this step on.
    self._add(event_pb2.Event(step=step + 1, session_log=start))

  def write(self, step: int, values: dict[str, Any]) -> None:
    """Writes one line; numbers go to TensorBoard too."""
    self._file.write(json.dumps({"step": step, **values}) + "\n")
    self._file.flush()
    flat = {**values, **values.get("dev", {})}
    summary = summary_pb2.Summary(
      value=[
        summary_pb2.Summary.Value(tag=name, simple_value=value)
        for name, value in flat.items()
        if isinstance(value, int | float)
      ]
    )
    self._add(event_pb2.Event(step=step, summary=summary))
    self._events.flush()

  def _add(self, event: event_pb2.Event) -> None:
    event.wall_time = time.time()
    self._events.add_event(event)

  def __enter__(self) -> Self:
    return self

  def __exit__(
    self,
    kind: type[BaseException] | None,
    error: BaseException | None,
    trace: TracebackType | None,
  ) -> None:
    self._file.close()
    self._events.close()


def _step(line: str) -> float:
  """A line's step; a line cut off by a kill counts as never written."""
  try:
    return float(json.loads(line)["step"])
  except ValueError:
    return float("inf")
