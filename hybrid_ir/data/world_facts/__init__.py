"""World facts, the embedded data set. From CLDR and frames, to the corpus.

About 1,600 facts on some 250 territories (currency, official language, time
zone ...), each asked and answered in every language of `frames/`. It is
generated and small: for first runs and tests, not for figures on real text.
"""

from collections.abc import Iterator

from hybrid_ir.data import cldr
from hybrid_ir.data.records import Record
from hybrid_ir.data.world_facts import facts, generate

VERSION = "1.0.0"  # raise it whenever a text or a split changes
LANGUAGES = tuple(generate.frames())
RELATIONS = tuple(facts.RELATIONS)
SPLITS = generate.SPLITS


def records(split: str) -> Iterator[Record]:
  """The records of one of `SPLITS`, in a fixed order.

  No fact of dev or test is in train, but other facts of its territory and
  other facts of its relation are: the near misses of a full pool.
  """
  return generate.generate(split)


def fingerprint() -> str:
  """Changes when a text may have changed: with our frames or CLDR's names."""
  return f"world_facts {VERSION}, Babel {cldr.VERSION}"
