import pathlib
import shutil
import subprocess

import pytest

from .conftest import WAIT, commit, wait_for, write_script


@pytest.fixture
def checkout(cloud, tmp_path: pathlib.Path) -> pathlib.Path:
  """A repository that the test may change."""
  cloud.tree = shutil.copytree(cloud.tree, tmp_path / "checkout")
  return cloud.tree


def mend(checkout: pathlib.Path, text: str) -> None:
  (checkout / "mended").write_text(text)
  commit(checkout)


def code_of(home: pathlib.Path) -> str:
  path = home / "hybrid_ir" / "code" / "mended"
  return path.read_text() if path.exists() else ""


def test_what_was_mended_is_sent_before_the_job_starts_again(cloud, checkout):
  cloud.active()
  homes = [cloud.worker(0, 2, 2, 0), cloud.worker(1, 0, 0, 0)]
  assert cloud.run(*WAIT).returncode == 2
  mend(checkout, "so")
  assert cloud.run(*WAIT).returncode == 2
  assert [code_of(home) for home in homes] == ["so", "so"]
  assert cloud.run(*WAIT).returncode == 0
  assert cloud.count("setup") == 2  # the last time nothing was mended


def test_a_setup_that_failed_is_not_taken_for_done(cloud, checkout):
  cloud.active()
  home = cloud.worker(0, 2, 0)
  assert cloud.run(*WAIT).returncode == 2
  mend(checkout, "so")
  (home / "no_uv").touch()
  assert cloud.run(*WAIT, "--retries=0").returncode == 1
  (home / "no_uv").unlink()
  done = cloud.run(*WAIT)
  assert done.returncode == 0, done.stderr
  assert cloud.count("setup") == 3


def test_one_worker_with_other_code_is_enough(cloud):
  cloud.active()
  homes = [cloud.worker(0, 75, 0), cloud.worker(1, 75, 0)]
  head = subprocess.check_output(
    ["git", "rev-parse", "HEAD"], cwd=cloud.tree, text=True
  )
  cloud.run("setup", *WAIT[2:4])
  commits = [home / "hybrid_ir" / "commit" for home in homes]
  assert [path.read_text() for path in commits] == [head, head]
  cloud.run("run", *WAIT[2:4], *WAIT[6:])
  exits = [home / "hybrid_ir" / "job" / "exit" for home in homes]
  wait_for(lambda: all(path.exists() for path in exits))
  commits[1].write_text("another\n")
  assert cloud.run(*WAIT).returncode == 0
  assert cloud.count("setup") == 2


def test_a_job_that_runs_other_code_is_said(cloud, checkout):
  cloud.active()
  home = cloud.worker(0, "wait")
  cloud.run("setup", *WAIT[2:4])
  cloud.run("run", *WAIT[2:4], *WAIT[6:])
  wait_for((home / "ran").exists)
  mend(checkout, "so")
  identity = (home / "hybrid_ir" / "job" / "id").read_text().strip()
  state = f"running {identity} 0 {'0' * 40}\n"
  cloud.reply("worker.sh state", out=state, times=1)
  cloud.reply("worker.sh state", out="ended 0 0\n")
  done = cloud.run(*WAIT)
  assert done.returncode == 0, done.stderr
  assert "running it already\nnote: with other code than --ref=HEAD" in (
    done.stderr
  )
  assert code_of(home) == ""


def test_a_new_slice_gets_the_code_that_the_first_had(cloud, checkout):
  cloud.active(times=1)
  cloud.reply("state.state", out="SUSPENDED\n", times=1)
  cloud.reply("state.state", err="NOT_FOUND: n\n", code=1, times=1)
  cloud.active()
  home = cloud.worker(0, "wait", 0)
  mend(checkout, "first")
  # While it waits, the user commits something else.
  gcloud = cloud.folder / "bin" / "gcloud"
  gcloud.rename(gcloud.with_name("gcloud_itself"))
  git = f"git -C {checkout} -c user.name=t -c user.email=t@example.org"
  write_script(
    gcloud,
    "#!/bin/bash\n"
    'case "$*" in *"resources delete"*)\n'
    f'  echo second >"{checkout}/mended"; {git} commit -qam t ;;\n'
    "esac\n"
    f'exec "{gcloud}_itself" "$@"\n',
  )
  done = cloud.run(*WAIT)
  assert done.returncode == 0, done.stderr
  assert cloud.count("setup") == 2
  assert (checkout / "mended").read_text() == "second\n"
  assert code_of(home) == "first"


def test_an_old_end_is_not_taken_for_that_of_a_start_that_failed(cloud):
  cloud.active()
  cloud.worker(0, 2, 0)
  assert cloud.run(*WAIT).returncode == 2
  cloud.reply("worker.sh start", err="lost\n", code=255, times=1)
  cloud.reply("networkEndpoints", out="1\n")
  done = cloud.run(*WAIT)
  assert done.returncode == 0, done.stderr
  assert "start_job failed: 1 of 3 retries" in done.stderr


def test_a_worker_that_missed_the_start_gets_the_job(cloud):
  cloud.active()
  homes = [cloud.worker(0, 75, "wait"), cloud.worker(1, 75, 0)]
  cloud.run("setup", *WAIT[2:4])
  cloud.run("run", *WAIT[2:4], *WAIT[6:])
  exits = [home / "hybrid_ir" / "job" / "exit" for home in homes]
  wait_for(lambda: all(path.exists() for path in exits))
  cloud.reply("worker.sh start", err="lost\n", code=255, times=1)
  cloud.reply("networkEndpoints", out="0\n")
  identity = (homes[0] / "hybrid_ir" / "job" / "id").read_text().strip()
  ended = f"ended 75 1 {'0' * 40}\n"
  cloud.reply("worker.sh state", out=f"ended 75 0\n{ended}", times=1)
  cloud.reply("worker.sh state", out=f"running {identity} 0\n{ended}", times=1)
  cloud.reply("worker.sh state", out="ended 0 0\nended 0 1\n")
  done = cloud.run(*WAIT)
  assert done.returncode == 0, done.stderr
  assert "running it already" not in done.stderr
  assert cloud.count("start") == 3  # by hand, lost, and for who missed it
