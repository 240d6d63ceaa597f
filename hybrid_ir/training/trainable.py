"""Which parameters train, and which stay. From the config, to the step.

What stays has no gradient, no moments and no decay; it is never written.
"""

import jax

from hybrid_ir.config import Adapt
from hybrid_ir.model.encoder import Params

_EMBEDDINGS = ("tokens", "embeddings")
_FIRST = "first"  # ModernBERT's layer 0, apart from the stacked ones
_STACKED = "layers"


def has_tokens(adapt: Adapt) -> bool:
  """Whether the token table is among what trains."""
  return not (adapt.lora_rank or adapt.freeze_embeddings or adapt.freeze_layers)


def take(params: Params, adapt: Adapt) -> Params:
  """The parameters that train, as a tree of their own.

  Args:
    params: a state's: "encoder", and what training adds to it.
    adapt: what stays as it is. With LoRA (arXiv 2106.09685, section 4.1) that
      is the whole encoder.

  Returns:
    A part of `params`. Of stacked layers [N, ...], the upper ones.
  """
  if adapt.lora_rank:
    frozen = ("encoder", "lora_scale")
    return {name: x for name, x in params.items() if name not in frozen}
  encoder = dict(params["encoder"])
  if not has_tokens(adapt):
    for name in _EMBEDDINGS:
      del encoder[name]
  if adapt.freeze_layers:
    stacked = _stacked_frozen(params["encoder"], adapt)
    encoder.pop(_FIRST, None)
    encoder[_STACKED] = jax.tree.map(lambda x: x[stacked:], encoder[_STACKED])
  return {**params, "encoder": encoder}


def put(params: Params, trained: Params, adapt: Adapt) -> Params:
  """`params` with what `take` took replaced by `trained`.

  Args:
    params: the whole tree; what stays is passed through.
    trained: a tree as `take` gives it.
    adapt: as for `take`.
  """
  if adapt.lora_rank:
    return {**params, **trained}
  encoder = {**params["encoder"], **trained["encoder"]}
  if adapt.freeze_layers:
    stacked = _stacked_frozen(params["encoder"], adapt)
    encoder[_STACKED] = jax.tree.map(
      lambda whole, upper: jax.lax.dynamic_update_slice_in_dim(
        whole, upper, stacked, axis=0
      ),
      params["encoder"][_STACKED],
      trained["encoder"][_STACKED],
    )
  return {**params, **trained, "encoder": encoder}


def _stacked_frozen(encoder: Params, adapt: Adapt) -> int:
  """Of the frozen layers, those among the stacked ones."""
  return adapt.freeze_layers - (_FIRST in encoder)
