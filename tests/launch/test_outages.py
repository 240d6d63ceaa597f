import pytest

from .conftest import WAIT

SLICE = ("--name=n", "--zone=z")
# As gcloud says it, with advice that is of no use.
OFFLINE = (
  "ERROR: (gcloud.compute.tpus) There was a problem refreshing your current"
  " auth tokens: HTTPSConnectionPool(host='oauth2.googleapis.com', port=443):"
  " Max retries exceeded with url: /token (Caused by NameResolutionError())\n"
  "Please run:\n  $ gcloud auth login\nto obtain new credentials.\n"
)
BUSY = (
  "ERROR: (gcloud.compute.tpus) RESOURCE_EXHAUSTED: Quota exceeded for quota"
  " metric 'Read requests' and limit 'Read requests per minute'\n"
)


def test_a_worker_that_stays_away_costs_the_slice(cloud):
  cloud.active(times=6)
  cloud.reply("worker.sh state", out="running other 1 -\n", code=255, times=1)
  cloud.reply("worker.sh state", err="unreachable\n", code=255, times=5)
  cloud.reply("networkEndpoints", out="1\n")
  cloud.reply("--command=true", code=255)
  cloud.reply("state.state", err="NOT_FOUND: n\n", code=1, times=1)
  cloud.active()
  cloud.worker(0, 0)
  done = cloud.run(*WAIT)
  assert done.returncode == 0, done.stderr
  assert "worker 0 of n cannot be reached" in done.stderr
  assert (cloud.count("delete"), cloud.count("create")) == (1, 1)


def test_workers_that_were_never_reached_cost_no_slice(cloud):
  """Where our network lets no SSH out, a sound slice looks the same."""
  cloud.active()
  cloud.reply("worker.sh state", err="unreachable\n", code=255)
  cloud.reply("networkEndpoints", out="1\n")
  cloud.reply("--command=true", code=255)
  done = cloud.run(*WAIT)
  assert done.returncode == 2
  assert "(5 of 5)" in done.stderr
  assert "check that your network lets SSH (port 22) out" in done.stderr
  assert (cloud.count("delete"), cloud.count("create")) == (0, 0)


def lose_worker(cloud, times):
  cloud.reply("worker.sh state", err="unreachable\n", code=255, times=times)
  cloud.reply("networkEndpoints", out="1\n")


@pytest.mark.parametrize("said", ["ERROR: gcloud crashed\n", OFFLINE, BUSY])
def test_a_queue_that_does_not_answer_costs_nothing(cloud, said):
  cloud.active(times=1)
  cloud.reply("state.state", err=said, code=1, times=7)
  cloud.active()
  cloud.worker(0, 0)
  done = cloud.run(*WAIT, "--retries=0")
  assert done.returncode == 0, done.stderr
  assert done.stderr.count("the queue does not answer") == 7
  assert (cloud.count("delete"), cloud.count("start")) == (0, 1)


def test_workers_are_given_up_only_while_the_queue_answers(cloud):
  cloud.active(times=4)
  cloud.reply("state.state", err=OFFLINE, code=1, times=1)
  cloud.active()
  lose_worker(cloud, 8)
  cloud.worker(0, 0)
  done = cloud.run(*WAIT, "--retries=0")
  assert done.returncode == 0, done.stderr
  assert done.stderr.count("(4 of 5)") == 2
  assert cloud.count("delete") == 0


def test_a_state_of_a_gcloud_that_failed_is_none(cloud):
  cloud.reply("state.state", out="SUSPENDED\n", err="killed\n", code=1, times=1)
  cloud.active()
  cloud.worker(0, 0)
  assert cloud.run(*WAIT).returncode == 0
  assert cloud.count("delete") == 0


def test_no_lines_are_not_a_job_that_is_done(cloud):
  cloud.active()
  cloud.reply("worker.sh state", out="none - 0\n", times=1)
  cloud.reply("worker.sh state", out="", times=1)
  cloud.worker(0, 2)
  done = cloud.run(*WAIT)
  assert done.returncode == 2
  assert "a worker does not answer (1 of 5)" in done.stderr


def test_a_deletion_that_fails_is_made_again(cloud):
  cloud.reply("state.state", out="SUSPENDED\n", times=2)
  cloud.reply("resources delete", err=OFFLINE, code=1, times=1)
  cloud.reply("state.state", err="NOT_FOUND: n\n", code=1, times=1)
  cloud.reply("resources create", err=OFFLINE, code=1, times=1)
  cloud.reply("state.state", err="NOT_FOUND: n\n", code=1, times=1)
  cloud.active()
  cloud.worker(0, 0)
  done = cloud.run(*WAIT, "--retries=1")
  assert done.returncode == 0, done.stderr
  assert (cloud.count("delete"), cloud.count("create")) == (2, 2)
  assert "create_slice failed: 1 of 1 retries" in done.stderr


@pytest.mark.parametrize("command", ["setup", "delete"])
def test_a_slice_that_is_not_there_is_said(cloud, command):
  said = "ERROR: (gcloud.x) NOT_FOUND: n\n"
  cloud.reply("scp|delete", err=said, code=1)
  done = cloud.run(command, *SLICE)
  assert done.returncode == 2
  assert "error: not found: check --name=n, --zone=z" in done.stderr


def test_what_a_worker_says_is_not_taken_for_gclouds(cloud):
  """A package that was not found, a disk quota: neither is the slice's."""
  cloud.worker(0)
  for said in ("jax was not found in the registry\n", "Disk quota exceeded\n"):
    cloud.replies.clear()
    cloud.reply("worker.sh setup", err=said, code=1)
    done = cloud.run("setup", *SLICE)
    assert (done.returncode, "error: " in done.stderr) == (1, False)
    assert said in done.stderr


def test_an_installation_without_a_network_is_tried_again(cloud):
  """uv ends with 2 then, which in our scripts is the user's to mend."""
  cloud.active()
  (cloud.worker(0, 0) / "no_uv").touch()
  done = cloud.run(*WAIT, "--retries=1")
  assert done.returncode == 1
  assert "worker 0: hybrid_ir could not be installed" in done.stderr
  assert "set_up failed: 2 of 1 retries" in done.stderr


def test_an_archive_that_is_cut_off_is_sent_again(cloud):
  """tar ends with 2 then, too."""
  cloud.active()
  home = cloud.worker(0, 0)
  (home / "hybrid_ir.tar.gz").write_text("half")
  cloud.reply(" scp ", times=1)  # done, as far as anyone can see
  done = cloud.run(*WAIT, "--retries=1")
  assert done.returncode == 0, done.stderr
  assert cloud.count("scp") == 2
