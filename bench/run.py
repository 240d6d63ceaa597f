"""Runs the scripts here and puts their tables into docs/performance.md.

    python bench/run.py --encoder=FOLDER --lareqa_dir=FOLDER

--only=training,encoding runs these alone; --set="encoding=--share=1" gives a
script more arguments than SCRIPTS does.

FOLDER: multilingual-e5-small in Hugging Face's layout; LAReQA's sets. What a
script prints stands between `<!-- bench:NAME -->` and `<!-- end -->`, under the
machine, the versions, the command and the day; all other text stays. Run it on
a machine that does nothing else: all of it takes hours.
"""

import argparse
import datetime
import importlib.metadata
import os
import pathlib
import platform
import re
import shlex
import subprocess
import sys

from hybrid_ir.files import write_aside
from hybrid_ir.studies.machine import host

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "performance.md"
# Name -> which of this script's own options it takes, and its arguments.
SCRIPTS = {
  "matrix": ((), ("--rounds=5",)),
  "training": (("encoder", "lareqa_dir", "cache_dir"), ("--steps=6",)),
  "encoding": (("encoder", "lareqa_dir", "cache_dir"), ("--share=.1",)),
  "input": ((), ("--sizes=100000,1000000,10000000", "--step_pairs_per_s=32")),
  "startup": ((), ()),
  "search": (("encoder", "lareqa_dir"), ("--share=.5",)),
  "ranks": ((), ("--rounds=5",)),
  "growth": ((), ()),
}
_PACKAGES = (
  *("jax", "numpy", "scann", "torch", "sentence-transformers"),
  *("transformers", "faiss-cpu"),
)


def versions() -> str:
  """What is installed of what matters for speed."""
  installed = {
    d.metadata["Name"].lower() for d in importlib.metadata.distributions()
  }
  packages = [
    f"{name} {importlib.metadata.version(name)}"
    for name in _PACKAGES
    if name in installed
  ]
  return ", ".join([f"Python {platform.python_version()}", *packages])


def replace(page: str, name: str, block: str) -> str:
  """A page with a script's block between its markers.

  Raises:
    ValueError: the page has no such place, or several.
  """
  pattern = re.compile(
    rf"(<!-- bench:{re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL
  )
  page, count = pattern.subn(lambda m: f"{m[1]}{block}\n{m[2]}", page)
  if count != 1:
    raise ValueError(
      f"{count} places <!-- bench:{name} --> ... <!-- end -->; expected one"
    )
  return page


def run(name: str, arguments: list[str], shown: list[str]) -> str:
  """A script's block: where, with what and when it ran; what it printed.

  Args:
    name: of the script.
    arguments: that it gets.
    shown: the same, as a reader would give them.
  """
  done = subprocess.run(
    [sys.executable, str(ROOT / "bench" / f"{name}.py"), *arguments],
    # The checkout is measured, whatever is installed.
    env={**os.environ, "PYTHONPATH": str(ROOT)},
    capture_output=True,
    text=True,
  )
  if done.returncode:
    sys.exit(f"{name} failed:\n{done.stderr[-4000:]}")
  command = shlex.join(["python", f"bench/{name}.py", *shown])
  today = datetime.date.today().isoformat()
  where = f"{host()}; {versions()}; {today}."
  return f"```\n{command}\n```\n\n{where}\n\n{done.stdout.strip()}\n"


def main() -> None:
  """Runs the scripts one by one; the page is written after each."""
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument("--encoder", required=True)
  parser.add_argument("--lareqa_dir", required=True)
  parser.add_argument("--cache_dir", default="~/.cache/hybrid_ir")
  parser.add_argument("--only", default=",".join(SCRIPTS), help="by commas")
  parser.add_argument(
    "--set",
    action="append",
    default=[],
    metavar="NAME=ARGUMENTS",
    help="more arguments of a script",
  )
  options = parser.parse_args()
  names = options.only.split(",")
  more = dict(given.split("=", 1) for given in options.set)
  if unknown := sorted({*names, *more} - SCRIPTS.keys()):
    parser.error(f"no script {unknown[0]!r}; there are {', '.join(SCRIPTS)}")
  for name in names:
    print(f"{name} ...", file=sys.stderr, flush=True)
    keys, arguments = SCRIPTS[name]
    own = [*arguments, *shlex.split(more.get(name, ""))]
    given = [f"--{key}={getattr(options, key)}" for key in keys]
    # The page is public: a folder stands there by its role.
    shown = [f"--{key}={key.upper()}" for key in keys]
    block = run(name, [*given, *own], [*shown, *own])
    page = replace(PAGE.read_text(encoding="utf-8"), name, block)
    with write_aside(PAGE) as aside:
      aside.write_text(page, encoding="utf-8")


if __name__ == "__main__":
  main()
