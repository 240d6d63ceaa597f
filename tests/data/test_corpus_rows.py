import contextlib
import errno

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_ir.data import corpus_rows
from hybrid_ir.data.corpus_rows import CorpusRows
from hybrid_ir.data.names import NamesWriter, open_names
from hybrid_ir.data.records import Record

# A record of an (id, language): passage, group and negatives of few texts.
CELLS = st.dictionaries(
  st.tuples(st.integers(0, 9), st.sampled_from(["de", "en", "tr"])),
  st.tuples(
    st.sampled_from("abcdefgh"),
    st.sampled_from(["", "a", "x", "y"]),
    st.lists(st.sampled_from("abcz"), max_size=3),
  ),
  min_size=1,
)


def save(folder, records, at_once):
  with contextlib.closing(NamesWriter(folder, "ids")) as ids:
    rows = CorpusRows(ids, lambda row: records[row].where)
    for start in range(0, len(records), at_once):
      rows.add(records[start : start + at_once])
  languages = rows.save(folder)
  names = ("row_of", "group_of", "negatives_of", "negative_group")
  arrays = {name: np.load(folder / f"{name}.npy") for name in names}
  return open_names(folder, "ids"), languages, arrays


def spread(records, ids):
  """The group of each id, by handing the least number on until none moves."""
  group = {id: i for i, id in enumerate(ids)}
  moved = True
  while moved:
    moved = False
    for one in records:
      for other in records:
        together = one.passage == other.passage or (
          one.group and one.group == other.group
        )
        if together and group[one.id] < group[other.id]:
          group[other.id] = group[one.id]
          moved = True
  return group


@settings(deadline=None, max_examples=80)
@given(
  cells=CELLS, at_once=st.integers(1, 40), ids_at_once=st.sampled_from([3, 99])
)
def test_as_the_slow_way_says(tmp_path_factory, cells, at_once, ids_at_once):
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(corpus_rows, "_IDS", ids_at_once)
    compare(tmp_path_factory, cells, at_once)


def compare(tmp_path_factory, cells, at_once):
  records = [
    Record(f"q{i}", language, "?", passage, "here", tuple(negatives), group)
    for (i, language), (passage, group, negatives) in cells.items()
  ]
  folder = tmp_path_factory.mktemp("rows")
  ids, languages, arrays = save(folder, records, at_once)
  assert list(ids) == list(dict.fromkeys(r.id for r in records))
  assert languages == sorted({r.language for r in records})
  row_of = np.full((len(ids), len(languages)), -1)
  for row, r in enumerate(records):
    row_of[ids.index(r.id), languages.index(r.language)] = row
  np.testing.assert_array_equal(arrays["row_of"], row_of)

  least = spread(records, list(ids))
  numbers = {g: n for n, g in enumerate(dict.fromkeys(least.values()))}
  group = {id: numbers[g] for id, g in least.items()}
  assert arrays["group_of"].tolist() == [group[id] for id in ids]
  of_text = {r.passage: group[r.id] for r in records}
  negatives = [n for r in records for n in r.negatives]
  expected = [of_text.get(n, -1) for n in negatives]
  assert arrays["negative_group"].tolist() == expected
  counts = np.diff(arrays["negatives_of"])
  assert counts.tolist() == [len(r.negatives) for r in records]


@pytest.mark.parametrize("name", ["row_of", "group_of"])
def test_a_full_disk_has_its_number(tmp_path, name):
  (tmp_path / f"{name}.npy").symlink_to("/dev/full")
  with pytest.raises(OSError, match="No space left") as caught:
    save(tmp_path, [Record("q1", "de", "?", "text", "here")], 1)
  assert caught.value.errno == errno.ENOSPC
