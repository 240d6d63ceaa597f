import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys

import jax
import numpy as np
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from hybrid_ir import processes
from hybrid_ir.errors import UserError
from hybrid_ir.training.mesh import make_mesh

from .free_ports import free_port

JOIN = """
import json, sys
from hybrid_ir import processes
from hybrid_ir.errors import UserError
processes.join(False, 60)
"""


def together(count, script):
  """Runs it in so many processes of two devices; exit codes and outputs."""
  port = free_port()
  environment = os.environ | {
    "JAX_COORDINATOR_ADDRESS": f"127.0.0.1:{port}",
    "JAX_NUM_PROCESSES": str(count),
    "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
  }
  running = [
    subprocess.Popen(
      [sys.executable, "-c", JOIN + script],
      env=environment | {"JAX_PROCESS_ID": str(index)},
      stdout=subprocess.PIPE,
      stderr=subprocess.PIPE,
      text=True,
    )
    for index in range(count)
  ]
  try:
    done = [process.communicate(timeout=1200) for process in running]
  finally:
    for process in running:
      process.kill()
  assert [process.returncode for process in running] == [0] * count, done
  return [json.loads(output.splitlines()[-1]) for output, _ in done]


def test_arrays_of_four_processes():
  # A process holds its own rows; where another's are it has -1.
  found = together(
    4,
    """
import jax, numpy as np
from jax.sharding import NamedSharding, PartitionSpec
from hybrid_ir.training.mesh import ROWS, WHOLE, make_mesh
mesh = make_mesh(4, 2)
rows, whole, columns = (
  NamedSharding(mesh, spec) for spec in (ROWS, WHOLE, PartitionSpec("fsdp"))
)
first = 4 * processes.index()
mine = np.full((16, 3), -1.0, np.float32)
mine[first : first + 4] = np.arange(48, dtype=np.float32).reshape(16, 3)[
  first : first + 4
]
tree = {"mine": mine, "step": np.int32(7), "table": np.arange(6)}
placed = processes.place(
  tree, {"mine": rows, "step": whole, "table": columns}
)
total = jax.jit(lambda x: (x["mine"] * x["step"]).sum(), out_shardings=whole)
gathered = processes.gather({**placed, "own": jax.numpy.ones(2), "n": 5})
every = processes.place(tree, whole)
processes.wait("all")
print(json.dumps({
  "index": processes.index(),
  "count": processes.count(),
  "first": processes.is_first(),
  "devices": jax.device_count(),
  "total": float(total(placed)),
  "gathered": {k: np.asarray(v).tolist() for k, v in gathered.items()},
  "kinds": sorted({type(v).__name__ for v in gathered.values()}),
  "replicated": np.asarray(every["table"].addressable_data(1)).tolist(),
}))
""",
  )
  for index, one in enumerate(found):
    assert one == {
      "index": index,
      "count": 4,
      "first": index == 0,
      "devices": 8,
      "total": 7 * sum(range(48)),
      "gathered": {
        "mine": np.arange(48.0).reshape(16, 3).tolist(),
        "step": 7,
        "table": [0, 1, 2, 3, 4, 5],
        "own": [1, 1],
        "n": 5,
      },
      "kinds": ["ndarray"],
      "replicated": [0, 1, 2, 3, 4, 5],
    }


def test_two_processes_that_differ_are_refused():
  found = together(
    2,
    """
said = []
for steps, code in (200, "a"), (200 + 100 * processes.index(), "a"), (200, "a"):
  try:
    processes.agree({"code": code, "config key 'train.steps'": str(steps)})
    said.append("")
  except UserError as error:
    said.append(str(error))
print(json.dumps(said))
""",
  )
  assert found[0] == found[1]
  agreed, differs, agreed_again = found[0]
  host = socket.gethostname()
  assert agreed == agreed_again == ""
  assert (
    f"config key 'train.steps' is 200 in process 0 ({host}), 300 in process 1"
    f" ({host})"
  ) in differs
  assert "code" not in differs.split("but ")[1]


def test_a_barrier_waits_for_the_last(tmp_path):
  found = together(
    2,
    f"""
import pathlib, time
file = pathlib.Path({str(tmp_path / "file")!r})
for turn in "ab":  # a name can be used again
  if processes.is_first():
    time.sleep(0.5)
    file.write_text(turn)
  processes.wait("written")
  seen = file.read_text()
  processes.wait("read")
print(json.dumps(seen))
""",
  )
  assert found == ["b", "b"]


def test_turns_are_those_of_all_processes():
  """What lies on one process's own devices concerns nobody else."""
  found = together(
    2,
    """
import jax, numpy as np
from jax.sharding import NamedSharding
from hybrid_ir.hosts import progress
from hybrid_ir.training.mesh import ROWS, make_mesh

def since(work):
  before = progress.here(1e9)
  work()
  now = progress.here(1e9)
  return [now.turn - before.turn, now.work - before.work, now.name]

everyone = NamedSharding(make_mesh(4, 1), ROWS)
mine = NamedSharding(make_mesh(2, 1, jax.local_devices()), ROWS)
rows = np.ones(4, np.float32)
shared = processes.place(rows, everyone)
print(json.dumps([
  since(lambda: processes.wait("barrier")),
  since(lambda: processes.agree({"code": "1"})),
  since(lambda: processes.place([rows, rows], everyone)),
  since(lambda: processes.place(rows, mine)),
  since(lambda: processes.gather([shared, shared, rows])),
]))
""",
  )
  named = "comparing code"
  for one in found:
    assert one == [
      [1, 0, "barrier"],
      [1, 0, named],
      [1, 0, named],
      [0, 1, named],
      [2, 0, named],
    ]


def test_a_folder_that_not_all_share_is_refused(tmp_path):
  """One path, and on each host a folder of its own, or the same one."""
  for name in ("run", "0/run", "1/run"):
    (tmp_path / name).mkdir(parents=True)
  found = together(
    2,
    f"""
import itertools, os, pathlib
said = []
places = (".", str(processes.index()))
for place, hold in itertools.product(places, (True, False)):
  os.chdir(pathlib.Path({str(tmp_path)!r}) / place)
  try:
    processes.agree_on(pathlib.Path("run"), hold=hold)
    said.append("")
  except UserError as error:
    said.append(str(error))
print(json.dumps(said))
""",
  )
  assert found[0] == found[1]
  *shared, apart, apart_to_read = found[0]
  assert shared == ["", ""]
  for said in (apart, apart_to_read):
    assert f"not there in process 1 ({socket.gethostname()})" in said
    assert "--workdir=run must be one folder for all of them" in said


@pytest.fixture
def first_of_two(monkeypatch):
  """This is process 0, and the other one agrees."""
  monkeypatch.setattr(processes, "count", lambda: 2)
  monkeypatch.setattr(processes, "wait", lambda name: None)
  monkeypatch.setattr(processes, "agree", lambda facts, mend: None)
  monkeypatch.setattr(processes, "_marks", {})


def test_the_last_start_has_the_workdir(first_of_two, tmp_path):
  processes.agree_on(tmp_path, hold=True)
  processes.check_held()
  mark = tmp_path / ".shared"
  ours = mark.read_text()
  mark.write_text("another")  # by another machine, where no lock is seen
  with pytest.raises(UserError, match=f"another, this run's {ours}"):
    processes.check_held()
  mark.unlink()
  with pytest.raises(UserError, match=r"\.shared: another run was started"):
    processes.check_held()
  processes.agree_on(tmp_path, hold=True)
  processes.check_held()


def test_one_process_marks_its_workdir_too(monkeypatch, tmp_path):
  monkeypatch.setattr(processes, "_marks", {})
  processes.agree_on(tmp_path, hold=True)
  processes.check_held()
  (tmp_path / ".shared").write_text("another")
  with pytest.raises(UserError, match="another run was started"):
    processes.check_held()


@pytest.mark.parametrize("count", [1, 2])
def test_a_reader_leaves_a_training_its_workdir(
  first_of_two, monkeypatch, tmp_path, count
):
  monkeypatch.setattr(processes, "count", lambda: count)
  processes.agree_on(tmp_path, hold=True)
  mark = (tmp_path / ".shared").read_text()
  processes.agree_on(tmp_path, hold=False)
  processes.check_held()
  assert (tmp_path / ".shared").read_text() == mark
  assert (tmp_path / ".shared_read").exists() == (count > 1)


def test_who_does_not_tell_is_named():
  found = together(
    2,
    """
said = ""
processes.wait("here")
if processes.is_first():
  try:
    processes.ask("never", 1)
  except UserError as error:
    said = str(error)
else:
  processes.tell("once", "text")
processes.wait("there")
print(json.dumps([said, processes.ask("once", 60)]))
""",
  )
  assert "did not come to 'never' within 1 s" in found[0][0]
  assert found[1] == ["", "text"]


A = {"code": "1f", "config key 'seed'": "0"}


@pytest.mark.parametrize(
  ("told", "said"),
  [
    ([("a", A), ("b", A), ("c", A)], ""),
    (
      [("a", A), ("b", A | {"code": "2e"}), ("c", A)],
      "but code is 1f in process 0 (a), 2 (c), 2e in process 1 (b); start",
    ),
    (
      [("a", A), ("b", {"code": "1f"})],
      "but config key 'seed' is 0 in process 0 (a), missing in process 1 (b);",
    ),
    (
      [("a", A), ("b", {"code": "2e", "config key 'seed'": "1"})],
      "2e in process 1 (b); config key 'seed' is 0 in",
    ),
    (
      [("a", A)] * 9 + [("b", A | {"code": "2"})],
      "4 (a), 4 more, 2 in",
    ),
    ([("a", A), ("b", A | {"code": "x" * 99})], f" {'x' * 77}... in process 1"),
  ],
)
def test_what_differs_is_said(told, said):
  found = processes.differences(told, "start all of them from the same")
  assert said in found
  assert bool(said) == bool(found)


def test_the_fingerprint_is_that_of_the_code(tmp_path, monkeypatch):
  package = pathlib.Path(processes.__file__).parent
  copy = tmp_path / "hybrid_ir"
  shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__"))
  here = processes.fingerprint()
  assert len(here) == 16
  monkeypatch.setattr(processes, "__file__", str(copy / "processes.py"))
  assert processes.fingerprint() == here
  (copy / "__pycache__").mkdir()
  (copy / "__pycache__" / "clock.pyc").write_bytes(b"1")
  assert processes.fingerprint() == here
  with (copy / "training" / "loss.py").open("a") as file:
    file.write("\n")
  assert processes.fingerprint() != here


def test_one_process_alone():
  assert (processes.index(), processes.count()) == (0, 1)
  assert processes.is_first()
  processes.wait("nobody")
  processes.agree({"code": processes.fingerprint()})


def test_one_process_places_as_jax_does():
  sharding = NamedSharding(make_mesh(4, 2), PartitionSpec("data"))
  tree = {"a": np.arange(8), "b": [np.ones((4, 2))]}
  placed = processes.place(tree, sharding)
  expected = jax.device_put(tree, sharding)
  jax.tree.map(np.testing.assert_array_equal, placed, expected)
  assert placed["a"].sharding == sharding
  assert placed["a"].dtype == expected["a"].dtype
  gathered = processes.gather(placed)
  assert isinstance(gathered["b"][0], np.ndarray)
  np.testing.assert_array_equal(gathered["a"], tree["a"])
