"""Runs that are done, of invented scores, on disk."""

import json

import numpy as np

from hybrid_ir.evaluation import query_values
from hybrid_ir.evaluation.query_values import QueryValues
from hybrid_ir.studies import state
from hybrid_ir.studies.state import State

LANGUAGES = ("de", "en")
QUESTIONS = 12


def write_run(cell, mono, in_details="0a1b", in_cell="", multi=None):
  """A done run on `towns`, whose mono values are `mono` [Q].

  The next two are fingerprints of what it was scored on; `multi` [Q] are values
  in the pool of all.
  """
  cell.folder.mkdir(parents=True)
  Q = 2 * QUESTIONS
  table = np.full((Q, 3), np.nan, np.float32)
  languages = np.repeat([0, 1], QUESTIONS).astype(np.int32)
  table[np.arange(Q), languages] = mono
  if multi is not None:
    table[:, 2] = multi
  query_values.write(
    cell.folder / "details/towns.npz",
    QueryValues(
      *("towns", "passage", cell.key, cell.seed, 5, LANGUAGES),
      tuple(f"{LANGUAGES[x]}:{i % QUESTIONS}" for i, x in enumerate(languages)),
      languages,
      {"map": table},
      fingerprint=in_details,
    ),
  )
  rows = [*_rows("mono", mono, languages)]
  if multi is not None:
    rows += _rows("multi", multi, languages)
  with (cell.folder / "results.jsonl").open("w") as file:
    for setting, query, passage, value in rows:
      row = {
        "system": cell.key,
        "seed": cell.seed,
        "benchmark": "towns",
        "unit": "passage",
        "setting": setting,
        "query_language": query,
        "passage_language": passage,
        "measure": "map",
        "value": float(value),
        "queries": Q,
        "dropped": 0,
        "candidates": 9,
        "step": 5,
        "search": "exact",
      }
      file.write(json.dumps(row) + "\n")
  state.add_evaluation(cell, "towns.jsonl", "towns", 1.0, in_cell)
  state.write(cell.folder, State(True, state.read(cell.folder).evaluated))


def _rows(setting, values, languages):
  """(setting, query language, passage language, mean), the macro mean last."""
  means = []
  for x, code in enumerate(LANGUAGES):
    means.append(values[languages == x].mean())
    yield setting, code, code if setting == "mono" else "all", means[-1]
  yield setting, "*", "*" if setting == "mono" else "all", np.mean(means)
