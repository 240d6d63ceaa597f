import os

import pytest

from hybrid_ir.files import build_folder, write_aside


class KilledError(Exception):
  pass


def test_a_file_is_complete(tmp_path):
  path = tmp_path / "new" / "folder" / "results.jsonl"
  with write_aside(path) as aside:
    aside.write_text("half")
    assert not path.exists()
    aside.write_text("whole")
  assert path.read_text() == "whole"
  assert os.listdir(path.parent) == ["results.jsonl"]


def test_or_it_stays_as_it_was(tmp_path):
  path = tmp_path / "results.jsonl"
  path.write_text("before")

  def write():
    with write_aside(path) as aside:
      aside.write_text("half")
      raise KilledError

  with pytest.raises(KilledError):
    write()
  assert path.read_text() == "before"
  path.unlink()
  with pytest.raises(KilledError):
    write()
  assert os.listdir(tmp_path) == []


def test_a_block_that_writes_nothing_is_an_error(tmp_path):
  with pytest.raises(FileNotFoundError), write_aside(tmp_path / "file"):
    pass


def test_a_folder_is_complete(tmp_path):
  path = tmp_path / "new" / "store"
  with build_folder(path) as aside:
    (aside / "tokens").write_text("1 2")
    assert not path.exists()
  assert (path / "tokens").read_text() == "1 2"
  assert os.listdir(path.parent) == ["store"]


def test_or_there_is_none(tmp_path):
  def build():
    with build_folder(tmp_path / "store") as aside:
      (aside / "tokens").write_text("1")
      raise KilledError

  with pytest.raises(KilledError):
    build()
  assert os.listdir(tmp_path) == []


def test_the_first_folder_stands(tmp_path):
  path = tmp_path / "store"
  with build_folder(path) as slow:
    (slow / "tokens").write_text("slow")
    with build_folder(path) as quick:
      (quick / "tokens").write_text("quick")
  assert (path / "tokens").read_text() == "quick"
  assert os.listdir(tmp_path) == ["store"]


def test_a_file_in_the_way(tmp_path):
  (tmp_path / "store").write_text("a file")
  with pytest.raises(NotADirectoryError), build_folder(tmp_path / "store"):
    pass
  assert os.listdir(tmp_path) == ["store"]
