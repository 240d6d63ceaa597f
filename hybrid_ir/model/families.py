"""Names of tensors, a table a family. Read both ways by `weights`."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Entry:
  """One of our parameters and the checkpoint's tensors that make it."""

  path: tuple[str, ...]  # in our params
  names: tuple[str, ...]  # several: joined along the last axis of ours
  transposed: bool = False  # theirs is [out, in]

  @property
  def of_layers(self) -> bool:
    """Whether each layer has it; ours are stacked."""
    return self.path[0] == "layers"


@dataclasses.dataclass(frozen=True)
class Family:
  """An architecture's tensors. `{layer}` stands for a layer's number."""

  prefix: str  # of all names, in checkpoints with a head
  entries: tuple[Entry, ...]
  discards: tuple[str, ...]  # patterns (fnmatch) of tensors with no use here
  renamed: tuple[tuple[str, str], ...] = ()  # endings in old files, and ours
  first_stacked: int = 0  # layers below it have parameters of their own


def _linear(ours: tuple[str, ...], *theirs: str) -> tuple[Entry, Entry]:
  return (
    Entry(
      (*ours, "kernel"),
      tuple(f"{name}.weight" for name in theirs),
      transposed=True,
    ),
    Entry((*ours, "bias"), tuple(f"{name}.bias" for name in theirs)),
  )


def _norm(ours: tuple[str, ...], theirs: str) -> tuple[Entry, Entry]:
  return (
    Entry((*ours, "scale"), (f"{theirs}.weight",)),
    Entry((*ours, "bias"), (f"{theirs}.bias",)),
  )


def _modern_block(ours: str, theirs: str) -> tuple[Entry, ...]:
  """A ModernBERT layer without its first norm; nothing has a bias."""

  def kernel(name: str, their_name: str) -> Entry:
    return _linear((ours, name), f"{theirs}.{their_name}")[0]

  return (
    kernel("qkv", "attn.Wqkv"),
    kernel("attention_out", "attn.Wo"),
    _norm((ours, "mlp_norm"), f"{theirs}.mlp_norm")[0],
    kernel("up", "mlp.Wi"),
    kernel("down", "mlp.Wo"),
  )


_LAYER = "encoder.layer.{layer}."
_BERT_ENTRIES = (
  Entry(("tokens",), ("embeddings.word_embeddings.weight",)),
  Entry(
    ("embeddings", "positions"), ("embeddings.position_embeddings.weight",)
  ),
  Entry(("embeddings", "types"), ("embeddings.token_type_embeddings.weight",)),
  *_norm(("embeddings", "norm"), "embeddings.LayerNorm"),
  *_linear(
    ("layers", "qkv"),
    f"{_LAYER}attention.self.query",
    f"{_LAYER}attention.self.key",
    f"{_LAYER}attention.self.value",
  ),
  *_linear(("layers", "attention_out"), f"{_LAYER}attention.output.dense"),
  *_norm(("layers", "attention_norm"), f"{_LAYER}attention.output.LayerNorm"),
  *_linear(("layers", "up"), f"{_LAYER}intermediate.dense"),
  *_linear(("layers", "down"), f"{_LAYER}output.dense"),
  *_norm(("layers", "output_norm"), f"{_LAYER}output.LayerNorm"),
)
# Heads of transformers' models for one task, and buffers.
_HEADS = ("pooler.*", "classifier.*", "qa_outputs.*", "embeddings.position_ids")

BERT = Family(
  prefix="bert.",
  entries=_BERT_ENTRIES,
  discards=("cls.predictions.*", "cls.seq_relationship.*", *_HEADS),
  # Files that were converted from TensorFlow, mBERT's among them.
  renamed=(
    ("LayerNorm.gamma", "LayerNorm.weight"),
    ("LayerNorm.beta", "LayerNorm.bias"),
  ),
)
XLM_ROBERTA = Family(
  prefix="roberta.",
  entries=_BERT_ENTRIES,
  discards=("lm_head.*", *_HEADS),
)
MODERNBERT = Family(
  prefix="model.",
  entries=(
    Entry(("tokens",), ("embeddings.tok_embeddings.weight",)),
    _norm(("embeddings", "norm"), "embeddings.norm")[0],
    *_modern_block("first", "layers.0"),
    _norm(("layers", "attention_norm"), "layers.{layer}.attn_norm")[0],
    *_modern_block("layers", "layers.{layer}"),
    _norm(("final_norm",), "final_norm")[0],
  ),
  discards=("head.*", "decoder.*", "classifier.*"),
  first_stacked=1,
)

FAMILIES = {
  "bert": BERT,
  "xlm-roberta": XLM_ROBERTA,
  "modernbert": MODERNBERT,
}
