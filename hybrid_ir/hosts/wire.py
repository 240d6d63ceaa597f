"""Lines of text over a connection, without waiting. To `watchdog`."""

import socket as sockets

from hybrid_ir.errors import UserError


class Wire:
  """One end of a connection.

  Attributes:
    socket: for a selector.
    closed: the other end is gone.
  """

  def __init__(self, socket: sockets.socket):
    socket.setblocking(False)
    self.socket = socket
    self.closed = False
    self._bytes = b""

  def send(self, line: str) -> None:
    """Sends a line; to an end that is gone, or takes no more, nothing.

    Lines are short and few: what does not fit into the system's buffer is for
    a process that has not read for hours.
    """
    try:
      self.socket.sendall(f"{line}\n".encode())
    except OSError:
      return  # `receive` sees it

  def receive(self, most: int | None = None) -> list[str]:
    """The lines that have come, at most so many."""
    while not self.closed:
      try:
        piece = self.socket.recv(4096)
      except BlockingIOError:
        break
      except OSError:
        piece = b""
      self.closed = not piece
      self._bytes += piece
    *lines, self._bytes = self._bytes.split(b"\n")
    if most is not None:
      self._bytes = b"\n".join([*lines[most:], self._bytes])
      lines = lines[:most]
    return [line.decode(errors="replace") for line in lines]

  def close(self) -> None:
    """Closes this end."""
    self.closed = True
    self.socket.close()


def on_all_addresses(port: int, most: int | None = None) -> sockets.socket:
  """A socket that listens, by IPv6 too, where this host's kernel has it.

  Args:
    port: 0: of the system's choice.
    most: connections that may wait; None: the system's.

  Raises:
    OSError: it cannot.
  """
  dual = sockets.has_dualstack_ipv6()  # has_ipv6 is Python's, not the kernel's
  return sockets.create_server(
    ("", port),
    family=sockets.AF_INET6 if dual else sockets.AF_INET,
    backlog=most,
    dualstack_ipv6=dual,
  )


def listen(most: int) -> sockets.socket:
  """A port of the system's choice, on all addresses of this host.

  Args:
    most: connections that may wait.
  """
  listener = on_all_addresses(0, most)
  listener.setblocking(False)
  return listener


def connect(host: str, port: int, timeout_s: int) -> sockets.socket:
  """A connection to another process.

  Raises:
    UserError: it cannot be reached.
  """
  try:
    return sockets.create_connection((host, port), timeout_s)
  except OSError as error:
    raise UserError(
      f"process 0 cannot be reached at {host}:{port}"
      f" ({error.strerror or error}); allow connections between the hosts on"
      " all ports"
    ) from None
