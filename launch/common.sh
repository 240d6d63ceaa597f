# shellcheck shell=bash
# What the scripts here share. Written for bash 3.2, which macOS still has.

# Set by each script where it is given --dry_run.
dry_run=""

say() { printf '%s\n' "$*" >&2; }

# What the user can mend ends with 2, as in hybrid_ir.main.
fail() {
  printf 'error: %s\n' "$*" >&2
  exit 2
}

# The words, as a shell would read them back.
quoted() {
  printf '%q' "$1"
  shift
  while [ $# -gt 0 ]; do
    printf ' %q' "$1"
    shift
  done
}

# Runs a command, or with --dry_run prints it.
run() {
  if [ -n "$dry_run" ]; then
    quoted "$@"
    printf '\n'
  else
    "$@"
  fi
}

# The comment at the head of a script is its help.
help_of() { sed -n '2,/^[^#]/{/^#/!q;s/^# \{0,1\}//;p;}' "$1"; }

# A folder whose `~` bash left alone, as it does after --FLAG=.
of_home() { # FOLDER
  case "$1/" in
    [~]/*) printf '%s%s' "$HOME" "${1#[~]}" ;;
    *) printf '%s' "$1" ;;
  esac
}

need_number() { # FLAG VALUE
  case "$2" in
    '' | *[!0-9]* | 0?*) fail "$1=$2: expected a whole number" ;;
  esac
}

# Every host writes there, and a host that comes later has to find it.
need_shared() { # VALUE
  local bucket='^gs://[a-z0-9][a-z0-9._-]+/[^/]'
  [ -n "$1" ] ||
    fail "--workdir is missing; a folder in a bucket: gs://BUCKET/RUN"
  if [[ $1 =~ $bucket ]] || [[ $1 == /[!/]* ]]; then
    case "$1/" in
      */../*) ;;
      *) return ;;
    esac
  fi
  fail "--workdir=$1: expected a folder in a bucket (gs://BUCKET/RUN), or the" \
    "absolute path of one that every host has mounted (/FOLDER/RUN)"
}
