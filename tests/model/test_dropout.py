import jax
import jax.numpy as jnp
import pytest

from hybrid_ir.model.dropout import drop


def test_without_a_key_or_a_rate_nothing_changes():
  x = jnp.arange(6.0)
  assert drop(x, 0.5, None) is x
  assert drop(x, 0.0, jax.random.key(0)) is x


@pytest.mark.parametrize("rate", [0.1, 0.75])
def test_a_share_is_dropped_and_the_rest_scaled(rate):
  x = jnp.full((100, 100), 3.0)
  found = drop(x, rate, jax.random.key(0))
  dropped = found == 0
  assert float(dropped.mean()) == pytest.approx(rate, abs=0.02)
  assert jnp.allclose(found[~dropped], 3 / (1 - rate))
  assert float(found.mean()) == pytest.approx(3, rel=0.05)
  assert (found != drop(x, rate, jax.random.key(1))).any()
