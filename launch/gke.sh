#!/usr/bin/env bash
# A run on a TPU slice of a GKE cluster: fills in gke.yaml and applies it.
#
#   launch/gke.sh --name=N --image=IMAGE --accelerator=tpu-v5-lite-podslice
#     --topology=4x4 --hosts=4 --config=FILE --workdir=gs://B/RUN
#     [--config.KEY=VALUE ...]
#
#   --chips=4                  of each host
#   --spot                     on a spot node pool
#   --retries=3                crashes, dead and late hosts that are tried again
#   --service_account=default  of Kubernetes; it has to write to the bucket
#   --claim=NAME               for --workdir=/FOLDER/RUN: what is mounted at
#                              /FOLDER, a ReadWriteMany claim (Filestore)
#   --profiler_port=9012       of JAX's profiler on each host
#   --dry_run                  only print the manifest
#
# Each host mounts the bucket, by Cloud Storage FUSE's CSI driver.
# The image is launch/Dockerfile's. Follow the run with
#   kubectl logs -f job/N-host-0
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=launch/common.sh
source "$here/common.sh"

name="" image="" accelerator="" topology="" hosts="" config="" workdir=""
chips=4 spot="" retries=3 service_account=default claim="" profiler_port=9012
flags=() words=() numbers=()
folder="" bucket="" mount="" gcsfuse=false

read_flags() {
  local argument
  for argument in "$@"; do
    case "$argument" in
      --help) help_of "${BASH_SOURCE[0]}"; exit 0 ;;
      --dry_run) dry_run=1 ;;
      --spot) spot=1 ;;
      --config.*=*) flags+=("$argument") ;;
      --name=* | --image=* | --accelerator=* | --topology=* | --hosts=* | \
        --config=* | --workdir=* | --chips=* | --retries=* | \
        --service_account=* | --profiler_port=* | --claim=*)
        printf -v "$(expr "$argument" : '--\([a-z_]*\)=')" '%s' "${argument#*=}"
        ;;
      *) fail "unknown argument '$argument'; see --help" ;;
    esac
  done
  need_shared "$workdir"
  set_volume
  words=(
    "name=$name" "image=$image" "accelerator=$accelerator"
    "topology=$topology" "config=$config" "service_account=$service_account"
    "workdir=$workdir" "claim=${claim:-none}"
  )
  numbers=(
    "hosts=$hosts" "chips=$chips" "retries=$retries"
    "profiler_port=$profiler_port"
  )
  local pair
  for pair in "${words[@]}"; do
    case "${pair#*=}" in
      '') fail "--${pair%=} is missing; see --help" ;;
      *[!A-Za-z0-9._/:@-]*)
        fail "--$pair: expected letters, digits and . _ / : @ - alone" ;;
    esac
  done
  for pair in "${numbers[@]}"; do
    need_number "--${pair%%=*}" "${pair#*=}"
  done
}

# Where the workdir is in a host: below a bucket, or below a claim.
set_volume() {
  case "$workdir" in
    gs://*)
      [ -z "$claim" ] || fail "--claim=$claim: --workdir=$workdir is a bucket's"
      folder=/buckets/${workdir#gs://}
      bucket=${workdir#gs://} bucket=${bucket%%/*}
      mount=/buckets/$bucket gcsfuse=true
      ;;
    /*/?*)
      [ -n "$claim" ] || fail "--workdir=$workdir: name the volume claim to" \
        "mount there, which all hosts share (--claim=NAME)"
      folder=$workdir
      mount=${workdir#/} mount=/${mount%%/*}
      ;;
    *) fail "--workdir=$workdir: expected /FOLDER/RUN, the claim at /FOLDER" ;;
  esac
}

# Hosts have to see at once what another one wrote: no metadata is cached, which
# on TPU machines it is for ever.
volume_lines() {
  if [ -n "$claim" ]; then
    cat <<LINES
                  persistentVolumeClaim:
                    claimName: $claim
LINES
    return
  fi
  local options=implicit-dirs,rename-dir-limit=200000
  options=$options,metadata-cache:ttl-secs:0,metadata-cache:negative-ttl-secs:0
  cat <<LINES
                  csi:
                    driver: gcsfuse.csi.storage.gke.io
                    volumeAttributes:
                      bucketName: "$bucket"
                      mountOptions: "$options"
LINES
}

# A flag as a line of the manifest's list. YAML's quotes are JSON's.
item() {
  local text=${1//\\/\\\\}
  text=${text//$'\n'/\\n}
  printf '                    - "%s"\n' "${text//\"/\\\"}"
}

spot_lines() {
  [ -n "$spot" ] || return 0
  cat <<'LINES'
                cloud.google.com/gke-spot: "true"
              tolerations:
                - key: cloud.google.com/gke-spot
                  operator: Equal
                  value: "true"
                  effect: NoSchedule
LINES
}

fill_in() {
  local line pair flag
  while IFS= read -r line; do
    case "$line" in
      '{{spot}}') spot_lines ;;
      '{{volume}}') volume_lines ;;
      '{{flags}}')
        for flag in "--config=$config" "--workdir=$folder" \
          --config.mesh.distributed=True ${flags[@]+"${flags[@]}"}; do
          item "$flag"
        done
        ;;
      *)
        for pair in "${words[@]}" "${numbers[@]}" \
          "mount=$mount" "gcsfuse=$gcsfuse"; do
          line=${line//"{{${pair%%=*}}}"/"${pair#*=}"}
        done
        printf '%s\n' "$line"
        ;;
    esac
  done <"$here/gke.yaml"
}

read_flags "$@"
if [ -n "$dry_run" ]; then
  fill_in
else
  command -v kubectl >/dev/null || fail "kubectl is not installed"
  fill_in | kubectl apply -f -
  say "a pod that stays in ContainerCreating cannot mount its volume; see" \
    "kubectl describe pod -l jobset.sigs.k8s.io/jobset-name=$name"
  [ -n "$claim" ] || say "then check the name of the bucket $bucket, and that" \
    "the service account $service_account has roles/storage.objectUser on it"
fi
