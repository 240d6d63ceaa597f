import collections

import jax
import pytest

from hybrid_ir.model.encoder import Encoder
from hybrid_ir.model.families import FAMILIES


@pytest.mark.parametrize("family", FAMILIES)
def test_entries_are_the_encoders_parameters_each_once(family, arches):
  params = jax.eval_shape(Encoder(arches(family)).init, jax.random.key(0))
  ours = [
    tuple(part.key for part in path)
    for path, _ in jax.tree_util.tree_flatten_with_path(params)[0]
  ]
  entries = FAMILIES[family].entries
  assert sorted(entry.path for entry in entries) == sorted(ours)
  names = collections.Counter(name for e in entries for name in e.names)
  assert set(names.values()) == {1}


@pytest.mark.parametrize("family", FAMILIES)
def test_layers_are_numbered_where_ours_are_stacked(family):
  for entry in FAMILIES[family].entries:
    for name in entry.names:
      assert ("{layer}" in name) == entry.of_layers
