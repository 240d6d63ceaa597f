import errno
import io
import os
import resource

import numpy as np
import pytest

from hybrid_ir.files import (
  build_folder,
  is_full,
  not_of,
  replace_folder,
  save_array,
  save_blocks,
  write_aside,
)


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


@pytest.fixture
def pages(tmp_path):
  """A folder that is to be replaced."""
  path = tmp_path / "pages"
  path.mkdir()
  (path / "old").touch()
  return path


def replace(path):
  with replace_folder(path) as aside:
    (aside / "new").touch()


def test_a_folder_is_replaced(pages):
  replace(pages)
  assert os.listdir(pages) == ["new"]
  assert os.listdir(pages.parent) == ["pages"]
  replace(pages.with_name("others"))
  assert sorted(os.listdir(pages.parent)) == ["others", "pages"]


def test_or_it_stays(pages):
  def fail():
    with replace_folder(pages) as aside:
      (aside / "new").touch()
      raise KilledError

  with pytest.raises(KilledError):
    fail()
  assert os.listdir(pages) == ["old"]
  assert os.listdir(pages.parent) == ["pages"]


@pytest.mark.parametrize(
  ("renames", "error", "left"),
  [
    (0, SystemExit, "old"),
    (1, SystemExit, "old"),
    (1, OSError, "old"),
    (2, SystemExit, "new"),
  ],
)
def test_stopped_among_renames_one_of_two_folders_stands(
  pages, monkeypatch, renames, error, left
):
  calls = []

  def rename(*paths, rename=os.rename):
    calls.append(paths)
    if len(calls) <= renames:
      rename(*paths)
    if len(calls) == max(renames, 1):
      monkeypatch.setattr(os, "rename", rename)
      raise error

  monkeypatch.setattr(os, "rename", rename)
  with pytest.raises(error):
    replace(pages)
  assert os.listdir(pages) == [left]
  assert os.listdir(pages.parent) == ["pages"]


def test_a_folder_that_a_kill_left_beside_is_put_back(pages):
  pages.rename(pages.with_name(".pages.old"))
  others = [".pages.v2.old", ".pages_of_others.old"]
  for name in others:
    pages.with_name(name).mkdir()
  with pytest.raises(KilledError), replace_folder(pages):
    raise KilledError
  assert os.listdir(pages) == ["old"]
  replace(pages)
  assert os.listdir(pages) == ["new"]
  assert sorted(os.listdir(pages.parent)) == [*others, "pages"]


def test_of_a_link_the_folder_is_replaced_that_it_leads_to(pages, tmp_path):
  link = tmp_path / "link"
  link.symlink_to(pages)
  replace(link)
  assert link.is_symlink()
  assert os.listdir(pages) == ["new"]
  assert sorted(os.listdir(tmp_path)) == ["link", "pages"]


def test_a_file_is_not_replaced_by_a_folder(tmp_path):
  (tmp_path / "pages").write_text("a file")
  with pytest.raises(NotADirectoryError):
    replace(tmp_path / "pages")
  assert os.listdir(tmp_path) == ["pages"]


def test_what_is_not_of_known_names(tmp_path):
  known = ("page.md", "figures", "figures/*.svg")
  for name in (*known[:1], "figures/a.svg"):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
  assert not_of(tmp_path, known) == []
  (tmp_path / "figures/.DS_Store").touch()
  assert not_of(tmp_path, known) == []
  (tmp_path / ".git").mkdir()
  (tmp_path / "figures/mine.txt").touch()
  assert not_of(tmp_path, known) == [".git", "figures/mine.txt"]
  assert not_of(tmp_path / "none", known) == []


ARRAYS = [
  np.arange(12, dtype=np.int64).reshape(4, 3),
  np.arange(12, dtype=np.float16).reshape(4, 3).T,  # not in C's order
  np.arange(12, dtype=np.int32)[::2],
  np.zeros((0, 5), np.float32),
  np.array([(1, 2)], np.dtype([("offset", "<i8"), ("language", "<i4")])),
]


@pytest.mark.parametrize("array", ARRAYS)
def test_an_array_is_written_as_numpy_does(tmp_path, array):
  file = io.BytesIO()
  np.save(file, np.ascontiguousarray(array))
  save_array(tmp_path / "a.npy", array)
  assert (tmp_path / "a.npy").read_bytes() == file.getvalue()
  blocks = [array[:1], array[1:1], array[1:]]
  save_blocks(tmp_path / "b.npy", array.dtype, array.shape, blocks)
  assert (tmp_path / "b.npy").read_bytes() == file.getvalue()


@pytest.mark.parametrize("rows", [1, 3])
def test_blocks_that_are_not_the_array_are_refused(tmp_path, rows):
  with pytest.raises(ValueError, match="elements missing"):
    save_blocks(tmp_path / "a.npy", int, (2, 3), [np.zeros((rows, 3), int)])


@pytest.mark.parametrize("size", [10, 1_000_000])
def test_a_full_disk_has_its_number(size):
  with pytest.raises(OSError, match="No space left") as caught:
    save_array("/dev/full", np.zeros(size))
  assert caught.value.errno == errno.ENOSPC
  assert is_full(caught.value)


def test_where_a_file_may_not_grow(tmp_path):
  """A real limit, met in the middle: numpy's own error has no number."""
  before = resource.getrlimit(resource.RLIMIT_FSIZE)
  resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))
  try:
    with pytest.raises(OSError, match="File too large") as caught:
      save_array(tmp_path / "a.npy", np.zeros(1 << 20))
  finally:
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
  assert caught.value.errno == errno.EFBIG
  assert not is_full(caught.value)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("writer", [write_aside, build_folder])
def test_a_full_disk_is_named_by_what_was_written(tmp_path, writer, number):
  path = tmp_path / "new"

  def write():
    with writer(path):
      raise OSError(number, os.strerror(number))

  with pytest.raises(OSError, match=r"space|quota") as caught:
    write()
  assert is_full(caught.value)
  assert caught.value.filename == str(path)
  assert os.listdir(tmp_path) == []


def test_a_file_that_is_named_already_stays_so(tmp_path):
  def write():
    with write_aside(tmp_path / "new"):
      raise OSError(errno.ENOSPC, "No space left on device", "elsewhere")

  with pytest.raises(OSError, match="elsewhere"):
    write()
