import json
import os

import pytest

from hybrid_ir.errors import UserError
from hybrid_ir.retrieval.index import Hit
from hybrid_ir.tasks import terminal

HITS = [
  Hit(1, 0.98765432, "q1", "en", "It is\n\n 90 m\ttall.\x1b[2J"),
  Hit(10, -0.5, "山川", "zh-Hant", "高い"),
]


def test_lines_come_as_they_are_written():
  read, write = os.pipe()
  blocks = terminal.lines(read)
  os.write(write, b"one\n")
  assert next(blocks) == [b"one"]  # and did not wait for more
  os.write(write, b"two\n\nthr")
  assert next(blocks) == [b"two", b""]
  os.write(write, b"ee\nfour")
  assert next(blocks) == [b"three"]
  os.close(write)
  assert list(blocks) == [[b"four"]]
  os.close(read)


def test_a_long_line_is_one_query():
  read, write = os.pipe()
  line = b"x" * 60_000
  os.write(write, line)
  os.close(write)
  assert list(terminal.lines(read)) == [[line]]
  os.close(read)


def test_decode():
  assert terminal.decode("\ufeff wie hoch?\r".encode()) == "wie hoch?"
  with pytest.raises(UserError, match="not UTF-8 at byte 3"):
    terminal.decode(b"ab\xff")
  for line in (b"", b" \t\r"):
    with pytest.raises(UserError, match="empty; expected a query"):
      terminal.decode(line)


def test_json_keeps_the_text_as_it_is():
  line = terminal.as_json("how\ntall", HITS)
  assert "\n" not in line
  assert "高い" in line
  assert json.loads(line) == {
    "query": "how\ntall",
    "hits": [
      {
        "rank": 1,
        "score": 0.987654,
        "id": "q1",
        "language": "en",
        "text": HITS[0].text,
      },
      {
        "rank": 10,
        "score": -0.5,
        "id": "山川",
        "language": "zh-Hant",
        "text": "高い",
      },
    ],
  }


def test_a_table_has_a_line_a_hit():
  assert terminal.as_table(HITS).splitlines() == [
    " 1   0.9877  en       q1    It is 90 m tall. [2J",
    "10  -0.5000  zh-Hant  山川  高い",
  ]
  assert terminal.as_table([]) == "nothing found"


@pytest.mark.parametrize(
  ("columns", "expected"),
  [(8, "ab高いcd"), (7, "ab高い…"), (6, "ab高…"), (4, "ab…"), (1, "…")],
)
def test_wide_characters_take_two_columns(columns, expected):
  assert terminal.shorten("ab高いcd", columns) == expected
