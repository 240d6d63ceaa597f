"""The encoders against what PyTorch's gave, as fixtures/ holds it.

The same with PyTorch itself, and more: test_parity_torch.py.
"""

import pathlib
import runpy
import types

import numpy as np
import pytest

HERE = pathlib.Path(__file__).parent
REFERENCE = types.SimpleNamespace(**runpy.run_path(str(HERE / "reference.py")))


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("family", ["bert", "xlm_roberta", "modernbert"])
def test_states_embeddings_loss_and_gradients(family, packed):
  folder = HERE / "fixtures" / f"tiny_{family}"
  texts, theirs = REFERENCE.load(folder / "expected.npz")
  ours = REFERENCE.by_ours(folder, texts, packed)
  assert REFERENCE.relative(ours.states, theirs.states) < 1e-5
  assert REFERENCE.relative(ours.embeddings, theirs.embeddings) < 1e-5
  assert REFERENCE.relative(ours.loss, theirs.loss) < 1e-4
  norms = {name: np.linalg.norm(g) for name, g in ours.gradients.items()}
  assert norms.keys() == theirs.gradients.keys()
  errors = REFERENCE.gradient_differences(norms, theirs.gradients)
  assert max(errors.values()) < 1e-4
