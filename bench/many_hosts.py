"""Prints whether many processes find what one finds, and in what time.

    python bench/many_hosts.py [--size=2000000] [--processes=4]

The corpus is synthetic: unit vectors of 128 normal numbers, of length 1; shard
i is drawn with seed i. The processes run here, side by side, as hosts would:
they write the index together, each its own shards, then search it, exactly and
with a ScaNN each, for the 10 best of 256 queries. One process does the same
afterwards, in a folder of its own. Its files and exact answers must be theirs
to the last bit, else this ends with an error; ScaNN's have a recall.

Times are of a second search, in batches of 64 queries. All share this
machine's cores, so that no gain is to be seen where one process uses them all.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import sys
import tempfile
import time
from collections.abc import Callable, Iterator

import numpy as np
import side_by_side
from turns import table

WIDTH, DEPTH, QUERIES = 128, 10, 256


def run_part(folder: pathlib.Path, size: int, shard_size: int) -> None:
  """What each process does; the first one writes FOLDER/answers.json."""
  import jax

  if "JAX_COORDINATOR_ADDRESS" in os.environ:
    jax.distributed.initialize(
      os.environ["JAX_COORDINATOR_ADDRESS"],
      int(os.environ["JAX_NUM_PROCESSES"]),
      int(os.environ["JAX_PROCESS_ID"]),
    )
  from jax.experimental.multihost_utils import sync_global_devices

  from hybrid_ir.retrieval import approximate, parts, shards
  from hybrid_ir.retrieval import index as index_lib

  part, count = jax.process_index(), jax.process_count()
  seconds = {}

  @contextlib.contextmanager
  def timed(name: str) -> Iterator[None]:
    sync_global_devices(name)
    start = time.perf_counter()
    yield
    sync_global_devices(f"{name} done")
    seconds[name] = time.perf_counter() - start

  with timed("write"):
    write(folder, size, shard_size, part, count, sync_global_devices)
  index = shards.open_index(folder / shards.FOLDER)
  queries = draw(10**9, QUERIES)

  def exact(queries: np.ndarray) -> index_lib.Places:
    return index_lib.best(index, queries, DEPTH, (), part, count)

  with timed("build ScaNN"):
    near = approximate.build(index, DEPTH, (), part, count)
  answers = {}
  for name, find in {"exact": exact, "ScaNN": near}.items():
    for turn in ("first", name):
      with timed(turn):
        if part:
          parts.answer(find, WIDTH)
          continue
        hits = []
        with parts.asked(find) as ask:
          for start in range(0, QUERIES, parts.QUERIES):
            some = ask(queries[start : start + parts.QUERIES])
            hits += index_lib.read(index, some, DEPTH)
        answers[name] = [[dataclasses.asdict(h) for h in one] for one in hits]
  if not part:
    content = {"seconds": seconds, "answers": answers}
    (folder / "answers.json").write_text(json.dumps(content))


def draw(seed: int, count: int) -> np.ndarray:
  """[count, WIDTH] float32, of length 1."""
  rng = np.random.default_rng(seed)
  vectors = rng.standard_normal((count, WIDTH), np.float32)
  return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def write(
  folder: pathlib.Path,
  size: int,
  shard_size: int,
  part: int,
  count: int,
  wait: Callable[[str], None],
) -> None:
  """Writes a process's shards; a passage's text is its number."""
  from hybrid_ir.data.passages import Passage
  from hybrid_ir.retrieval import shards
  from hybrid_ir.retrieval.origin import Origin

  plan = shards.Plan(
    Origin({}, "", WIDTH), "", "normal", {"en": size}, "float32", shard_size
  )
  index = folder / shards.FOLDER
  if not part:
    shards.start(index, plan)
  wait("begun")

  def passages(number: int) -> list[Passage]:
    start = number * shard_size
    stop = min(start + shard_size, size)
    return [Passage(f"{i:08d}", "en", str(i)) for i in range(start, stop)]

  def embed(texts: list[str], number: int) -> np.ndarray:
    vectors = draw(number, shard_size)
    return vectors[[int(text) - number * shard_size for text in texts]]

  mine = ((n, passages(n)) for n in range(part, plan.shards, count))
  for _ in shards.write_shards(index, plan, mine, embed):
    pass
  wait("written")
  if not part:
    shards.finish(index, plan)
  wait("finished")


def run(
  folder: pathlib.Path, options: argparse.Namespace, count: int
) -> dict[str, dict]:
  """Starts processes, waits for them; what the first one found."""
  folder.mkdir()
  arguments = [f"--size={options.size}", f"--shard_size={options.shard_size}"]
  side_by_side.run(
    [
      *(sys.executable, str(pathlib.Path(__file__).resolve())),
      *(*arguments, f"--folder={folder}"),
    ],
    count,
    {},
    pathlib.Path.cwd(),
  )
  found: dict[str, dict] = json.loads((folder / "answers.json").read_text())
  return found


def same_files(one: pathlib.Path, other: pathlib.Path) -> bool:
  """Whether two indexes have the same files, byte for byte."""
  names = [sorted(p.name for p in path.iterdir()) for path in (one, other)]
  return names[0] == names[1] and all(
    (one / name).read_bytes() == (other / name).read_bytes()
    for name in names[0]
  )


def recall(found: list, exact: list) -> float:
  """Share of the exact lists that was found."""
  shares = [
    len({hit["id"] for hit in a} & {hit["id"] for hit in b}) / len(b)
    for a, b in zip(found, exact, strict=True)
  ]
  return float(np.mean(shares))


def main() -> None:
  """Runs many processes, then one, and compares."""
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument("--size", type=int, default=2_000_000, help="vectors")
  parser.add_argument("--shard_size", type=int, default=50_000, help="vectors")
  parser.add_argument("--processes", type=int, default=4, help="side by side")
  parser.add_argument("--folder", help="of a process that this script started")
  options = parser.parse_args()
  if options.folder:
    run_part(pathlib.Path(options.folder), options.size, options.shard_size)
    return
  counts = (options.processes, 1)
  with tempfile.TemporaryDirectory() as name:
    folders = [pathlib.Path(name) / str(count) for count in counts]
    many, one = (
      run(folder, options, count)
      for folder, count in zip(folders, counts, strict=True)
    )
    files = same_files(*(folder / "index" for folder in folders))
  exact = one["answers"]["exact"]
  same = many["answers"]["exact"] == exact
  steps = ("write", "exact", "build ScaNN", "ScaNN")
  lines = [
    [
      str(count),
      *(f"{found['seconds'][step]:,.2f}" for step in steps),
      f"{recall(found['answers']['ScaNN'], exact):.3f}",
    ]
    for count, found in zip(counts, (many, one), strict=True)
  ]
  head = [f"{options.size:,} vectors: processes"]
  head += [*(f"{step}, s" for step in steps), f"ScaNN's recall@{DEPTH}"]
  print(table(head, lines))
  print(
    f"\nThe same files: {'yes' if files else 'NO'}. The same {DEPTH} passages"
    f" and scores of {QUERIES} queries, exact search, to the last bit:"
    f" {'yes' if same else 'NO'}."
  )
  if not (files and same):
    sys.exit(1)


if __name__ == "__main__":
  main()
