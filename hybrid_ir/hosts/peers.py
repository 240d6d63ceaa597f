"""What is known of the other processes, and who is dead or late. To `watchdog`.

Moments are seconds of the monotonic clock.
"""

import dataclasses
import time
from collections.abc import Sequence

from hybrid_ir.hosts.progress import Progress
from hybrid_ir.hosts.wire import Wire


@dataclasses.dataclass
class Peer:
  """A process: another one, or on process 0 itself too.

  Attributes:
    name: number and host, for messages.
    seen: the last sign of life.
    behind: since when others are ahead of it and it does nothing; None: either
      is not so.
    progress: the last that it told.
    left: how it left the watched block: "" (not yet), "done" or "failed".
    wire: to it; None: not yet connected.
  """

  name: str
  seen: float
  behind: float | None = None
  progress: Progress = Progress()
  left: str = ""
  wire: Wire | None = None

  @property
  def gone(self) -> bool:
    """Whether its connection is lost."""
    return self.wire is not None and self.wire.closed

  def tell(self, progress: Progress) -> None:
    """Takes note of what it has done."""
    if progress != self.progress:
      self.progress, self.behind = progress, None


def dead(peers: Sequence[Peer], now: float, timeout_s: float, hub: bool) -> str:
  """Who ends the run by its end, or silence; empty: nobody.

  Args:
    peers: that this process judges.
    now: the moment to judge.
    timeout_s: seconds that a process may be silent.
    hub: whether this is process 0. A peer that is done may end, where it is not
      process 0: JAX's service ends with that.

  Returns:
    who, and what to look at.
  """
  for peer in peers:
    if peer.gone and peer.left == "failed":
      return (
        f"{peer.name} stopped with an error at {_clock(now)}; look at the end"
        " of its log"
      )
    if peer.gone and not (hub and peer.left):
      return (
        f"{peer.name} ended without a word at {_clock(now)}; look at the end of"
        " its log, at its machine (preempted?), its memory (dmesg)"
      )
    if not peer.gone and now - peer.seen > timeout_s:
      return (
        f"{peer.name} has shown no sign of life since {_clock(peer.seen)}"
        f" {_late(timeout_s)}; look at its log, and whether its machine or"
        " network hangs"
      )
  return ""


def late(everyone: Sequence[Peer], now: float, timeout_s: float) -> str:
  """Who keeps the others waiting and does nothing; empty: nobody.

  It is among those that have come to the fewest turns: the others may wait for
  them. Who works may take as long as it likes. Notes in `behind` since when.

  Args:
    everyone: all processes of the run.
    now: the moment to judge.
    timeout_s: seconds that a process may do nothing while others wait.

  Returns:
    who, and what to look at.
  """
  inside = [peer for peer in everyone if not peer.left]
  if not inside:
    return ""
  least = min(peer.progress.turn for peer in inside)
  first = max(inside, key=lambda peer: peer.progress.turn)
  left = any(peer.left == "done" for peer in everyone)
  waits = left or first.progress.turn > least
  for peer in inside:
    if peer.progress.turn > least or peer.progress.waits or not waits:
      peer.behind = None
    elif peer.behind is None:
      peer.behind = now
  found = [(p.behind, p) for p in inside if p.behind is not None]
  since, peer = min(found, key=lambda pair: pair[0], default=(now, first))
  if now - since <= timeout_s:
    return ""
  others = "have left" if left else f"are at {first.progress.name!r}"
  return (
    f"{peer.name} has been at {peer.progress.name!r} and done nothing since"
    f" {_clock(since)} {_late(timeout_s)}, while others {others} (turn"
    f" {peer.progress.turn}"
    + ("" if left else f", others {first.progress.turn}")
    + "); look at its log, and whether its disk or network hangs"
  )


def _late(timeout_s: float) -> str:
  return f"({timeout_s} s: config key 'mesh.timeout_s')"


def _clock(moment: float) -> str:
  """A moment as logs tell the time."""
  then = time.time() - (time.monotonic() - moment)
  return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(then))
