"""Which languages the ranking prefers. From details and scores; feeds write.

An unbiased ranking would fill the top as the pool is filled, and put each
translation of the answer first equally often, whatever the query's language.
"""

from collections.abc import Sequence

import numpy as np

from hybrid_ir.evaluation.report import figures
from hybrid_ir.evaluation.report.canvas import Drawing
from hybrid_ir.evaluation.report.heat_map import heat_map
from hybrid_ir.evaluation.report.load import Details
from hybrid_ir.evaluation.report.page import (
  Cell,
  Picture,
  Section,
  Table,
  measured,
  percent,
  slug,
)
from hybrid_ir.evaluation.report.snapshots import Snapshot

_DIVERGENCE = "language_divergence@10"
MEASURES = {
  "rank_distance": "Rank distance",
  _DIVERGENCE: "Divergence@10",
  "own_language_share@10": "Own share@10",
  "own_language_first": "Own first",
  "peer@20": "PEER@20",
}
MEANING = (
  "Rank distance: worst minus best rank of a query's relevant passages. "
  "Divergence: Jensen-Shannon, in bits, of the top 10's languages from the "
  "pool's. Own share: of the top 10 in the query's language; own first: how "
  "often the best-ranked relevant passage is. PEER: probability of equal "
  "expected rank. Rank distance and divergence: lower is fairer; PEER: higher."
)


def bias_section(
  details: Sequence[Details], benchmarks: Sequence[Sequence[Snapshot]]
) -> Section:
  """Which languages fill the top 10 of the pool, and which come first."""
  absent = "No language bias: details/ holds no file of the multi setting."
  tables = [
    table for states in benchmarks for table in _by_language(states[-1])
  ]
  pictures = [picture for item in details for picture in _bias(item)]
  for states in benchmarks:
    pictures += _divergence(states)
  return Section(
    "bias",
    "Language bias in the pool of all languages",
    notes=(
      *(() if details else (absent,)),
      *((MEANING,) if tables else ()),
    ),
    tables=tuple(tables),
    pictures=tuple(pictures),
  )


def _by_language(snapshot: Snapshot) -> list[Table]:
  """The measures of bias by query language, if there are any."""
  there = {
    measure: title
    for measure, title in MEASURES.items()
    if np.isfinite(snapshot.pooled(measure)).any()
  }
  rows = [
    (
      Cell(code),
      *(
        measured(snapshot.score("multi", code, "all", measure))
        for measure in there
      ),
    )
    for code in snapshot.languages
  ]
  return (
    [
      Table(
        f"{snapshot.title}, {snapshot.state}, by query language",
        ("Language", *there.values()),
        tuple(rows),
      )
    ]
    if there
    else []
  )


def _bias(details: Details) -> list[Picture]:
  codes = details.languages
  shares = np.array(details.top10_language_share, dtype=float)  # null: NaN
  pool = np.array(details.pool_language_share)  # [L]
  if np.isnan(shares).all():  # no list of all languages
    return []
  title = f"{details.benchmark}, step {details.step:,}"
  pictures = [
    Picture(
      slug("top10", details.benchmark),
      f"What fills the top 10: {title}",
      _share_caption(codes, shares, pool),
      share_map(codes, shares, pool, peak_share(shares, pool)),
    ),
    Picture(
      slug("own-language", details.benchmark),
      f"The pull of the own language: {title}",
      _own_caption(codes, shares.diagonal(), pool),
      figures.dots(
        codes,
        [figures.Dots("of the top 10", 100 * shares.diagonal())],
        axis="share in the query's own language, %",
        ring=figures.Dots("of the pool", 100 * pool),
      ),
    ),
  ]
  if details.first_language:
    first = np.array(details.first_language, dtype=float)  # null: NaN
    if not np.isnan(first).all():
      pictures.append(
        Picture(
          slug("first", details.benchmark),
          f"Whose translation comes first: {title}",
          _first_caption(codes, first),
          heat_map(
            first,
            codes,
            codes,
            ramp="orange",
            limits=(0, float(np.nanmax(first))),
          ),
        )
      )
  return pictures


def peak_share(shares: np.ndarray, pool: np.ndarray) -> float:
  """The largest share, where the ramp ends."""
  return float(np.nanmax(np.vstack([shares, pool])))


def share_map(
  codes: Sequence[str], shares: np.ndarray, pool: np.ndarray, peak: float
) -> Drawing:
  """The top 10's languages by query language, over a row of the pool's.

  Args:
    codes: L languages.
    shares: [L query, L passage], NaN for a language without queries.
    pool: [L].
    peak: the share of the darkest colour.
  """
  return heat_map(
    np.vstack([shares, pool]),
    [*codes, "pool"],
    codes,
    ramp="orange",
    limits=(0, peak),
    last_row_apart=True,
  )


def own_part(own: np.ndarray, pool: np.ndarray) -> float:
  """The pool's share of the query's language: a mean over those that ask.

  Over all languages it would be 1 / L, whatever the pool.

  Args:
    own: [L], of the top 10; NaN for a language without queries.
    pool: [L].
  """
  return float(pool[~np.isnan(own)].mean())


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
    f"top 10; the pool holds {percent(own_part(own, pool))}, both as means "
    f"over query languages. The pull is strongest for {codes[most]}: "
    f"{percent(own[most])} against {percent(pool[most])}."
  )


def _first_caption(codes: Sequence[str], first: np.ndarray) -> str:
  own = first.diagonal()
  text = (
    "Per cent of queries whose best-ranked relevant passage is in each "
    "language, of those that have relevant passages in several, their own "
    f"among them. It is the query's own in {percent(float(np.nanmean(own)))} "
    "of a language's queries, on average"
  )
  other = np.where(np.eye(len(codes), dtype=bool), np.nan, first)
  if np.isnan(other).all():
    return f"{text}."
  mean = np.array(
    [
      column[~np.isnan(column)].mean() if not np.isnan(column).all() else 0.0
      for column in other.T
    ]
  )
  most = int(mean.argmax())
  return (
    f"{text}; after that, most often {codes[most]} "
    f"({percent(float(mean[most]))} of other languages' queries)."
  )


def _divergence(states: Sequence[Snapshot]) -> list[Picture]:
  latest = states[-1]
  found = latest.pooled(_DIVERGENCE)
  if not np.isfinite(found).any():
    return []
  codes = latest.languages
  before = (
    states[0].pooled(_DIVERGENCE)
    if len(states) == 2 and states[0].languages == codes
    else np.full(len(codes), np.nan)
  )
  most = int(np.nanargmax(found))
  return [
    Picture(
      slug("divergence", latest.title),
      f"How far the top 10 is from the pool: {latest.title}",
      "Mean divergence of a query's top 10 from the pool, by the query's "
      f"language; 0 would mirror the pool. Largest for {codes[most]} "
      f"({found[most]:.2f}), {np.nanmean(found):.2f} on average.",
      figures.dots(
        codes,
        [figures.Dots(latest.state, found)],
        axis="Jensen-Shannon divergence, bits",
        ring=(
          figures.Dots(states[0].state, before)
          if np.isfinite(before).any()
          else None
        ),
      ),
    )
  ]
