"""Stubs on the PATH, and a checkout of the scripts for them to act on."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import pytest

LAUNCH = pathlib.Path(__file__).resolve().parents[2] / "launch"
WAIT = (
  *("run", "--wait", "--name=n", "--zone=z", "--type=v6e-8", "--poll=0"),
  *("--config=configs/x.py", "--workdir=gs://bu/r"),
)
_AUTHOR = ("-c", "user.name=t", "-c", "user.email=t@example.org")

_UV = """#!/bin/bash
[ ! -e "$HOME/no_uv" ] || exit 2
[ "$1" = venv ] || exit 0
mkdir -p "${!#}/bin"
cp "$FAKE_GCLOUD/bin/job" "${!#}/bin/python"
"""
# A job ends with the codes in ~/exits, one by one; `wait` goes on for long.
_JOB = """#!/bin/bash
echo "$GREETING $*" >>"$HOME/ran"
code=$(head -n 1 "$HOME/exits")
sed -i 1d "$HOME/exits"
ps -o pgid= -p $$ >"$HOME/begun"
echo "the job says ${code:-0}"
[ "$code" != wait ] || exec sleep 100
exit "${code:-0}"
"""
# Mounted is a link to a folder that the workers share, as they do a bucket.
# A worker's file ~/no_mount is what gcsfuse says as it fails there.
_GCSFUSE = """#!/bin/bash
[ "$1" != --help ] || { cat "$HOME/gcsfuse_help" 2>/dev/null; exit; }
echo "$*" >>"$HOME/mounts"
if [ -e "$HOME/no_mount" ]; then
  cat "$HOME/no_mount" >&2
  exit 1
fi
bucket=${@: -2:1}
rmdir "${!#}"
ln -s "$FAKE_GCLOUD/buckets/$bucket" "${!#}"
mkdir -p "$FAKE_GCLOUD/buckets/$bucket"
"""
_MOUNTPOINT = """#!/bin/bash
[ -L "${!#}" ]
"""
# What would be root's is written down; `sudo tee` takes its input.
_SUDO = """#!/bin/bash
echo "$*" >>"$HOME/sudo"
[ "$1" != tee ] || cat >>"$HOME/sudo"
[ ! -e "$HOME/no_sudo" ]
"""
_CURL = """#!/bin/bash
echo "the key of ${!#}"
"""
_RELEASE = """#!/bin/bash
echo jammy
"""
_HOSTNAME = """#!/bin/bash
echo "t1v-n-0123-w-${HOME##*/}"
"""


def write_script(path: pathlib.Path, text: str) -> None:
  path.write_text(text, encoding="utf-8")
  path.chmod(0o755)


def wait_for(condition) -> None:
  end = time.monotonic() + 300
  while not condition():
    assert time.monotonic() < end
    time.sleep(0.02)


class Cloud:
  """A fake gcloud: what it answers, and what it was asked."""

  def __init__(self, folder: pathlib.Path, tree: pathlib.Path) -> None:
    self.folder = folder
    self.tree = tree
    self.replies: list[dict[str, object]] = []
    binaries = folder / "bin"
    binaries.mkdir(parents=True)
    fake = pathlib.Path(__file__).with_name("fake_gcloud.py")
    write_script(
      binaries / "gcloud",
      f"#!{sys.executable}\n{fake.read_text(encoding='utf-8')}",
    )
    for name, text in {
      "uv": _UV,
      "job": _JOB,
      "gcsfuse": _GCSFUSE,
      "mountpoint": _MOUNTPOINT,
      "sudo": _SUDO,
      "curl": _CURL,
      "lsb_release": _RELEASE,
      "hostname": _HOSTNAME,
    }.items():
      write_script(binaries / name, text)

  def reply(
    self, match: str, out: str = "", err: str = "", code: int = 0, times=None
  ) -> None:
    """Answers calls that match; the first reply that has times left."""
    self.replies.append(
      {"match": match, "out": out, "err": err, "code": code, "times": times}
    )

  def worker(self, number: int, *exits: object) -> pathlib.Path:
    """A worker's home; its jobs end with these codes."""
    home = self.folder / "workers" / str(number)
    home.mkdir(parents=True)
    (home / "exits").write_text("".join(f"{code}\n" for code in exits))
    (home / "gcsfuse_help").write_text(
      "--metadata-cache-negative-ttl-secs int\n"
    )
    return home

  def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
    (self.folder / "replies.json").write_text(json.dumps(self.replies))
    return subprocess.run(
      [str(self.tree / "launch" / "tpu_vm.sh"), *arguments],
      env=self.environment(),
      capture_output=True,
      text=True,
      timeout=600,
    )

  def active(self, times=None) -> None:
    """The queue says so."""
    self.reply("format=value.state.state", out="ACTIVE\n", times=times)

  def count(self, verb: str) -> int:
    return self.verbs().count(verb)

  def environment(self) -> dict[str, str]:
    return {
      **os.environ,
      "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
      "FAKE_GCLOUD": str(self.folder),
    }

  def calls(self) -> list[list[str]]:
    path = self.folder / "calls.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]

  def verbs(self) -> list[str]:
    """The calls in short: create, delete, scp, setup, start, ..."""
    words = []
    for call in self.calls():
      command = next((c for c in call if c.startswith("--command=")), "")
      script = command.rpartition("worker.sh ")[2].split()
      words.append(script[0] if script else call[3])
    return words

  def end_jobs(self) -> None:
    for path in self.folder.glob("workers/*/hybrid_ir/job/pid"):
      try:
        os.killpg(int(path.read_text()), signal.SIGKILL)
      except ProcessLookupError:
        continue


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
  """A repository of the scripts alone, whatever is committed in this one."""
  tree = tmp_path_factory.mktemp("tree")
  shutil.copytree(LAUNCH, tree / "launch")
  subprocess.run(["git", "init", "-q"], cwd=tree, check=True)
  commit(tree)
  return tree


def commit(tree: pathlib.Path) -> None:
  """All that is there."""
  for command in (["add", "."], ["commit", "-q", "-m", "t"]):
    subprocess.run(["git", *_AUTHOR, *command], cwd=tree, check=True)


@pytest.fixture
def cloud(tmp_path: pathlib.Path, tree: pathlib.Path):
  """Yields the fake; no job outlives the test."""
  cloud = Cloud(tmp_path / "cloud", tree)
  yield cloud
  cloud.end_jobs()
