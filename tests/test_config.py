import ast
import dataclasses
import importlib.util
import itertools
import json
import pathlib
from types import UnionType

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hybrid_ir
from hybrid_ir.config import Config, identity_changes, to_json
from hybrid_ir.config_check import check
from hybrid_ir.config_keys import Section, unknown_key, walk
from hybrid_ir.errors import UserError

PACKAGE = pathlib.Path(hybrid_ir.__file__).parent
CONFIGS = sorted((PACKAGE.parent / "configs").rglob("*.py"))
FIELDS = {name: field for name, field, _ in walk(Config())}
DEFAULTS = {name: value for name, _, value in walk(Config())}
SECTIONS = {"Config": ""} | {  # class -> how its keys begin
  field.type.__name__: f"{field.name}."
  for field in dataclasses.fields(Config)
  if isinstance(field.type, type) and issubclass(field.type, Section)
}


def put(config, name, value):
  """Sets a key by its dotted name."""
  *sections, last = name.split(".")
  for section in sections:
    config = getattr(config, section)
  setattr(config, last, value)


def made(keys):
  config = Config()
  for name, value in keys.items():
    put(config, name, value)
  return config


def checked(keys):
  config = made(keys)
  check(config)
  return config


def refusal(keys):
  with pytest.raises(UserError) as caught:
    checked(keys)
  assert "\n" not in str(caught.value)
  return str(caught.value)


# ---------------------------------------------------- every key does something


def chain(node):
  """["config", "train", "steps"] of config.train.steps."""
  names = []
  while isinstance(node, ast.Attribute):
    names.append(node.attr)
    node = node.value
  return [node.id, *reversed(names)] if isinstance(node, ast.Name) else []


def section_names(tree):
  """What a module calls the sections' classes -> how their keys begin."""
  names = {}
  for node in ast.walk(tree):
    if isinstance(node, ast.ImportFrom):
      for alias in node.names:
        spelt = alias.asname or alias.name
        if node.module == "hybrid_ir.config" and alias.name in SECTIONS:
          names[spelt] = SECTIONS[alias.name]
        if (node.module, alias.name) == ("hybrid_ir", "config"):
          names |= {f"{spelt}.{c}": start for c, start in SECTIONS.items()}
  return names


def keys_read(source):
  """The dotted keys that a module's source looks up.

  A variable or attribute holds a section where it is annotated as one, or is
  set from what does; in all of the module, whichever function it is in.
  """
  tree = ast.parse(source)
  classes = section_names(tree)
  holders = {}
  for node in ast.walk(tree):
    if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
      start = classes.get(ast.unparse(node.annotation))
      if start is not None:
        named = isinstance(node, ast.arg)
        holders[node.arg if named else chain(node.target)[-1]] = start

  def held(node):
    names = chain(node)
    for i, name in enumerate(names):
      if name in holders:
        yield holders[name] + ".".join(names[i + 1 :])

  for target, value in assignments(tree):
    if isinstance(value, ast.Name) and isinstance(target, ast.Attribute):
      if value.id in holders:
        holders[target.attr] = holders[value.id]
    elif isinstance(target, ast.Name) and isinstance(value, ast.Attribute):
      for key in held(value):
        if f"{key}." in SECTIONS.values():
          holders[target.id] = f"{key}."
  return {
    key
    for node in ast.walk(tree)
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    for key in held(node)
  }


def assignments(tree):
  """(target, value), those of tuples one by one."""
  for node in ast.walk(tree):
    if isinstance(node, ast.Assign):
      for target in node.targets:
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
          yield from zip(target.elts, node.value.elts, strict=True)
        else:
          yield target, node.value


def test_keys_read():
  # The test below is worth what this function is.
  assert keys_read("""
from hybrid_ir import config as config_lib
from hybrid_ir.config import Config, Mix as M

def run(config: Config, mix: M, every: int):
  config.train.steps
  config.train.chunks = 3
  mix.mono + every.cross
  mine, other = config.mine, every
  mine.most + other.depth

class Loop:
  layout: config_lib.Layout

  def __init__(self, config: Config):
    self._config = config

  def go(self):
    self._config.mesh.data * self.layout.packing
""") >= {
    *("train.steps", "mix.mono", "mine.most", "mesh.data", "layout.packing"),
  }
  assert not keys_read("""
from hybrid_ir.data.layout import Layout

def run(config, layout: Layout):
  config.train.steps + layout.packing
""")


def test_every_key_is_read():
  read = set()
  for path in PACKAGE.rglob("*.py"):
    if path.name not in ("config.py", "config_check.py", "config_keys.py"):
      read |= keys_read(path.read_text())
  assert set(FIELDS) - read == set()


def test_every_key_is_documented():
  for name, field in FIELDS.items():
    assert field.metadata["doc"].strip(), name


# ------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
  ("name", "near"),
  [
    ("train.stesp", "train.steps"),
    ("trian.steps", "train.steps"),
    ("steps", "train.steps"),
    ("mix.monolingual", "mix.mono"),
    ("optimiser.learning_rate", "optimizer.learning_rate"),
    ("model.pooling", "encoder.pooling"),
    ("lareqa_dir", "data.lareqa_dir"),
    ("sede", "seed"),
  ],
)
def test_nearest_key(name, near):
  assert unknown_key(name, FIELDS) == (
    f"unknown config key '{name}': did you mean '{near}'?"
  )


def test_no_key_is_near():
  message = unknown_key("qqqq", ["steps", "_frozen", "chunks"])
  assert message == "unknown config key 'qqqq': known: chunks, steps"


def test_a_misspelt_key_cannot_be_set():
  config = Config()
  with pytest.raises(UserError, match="'stesp': did you mean 'steps'"):
    config.train.stesp = 3
  with pytest.raises(UserError, match="'trian': did you mean 'train'"):
    config.trian = config.train


@pytest.mark.parametrize(
  ("keys", "message"),
  [
    (
      {"train.steps": "100"},
      "config key 'train.steps' is '100'; expected a whole number",
    ),
    (
      {"train.steps": 1.0},
      "config key 'train.steps' is 1.0; expected a whole number",
    ),
    (
      {"train.steps": True},
      "config key 'train.steps' is True; expected a whole number",
    ),
    (
      {"train.steps": None},
      "config key 'train.steps' is None; expected a whole number",
    ),
    (
      {"loss.two_sided": 1},
      "config key 'loss.two_sided' is 1; expected True or False",
    ),
    (
      {"loss.temperature": "0.02"},
      "config key 'loss.temperature' is '0.02'; expected a number",
    ),
    (
      {"encoder.path": pathlib.Path("x")},
      f"config key 'encoder.path' is {pathlib.Path('x')!r}; expected a text",
    ),
    (
      {"layout.row_lengths": 64},
      "config key 'layout.row_lengths' is 64; expected whole numbers, such"
      " as 64,128",
    ),
    (
      {"layout.row_lengths": "64"},
      "config key 'layout.row_lengths' is '64'; expected whole numbers, such"
      " as 64,128",
    ),
    (
      {"layout.row_lengths": (64, "128")},
      "config key 'layout.row_lengths' is (64, '128'); expected whole numbers,"
      " such as 64,128",
    ),
    (
      {"data.train": ("world_facts", 3)},
      "config key 'data.train' is ('world_facts', 3); expected names, such"
      " as a,b",
    ),
    ({"train": 100}, "config section 'train' was replaced by 100"),
    (
      {"task": "trian"},
      "config key 'task' is 'trian'; expected one of 'train_and_evaluate',"
      " 'train', 'evaluate', 'report', 'export', 'check_data', 'mine',"
      " 'encode', 'search', 'compile', 'compare',"
      " 'study' (did you mean 'train'?)",
    ),
    (
      {"encoder.pooling": "max"},
      "config key 'encoder.pooling' is 'max'; expected one of 'mean', 'cls',"
      " 'pooler'",
    ),
    (
      {"evaluate.settings": ("mono", "crss")},
      "config key 'evaluate.settings' is 'crss'; expected one of 'mono',"
      " 'cross', 'multi' (did you mean 'cross'?)",
    ),
    (
      {"train.steps": -1},
      "config key 'train.steps' is -1; expected at least 0",
    ),
    ({"seed": 2**31}, f"config key 'seed' is {2**31}; expected at most "),
    (
      {"encoder.dropout": 1.0},
      "config key 'encoder.dropout' is 1.0; expected at most 0.9",
    ),
    (
      {"layout.row_lengths": (4, 512)},
      "config key 'layout.row_lengths' is 4; expected at least 8",
    ),
    (
      {"loss.temperature": 0},
      "config key 'loss.temperature' is 0.0; expected at least 0.001",
    ),
    (
      {"mix.mono": 0, "mix.cross": 0.0},
      "config keys 'mix.mono', 'mix.cross' and 'mix.instruct' are all 0;"
      " expected a weight",
    ),
    (
      {"data.limit": 31, "train.batch_size": 32},
      "config key 'data.limit' is 31, under 'train.batch_size' 32; a batch",
    ),
    (
      {"text.instruction": "{instruction}"},
      "config key 'text.instruction' is '{instruction}'; expected {query} in",
    ),
    (
      {"data.prefixes": {"a": "query: "}},
      "config key 'data.prefixes' is {'a': 'query: '}; expected a dict from a"
      " name to a pair of strings",
    ),
    (
      {"study.notes": {"xquad_r": 3}},
      "config key 'study.notes' is {'xquad_r': 3}; expected a dict from a name"
      " to a text, set in the config's file",
    ),
    (
      {"study.name": "../paper"},
      "config key 'study.name' is '../paper'; expected a folder's name",
    ),
    (
      {"study.name": "cells"},
      "config key 'study.name' is 'cells'; expected a folder's name",
    ),
    (
      {"encoder.pooling": "pooler"},
      "config key 'encoder.pooling' is 'pooler', a layer of a pretrained BERT",
    ),
    (
      {"encoder.keep_layers": 3},
      "config key 'encoder.keep_layers' is 3, but 'encoder.path' is empty",
    ),
    (
      {"adapt.lora_rank": 4, "adapt.freeze_layers": 1},
      "config key 'adapt.lora_rank' is 4: then nothing but the product trains",
    ),
    (
      {"adapt.trim_vocabulary": True},
      "config key 'adapt.trim_vocabulary' is True, but 'encoder.path' is empty",
    ),
    (
      {"layout.row_lengths": (128, 64, 512)},
      "config key 'layout.row_lengths' is (128, 64, 512); expected lengths in"
      " ascending order",
    ),
    (
      {"layout.row_lengths": (64, 64, 512)},
      "config key 'layout.row_lengths' is (64, 64, 512); expected lengths in"
      " ascending order",
    ),
    (
      {"text.passage_length": 1024},
      "config key 'text.passage_length' is 1024, over the longest row of"
      " 'layout.row_lengths' (64, 128, 256, 512)",
    ),
    (
      {"layout.row_lengths": ()},
      "config key 'layout.row_lengths' is (); expected lengths in ascending",
    ),
    (
      {"encoder.heads": 5},
      "config key 'encoder.heads' is 5; it must divide 'encoder.hidden_size'"
      " (256)",
    ),
    (
      {"evaluate.every": 10},
      "config keys 'evaluate.dev' ('') and 'evaluate.every' (10) go together",
    ),
    (
      {"evaluate.dev": "world_facts"},
      "config keys 'evaluate.dev' ('world_facts') and 'evaluate.every' (0) go",
    ),
    (
      {"evaluate.patience": 3},
      "config key 'evaluate.patience' is 3, but without 'evaluate.dev' and",
    ),
    (
      {"optimizer.warmup": 100},
      "config key 'optimizer.warmup' is 100.0; expected a share of train.steps,"
      " at most 1",
    ),
    (
      {"mesh.data": 0},
      "config key 'mesh.data' is 0; expected -1 or a count",
    ),
  ],
)
def test_refused(keys, message):
  assert refusal(keys).startswith(message)


def test_floats_are_finite():
  floats = [name for name, field in FIELDS.items() if field.type is float]
  values = (float("nan"), float("inf"), -float("inf"))
  for name, value in itertools.product(floats, values):
    expected = f"config key '{name}' is {value}; expected a number"
    assert refusal({name: value}) == expected


def test_bounds_of_every_key():
  bounded = 0
  for name, field in FIELDS.items():
    for bound, step in (("least", -1), ("most", 1)):
      limit = field.metadata[bound]
      if limit is None:
        continue
      bounded += 1
      value = limit + step
      many = field.type == tuple[int, ...]
      message = refusal({name: (value,) if many else value})
      assert message.startswith(f"config key '{name}' is {value}")
      assert message.endswith(f"expected at {bound} {limit:g}")
  assert bounded > 30


def test_choices_of_every_key():
  for name, field in FIELDS.items():
    if choices := field.metadata["choices"]:
      many = field.type == tuple[str, ...]
      for choice in choices:
        path = {"encoder.path": "a_bert"}  # which some choices need
        checked({name: (choice,) if many else choice} | path)
      assert "expected one of" in refusal({name: ("no",) if many else "no"})


ANYTHING = (
  st.none()
  | st.booleans()
  | st.integers()
  | st.floats()
  | st.text(max_size=5)
  | st.lists(st.integers() | st.text(max_size=5), max_size=3)
  | st.dictionaries(st.text(max_size=2), st.integers(), max_size=2)
)


@given(name=st.sampled_from(sorted(FIELDS)), value=ANYTHING)
def test_a_value_is_taken_or_refused(name, value):
  config = made({name: value})
  try:
    check(config)
  except UserError:
    return
  declared = FIELDS[name].type
  kinds = declared.__args__ if isinstance(declared, UnionType) else [declared]
  for part in name.split("."):
    config = getattr(config, part)
  assert type(config) in [getattr(kind, "__origin__", kind) for kind in kinds]


# ------------------------------------------------------- conversion, freezing


def test_values_become_the_declared_type():
  config = checked(
    {
      "mix.mono": 1,
      "layout.row_lengths": [128, 512],
      "evaluate.runs": "mono",
      "data.train": "a.jsonl=2, b.jsonl=1",
      "evaluate.benchmarks": ["xquad_r", "world_facts"],
      "data.beam_options": ("--experiments=a,b", "--region=x"),
    }
  )
  assert type(config.mix.mono) is float
  assert config.layout.row_lengths == (128, 512)
  assert config.evaluate.runs == ("mono",)
  assert config.data.train == ("a.jsonl=2", "b.jsonl=1")
  assert config.evaluate.benchmarks == ("xquad_r", "world_facts")
  assert config.data.beam_options == ("--experiments=a,b", "--region=x")


def test_none_where_a_key_may_be_left_open():
  config = checked({"text.query_length": 8, "encoder.normalize": False})
  assert (config.text.query_length, config.encoder.normalize) == (8, False)
  assert (config.text.passage_length, config.encoder.pooling) == (None, None)
  assert "expected True or False" in refusal({"encoder.normalize": 1})
  assert "expected at least 4" in refusal({"text.query_length": 3})


def test_prefixes_keep_their_spaces_and_commas():
  config = checked({"data.prefixes": {"a": ["query: ", "so, then: "]}})
  assert config.data.prefixes == {"a": ("query: ", "so, then: ")}


def test_frozen():
  config = checked({})
  with pytest.raises(UserError, match="'steps' is set after the config was"):
    config.train.steps = 3
  with pytest.raises(UserError, match="'task' is set after"):
    config.task = "train"


def test_a_refused_config_can_be_mended():
  config = made({"train.steps": -1})
  with pytest.raises(UserError):
    check(config)
  config.train.steps = 5
  check(config)


def test_configs_do_not_share_sections():
  one, other = Config(), Config()
  one.train.steps = 1
  assert other.train.steps == 1000


# --------------------------------------------------------------- JSON, resume


def test_json_round_trip():
  config = checked({"mix.mono": 0.1 + 0.2, "data.train": ("ä.jsonl", "b=1")})
  tree = json.loads(json.dumps(to_json(config)))
  again = Config()
  for name in FIELDS:
    value = tree
    for part in name.split("."):
      value = value[part]
    put(again, name, value)
  check(again)
  assert again == config
  assert identity_changes(again, tree) == []


def another(field, value):
  """A value that the key may also take."""
  if choices := field.metadata["choices"]:
    left = [c for c in choices if c != value and (c,) != value]
    return tuple(left) if isinstance(value, tuple) else left[0]
  if value is None:
    return {bool: True, int: 9, str: "x"}[field.type.__args__[0]]
  if isinstance(value, bool):
    return not value
  if isinstance(value, tuple):
    return value + value or (9,)
  if isinstance(value, dict):
    return {"a": ("x", "y")}
  return value + "x" if isinstance(value, str) else value + 1


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_identity(name):
  stored = json.loads(json.dumps(to_json(Config())))
  field = FIELDS[name]
  old = stored
  for part in name.split("."):
    old = old[part]
  new = another(field, DEFAULTS[name])
  expected = f"{name}: {old!r} there, {json.loads(json.dumps(new))!r} now"
  assert identity_changes(made({name: new}), stored) == (
    [expected] if field.metadata["identity"] else []
  )


def test_what_makes_a_run():
  # A seed, data, mix, plan, encoder, loss, optimizer; not where it runs.
  free = {n for n, f in FIELDS.items() if not f.metadata["identity"]}
  assert {n.split(".")[0] for n in free} == {
    "task",
    "system",
    "cache_dir",
    "encoder",
    "data",
    "train",
    "checkpoint",
    "compile",
    "loss",
    "mesh",
    "evaluate",
    "export",
    "check_data",
    "ann",
    "compare",
    "study",
    "mine",
    "encode",
    "search",
  }
  assert {
    n for n in free if n.split(".")[0] in ("encoder", "data", "train")
  } == {
    "encoder.remat",
    "encoder.dimensions",
    "data.mtop_dir",
    "data.bitext_dir",
    "data.beam_options",
    "data.beam_runner",
    "data.lareqa_dir",
    "data.workers",
    "train.chunks",
    "train.log_every",
    "train.check_finite",
  }


@pytest.mark.parametrize(
  ("schedule", "steps", "changes"),
  [
    ("constant", 2000, []),
    ("constant", 1000, []),
    ("constant", 500, ["train.steps: 1000 there, 500 now"]),
    ("cosine", 2000, ["train.steps: 1000 there, 2000 now"]),
    ("linear", 2000, ["train.steps: 1000 there, 2000 now"]),
  ],
)
def test_more_steps(schedule, steps, changes):
  stored = to_json(made({"optimizer.schedule": schedule}))
  config = made({"optimizer.schedule": schedule, "train.steps": steps})
  assert identity_changes(config, stored) == changes


@pytest.mark.parametrize("stored", [{"train": 3}, [], 5])
def test_a_stored_config_of_another_shape(stored):
  changes = identity_changes(Config(), stored)
  assert "train.steps: None there, 1000 now" in changes


@pytest.mark.parametrize("stored", [{}, {"train": {}}])
def test_a_key_that_is_not_stored_counts_as_its_default(stored):
  assert identity_changes(Config(), stored) == []
  config = made({"train.steps": 7, "layout.row_lengths": (32,)})
  assert identity_changes(config, stored) == [
    "layout.row_lengths: [64, 128, 256, 512] there, [32] now",
    "train.steps: 1000 there, 7 now",
  ]


# ------------------------------------------------------------ the files there


def test_there_are_configs():
  assert {path.stem for path in CONFIGS} >= {"quickstart", "e5_small_lareqa"}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config_file(path):
  spec = importlib.util.spec_from_file_location("config_file", path)
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  config = module.get_config()
  assert isinstance(config, Config)
  assert config != Config()
  check(config)
  for word in ("Command:", "--config=", "Hardware:"):
    assert word in module.__doc__
