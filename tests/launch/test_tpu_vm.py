import pytest

from .conftest import wait_for

SLICE = ("--name=n", "--zone=z")
JOB = (*SLICE, "--config=configs/x.py", "--workdir=gs://bu/r")
COMMANDS = {
  "create": (*SLICE, "--type=v6e-8"),
  "setup": SLICE,
  "run": JOB,
  "logs": SLICE,
  "status": SLICE,
  "delete": SLICE,
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_dry_run_shows_its_commands_and_calls_nothing(cloud, command):
  done = cloud.run(command, *COMMANDS[command], "--dry_run")
  assert done.returncode == 0, done.stderr
  assert "gcloud compute tpus " in done.stdout
  assert "--zone=z" in done.stdout
  assert cloud.calls() == []


def test_create_asks_the_queue(cloud):
  done = cloud.run(
    "create", *SLICE, "--type=v5litepod-16", "--spot", "--project=p"
  )
  assert done.returncode == 0, done.stderr
  assert cloud.calls() == [
    [
      *("compute", "tpus", "queued-resources", "create", "n", "--node-id=n"),
      "--accelerator-type=v5litepod-16",
      "--runtime-version=v2-alpha-tpuv5-lite",
      *("--spot", "--zone=z", "--project=p"),
    ]
  ]


@pytest.mark.parametrize(
  ("kind", "image"),
  [
    ("v4-8", "tpu-ubuntu2204-base"),
    ("v5p-8", "v2-alpha-tpuv5"),
    ("v6e-8", "v2-alpha-tpuv6e"),
  ],
)
def test_the_image_goes_with_the_type(cloud, kind, image):
  cloud.run("create", *SLICE, f"--type={kind}")
  assert f"--runtime-version={image}" in cloud.calls()[0]


def test_an_unknown_type_asks_for_its_image(cloud):
  done = cloud.run("create", *SLICE, "--type=v99-8")
  assert done.returncode == 2
  assert "--runtime" in done.stderr
  assert cloud.calls() == []
  cloud.run("create", *SLICE, "--type=v99-8", "--runtime=new")
  assert "--runtime-version=new" in cloud.calls()[0]


@pytest.mark.parametrize(
  ("said", "shown"),
  [
    (
      "ERROR: (gcloud) RESOURCE_EXHAUSTED: Quota limit 'TPUV6E' exceeded.",
      "no quota for --type=v6e-8 in z",
    ),
    (
      "ERROR: (gcloud) You do not currently have an active account selected.",
      "gcloud auth login",
    ),
    ("ERROR: PERMISSION_DENIED: tpu.nodes.create", "roles/tpu.admin"),
    ("ERROR: Cloud TPU API has not been used in project", "services enable"),
    ("ERROR: ALREADY_EXISTS: n", "take another --name"),
  ],
)
def test_an_error_says_how_to_mend_it(cloud, said, shown):
  cloud.reply("create", err=f"{said}\n", code=1)
  done = cloud.run("create", *SLICE, "--type=v6e-8")
  assert done.returncode == 2
  assert shown in done.stderr
  assert said in done.stderr


def test_other_errors_are_shown_as_they_are(cloud):
  cloud.reply("create", err="ERROR: the moon is in the way\n", code=1)
  done = cloud.run("create", *SLICE, "--type=v6e-8")
  assert (done.returncode, done.stderr) == (
    1,
    "ERROR: the moon is in the way\n",
  )


@pytest.mark.parametrize(
  ("arguments", "shown"),
  [
    (("grow", *SLICE), "expected create, setup"),
    (("delete", "--zone=z"), "--name is missing"),
    (("create", *SLICE), "--type is missing"),
    (("run", *SLICE, "--config=c"), "gs://BUCKET/RUN"),
    (("run", *SLICE, "--config=c", "--workdir=a/b"), "--workdir=a/b: expec"),
    (("run", *SLICE, "--workdir=gs://bu/r"), "--config is missing"),
    (("run", *JOB, "--polls=3"), "unknown argument '--polls=3'"),
    (("run", *JOB, "--poll=soon"), "--poll=soon: expected a whole number"),
    (("run", *JOB, "--env=MY-KEY=1"), "--env=MY-KEY=1: expected --env=KEY="),
    (("run", *JOB, "--env=KEY"), "--env=KEY: expected --env=KEY=VALUE"),
    (("setup", *SLICE, "--ref=nowhere"), "--ref=nowhere: no such commit"),
  ],
)
def test_a_mistake_is_one_line(cloud, arguments, shown):
  done = cloud.run(*arguments)
  assert done.returncode == 2
  assert shown in done.stderr
  assert done.stderr.count("\n") == 1
  assert cloud.calls() == []


def test_the_worker_that_is_down_is_named(cloud):
  cloud.reply("queued-resources describe", out="ACTIVE\n")
  cloud.reply("networkEndpoints", out="3\n")
  cloud.reply("--worker=all", err="exited with return code [255]\n", code=255)
  cloud.reply("--worker=1 ", code=255)
  done = cloud.run("status", *SLICE)
  assert done.returncode == 1
  assert "worker 1 of n cannot be reached" in done.stderr
  assert done.stderr.count("cannot be reached") == 1


def test_a_job_from_setup_to_its_log(cloud):
  homes = [cloud.worker(0, "wait"), cloud.worker(1, "wait")]
  assert cloud.run("setup", *SLICE).returncode == 0
  flags = ("--config.a.b=c d", "--env=GREETING=good day")
  done = cloud.run("run", *JOB, *flags)
  assert done.returncode == 0, done.stderr
  for home in homes:
    wait_for(lambda ran=home / "ran": ran.exists() and ran.read_text())
    assert (home / "ran").read_text() == (
      "good day launch/profiled.py 9012 --config=configs/x.py"
      f" --workdir={home}/buckets/bu/r"
      " --config.mesh.distributed=True --config.a.b=c d\n"
    )
  cloud.reply("queued-resources describe", out="ACTIVE\n")
  shown = cloud.run("status", *SLICE).stdout
  assert [line.split()[::2] for line in shown.splitlines()[1:]] == [
    ["running", "0"],
    ["running", "1"],
  ]
  logged = cloud.run("logs", *SLICE, "--worker=1")
  assert logged.stdout == "the job says wait\n"


def test_a_running_job_is_neither_replaced_nor_joined_by_another(cloud):
  cloud.worker(0, "wait")
  cloud.run("setup", *SLICE)
  cloud.run("run", *JOB)
  for again in (("setup", *SLICE), ("run", *JOB, "--config.seed=1")):
    done = cloud.run(*again)
    assert done.returncode == 2
    assert "a job is running here" in done.stderr
  assert cloud.run("run", *JOB).returncode == 0
