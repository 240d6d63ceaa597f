import pytest

from hybrid_ir.config import Encoder as EncoderConfig
from hybrid_ir.model.architecture import from_scratch


def test_from_scratch_follows_the_config():
  config = EncoderConfig(
    hidden_size=12, layers=3, heads=4, intermediate_size=20, max_positions=30
  )
  arch = from_scratch(config, vocab_size=77)
  assert (arch.vocab_size, arch.hidden_size, arch.layers, arch.heads) == (
    *(77, 12, 3, 4),
  )
  assert (arch.intermediate_size, arch.max_positions) == (20, 30)
  assert all(map(arch.is_global, range(3)))


@pytest.mark.parametrize(
  ("window", "every", "expected"),
  [(4, 3, [1, 0, 0, 1, 0]), (4, 2, [1, 0, 1, 0, 1]), (0, 3, [1] * 5)],
)
def test_which_layers_are_global(arches, window, every, expected):
  arch = arches("modernbert", window=window, global_every=every)
  assert [arch.is_global(n) for n in range(5)] == [*map(bool, expected)]
