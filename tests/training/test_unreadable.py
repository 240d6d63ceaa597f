import errno
import pathlib

import pytest

from hybrid_ir.training.unreadable import find, probe


def caused(inner):
  """As orbax wraps it: another error on top, and a group around."""
  try:
    try:
      raise inner
    except BaseException as error:
      raise KeyError("incompatible handler") from error
  except KeyError as error:
    return ExceptionGroup("some tasks failed", [ValueError("x"), error])


@pytest.mark.parametrize(
  ("error", "place"),
  [
    (MemoryError(), "memory"),
    (RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating"), "memory"),
    (PermissionError(errno.EACCES, "Permission denied"), "who may read"),
    (ValueError("PERMISSION_DENIED: Error opening file"), "who may read"),
    (OSError(errno.EMFILE, "Too many open files"), "ulimit -n"),
    (OSError(errno.ENFILE, "Too many open files in system"), "ulimit -n"),
    # As absl has the same: its code alone would send to the memory.
    (ValueError("RESOURCE_EXHAUSTED: Too many open files"), "ulimit -n"),
    (OSError(errno.EIO, "Input/output error"), "dmesg"),
    (OSError(errno.ESTALE, "Stale file handle"), "dmesg"),
    (OSError(errno.EHOSTDOWN, "Host is down"), "dmesg"),
    (ValueError("UNKNOWN: Error reading [Stale file handle]"), "dmesg"),
    (TimeoutError(), "dmesg"),
    (RuntimeError("DEADLINE_EXCEEDED: Barrier timed out"), "other processes"),
  ],
)
def test_what_passes_is_no_damage(error, place):
  for raised in (error, caused(error)):
    found = find(raised)
    assert found is not None
    assert found[0] is error
    assert place in found[1]


@pytest.mark.parametrize(
  "error",
  [
    FileNotFoundError(errno.ENOENT, "No such file or directory"),
    NotADirectoryError(errno.ENOTDIR, "Not a directory"),
    OSError("Not enough data"),
    ValueError("DATA_LOSS: checksum mismatch"),
    ValueError("NOT_FOUND: Metadata at ... does not exist"),
    KeyError("params"),
  ],
)
def test_what_the_file_is_is(error):
  assert find(error) is None
  assert find(caused(error)) is None


def test_errors_that_stand_behind_each_other():
  one, other = ValueError("one"), ValueError("other")
  one.__context__, other.__cause__ = other, one
  assert find(one) is None


def test_every_file_is_opened(tmp_path, monkeypatch):
  (tmp_path / "d").mkdir()
  for name in ("a", "d/b"):
    (tmp_path / name).write_text("x")
  (tmp_path / "gone").symlink_to("nowhere")  # is damage, if anything
  probe(str(tmp_path))
  real = pathlib.Path.open

  def refused(path, mode):
    if path.name == "b":
      raise PermissionError(errno.EACCES, "Permission denied", str(path))
    return real(path, mode)

  monkeypatch.setattr(pathlib.Path, "open", refused)
  with pytest.raises(PermissionError, match="d/b"):
    probe(str(tmp_path))
