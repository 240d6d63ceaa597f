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


def listen(most: int) -> sockets.socket:
  """A port of the system's choice, on all addresses of this host.

  Args:
    most: connections that may wait.
  """
  listener = sockets.create_server(
    ("", 0),
    family=sockets.AF_INET6 if sockets.has_ipv6 else sockets.AF_INET,
    backlog=most,
    dualstack_ipv6=sockets.has_dualstack_ipv6(),
  )
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
