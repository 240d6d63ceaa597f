"""What made embeddings. From the model, to `shards` and the tasks.

Scores mean something only between embeddings of one model: the same contract,
the same weights, the same leading dimensions.
"""

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from hybrid_ir.errors import UserError
from hybrid_ir.model import contract as contract_lib
from hybrid_ir.model.contract import Contract
from hybrid_ir.model.encoder import Params


@dataclasses.dataclass(frozen=True)
class Origin:
  """The model of some embeddings."""

  contract: Mapping[str, Any]  # as `contract.to_json` writes it
  weights: str  # fingerprint of the parameters
  size: int  # E, dimensions


def origin_of(contract: Contract, params: Params, size: int) -> Origin:
  """What embeddings of `size` dimensions by a model are known by."""
  digest = hashlib.blake2b(digest_size=16)
  leaves, _ = jax.tree_util.tree_flatten_with_path(params)
  for path, leaf in leaves:
    array = np.asarray(leaf)
    name = jax.tree_util.keystr(path, simple=True, separator="/")
    digest.update(f"{name} {array.dtype} {array.shape}".encode())
    digest.update(np.ascontiguousarray(array).view(np.uint8).data)
  return Origin(contract_lib.to_json(contract), digest.hexdigest(), size)


def check_same(
  there: Origin, contract: Contract, here: Origin, name: str
) -> None:
  """Refuses embeddings of another model.

  Args:
    there: of the stored embeddings.
    contract: of the model here.
    here: of the model here.
    name: of what was stored, for the message.

  Raises:
    UserError: saying what differs.
  """
  stored = dict(there.contract)
  if changes := contract_lib.differences(
    contract, stored, contract_lib.OF_TRAINING
  ):
    reason = "; ".join(changes)
  elif there.size != here.size:
    reason = (
      f"{there.size} dimensions there, {here.size} here: set 'dimensions' as"
      " they were"
    )
  elif there.weights != here.weights:
    reason = "other weights: it was trained on, or is another checkpoint"
  else:
    return
  raise UserError(
    f"{name}: was encoded with another model ({reason}); encode it again in"
    " another workdir, or name its model"
  )
