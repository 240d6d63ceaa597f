"""PyTorch's encoders and ours on the same weights, texts and loss.

For the tests beside it, which load it by its path, and for bench/parity.py.
torch and transformers are imported by what needs them alone: `by_ours` runs
without.
"""

import dataclasses
import functools
import itertools
import json

import jax
import jax.numpy as jnp
import numpy as np

from hybrid_ir.config import Layout
from hybrid_ir.data import tokenizer as tokenizer_lib
from hybrid_ir.data.batch import arrange
from hybrid_ir.model.encoder import Encoder
from hybrid_ir.model.pooling import normalize, pool
from hybrid_ir.model.weights import (
  name_tensors,
  read_architecture,
  read_params,
)
from hybrid_ir.training.loss import contrastive_loss

LENGTHS = (9, 3, 1, 7, 19, 5, 13, 2)  # of queries, then of passages
INVERSE_TEMPERATURE = 20.0
_SHAPE = {
  "vocab_size": 61,
  "hidden_size": 16,
  "num_attention_heads": 2,
  "intermediate_size": 24,
  "max_position_embeddings": 20,
}
_MODELS = {  # kind -> name of transformers' model, and its config's fields
  "bert": ("Bert", {"num_hidden_layers": 2, "hidden_act": "gelu"}),
  "bert, relu": ("Bert", {"num_hidden_layers": 2, "hidden_act": "relu"}),
  "xlm-roberta": (
    "XLMRoberta",
    {
      "num_hidden_layers": 2,
      "max_position_embeddings": 22,  # 2 of them before the first token's
      "type_vocab_size": 1,
      "pad_token_id": 1,
    },
  ),
  "modernbert": (
    "ModernBert",
    {
      "num_hidden_layers": 5,  # 0 and 3 global, the others local
      "local_attention": 6,  # less than most texts
      "layer_types": [
        "sliding_attention" if n % 3 else "full_attention" for n in range(5)
      ],
      "rope_parameters": {
        "full_attention": {"rope_type": "default", "rope_theta": 160000.0},
        "sliding_attention": {"rope_type": "default", "rope_theta": 100.0},
      },
      **{f"{n}_token_id": 0 for n in ("pad", "bos", "eos", "cls", "sep")},
    },
  ),
}
KINDS = tuple(_MODELS)


@dataclasses.dataclass(frozen=True)
class Outcome:
  """What an encoder makes of texts, and of a step of contrastive training."""

  states: np.ndarray  # [sum of lengths, D] text after text
  embeddings: np.ndarray  # [T, D] mean of the states, of length 1
  loss: float
  gradients: dict[str, np.ndarray]  # by transformers' names


def draw_texts(lengths=LENGTHS, seed=1):
  """Token ids, none of them special in any of the models."""
  rng = np.random.default_rng(seed)
  return [rng.integers(4, _SHAPE["vocab_size"], n) for n in lengths]


def read_texts(folder, lareqa, paragraphs=3):
  """XQuAD-R's first questions, then their first sentences, as token ids.

  Of each language's first paragraphs one each, with E5's prefixes.
  """
  queries, passages = [], []
  for path in sorted((lareqa / "xquad-r").glob("*.json")):
    articles = json.loads(path.read_text(encoding="utf-8"))["data"]
    for article in articles[:paragraphs]:
      paragraph = article["paragraphs"][0]
      queries.append(f"query: {paragraph['qas'][0]['question']}")
      passages.append(f"passage: {paragraph['sentences'][0]}")
  return tokenizer_lib.load(folder).encode([*queries, *passages])


def make_model(kind, seed=0):
  """transformers' model, each weight drawn: none is 0 or 1 by chance."""
  import torch
  import transformers

  name, fields = _MODELS[kind]
  config = getattr(transformers, f"{name}Config")(**{**_SHAPE, **fields})
  config.architectures = [f"{name}Model"]
  poolers = {} if name == "ModernBert" else {"add_pooling_layer": False}
  model = getattr(transformers, f"{name}Model")(config, **poolers).eval()
  rng = np.random.default_rng(seed)
  with torch.no_grad():
    for name, parameter in model.named_parameters():
      mean = name.lower().endswith("norm.weight")
      parameter.copy_(torch.tensor(rng.normal(mean, 0.3, parameter.shape)))
  return model


def by_torch(model, texts):
  """The reference: one padded batch."""
  import torch

  for module in model.modules():
    if isinstance(module, torch.nn.Embedding):
      # With it, one row gets no gradient: in E5's config that of <s>, which
      # begins every text.
      module.padding_idx = None
  lengths = torch.tensor([len(text) for text in texts])
  real = torch.arange(int(lengths.max())) < lengths[:, None]
  tokens = torch.full(real.shape, model.config.pad_token_id)
  tokens[real] = torch.tensor(np.concatenate(texts)).long()
  states = model(tokens, attention_mask=real.long()).last_hidden_state
  sums = (states * real[..., None]).sum(dim=1)
  embeddings = torch.nn.functional.normalize(sums / lengths[:, None])
  queries, passages = embeddings.chunk(2)
  logits = INVERSE_TEMPERATURE * queries @ passages.T
  loss = torch.nn.functional.cross_entropy(logits, torch.arange(len(logits)))
  model.zero_grad()
  loss.backward()
  return Outcome(
    states=states[real].detach().numpy(),
    embeddings=embeddings.detach().numpy(),
    loss=loss.item(),
    gradients={n: p.grad.numpy() for n, p in model.named_parameters()},
  )


def by_ours(folder, texts, packed, row_length=32, backward=True, keep_layers=0):
  """Ours, on the weights of a folder; several texts a row, or one.

  Without `backward`, the gradients are none.
  """
  arch = read_architecture(folder, keep_layers)
  rows = arrange(
    np.concatenate(texts).astype(np.int32),
    np.array([len(text) for text in texts]),
    Layout(packing=packed, row_lengths=(row_length,), texts_per_row=4),
    rows_multiple=1,
  )
  params = read_params(folder, arch, read_architecture(folder).layers)
  loss, states, embeddings, gradients = _step(
    Encoder(arch), params, rows, backward
  )
  states = np.asarray(states)
  places = zip(rows["text_row"], rows["text_start"], texts, strict=True)
  return Outcome(
    states=np.concatenate(
      [states[row, start : start + len(text)] for row, start, text in places]
    ),
    embeddings=np.asarray(embeddings),
    loss=float(loss),
    gradients=name_tensors(arch, gradients) if backward else {},
  )


@functools.partial(jax.jit, static_argnums=(0, 3))
def _step(encoder, params, rows, backward):
  def loss_of(params):
    words = encoder.embed(params, rows["tokens"])
    states = encoder.encode(params, words, rows["segments"], rows["positions"])
    places = rows["text_row"], rows["text_start"], rows["text_segment"]
    pooled = pool(
      states, rows["segments"], *places, pooling="mean", texts_per_row=4
    )
    embeddings = normalize(pooled)
    queries, passages = jnp.split(embeddings, 2)
    B, D = queries.shape
    loss, _ = contrastive_loss(
      queries,
      passages,
      jnp.zeros((0, D)),
      jnp.arange(B),
      jnp.zeros((B, 0), jnp.int32),
      jnp.zeros((B, 0), bool),
      jnp.float32(INVERSE_TEMPERATURE),
      two_sided=False,
      mask_groups=True,
    )
    return loss, (states, embeddings)

  if not backward:
    loss, (states, embeddings) = loss_of(params)
    return loss, states, embeddings, None
  (loss, (states, embeddings)), gradients = jax.value_and_grad(
    loss_of, has_aux=True
  )(params)
  return loss, states, embeddings, gradients


def relative(ours, theirs, scale=None):
  """The norm of the difference, as a share of the norm of theirs."""
  scale = np.linalg.norm(theirs if scale is None else scale)
  return float(np.linalg.norm(np.subtract(ours, theirs)) / scale)


def differences(ours, theirs):
  """Quantity -> largest relative difference of two outcomes."""
  assert ours.gradients.keys() == theirs.gradients.keys()
  return {
    "hidden states": relative(ours.states, theirs.states),
    "embeddings": relative(ours.embeddings, theirs.embeddings),
    "loss": relative(ours.loss, theirs.loss),
    "gradients": max(
      gradient_differences(ours.gradients, theirs.gradients).values()
    ),
  }


def gradient_differences(ours, theirs):
  """Tensor -> relative difference of its gradients (or of their norms).

  A key's bias adds the same to all logits of a query, so its gradient is 0 but
  for rounding: it is held against that of the query's bias.
  """
  return {
    name: relative(
      ours[name], theirs[name], theirs[name.replace("key.bias", "query.bias")]
    )
    for name in theirs
  }


def store(path, texts, outcome):
  """An outcome as a small .npz: of the gradients, the norms alone."""
  np.savez(
    path,
    tokens=np.concatenate(texts).astype(np.int32),  # text after text
    lengths=np.array([len(text) for text in texts]),
    states=outcome.states,
    embeddings=outcome.embeddings,
    loss=np.float32(outcome.loss),
    names=np.array(list(outcome.gradients)),
    norms=np.array([*map(np.linalg.norm, outcome.gradients.values())]),
  )


def load(path):
  """The texts and the outcome of `store`, norms in the gradients' place."""
  stored = np.load(path)
  ends = itertools.accumulate(stored["lengths"], initial=0)
  texts = [stored["tokens"][a:b] for a, b in itertools.pairwise(ends)]
  norms = zip(stored["names"].tolist(), stored["norms"], strict=True)
  return texts, Outcome(
    stored["states"], stored["embeddings"], stored["loss"], dict(norms)
  )
