"""Records that ask the same. From records, to benchmarks of pairs.

Readers of judged collections give a record for each relevant passage of a
query (`data/ir_sets.py`): several ids with one query, all of one group.
"""

import collections
from collections.abc import Iterator, Mapping, Sequence

from hybrid_ir.data.records import Record

# Language -> query and instruction.
_Asked = dict[str, tuple[str, str]]


class SameQuery:
  """Which ids ask one query; records are added as they are read.

  They are of one group, have a language in common, and the same query and
  instruction in every language that they have in common.
  """

  def __init__(self, asked: Sequence[Record]):
    """Takes the records whose queries are asked; other groups do not count."""
    self._groups: dict[str, str] = {}  # id -> group
    for record in asked:
      if record.group:
        self._groups.setdefault(record.id, record.group)
    # Group -> id -> what it asks.
    self._ids: dict[str, dict[str, _Asked]] = {
      group: {} for group in self._groups.values()
    }
    for record in asked:
      self.add(record)

  def add(self, record: Record) -> None:
    """Counts a record in, if it is of a group that is asked."""
    group = self._groups.get(record.id, record.group)
    if group in self._ids:
      self._groups[record.id] = group
      texts = self._ids[group].setdefault(record.id, {})
      texts.setdefault(record.language, (record.query, record.instruction))

  def first_ids(self) -> dict[str, str]:
    """Ids to the first one that asks the same; only ids of several such."""
    return {
      id: same[0]
      for ids in self._ids.values()
      for same in _same(ids)
      if len(same) > 1
      for id in same
    }


def _same(ids: Mapping[str, _Asked]) -> Iterator[list[str]]:
  """The ids of each query, in the order in which they were read."""
  number = {id: i for i, id in enumerate(ids)}
  queries: list[tuple[list[str], _Asked]] = []
  # By language and text, so that not every two are compared.
  places: dict[object, list[int]] = collections.defaultdict(list)
  # Those of most languages first: others may have but one in common with them.
  for id in sorted(ids, key=lambda id: -len(ids[id])):
    near = {place for item in ids[id].items() for place in places[item]}
    for place in sorted(near):
      same, texts = queries[place]
      if all(texts.get(code, ask) == ask for code, ask in ids[id].items()):
        break
    else:
      place, same, texts = len(queries), [], {}
      queries.append((same, texts))
    same.append(id)
    for item in ids[id].items() - texts.items():
      places[item].append(place)
    texts |= ids[id]
  for same, _ in queries:
    yield sorted(same, key=number.__getitem__)
