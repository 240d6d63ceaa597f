"""Before jax is imported: eight CPU devices, strict shapes, quiet, cached.

Processes that tests start inherit it. Homes of what would be downloaded.
"""

import dataclasses
import gzip
import hashlib
import json
import os
import sys
import tempfile

import pytest
from hypothesis import settings

# A busy machine is no failure.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

if "PYTEST_XDIST_WORKER" not in os.environ:  # a worker has its starter's
  _COMPILED = tempfile.TemporaryDirectory(prefix="hybrid_ir_compiled_")
  # Runs of one test session share what they compile.
  os.environ["JAX_COMPILATION_CACHE_DIR"] = _COMPILED.name

os.environ.update(
  JAX_PLATFORMS="cpu",
  # Tests compile for longer than they compute: without optimization.
  XLA_FLAGS="--xla_force_host_platform_device_count=8"
  " --xla_backend_optimization_level=0"
  " --xla_llvm_disable_expensive_passes=true",
  JAX_NUMPY_RANK_PROMOTION="raise",
  JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS="0",
  JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES="-1",
  TF_CPP_MIN_LOG_LEVEL="3",
  NO_GCE_CHECK="true",
)


@pytest.fixture
def ir_home(tmp_path, monkeypatch):
  """A function of files that writes them where ir_datasets has its downloads.

  A file is a text, bytes, or a list of what a gzipped .jsonl has in its lines.
  """
  folder = tmp_path / "irds"

  def forget():  # it looks for its home on import
    for module in [m for m in sys.modules if m.split(".")[0] == "ir_datasets"]:
      del sys.modules[module]

  def write(files):
    for name, content in files.items():
      path = folder / name
      path.parent.mkdir(parents=True, exist_ok=True)
      if isinstance(content, list):
        lines = "".join(json.dumps(line) + "\n" for line in content)
        content = gzip.compress(lines.encode())
      path.write_bytes(
        content.encode() if isinstance(content, str) else content
      )
    return folder

  monkeypatch.setenv("IR_DATASETS_HOME", str(folder))
  monkeypatch.setenv("IR_DATASETS_TMP", str(folder / "tmp"))
  monkeypatch.setenv("IR_DATASETS_DL_TRIES", "1")
  monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # nothing answers
  forget()
  yield write
  forget()


@pytest.fixture
def published(monkeypatch):
  """Sets the counts that are taken for the published ones."""

  def are(counts):
    monkeypatch.setattr(
      "hybrid_ir.data.ir_judged.counts", lambda dataset: counts
    )

  return are


@pytest.fixture
def tfds_home(tmp_path, monkeypatch):
  """A function of files that makes a cache with them as TFDS's downloads.

  They pass for the released ones.
  """
  from hybrid_ir.data.tfds_build import tfds

  def released(info, files):
    content = files.get(info.filename)
    if content is None:
      return info
    checksum = hashlib.sha256(content).hexdigest()
    return dataclasses.replace(info, size=len(content), checksum=checksum)

  def write(files):
    manual = tmp_path / "tfds" / "downloads" / "manual"
    manual.mkdir(parents=True)
    for name, content in files.items():
      (manual / name).write_bytes(content)
    for name in ("squad", "xquad", "mlqa", "tydi_qa", "databricks_dolly"):
      builder = tfds.builder_cls(name)
      infos = builder.url_infos.items()
      infos = {url: released(info, files) for url, info in infos}
      monkeypatch.setattr(builder, "url_infos", infos)
    return tmp_path

  return write
