"""The machine and versions that runs are made with. To state and the head."""

import datetime
import importlib.metadata
import os
import pathlib
import platform
import re

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


def host() -> str:
  """The processor, its cores and the memory, in words."""
  name = platform.processor() or platform.machine()
  info = pathlib.Path("/proc/cpuinfo")
  if info.exists():
    found = re.search(r"model name\s*: (.+)", info.read_text())
    name = found[1] if found else name
  pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
  return f"{name}, {os.cpu_count()} cores, {pages / 2**30:.0f} GiB"


def hardware() -> str:
  """The host, and what else JAX computes on."""
  found = jax.devices()
  others = "" if found[0].platform == "cpu" else f"{devices()}; "
  return f"{others}{host()}"


def versions() -> str:
  """Of this package and of JAX."""
  return ", ".join(
    f"{name} {importlib.metadata.version(name)}"
    for name in ("hybrid_ir", "jax")
  )
