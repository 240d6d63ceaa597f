"""A comparison to compare.html and figures/. From task=compare's Comparison."""

import tqdm

from hybrid_ir.evaluation.comparison.figures import Comparison, System
from hybrid_ir.evaluation.report.compare.bias import bias_section
from hybrid_ir.evaluation.report.compare.differences import difference_section
from hybrid_ir.evaluation.report.compare.languages import (
  family_section,
  language_section,
  script_section,
)
from hybrid_ir.evaluation.report.compare.maps import map_section
from hybrid_ir.evaluation.report.compare.means import means_section
from hybrid_ir.evaluation.report.compare.queries import (
  Examples,
  Retrieved,
  example_section,
  query_section,
)
from hybrid_ir.evaluation.report.compare.view import labels
from hybrid_ir.evaluation.report.page import Page, Section
from hybrid_ir.evaluation.report.render import figure_files, to_html

# Sections that take a comparison alone; figures make some of them slow.
_DRAWN = (
  means_section,
  difference_section,
  map_section,
  language_section,
  script_section,
  family_section,
  bias_section,
)


def comparison_files(
  comparison: Comparison, examples: Examples, retrieved: Retrieved
) -> dict[str, bytes]:
  """The page and its figures, the same bytes for the same comparison.

  Args:
    comparison: all that is shown.
    examples: texts of queries and passages, where a run's details have them.
    retrieved: the same of the queries that a system wins.

  Returns:
    `compare.html`, `figures/NAME.svg` and `figures/NAME.png`, with contents.
  """
  page = Page(
    "Comparison of systems",
    (
      ("Baseline", comparison.baseline),
      *(_runs(system) for system in comparison.systems),
      (
        "Benchmarks",
        ", ".join(one.benchmark for one in comparison.benchmarks),
      ),
    ),
    (
      *(
        make(comparison)
        for make in tqdm.tqdm(_DRAWN, "compare.html", unit="section")
      ),
      query_section(comparison, retrieved),
      example_section(comparison, examples),
      _notes(comparison),
    ),
  )
  return {
    "compare.html": to_html(page).encode(),
    **figure_files(page),
  }


def _runs(system: System) -> tuple[str, str]:
  runs = ", ".join(f"{run.path} (seed {run.seed})" for run in system.runs)
  return f"System {system.name}", runs


def _notes(comparison: Comparison) -> Section:
  """What was left out, why, and how systems are called in figures."""
  notes = [
    *comparison.notes,
    *(
      f"{one.benchmark}: {note}"
      for one in comparison.benchmarks
      for note in one.notes
    ),
    *(
      f"In figures, {label} stands for {name}: their font may lack its letters."
      for name, (label, _) in labels(comparison).items()
      if name != label
    ),
  ]
  return Section("notes", "Notes", notes=tuple(notes) or ("None.",))
