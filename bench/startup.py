"""Prints how long commands take to start, each in new processes.

    python bench/startup.py [--runs=5]

Wall time of the command, but for training: there it is the time to the first
step, as its own line says, for configs/quickstart.py, whose tokens are cached;
"cold" has no compiled step in its cache, "warm" has what the run before it
compiled. A training ends after its first step. The median of --runs.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
QUICKSTART = f"--config={ROOT}/configs/quickstart.py"
FIRST = re.compile(
  r"first step after ([\d.]+) s \(imports and set-up ([\d.]+) s"
)
POINT = {
  **dict.fromkeys(("loss", "learning_rate", "tokens_per_s"), 1.0),
  "step": 1,
  "kind": "mono",
  "pairs_per_s": 1.0,
  "real_token_share": 1.0,
}


def command(folder, *arguments, code=0):
  """Runs it; gives seconds and what it printed."""
  start = time.perf_counter()
  done = subprocess.run(
    [sys.executable, "-m", "hybrid_ir.main", *arguments],
    cwd=folder,
    env=os.environ | {"PYTHONPATH": str(ROOT)},
    capture_output=True,
    text=True,
    check=False,
  )
  seconds = time.perf_counter() - start
  if done.returncode != code:
    raise SystemExit(done.stderr)
  return seconds, done.stdout


def train(folder):
  """Runs one step; gives (seconds to it, of which before its batch)."""
  shutil.rmtree(folder / "train", ignore_errors=True)
  _, output = command(
    folder,
    QUICKSTART,
    "--workdir=train",
    "--config.task=train",
    "--config.cache_dir=cache",
    "--config.train.steps=1",
    "--config.evaluate.every=0",
    "--config.evaluate.dev=",
  )
  return [float(x) for x in FIRST.search(output).groups()]


def write_inputs(folder):
  """A data set of ten lines, and a workdir with a line of metrics."""
  pairs = [
    {"id": str(i), "language": "en", "query": f"{i}?", "passage": f"{i}."}
    for i in range(10)
  ]
  text = "".join(json.dumps(pair) + "\n" for pair in pairs)
  (folder / "ten.jsonl").write_text(text)
  (folder / "report").mkdir()
  (folder / "report" / "metrics.jsonl").write_text(json.dumps(POINT) + "\n")


def main():
  """Measures, then prints the table."""
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument("--runs", type=int, default=5)
  runs = range(parser.parse_args().runs)
  task = (QUICKSTART, "--config.cache_dir=cache")
  check = (*task, "--workdir=check", "--config.task=check_data")
  report = (*task, "--workdir=report", "--config.task=report")
  with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    write_inputs(folder)
    check = (*check, "--config.data.train=ten.jsonl")
    rows = {
      "`--help`": [command(folder, "--help", code=1)[0] for _ in runs],
      "`check_data` of 10 lines": [command(folder, *check)[0] for _ in runs],
      "`report`": [command(folder, *report)[0] for _ in runs],
    }
    train(folder)  # builds the corpus
    cold = []
    for _ in runs:
      shutil.rmtree(folder / "cache" / "compiled")
      cold.append(train(folder))
    warm = [train(folder) for _ in runs]
  rows["first step, cold"], rows["its imports and set-up, cold"] = zip(
    *cold, strict=True
  )
  rows["first step, warm"], rows["its imports and set-up, warm"] = zip(
    *warm, strict=True
  )
  print("| | s |")
  print("|---|---|")
  for name, seconds in rows.items():
    print(f"| {name} | {statistics.median(seconds):.2f} |")


if __name__ == "__main__":
  main()
