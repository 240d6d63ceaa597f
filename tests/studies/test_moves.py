"""Whether a change moves hybrid's distance: tests, table and sentences."""

import re

import numpy as np
import pytest

from hybrid_ir.studies.grid import make_cells
from hybrid_ir.studies.moved import distances, moved
from hybrid_ir.studies.reading import read_outcome

from .scored_runs import QUESTIONS, write_run

AXES = {
  "batches": {
    "hybrid": {},
    "X-X": {"mix.cross": 0.0},
    "X-Y": {"mix.mono": 0.0},
    "alpha .75": {"mix.mono": 0.75, "mix.cross": 0.25},
  },
  "changed": {
    "nothing": {},
    "batch": {"train.batch_size": 16},
    "mask": {"loss.mask_groups": False},
  },
}
# (batches, changed) -> mono MAP. Where nothing is changed hybrid is .1 below.
LEVELS = {
  ("hybrid", "nothing"): 0.5,
  ("X-X", "nothing"): 0.6,
  ("hybrid", "batch"): 0.75,  # both gain, hybrid by .05 more
  ("X-X", "batch"): 0.8,
  ("hybrid", "mask"): 0.4,  # both lose alike
  ("X-X", "mask"): 0.5,
  ("X-Y", "nothing"): 0.3,
  ("X-Y", "batch"): 0.3,
  ("X-Y", "mask"): 0.3,
  ("alpha .75", "nothing"): 0.9,
  ("alpha .75", "batch"): 0.1,
  ("alpha .75", "mask"): 0.5,
}


@pytest.fixture
def read(make_study, tmp_path):
  """Seeds (spread over them, those that are not run) -> the outcome."""

  def read(seeds=(0, 1), spread=0.0, lacking=(), **keys):
    config = make_study(
      AXES,
      seeds=seeds,
      study__measures=("map", "rank_distance"),
      compare__resamples=2000,
      evaluate__benchmarks=("towns.jsonl",),
      **keys,
    )
    cells = make_cells(config, tmp_path)
    draws = np.random.default_rng(0)
    for cell in cells:
      level = LEVELS[tuple(cell.labels.values())]
      hard = np.random.default_rng(1).uniform(-0.1, 0.1, 2 * QUESTIONS)
      noise = draws.normal(0, 0.01, 2 * QUESTIONS)
      if cell.folder.exists() or (*cell.labels.values(), cell.seed) in lacking:
        continue
      write_run(cell, level + hard + noise + spread * (cell.seed - 0.5))
    return read_outcome(config, cells)

  return read


def test_what_moves_and_what_does_not(read):
  [one] = read().benchmarks
  # Mono is held against X-X alone; figures in cross and multi there are none.
  batch, mask = one.moved
  assert (batch.hybrid, batch.other) == ("hybrid, batch", "X-X, batch")
  assert (batch.as_it_is, batch.other_as_it_is) == (
    *("hybrid, nothing", "X-X, nothing"),
  )
  assert batch.value == pytest.approx(0.05, abs=0.01)
  assert batch.low < batch.value < batch.high
  assert batch.significant
  assert mask.hybrid == "hybrid, mask"
  assert mask.value == pytest.approx(0, abs=0.01)
  assert not mask.significant
  # Holm's correction is over the two.
  assert batch.p_holm == pytest.approx(2 * batch.p)
  assert mask.p_holm == mask.p


def test_a_run_of_more_settings_is_tested_where_all_were_scored(read, tmp_path):
  before = read().benchmarks[0].moved
  path = min(tmp_path.glob("cells/*/details/towns.npz"))
  with np.load(path) as file:
    arrays = dict(file)
  arrays["values"][:, :, 2] = 0.5  # in the pool of all
  np.savez(path, **arrays)
  assert read().benchmarks[0].moved == before


def test_they_are_told(read):
  outcome = read()
  [(table, [batch, mask])] = moved(outcome)
  cells = dict(zip(table.heads, table.rows[0], strict=True))
  assert (cells["arm"], cells["hybrid minus"]) == ("hybrid, batch", "X-X")
  assert float(cells["as it is"]) == pytest.approx(-0.1, abs=0.01)
  assert float(cells["changed"]) == pytest.approx(-0.05, abs=0.01)
  assert cells["verdict"] == "hybrid gains"
  assert batch.text.startswith(
    f"On towns, mono MAP of hybrid minus X-X is {cells['as it is']} as it is"
    f" (hybrid, nothing) and {cells['changed']} with hybrid, batch: moved by"
    f" {cells['moved by']} {cells['interval']}, p (Holm)"
  )
  assert batch.text.endswith(": hybrid gains.")
  assert mask.text.endswith(": within noise.")
  assert batch.source == f"{table.name}, row hybrid, batch, mono MAP"


@pytest.mark.parametrize(
  ("seeds", "spread", "words"),
  [
    ((0,), 0.0, "hybrid gains over questions; by one seed, so others"),
    ((0, 1), 0.2, "hybrid gains over questions, but not beyond the seeds"),
  ],
)
def test_seeds_are_told(read, seeds, spread, words):
  [(_, [batch, _])] = moved(read(seeds, spread))
  assert words in batch.text


def test_they_are_of_the_seeds_that_all_four_have(read):
  # X-X would be .5 lower, were its seed 0 held against others' mean.
  outcome = read((0, 1), 1.0, lacking={("X-X", "batch", 1)})
  [one] = outcome.benchmarks
  batch, mask = one.moved
  assert batch.value == pytest.approx(0.05, abs=0.01)
  [(table, [said, _])] = moved(outcome)
  first, second = (
    dict(zip(table.heads, row, strict=True)) for row in table.rows
  )
  assert (first["seeds"], second["seeds"]) == ("1", "2")
  assert float(first["as it is"]) == pytest.approx(-0.1, abs=0.01)
  assert float(first["changed"]) == pytest.approx(-0.05, abs=0.01)
  assert "by one seed" in said.text
  assert mask.value == pytest.approx(0, abs=0.01)


def test_four_that_share_no_seed_are_named(read):
  lacking = {("X-X", "batch", 1), ("hybrid", "batch", 0)}
  [one] = read((0, 1), lacking=lacking).benchmarks
  [mask] = one.moved
  assert mask.hybrid == "hybrid, mask"
  assert (
    "hybrid, batch: no test of how far it moved from X-X, batch, as no seed of"
    " both, of hybrid, nothing and of X-X, nothing is done"
  ) in one.notes


def test_what_is_as_it_is_follows_what_is_left_out(read):
  outcome = read(study__only=("changed=batch", "changed=mask"))
  [one] = outcome.benchmarks
  [mask] = one.moved
  assert (mask.hybrid, mask.as_it_is) == ("hybrid, mask", "hybrid, batch")


def test_without_a_change_there_is_none(read):
  outcome = read(study__only=("changed=nothing",))
  assert outcome.benchmarks[0].moved == ()
  assert not [*moved(outcome)]


def test_the_picture_has_what_was_tested(read):
  outcome = read(study__against=("batches=X-X",))
  [plot] = distances(outcome)
  assert plot.name == "distance-towns-map"
  # As it is, and with each of two changes.
  texts = re.findall(r">([^<>]+)</text>", plot.svg)
  rows = [text for text in texts if text.startswith("hybrid, ")]
  assert rows == ["hybrid, nothing", "hybrid, batch", "hybrid, mask"]
  assert "mono, minus X-X" in texts
  # Without a test there is no interval to show.
  assert not [*distances(read(study__against=("batches=alpha .75",)))]
