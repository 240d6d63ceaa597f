# shellcheck shell=bash
# A run seen through to its end, over preemptions. For `tpu_vm.sh run --wait`.
#
# All that it knows is what the queue and the workers say, so that it can be
# stopped and started again at any time.
: "${name?}" "${zone?}" "${type?}" "${id?}" "${workdir?}" "${commit?}"
: "${ref?}" "${retries?}" "${lost?}" "${poll?}" "${worker_script?}"

# The workers' lines (worker.sh state) on stdin, as one word:
#   none      some worker has no job, as on a new slice
#   running   ID is running;  busy  another job is
#   done      all ended well; user  one ended with 2: not to be tried again
#   again     saved after SIGTERM (75)
#   lost W    worker W ended after another host was dead or late (76)
#   crashed W one ended in another way, on worker W
verdict() { # ID
  local state value worker seen="" crashed="" left=""
  while read -r state value worker _; do
    case "$state $value" in
      "running $1") seen="$seen running" ;;
      running*) seen="$seen busy" ;;
      none*) seen="$seen none" ;;
      "ended 0") ;;
      "ended 2") seen="$seen user$worker" ;;
      "ended 75") seen="$seen again" ;;
      "ended 76") left=${left:-$worker} ;;
      *) crashed=${crashed:-$worker} ;;
    esac
  done
  case "$seen" in
    *user*) printf 'user %s' "$(expr "$seen" : '.*user\([^ ]*\)')" ;;
    *busy*) printf busy ;;
    *running*) printf running ;;
    *none*) printf none ;;
    *) if [ -n "$crashed" ]; then
      printf 'crashed %s' "$crashed"
    elif [ -n "$seen" ]; then
      printf again
    elif [ -n "$left" ]; then
      printf 'lost %s' "$left"
    else
      printf 'done'
    fi ;;
  esac
}

# Whether a worker's line names another commit than --ref's, or none.
outdated() { # LINES
  local has
  while read -r _ _ _ has; do
    [ "$has" = "$commit" ] || return 0
  done <<<"$1"
  return 1
}

crashes=0 losses=0 misses=0
# Whether a worker ever answered: if none did, it may be our way to them.
reached=""
# Of the job on this slice: empty, when nothing is known of it; `half`, where
# not all workers may have got it; `sent`, when all have.
start=""

# Until the job is done (0), or the user has to do something (2), or it has
# crashed, lost a host or been out of reach too often (1).
see_through() {
  local state status
  while :; do
    status=0
    state=$(slice_state) || status=$?
    [ "$status" -ne 2 ] || exit 2
    case "$state" in
      ACTIVE) look ;;
      NONE)
        say "asking for $name ($type in $zone)"
        try create_slice || :
        losses=0 misses=0 start=""
        ;;
      SUSPENDED | FAILED) again_from_queue "$state" ;;
      '')
        # It says nothing of the slice: our own network may be down.
        say "the queue does not answer"
        misses=0
        ;;
      *) misses=0 ;; # waiting for machines, or giving them back
    esac
    sleep "$poll"
  done
}

again_from_queue() { # STATE
  local status=0
  say "$name is $1: deleting it, to ask for another"
  if [ "$1" = FAILED ]; then
    why_failed || status=$?
    [ "$status" -ne 2 ] || exit 2
    # What is wrong with the request itself is wrong each time.
    [ "$status" -eq 0 ] || crash "$name FAILED"
  fi
  delete_slice || [ $? -ne 2 ] || exit 2
}

# One look at an active slice, and what follows from it.
look() {
  local lines status=0 found
  lines=$(on_all "bash $worker_script state 2>/dev/null ||
    echo none - new") || status=$?
  [ "$status" -ne 2 ] || exit 2
  [ -z "$lines" ] || reached=1 # one did, whatever the others do
  if [ "$status" -ne 0 ] || [ -z "$lines" ]; then
    miss
    return
  fi
  misses=0
  found=$(verdict "$id" <<<"$lines")
  case "$found,$start" in
    busy,*)
      fail "another job runs on $name: wait for it, or delete the slice"
      ;;
    none,*) begin_anew ;;
    running,sent) ;;
    running,half) begin ;;
    running,*)
      say "$name is running it already"
      ! outdated "$lines" || say "note: with other code than --ref=$ref"
      start=sent
      ;;
    *,sent)
      ended "$found"
      begin
      ;;
    # What an earlier command left there says nothing of this one: the user may
    # have mended it.
    *) if outdated "$lines"; then begin_anew; else begin; fi ;;
  esac
}

begin_anew() {
  ! try set_up || begin
}

# Where it fails, the next look starts those who have not got the job.
begin() {
  start=half
  ! try start_job || start=sent
}

# What follows from the end of a job: an exit, or that it is started again.
ended() { # VERDICT
  case "$1" in
    done) say "done: $workdir"; exit 0 ;;
    again)
      say "saved and ended: going on"
      losses=0
      ;;
    lost*)
      show_end "${1#* }"
      losses=$((losses + 1))
      say "worker ${1#* } names a dead or late host: $losses in a row," \
        "$lost are tried again (--lost)"
      [ "$losses" -le "$lost" ] || exit 1
      ;;
    user*)
      show_end "${1#* }"
      say "worker ${1#* } ended with exit code 2: mend what it says"
      exit 2
      ;;
    crashed*)
      show_end "${1#* }"
      crash "worker ${1#* } crashed"
      ;;
  esac
}

show_end() { # WORKER
  cloud compute tpus tpu-vm ssh "$name" "--worker=$1" \
    "--command=bash $worker_script log 30" >&2 || true
}

# A step on the workers; if it fails, the next look finds what it left.
try() { # FUNCTION
  local status=0
  "$1" || status=$?
  [ "$status" -ne 2 ] || exit 2
  [ "$status" -ne 0 ] || return 0
  crash "$1 failed"
  return 1
}

crash() { # WHAT
  crashes=$((crashes + 1))
  say "$1: $crashes of $retries retries"
  [ "$crashes" -le "$retries" ] || exit 1
}

# Networks fail for minutes; a worker that stays away, while the queue answers
# each time, is gone for good. But where SSH itself is not let through, the
# queue answers as well, and the slice may be sound and at work.
miss() {
  misses=$((misses + 1))
  say "a worker does not answer ($misses of 5)"
  [ "$misses" -ge 5 ] || return 0
  [ -n "$reached" ] ||
    fail "no worker of $name was ever reached from here, though it is ACTIVE:" \
      "check that your network lets SSH (port 22) out, the firewall lets it" \
      "in, and your key; $name was left as it is"
  misses=0
  crash "$name is out of reach"
  say "deleting $name, to ask for another"
  delete_slice || [ $? -ne 2 ] || exit 2
}
