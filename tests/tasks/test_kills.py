"""Many times kill -9: nothing is lost.

A life is one command. The first kills are aimed at a stage each; the moments of
the others are drawn by chance. HYBRID_IR_KILLS asks for more than four, and
`pytest -s` says where they fell.
"""

import json
import os
import subprocess
import sys

from .several import environment

KILLS = int(os.environ.get("HYBRID_IR_KILLS", "4"))
# Stage -> what then stands in the stack. The first that does counts; a save has
# threads of its own, and is told by its folder.
STAGES = {
  "tokenization": ["hybrid_ir/data/corpus.py"],
  "encode": ["hybrid_ir/retrieval/shards.py"],
  "evaluation": ["hybrid_ir/retrieval/", "hybrid_ir/evaluation/"],
  "a step": ["hybrid_ir/training/loop.py"],
  "the start": ["hybrid_ir/"],
}
AIMS = ("tokenization", "save", "encode", "evaluation")
PARENT = """
import json, pathlib, random, sys, time
from collections import Counter
from forking import end_of, fork, kill, stack

commands, kills, stages, aims, log = json.loads(sys.argv[1])
aims *= max(1, kills // (2 * len(aims)))  # half of the kills, or nearly
rng = random.Random(0)

def stage_of(workdir):
  text = stack()
  if any(workdir.glob("checkpoints/*tmp*")):
    return "save"
  for stage, signs in stages.items():
    if any(sign in text for sign in signs):
      return stage
  return "the end"

def end_and_place(command, seconds, aim):
  workdir = pathlib.Path(command[2].partition("=")[2])
  # Killed after some seconds, or, with an aim, when it is first seen there.
  child, found = fork(command, log), ""
  while True:
    end = end_of(child, 0.005 if aim else seconds, kill_it=False)
    if end is not None:
      return end, ""
    found = stage_of(workdir)
    if not aim or found == aim:
      time.sleep(rng.uniform(0, 0.02) if aim else 0)
      return kill(child), found

# Two workdirs' commands are not killed. The first compiles; the second says how
# long a life is.
lengths, ends, places = [], [], Counter()
for command in commands[0] + commands[1]:
  begun = time.monotonic()
  ends.append(end_of(fork(command, log), 300))
  lengths.append(time.monotonic() - begun)
for workdir in commands[2:]:
  if places.total() == kills:
    break
  for encodes, (command, length) in enumerate(zip(workdir, lengths[2:])):
    chance = True  # one kill by chance of a command: the later lives are short
    while True:
      mine = [aim for aim in aims if (aim == "encode") == encodes]
      seconds = 300
      if not mine and chance and places.total() + len(aims) < kills:
        seconds, chance = rng.uniform(0, 0.8 * length), False
      end, place = end_and_place(command, seconds, mine[0] if mine else "")
      if end != -9:
        ends.append(end)
        break
      if mine:
        aims.remove(place)
      places[place] += 1
print(json.dumps({"places": places, "ends": ends}))
"""


def test_kills_lose_nothing(
  make_config, write_config_file, tmp_path, assert_bitwise, steps_of
):
  corpus = tmp_path / "corpus.jsonl"
  lines = [{"id": str(i), "text": f"ort {i}"} for i in range(40)]
  corpus.write_text("".join(json.dumps(line) + "\n" for line in lines))
  changes = {
    "task": "train_and_evaluate",
    "train.steps": 12,
    "checkpoint.every": 2,
    "evaluate.dev": make_config().data.train[0],
    "evaluate.every": 6,
    "encode.corpus": str(corpus),
    "encode.language": "de",
    "encode.shard_size": 4,
  }
  workdirs = [tmp_path / f"run{i}" for i in range(2 + KILLS)]
  commands = []
  for workdir in workdirs:
    config = write_config_file(
      # A cache of its own: the tokens are made anew, too.
      {**changes, "cache_dir": str(workdir) + "_cache"},
      workdir.with_suffix(".py"),
    )
    command = ["hybrid_ir", f"--config={config}", f"--workdir={workdir}"]
    commands.append([command, [*command, "--config.task=encode"]])
  done = subprocess.run(
    [
      *(sys.executable, "-c", PARENT),
      json.dumps([commands, KILLS, STAGES, AIMS, str(tmp_path / "log")]),
    ],
    env=environment(),
    capture_output=True,
    text=True,
    check=False,
  )
  assert done.returncode == 0, done.stderr
  found = json.loads(done.stdout.splitlines()[-1])
  log = (tmp_path / "log").read_text()
  places = found["places"]
  print(", ".join(f"{count} in {place}" for place, count in places.items()))
  assert sum(places.values()) == KILLS
  assert set(AIMS) <= set(places)
  assert set(found["ends"]) == {0}, f"{found}, {log}"
  whole = workdirs[0]
  last = max(steps_of(whole))
  shards = sorted((whole / "index").glob("*.npy"))
  assert shards
  for workdir in workdirs[1 : len(found["ends"]) // 2]:
    assert max(steps_of(workdir)) == last
    assert_bitwise(whole, workdir, last)
    for shard in shards:
      twin = workdir / "index" / shard.name
      assert twin.read_bytes() == shard.read_bytes()
