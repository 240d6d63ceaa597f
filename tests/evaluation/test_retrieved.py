import gzip
import json
import math

import pytest

from hybrid_ir.errors import UserError
from hybrid_ir.evaluation import retrieved
from hybrid_ir.evaluation.examples import Example, Hit


def example(query_id, score=0.5):
  hit = Hit(1, "ar:\u2028", "ar", "ثلاثة\nأربعة\u2028", score, True)
  return Example(query_id, "en", "How many?", (hit, hit))


@pytest.fixture
def path(tmp_path):
  path = tmp_path / "details" / f"towns{retrieved.SUFFIX}"
  retrieved.write(path, map(example, ("en:1", "en:2", "en:3")))
  return path


def test_what_is_asked_for_is_as_it_was(path):
  found = retrieved.read(path, {"en:3", "en:1", "en:9"})
  assert found == {id: example(id) for id in ("en:1", "en:3")}


@pytest.mark.parametrize("score", [math.nan, math.inf, None])
def test_a_score_that_is_none(tmp_path, score):
  path = tmp_path / "a.gz"
  retrieved.write(path, [example("en:1", score)])
  assert retrieved.read(path, ["en:1"]) == {"en:1": example("en:1", None)}


def test_the_same_bytes_for_the_same_queries(path, tmp_path):
  again = tmp_path / "again"
  retrieved.write(again, map(example, ("en:1", "en:2", "en:3")))
  assert again.read_bytes() == path.read_bytes()


def test_no_file_has_no_queries(tmp_path):
  assert retrieved.read(tmp_path / "none", {"en:1"}) == {}


def test_what_fails_leaves_no_file(path, tmp_path):
  def fails():
    yield example("en:1")
    raise ZeroDivisionError

  with pytest.raises(ZeroDivisionError):
    retrieved.write(tmp_path / "b.gz", fails())
  assert [x.name for x in tmp_path.iterdir()] == ["details"]


WHOLE = json.dumps({"query_id": "en:0"})


@pytest.mark.parametrize(
  ("text", "line"),
  [
    (f"{WHOLE}\n{{\n", 2),
    (f"{WHOLE}\n[]\n", 2),
    ("{}\n", 1),
    (f"{WHOLE}\n{WHOLE.replace('0', '1')}\n", 2),
  ],
)
def test_a_damaged_line_is_named(tmp_path, text, line):
  path = tmp_path / "a.gz"
  path.write_bytes(gzip.compress(text.encode()))
  with pytest.raises(UserError) as caught:
    retrieved.read(path, {"en:1"})
  assert str(caught.value).startswith(f"{path}:{line}: ")


def test_a_file_that_is_none_of_these(tmp_path, path):
  broken = tmp_path / "a.gz"
  whole = path.read_bytes()
  for content in (b"no gzip", whole[:-9], gzip.compress(b"\xff\n")):
    broken.write_bytes(content)
    with pytest.raises(UserError) as caught:
      retrieved.read(broken, {"en:1"})
    assert str(caught.value).startswith(f"{broken}: not a whole file")
