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
  renamed: tuple[tuple[str, str], ...]  # endings in old files, and ours
  discards: tuple[str, ...]  # patterns (fnmatch) of tensors with no use here


def _linear(ours: str, *theirs: str) -> tuple[Entry, Entry]:
  layer = "encoder.layer.{layer}."
  return (
    Entry(
      ("layers", ours, "kernel"),
      tuple(f"{layer}{name}.weight" for name in theirs),
      transposed=True,
    ),
    Entry(
      ("layers", ours, "bias"), tuple(f"{layer}{name}.bias" for name in theirs)
    ),
  )


def _norm(ours: tuple[str, ...], theirs: str) -> tuple[Entry, Entry]:
  return (
    Entry((*ours, "scale"), (f"{theirs}.weight",)),
    Entry((*ours, "bias"), (f"{theirs}.bias",)),
  )


BERT = Family(
  prefix="bert.",
  entries=(
    Entry(("tokens",), ("embeddings.word_embeddings.weight",)),
    Entry(
      ("embeddings", "positions"), ("embeddings.position_embeddings.weight",)
    ),
    Entry(
      ("embeddings", "types"), ("embeddings.token_type_embeddings.weight",)
    ),
    *_norm(("embeddings", "norm"), "embeddings.LayerNorm"),
    *_linear(
      "qkv",
      "attention.self.query",
      "attention.self.key",
      "attention.self.value",
    ),
    *_linear("attention_out", "attention.output.dense"),
    *_norm(
      ("layers", "attention_norm"),
      "encoder.layer.{layer}.attention.output.LayerNorm",
    ),
    *_linear("up", "intermediate.dense"),
    *_linear("down", "output.dense"),
    *_norm(("layers", "output_norm"), "encoder.layer.{layer}.output.LayerNorm"),
  ),
  # Files that were converted from TensorFlow, mBERT's among them.
  renamed=(
    ("LayerNorm.gamma", "LayerNorm.weight"),
    ("LayerNorm.beta", "LayerNorm.bias"),
  ),
  discards=("cls.*", "pooler.*", "*position_ids"),
)

FAMILIES = {"bert": BERT}
