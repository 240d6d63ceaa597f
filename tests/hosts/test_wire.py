import errno
import socket

import pytest

from hybrid_ir.errors import UserError
from hybrid_ir.hosts.wire import Wire, connect, listen


@pytest.fixture
def ends():
  ours, theirs = socket.socketpair()
  with ours, theirs:
    yield Wire(ours), theirs


def test_lines_come_whole(ends):
  wire, other = ends
  assert wire.receive() == []
  other.sendall(b"step 1\nste")
  assert wire.receive() == ["step 1"]
  other.sendall("p 2\ndöne\n".encode())
  assert wire.receive() == ["step 2", "döne"]
  assert not wire.closed


def test_some_of_the_lines(ends):
  wire, other = ends
  other.sendall(b"hello\nstep 1\nstep 2\nst")
  assert wire.receive(1) == ["hello"]
  assert wire.receive(1) == ["step 1"]
  other.sendall(b"ep 3\n")
  assert wire.receive() == ["step 2", "step 3"]


def test_what_was_said_before_the_end_is_heard(ends):
  wire, other = ends
  other.sendall(b"failed\n")
  other.close()
  assert wire.receive() == ["failed"]
  assert wire.closed
  wire.send("to nobody")
  assert wire.receive() == []


def test_two_ends_meet():
  with listen(1) as listener:
    port = listener.getsockname()[1]
    with connect("127.0.0.1", port, 10) as ours:
      listener.setblocking(True)
      theirs = Wire(listener.accept()[0])
      Wire(ours).send("hello")
      while not (lines := theirs.receive()):
        pass
      theirs.close()
  assert lines == ["hello"]


def test_a_host_without_ipv6_listens(monkeypatch):
  """Booted with ipv6.disable=1: `socket.has_ipv6` is as it was compiled."""
  real = socket.socket

  class Socket(real):
    def __init__(self, family=-1, *others, **named):
      if family == socket.AF_INET6:
        raise OSError(errno.EAFNOSUPPORT, "no IPv6 here")
      super().__init__(family, *others, **named)

  monkeypatch.setattr("socket.socket", Socket)
  with listen(1) as listener:
    assert listener.family == socket.AF_INET
    connect("127.0.0.1", listener.getsockname()[1], 10).close()


def test_nobody_there():
  with listen(1) as listener:
    port = listener.getsockname()[1]
  with pytest.raises(UserError, match=f"cannot be reached at 127.0.0.1:{port}"):
    connect("127.0.0.1", port, 10)
