"""The machine and versions that runs are made with. To state and the head."""

import datetime
import importlib.metadata
import os

import jax


def today() -> str:
  """YYYY-MM-DD, UTC."""
  return datetime.datetime.now(datetime.UTC).date().isoformat()


def devices() -> str:
  """What JAX computes on, in words; of CPUs their cores, as that tells more."""
  found = jax.devices()
  if found[0].platform == "cpu":
    return f"{os.cpu_count()} CPU cores"
  return f"{len(found)} {found[0].device_kind}"


def hardware() -> str:
  """Platform, kind and number of devices, and the host's CPU cores."""
  found = jax.devices()
  return (
    f"platform {found[0].platform}, {len(found)} x {found[0].device_kind},"
    f" {os.cpu_count()} CPU cores"
  )


def versions() -> str:
  """Of this package and of JAX."""
  return ", ".join(
    f"{name} {importlib.metadata.version(name)}"
    for name in ("hybrid_ir", "jax")
  )
