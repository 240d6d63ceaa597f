"""How a model was trained and on what. From the config, to the card."""

from hybrid_ir.config import Config
from hybrid_ir.data import own_files, published
from hybrid_ir.data.sources import parse_weights
from hybrid_ir.data.trained_on import languages_of
from hybrid_ir.tasks.card import markdown


def training(config: Config, step: int, temperature: float) -> str:
  """The mixture, the loss and the optimizer.

  Args:
    config: of the run.
    step: trained to.
    temperature: of the loss, as training left it.
  """
  mix, loss, optimizer = config.mix, config.loss, config.optimizer
  kinds = {"mono": mix.mono, "cross": mix.cross, "instruct": mix.instruct}
  whole = sum(kinds.values())
  shares = [f"{kind} ({w / whole:.0%})" for kind, w in kinds.items() if w]
  rows = [
    ("Mixture", f"each {mix.interleave} is {' or '.join(shares)}"),
    ("Languages drawn", mix.languages),
    ("Batch", f"{config.train.batch_size:,} pairs"),
    ("Steps", f"{step:,} (of {config.train.steps:,} planned)"),
    ("Learning rate", f"{optimizer.learning_rate:g} at its peak"),
    ("Schedule", f"{optimizer.schedule}, warm-up {optimizer.warmup:g}"),
    ("Weight decay", f"{optimizer.weight_decay:g}"),
    ("Loss", "InfoNCE" + ", both ways" * loss.two_sided),
    ("Temperature", f"{loss.temperature:g}"),
    ("Seed", str(config.seed)),
    *_if_set(config, temperature),
  ]
  about = (
    "With hybrid batches (arXiv 2408.10536): query and passage in one language"
    " (mono) or in two (cross)."
  )
  return f"{about}\n\n{markdown.table(('', ''), rows)}"


def _if_set(config: Config, temperature: float) -> list[tuple[str, str]]:
  """What not every run has."""
  loss, adapt = config.loss, config.adapt
  rows = []
  if config.encoder.keep_layers:
    kept = f"the lower {config.encoder.keep_layers}"
    rows.append(("Layers kept", kept))
  if config.data.limit:
    rows.append(("Questions", f"at most {config.data.limit:,} of a data set"))
  if loss.learn_temperature:
    rows.append(("Temperature, learned", f"{temperature:.4g}"))
  if loss.hard_negatives:
    rows.append(("Hard negatives", f"at most {loss.hard_negatives} a query"))
  if loss.distillation:
    rows.append(
      ("Distilled from scores", f"{loss.distillation:.0%} of the loss")
    )
  if loss.matryoshka:
    sizes = ", ".join(map(str, loss.matryoshka))
    rows.append(("Leading dimensions trained", sizes))
  if adapt.lora_rank:
    rows.append(("LoRA, merged here", f"rank {adapt.lora_rank}"))
  if adapt.freeze_embeddings or adapt.freeze_layers:
    layers = f" and {adapt.freeze_layers} lower layers"
    frozen = "embeddings" + layers * bool(adapt.freeze_layers)
    rows.append(("Not trained", frozen))
  return rows


def data(config: Config) -> str:
  """A row a data set; of a user's own file, the name without the folder."""
  rows, notes = [], []
  for name in parse_weights(config.data.train)[0]:
    facts = published.facts(name)
    shown, title, languages = markdown.code(name), "", _of(config, name)
    licence, citation = "as its publisher says", ""
    if facts is not None:
      title = f" [{markdown.escape(facts.title)}]({facts.homepage})"
      licence = markdown.escape(facts.licence)
      citation = markdown.escape(facts.citation)
    elif own_files.is_own(name):
      shown, licence = markdown.name(name), "a file of its trainer's own"
    rows.append((f"{shown}{title}", languages, licence, citation))
    if name in config.data.prefixes:
      query, passage = map(markdown.quoted, config.data.prefixes[name])
      notes.append(
        f"{shown} was trained with prefixes of its own: {query}, {passage}."
      )
  columns = ("Data set", "Languages", "Licence", "Source")
  return "\n\n".join([markdown.table(columns, rows), *notes])


def _of(config: Config, name: str) -> str:
  """The languages read of a set, in words."""
  return " ".join(languages_of(config.data, name)) or "all that it has"
