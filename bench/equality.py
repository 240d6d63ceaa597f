"""Prints how far many devices and processes are from one: rounding, or more.

    python bench/equality.py

Meshes: one step of the quickstart's encoder on 32 pairs of world_facts, with
dropout, in float64, by SGD, on eight CPU devices; what each mesh makes beside
what one device makes of the same batch. The gradients are the momentum after
the step. Processes: 8 steps of the quickstart with 32 pairs and without
dropout, in float32, by AdamW, over processes of two CPU devices each, beside
one process with one device. AdamW divides by the gradient's size and so makes
whole steps of what is only rounding; a large epsilon keeps that out.

A figure is the norm of the difference over the norm of what one device has,
the largest over all arrays (of losses: over all steps). The keys' bias is left
out: a softmax does not see it, and its gradient is nothing but rounding.
"""

import argparse
import dataclasses
import json
import pathlib
import subprocess
import sys
import tempfile

import jax
import jax.numpy as jnp
import numpy as np
import optax
import side_by_side
from ours import ROOT, Training, load_config, open_training
from tqdm import tqdm
from turns import table

from hybrid_ir.config import Config
from hybrid_ir.training import mesh as mesh_lib
from hybrid_ir.training.checkpoint import Checkpoints
from hybrid_ir.training.step import batch_shardings, compile_step
from hybrid_ir.workdir import CHECKPOINTS

DEVICES = 8
MESHES = [(8, 1), (4, 1), (4, 2), (2, 2), (2, 4), (1, 4), (1, 8)]
CASES = {
  "whole": {},
  "chunks": {"train.chunks": 2},
  "lazy": {"optimizer.embeddings": "lazy"},
}
# Processes of two devices, fsdp, chunks.
PROCESSES = [(1, 1, 1), (2, 1, 1), (2, 4, 2), (4, 1, 1), (4, 2, 1), (4, 8, 2)]
STEPS = 8
Arrays = dict[str, np.ndarray]


def make_config(changes: dict) -> Config:
  """The quickstart's, of 32 pairs."""
  config = load_config("quickstart.py")
  config.train.batch_size = 32
  for name, value in changes.items():
    section, key = name.split(".")
    setattr(getattr(config, section), key, value)
  return config


def flatten(tree, name: str) -> Arrays:
  """Path -> array, without the keys' bias."""
  leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
  named = {name + jax.tree_util.keystr(path): leaf for path, leaf in leaves}
  return {k: np.asarray(v) for k, v in named.items() if "'qkv']['bias" not in k}


def largest(ours: Arrays, theirs: Arrays) -> str:
  """The largest relative norm of a difference."""
  assert ours.keys() == theirs.keys()
  found = (
    np.linalg.norm(np.asarray(ours[name] - array))
    / max(np.linalg.norm(array), np.finfo(array.dtype).tiny)
    for name, array in theirs.items()
    if np.any(array)
  )
  return f"{max(found):.1e}"


# ------------------------------------------------------------------ meshes


def step_once(training: Training, batch: dict, shape: tuple) -> list[Arrays]:
  """Loss, gradients and parameters of one step, in float64."""
  encoder = dataclasses.replace(
    training.trainer.model.encoder, dtype="float64", dropout=0.1
  )
  trainer = dataclasses.replace(
    training.trainer,
    model=dataclasses.replace(training.trainer.model, encoder=encoder),
    optimizer=optax.sgd(0.5, momentum=0.9),
  )
  mesh = mesh_lib.make_mesh(*shape)
  params = jax.device_get(training.params())
  with jax.enable_x64(True):
    state = jax.tree.map(
      lambda x: (
        x.astype(jnp.float64) if jnp.issubdtype(x.dtype, jnp.floating) else x
      ),
      trainer.init(params),
    )
    placed = jax.device_put(state, mesh_lib.shardings(mesh, state))
    step = compile_step(trainer, mesh, state)
    data = jax.device_put(batch, batch_shardings(mesh))
    after, metrics = jax.device_get(step(placed, data))
  return [
    {"loss": metrics["loss"]},
    flatten(after["optimizer"][0].trace, "gradients"),
    flatten(after["params"], "params"),
  ]


def mesh_rows() -> list[list[str]]:
  """A row a case and mesh."""
  rows = []
  with tqdm(total=len(CASES) * (len(MESHES) + 1), desc="meshes") as bar:
    for case, changes in CASES.items():
      # The batch is laid out for the most devices; one device takes it, too.
      config = make_config({**changes, "mesh.data": DEVICES})
      training = open_training(config)
      batch = dict(training.batches(0))
      expected = None
      for shape in [(1, 1), *MESHES]:
        found = step_once(training, batch, shape)
        bar.update()
        if expected is None:
          expected = found
          continue
        pairs = zip(found, expected, strict=True)
        name = " × ".join(map(str, shape))
        rows.append([case, name, *(largest(*pair) for pair in pairs)])
  return rows


# --------------------------------------------------------------- processes


def train(workdir: pathlib.Path, count: int, devices: int, *flags: str) -> None:
  """Trains with so many processes, side by side."""
  side_by_side.run(
    [
      *(sys.executable, "-m", "hybrid_ir.main", f"--workdir={workdir}"),
      *("--config=configs/quickstart.py", "--config.task=train"),
      *("--config.train.batch_size=32", f"--config.train.steps={STEPS}"),
      *("--config.train.log_every=1", "--config.checkpoint.every=0"),
      *("--config.evaluate.dev=", "--config.evaluate.every=0"),
      *("--config.optimizer.epsilon=0.01", *flags),
    ],
    count,
    {
      "JAX_PLATFORMS": "cpu",
      "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
    },
    ROOT,
    subprocess.DEVNULL,
  )


def read(workdir: pathlib.Path) -> list[Arrays]:
  """Losses of all steps, and the parameters after the last."""
  lines = (workdir / "metrics.jsonl").read_text().splitlines()
  losses = {
    f"{line['step']}": np.float64(line["loss"])
    for line in map(json.loads, lines)
  }
  assert len(losses) == STEPS
  checkpoints = Checkpoints(str(workdir / CHECKPOINTS), 1)
  try:
    params = checkpoints.restore_params(STEPS, mesh_lib.make_mesh(1, 1))
  finally:
    checkpoints.close()
  return [losses, flatten(params, "params")]


def process_rows() -> list[list[str]]:
  """A row a way to run."""
  rows = []
  with (
    tempfile.TemporaryDirectory() as name,
    tqdm(total=len(PROCESSES) + 1, desc="processes") as bar,
  ):
    alone = pathlib.Path(name) / "alone"
    train(alone, 1, 1, "--config.mesh.data=1")
    bar.update()
    expected = read(alone)
    for count, fsdp, chunks in PROCESSES:
      workdir = pathlib.Path(name) / f"{count}_{fsdp}_{chunks}"
      flags = f"--config.mesh.fsdp={fsdp}", f"--config.train.chunks={chunks}"
      train(workdir, count, 2, *flags)
      bar.update()
      pairs = zip(read(workdir), expected, strict=True)
      ways = (f"{count} × 2", f"{2 * count // fsdp} × {fsdp}", f"{chunks}")
      rows.append([*ways, *(largest(*pair) for pair in pairs)])
  return rows


def main() -> None:
  """Prints both tables."""
  argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  ).parse_args()
  jax.config.update("jax_platforms", "cpu")
  jax.config.update("jax_num_cpu_devices", DEVICES)
  head = ["step", "mesh, data × fsdp", "loss", "gradients", "parameters"]
  print(table(head, mesh_rows()), flush=True)
  head = ["processes × devices", "mesh, data × fsdp", "chunks"]
  head += ["losses", f"parameters after {STEPS} steps"]
  print(table(head, process_rows()))


if __name__ == "__main__":
  main()
