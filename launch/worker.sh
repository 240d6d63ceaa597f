#!/usr/bin/env bash
# What runs on each worker of a TPU VM, where tpu_vm.sh sends and calls it.
#
#   worker.sh setup COMMIT
#   worker.sh mount gs://BUCKET/PATH
#   worker.sh start ID PORT [KEY=VALUE ...] -- FLAG ...   in the background
#   worker.sh idle                   fails if a job runs
#   worker.sh state                  a line: STATE VALUE WORKER COMMIT
#   worker.sh log LINES [--follow]
#
# STATE is `running` (VALUE: the job's ID), `ended` (its exit code) or `none`.
# COMMIT is that of the code, once it is installed.
# Below ~/hybrid_ir stand code/, commit, venv/ and job/ (id, pid, exit, log).
# A flag --workdir=gs://... reaches main as the folder where that is mounted.
set -euo pipefail
# shellcheck source=launch/bucket.sh
source "$(dirname "${BASH_SOURCE[0]}")/bucket.sh"
base=$HOME/hybrid_ir
job=$base/job

setup() { # COMMIT
  install_code || not_installed hybrid_ir
  install_gcsfuse || not_installed gcsfuse
  echo "$1" >"$base/commit"
}

# The image's own Python is older than hybrid_ir needs.
install_code() {
  local python=$base/venv/bin/python
  export PATH="$HOME/.local/bin:$PATH"
  command -v uv >/dev/null || python3 -m pip install -q --user uv || return
  [ -x "$python" ] || uv venv -q --python 3.12 "$base/venv" || return
  uv pip install -q --python "$python" -e "$base/code[tpu]"
}

# Not with the code of what failed: uv's is 2 for a lost connection, too.
not_installed() { # WHAT
  echo "error: worker $(worker_number): $1 could not be installed" >&2
  exit 1
}

# Another process may have got the number after a reboot: its name is asked too.
running() {
  [ -f "$job/pid" ] || return 1
  case "$(ps -o args= -p "$(cat "$job/pid")" 2>/dev/null)" in
    *worker.sh*) return 0 ;;
    *) return 1 ;;
  esac
}

# The code of a job that runs is not to be replaced.
idle() {
  running || return 0
  echo "error: a job is running here; wait for it, or delete the slice" >&2
  exit 2
}

start() { # ID PORT [KEY=VALUE ...] -- FLAG ...
  local id=$1
  shift
  if running && [ "$(cat "$job/id")" = "$id" ]; then
    return
  fi
  idle
  # A worker that was started again since has lost its mounts.
  local flag
  for flag in "$@"; do
    case "$flag" in
      --workdir=gs://*) mount_folder "${flag#*=}" ;;
    esac
  done
  mkdir -p "$job"
  rm -f "$job/exit"
  echo "$id" >"$job/id"
  nohup setsid bash "${BASH_SOURCE[0]}" main "$@" \
    </dev/null >>"$job/log" 2>&1 &
  echo $! >"$job/pid"
}

main() { # PORT [KEY=VALUE ...] -- FLAG ...
  local port=$1 status=0 flag flags=()
  shift
  while [ "$1" != -- ]; do
    export "${1?}"
    shift
  done
  shift
  for flag in "$@"; do
    case "$flag" in
      --workdir=gs://*) flag=--workdir=$(folder_of "${flag#*=}") ;;
    esac
    flags+=("$flag")
  done
  cd "$base/code"
  # A SIGTERM is for main, which saves; this shell has to write its exit code.
  trap : TERM
  "$base/venv/bin/python" launch/profiled.py "$port" "${flags[@]}" || status=$?
  echo "$status" >"$job/exit.new"
  mv "$job/exit.new" "$job/exit"
}

state() {
  local where
  where="$(worker_number) $(cat "$base/commit" 2>/dev/null || echo -)"
  if running; then
    echo "running $(cat "$job/id") $where"
  elif [ -f "$job/exit" ]; then
    echo "ended $(cat "$job/exit") $where"
  elif [ -f "$job/id" ]; then
    echo "ended 137 $where" # killed, with no time to say so
  else
    echo "none - $where"
  fi
}

log() { # LINES [--follow]
  tail -n "$1" ${2:+-F} "$job/log"
}

case "${1:-}" in
  setup | idle | start | main | state | log) "$@" ;;
  mount) mount_folder "$2" ;;
  *)
    echo "error: worker.sh setup | mount | idle | start | state | log" >&2
    exit 2
    ;;
esac
