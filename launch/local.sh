#!/usr/bin/env bash
# N processes of one run on this machine, as if they were N hosts, on its CPU.
#
#   launch/local.sh N CONFIG --workdir=DIR [--config.KEY=VALUE ...]
#
#   --devices=2   CPU devices of each process
#   --port=P      where they meet; otherwise a free one
#   --grace=60    seconds that a process has to save, before it is killed
#   --late=300    seconds for the others, once one process is done
#   --dry_run     only print the commands
#
# Shows what process 0 prints; the others write DIR/logs/process_K.log. If one
# fails the others are ended, and the exit code is that of the first that did.
# Ctrl-C asks all of them to save; a second one kills them.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=launch/common.sh
source "$here/common.sh"

devices=2 port="" grace=60 late=300 workdir="" count="" config=""
flags=()

read_arguments() {
  local argument
  for argument in "$@"; do
    case "$argument" in
      --help) help_of "${BASH_SOURCE[0]}"; exit 0 ;;
      --dry_run) dry_run=1 ;;
      --devices=*) devices=${argument#*=} ;;
      --port=*) port=${argument#*=} ;;
      --grace=*) grace=${argument#*=} ;;
      --late=*) late=${argument#*=} ;;
      --workdir=*) workdir=$(of_home "${argument#*=}") ;;
      --*) flags+=("$argument") ;;
      *)
        if [ -z "$count" ]; then
          count=$argument
        elif [ -z "$config" ]; then
          config=$argument
        else
          fail "unexpected argument '$argument'; flags are written --KEY=VALUE"
        fi
        ;;
    esac
  done
  [ -n "$config" ] || fail "expected launch/local.sh N CONFIG; see --help"
  [ -n "$workdir" ] || fail "--workdir is missing"
  need_number N "$count"
  need_number --devices "$devices"
  need_number --grace "$grace"
  need_number --late "$late"
  [ "$count" -ge 1 ] || fail "N=$count: at least one process"
  [ "$devices" -ge 1 ] || fail "--devices=$devices: at least one"
  [ -z "$port" ] || need_number --port "$port"
}

# Below the ports that a kernel hands out by itself (32768 and up).
free_port() {
  local candidate
  while :; do
    candidate=$((20000 + RANDOM % 10000))
    (: <"/dev/tcp/127.0.0.1/$candidate") 2>/dev/null || break
  done
  printf '%s' "$candidate"
}

# The command of process $1.
set_command() {
  local xla=--xla_force_host_platform_device_count=$devices
  command=(
    env
    "JAX_COORDINATOR_ADDRESS=127.0.0.1:$port"
    "JAX_NUM_PROCESSES=$count"
    "JAX_PROCESS_ID=$1"
    "JAX_PLATFORMS=cpu"
    # The last of several such flags counts.
    "XLA_FLAGS=${XLA_FLAGS:+$XLA_FLAGS }$xla"
    "PYTHONPATH=$(dirname "$here")${PYTHONPATH:+:$PYTHONPATH}"
    python -m hybrid_ir.main "--config=$config" "--workdir=$workdir"
    ${flags[@]+"${flags[@]}"}
  )
}

log_of() { printf '%s/logs/process_%s.log' "$workdir" "$1"; }

# Each process gets a group of its own (set -m): what it starts ends with it,
# and Ctrl-C reaches this script alone. How it ended comes through a pipe, in
# the order of the ends, which `wait` would not tell.
pids=()
start() {
  local i pipe
  mkdir -p "$workdir/logs"
  pipe=$(mktemp -d)
  mkfifo "$pipe/ended"
  exec 3<>"$pipe/ended"
  rm -r "$pipe"
  set -m
  for ((i = 0; i < count; i++)); do
    set_command "$i"
    if [ "$i" -eq 0 ]; then
      member "$i" </dev/null &
    else
      member "$i" </dev/null >"$(log_of "$i")" 2>&1 &
    fi
    pids+=($!)
  done
  set +m
}

# One process, from its start until its exit code is in the pipe.
member() {
  local status=0
  # The signals are for the process; this shell has to outlive it.
  trap : INT TERM
  "${command[@]}" 3>&- || status=$?
  echo "$1 $status" >&3
}

signal_all() { # SIGNAL
  local pid
  for pid in ${pids[@]+"${pids[@]}"}; do
    kill -s "$1" -- "-$pid" 2>/dev/null || true
  done
}

signal="" asked="" killed="" deadline=""
# Ctrl-C or SIGTERM, in `signal`: first to save, then to be gone.
stop() {
  if [ -z "$asked" ]; then
    asked=$signal
    say "ending $count processes; they may take $grace s to save"
    signal_all TERM
    deadline=$((SECONDS + grace))
  else
    killed=1
    signal_all KILL
  fi
  signal=""
}

# Waits until all have ended; sets `first`, the first failure's exit code.
first=""
watch() {
  local left=$count who status
  while [ "$left" -gt 0 ]; do
    [ -z "$signal" ] || stop
    if read -r -t 1 -u 3 who status; then
      left=$((left - 1))
      [ "$status" -eq 0 ] || failed "$who" "$status" "$left"
      if [ "$left" -gt 0 ] && [ -z "$deadline" ]; then
        deadline=$((SECONDS + late))
      fi
    elif [ -n "$killed" ]; then
      break
    elif [ -n "$deadline" ] && [ "$SECONDS" -ge "$deadline" ]; then
      past_deadline
    fi
  done
}

failed() { # WHO STATUS LEFT
  [ -z "$first" ] || return 0
  first=$2
  [ -z "$asked" ] || return 0
  say "process $1 ended with exit code $2"
  if [ "$1" -ne 0 ]; then
    say "the end of $(log_of "$1"):"
    tail -n 15 "$(log_of "$1")" >&2
  fi
  if [ "$3" -gt 0 ]; then
    signal_all TERM
    deadline=$((SECONDS + grace))
  fi
}

past_deadline() {
  if [ -z "$first" ] && [ -z "$asked" ]; then
    say "one process is done, another was not $late s later: ending it"
    first=76
    signal_all TERM
    deadline=$((SECONDS + grace))
  else
    say "some processes did not end: killing them"
    killed=1
    signal_all KILL
  fi
}

read_arguments "$@"
[ -n "$port" ] || port=$(free_port)
if [ -n "$dry_run" ]; then
  for ((i = 0; i < count; i++)); do
    set_command "$i"
    run "${command[@]}"
  done
  exit 0
fi
trap 'signal_all KILL' EXIT
trap 'signal=130' INT
trap 'signal=143' TERM
start
watch
# Ctrl-C is the user's own end; after SIGTERM the processes' code says more.
[ "$asked" != 130 ] || exit 130
exit "${first:-${asked:-0}}"
