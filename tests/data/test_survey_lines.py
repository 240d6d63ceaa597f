import dataclasses

import numpy as np
import pytest

from hybrid_ir.data.findings import Findings, Lengths, Repeats
from hybrid_ir.data.survey_lines import describe

FOUND = Findings(
  rows=3000,
  ids=2000,
  languages={"de": 1000, "en": 2000},
  splits={"dev": 100, "train": 2900},
  shared=np.array([[1000, 999], [999, 2000]]),
  ids_by_languages={1: 1001, 2: 999},
  group_sizes={1: 1500, 3: 20, 4: 10, 9: 44},
  groups_across=0,
  query_repeats=Repeats(0, 0, 1, "a.jsonl:1"),
  passage_repeats=Repeats(12, 30, 5, "a.jsonl:77"),
  query_lengths=Lengths((8, 12, 14, 20, 33), 32, 0.001),
  passage_lengths=Lengths((80, 120, 140, 200, 1330), 256, 0.025),
  with_negatives=10,
  negatives=70,
  with_scores=0,
  with_instruction=0,
)


def words(found):
  return [line.split() for line in describe(found, "tokens")]


def test_every_figure():
  lines = words(FOUND)
  assert ["de", "1,000", "(33.3%)", "en", "2,000", "(66.7%)"] in lines
  assert ["de", "en"] in lines
  assert ["de", "1,000", "999"] in lines
  assert ["en", "999", "2,000"] in lines
  assert ["1:", "1,500", "3-4:", "30", "9-16:", "44"] in lines
  assert ["splits", "dev:", "100", "train:", "2,900"] in lines
  assert ["queries", "8", "12", "14", "20", "33", "32", "0.1%"] in lines
  assert [
    "passages",
    "80",
    "120",
    "140",
    "200",
    "1,330",
    "256",
    "2.5%",
  ] in lines
  assert ["repeated", "queries:", "none"] in lines
  text = "\n".join(describe(FOUND, "tokens"))
  assert (
    "12 in 30 rows of a language; most often 5 times, first at a.jsonl:77"
    in text
  )
  assert "groups        1,574, the largest of 9 ids" in text
  assert "more than one split" not in text
  assert "rows with negatives: 10 (70 negatives)" in text


def test_groups_across_splits():
  text = "\n".join(describe(dataclasses.replace(FOUND, groups_across=7), ""))
  assert "7 have rows in more than one split" in text


def test_without_a_limit_nothing_is_cut():
  unlimited = [
    dataclasses.replace(lengths, limit=None)
    for lengths in (FOUND.query_lengths, FOUND.passage_lengths)
  ]
  found = dataclasses.replace(
    FOUND, query_lengths=unlimited[0], passage_lengths=unlimited[1]
  )
  lines = words(found)
  assert ["queries", "8", "12", "14", "20", "33"] in lines
  assert ["50%", "90%", "95%", "99%", "longest"] in lines


@pytest.mark.parametrize("count", [2, 12, 13, 30])
@pytest.mark.parametrize("first", [0, 10**7])
def test_many_languages(count, first):
  codes = [f"l{i:02}" for i in range(count)]
  shared = first + np.arange(count * count).reshape(count, count)
  found = dataclasses.replace(
    FOUND, languages=dict.fromkeys(codes, 100), shared=shared
  )
  assert max(map(len, describe(found, ""))) <= 110
  cells = {code: [] for code in codes}
  for code, *texts in words(found):
    numbers = [text.replace(",", "") for text in texts]
    if code in cells and all(map(str.isdigit, numbers)):
      cells[code] += map(int, numbers)
  assert list(cells.values()) == shared.tolist()


def test_one_language_is_aligned_with_nothing():
  found = dataclasses.replace(
    FOUND, languages={"en": 3000}, shared=np.array([[2000]])
  )
  assert not [line for line in words(found) if line[0] == "aligned"]
