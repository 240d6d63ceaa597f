"""On what a run trains, by the config alone. To cards and studies."""

from hybrid_ir.config import Data
from hybrid_ir.data import ir_sets, lareqa, published
from hybrid_ir.data.sources import parse_weights


def languages_of(data: Data, name: str) -> list[str]:
  """Those read of one data set, sorted; []: not known.

  Args:
    data: the config's section.
    name: of a data set in `data.train`, without its weight.
  """
  facts = published.facts(name)
  there = facts.languages if facts else ()
  wanted = data.languages
  return sorted(
    set(there) & set(wanted) if there and wanted else there or wanted
  )


def questions_of(data: Data, name: str) -> int | None:
  """How many parallel questions a data set has; None: not known.

  Of mMARCO its pairs, each of which is one id.

  Args:
    data: the config's section; `data.limit` is not applied.
    name: of a data set in `data.train`, without its weight.
  """
  if name == "mmarco":
    return ir_sets.MMARCO_PAIRS
  if name not in lareqa.NAMES or "en" not in (data.languages or ("en",)):
    return None
  return lareqa.questions(name)


def languages(data: Data) -> list[str]:
  """Those of all data sets, as far as they are known; sorted.

  Raises:
    UserError: entries of `data.train` that cannot be read.
  """
  names = parse_weights(data.train)[0]
  return sorted({code for name in names for code in languages_of(data, name)})
