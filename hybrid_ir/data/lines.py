"""A text file's lines, with their numbers. To the readers of tables."""

import os
from collections.abc import Iterator

from hybrid_ir.errors import UserError

_BOM = b"\xef\xbb\xbf"  # some editors start UTF-8 files with it


def read_lines(path: str | os.PathLike[str]) -> Iterator[tuple[int, str]]:
  """Yields each line's number, from 1, and the line without its end.

  A line ends in a line feed alone: the other characters that Unicode breaks
  lines at may stand in a text.

  Raises:
    UserError: a file that cannot be read, or a line that is not UTF-8.
  """
  try:
    with open(path, "rb") as lines:
      for number, line in enumerate(lines, 1):
        if number == 1:
          line = line.removeprefix(_BOM)
        yield number, line.decode("utf-8").rstrip("\r\n")
  except OSError as e:
    raise UserError(f"{path}: cannot be read ({e.strerror})") from None
  except UnicodeDecodeError as e:
    raise UserError(
      f"{path}:{number}: not UTF-8 at byte {e.start + 1} of the line"
      f" ({e.object[e.start]:#04x}); save the file as UTF-8"
    ) from None
