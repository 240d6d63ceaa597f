# shellcheck shell=bash
# A worker's buckets as folders, by Cloud Storage FUSE. For worker.sh.
#
# They are mounted below the home of the user who runs the job: FUSE shows a
# mount to no other. They stay out of ~/hybrid_ir, parts of which are deleted.
buckets=$HOME/buckets

worker_number() { # hosts of a slice are named t1v-n-...-w-3
  local host
  host=$(hostname)
  printf '%s' "${host##*-w-}"
}

# What the user can mend; tpu_vm.sh knows these lines from gcloud's.
worker_fail() {
  printf 'error: worker %s: %s\n' "$(worker_number)" "$*" >&2
  exit 2
}

# As in https://cloud.google.com/storage/docs/cloud-storage-fuse/install, where
# it is missing or (as in old images) too old to know the options below.
install_gcsfuse() {
  local key=/usr/share/keyrings/cloud.google.asc
  local site=https://packages.cloud.google.com/apt
  case "$(gcsfuse --help 2>/dev/null)" in
    *--metadata-cache-negative-ttl-secs*) return ;; # the younger of the two
  esac
  {
    curl -fsSL "$site/doc/apt-key.gpg" | sudo tee "$key" &&
      echo "deb [signed-by=$key] $site gcsfuse-$(lsb_release -c -s) main" |
      sudo tee /etc/apt/sources.list.d/gcsfuse.list &&
      sudo apt-get update -qq &&
      # A machine that has just started may be installing its own updates.
      sudo apt-get install -qq -y -o DPkg::Lock::Timeout=300 gcsfuse
  } >/dev/null
}

# The folder that main is given for a bucket's.
folder_of() { # gs://BUCKET/PATH
  printf '%s/%s' "$buckets" "${1#gs://}"
}

# Mounts the bucket where it is not mounted yet, and makes the folder in it.
mount_folder() { # gs://BUCKET/PATH
  local bucket=${1#gs://} said status=0
  bucket=${bucket%%/*}
  local place=$buckets/$bucket
  if ! mountpoint -q "$place"; then
    # A mount whose gcsfuse was killed is in the way of a new one.
    fusermount -uz "$place" 2>/dev/null || true
    mkdir -p "$place"
    said=$(mktemp)
    # Hosts have to see at once what another one wrote: no metadata is cached,
    # which on TPU machines it is for ever. gcsfuse itself retries what passes.
    # To a file: a pipe would be held open by what it leaves running.
    timeout 120 gcsfuse --implicit-dirs --rename-dir-limit=200000 \
      --metadata-cache-ttl-secs=0 --metadata-cache-negative-ttl-secs=0 \
      "$bucket" "$place" </dev/null >"$said" 2>&1 || status=$?
    [ "$status" -eq 0 ] || tail -n 3 "$said" | sed 's/^/  gcsfuse: /' >&2
    rm -f "$said"
    [ "$status" -eq 0 ] || worker_fail "gs://$bucket cannot be mounted" \
      "(gcsfuse ended with $status): check the bucket's name, and that the" \
      "slice's service account has roles/storage.objectUser on it"
  fi
  mkdir -p "$(folder_of "$1")" || worker_fail "$1 cannot be written: check" \
    "that the slice's service account has roles/storage.objectUser on it"
}
