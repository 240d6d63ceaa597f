"""What the paper found of the same kinds of batch. For study `paper`."""

from collections.abc import Iterator

from hybrid_ir.config import Config
from hybrid_ir.evaluation.comparison.cells import number, signed, title
from hybrid_ir.evaluation.comparison.figures import Difference
from hybrid_ir.studies import published
from hybrid_ir.studies.mixture import kind_of_batches
from hybrid_ir.studies.notes import is_fixture
from hybrid_ir.studies.outcome import OnBenchmark, Outcome
from hybrid_ir.studies.page import Finding, Table
from hybrid_ir.studies.tables import spread, tests_name
from hybrid_ir.studies.verdict import BETTER, WORSE, verdict

NAME = "the paper's figures"
_MIRACL = "ir_datasets:miracl/"
_LANGUAGES = 15  # of the paper's MIRACL
_HEADS = ("benchmark", "arm", "batches", "setting", "measure", "here")


def beside_paper(outcome: Outcome) -> tuple[Table, list[Finding]]:
  """Figures here beside the paper's, and whether differences agree in sign.

  Its runs differ from these in encoder, data and length: signs can be
  compared, levels cannot.
  """
  batches = {arm.name: _batches(arm.config) for arm in outcome.arms}
  encoders = list(dict.fromkeys(f.encoder for f in published.FIGURES))
  rows: list[tuple[str, ...]] = []
  findings: list[Finding] = []
  for one in outcome.benchmarks:
    if is_fixture(outcome.config, one.source):
      continue
    for (arm, setting, measure), estimate in one.estimates.items():
      theirs = [
        published.value(
          encoder, batches.get(arm, ""), _there(one), setting, measure
        )
        for encoder in encoders
      ]
      if any(value is not None for value in theirs):
        ours = spread(measure, estimate.value, estimate.deviation)
        texts = ["–" if v is None else number(measure, v) for v in theirs]
        where = f"{one.benchmark}{_of_languages(one)}"
        rows.append(
          (
            *(where, arm, batches[arm], setting, title(measure), ours),
            *texts,
          )
        )
    findings += _signs(one, batches, encoders)
  return Table(
    NAME,
    f"{published.SOURCE}. Encoders, data and length of training differ: the"
    " order of the kinds of batch can be compared, the levels cannot. Its"
    f" MIRACL is the dev split, the mean over {_LANGUAGES} languages. Figures"
    " by language are not set beside the paper's, of which only the means are"
    " here.",
    (*_HEADS, *(f"paper, {encoder}" for encoder in encoders)),
    tuple(rows),
  ), findings


def _signs(
  one: OnBenchmark, batches: dict[str, str], encoders: list[str]
) -> Iterator[Finding]:
  where = f"On {one.benchmark}{_of_languages(one)}"
  unsure = []
  for d in one.differences.values():
    if batches[d.system] == batches[d.against]:
      continue
    what = (
      f"{d.setting} {title(d.measure)} of {batches[d.system]} minus"
      f" {batches[d.against]}"
    )
    said = verdict(one, d)
    for encoder in encoders:
      value = _theirs(one, d, batches, encoder)
      if not value:
        continue
      if said not in (BETTER, WORSE):
        unsure.append(f"{what} ({d.system}: {signed(d.measure, d.value)})")
        continue
      agrees = "the same sign" if value * d.value > 0 else "another sign"
      yield Finding(
        f"{where}, {what}: {signed(d.measure, d.value)} here ({said}),"
        f" {signed(d.measure, value)} with {encoder} in the paper, {agrees}.",
        f"{NAME}, rows {d.system} and {d.against}; {tests_name(one)}, row"
        f" {d.system} against {d.against}",
      )
  if unsure:
    yield Finding(
      f"{where} these have no sign here that is beyond questions and seeds, and"
      f" are not held against the paper's: {', '.join(dict.fromkeys(unsure))}.",
      f"{tests_name(one)}, their rows",
    )


def _batches(config: Config) -> str:
  """The paper's name of a mixture; "": its batches are made otherwise.

  A batch is of one kind; the language of X-X is drawn uniformly, and the two of
  X-Y for each pair (section 3 there).
  """
  mix = config.mix
  as_there = mix.cross_pairs == "example" and mix.languages == "uniform"
  return kind_of_batches(config) if as_there else ""


def _there(one: OnBenchmark) -> str:
  """What the paper calls a benchmark; "": it has no figures of it."""
  if _miracl_languages(one):
    return "miracl"
  return one.source if one.source in ("xquad_r", "mlqa_r") else ""


def _miracl_languages(one: OnBenchmark) -> frozenset[str]:
  """Of a benchmark made of MIRACL's dev splits; of others none."""
  if not one.source.startswith(_MIRACL):
    return frozenset()
  ids = one.source.partition(":")[2].split("+")
  parts = [id.split("/") for id in ids]
  if any(len(p) != 3 or (p[0], p[2]) != ("miracl", "dev") for p in parts):
    return frozenset()
  return frozenset(language for _, language, _ in parts)


def _of_languages(one: OnBenchmark) -> str:
  """What tells a MIRACL of other languages from the paper's."""
  count = len(_miracl_languages(one))
  if not count:
    return ""
  return f" ({count} languages; the paper's are {_LANGUAGES}, not named here)"


def _theirs(
  one: OnBenchmark, d: Difference, batches: dict[str, str], encoder: str
) -> float | None:
  """The paper's difference."""
  ours, others = (
    published.value(
      encoder, batches.get(name, ""), _there(one), d.setting, d.measure
    )
    for name in (d.system, d.against)
  )
  return None if ours is None or others is None else ours - others
