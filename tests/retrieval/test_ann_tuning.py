import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_ir.retrieval.ann_tuning import Setting, Space, Tuned, cheapest

LEAVES, RESCORED = (1, 2, 4, 8, 16, 32), (10, 20, 40, 80, 160)


def space(a_leaf=1.0, a_passage=1.0):
  return Space(
    LEAVES, RESCORED, lambda s: a_leaf * s.leaves + a_passage * s.rescored
  )


@given(
  st.lists(st.floats(0, 1), min_size=6, max_size=6),
  st.lists(st.floats(0, 1), min_size=5, max_size=5),
  st.floats(0.05, 1),
)
def test_what_is_given_reaches_the_target_or_is_the_most(parts, kept, target):
  """Recall: a share found in the partitions times a share kept by hashing."""
  of_leaves = dict(zip(LEAVES, sorted(parts), strict=True))
  of_rescored = dict(zip(RESCORED, sorted(kept), strict=True))
  asked = []

  def recall(setting):
    asked.append(setting)
    return of_leaves[setting.leaves] * of_rescored[setting.rescored]

  setting, reached = cheapest(recall, space(), target)
  assert reached == recall(setting)
  enough = [
    s
    for s in itertools.starmap(Setting, itertools.product(LEAVES, RESCORED))
    if of_leaves[s.leaves] * of_rescored[s.rescored] >= target
  ]
  if not enough:
    assert setting == Setting(32, 160)
    return
  assert reached >= target
  # Neither number can be lowered alone by a step and still do, unless the
  # other was raised with it: fewer rescored passages never do.
  fewer = [r for r in RESCORED if r < setting.rescored]
  assert all(of_leaves[setting.leaves] * of_rescored[r] < target for r in fewer)
  fewest = min(s.leaves for s in enough)
  assert setting.leaves in LEAVES[LEAVES.index(fewest) :][:3]
  asked.pop()
  assert len(asked) == len(set(asked)) <= 3 + 3 * 3


@pytest.mark.parametrize(
  ("a_leaf", "a_passage", "expected"),
  [(100, 1, Setting(4, 160)), (1, 100, Setting(8, 20))],
)
def test_dear_partitions_are_traded_for_rescoring(a_leaf, a_passage, expected):
  least = {1: 999, 2: 999, 4: 160, 8: 20, 16: 20, 32: 20}

  def recall(setting):
    return float(setting.rescored >= least[setting.leaves])

  assert cheapest(recall, space(a_leaf, a_passage), 0.9)[0] == expected


def test_without_partitions_only_rescoring_is_set():
  alone = Space((0,), RESCORED, lambda s: s.rescored)
  found = cheapest(lambda s: s.rescored / 100, alone, 0.5)
  assert found == (Setting(0, 80), 0.8)


def tuned(recall):
  return Tuned(10, 0.95, 256, 200, "queries", 0, Setting(7, 30), recall, 1234.4)


def test_a_target_that_is_not_reached_is_said_loudly():
  assert tuned(0.951).line() == (
    "7 looked at, 30 rescored: recall@10 0.951 on 200 sampled queries, 1,234"
    " queries/s (target 0.95)"
  )
  assert tuned(0.91).line().startswith("! target 0.95 NOT reached")
  assert "recall@10 0.910" in tuned(0.91).line()
