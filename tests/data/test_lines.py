import pytest

from hybrid_ir.data.lines import read_lines
from hybrid_ir.errors import UserError


def test_lines_end_in_a_line_feed_alone(tmp_path):
  path = tmp_path / "x.txt"
  path.write_bytes("\ufeffa\u2028b\r\n\n c\vd".encode())
  assert list(read_lines(path)) == [(1, "a\u2028b"), (2, ""), (3, " c\vd")]


def test_a_line_that_is_not_utf_8(tmp_path):
  path = tmp_path / "x.txt"
  path.write_bytes(b"one\nd\xe9j\xe0\n")
  with pytest.raises(
    UserError, match=r"x.txt:2: not UTF-8 at byte 2 .* \(0xe9"
  ):
    list(read_lines(path))


def test_no_file(tmp_path):
  with pytest.raises(UserError, match=r"x.txt: cannot be read \(No such file"):
    list(read_lines(tmp_path / "x.txt"))
