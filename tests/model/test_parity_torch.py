"""The encoder against PyTorch's; runs where the `parity` extra is installed."""

import numpy as np
import pytest

from hybrid_ir.model.encoder import Encoder
from hybrid_ir.model.weights import read_architecture, read_params

torch = pytest.importorskip("torch", reason="the extra `parity` is not there")
bert = pytest.importorskip(
  "transformers.models.bert.modeling_bert",
  reason="the extra `parity` is not there",
)


@pytest.fixture(scope="module", params=["gelu", "relu"])
def reference(request, tmp_path_factory):
  """PyTorch's model with every weight drawn, and its folder."""
  torch.manual_seed(0)
  config = bert.BertConfig(
    vocab_size=61,
    hidden_size=24,
    num_hidden_layers=3,
    num_attention_heads=3,
    intermediate_size=40,
    max_position_embeddings=20,
    hidden_act=request.param,
  )
  model = bert.BertModel(config).eval()
  for parameter in model.parameters():
    torch.nn.init.normal_(parameter, std=0.4)
  folder = tmp_path_factory.mktemp("bert")
  model.save_pretrained(folder)
  return model, folder


@pytest.fixture(scope="module")
def expected(reference, texts):
  """Each text's states [L, D], in a padded batch of its own."""
  model, _ = reference
  longest = max(map(len, texts))
  tokens = np.stack([np.pad(t, (0, longest - len(t))) for t in texts])
  real = np.arange(longest) < np.array([[len(t)] for t in texts])
  with torch.no_grad():
    states = model(
      torch.tensor(tokens), attention_mask=torch.tensor(real).long()
    ).last_hidden_state.numpy()
  return [state[: len(text)] for state, text in zip(states, texts, strict=True)]


def relative_error(ours, theirs):
  return np.linalg.norm(ours - theirs) / np.linalg.norm(theirs)


@pytest.mark.parametrize("packed", [True, False])
def test_token_states(reference, expected, texts, rows_of, embed, packed):
  _, folder = reference
  arch = read_architecture(folder)
  rows = rows_of(texts, packed)
  states, _ = embed(Encoder(arch), read_params(folder, arch), rows)
  for i, theirs in enumerate(expected):
    row, start = rows["text_row"][i], rows["text_start"][i]
    ours = np.asarray(states)[row, start : start + len(theirs)]
    assert relative_error(ours, theirs) < 1e-5


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_embeddings(
  reference, expected, texts, rows_of, embed, packed, pooling
):
  _, folder = reference
  arch = read_architecture(folder)
  _, ours = embed(
    Encoder(arch), read_params(folder, arch), rows_of(texts, packed), pooling
  )
  pooled = np.stack(
    [s.mean(axis=0) if pooling == "mean" else s[0] for s in expected]
  )
  theirs = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
  assert relative_error(np.asarray(ours), theirs) < 1e-5
