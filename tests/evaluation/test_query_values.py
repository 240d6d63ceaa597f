import dataclasses
import json

import numpy as np
import pytest

from hybrid_ir.errors import UserError
from hybrid_ir.evaluation import query_values
from hybrid_ir.evaluation.query_values import QueryValues


@pytest.fixture
def values():
  return QueryValues(
    *("towns", "passage", "hybrid"),
    seed=3,
    step=200,
    languages=("ar", "zh"),
    query_ids=("ar:höhe", "zh:高"),
    query_languages=np.array([0, 1], np.int64),
    values={
      "map": np.array([[0.5, np.nan, 1 / 3], [0, 1, 0.25]]),
      "ndcg@10": np.full((2, 3), np.nan),
    },
    fingerprint="0a1b",
  )


def test_what_is_read_is_what_was_written(tmp_path, values):
  path = tmp_path / "details" / "towns.npz"
  query_values.write(path, values)
  back = query_values.read(path)
  for field in dataclasses.fields(QueryValues):
    if field.name not in ("query_languages", "values"):
      assert getattr(back, field.name) == getattr(values, field.name)
  np.testing.assert_array_equal(back.query_languages, [0, 1], strict=False)
  assert back.query_languages.dtype == np.int32
  assert list(back.values) == ["map", "ndcg@10"]
  for name, table in values.values.items():
    np.testing.assert_array_equal(
      back.values[name], table.astype(np.float32), strict=True
    )
  assert [p.name for p in path.parent.iterdir()] == ["towns.npz"]


def test_a_file_of_an_earlier_version_has_no_fingerprint(tmp_path, values):
  path = tmp_path / "towns.npz"
  query_values.write(path, values)
  with np.load(path) as file:
    about = json.loads(file["about"].item())
  assert about.pop("fingerprint") == "0a1b"
  change(path, about=np.array(json.dumps(about)))
  assert query_values.read(path).fingerprint == ""


def test_without_measures(tmp_path, values):
  path = tmp_path / "towns.npz"
  query_values.write(path, dataclasses.replace(values, values={}))
  assert query_values.read(path).values == {}


def test_a_file_that_is_not_there(tmp_path):
  with pytest.raises(UserError, match=r"none\.npz: no such file"):
    query_values.read(tmp_path / "none.npz")


@pytest.mark.parametrize("kept", [0, 10, 300, -30])
def test_a_file_cut_short(tmp_path, values, kept):
  path = tmp_path / "towns.npz"
  query_values.write(path, values)
  path.write_bytes(path.read_bytes()[:kept])
  with pytest.raises(UserError, match=r"towns\.npz: not a whole file") as info:
    query_values.read(path)
  assert "\n" not in str(info.value)


def change(path, **arrays):
  with np.load(path) as file:
    np.savez(path, **{**file, **arrays})


@pytest.mark.parametrize(
  "arrays",
  [
    {"about": np.array("[]")},
    {"about": np.array("{}")},
    {"about": np.array(3)},
    {"measures": np.array(["map"])},
    {"values": np.zeros(2)},
    {"values": np.zeros((2, 2, 2), np.float32)},
    {"values": np.zeros((2, 2, 3))},
    {"query_languages": np.array([0, 2])},
    {"query_languages": np.array([0, -1])},
    {"query_languages": np.array([0.0, 1.0])},
    {"query_languages": np.array(0)},
    {"query_ids": np.array(["ar:a"])},
    {"query_ids": np.array([{"an": "object"}])},
  ],
  ids=str,
)
def test_arrays_that_are_damaged(tmp_path, values, arrays):
  path = tmp_path / "towns.npz"
  query_values.write(path, values)
  change(path, **arrays)
  with pytest.raises(UserError, match=r"towns\.npz: .*run task=evaluate again"):
    query_values.read(path)


def test_another_kind_of_file(tmp_path):
  path = tmp_path / "towns.npz"
  np.savez(path, about=np.array(json.dumps({})))
  with pytest.raises(UserError, match=r"towns\.npz"):
    query_values.read(path)
  with open(path, "wb") as file:
    np.save(file, np.zeros(3))
  with pytest.raises(UserError, match=r"towns\.npz"):
    query_values.read(path)
