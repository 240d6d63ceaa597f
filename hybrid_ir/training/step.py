"""One training step, jitted over the mesh. From batches, to the loop.

In-batch negatives are the global batch's: the rows of texts are shared out
over the devices, and every query meets every passage.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, TypedDict

import jax
import jax.numpy as jnp
from jax.sharding import Mesh, NamedSharding

from hybrid_ir.config import Loss
from hybrid_ir.data.batch import Batch
from hybrid_ir.model.bi_encoder import BiEncoder
from hybrid_ir.model.encoder import Params
from hybrid_ir.training import loss as loss_lib
from hybrid_ir.training import mesh as mesh_lib
from hybrid_ir.training.optimizer import Transformation, global_norm, update

Chunk = tuple[jax.Array, jax.Array, jax.Array]  # words, segments, positions
Arrays = Mapping[str, jax.Array]  # a `Batch` on device


class State(TypedDict):
  """What a checkpoint holds."""

  step: jax.Array  # steps done
  params: Params  # "encoder", and "log_inverse_temperature" if learned
  optimizer: Any


class Metrics(TypedDict):
  """Of one step, on device until the loop asks."""

  loss: jax.Array
  accuracy: jax.Array  # share of queries whose positive ranks first
  gradient_norm: jax.Array  # before clipping
  temperature: jax.Array


@dataclasses.dataclass(frozen=True)
class Trainer:
  """The pure functions of training: fresh state, loss, step."""

  model: BiEncoder
  texts_per_row: int  # of the batch's layout
  loss: Loss
  optimizer: Transformation
  chunks: int
  seed: int

  def init(self, encoder_params: Params) -> State:
    """The state before step 0."""
    params: Params = {"encoder": encoder_params}
    if self.loss.learn_temperature:
      params["log_inverse_temperature"] = -jnp.log(
        jnp.float32(self.loss.temperature)
      )
    return State(
      step=jnp.int32(0), params=params, optimizer=self.optimizer.init(params)
    )

  def loss_of(
    self, params: Params, batch: Arrays, key: jax.Array | None
  ) -> tuple[jax.Array, jax.Array]:
    """The loss of a batch, and the share of queries answered right."""
    B, N = batch["negative_group"].shape
    texts = self.embed_texts(params["encoder"], batch, key)  # [T, D]
    present = batch["text_segment"][2 * B :].reshape(B, N) > 0
    return loss_lib.contrastive_loss(
      texts[:B],
      texts[B : 2 * B],
      texts[2 * B :],
      batch["group"],
      batch["negative_group"],
      present,
      self._inverse_temperature(params),
      two_sided=self.loss.two_sided,
      mask_groups=self.loss.mask_groups,
    )

  def embed_texts(
    self, params: Params, batch: Arrays, key: jax.Array | None
  ) -> jax.Array:
    """[T, E] embeddings of a batch's texts, in `chunks` pieces.

    With several chunks the activations of one piece at a time are alive: the
    backward pass makes each again (GradCache, arXiv 2101.06983, as
    `lax.scan` over `jax.checkpoint`), with the same dropout.
    """
    encoder = self.model.encoder
    words = encoder.embed(params, batch["tokens"])  # [R, L, D]
    if self.chunks == 1:
      states = encoder.encode(
        params, words, batch["segments"], batch["positions"], key
      )
    else:

      def encode(chunk: Chunk, nth: jax.Array) -> jax.Array:
        chunk_key = None if key is None else jax.random.fold_in(key, nth)
        return encoder.encode(params, *chunk, key=chunk_key)

      pieces = jax.tree.map(
        self._split, (words, batch["segments"], batch["positions"])
      )
      _, states = jax.lax.scan(
        lambda _, inputs: (None, jax.checkpoint(encode)(*inputs)),
        None,
        (pieces, jnp.arange(self.chunks)),
      )
      states = states.swapaxes(0, 1).reshape(words.shape)
    return self.model.finish(params, states, batch, self.texts_per_row)

  def step(self, state: State, batch: Arrays) -> tuple[State, Metrics]:
    """One optimizer step."""
    key = None
    if self.model.encoder.dropout:
      key = jax.random.fold_in(jax.random.key(self.seed), state["step"])
    (loss, accuracy), gradients = jax.value_and_grad(
      self.loss_of, has_aux=True
    )(state["params"], batch, key)
    params, optimizer = update(
      self.optimizer, gradients, state["optimizer"], state["params"]
    )
    metrics = Metrics(
      loss=loss,
      accuracy=accuracy,
      gradient_norm=global_norm(gradients),
      temperature=1 / self._inverse_temperature(state["params"]),
    )
    new = State(step=state["step"] + 1, params=params, optimizer=optimizer)
    return new, metrics

  def _split(self, rows: jax.Array) -> jax.Array:
    """[R, ...] -> [chunks, R / chunks, ...], each device cutting its own."""
    R = rows.shape[0]
    pieces = rows.reshape(R // self.chunks, self.chunks, *rows.shape[1:])
    return pieces.swapaxes(0, 1)

  def _inverse_temperature(self, params: Params) -> jax.Array:
    if self.loss.learn_temperature:
      return jnp.exp(params["log_inverse_temperature"])
    return jnp.float32(1 / self.loss.temperature)


def compile_step(trainer: Trainer, mesh: Mesh, state: State) -> Any:
  """The jitted step: (state, batch) -> (state, metrics), state donated."""
  whole = NamedSharding(mesh, mesh_lib.WHOLE)
  placed = mesh_lib.shardings(mesh, state)
  return jax.jit(
    trainer.step,
    in_shardings=(placed, batch_shardings(mesh)),
    out_shardings=(placed, whole),
    donate_argnums=0,
  )


def batch_shardings(mesh: Mesh) -> dict[str, NamedSharding]:
  """Rows of texts over the devices; what the loss needs, everywhere."""
  rows = {"tokens", "segments", "positions"}
  return {
    name: NamedSharding(mesh, mesh_lib.ROWS if name in rows else mesh_lib.WHOLE)
    for name in Batch.__annotations__
  }
