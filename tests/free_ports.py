"""Ports for processes that take seconds to start before they bind them."""

import itertools
import os
import re
import socket

# Under those that a system gives out (32768 on), one range a pytest worker:
# what the system says is free it gives to others before it is bound.
_WORKER = int(re.sub(r"\D", "", os.environ.get("PYTEST_XDIST_WORKER", "gw0")))
_FIRST, _SIZE = 10_000 + 1_000 * (_WORKER % 10), 1_000
_next = itertools.count(os.getpid())


def free_port():
  """One that nobody listens on and that was not given before."""
  for number in _next:
    port = _FIRST + number % _SIZE
    try:
      socket.create_server(("127.0.0.1", port)).close()
    except OSError:
      continue
    return port
