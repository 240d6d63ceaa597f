"""The training loop, read from top to bottom. From batches and step, to disk.

It knows nothing of evaluation: it is handed a function for it.
"""

import dataclasses
import math
import time
from collections.abc import Callable, Iterable
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from hybrid_ir import clock, processes, stopping, watchdog
from hybrid_ir.config import Config
from hybrid_ir.data.batch import Batch, Batches
from hybrid_ir.errors import UserError
from hybrid_ir.model.encoder import Params
from hybrid_ir.training.checkpoint import Checkpoints, Progress
from hybrid_ir.training.lora import encoder_params
from hybrid_ir.training.metrics import MetricsLog
from hybrid_ir.training.optimizer import learning_rate
from hybrid_ir.training.step import (
  Metrics,
  State,
  Trainer,
  batch_shardings,
  compile_step,
)

Evaluate = Callable[
  [Params, int], dict[str, float]
]  # "dev" is the one to raise


def train(
  config: Config,
  trainer: Trainer,
  state: State,
  progress: Progress,
  batches: Batches,
  stream: Callable[[int, int], Iterable[tuple[int, Batch]]],
  mesh: Mesh,
  contract: dict[str, Any],
  checkpoints: Checkpoints,
  log: MetricsLog | None,
  evaluate: Evaluate | None,
  is_to_stop: Callable[[int], bool],
) -> State:
  """Trains from `state` to `train.steps`, or until dev stops to gain.

  Args:
    config: of the run.
    trainer: the pure functions.
    state: where to start; its step says which batch is next.
    progress: of the dev evaluations before it.
    batches: what the stream is made of, to name a batch that went wrong.
    stream: (start, stop) -> (step, batch), in order.
    mesh: devices.
    contract: saved with every checkpoint.
    checkpoints: where to save.
    log: of metrics; None: another process keeps it.
    evaluate: (encoder's params, steps done) -> dev figures; None: no dev set.
    is_to_stop: asked after every step, whether SIGTERM came.

  Returns:
    The last state.

  Ends the command, saved, after the step in which SIGTERM came.

  Raises:
    UserError: a loss or gradient that is not finite, with its batch.
  """
  step_fn = compile_step(trainer, mesh, state)
  schedule = learning_rate(config.optimizer, config.train.steps)
  shardings = batch_shardings(mesh)
  start, steps = int(state["step"]), config.train.steps
  window = _Window(config, batches)
  saved = start if start in checkpoints.steps else -1

  for step, batch in stream(start, steps):
    # ---------------------------------------------------------- one step
    if progress_is_over(config, progress):
      break
    drawn = time.perf_counter()
    watchdog.move(step)
    shared = processes.place(dict(batch), shardings)
    state, metrics = step_fn(state, shared)
    done = step + 1
    window.add(step, batch, metrics)
    if step == start:  # the one wait between two lines of metrics
      jax.block_until_ready(metrics["loss"])
      print(_describe_start(drawn, time.perf_counter()), flush=True)

    # ------------------------------------------------- metrics, dev set
    dev: float | None = None
    is_dev = evaluate is not None and done % config.evaluate.every == 0
    if done % config.train.log_every == 0 or is_dev or done == steps:
      line = window.close(float(schedule(step)))
      print(_describe(done, steps, line), flush=True)
      if evaluate is not None and is_dev:
        figures = evaluate(encoder_params(state["params"]), done)
        dev = figures["dev"]
        progress = _advance(progress, done, dev)
        line["dev"] = figures
        print(_describe_dev(done, figures, progress), flush=True)
      if log is not None:
        log.write(done, line)
      window = _Window(config, batches)

    # ------------------------------------------------------- checkpoint
    # Before the next batch is drawn: what is saved is a whole step, and the
    # step that follows a restart is the one that follows here.
    every = config.checkpoint.every
    if dev is not None or (every and done % every == 0) or done == steps:
      window.check()  # a broken state is never saved
      checkpoints.save(state, done, contract, progress, dev)
      saved = done

    # ------------------------------------------------------- preemption
    if is_to_stop(done) and done < steps:
      if saved != done:
        window.check()
        checkpoints.save(state, done, contract, progress, None)
      stopping.stop(f"stopped by SIGTERM, saved after step {done}")

  if saved != int(state["step"]):  # stopped early, or nothing to do
    checkpoints.save(state, int(state["step"]), contract, progress, None)
  return state


def progress_is_over(config: Config, progress: Progress) -> bool:
  """Whether dev has not gained for `evaluate.patience` evaluations."""
  patience = config.evaluate.patience
  return patience > 0 and progress.without_gain >= patience


def _advance(progress: Progress, step: int, value: float) -> Progress:
  if progress.best_value is None or value > progress.best_value:
    return dataclasses.replace(
      progress, best_step=step, best_value=value, without_gain=0
    )
  return dataclasses.replace(progress, without_gain=progress.without_gain + 1)


class _Window:
  """The steps since the last line of metrics, on device until it is due."""

  def __init__(self, config: Config, batches: Batches):
    self._config = config
    self._batches = batches
    self._metrics: list[tuple[int, Metrics]] = []
    self._checked = 0  # of `_metrics`
    self._tokens = 0
    self._slots = 0
    self._start = time.perf_counter()

  def add(self, step: int, batch: Batch, metrics: Metrics) -> None:
    self._metrics.append((step, metrics))
    self._tokens += int(np.count_nonzero(batch["segments"]))
    self._slots += batch["segments"].size

  def check(self) -> None:
    """Waits for the steps so far and refuses a number that is not one.

    Raises:
      UserError: naming the step, the batch's kind, data set, ids, languages.
    """
    for step, metrics in self._metrics[self._checked :]:
      loss, norm = float(metrics["loss"]), float(metrics["gradient_norm"])
      if self._config.train.check_finite and not math.isfinite(loss + norm):
        raise UserError(self._describe_broken(step, loss, norm))
    self._checked = len(self._metrics)

  def close(self, rate: float) -> dict[str, Any]:
    """The line of metrics of the window's steps."""
    self.check()
    seconds = time.perf_counter() - self._start
    step, last = self._metrics[-1]
    by_kind: dict[str, list[float]] = {}
    for s, metrics in self._metrics:
      kind = self._batches.plan.kind(s)
      by_kind.setdefault(f"loss_{kind}", []).append(float(metrics["loss"]))
    count = len(self._metrics)
    line = {
      "loss": float(last["loss"]),
      "kind": self._batches.plan.kind(step),
      **{name: sum(v) / len(v) for name, v in sorted(by_kind.items())},
      "accuracy": float(last["accuracy"]),
      "learning_rate": rate,
      "temperature": float(last["temperature"]),
      "gradient_norm": float(last["gradient_norm"]),
      "pairs_per_s": count * self._config.train.batch_size / seconds,
      "tokens_per_s": self._tokens / seconds,
      "real_token_share": self._tokens / self._slots,
      "seconds_per_step": seconds / count,
    }
    return line

  def _describe_broken(self, step: int, loss: float, norm: float) -> str:
    planned, corpus = self._batches.describe(step)
    pairs = [
      f"{corpus.ids[i]} ({corpus.languages[x]}-{corpus.languages[y]})"
      for i, x, y in zip(
        planned.ids[:8],
        planned.query_language,
        planned.passage_language,
        strict=False,
      )
    ]
    more = max(len(planned.ids) - len(pairs), 0)
    return (
      f"step {step + 1}: the loss is {loss}, the gradient's norm {norm}; the"
      f" {planned.kind} batch of {corpus.name} held {', '.join(pairs)}"
      f" and {more} more; no checkpoint was written of it. Lower"
      " 'optimizer.learning_rate', or look at these texts"
    )


def _describe_start(drawn: float, first: float) -> str:
  """How long the first step took, by when its batch and its loss were there."""
  return (
    f"first step after {clock.since_begin(first):.1f} s (imports and set-up"
    f" {clock.since_begin(drawn):.1f} s, compiling and running it"
    f" {first - drawn:.1f} s)"
  )


def _describe(done: int, steps: int, line: dict[str, Any]) -> str:
  left = int((steps - done) * line["seconds_per_step"])
  minutes, seconds = divmod(left, 60)
  return (
    f"step {done}/{steps}  loss {line['loss']:.4f} ({line['kind']})"
    f"  lr {line['learning_rate']:.2e}  {line['pairs_per_s']:,.0f} pairs/s"
    f"  {line['tokens_per_s']:,.0f} tokens/s"
    f"  {line['real_token_share']:.0%} real tokens"
    f"  {line['seconds_per_step']:.2f} s/step  ETA {minutes}:{seconds:02d}"
  )


def _describe_dev(
  done: int, figures: dict[str, float], progress: Progress
) -> str:
  named = "  ".join(f"{name} {value:.4f}" for name, value in figures.items())
  best = (
    "best so far"
    if progress.best_step == done
    else (f"best {progress.best_value:.4f} at step {progress.best_step}")
  )
  return f"step {done}  dev set: {named}  ({best})"
