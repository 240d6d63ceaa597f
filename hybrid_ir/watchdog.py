"""Ends this process where another one is dead or late. Around a task, by main.

Every process is connected with process 0 and beats there once a second; process
0 beats back. Process 0 judges all, itself too, and tells them; they judge
whether process 0 lives. SIGTERM to one of them ends all, where `stopping`
listens. The connections are our own: JAX's abort the process, and name nobody.
"""

import contextlib
import itertools
import os
import secrets
import selectors
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from typing import NoReturn

from hybrid_ir import processes
from hybrid_ir.errors import ABSENT, UserError
from hybrid_ir.files import is_full
from hybrid_ir.hosts import progress
from hybrid_ir.hosts.endings import on_abort, skip_clean_up
from hybrid_ir.hosts.peers import Peer, dead, late
from hybrid_ir.hosts.wire import Wire, connect, listen
from hybrid_ir.stopping import STOPPED

_BEAT_S = 1.0
# How long a process that stops with an error waits for the others, which may
# have the same error, or be its cause.
_SETTLE_S = 5.0
_turns = itertools.count()


def move(step: int) -> None:
  """Says which step is computed next. All processes call it."""
  progress.arrive(f"step {step}")


@contextlib.contextmanager
def watch(timeout_s: int) -> Iterator[None]:
  """While the block runs, a dead or late process ends all others with code 76.

  Late is who keeps others waiting at a turn (see `hosts.progress`) and does
  nothing for `timeout_s`, though it lives. Every process enters it after
  `join`. A process that leaves the block goes on when all have left it, so that
  an end in time is nobody's fault; an error in all processes is everywhere that
  error. With one process nothing is done.

  Args:
    timeout_s: seconds without a sign of life, or of work that others wait for,
      that end the run. A lost connection ends it at once.

  Raises:
    UserError: process 0 cannot be reached.
  """
  if processes.count() == 1:
    yield
    return
  try:
    watcher = _Watcher(timeout_s)
  except UserError:
    skip_clean_up(2)  # which would wait for processes that wait for this one
    raise
  with contextlib.ExitStack() as stack:
    # JAX aborts when process 0 is gone: the thread gets the time to say so.
    stack.enter_context(on_abort(lambda: time.sleep(_SETTLE_S)))
    stack.enter_context(watcher.hears_signals())
    watcher.thread.start()
    try:
      yield
    except BaseException as error:
      code, failed = 1, True
      if isinstance(error, UserError) or is_full(error):
        code = 2  # as main has it
      elif isinstance(error, SystemExit):
        code = error.code if isinstance(error.code, int) else bool(error.code)
        failed = code not in (0, STOPPED)
      if not watcher.leave(failed):
        skip_clean_up(code)
        stack.pop_all()  # this process is watched to its end
      raise
    watcher.leave(failed=False)


class _Watcher:
  """The thread, and what the main thread tells it.

  Attributes:
    thread: not yet started.
  """

  def __init__(self, timeout_s: int):
    self.thread = threading.Thread(target=self._run, daemon=True)
    self._timeout_s = timeout_s
    self._left = ""
    self._failed_at: dict[int, float] = {}
    self._together = False
    self._free = threading.Event()
    self._selector = selectors.DefaultSelector()
    self._waker, waked = socket.socketpair()
    waked.setblocking(False)
    self._waker.setblocking(False)
    self._selector.register(waked, selectors.EVENT_READ)
    self._waked = waked
    self._listener: socket.socket | None = None
    self._unknown: list[Wire] = []
    now = time.monotonic()
    key = f"watch/{next(_turns)}"
    if processes.is_first():
      self._listener = listen(processes.count())
      self._selector.register(self._listener, selectors.EVENT_READ)
      self._token = secrets.token_hex(8)
      port = self._listener.getsockname()[1]
      processes.tell(key, f"{port} {self._token} {socket.gethostname()}")
      self._me = Peer(f"process 0 ({socket.gethostname()})", now)
      self._peers = {
        other: Peer(f"process {other}", now)
        for other in range(1, processes.count())
      }
    else:
      port, self._token, host = processes.ask(key, timeout_s).split()
      wire = Wire(connect(processes.coordinator_host(), int(port), timeout_s))
      self._selector.register(wire.socket, selectors.EVENT_READ)
      me = f"{self._token} {processes.index()} {socket.gethostname()}"
      wire.send(f"hello {me}")
      self._peers = {0: Peer(f"process 0 ({host})", now, wire=wire)}

  # ------------------------------------------------- by the main thread
  @contextlib.contextmanager
  def hears_signals(self) -> Iterator[None]:
    """The thread is told of signals at once, whatever the main thread does."""
    before = signal.set_wakeup_fd(
      self._waker.fileno(), warn_on_full_buffer=False
    )
    try:
      yield
    finally:
      signal.set_wakeup_fd(before)

  def leave(self, failed: bool) -> bool:
    """Waits for the others; gives whether all of them have left as well."""
    self._left = "failed" if failed else "done"
    with contextlib.suppress(OSError):  # closed: all have left just now
      self._waker.send(b".")
    self._free.wait()
    return self._together

  # ------------------------------------------------- by the thread
  def _run(self) -> None:
    try:
      beat = 0.0
      told = ""
      while not self._together:
        self._selector.select(_BEAT_S)
        with contextlib.suppress(BlockingIOError):
          if signal.SIGTERM in self._waked.recv(64):
            self._stop()
        self._accept()
        for peer in self._peers.values():
          self._hear(peer)
        now = time.monotonic()
        self._judge(now)
        if now - beat >= _BEAT_S or told != self._left:
          beat, told = now, self._left
          self._say(f"at {progress.here(self._timeout_s).to_line()}")
          if told:
            self._say(told)
        if self._listener is not None:
          self._settle(now)
    except BaseException:
      sys.excepthook(*sys.exc_info())
      _end("the watchdog of this process failed (see above)")
    finally:
      self._free.set()
    self._close()

  def _accept(self) -> None:
    """Takes new connections; who knows the token is one of us."""
    if self._listener is None:
      return
    with contextlib.suppress(BlockingIOError):
      while True:
        wire = Wire(self._listener.accept()[0])
        self._selector.register(wire.socket, selectors.EVENT_READ)
        self._unknown.append(wire)
    for wire in [*self._unknown]:
      hello = self._lines(wire, 1)
      if not hello and not wire.closed:
        continue
      self._unknown.remove(wire)
      words = hello[0].split() if hello else []
      if len(words) == 4 and words[:2] == ["hello", self._token]:
        peer = self._peers[int(words[2])]
        peer.name = f"process {words[2]} ({words[3]})"
        peer.wire = wire
      else:
        if not wire.closed:
          self._selector.unregister(wire.socket)
        wire.close()

  def _lines(self, wire: Wire, most: int | None = None) -> list[str]:
    """What has come; a lost connection is waited for no more."""
    was_closed = wire.closed
    lines = wire.receive(most)
    if wire.closed and not was_closed:
      self._selector.unregister(wire.socket)
    return lines

  def _hear(self, peer: Peer) -> None:
    if peer.wire is None:
      return
    now = time.monotonic()
    for message in self._lines(peer.wire):
      peer.seen = now
      word, _, rest = message.partition(" ")
      if word == "at":
        peer.tell(progress.from_line(rest))
      elif word == "stop":
        self._stop()
      elif word == "lost":
        self._lost(rest)
      elif word in ("all", "go"):
        self._together = word == "all"
        self._free.set()
      elif not peer.left:
        peer.left = word

  def _judge(self, now: float) -> None:
    """Ends the run where a process is dead or late."""
    if self._together:
      return
    peers = [*self._peers.values()]
    hub = self._listener is not None
    line = dead(peers, now, self._timeout_s, hub)
    if hub and not line:
      self._me.left = self._left
      self._me.tell(progress.here(self._timeout_s))
      line = late([self._me, *peers], now, self._timeout_s)
    if line:
      self._lost(line)

  def _settle(self, now: float) -> None:
    """Process 0: lets go who has left, together or after a while."""
    ways = {0: self._left} | {i: p.left for i, p in self._peers.items()}
    if all(ways.values()):
      self._together = True
      self._say("all")
      return
    quiet = any(
      now - peer.seen > _SETTLE_S
      for peer in self._peers.values()
      if not peer.gone
    )
    for i, way in ways.items():
      since = self._failed_at.setdefault(i, now) if way == "failed" else now
      # A process that is silent now may be what the others failed of.
      if now - since > _SETTLE_S and not quiet:
        if i == 0:
          self._free.set()
        elif wire := self._peers[i].wire:
          wire.send("go")

  def _say(self, message: str) -> None:
    for peer in self._peers.values():
      if peer.wire is not None:
        peer.wire.send(message)

  def _lost(self, line: str) -> None:
    self._say(f"lost {line}")
    _end(line)

  def _stop(self) -> NoReturn:
    """Ends all processes for SIGTERM: what is written is complete or absent."""
    self._say("stop")
    said = "hybrid_ir: stopped by SIGTERM; the same command goes on\n"
    _write(said)
    if self._listener is not None:  # the others read it first
      time.sleep(_BEAT_S)
    os._exit(STOPPED)

  def _close(self) -> None:
    """Closes what is open, process 0 after the others: they read to the end."""
    until = time.monotonic() + _SETTLE_S
    wires = [p.wire for p in self._peers.values() if p.wire is not None]
    while self._listener is not None and time.monotonic() < until:
      if all(wire.closed for wire in wires):
        break
      self._selector.select(_BEAT_S)
      for wire in wires:
        self._lines(wire)
    for wire in wires:
      wire.close()
    if self._listener is not None:
      self._listener.close()
    self._selector.close()
    self._waker.close()
    self._waked.close()


def _end(line: str) -> None:
  """Ends this process, whatever its main thread waits for."""
  text = (
    f"error: {line}. Process {processes.index()} ends with code {ABSENT};"
    " started again, the run goes on from its last checkpoint\n"
  )
  _write(text)
  os._exit(ABSENT)


def _write(text: str) -> None:
  os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, text.encode())
