import numpy as np
import pytest

from hybrid_ir.evaluation.runs import write_qrels, write_run


def test_run_by_hand(tmp_path):
  path = tmp_path / "runs" / "mine.trec"
  third = np.float32(1 / 3)
  write_run(
    path,
    "mine",
    ["en:1", "en:100%"],
    ["b", "a"],
    np.array([[1, 0], [0, -1]]),
    np.array([[0.5, third], [-2, -np.inf]], np.float32),
  )
  lines = path.read_text().splitlines()
  assert lines == [
    "en:1 Q0 a 1 0.5 mine",
    f"en:1 Q0 b 2 {third:.9g} mine",
    "en:100% Q0 b 1 -2 mine",
  ]
  assert np.float32(lines[1].split()[4]) == third
  assert list(path.parent.iterdir()) == [path]


def test_qrels_by_hand(tmp_path):
  path = tmp_path / "qrels"
  write_qrels(
    path,
    *(["q", "r"], ["b", "a"]),
    *(np.array([0, 0, 1]), np.array([0, 1, 1]), np.array([1, 3, 2])),
  )
  assert path.read_text() == "q 0 b 1\nq 0 a 3\nr 0 a 2\n"


def test_a_run_that_fails_leaves_nothing(tmp_path):
  top = np.array([[0], [7]])  # there is no passage 7
  with pytest.raises(IndexError):
    write_run(
      tmp_path / "run", "t", ["q", "r"], ["a"], top, np.ones((2, 1), np.float32)
    )
  assert not list(tmp_path.iterdir())
