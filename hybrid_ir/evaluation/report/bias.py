"""Which languages fill the top of the list. From the details; feeds write.

An unbiased ranking would fill it as the pool is filled, whatever the query's
language.
"""

from collections.abc import Sequence

import numpy as np

from hybrid_ir.evaluation.report import figures
from hybrid_ir.evaluation.report.load import Details
from hybrid_ir.evaluation.report.page import Picture, Section, percent, slug


def bias_section(benchmarks: Sequence[Details]) -> Section:
  """Which languages fill the top 10 of the pool, by query language."""
  absent = "No language bias: details/ holds no file of the multi setting."
  return Section(
    "bias",
    "Language bias in the top 10",
    notes=() if benchmarks else (absent,),
    pictures=tuple(
      picture for details in benchmarks for picture in _bias(details)
    ),
  )


def _bias(details: Details) -> tuple[Picture, Picture]:
  codes = details.languages
  shares = np.array(details.top10_language_share)  # [L, L]
  pool = np.array(details.pool_language_share)  # [L]
  title = f"{details.benchmark}, step {details.step:,}"
  table = np.vstack([shares, pool])
  filled = figures.heat_map(
    table,
    [*codes, "pool"],
    codes,
    ramp="orange",
    limits=(0, float(np.nanmax(table))),
    last_row_apart=True,
  )
  own = figures.dumbbells(
    codes,
    shares.diagonal(),
    pool,
    labels=("of the top 10", "of the pool"),
    axis="share in the query's own language, %",
  )
  return (
    Picture(
      slug("top10", details.benchmark),
      f"What fills the top 10: {title}",
      _share_caption(codes, shares, pool),
      filled,
    ),
    Picture(
      slug("own-language", details.benchmark),
      f"The pull of the own language: {title}",
      _own_caption(codes, shares.diagonal(), pool),
      own,
    ),
  )


def _share_caption(
  codes: Sequence[str], shares: np.ndarray, pool: np.ndarray
) -> str:
  mean = np.nanmean(shares, axis=0)
  most, least = int(np.argmax(mean - pool)), int(np.argmin(mean - pool))
  return (
    "Per cent of the top 10 in each passage language; the last row is the "
    "pool, which an unbiased ranking would repeat in every row. Over all query "
    f"languages, passages in {codes[most]} stand furthest above their part of "
    f"the pool ({percent(mean[most])} against {percent(pool[most])}), those in "
    f"{codes[least]} furthest below ({percent(mean[least])} against "
    f"{percent(pool[least])})."
  )


def _own_caption(
  codes: Sequence[str], own: np.ndarray, pool: np.ndarray
) -> str:
  most = int(np.nanargmax(own - pool))
  return (
    f"Same-language passages fill {percent(float(np.nanmean(own)))} of the "
    f"top 10; the pool holds {percent(float(pool.mean()))}, both as means over "
    f"query languages. The pull is strongest for {codes[most]}: "
    f"{percent(own[most])} against {percent(pool[most])}."
  )
