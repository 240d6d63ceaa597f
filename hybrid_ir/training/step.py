"""One training step, jitted over the mesh. From batches, to the loop.

In-batch negatives are the global batch's: the rows of texts are shared out
over the devices, and every query meets every passage.
"""

import dataclasses
from typing import Any, TypedDict

import jax
import jax.numpy as jnp
from jax.sharding import Mesh, NamedSharding

from hybrid_ir.config import Adapt, Config, Loss
from hybrid_ir.data.batch import OF_ROWS, Batch
from hybrid_ir.model.bi_encoder import BiEncoder
from hybrid_ir.model.encoder import Params
from hybrid_ir.training import chunks as chunks_lib
from hybrid_ir.training import lora, rows, trainable
from hybrid_ir.training import mesh as mesh_lib
from hybrid_ir.training.objective import Arrays, objective
from hybrid_ir.training.optimizer import (
  Transformation,
  global_norm,
  make_optimizer,
  update,
)

_LORA = 2**32 - 1  # randomness of LoRA's matrices; no step has this number


class State(TypedDict):
  """What a checkpoint holds."""

  step: jax.Array  # steps done
  params: Params  # "encoder"; with LoRA "lora", "lora_scale"; if learned,
  # "log_inverse_temperature"
  optimizer: Any  # of the parameters that train


class Metrics(TypedDict):
  """Of one step, on device until the loop asks."""

  loss: jax.Array
  accuracy: jax.Array  # share of queries whose positive ranks first
  gradient_norm: jax.Array  # of what trains, before clipping
  temperature: jax.Array


@dataclasses.dataclass(frozen=True)
class Trainer:
  """The pure functions of training: fresh state, loss, step."""

  model: BiEncoder
  texts_per_row: int  # of the batch's layout
  loss: Loss
  adapt: Adapt  # which parameters train
  optimizer: Transformation
  chunks: int
  seed: int
  lazy: bool = False  # only the batch's rows of the token table are updated
  mesh: Mesh | None = None  # devices that share the loss; `compile_step`'s

  def init(self, encoder_params: Params) -> State:
    """The state before step 0."""
    params: Params = {"encoder": encoder_params}
    if self.loss.learn_temperature:
      params["log_inverse_temperature"] = -jnp.log(
        jnp.float32(self.loss.temperature)
      )
    if self.adapt.lora_rank:
      key = jax.random.fold_in(jax.random.key(self.seed), _LORA)
      params.update(lora.init(key, encoder_params, self.adapt))
    return State(
      step=jnp.int32(0),
      params=params,
      optimizer=self.optimizer.init(trainable.take(params, self.adapt)),
    )

  def loss_of(
    self, params: Params, batch: Arrays, key: jax.Array | None
  ) -> tuple[jax.Array, jax.Array]:
    """The loss of a batch, and the share of queries answered right."""
    encoder_params = lora.encoder_params(params)
    texts = self.embed_texts(encoder_params, batch, key)  # [T, E]
    return objective(
      texts,
      batch,
      self._inverse_temperature(params),
      self.loss,
      normalized=self.model.normalize,
      mesh=self.mesh,
    )

  def embed_texts(
    self, params: Params, batch: Arrays, key: jax.Array | None
  ) -> jax.Array:
    """[T, E] embeddings of a batch's texts, in `chunks` pieces.

    With several chunks the activations of one piece at a time are alive: the
    backward pass makes each again (GradCache, arXiv 2101.06983, as
    `lax.scan` over `jax.checkpoint`), with the same dropout.
    """
    if self.chunks == 1:
      states = self._states(params, batch, key)
      return self.model.finish(params, states, batch, self.texts_per_row)

    def pooled(piece: Arrays, nth: jax.Array) -> jax.Array:
      own = None if key is None else jax.random.fold_in(key, nth)
      states = self._states(params, piece, own)
      return self.model.slots(states, piece["segments"], self.texts_per_row)

    def body(_: None, inputs: tuple[Arrays, jax.Array]) -> tuple[None, Any]:
      return None, jax.checkpoint(pooled)(*inputs)

    pieces = chunks_lib.split(batch, self.chunks)
    inputs = pieces, jnp.arange(self.chunks)
    slots = jax.lax.scan(body, None, inputs)[1]
    return self.model.project(params, chunks_lib.join(slots, batch))

  def _states(
    self, params: Params, arrays: Arrays, key: jax.Array | None
  ) -> jax.Array:
    """[R, L, D] token states of rows."""
    encoder = self.model.encoder
    return encoder.encode(
      params,
      encoder.embed(params, arrays["tokens"]),
      arrays["segments"],
      arrays["positions"],
      key,
      frozen_layers=self.adapt.freeze_layers,
    )

  def step(self, state: State, batch: Arrays) -> tuple[State, Metrics]:
    """One optimizer step."""
    if not (self.lazy and trainable.has_tokens(self.adapt)):
      return self._step(state, batch)
    used, places = rows.used(
      batch["tokens"],
      batch["segments"],
      len(state["params"]["encoder"]["tokens"]),
    )
    part, metrics = self._step(
      rows.cut(state, used), {**batch, "tokens": places}
    )
    return rows.paste(state, part, used), metrics

  def _step(self, state: State, batch: Arrays) -> tuple[State, Metrics]:
    """One optimizer step on all that a state holds."""
    key = None
    if self.model.encoder.dropout:
      key = jax.random.fold_in(jax.random.key(self.seed), state["step"])
    params, adapt = state["params"], self.adapt
    trained = trainable.take(params, adapt)
    (loss, accuracy), gradients = jax.value_and_grad(
      lambda x: self.loss_of(trainable.put(params, x, adapt), batch, key),
      has_aux=True,
    )(trained)
    trained, optimizer = update(
      self.optimizer, gradients, state["optimizer"], trained
    )
    metrics = Metrics(
      loss=loss,
      accuracy=accuracy,
      gradient_norm=global_norm(gradients),
      temperature=1 / self._inverse_temperature(params),
    )
    new = State(
      step=state["step"] + 1,
      params=trainable.put(params, trained, adapt),
      optimizer=optimizer,
    )
    return new, metrics

  def _inverse_temperature(self, params: Params) -> jax.Array:
    if self.loss.learn_temperature:
      return jnp.exp(params["log_inverse_temperature"])
    return jnp.float32(1 / self.loss.temperature)


def make_trainer(config: Config, model: BiEncoder) -> Trainer:
  """The trainer of a model that a config describes."""
  return Trainer(
    model,
    config.layout.texts_per_row if config.layout.packing else 1,
    config.loss,
    config.adapt,
    make_optimizer(config.optimizer, config.train.steps),
    config.train.chunks,
    config.seed,
    lazy=config.optimizer.embeddings == "lazy",
  )


def compile_step(trainer: Trainer, mesh: Mesh, state: State) -> Any:
  """The jitted step: (state, batch) -> (state, metrics), state donated."""
  whole = NamedSharding(mesh, mesh_lib.WHOLE)
  placed = mesh_lib.shardings(mesh, state)
  return jax.jit(
    dataclasses.replace(trainer, mesh=mesh).step,
    in_shardings=(placed, batch_shardings(mesh)),
    out_shardings=(placed, whole),
    donate_argnums=0,
  )


def batch_shardings(mesh: Mesh) -> dict[str, NamedSharding]:
  """Rows of texts over the devices; what the loss needs, everywhere."""
  return {
    name: NamedSharding(
      mesh, mesh_lib.ROWS if name in OF_ROWS else mesh_lib.WHOLE
    )
    for name in Batch.__annotations__
  }
