"""How far a process has come, for others to judge. To processes, watchdog.

A turn is a point that all processes come to, and in one order: a barrier, a
comparison, arrays that go to the devices of all. Who is turns behind another
one is waited for; whether it works meanwhile is told by the time of its CPUs
(compiling, tokenizing), and by `tick` where little of that is needed.
"""

import contextlib
import dataclasses
import time
from collections.abc import Iterator

# Of a CPU's time: who uses less does nothing. Waiting takes 0.3 %, a download
# of 10 MB/s some 3 %.
_AT_WORK = 0.02


@dataclasses.dataclass(frozen=True)
class Progress:
  """What is told once a second.

  Attributes:
    turn: how many it has come to.
    work: grows while it works.
    waits: it waits for a user, and is late for nobody.
    name: of the last turn that has one.
  """

  turn: int = 0
  work: int = 0
  waits: bool = False
  name: str = "start"

  def to_line(self) -> str:
    """Without a line break."""
    name = " ".join(self.name.split())[:100]
    return f"{self.turn} {self.work} {int(self.waits)} {name}"


def from_line(line: str) -> Progress:
  """What `to_line` was called of."""
  turn, work, waits, name = line.split(" ", 3)
  return Progress(int(turn), int(work), waits == "1", name)


_here = Progress()


def arrive(name: str = "") -> None:
  """The main thread comes to a turn; without a name it keeps the last one's."""
  global _here
  _here = dataclasses.replace(
    _here, turn=_here.turn + 1, name=name or _here.name
  )


def tick() -> None:
  """The main thread has done some work, such as writing a file."""
  global _here
  _here = dataclasses.replace(_here, work=_here.work + 1)


@contextlib.contextmanager
def waiting() -> Iterator[None]:
  """The main thread waits for a user, or for something else without a bound."""
  global _here
  _here = dataclasses.replace(_here, waits=True)
  try:
    yield
  finally:
    _here = dataclasses.replace(_here, waits=False)


def here(timeout_s: float) -> Progress:
  """What this process tells, without the time of the thread that asks.

  Args:
    timeout_s: of the watchdog; who works does so noticeably within it.
  """
  used = time.process_time() - time.thread_time()
  work = _here.work + int(used / (_AT_WORK * timeout_s))
  return dataclasses.replace(_here, work=work)
