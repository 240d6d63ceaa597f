import os
import re
import subprocess

import pytest

from .conftest import LAUNCH, write_script

GIVEN = {
  "name": "my-run",
  "image": "region-docker.pkg.dev/p/r/hybrid_ir:1",
  "accelerator": "tpu-v6e-slice",
  "topology": "4x4",
  "hosts": "4",
  "config": "configs/x.py",
  "workdir": "gs://bu/r/s",
}


def gke(*more: str, **changes: str) -> subprocess.CompletedProcess[str]:
  given = {**GIVEN, **changes}
  flags = [f"--{key}={value}" for key, value in given.items() if value]
  return subprocess.run(
    [str(LAUNCH / "gke.sh"), *flags, *more, "--dry_run"],
    capture_output=True,
    text=True,
  )


def test_every_place_is_filled():
  done = gke()
  assert done.returncode == 0, done.stderr
  assert "{{" not in done.stdout
  for key, value in GIVEN.items():
    assert value.removeprefix("gs:/") in done.stdout, key
  assert "gs://" not in done.stdout


def test_the_manifest_is_what_was_asked_for():
  yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
  quoted = '--config.text.query_prefix=say "q" & \\n: \n'
  manifest = yaml.safe_load(gke("--spot", "--retries=5", quoted).stdout)
  assert manifest["kind"] == "JobSet"
  assert manifest["spec"]["failurePolicy"]["maxRestarts"] == 5
  (replicated,) = manifest["spec"]["replicatedJobs"]
  job = replicated["template"]["spec"]
  assert (job["parallelism"], job["completions"]) == (4, 4)
  pod = job["template"]["spec"]
  assert pod["nodeSelector"] == {
    "cloud.google.com/gke-tpu-accelerator": "tpu-v6e-slice",
    "cloud.google.com/gke-tpu-topology": "4x4",
    "cloud.google.com/gke-spot": "true",
  }
  assert pod["tolerations"][0]["key"] == "cloud.google.com/gke-spot"
  (container,) = pod["containers"]
  assert container["command"] == [
    *("python", "launch/profiled.py", "9012", "--config=configs/x.py"),
    *("--workdir=/buckets/bu/r/s", "--config.mesh.distributed=True", quoted),
  ]
  assert container["resources"]["limits"] == {"google.com/tpu": 4}


def pod_of(done) -> dict:
  yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
  assert done.returncode == 0, done.stderr
  (replicated,) = yaml.safe_load(done.stdout)["spec"]["replicatedJobs"]
  return replicated["template"]["spec"]["template"]


def test_the_bucket_is_mounted_where_main_writes():
  pod = pod_of(gke())
  assert pod["metadata"]["annotations"]["gke-gcsfuse/volumes"] == "true"
  (volume,) = pod["spec"]["volumes"]
  assert volume["csi"]["driver"] == "gcsfuse.csi.storage.gke.io"
  attributes = volume["csi"]["volumeAttributes"]
  assert attributes["bucketName"] == "bu"
  assert attributes["mountOptions"].split(",") == [
    *("implicit-dirs", "rename-dir-limit=200000"),
    *("metadata-cache:ttl-secs:0", "metadata-cache:negative-ttl-secs:0"),
  ]
  (container,) = pod["spec"]["containers"]
  assert container["volumeMounts"] == [
    {"name": volume["name"], "mountPath": "/buckets/bu"}
  ]


def test_a_claim_is_mounted_at_the_workdirs_first_folder():
  pod = pod_of(gke("--claim=files", workdir="/shared/runs/r"))
  assert pod["metadata"]["annotations"]["gke-gcsfuse/volumes"] == "false"
  (volume,) = pod["spec"]["volumes"]
  assert volume == {
    "name": volume["name"],
    "persistentVolumeClaim": {"claimName": "files"},
  }
  (container,) = pod["spec"]["containers"]
  assert container["volumeMounts"][0]["mountPath"] == "/shared"
  assert "--workdir=/shared/runs/r" in container["command"]


def test_after_it_is_applied_it_says_what_to_check(tmp_path):
  write_script(tmp_path / "kubectl", "#!/bin/bash\ncat >/dev/null\n")
  flags = [f"--{key}={value}" for key, value in GIVEN.items()]
  done = subprocess.run(
    [str(LAUNCH / "gke.sh"), *flags, "--service_account=trainer"],
    env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
    capture_output=True,
    text=True,
  )
  assert done.returncode == 0, done.stderr
  assert "bucket bu, and that the service account trainer" in done.stderr


def test_without_spot_there_is_no_trace_of_it():
  assert "spot\n" not in gke().stdout
  assert "tolerations" not in gke().stdout


def test_restarts_follow_the_exit_codes():
  """A job's message ends with the index of the rule that its pod met."""
  yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
  spec = yaml.safe_load(gke().stdout)["spec"]
  job = spec["replicatedJobs"][0]["template"]["spec"]
  pods = job["podFailurePolicy"]["rules"]
  codes = [rule.get("onExitCodes", {}).get("values", []) for rule in pods]
  actions = {}
  for index, values in enumerate(codes):
    message = f"failed with exit code X matching FailJob rule at index {index}"
    action = next(
      rule["action"]
      for rule in spec["failurePolicy"]["rules"]
      if re.search(rule["onJobFailureMessagePatterns"][0], message)
    )
    actions.update(dict.fromkeys(values or ["disrupted"], action))
  free = "RestartJobSetAndIgnoreMaxRestarts"
  assert actions == {2: "FailJobSet", 75: free, "disrupted": free}
  # 76 meets no rule of the pods': that job's reason is BackoffLimitExceeded,
  # which none of the set's rules takes, and the restart is counted.
  assert job["backoffLimit"] == 0
  assert [
    rule["onJobFailureReasons"] for rule in spec["failurePolicy"]["rules"]
  ] == [["PodFailurePolicy"]] * 2
  # JobSet's schema has no default for it.
  (condition,) = pods[2]["onPodConditions"]
  assert condition == {"type": "DisruptionTarget", "status": "True"}


@pytest.mark.parametrize(
  ("changes", "shown"),
  [
    ({"image": ""}, "--image is missing"),
    ({"hosts": "four"}, "--hosts=four: expected a whole number"),
    ({"workdir": ""}, "gs://BUCKET/RUN"),
    ({"workdir": "runs/r"}, "--workdir=runs/r: expected a folder in a bucket"),
    ({"workdir": "/files/r"}, "name the volume claim"),
    ({"workdir": "/files", "claim": "c"}, "expected /FOLDER/RUN"),
    ({"claim": "c"}, "--workdir=gs://bu/r/s is a bucket's"),
    (
      {"workdir": "gs://bu/r s"},
      "--workdir=gs://bu/r s: expected letters, digits",
    ),
    ({"name": "my run"}, "--name=my run: expected letters, digits"),
  ],
)
def test_a_mistake_is_one_line(changes, shown):
  done = gke(**changes)
  assert done.returncode == 2
  assert shown in done.stderr
  assert done.stderr.count("\n") == 1
