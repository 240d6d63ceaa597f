"""Measures are checked before anything runs."""

import pytest

from hybrid_ir.errors import UserError
from hybrid_ir.studies.measures import check_measures


def test_those_that_there_are():
  check_measures(("map", "rank_distance", "recall@5", "ndcg@10", "token_f1"))


@pytest.mark.parametrize(
  ("measures", "words"),
  [
    ((), "'study.measures' is empty; name one of map,"),
    (("map", "mapp"), "has 'mapp' .did you mean 'map'"),
    (("recall@7",), "has 'recall@7' .did you mean 'recall@"),
  ],
)
def test_others_are_refused(measures, words):
  with pytest.raises(UserError, match=words):
    check_measures(measures)
