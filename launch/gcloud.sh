# shellcheck shell=bash
# gcloud's commands on one slice, and its errors in words. For tpu_vm.sh.
#
# A function ends with 2 where the user can mend it (and has said how), with
# $ABSENT where there is no such slice, and with 1 where trying again may help.
: "${name?}" "${zone?}" "${project?}" "${type?}" "${runtime?}" "${spot?}"
ABSENT=4

# gcloud, its output passed on; what it says beside that only if it fails.
cloud() {
  local status=0 errors
  if [ -n "$dry_run" ]; then
    run gcloud "$@" "--zone=$zone" ${project:+"--project=$project"}
    return
  fi
  errors=$(mktemp)
  gcloud "$@" "--zone=$zone" ${project:+"--project=$project"} \
    </dev/null 2>"$errors" || status=$?
  if [ "$status" -ne 0 ]; then
    explain "$status" "$(cat "$errors")" "$4" || status=$?
  fi
  rm -f "$errors"
  return "$status"
}

# Says what an error of gcloud's asks of the user.
explain() { # EXIT_CODE TEXT VERB
  local own=$2 code=2
  case "$3" in
    # There the text has the words of the workers' commands, too.
    ssh | scp) own=$(printf '%s\n' "$2" | grep '^ERROR: (gcloud' || true) ;;
  esac
  case "$own" in
    # Without a network gcloud advises to log in; and calls that come too often
    # have a quota, as machines have.
    *"Max retries exceeded"* | *"Unable to find the server"* | *"per minute"*)
      as_said "$@"; return ;;
    *NOT_FOUND* | *"was not found"*)
      [ "$3" != describe ] || return "$ABSENT"
      # Of what is to be created only the place can be missing.
      [ "$3" = create ] || code=$ABSENT
      say "error: not found: check --name=$name, --zone=$zone and --project," \
        "and with launch/tpu_vm.sh status whether the slice was asked for" ;;
    *"active account"* | *"auth login"* | *eauthentication*)
      say "error: not logged in to Google Cloud; run: gcloud auth login" ;;
    *SERVICE_DISABLED* | *"API has not been used"*)
      say "error: the project has no TPU API; run:" \
        "gcloud services enable tpu.googleapis.com" ;;
    *PERMISSION_DENIED* | *"does not have permission"*)
      say "error: this account may not do that in the project; ask for the" \
        "role roles/tpu.admin, or name another project (--project)" ;;
    *[Qq]uota*)
      say "error: no quota for --type=$type in $zone; --spot has a quota of" \
        "its own, other zones too; more can be asked for at" \
        "https://console.cloud.google.com/iam-admin/quotas" ;;
    *ALREADY_EXISTS* | *"already exists"*)
      say "error: $name exists in $zone: delete it, or take another --name" ;;
    *) as_said "$@"; return ;;
  esac
  # What gcloud said itself, of which the end tells most.
  printf '%s\n' "$2" | grep -v '^ *$' | tail -n 3 | sed 's/^/  gcloud: /' >&2
  return "$code"
}

as_said() { # EXIT_CODE TEXT
  say "$2"
  # gcloud's own code for wrong arguments, and our scripts' for mistakes.
  [ "$1" -eq 2 ] || return 1
  return 2
}

# What the queue says of the slice: ACTIVE, SUSPENDED, ..., or NONE.
slice_state() {
  local found status=0
  found=$(cloud compute tpus queued-resources describe "$name" \
    '--format=value(state.state)') || status=$?
  case "$status" in
    0) ;;
    "$ABSENT") found=NONE status=0 ;;
    *) found="" ;; # what came before it failed is no answer
  esac
  printf '%s' "$found"
  return "$status"
}

# Why the queue gave a slice up: 0 for want of room, 2 where the user has to do
# something, 1 where that is not known.
why_failed() {
  local text
  text=$(cloud compute tpus queued-resources describe "$name" \
    '--format=value(state.failedData.error.message)') || return
  case "$text" in
    '') return 1 ;;
    *capacity* | *"esources are not available"*) say "$text" ;;
    *) explain 1 "$text" create ;;
  esac
}

create_slice() {
  local image
  image=$(runtime_of) || return
  cloud compute tpus queued-resources create "$name" "--node-id=$name" \
    "--accelerator-type=$type" "--runtime-version=$image" \
    ${spot:+--spot}
}

# With --force the machines go with the request.
delete_slice() {
  cloud compute tpus queued-resources delete "$name" --force --quiet
}

# The image for a type, of https://docs.cloud.google.com/tpu/docs/runtimes
runtime_of() {
  case "$runtime,$type" in
    ,v5litepod-*) printf v2-alpha-tpuv5-lite ;;
    ,v5p-*) printf v2-alpha-tpuv5 ;;
    ,v6e-*) printf v2-alpha-tpuv6e ;;
    ,v[234]-*) printf tpu-ubuntu2204-base ;;
    ,*) fail "--type=$type: name its image with --runtime; there are those of" \
      "gcloud compute tpus tpu-vm versions list --zone=$zone" ;;
    *) printf '%s' "$runtime" ;;
  esac
}

# Runs a command on every worker; names those that cannot be reached.
on_all() { # COMMAND
  local status=0
  cloud compute tpus tpu-vm ssh "$name" --worker=all "--command=$1" || status=$?
  [ "$status" -ne 1 ] || name_unreachable
  return "$status"
}

name_unreachable() {
  local workers i
  workers=$(cloud compute tpus tpu-vm describe "$name" \
    '--format=value(networkEndpoints.len())' 2>/dev/null) || return 0
  for ((i = 0; i < ${workers:-0}; i++)); do
    cloud compute tpus tpu-vm ssh "$name" "--worker=$i" --command=true \
      >/dev/null 2>&1 || say "worker $i of $name cannot be reached"
  done
}

send() { # FILE TARGET
  cloud compute tpus tpu-vm scp "$1" "$name:$2" --worker=all
}
