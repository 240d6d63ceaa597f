"""Two real processes encode and search as one does."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from ..free_ports import free_port

QUERIES = "was wächst in bab\nwhat grows in lun\n" + "ne yetişir\n" * 70


@pytest.fixture
def start(tmp_path, write_config_file):
  """(workdir, changes) -> what two processes wrote to stdout."""
  started = []

  def start(workdir, changes):
    config = write_config_file(changes, tmp_path / "config.py")
    port = free_port()
    for number in range(2):
      started.append(
        subprocess.Popen(
          [
            *(sys.executable, "-m", "hybrid_ir.main"),
            *(f"--config={config}", f"--workdir={workdir}"),
          ],
          env={
            **os.environ,
            "JAX_COORDINATOR_ADDRESS": f"127.0.0.1:{port}",
            "JAX_NUM_PROCESSES": "2",
            "JAX_PROCESS_ID": str(number),
            "PYTHONPATH": os.pathsep.join(sys.path),
          },
          cwd=tmp_path,
          stdin=(tmp_path / "queries").open(),
          stdout=(tmp_path / f"{number}.out").open("w"),
          stderr=(tmp_path / f"{number}.err").open("w"),
        )
      )
    for number, process in enumerate(started[-2:]):
      code = process.wait(timeout=1500)
      assert code == 0, (tmp_path / f"{number}.err").read_text()[-3000:]
    return [(tmp_path / f"{number}.out").read_text() for number in range(2)]

  yield start
  for process in started:
    process.kill()
    process.wait()


def files(workdir):
  return {p.name: p.read_bytes() for p in (workdir / "index").iterdir()}


def test_as_one_process(
  run, trained, data, start, tmp_path, monkeypatch, capsys
):
  encode = {
    "task": "encode",
    "train.steps": 6,
    "encode.corpus": str(data),
    "encode.shard_size": 25,
    "mesh.timeout_s": 120,
  }
  search = {**encode, "task": "search", "search.json": True, "search.k": 7}
  (tmp_path / "queries").write_text(QUERIES, encoding="utf-8")
  many, one = tmp_path / "many", tmp_path / "one"
  for workdir in (many, one):
    shutil.copytree(trained, workdir)
  run(one, encode)
  first, second = start(many, encode)
  assert first.endswith("180 passages (de, en, tr); shards: 8\n")
  assert second == ""
  assert files(many) == files(one)
  capsys.readouterr()
  with (tmp_path / "queries").open() as stdin:
    monkeypatch.setattr("sys.stdin", stdin)
    run(one, search)
  answers, nothing = start(many, search)
  assert answers == capsys.readouterr().out
  assert len([json.loads(line) for line in answers.splitlines()]) == 72
  assert nothing == ""
