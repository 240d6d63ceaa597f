"""The schema of every config key, once. Read by every part of the flow.

A config file's `get_config()` starts from `Config()` and sets what differs;
`--config.section.key=value` overrides it; `config_check` refuses what cannot
work, then freezes it. The docs of the keys stand here alone.
"""

import dataclasses
import json
from typing import Any

from hybrid_ir.config_keys import Section, key, walk

TASKS = (
  "train_and_evaluate",
  "train",
  "evaluate",
  "report",
  "export",
  "check_data",
  "mine",
  "encode",
  "search",
  "compile",
  "compare",
  "study",
)
SETTINGS = ("mono", "cross", "multi")


@dataclasses.dataclass(slots=True)
class Encoder(Section):
  """The encoder that both queries and passages go through."""

  path: str = key(
    "",
    "folder in Hugging Face's layout, or hub id, to start from; empty: from"
    " scratch",
    identity=True,
  )
  revision: str = key(
    "",
    "of the hub's repository: a branch, tag or commit; empty: its newest",
    identity=True,
  )
  keep_layers: int = key(
    0,
    "lower layers of `path`'s encoder that are kept; the ones above are left"
    " out; 0: all",
    identity=True,
    least=0,
  )
  pooling: str | None = key(
    None,
    "text embedding from token states (`pooler`: the first state through"
    " BERT's tanh layer); None: as the folder of `path` says, else mean",
    identity=True,
    choices=("mean", "cls", "pooler"),
  )
  normalize: bool | None = key(
    None,
    "embeddings of length 1, so that scores are cosines; None: as the folder"
    " of `path` says, else True",
    identity=True,
  )
  dimensions: int = key(
    0,
    "leading dimensions kept in evaluate, mine, encode and search, not of the"
    " dev split in training (arXiv 2205.13147); 0: all",
    figures=True,
    least=0,
  )
  dtype: str = key(
    "float32",
    "of the computation; parameters stay float32",
    identity=True,
    choices=("float32", "bfloat16"),
  )
  dropout: float = key(
    0.1,
    "share of activations dropped in training",
    identity=True,
    least=0,
    most=0.9,
  )
  remat: str = key(
    "dots",
    "what a layer recomputes in the backward pass: nothing (`none`), all but"
    " the matrix products (`dots`: half the memory, as fast), or all (`full`:"
    " least memory, slower)",
    choices=("none", "dots", "full"),
  )
  vocab_size: int = key(
    16384,
    "pieces of the tokenizer trained where `path` is empty",
    identity=True,
    least=64,
  )
  hidden_size: int = key(
    256, "from scratch: model width", identity=True, least=1
  )
  layers: int = key(
    2, "from scratch: transformer layers", identity=True, least=1
  )
  heads: int = key(4, "from scratch: attention heads", identity=True, least=1)
  intermediate_size: int = key(
    1024,
    "from scratch: width of the feed-forward layer",
    identity=True,
    least=1,
  )
  max_positions: int = key(
    512, "from scratch: longest text, in tokens", identity=True, least=8
  )


@dataclasses.dataclass(slots=True)
class Text(Section):
  """What the encoder is given of a text; travels with the model."""

  query_prefix: str | None = key(
    None,
    "put before each query; None: the prompt `query` of encoder.path's folder",
    identity=True,
  )
  passage_prefix: str | None = key(
    None,
    "put before each passage; None: the prompt `passage` of that folder",
    identity=True,
  )
  query_length: int | None = key(
    None,
    "tokens of a query kept; None: as encoder.path's folder says, up to the"
    " longest row of layout.row_lengths; else 64",
    identity=True,
    least=4,
  )
  passage_length: int | None = key(
    None,
    "tokens of a passage kept; None: as encoder.path's folder says, up to the"
    " longest row of layout.row_lengths; else 256",
    identity=True,
    least=4,
  )
  instruction: str | None = key(
    None,
    "how a query with an instruction is written, in place of the query prefix;"
    " None: as that folder says, else 'Instruct: {instruction}\\nQuery:"
    " {query}' (arXiv 2402.05672)",
    identity=True,
  )


@dataclasses.dataclass(slots=True)
class Data(Section):
  """Where pairs come from."""

  train: tuple[str, ...] = key(
    ("world_facts",),
    "data sets to train on: names, or paths of .jsonl and .parquet files;"
    " `name=2.5` sets a weight by hand (for all or for none; else each weighs"
    " its records)",
    identity=True,
  )
  languages: tuple[str, ...] = key(
    (), "languages to train on; empty: all that a data set has", identity=True
  )
  limit: int = key(
    0,
    "parallel ids of each data set to train on, drawn by the seed; 0: all",
    identity=True,
    least=0,
  )
  prefixes: dict[str, tuple[str, str]] = key(
    dict,
    "data set -> its own query and passage prefix, in place of text's",
    identity=True,
  )
  lareqa_dir: str = key(
    "",
    "folder with LAReQA's xquad-r/ and mlqa-r/; empty: downloaded by TFDS",
  )
  mtop_dir: str = key(
    "", "folder with MTOP's LANGUAGE/{train,eval,test}.txt, for mtop"
  )
  bitext_dir: str = key(
    "",
    "folder with tatoeba.XX-YY.XX and .YY, one sentence a line, for"
    " bitext:XX-YY",
  )
  beam_runner: str = key(
    "",
    "Apache Beam's that builds a collection of ir_datasets': DirectRunner,"
    " DataflowRunner, …; empty: without Beam",
  )
  beam_options: tuple[str, ...] = key(
    (), "flags of that runner: --project=NAME, --region=NAME, …"
  )
  workers: int = key(2, "threads that prepare batches", least=1)


@dataclasses.dataclass(slots=True)
class Mix(Section):
  """The hybrid batch (arXiv 2408.10536, section 3)."""

  mono: float = key(
    0.5, "weight of monolingual (X-X) batches", identity=True, least=0
  )
  cross: float = key(
    0.5, "weight of cross-lingual (X-Y) batches", identity=True, least=0
  )
  instruct: float = key(
    0.0,
    "weight of batches from the data sets whose queries carry instructions",
    identity=True,
    least=0,
  )
  interleave: str = key(
    "batch",
    "a batch is of one kind (`batch`, the paper), or each example is"
    " (`example`; with `cross` above 0, ids in one language only are left out:"
    " an example may become of either kind)",
    identity=True,
    choices=("batch", "example"),
  )
  languages: str = key(
    "uniform",
    "how languages (mono) and pairs of languages (cross) are drawn: alike, by"
    " the number of ids that have them, or by that number ** exponent",
    identity=True,
    choices=("uniform", "proportional", "temperature"),
  )
  exponent: float = key(
    0.3, "for languages='temperature'", identity=True, least=0, most=1
  )
  cross_pairs: str = key(
    "example",
    "the two languages are drawn for each example (the paper), or once a batch",
    identity=True,
    choices=("example", "batch"),
  )


@dataclasses.dataclass(slots=True)
class Layout(Section):
  """How texts become arrays."""

  packing: bool = key(True, "several texts a row; else one", identity=True)
  row_lengths: tuple[int, ...] = key(
    (64, 128, 256, 512),
    "tokens a row, ascending: a batch takes the first that holds its longest"
    " text",
    identity=True,
    least=8,
  )
  texts_per_row: int = key(
    16, "most texts packed in a row", identity=True, least=1
  )


@dataclasses.dataclass(slots=True)
class Loss(Section):
  """InfoNCE over the global batch."""

  temperature: float = key(
    0.02, "cosines are divided by it", identity=True, least=1e-3
  )
  learn_temperature: bool = key(
    False, "train the temperature, starting there", identity=True
  )
  two_sided: bool = key(
    False, "also rank queries for each passage", identity=True
  )
  hard_negatives: int = key(
    0,
    "at most so many of a record's `negatives` a step",
    identity=True,
    least=0,
  )
  mask_groups: bool = key(
    True, "members of the query's group are no negatives", identity=True
  )
  matryoshka: tuple[int, ...] = key(
    (),
    "leading dimensions that must also work alone (arXiv 2205.13147); the loss"
    " is the mean over these and all",
    identity=True,
    least=1,
  )
  distillation: float = key(
    0.0,
    "share of the loss that is the divergence from the records' `scores`, a"
    " teacher's, over a passage and its hard negatives",
    identity=True,
    least=0,
    most=1,
  )
  teacher_temperature: float = key(
    1.0, "the teacher's scores are divided by it", identity=True, least=1e-3
  )
  block: int = key(
    1024,
    "queries that a device has scores of at a time: less memory, same loss",
    least=1,
  )


@dataclasses.dataclass(slots=True)
class Optimizer(Section):
  """AdamW (arXiv 1711.05101)."""

  learning_rate: float = key(2e-5, "at the peak", identity=True, least=0)
  schedule: str = key(
    "cosine",
    "decay after the warm-up, to zero at `train.steps`",
    identity=True,
    choices=("cosine", "linear", "constant"),
  )
  warmup: float = key(
    0.1,
    "share of `train.steps` (constant schedule: steps) with a rising rate",
    identity=True,
    least=0,
  )
  weight_decay: float = key(
    0.01,
    "decoupled; not for biases, norms and the temperature",
    identity=True,
    least=0,
  )
  clip_norm: float = key(
    0.0,
    "largest gradient norm; 0: no clipping, which would weigh easy batches"
    " (mono) up against hard ones (cross)",
    identity=True,
    least=0,
  )
  beta1: float = key(
    0.9, "of the gradient's mean", identity=True, least=0, most=0.9999
  )
  beta2: float = key(
    0.999, "of its square's mean", identity=True, least=0, most=0.99999
  )
  epsilon: float = key(
    1e-8,
    "added to the denominator, which is 0 where there was no gradient yet",
    identity=True,
    least=1e-30,
  )
  embeddings: str = key(
    "dense",
    "AdamW's step on the token table: of all rows, or of the batch's alone"
    " (`lazy`: faster; for fine-tuning, not from scratch: a row not in the"
    " batch keeps its value and its moments)",
    identity=True,
    choices=("dense", "lazy"),
  )


@dataclasses.dataclass(slots=True)
class Train(Section):
  """The loop."""

  batch_size: int = key(
    128, "pairs of the global batch", identity=True, least=2
  )
  steps: int = key(
    1000,
    "optimizer steps; may be raised on resume where schedule='constant'",
    identity=True,
    least=0,
  )
  chunks: int = key(
    1,
    "pieces in which the batch is encoded: less memory, same gradients",
    least=1,
  )
  log_every: int = key(10, "steps between lines of metrics.jsonl", least=1)
  warm_start: str = key(
    "", "workdir of another run whose parameters to start from", identity=True
  )
  check_finite: bool = key(
    True, "stop where a loss is not finite; looked at with each log line"
  )


@dataclasses.dataclass(slots=True)
class Adapt(Section):
  """Which parameters train, for small machines; all of them by default."""

  freeze_embeddings: bool = key(
    False, "token, position and type embeddings stay as they are", identity=True
  )
  freeze_layers: int = key(
    0,
    "so many lower layers, and the embeddings below them, stay as they are",
    identity=True,
    least=0,
  )
  lora_rank: int = key(
    0,
    "train a product of two matrices of this rank beside each attention and"
    " MLP matrix, and nothing else (arXiv 2106.09685); 0: the matrices",
    identity=True,
    least=0,
  )
  lora_alpha: float = key(
    16.0, "the product is scaled by alpha / rank", identity=True, least=1e-3
  )
  trim_vocabulary: bool = key(
    False,
    "only the token table's rows whose tokens occur in `data.train` are held in"
    " memory and train; the others stay as `encoder.path` has them",
    identity=True,
  )


@dataclasses.dataclass(slots=True)
class Checkpoint(Section):
  """What is kept of a run."""

  every: int = key(500, "steps between checkpoints; 0: only the last", least=0)
  keep: int = key(2, "latest checkpoints kept, beside the best", least=1)
  read: str = key(
    "best",
    "which one evaluate, export, mine, encode and search take: the best on dev"
    " (where there is no dev set, the newest) or the newest",
    choices=("best", "newest"),
  )
  allow_changes: bool = key(
    False,
    "go on with the workdir's run although identity keys, data or tokenizer are"
    " not those that it began with",
  )


@dataclasses.dataclass(slots=True)
class Mesh(Section):
  """How devices are laid out."""

  data: int = key(
    -1,
    "groups of `fsdp` devices; a batch is shared out over all of them; -1: as"
    " many as there are",
    least=-1,
  )
  fsdp: int = key(
    1,
    "devices of a group, which also share out parameters and optimizer state",
    least=1,
  )
  distributed: bool = key(
    False,
    "join the other hosts of this TPU slice or cluster; where the environment"
    " variable JAX_COORDINATOR_ADDRESS is set, processes join anyway",
  )
  timeout_s: int = key(
    300,
    "seconds that a process waits for another that does not start, or shows no"
    " sign of life, before it ends itself",
    least=5,
  )


@dataclasses.dataclass(slots=True)
class Compile(Section):
  """The training step compiled for devices that are not here."""

  topology: str = key("", "of TPU chips, such as v5e:4x4, v5e:16x16 or v6e:8x8")


@dataclasses.dataclass(slots=True)
class Evaluate(Section):
  """Retrieval evaluation, in training and after it."""

  benchmarks: tuple[str, ...] = key(
    ("world_facts",),
    "benchmarks by name (docs/benchmarks.md), paths of .jsonl and .parquet"
    " files of pairs, or folders in BEIR's layout",
  )
  by: str = key(
    "model",
    "what is scored: the model, BM25, or what `path` has: embeddings that were"
    " made elsewhere, or another system's TREC runs",
    figures=True,
    choices=("model", "bm25", "embeddings", "runs"),
  )
  path: str = key(
    "",
    "for by='embeddings' or 'runs': the folder of a file a benchmark"
    " (docs/models.md)",
    figures=True,
  )
  allow_faults: bool = key(
    False,
    "leave out queries without gold and judgements of unknown passages, counted"
    " and named, in place of stopping",
  )
  settings: tuple[str, ...] = key(
    SETTINGS, "mono, cross, multi", choices=SETTINGS
  )
  dev: str = key(
    "",
    "data set whose dev split picks the best checkpoint; empty: none",
    identity=True,
  )
  every: int = key(
    0, "steps between dev evaluations; 0: none", identity=True, least=0
  )
  patience: int = key(
    0,
    "stop after so many dev evaluations without a gain; 0: never",
    identity=True,
    least=0,
  )
  tokens_per_batch: int = key(
    4096, "tokens encoded at once, padding included", least=1
  )
  ann: bool = key(True, "also search with ScaNN, beside exact search")
  run_depth: int = key(
    1000, "passages a query in runs/*.trec; 0: no runs", least=0
  )
  runs: tuple[str, ...] = key(
    ("multi",), "settings whose runs are written", choices=("mono", "multi")
  )


@dataclasses.dataclass(slots=True)
class Export(Section):
  """The model as a folder for sentence-transformers and transformers."""

  path: str = key("", "the folder to write; empty: WORKDIR/export")
  dtype: str = key("float32", "of the weights", choices=("float32", "bfloat16"))
  overwrite: bool = key(False, "replace what stands at `path`")
  push_to_hub: str = key(
    "", "hub repository (organisation/name) to upload to as well"
  )
  private: bool = key(True, "a repository that is made is private")


@dataclasses.dataclass(slots=True)
class CheckData(Section):
  """What task=check_data prints of `data.train`."""

  faults: int = key(20, "faults shown; the rest are counted", least=1)


@dataclasses.dataclass(slots=True)
class Mine(Section):
  """Hard negatives for `data.train`, written to WORKDIR/mined."""

  by: str = key("model", "what ranks the passages", choices=("model", "bm25"))
  languages: str = key(
    "own",
    "passages looked at: in the query's language, in the others, or in any",
    choices=("own", "other", "any"),
  )
  depth: int = key(50, "best passages looked at, a query", least=1)
  negatives: int = key(7, "kept, a query", least=1)
  most: float = key(
    0.95,
    "a passage that scores over this share of the positive's score is taken"
    " for a false negative and left out (arXiv 2407.15831)",
    least=0,
  )


@dataclasses.dataclass(slots=True)
class Encode(Section):
  """A corpus to embeddings in WORKDIR/index."""

  corpus: str = key(
    "",
    "what to encode: a .jsonl file of {id, text, language?, title?}, a .tsv"
    " file of id and text, or a data set by name (its passages)",
  )
  language: str = key("", "of the texts that do not name theirs")
  shard_size: int = key(50_000, "passages a file of embeddings", least=1)
  dtype: str = key(
    "float32", "of the stored embeddings", choices=("float32", "float16")
  )


@dataclasses.dataclass(slots=True)
class Search(Section):
  """Queries to passages of WORKDIR/index."""

  k: int = key(10, "passages a query", least=1)
  languages: tuple[str, ...] = key(
    (), "only passages in these languages; empty: all"
  )
  ann: bool = key(
    False, "search with ScaNN, in memory, a part of the index a process"
  )
  instruction: str = key("", "put into text.instruction with each query")
  json: bool = key(False, "print JSON lines, for scripts")


@dataclasses.dataclass(slots=True)
class Ann(Section):
  """ScaNN, wherever it searches."""

  recall: float = key(
    0.95,
    "share of the exact lists that its parameters are tuned to find, on a"
    " sample of queries",
    least=0.1,
    most=1,
  )
  sample: int = key(256, "queries of that sample", least=16)


@dataclasses.dataclass(slots=True)
class Compare(Section):
  """Systems beside each other, written to WORKDIR/compare."""

  systems: tuple[str, ...] = key(
    (),
    "workdirs or results.jsonl files; those with the same `system` are seeds of"
    " one",
  )
  baseline: str = key("", "what others are tested against; empty: the first")
  measures: tuple[str, ...] = key(
    ("map", "mrr", "ndcg@10", "rank_distance"), "measures that are tested"
  )
  resamples: int = key(
    10_000, "of the bootstrap and of the randomisation", least=100
  )
  level: float = key(0.95, "of the intervals and tests", least=0.5, most=0.9999)


@dataclasses.dataclass(slots=True)
class Study(Section):
  """Many runs and what they say together."""

  name: str = key(
    "",
    "of the folder in the workdir that its tables, plots and findings go to",
  )
  kind: str = key(
    "",
    "what its page shows beside the tables that every study has; empty: a plot"
    " of its arms",
    choices=("", "paper", "ratio", "scaling", "mtop", "instruct"),
  )
  notes: dict[str, str] = key(
    dict,
    "data set or benchmark, as configured -> what is to be known of it; of one"
    " that begins with `fixture` the page says that it proves the path alone",
  )
  axes: dict[str, dict[str, dict[str, Any]]] = key(
    dict,
    "axis -> variant -> the keys that it sets, {'kind': {'X-X': {'mix.cross':"
    " 0.0}}}",
  )
  design: str = key(
    "product",
    "cells of every variant with every other, or of one axis at a time, the"
    " other axes at their first variant",
    choices=("product", "one_at_a_time"),
  )
  only: tuple[str, ...] = key(
    (), "AXIS=VARIANT: of that axis only the variants named so; empty: all"
  )
  against: tuple[str, ...] = key(
    (),
    "AXIS=VARIANT: what others of that axis, with the same other variants, are"
    " tested against; empty: the first variant of the first axis, or of every"
    " axis with design='one_at_a_time'",
  )
  seeds: tuple[int, ...] = key((0, 1, 2), "runs a cell", least=0)
  measures: tuple[str, ...] = key(
    ("map", "rank_distance"), "measures in its tables"
  )
  keep_checkpoints: bool = key(
    False,
    "keep the checkpoints of runs that are done, for other tasks, or for other"
    " studies that score the same runs on more",
  )
  dry_run: bool = key(False, "say what would be run, and how long it takes")
  budget_minutes: int = key(
    0, "stop, to go on another time, after so many minutes; 0: run on", least=0
  )


@dataclasses.dataclass(slots=True)
class Config(Section):
  """Everything that a run is told."""

  task: str = key("train_and_evaluate", "what to do", choices=TASKS)
  seed: int = key(
    0, "of weights, plan and dropout", identity=True, least=0, most=2**31 - 1
  )
  system: str = key("", "the name in results and reports; empty: the workdir's")
  cache_dir: str = key(
    "~/.cache/hybrid_ir", "local folder for tokens, data sets, compiled steps"
  )
  encoder: Encoder = key(Encoder, "the encoder")
  text: Text = key(Text, "prefixes and lengths")
  data: Data = key(Data, "the pairs")
  mix: Mix = key(Mix, "the hybrid batch")
  layout: Layout = key(Layout, "texts to arrays")
  loss: Loss = key(Loss, "the objective")
  optimizer: Optimizer = key(Optimizer, "its minimisation")
  train: Train = key(Train, "the loop")
  checkpoint: Checkpoint = key(Checkpoint, "what is kept")
  mesh: Mesh = key(Mesh, "devices")
  compile: Compile = key(Compile, "a step for a pod that is not here")
  adapt: Adapt = key(Adapt, "which parameters train")
  evaluate: Evaluate = key(Evaluate, "retrieval evaluation")
  export: Export = key(Export, "the model for others")
  check_data: CheckData = key(CheckData, "a look at the data")
  mine: Mine = key(Mine, "hard negatives")
  encode: Encode = key(Encode, "a corpus to embeddings")
  search: Search = key(Search, "queries to passages")
  ann: Ann = key(Ann, "approximate search")
  compare: Compare = key(Compare, "systems beside each other")
  study: Study = key(Study, "many runs")


def to_json(config: Config) -> dict[str, Any]:
  """The config as nested dicts, as WORKDIR/config.json holds it."""
  tree: dict[str, Any] = {}
  for name, _, value in walk(config):
    *sections, last = name.split(".")
    node = tree
    for section in sections:
      node = node.setdefault(section, {})
    node[last] = list(value) if isinstance(value, tuple) else value
  return tree


def identity_changes(config: Config, stored: dict[str, Any]) -> list[str]:
  """The identity keys on which a stored config.json disagrees, in words.

  Raising `train.steps` is no change of identity under a constant schedule. A
  key that is not stored is newer than the run and counts as its default: the
  default of a new key is to be what was done before there was one.
  """
  changes = []
  defaults = {name: value for name, _, value in walk(Config())}
  for name, field, value in walk(config):
    old = _stored_value(stored, name, defaults[name])
    new = json.loads(json.dumps(value))
    if not field.metadata["identity"] or old == new:
      continue
    if (
      name == "train.steps"
      and config.optimizer.schedule == "constant"
      and isinstance(old, int)
      and new > old
    ):
      continue
    changes.append(f"{name}: {old!r} there, {new!r} now")
  return changes


def _stored_value(stored: Any, name: str, default: Any) -> Any:
  """A key's value in a config.json; None where that has another shape."""
  for part in name.split("."):
    if not isinstance(stored, dict):
      return None
    if part not in stored:
      return json.loads(json.dumps(default))
    stored = stored[part]
  return stored
