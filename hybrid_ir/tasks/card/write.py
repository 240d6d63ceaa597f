"""The card's parts to README.md. Takes every part; feeds task=export.

Nothing stands in it that no file says: what is not known is not claimed.
"""

import json
import string
from collections.abc import Sequence
from importlib import resources

from hybrid_ir.config import Config
from hybrid_ir.data import trained_on
from hybrid_ir.data.sources import parse_weights
from hybrid_ir.evaluation.report.load import Score
from hybrid_ir.evaluation.report.snapshots import Snapshot, snapshots
from hybrid_ir.model import hub
from hybrid_ir.model.contract import Contract
from hybrid_ir.tasks.card import evaluation, markdown, training, usage

_TAGS = ("sentence-transformers", "feature-extraction", "hybrid_ir")


def write_card(
  config: Config,
  contract: Contract,
  step: int,
  temperature: float,
  scores: Sequence[Score],
  workdir: str,
) -> str:
  """The text of README.md.

  Args:
    config: of the run.
    contract: of the model.
    step: it was trained to; 0: it was not trained here.
    temperature: of the loss, as training left it.
    scores: of results.jsonl; those of other steps are of other models.
    workdir: its name, for a run that has no other.
  """
  here = [score for score in scores if score.step == step]
  results = [states[-1] for states in snapshots(here, is_trained=step > 0)]
  trained = parse_weights(config.data.train)[0] if step else []
  place = config.export.push_to_hub or "FOLDER"
  parts = {
    "front_matter": _front_matter(config, step, results),
    "title": config.export.push_to_hub or config.system or workdir,
    "what": _what(config, contract, step),
    "place": place,
    "with_sentence_transformers": usage.with_sentence_transformers(place),
    "with_transformers": usage.with_transformers(contract, place),
    "contract": markdown.table(("", ""), _contract(contract)),
    "notes": "\n\n".join(_notes(contract)),
    "training": "Not trained here.",
    "data": "None.",
    "evaluation": evaluation.evaluation(results, trained),
    "limits": markdown.listed(_limits(config, results)),
  }
  if step:
    parts["training"] = training.training(config, step, temperature)
    parts["data"] = training.data(config)
  template = resources.files(__package__).joinpath("card.md")
  return string.Template(template.read_text("utf-8")).substitute(parts)


def _front_matter(
  config: Config, step: int, results: Sequence[Snapshot]
) -> str:
  """The YAML that the hub reads; a JSON string is YAML, and `no` a language."""
  lines = [
    "library_name: sentence-transformers",
    "pipeline_tag: sentence-similarity",
    "tags:",
    *(f"- {tag}" for tag in _TAGS),
  ]
  known = trained_on.languages(config.data) if step else []
  if codes := known or evaluation.languages(results):
    lines += ["language:", *(f"- {json.dumps(code)}" for code in codes)]
  if hub.is_id(config.encoder.path):
    lines.append(f"base_model: {json.dumps(config.encoder.path)}")
  return "\n".join(lines)


def _what(config: Config, contract: Contract, step: int) -> str:
  """What it is, and where it comes from."""
  similarity = "cosine" if contract.normalize else "dot product"
  what = (
    "A bi-encoder for retrieval in several languages: queries and passages"
    f" become vectors of {contract.embedding_size:,} numbers, compared by"
    f" {similarity}."
  )
  start = _start(config)
  if not step:
    return f"{what} It is {start}, converted by hybrid_ir."
  return f"{what} It was trained with hybrid_ir, {step:,} steps from {start}."


def _start(config: Config) -> str:
  """What training began with; of a folder, its name alone."""
  path, revision = config.encoder.path, config.encoder.revision
  if config.train.warm_start:
    return f"another run's model, {markdown.name(config.train.warm_start)}"
  if not path:
    return "random weights"
  if not hub.is_id(path):
    return f"a local model, {markdown.name(path)}"
  at = f" at {markdown.code(revision)}" if revision else ""
  return f"[{path}](https://huggingface.co/{path}){at}"


def _contract(contract: Contract) -> list[tuple[str, str]]:
  sizes = [*sorted(contract.matryoshka), contract.embedding_size]
  layers = [
    f"{layer.size} numbers, {layer.activation}" for layer in contract.dense
  ]
  return [
    ("Put before a query", markdown.quoted(contract.query_prefix)),
    ("Put before a passage", markdown.quoted(contract.passage_prefix)),
    ("Query with an instruction", markdown.quoted(contract.instruction)),
    ("Longest query", f"{contract.query_length} tokens"),
    ("Longest passage", f"{contract.passage_length} tokens"),
    ("Pooling", contract.pooling),
    *(("Dense layer", layer) for layer in layers),
    ("Vectors of length 1", "yes" if contract.normalize else "no"),
    ("Dimensions", " or ".join(map(str, sizes))),
  ]


def _notes(contract: Contract) -> list[str]:
  """What someone who loads it elsewhere must know."""
  notes = []
  if contract.query_prefix or contract.passage_prefix:
    notes.append(
      "The prefixes are part of the model; sentence-transformers puts them"
      " there where `prompt_name` is given."
    )
  if contract.query_length < contract.passage_length:
    notes.append(
      "sentence-transformers has one longest text for both, here that of"
      " passages; hybrid_ir cuts queries shorter."
    )
  if contract.matryoshka:
    notes.append(
      "Its leading dimensions were trained to work alone (arXiv 2205.13147):"
      f" `SentenceTransformer(..., truncate_dim={contract.matryoshka[0]})`."
    )
  return notes


def _limits(config: Config, results: Sequence[Snapshot]) -> list[str]:
  limits = [
    "What stands after the longest text is cut off.",
    "Scores rank the passages of one query: they are no probabilities, and no"
    " threshold holds for all queries and languages.",
    "No licence is set. It is for the publisher to choose, within those of the"
    " data and of the model that it was made from.",
  ]
  if codes := evaluation.languages(results):
    limits.append(f"It was measured in {' '.join(codes)}, and in no other.")
  if config.export.dtype == "bfloat16":
    limits.append(
      "The weights were rounded to bfloat16 after they were measured."
    )
  return limits
