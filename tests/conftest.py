"""Set before jax is imported: eight CPU devices, strict shapes, quiet, cached.

Processes that tests start inherit it.
"""

import os
import tempfile

_COMPILED = tempfile.TemporaryDirectory(prefix="hybrid_ir_compiled_")

os.environ.update(
  JAX_PLATFORMS="cpu",
  # Tests compile for longer than they compute: without optimization.
  XLA_FLAGS="--xla_force_host_platform_device_count=8"
  " --xla_backend_optimization_level=0"
  " --xla_llvm_disable_expensive_passes=true",
  JAX_NUMPY_RANK_PROMOTION="raise",
  # Runs of one test session share what they compile.
  JAX_COMPILATION_CACHE_DIR=_COMPILED.name,
  JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS="0",
  JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES="-1",
  TF_CPP_MIN_LOG_LEVEL="3",
  NO_GCE_CHECK="true",
)
