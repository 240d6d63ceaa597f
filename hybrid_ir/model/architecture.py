"""The shape of an encoder, as data. From a config, to `encoder`."""

import dataclasses

from hybrid_ir.config import Encoder as EncoderConfig

ACTIVATIONS = ("gelu", "relu")  # exact GELU, as transformers' "gelu" is


@dataclasses.dataclass(frozen=True)
class Architecture:
  """One of three kinds of encoder.

  bert (arXiv 1810.04805) and xlm-roberta (arXiv 1911.02116): learned
  positions, norms after the residual. modernbert (arXiv 2412.13663): rotary
  positions, norms before, gated feed-forward layers, no biases, and most
  layers local.
  """

  family: str  # key of `families.FAMILIES`
  vocab_size: int
  hidden_size: int  # D
  layers: int
  heads: int
  intermediate_size: int
  max_positions: int  # tokens of the longest text
  token_types: int  # 0: none (modernbert)
  norm_epsilon: float
  activation: str  # of ACTIVATIONS
  position_offset: int = 0  # first row of the table of positions in use
  # Of modernbert; 0 elsewhere.
  window: int = 0  # most distance attended by a local layer; 0: all are global
  global_every: int = 0  # layers 0, n, 2n, ... are global
  global_theta: float = 0.0  # base of the rotary angles (arXiv 2104.09864)
  local_theta: float = 0.0

  def is_global(self, layer: int) -> bool:
    """Whether a layer's tokens attend to their whole text."""
    return not self.window or layer % self.global_every == 0


def from_scratch(config: EncoderConfig, vocab_size: int) -> Architecture:
  """The architecture that the config's `encoder` section describes."""
  return Architecture(
    family="bert",
    vocab_size=vocab_size,
    hidden_size=config.hidden_size,
    layers=config.layers,
    heads=config.heads,
    intermediate_size=config.intermediate_size,
    max_positions=config.max_positions,
    token_types=1,
    norm_epsilon=1e-12,
    activation="gelu",
  )
