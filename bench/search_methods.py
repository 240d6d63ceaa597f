"""Ways to search, each swept and timed in a process of its own. To search.

Q queries, C passages, E dims, K depth.
"""

import functools
import pathlib
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from hybrid_ir.retrieval import (
  ann,
  ann_parameters,
  ann_sample,
  ann_searcher,
  ann_tuning,
  nearest,
)
from hybrid_ir.retrieval.ann_tuning import Setting

_MOST = 4096  # of faiss' parameters
_TARGETS = np.arange(0.5, 1, 0.01).tolist()  # that ScaNN is tuned to, in turn

Search = Callable[[], np.ndarray]  # gives [Q, K] places
# What a library can be set to, from the cheapest on: (name, search).
Settings = Iterable[tuple[str, Search]]


class Point(NamedTuple):
  """A setting and what it finds."""

  name: str
  recall: float
  search: Search


class Method:
  """An index, searched at one recall.

  Of the settings, in the order of their cost, the first that reaches the recall
  and the one before it are timed; the time at the recall itself lies between
  them, its logarithm on a line.
  """

  def __init__(
    self, kind: str, folder: pathlib.Path, depths: list[int], recall: float
  ):
    """Builds, and finds the settings.

    Args:
      kind: of `KINDS`.
      folder: holds passages.npy, queries.npy and exact.npy.
      depths: K of each figure.
      recall: that all are to reach.
    """
    passages = np.load(folder / "passages.npy")
    queries = np.load(folder / "queries.npy")
    exact = np.load(folder / "exact.npy")
    before = _start_anew()
    start = time.perf_counter()
    settings, self.parameters, say = KINDS[kind](passages, queries, exact)
    self.build_s = time.perf_counter() - start
    self.peak_gib = (_peak() - before) / 2**30
    self.said = say()
    if not kind.endswith("exact"):
      del passages  # the indexes hold copies of their own
    self.settings: dict[int, str] = {}
    self.recalls: dict[int, float] = {}
    self.latest: dict[int, float] = {}
    self._timed: dict[int, list[Point]] = {}
    for depth in depths:
      points = _around(settings(depth), exact[:, :depth], recall)
      self._timed[depth] = points
      self.settings[depth] = " to ".join(point.name for point in points)
      both = len(points) == 2
      self.recalls[depth] = recall if both else points[0].recall
    self._recall = recall

  def run(self) -> float:
    """Seconds of all queries; `latest` has them by depth."""
    for depth, points in self._timed.items():
      seconds = [_seconds(point.search) for point in points]
      self.latest[depth] = seconds[0]
      if len(points) == 2:
        low, high = (point.recall for point in points)
        weight = (self._recall - low) / (high - low)
        logs = np.log(seconds)
        mean = (1 - weight) * logs[0] + weight * logs[1]
        self.latest[depth] = float(np.exp(mean))
    return sum(self.latest.values())


def _around(
  settings: Settings, exact: np.ndarray, recall: float
) -> list[Point]:
  """The settings on both sides of a recall; one, where there are no two."""
  before: Point | None = None
  for name, search in settings:
    point = Point(name, float(ann.recall(search(), exact).mean()), search)
    if point.recall >= recall:
      return [point] if before is None else [before, point]
    if before is None or point.recall > before.recall:
      before = point
  if before is None:
    raise ValueError("no settings")
  return [before]


def _seconds(search: Search) -> float:
  start = time.perf_counter()
  search()
  return time.perf_counter() - start


def _start_anew() -> int:
  """Bytes that this process holds now, from which its peak is counted."""
  pathlib.Path("/proc/self/clear_refs").write_text("5")  # resets the peak
  return _peak()


def _peak() -> int:
  """The most bytes that it held. Not getrusage's, which a parent's may be."""
  status = pathlib.Path("/proc/self/status").read_text()
  (line,) = (x for x in status.splitlines() if x.startswith("VmHWM"))
  return 1024 * int(line.split()[1])


# Depth -> settings; the index' parameters in words; what else is to be said.
Built = tuple[Callable[[int], Settings], str, Callable[[], str]]


def _exact(
  passages: np.ndarray, queries: np.ndarray, exact: np.ndarray
) -> Built:
  def settings(depth: int) -> Settings:
    spans = [(0, len(passages))]
    yield "all", lambda: nearest.search(queries, passages, spans, depth)[0]

  return settings, "on device", lambda: ""


def _scann(
  passages: np.ndarray, queries: np.ndarray, exact: np.ndarray
) -> Built:
  start = time.perf_counter()
  parameters = ann_parameters.choose(len(passages))
  searcher = ann_searcher.train(passages, parameters)
  build_s, width = time.perf_counter() - start, searcher.width

  def as_searched() -> str:
    """As task=search tunes it: on passages, for want of queries."""
    if parameters.brute_force:
      return ""
    sample = ann_sample.of_passages(passages, 10, ann.SAMPLE, 0)
    tool = ann.Tool(searcher, build_s, 10, searcher.tune(sample, ann.RECALL))
    reached = float(ann.recall(tool(queries)[0], exact[:, :10]).mean())
    return f"{tool.line()}; recall@10 {reached:.3f} on the queries here"

  def settings(depth: int) -> Settings:
    if parameters.brute_force:
      yield "all", lambda: searcher.search(queries, depth)[0]
      return
    space = ann_parameters.space(parameters, width, depth)

    def search(setting: Setting) -> Search:
      return lambda: searcher.search(queries, depth, setting)[0]

    @functools.cache
    def recall(setting: Setting) -> float:
      found = search(setting)()
      return float(ann.recall(found, exact[:, :depth]).mean())

    found = {
      ann_tuning.cheapest(recall, space, target)[0] for target in _TARGETS
    }
    for setting in sorted(found, key=space.cost):
      words = f"{setting.leaves} leaves, {setting.rescored} rescored"
      yield words, search(setting)

  return settings, parameters.line(), as_searched


def _faiss(factory: str, parameter: str, first: int) -> Callable[..., Built]:
  """An index of faiss, swept over a parameter in steps of a tenth."""

  def build(
    passages: np.ndarray, queries: np.ndarray, exact: np.ndarray
  ) -> Built:
    import faiss

    lists = min(4096, max(len(passages) // 40, 1))
    name = factory.format(lists=lists)
    index = faiss.index_factory(
      passages.shape[1], name, faiss.METRIC_INNER_PRODUCT
    )
    index.train(passages)
    index.add(passages)
    space = faiss.ParameterSpace()

    def settings(depth: int) -> Settings:
      def search(value: int) -> Search:
        def run() -> np.ndarray:
          if parameter:
            space.set_index_parameter(index, parameter, value)
          return index.search(queries, depth)[1]

        return run

      if not parameter:
        yield "all", search(0)
        return
      value = first
      while value <= _MOST:
        yield f"{parameter} {value}", search(value)
        value = max(value + 1, round(1.1 * value))

    return settings, name, lambda: ""

  return build


KINDS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], Built]] = {
  "ours, exact": _exact,
  "ours (ScaNN)": _scann,
  "faiss, exact": _faiss("Flat", "", 1),
  "faiss IVF": _faiss("IVF{lists},Flat", "nprobe", 1),
  "faiss HNSW": _faiss("HNSW32", "efSearch", 10),
}
