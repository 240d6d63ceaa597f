import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_ir import files
from hybrid_ir.errors import UserError
from hybrid_ir.model import vocabulary as vocabulary_lib
from hybrid_ir.model.vocabulary import (
  FOLDER,
  kept_ids,
  read,
  renumber,
  reopen,
  restore,
  trim,
  write,
)


def made(workdir, kept, base):
  """The vocabulary that is written there."""
  write(workdir, kept, base)
  return reopen(workdir)


def test_kept_ids_are_those_of_every_store(monkeypatch):
  monkeypatch.setattr(vocabulary_lib, "_BLOCK", 2)  # several blocks a store
  stores = [np.array([5, 2, 5, 2, 9], np.int32), np.array([0, 2], np.int32)]
  kept = kept_ids([*stores, np.zeros(0, np.int32)], size=12)
  assert kept.tolist() == [0, 2, 5, 9]
  assert kept.dtype == np.int32


@given(st.sets(st.integers(0, 29), min_size=1), st.integers(0, 5))
def test_a_kept_token_has_its_row_and_its_way_back(ids, padding):
  kept = np.array(sorted(ids), np.int32)
  rng = np.random.default_rng(0)
  base = rng.normal(size=(30, 3)).astype(np.float32)
  rows = trim(base, kept)
  numbers = renumber(kept, 30)
  np.testing.assert_array_equal(rows[numbers[kept]], base[kept])
  assert (numbers >= 0).sum() == len(kept)
  trained = np.pad(rows + 1, ((0, padding), (0, 0)))
  whole = restore(trained, base, kept)
  left = np.setdiff1d(np.arange(30), kept)
  np.testing.assert_array_equal(whole[kept], base[kept] + 1)
  np.testing.assert_array_equal(whole[left], base[left])


@pytest.fixture
def kept():
  return np.array([1, 4, 200], np.int32)


@pytest.fixture
def base():
  return np.arange(256 * 2, dtype=np.float32).reshape(256, 2)


def test_what_is_written_is_read(tmp_path, kept, base):
  written = made(tmp_path, kept, base)
  there = read(tmp_path, written.fingerprint)
  np.testing.assert_array_equal(there.kept, kept)
  np.testing.assert_array_equal(there.base, base)
  assert isinstance(there.base, np.memmap)  # not in memory
  # Written again, after a run that was killed before its first checkpoint.
  again = made(tmp_path, kept[:2], base)
  assert again.fingerprint != written.fingerprint
  assert read(tmp_path, again.fingerprint).kept.tolist() == [1, 4]


def test_parameters_go_there_and_back(tmp_path, kept, base):
  vocabulary = made(tmp_path, kept, base)
  params = {"tokens": base, "layers": jnp.ones(3)}
  trimmed = vocabulary.trim(params)
  assert trimmed["tokens"].shape == (128, 2)  # padded, as every table is
  np.testing.assert_array_equal(trimmed["tokens"][:3], base[kept])
  assert not trimmed["tokens"][3:].any()
  shapes = jax.eval_shape(vocabulary.trim, params)
  assert shapes["tokens"].shape == (128, 2)
  whole = vocabulary.restore(trimmed)
  np.testing.assert_array_equal(whole["tokens"], base)
  assert whole["layers"] is params["layers"]


@pytest.mark.parametrize("name", ["kept.npy", "base.npy"])
def test_damage_is_named(tmp_path, kept, base, name):
  fingerprint = made(tmp_path, kept, base).fingerprint
  path = tmp_path / FOLDER / name
  whole = path.read_bytes()
  for damaged in (b"", whole[:20], whole[:-4]):
    path.write_bytes(damaged)
    with pytest.raises(UserError, match=rf"{name}: cannot be read") as caught:
      read(tmp_path, fingerprint)
    assert "\n" not in str(caught.value)
  path.write_bytes(whole[:-1] + b"\x11")
  with pytest.raises(UserError, match=r"is not the vocabulary that this run"):
    read(tmp_path, fingerprint)
  path.unlink()
  with pytest.raises(UserError, match=rf"{name}: cannot be read"):
    read(tmp_path, fingerprint)


def test_a_full_disk_is_named(tmp_path, kept, base):
  path = tmp_path / FOLDER / "base.npy"
  path.parent.mkdir()
  aside = path.with_name(f".base.npy.{files._HOST}.{os.getpid()}.tmp")
  aside.symlink_to("/dev/full")
  with pytest.raises(OSError, match="No space left") as caught:
    made(tmp_path, kept, base)
  assert files.is_full(caught.value)
  assert caught.value.filename == str(path)
