#!/usr/bin/env bash
# Documented figures, by name, and the commands that make them.
#
#   launch/reproduce.sh                     the list
#   launch/reproduce.sh NAME ... [flags]    runs them, one after the other
#
#   --encoder=DIR      multilingual-e5-small, in Hugging Face's layout
#   --lareqa_dir=DIR   LAReQA's sets, with xquad-r/ and mlqa-r/ in it
#   --out=runs         where workdirs go
#   --seed=0           several: --seed=0 --seed=1 --seed=2
#   --dry_run          only print the commands
#
# A run that is there goes on where it stopped. Times are for two CPU cores.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=launch/common.sh
source "$here/common.sh"

encoder="" lareqa_dir="" out=runs
names=() seeds=()

# A line an experiment: its name | where its figures stand | how long it takes.
# Below it, indented, its commands. {run} is a workdir of its own for each seed;
# {NAME} is the flag --NAME, which has to be given then.
experiments() {
  cat <<'LIST'
quickstart | README, a first result | 3 min a seed
  {main} --config=configs/quickstart.py --workdir={run} --config.seed={seed}
quickstart_mono | README, monolingual batches only | 3 min a seed
  {main} --config=configs/quickstart.py --workdir={run} --config.seed={seed} --config.mix.cross=0
quickstart_cross | README, cross-lingual batches only | 3 min a seed
  {main} --config=configs/quickstart.py --workdir={run} --config.seed={seed} --config.mix.mono=0
mixtures | docs/results/quickstart.md, three mixtures, three seeds | 30 min
  {main} --config=configs/quickstart.py --workdir={run}/hybrid_0 --config.seed=0 --config.evaluate.ann=False --config.evaluate.dev= --config.evaluate.every=0 --config.system=hybrid
  {main} --config=configs/quickstart.py --workdir={run}/mono_0 --config.seed=0 --config.evaluate.ann=False --config.evaluate.dev= --config.evaluate.every=0 --config.system=X-X --config.mix.cross=0
  {main} --config=configs/quickstart.py --workdir={run}/cross_0 --config.seed=0 --config.evaluate.ann=False --config.evaluate.dev= --config.evaluate.every=0 --config.system=X-Y --config.mix.mono=0
  {main} --config=configs/quickstart.py --workdir={run}/hybrid_1 --config.seed=1 --config.evaluate.ann=False --config.evaluate.dev= --config.evaluate.every=0 --config.system=hybrid
  {main} --config=configs/quickstart.py --workdir={run}/mono_1 --config.seed=1 --config.evaluate.ann=False --config.evaluate.dev= --config.evaluate.every=0 --config.system=X-X --config.mix.cross=0
  {main} --config=configs/quickstart.py --workdir={run}/cross_1 --config.seed=1 --config.evaluate.ann=False --config.evaluate.dev= --config.evaluate.every=0 --config.system=X-Y --config.mix.mono=0
  {main} --config=configs/quickstart.py --workdir={run}/hybrid_2 --config.seed=2 --config.evaluate.ann=False --config.evaluate.dev= --config.evaluate.every=0 --config.system=hybrid
  {main} --config=configs/quickstart.py --workdir={run}/mono_2 --config.seed=2 --config.evaluate.ann=False --config.evaluate.dev= --config.evaluate.every=0 --config.system=X-X --config.mix.cross=0
  {main} --config=configs/quickstart.py --workdir={run}/cross_2 --config.seed=2 --config.evaluate.ann=False --config.evaluate.dev= --config.evaluate.every=0 --config.system=X-Y --config.mix.mono=0
  {main} --config=configs/quickstart.py --workdir={run}/compared --config.task=compare --config.compare.systems={run}/mono_0,{run}/mono_1,{run}/mono_2,{run}/cross_0,{run}/cross_1,{run}/cross_2,{run}/hybrid_0,{run}/hybrid_1,{run}/hybrid_2
e5_untrained | README, before training | 3 min
  {main} --config=configs/e5_small_lareqa.py --workdir={run} --config.encoder.path={encoder} --config.data.lareqa_dir={lareqa_dir} --config.task=evaluate
e5_hybrid | README, hybrid on real data | 9 min a seed
  {main} --config=configs/e5_small_lareqa.py --workdir={run} --config.encoder.path={encoder} --config.data.lareqa_dir={lareqa_dir} --config.seed={seed}
e5_mined | docs/hard_negatives.md, one mined negative | over 9 min a seed
  {main} --config=configs/e5_small_lareqa.py --workdir={run}/mining --config.encoder.path={encoder} --config.data.lareqa_dir={lareqa_dir} --config.task=mine --config.mine.languages=any
  {main} --config=configs/e5_small_lareqa.py --workdir={run}/training --config.encoder.path={encoder} --config.data.lareqa_dir={lareqa_dir} --config.data.train={run}/mining/mined/mlqa_r.jsonl --config.loss.hard_negatives=1 --config.seed={seed}
export | docs/export.md, scored by sentence-transformers | 16 min
  {main} --config=configs/e5_small_lareqa.py --workdir={run} --config.encoder.path={encoder} --config.data.lareqa_dir={lareqa_dir}
  {main} --config=configs/e5_small_lareqa.py --workdir={run} --config.encoder.path={encoder} --config.data.lareqa_dir={lareqa_dir} --config.task=export --config.export.overwrite=True
  python bench/score_export.py --export={run}/export --results={run}/results.jsonl --benchmark=xquad_r --lareqa_dir={lareqa_dir}
search_languages | docs/search.md, languages of the top 10 | over 6 min
  {main} --config=configs/e5_small_lareqa.py --workdir={run} --config.encoder.path={encoder} --config.data.lareqa_dir={lareqa_dir} --config.task=train
  {main} --config=configs/e5_small_lareqa.py --workdir={run} --config.encoder.path={encoder} --config.data.lareqa_dir={lareqa_dir} --config.task=encode --config.encode.corpus=xquad_r
  python bench/search_languages.py --workdir={run} --lareqa_dir={lareqa_dir}
e5_benchmarks | docs/results/e5_small.md, six benchmarks untrained | 25 min
  {main} --config=configs/e5_small_lareqa.py --workdir={run} --config.encoder.path={encoder} --config.data.lareqa_dir={lareqa_dir} --config.task=evaluate --config.system=e5-small --config.evaluate.benchmarks=xquad_r,mlqa_r,xquad_r:paragraph,mlqa_r:paragraph,xquad_r:context,mlqa_r:context
trec_parity | docs/measures.md, AP beside trec_eval | 9 min
  python bench/trec_parity.py --e5={encoder} --lareqa={lareqa_dir} --benchmark=xquad_r
  python bench/trec_parity.py --e5={encoder} --lareqa={lareqa_dir} --benchmark=mlqa_r
studies | docs/studies.md, on real data | days
  {main} --config=configs/studies/paper.py --workdir={run} --config.encoder.path={encoder} --config.data.lareqa_dir={lareqa_dir}
  {main} --config=configs/studies/best_of_both.py --workdir={run} --config.encoder.path={encoder} --config.data.lareqa_dir={lareqa_dir}
  {main} --config=configs/studies/ratio.py --workdir={run} --config.encoder.path={encoder} --config.data.lareqa_dir={lareqa_dir}
  {main} --config=configs/studies/scaling.py --workdir={run} --config.encoder.path={encoder} --config.data.lareqa_dir={lareqa_dir}
study_world_facts | docs/studies.md, without downloads | 27 min
  {main} --config=configs/studies/world_facts.py --workdir={run}
paper | configs/paper.py: 45 GB of downloads, an accelerator; not yet run | days
  {main} --config=configs/paper.py --workdir={run}
parity | docs/parity.md | not timed
  python bench/parity.py --e5={encoder} --lareqa={lareqa_dir}
small_machines | docs/small_machines.md | not timed
  python bench/small_machines.py --encoder={encoder}
equality | docs/hosts.md, meshes and processes beside one device | 7 min
  python bench/equality.py
kills | docs/hosts.md, killed twenty times | 8 min
  env HYBRID_IR_KILLS=20 HYBRID_IR_MANY_KILLS=20 python -m pytest -q -s tests/tasks/test_kills.py tests/tasks/test_many_kills.py
batch_memory | docs/hosts.md, memory over the batch | 5 min
  python bench/batch_memory.py --hard_negatives=1 --dropout=.1
many_hosts | docs/search.md, 2 million vectors over four processes | not timed
  python bench/many_hosts.py
scaling | docs/scaling.md, the table of pods; extra tpu | hours
  python bench/scaling.py
performance | docs/performance.md, all its tables, rewritten | hours
  python bench/run.py --encoder={encoder} --lareqa_dir={lareqa_dir}
LIST
}

read_arguments() {
  local argument
  for argument in "$@"; do
    case "$argument" in
      --help) help_of "${BASH_SOURCE[0]}"; exit 0 ;;
      --dry_run) dry_run=1 ;;
      --encoder=*) encoder=$(absolute "${argument#*=}") ;;
      --lareqa_dir=*) lareqa_dir=$(absolute "${argument#*=}") ;;
      --out=*) out=${argument#*=} ;;
      --seed=*)
        need_number --seed "${argument#*=}"
        seeds+=("${argument#*=}")
        ;;
      -*) fail "unknown flag '$argument'; see --help" ;;
      *) names+=("$argument") ;;
    esac
  done
  [ ${#seeds[@]} -gt 0 ] || seeds=(0)
  out=$(absolute "$out")
}

# Commands run in the checkout, wherever this script was called.
absolute() {
  local folder
  folder=$(of_home "$1")
  case "$folder" in
    /* | '') printf '%s' "$folder" ;;
    *) printf '%s/%s' "$PWD" "$folder" ;;
  esac
}

list() {
  experiments |
    awk -F ' *[|] *' '/^[^ ]/ {printf "%-17s %-68s %s\n", $1, $2, $3}'
}

commands_of() { # NAME
  experiments | sed -n "/^$1 |/,/^[^ ]/{/^ /s/^ *//p;}"
}

# One command with its places filled in. Words are split first: a folder's name
# may hold blanks.
perform() { # NAME SEED COMMAND
  local word words=() seeded=""
  case "$(commands_of "$1")" in *'{seed}'*) seeded=_seed$2 ;; esac
  for word in $3; do
    case "$word" in
      *'{encoder}'*) [ -n "$encoder" ] || fail "$1 needs --encoder" ;;
      *'{lareqa_dir}'*) [ -n "$lareqa_dir" ] || fail "$1 needs --lareqa_dir" ;;
    esac
    word=${word//'{encoder}'/"$encoder"}
    word=${word//'{lareqa_dir}'/"$lareqa_dir"}
    word=${word//'{run}'/"$out/$1$seeded"}
    word=${word//'{seed}'/"$2"}
    case "$word" in
      '{main}') words+=(python -m hybrid_ir.main) ;;
      *) words+=("$word") ;;
    esac
  done
  run "${words[@]}" </dev/null
}

reproduce() { # NAME
  local seed commands command
  commands=$(commands_of "$1")
  for seed in "${seeds[@]}"; do
    say "== $1"
    while IFS= read -r command; do
      perform "$1" "$seed" "$command"
    done <<<"$commands"
    case "$commands" in *'{seed}'*) ;; *) break ;; esac
  done
}

read_arguments "$@"
if [ ${#names[@]} -eq 0 ]; then
  list
  exit 0
fi
for name in "${names[@]}"; do
  case "$name" in *[!a-z0-9_]*) fail "no experiment '$name'" ;; esac
  [ -n "$(commands_of "$name")" ] ||
    fail "no experiment '$name'; launch/reproduce.sh lists them"
done
cd "$here/.."
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
for name in "${names[@]}"; do
  reproduce "$name"
done
