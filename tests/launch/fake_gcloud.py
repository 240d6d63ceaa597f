"""gcloud for tests: writes down each call, and answers as $FAKE_GCLOUD says.

Where no reply is left that matches, ssh and scp act on the workers' homes, and
deleting a slice kills their jobs and empties them, as a preemption does.
"""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

FOLDER = pathlib.Path(os.environ["FAKE_GCLOUD"])


def homes(call: list[str]) -> list[pathlib.Path]:
  chosen = next(c for c in call if c.startswith("--worker=")).partition("=")[2]
  every = sorted((FOLDER / "workers").glob("*"))
  return [home for home in every if chosen in ("all", home.name)]


def answer(call: list[str]) -> int:
  replies = json.loads((FOLDER / "replies.json").read_text())
  for reply in replies:
    if reply["times"] != 0 and re.search(reply["match"], " ".join(call)):
      if reply["times"]:
        reply["times"] -= 1
        (FOLDER / "replies.json").write_text(json.dumps(replies))
      print(reply["out"], end="")
      print(reply["err"], end="", file=sys.stderr)
      return reply["code"]
  if call[2:4] == ["tpu-vm", "ssh"]:
    return ssh(call)
  if call[2:4] == ["tpu-vm", "scp"]:
    for home in homes(call):
      shutil.copy(call[4], home / call[5].partition(":")[2])
  if call[2:4] == ["queued-resources", "delete"]:
    for home in (FOLDER / "workers").glob("*"):
      end(home)
  return 0


def ssh(call: list[str]) -> int:
  command = next(c for c in call if c.startswith("--command="))
  code = 0
  for home in homes(call):
    done = subprocess.run(
      ["bash", "-c", command.partition("=")[2]],
      cwd=home,
      env={**os.environ, "HOME": str(home)},
    )
    code = code or done.returncode
  return code


def begun(home: pathlib.Path) -> int:
  """The process group of the last job that took an exit code."""
  path = home / "begun"
  return int(path.read_text().strip() or 0) if path.exists() else 0


def wait_for(condition) -> None:
  end = time.monotonic() + 60
  while not condition() and time.monotonic() < end:
    time.sleep(0.02)


def end(home: pathlib.Path) -> None:
  pid = home / "hybrid_ir" / "job" / "pid"
  if pid.exists():
    job = int(pid.read_text())
    wait_for(lambda: begun(home) == job)  # it has taken its exit code
    try:
      os.killpg(job, signal.SIGKILL)
    except ProcessLookupError:
      pid.unlink()
  shutil.rmtree(home / "hybrid_ir", ignore_errors=True)


with (FOLDER / "calls.jsonl").open("a") as log:
  log.write(json.dumps(sys.argv[1:]) + "\n")
sys.exit(answer(sys.argv[1:]))
