#!/usr/bin/env bash
# A run on a Cloud TPU slice of any number of hosts, by queued resources.
#
#   launch/tpu_vm.sh create --name=N --zone=Z --type=v5litepod-16 [--spot]
#   launch/tpu_vm.sh setup  --name=N --zone=Z [--ref=HEAD]
#   launch/tpu_vm.sh run    --name=N --zone=Z --config=FILE --workdir=gs://B/RUN
#                           [--config.KEY=VALUE ...] [--env=KEY=VALUE ...]
#   launch/tpu_vm.sh logs   --name=N --zone=Z [--worker=0] [--follow]
#   launch/tpu_vm.sh status --name=N --zone=Z
#   launch/tpu_vm.sh delete --name=N --zone=Z
#
#   --workdir=gs://B/RUN   each worker mounts the bucket (Cloud Storage FUSE);
#                          /FOLDER/RUN is handed on as it is: all must share it
#   --project=P            gcloud's own, if it is not given
#   --runtime=IMAGE        the slice's image, if its type does not tell
#   --ref=HEAD             the commit to send: what is not committed stays here
#   --profiler_port=9012   of JAX's profiler on each host
#   --dry_run              only print the commands
#
# `run --wait --type=... [--spot]` does all of it and stays: it creates the
# slice if there is none, sets it up, starts the job, and when the slice is
# preempted, asks for another; the run goes on from its last checkpoint. With
#   --retries=3            crashes that are tried again
#   --lost=5               ends after a dead or late host (76) that are tried
#                          again, in a row: without a save or a new slice
#   --poll=30              seconds between looks
# It ends with 0 when the job is done, with 2 where you can mend something, and
# may itself be stopped and started again: a job that has ended then gets the
# code of --ref. It leaves the slice: delete it.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=launch/common.sh
source "$here/common.sh"
name="" zone="" project="" type="" runtime="" spot="" ref=HEAD
config="" workdir="" worker=0 follow="" wait="" retries=3 lost=5 poll=30
profiler_port=9012
worker_script=hybrid_ir/code/launch/worker.sh # on a worker
flags=() environment=() job=() id="" commit=""
# shellcheck source=launch/gcloud.sh
source "$here/gcloud.sh"
# shellcheck source=launch/wait.sh
source "$here/wait.sh"

read_flags() {
  local argument variable='^[A-Za-z_][A-Za-z0-9_]*='
  for argument in "$@"; do
    case "$argument" in
      --help) help_of "${BASH_SOURCE[0]}"; exit 0 ;;
      --dry_run) dry_run=1 ;;
      --spot) spot=1 ;;
      --wait) wait=1 ;;
      --follow) follow=1 ;;
      --env=*)
        [[ ${argument#*=} =~ $variable ]] ||
          fail "$argument: expected --env=KEY=VALUE, where KEY has letters," \
            "digits and _"
        environment+=("${argument#*=}")
        ;;
      --config.*=*) flags+=("$argument") ;;
      --name=* | --zone=* | --project=* | --type=* | --runtime=* | --ref=* | \
        --config=* | --workdir=* | --worker=* | --retries=* | --lost=* | \
        --poll=* | --profiler_port=*)
        printf -v "$(expr "$argument" : '--\([a-z_]*\)=')" '%s' "${argument#*=}"
        ;;
      *) fail "unknown argument '$argument'; see --help" ;;
    esac
  done
  [ -n "$name" ] || fail "--name is missing: what the slice is called"
  [ -n "$zone" ] || fail "--zone is missing, such as us-west4-a"
  need_number --retries "$retries"
  need_number --lost "$lost"
  need_number --poll "$poll"
  need_number --profiler_port "$profiler_port"
}

need_type() {
  [ -n "$type" ] || fail "--type is missing, such as v5litepod-16"
}

# Once: a slice that is asked for again later gets the same code.
set_commit() {
  commit=$(git -C "$here/.." rev-parse --verify -q "$ref^{commit}") ||
    fail "--ref=$ref: no such commit"
}

# The commit, as git has it: every worker gets the same files, no secrets lie
# about in them, and the machine needs no access to the repository.
set_up() {
  local folder status=0
  [ -z "$(git -C "$here/.." status --porcelain)" ] ||
    say "note: what is not committed is not sent ($ref is)"
  folder=/tmp
  [ -n "$dry_run" ] || folder=$(mktemp -d) || return
  {
    run git -C "$here/.." archive --format=tar.gz \
      "--output=$folder/hybrid_ir.tar.gz" "$commit" &&
      send "$folder/hybrid_ir.tar.gz" hybrid_ir.tar.gz
  } || status=$?
  [ -n "$dry_run" ] || rm -r "$folder"
  [ "$status" -eq 0 ] || return "$status"
  # Where tar fails it ends with 2, which is nothing that the user can mend.
  on_all "{ [ ! -e $worker_script ] ||
      bash $worker_script idle; } &&
    rm -rf hybrid_ir/commit hybrid_ir/code && mkdir -p hybrid_ir/code &&
    { tar -xzf hybrid_ir.tar.gz -C hybrid_ir/code || exit 1; } &&
    bash $worker_script setup $commit"
}

# The job is known by what it was started with.
set_job() {
  job=(
    "$profiler_port"
    ${environment[@]+"${environment[@]}"}
    --
    "--config=$config" "--workdir=$workdir" --config.mesh.distributed=True
    ${flags[@]+"${flags[@]}"}
  )
  id=$(quoted "${job[@]}" | cksum | tr ' ' -)
}

# On all workers or on none: each has to have its bucket first.
start_job() {
  case "$workdir" in
    gs://*)
      on_all "bash $worker_script mount $(quoted "$workdir")" || return
      ;;
  esac
  on_all "bash $worker_script start $(quoted "$id" "${job[@]}")"
}

command_run() {
  [ -n "$config" ] || fail "--config is missing"
  need_shared "$workdir"
  set_job
  if [ -z "$wait" ]; then
    start_job
    say "started; see it with: launch/tpu_vm.sh logs --name=$name" \
      "--zone=$zone --follow"
    return
  fi
  need_type
  set_commit
  if [ -n "$dry_run" ]; then
    create_slice
    set_up
    start_job
    say "then, every $poll s, until the job is done:"
    printf '%s\n' "$(slice_state)"
    on_all "bash $worker_script state"
  else
    see_through
  fi
}

command_status() {
  local state
  state=$(slice_state) || exit $?
  printf '%s\n' "$state"
  case "$state" in
    ACTIVE) ;;
    *) [ -n "$dry_run" ] || return 0 ;;
  esac
  on_all "bash $worker_script state"
  say "TensorBoard's profiler, at localhost:$profiler_port of" \
    "worker 0, comes here with:"
  say "  gcloud compute tpus tpu-vm ssh $name --zone=$zone --worker=0 --" \
    "-N -L $profiler_port:localhost:$profiler_port"
}

command_logs() {
  # Not through `cloud`, which waits for the end.
  run gcloud compute tpus tpu-vm ssh "$name" "--worker=$worker" \
    "--zone=$zone" ${project:+"--project=$project"} \
    "--command=bash $worker_script log 100 ${follow:+--follow}"
}

main() {
  local command=${1:-}
  case "$command" in
    create | setup | run | logs | status | delete) ;;
    --help) help_of "${BASH_SOURCE[0]}"; exit 0 ;;
    *) fail "expected create, setup, run, logs, status or delete; see --help" ;;
  esac
  shift
  read_flags "$@"
  trap '[ $? -ne "$ABSENT" ] || exit 2' EXIT
  [ -n "$dry_run" ] || command -v gcloud >/dev/null ||
    fail "gcloud is not installed; see https://cloud.google.com/sdk/docs"
  case "$command" in
    create)
      need_type
      create_slice
      say "asked for; launch/tpu_vm.sh status tells when it is ACTIVE"
      ;;
    setup)
      set_commit
      set_up
      ;;
    delete) delete_slice ;;
    *) "command_$command" ;;
  esac
}

main "$@"
