import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .conftest import LAUNCH, WAIT, wait_for


def verdict(lines: str) -> str:
  names = "name zone type workdir ref commit retries lost poll id worker_script"
  needs = names.replace(" ", "= ")
  script = f"{needs}=; source {LAUNCH}/wait.sh; verdict mine"
  return subprocess.run(
    ["bash", "-euc", script], input=lines, capture_output=True, text=True
  ).stdout


@pytest.mark.parametrize(
  ("states", "expected"),
  [
    (("ended 0", "ended 0"), "done"),
    (("running mine", "ended 0"), "running"),
    (("running mine", "ended 1"), "running"),
    (("running mine", "ended 2"), "user 1"),
    (("running other", "none -"), "busy"),
    (("none -", "ended 0"), "none"),
    (("ended 75", "ended 0"), "again"),
    (("ended 76", "ended 75"), "again"),
    (("ended 0", "ended 76"), "lost 1"),
    (("ended 76", "ended 2"), "user 1"),
    (("ended 76", "ended 1"), "crashed 1"),
    (("ended 139", "ended 1"), "crashed 0"),
  ],
)
def test_workers_as_one_word(states, expected):
  lines = "".join(f"{state} {i}\n" for i, state in enumerate(states))
  assert verdict(lines) == expected


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from([0, 75, 76]), min_size=1))
def test_a_run_is_done_only_when_all_are(codes):
  lines = "".join(f"ended {code} {i}\n" for i, code in enumerate(codes))
  lost = f"lost {codes.index(76)}" if 76 in codes else "done"
  assert verdict(lines) == ("again" if 75 in codes else lost)


def test_all_of_it_on_a_slice_that_is_not_there_yet(cloud):
  cloud.reply("state.state", err="NOT_FOUND: n\n", code=1, times=1)
  cloud.reply("state.state", out="WAITING_FOR_RESOURCES\n", times=1)
  cloud.active()
  homes = [cloud.worker(0, 0), cloud.worker(1, 0)]
  done = cloud.run(*WAIT)
  assert done.returncode == 0, done.stderr
  assert [v for v in cloud.verbs() if v not in ("describe", "state")] == [
    *("create", "scp", "setup", "mount", "start")
  ]
  assert all(len((h / "ran").read_text().splitlines()) == 1 for h in homes)


def test_a_preempted_slice_is_asked_for_again(cloud):
  cloud.active(times=3)
  cloud.reply("state.state", out="SUSPENDING\n", times=1)
  cloud.reply("state.state", out="SUSPENDED\n", times=1)
  cloud.reply("state.state", err="NOT_FOUND: n\n", code=1, times=1)
  cloud.active()
  home = cloud.worker(0, "wait", 0)
  done = cloud.run(*WAIT, "--spot")
  assert done.returncode == 0, done.stderr
  verbs = [v for v in cloud.verbs() if v not in ("describe", "state")]
  once = ["scp", "setup", "mount", "start"]
  assert verbs == [*once, "delete", "create", *once]
  first, second = (home / "ran").read_text().splitlines()
  assert first == second  # the same workdir: the run goes on


def test_saved_and_lost_jobs_are_started_again_for_free(cloud):
  cloud.active()
  cloud.worker(0, 75, 76, 0)
  cloud.worker(1, 76, 75, 0)
  done = cloud.run(*WAIT, "--retries=0")
  assert done.returncode == 0, done.stderr
  assert cloud.count("start") == 3
  assert cloud.count("setup") == 1


def test_a_host_that_is_late_every_time_ends_it(cloud):
  cloud.active()
  cloud.worker(0, 0, 76, 76, 76, 0)
  cloud.worker(1, 76, 76, 76, 76, 0)
  done = cloud.run(*WAIT, "--lost=2", "--retries=0")
  assert done.returncode == 1
  assert "worker 0 names a dead or late host: 3 in a row" in done.stderr
  assert "the job says 76" in done.stderr
  assert cloud.count("start") == 3


@pytest.mark.parametrize("code", [75, "preempted"])
def test_a_save_or_a_new_slice_begins_the_count_anew(cloud, code):
  if code == "preempted":
    # The states of: a new slice, 76, its restart; then it is taken away.
    cloud.active(times=3)
    cloud.reply("state.state", out="SUSPENDED\n", times=1)
    cloud.reply("state.state", err="NOT_FOUND: n\n", code=1, times=1)
    cloud.worker(0, 76, "wait", 76, 0)
    cloud.reply("worker.sh state", out="none - 0\n", times=1)
    cloud.reply("worker.sh state", out="ended 76 0\n", times=1)
  else:
    cloud.worker(0, 76, 75, 76, 0)
  cloud.active()
  done = cloud.run(*WAIT, "--lost=1", "--retries=0")
  assert done.returncode == 0, done.stderr
  assert "1 in a row" in done.stderr
  assert "2 in a row" not in done.stderr


def test_what_the_user_can_mend_ends_it(cloud):
  cloud.active()
  cloud.worker(0, 0)
  cloud.worker(1, 2)
  done = cloud.run(*WAIT)
  assert done.returncode == 2
  assert "worker 1 ended with exit code 2" in done.stderr
  assert "the job says 2" in done.stderr
  assert cloud.count("start") == 1


def test_crashes_are_counted(cloud):
  cloud.active()
  cloud.worker(0, 1, 139, 1, 0)
  done = cloud.run(*WAIT, "--retries=2")
  assert done.returncode == 1
  assert "worker 0 crashed: 3 of 2 retries" in done.stderr
  assert cloud.count("start") == 3


def test_a_job_that_runs_is_waited_for(cloud):
  cloud.active()
  home = cloud.worker(0, "wait")
  cloud.run("setup", *WAIT[2:4])
  cloud.run("run", *WAIT[2:])
  before = cloud.count("start")
  cloud.reply("worker.sh state", out="running ID 0\n")
  wait_for((home / "ran").exists)
  identity = (home / "hybrid_ir" / "job" / "id").read_text().strip()
  cloud.replies[-1].update(out=f"running {identity} 0\n", times=2)
  cloud.reply("worker.sh state", out="ended 0 0\n")
  done = cloud.run(*WAIT)
  assert done.returncode == 0, done.stderr
  assert "running it already" in done.stderr
  assert cloud.count("start") == before


def test_another_job_is_left_alone(cloud):
  cloud.active()
  cloud.reply("worker.sh state", out="running other 0\n")
  done = cloud.run(*WAIT)
  assert done.returncode == 2
  assert "another job runs on n" in done.stderr


def test_an_older_end_says_nothing_of_this_job(cloud):
  cloud.active()
  cloud.worker(0, 2, 0)
  assert cloud.run(*WAIT).returncode == 2
  assert cloud.run(*WAIT).returncode == 0


def test_a_failed_request_for_want_of_quota_ends_it(cloud):
  cloud.reply("state.state", out="FAILED\n")
  cloud.reply("failedData", out="Quota limit 'TPUV6E' has been exceeded\n")
  done = cloud.run(*WAIT)
  assert done.returncode == 2
  assert "no quota for --type=v6e-8" in done.stderr
  assert cloud.count("delete") == 0


def test_a_failed_request_for_want_of_room_is_made_again(cloud):
  cloud.reply("state.state", out="FAILED\n", times=1)
  cloud.reply("failedData", out="There is no more capacity in the zone\n")
  cloud.reply("state.state", err="NOT_FOUND: n\n", code=1, times=1)
  cloud.active()
  cloud.worker(0, 0)
  done = cloud.run(*WAIT)
  assert done.returncode == 0, done.stderr
  assert (cloud.count("delete"), cloud.count("create")) == (1, 1)


def test_a_request_that_always_fails_ends_it(cloud):
  cloud.reply("state.state", out="FAILED\n")
  cloud.reply("failedData", out="Runtime v9-alpha is not there\n")
  done = cloud.run(*WAIT, "--retries=1")
  assert done.returncode == 1
  assert "2 of 1 retries" in done.stderr
  assert cloud.count("delete") == 1


def test_a_setup_that_always_fails_ends_it(cloud):
  cloud.active()
  cloud.worker(0)
  cloud.reply("worker.sh setup", err="no room on the disk\n", code=1)
  done = cloud.run(*WAIT, "--retries=1")
  assert done.returncode == 1
  assert "set_up failed: 2 of 1 retries" in done.stderr
  assert cloud.count("start") == 0


def test_no_login_ends_it(cloud):
  said = "You do not currently have an active account selected."
  cloud.reply("describe", err=f"ERROR: {said}\n", code=1)
  done = cloud.run(*WAIT)
  assert done.returncode == 2
  assert "gcloud auth login" in done.stderr
