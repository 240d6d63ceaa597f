import pathlib
import subprocess

import pytest

from .conftest import LAUNCH, wait_for

SLICE = ("--name=n", "--zone=z")
BUCKET = (*SLICE, "--config=c.py", "--workdir=gs://bu/a/run")
FOLDER = (*SLICE, "--config=c.py", "--workdir=/files/run")


def lines_of(path: pathlib.Path) -> list[str]:
  return path.read_text().splitlines() if path.exists() else []


def ran(home: pathlib.Path) -> str:
  """The last job's command."""
  wait_for(lambda: (home / "hybrid_ir" / "job" / "exit").exists())
  return lines_of(home / "ran")[-1]


def accepted(workdir: str) -> bool:
  script = f'source {LAUNCH}/common.sh; need_shared "$1"'
  done = subprocess.run(
    ["bash", "-euc", script, "-", workdir],
    capture_output=True,
    text=True,
  )
  assert done.returncode in (0, 2)
  assert done.stderr.count("\n") == (done.returncode == 2)
  return done.returncode == 0


@pytest.mark.parametrize(
  "workdir", ["gs://bu/r", "gs://my-bu_1.org/a b/r/", "/files/run", "/r"]
)
def test_shared_folders(workdir):
  assert accepted(workdir)


@pytest.mark.parametrize(
  "workdir",
  [
    *("", "run", "./run", "~/run", "/", "//files/run", "s3://bu/run"),
    *("gs://", "gs://bu", "gs://bu/", "gs:///run", "gs://bu//run", "GS://bu/r"),
    *("gs://../run", "gs://bu/../run", "gs://bu/a/..", "/files/../run"),
    *("gs://Bu/run", "gs://b$(x)/run", "file:///run"),
  ],
)
def test_what_is_no_shared_folder_is_refused_in_a_line(workdir):
  assert not accepted(workdir)


def test_every_worker_mounts_the_bucket_before_any_job_starts(cloud):
  homes = [cloud.worker(0, 0), cloud.worker(1, 0)]
  cloud.run("setup", *SLICE)
  done = cloud.run("run", *BUCKET)
  assert done.returncode == 0, done.stderr
  assert cloud.verbs()[-2:] == ["mount", "start"]
  for home in homes:
    place = home / "buckets" / "bu"
    assert f" --workdir={place}/a/run " in ran(home)
    assert lines_of(home / "mounts") == [
      "--implicit-dirs --rename-dir-limit=200000"
      " --metadata-cache-ttl-secs=0 --metadata-cache-negative-ttl-secs=0"
      f" bu {place}"
    ]
    (place / "a" / "run" / home.name).touch()
  shared = cloud.folder / "buckets" / "bu" / "a" / "run"
  assert sorted(path.name for path in shared.iterdir()) == ["0", "1"]


def test_a_new_setup_leaves_what_is_in_the_bucket(cloud):
  home = cloud.worker(0, 0, 0)
  cloud.run("setup", *SLICE)
  cloud.run("run", *BUCKET)
  ran(home)
  (home / "buckets" / "bu" / "a" / "run" / "checkpoint").touch()
  assert cloud.run("setup", *SLICE).returncode == 0
  assert (cloud.folder / "buckets/bu/a/run/checkpoint").exists()
  assert cloud.run("run", *BUCKET).returncode == 0
  assert len(lines_of(home / "mounts")) == 1  # the mount still stands


def test_a_mount_that_is_lost_is_made_again(cloud):
  home = cloud.worker(0, 0, 0)
  cloud.run("setup", *SLICE)
  cloud.run("run", *BUCKET)
  ran(home)
  (home / "buckets" / "bu").unlink()  # as after a reboot
  assert cloud.run("run", *BUCKET).returncode == 0
  assert len(lines_of(home / "mounts")) == 2


def test_a_mount_lost_before_the_job_starts_is_made_again(cloud):
  home = cloud.worker(0, 0)
  cloud.run("setup", *SLICE)
  cloud.reply("worker.sh mount")  # done, as far as anyone can see
  assert cloud.run("run", *BUCKET).returncode == 0
  assert f" --workdir={home}/buckets/bu/a/run " in ran(home)
  assert len(lines_of(home / "mounts")) == 1


def test_no_job_starts_where_a_worker_cannot_mount(cloud):
  homes = [cloud.worker(0, 0), cloud.worker(1, 0)]
  cloud.run("setup", *SLICE)
  # Of words that gcloud's own errors have too.
  said = "Error 403: trainer does not have permission; bucket was not found"
  (homes[1] / "no_mount").write_text(f"{said}\n")
  done = cloud.run("run", *BUCKET)
  assert done.returncode == 2
  assert done.stderr.splitlines() == [
    f"  gcsfuse: {said}",
    "error: worker 1: gs://bu cannot be mounted (gcsfuse ended with 1): check"
    " the bucket's name, and that the slice's service account has"
    " roles/storage.objectUser on it",
  ]
  assert "start" not in cloud.verbs()
  assert not any((home / "ran").exists() for home in homes)


def test_wait_does_not_try_a_bad_bucket_again(cloud):
  (cloud.worker(0, 0) / "no_mount").write_text("no such bucket\n")
  cloud.reply("state.state", out="ACTIVE\n")
  done = cloud.run("run", *BUCKET, "--wait", "--type=v6e-8", "--poll=0")
  assert done.returncode == 2
  assert "worker 0: gs://bu cannot be mounted" in done.stderr
  assert cloud.verbs().count("mount") == 1


def test_a_bucket_that_may_only_be_read_is_named(cloud):
  home = cloud.worker(0, 0)
  cloud.run("setup", *SLICE)
  # No folder can be made below a file, whoever asks.
  (cloud.folder / "buckets" / "bu").mkdir(parents=True)
  (cloud.folder / "buckets" / "bu" / "a").touch()
  done = cloud.run("run", *BUCKET)
  assert done.returncode == 2
  assert "worker 0: gs://bu/a/run cannot be written" in done.stderr
  assert not (home / "ran").exists()


def test_a_folder_is_handed_on_as_it_is(cloud):
  home = cloud.worker(0, 0)
  cloud.run("setup", *SLICE)
  assert cloud.run("run", *FOLDER).returncode == 0
  assert " --workdir=/files/run " in ran(home)
  assert "mount" not in cloud.verbs()
  assert lines_of(home / "mounts") == []


def test_gcsfuse_that_is_there_is_not_installed_again(cloud):
  home = cloud.worker(0)
  assert cloud.run("setup", *SLICE).returncode == 0
  assert lines_of(home / "sudo") == []


@pytest.mark.parametrize(
  "option", ["--stat-cache-ttl duration", "--metadata-cache-ttl-secs int"]
)
def test_gcsfuse_is_installed_where_it_is_missing_or_too_old(cloud, option):
  home = cloud.worker(0)
  (home / "gcsfuse_help").write_text(f"{option}\n")
  done = cloud.run("setup", *SLICE)
  assert done.returncode == 0, done.stderr
  key = "/usr/share/keyrings/cloud.google.asc"
  site = "https://packages.cloud.google.com/apt"
  assert lines_of(home / "sudo") == [
    f"tee {key}",
    f"the key of {site}/doc/apt-key.gpg",
    "tee /etc/apt/sources.list.d/gcsfuse.list",
    f"deb [signed-by={key}] {site} gcsfuse-jammy main",
    "apt-get update -qq",
    "apt-get install -qq -y -o DPkg::Lock::Timeout=300 gcsfuse",
  ]


def test_an_installation_that_fails_names_the_worker(cloud):
  cloud.worker(0)
  home = cloud.worker(1)
  (home / "gcsfuse_help").unlink()
  (home / "no_sudo").touch()
  done = cloud.run("setup", *SLICE)
  assert done.returncode == 1
  assert "error: worker 1: gcsfuse could not be installed" in done.stderr
