import dataclasses
import inspect
import json

import numpy as np
import pytest

from hybrid_ir.data.plan import Plan
from hybrid_ir.data.tokenizer import load
from hybrid_ir.errors import UserError
from hybrid_ir.training import loop
from hybrid_ir.training.lora import encoder_params


@pytest.fixture
def handed(run, tmp_path, monkeypatch):
  """changes -> what task=train hands the loop, by name; nothing is trained."""
  names = inspect.signature(loop.train)
  calls = []
  monkeypatch.setattr(loop, "train", lambda *values: calls.append(values))

  def handed(changes):
    run(tmp_path / f"handed_{len(calls)}", changes)
    return names.bind(*calls[-1]).arguments

  return handed


def dev_figures(arguments):
  """Of the parameters that a run begins with."""
  params = encoder_params(arguments["state"]["params"])
  return arguments["evaluate"](params, 0)


def test_what_a_run_leaves(trained, lines_of, steps_of):
  assert steps_of(trained) == [6]
  config = json.loads((trained / "config.json").read_text())
  assert config["train"]["steps"] == 6
  assert load(trained).size <= 80
  lines = lines_of(trained, "metrics.jsonl")
  assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6]
  wanted = {"step", "loss", "learning_rate", "pairs_per_s", "tokens_per_s"}
  for line in lines:
    assert wanted | {"kind", "real_token_share"} <= line.keys()
  assert sorted({line["kind"] for line in lines}) == ["cross", "mono"]
  assert list((trained / "tensorboard").iterdir())


def test_says_what_it_trains_on(run, tmp_path, capsys, data):
  run(tmp_path, {"train.steps": 1})
  told = capsys.readouterr().out
  assert f"data      {data}: 144 pairs, 48 parallel ids, de en tr" in told
  assert "steps 0 to 1, 1 cpu device\n" in told
  assert "step 1/1  loss " in told


def test_a_language_that_no_set_has_is_refused(run, tmp_path, data):
  english = tmp_path / "english.jsonl"
  lines = data.read_text(encoding="utf-8").splitlines(keepends=True)
  english.write_text(
    "".join(line for line in lines if '"language": "en"' in line),
    encoding="utf-8",
  )
  changes = {"train.steps": 1, "data.train": (str(data), str(english))}
  run(tmp_path / "run", {**changes, "data.languages": ("de", "en")})
  with pytest.raises(UserError, match=r"'data.languages' has 'fr', but no re"):
    run(tmp_path / "wrong", {**changes, "data.languages": ("de", "en", "fr")})
  assert not (tmp_path / "wrong" / "checkpoints").exists()


def test_dev_picks_the_best_and_stops(run, tmp_path, data, lines_of, steps_of):
  changes = {
    "train.steps": 40,
    "optimizer.learning_rate": 1e-30,  # so that dev cannot gain
    "evaluate.dev": str(data),
    "evaluate.every": 2,
    "evaluate.patience": 2,
    "checkpoint.keep": 1,
  }
  run(tmp_path, changes)
  dev = [
    line["dev"] for line in lines_of(tmp_path, "metrics.jsonl") if "dev" in line
  ]
  assert len(dev) == 3
  for figures in dev:
    settings = [figures[f"{s}_map"] for s in ("mono", "cross", "multi")]
    assert figures["dev"] == pytest.approx(np.mean(settings))
  # All are equal: the first is the best, and it is kept beside the last.
  assert steps_of(tmp_path) == [2, 6]
  run(tmp_path, {**changes, "task": "evaluate"})
  steps = {line["step"] for line in lines_of(tmp_path, "results.jsonl")}
  assert steps == {2}


def test_a_benchmark_alone_may_have_prefixes_of_its_own(run, data, tmp_path):
  changes = {"train.steps": 1, "evaluate.benchmarks": ("xquad_r:context",)}
  prefixes = dict.fromkeys(("xquad_r", str(data)), ("a ", "b "))
  run(tmp_path, {**changes, "data.prefixes": prefixes})
  assert (tmp_path / "checkpoints" / "1").is_dir()


def test_training_and_dev_have_the_data_sets_own_prefixes(handed, data):
  """They do what the same prefixes for all texts do."""
  dev = {"evaluate.dev": str(data), "evaluate.every": 1}
  ways = {
    "none": {},
    "own": {"data.prefixes": {str(data): ("nach ", "es wächst ")}},
    "all": {"text.query_prefix": "nach ", "text.passage_prefix": "es wächst "},
  }
  tokens, figures = {}, {}
  for name, changes in ways.items():
    arguments = handed({**dev, **changes})
    tokens[name] = arguments["batches"](0)["tokens"].tolist()
    figures[name] = dev_figures(arguments)
  assert tokens["own"] == tokens["all"] != tokens["none"]
  assert figures["own"] == figures["all"] != figures["none"]


def test_the_dev_set_is_scored_with_all_dimensions(handed, data):
  """They are no identity key: the best would be one of several measures."""
  dev = {"evaluate.dev": str(data), "evaluate.every": 1}
  cut = handed({**dev, "encoder.dimensions": 2})
  assert dev_figures(cut) == dev_figures(handed(dev))


def test_the_batches_are_those_that_the_config_asks_for(
  handed, data, copy_data, tmp_path
):
  other = copy_data(tmp_path / "other.jsonl")
  arguments = handed(
    {
      "data.train": (f"{data}=1", f"{other}=3"),
      "data.limit": 20,
      "mix.mono": 0.75,
      "seed": 3,
      "train.chunks": 2,
    }
  )
  batches, mix = arguments["batches"], arguments["config"].mix
  assert [corpus.name for corpus in batches.corpora] == [str(data), other]
  plan = Plan(batches.corpora, [1, 3], mix, 8, 3, 20)
  for step in range(40):
    ours, theirs = (
      dataclasses.asdict(made(step)) for made in (batches.plan, plan)
    )
    np.testing.assert_equal(ours, theirs)
  assert (batches.query_length, batches.passage_length) == (32, 64)
  assert (batches.seed, batches.rows_multiple) == (3, 2)


def test_queries_of_the_dev_set_carry_their_instructions(
  handed, copy_data, tmp_path
):
  """As a dev set whose queries are written out in full."""
  ways = {
    "without": lambda record: record,
    "carried": lambda record: {**record, "instruction": record["language"]},
    "written": lambda record: {
      **record,
      "query": f"Instruct: {record['language']}\nQuery: {record['query']}",
    },
  }
  figures = {
    name: dev_figures(
      handed(
        {
          "evaluate.dev": copy_data(tmp_path / f"{name}.jsonl", change),
          "evaluate.every": 1,
          "text.query_length": 64,
        }
      )
    )
    for name, change in ways.items()
  }
  assert figures["carried"] == figures["written"] != figures["without"]


def test_a_warm_start_is_the_other_runs_end(run, trained, tmp_path, arrays_of):
  run(tmp_path, {"train.warm_start": str(trained), "train.steps": 0})
  ours, theirs = arrays_of(tmp_path, 0), arrays_of(trained, 6)
  params = [name for name in theirs if name.startswith("params/")]
  assert len(params) > 5
  for name in params:
    assert ours[name].tobytes() == theirs[name].tobytes()
  moments = [n for n in ours if "/mu/" in n]
  assert moments
  assert not any(ours[name].any() for name in moments)


def test_a_warm_start_brings_its_tokenizer(run, trained, data, tmp_path):
  """Other data, whose own tokenizer would be another."""
  other = tmp_path / "other.jsonl"
  lines = data.read_text(encoding="utf-8").splitlines(keepends=True)
  other.write_text("".join(lines[:60]), encoding="utf-8")
  workdir = tmp_path / "run"
  changes = {"train.warm_start": str(trained), "data.train": (str(other),)}
  run(workdir, {**changes, "train.steps": 1})
  assert load(workdir).fingerprint == load(trained).fingerprint


def test_a_warm_start_from_nothing_is_refused(run, tmp_path, trained):
  workdir, empty = tmp_path / "run", tmp_path / "empty"
  empty.mkdir()
  message = r"'train.warm_start' is '.*empty': no checkpoints/ there; name the"
  with pytest.raises(UserError, match=message):
    run(workdir, {"train.warm_start": str(empty)})
  (empty / "checkpoints").mkdir()
  with pytest.raises(UserError, match=r"empty/tokenizer.json: no tokenizer"):
    run(workdir, {"train.warm_start": str(empty)})
  (empty / "tokenizer.json").write_bytes(
    (trained / "tokenizer.json").read_bytes()
  )
  with pytest.raises(UserError, match=r"empty/checkpoints: no checkpoints"):
    run(workdir, {"train.warm_start": str(empty)})
  assert [path.name for path in workdir.iterdir()] == [".lock"]


def test_a_warm_start_of_another_shape_is_refused(run, tmp_path, trained):
  message = r"checkpoint is of another model: architecture is .* there"
  with pytest.raises(UserError, match=message):
    run(
      tmp_path,
      {"train.warm_start": str(trained), "encoder.hidden_size": 32},
    )


def test_a_loss_that_is_no_number_is_told(run, tmp_path, steps_of):
  message = (
    r"step \d: the loss is nan.* batch of .*towns.jsonl held t\d+ \(\w\w-\w\w\)"
  )
  with pytest.raises(UserError, match=message):
    run(
      tmp_path,
      {
        "optimizer.learning_rate": 1e38,
        "train.steps": 8,
        "checkpoint.every": 1,
      },
    )
  assert steps_of(tmp_path) == [1]


def test_changed_data_are_refused(run, tmp_path, data):
  mine = tmp_path / "mine.jsonl"
  text = data.read_text(encoding="utf-8")
  mine.write_text(text, encoding="utf-8")
  workdir = tmp_path / "run"
  changes = {"data.train": (str(mine),)}
  run(workdir, {**changes, "train.steps": 1})
  mine.write_text(text.replace("hafer", "gerste"), encoding="utf-8")
  with pytest.raises(UserError, match=r"training data changed since this run"):
    run(workdir, {**changes, "train.steps": 2})


def test_killed_before_its_first_checkpoint_it_begins_with_the_data_of_now(
  run, data, tmp_path
):
  mine, workdir = tmp_path / "mine.jsonl", tmp_path / "run"
  text = data.read_text(encoding="utf-8")
  mine.write_text(text, encoding="utf-8")
  changes = {"data.train": (str(mine),), "train.steps": 1}
  run(workdir, changes)
  (workdir / "checkpoints" / "1").rename(
    workdir / "checkpoints" / "1.orbax-checkpoint-tmp"
  )
  mine.write_text(text.replace("hafer", "gerste"), encoding="utf-8")
  run(workdir, changes)
  run(tmp_path / "new", changes)
  ours, theirs = load(workdir), load(tmp_path / "new")
  assert ours.fingerprint == theirs.fingerprint


def test_a_changed_tokenizer_is_refused(run, tmp_path):
  run(tmp_path, {"train.steps": 1})
  path = tmp_path / "tokenizer.json"
  path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
  message = r"checkpoints: the checkpoint is of another model: tokenizer is"
  with pytest.raises(UserError, match=message):
    run(tmp_path, {"train.steps": 2})


def test_a_run_of_another_config_is_refused(run, trained):
  message = r"another config \(seed: 0 there, 1 now\); name another folder"
  with pytest.raises(UserError, match=message):
    run(trained, {"train.steps": 6, "seed": 1})
  with pytest.raises(UserError, match=r"train.steps: 6 there, 3 now"):
    run(trained, {"train.steps": 3})


@pytest.mark.parametrize(
  ("changes", "message"),
  [
    (
      {"mesh.data": 8, "train.batch_size": 12},
      r"'train.batch_size' is 12; it must be a multiple of the 8 devices",
    ),
    (
      {"mesh.data": 3},
      r"'mesh.data' is 3, which must divide the 8 devices",
    ),
    (
      {"encoder.max_positions": 48},
      r"'text.passage_length' is 64, but 'encoder.max_positions' is 48",
    ),
    (
      {"train.batch_size": 49},
      r"'train.batch_size' is 49, more than the 48 ids",
    ),
    ({"encoder.path": "/nowhere"}, r"'encoder.path' is '/nowhere': no such f"),
    ({"data.train": ("nosuch",)}, r"unknown data set 'nosuch'"),
    (
      {"data.prefixes": {"twons": ("a ", "b ")}},
      r"'data.prefixes' has 'twons', which neither 'data.train',",
    ),
    (
      {"evaluate.dev": "nosuch", "evaluate.every": 1},
      r"unknown benchmark 'nosuch'",
    ),
  ],
)
def test_what_cannot_work_is_refused_before_any_file(
  run, tmp_path, changes, message
):
  with pytest.raises(UserError, match=message):
    run(tmp_path, changes)
  assert {path.name for path in tmp_path.iterdir()} <= {".lock"}


@pytest.mark.parametrize(
  ("line", "message"),
  [
    ('{"id": "x"', r"broken.jsonl:4: malformed JSON"),
    ('{"id": "x", "language": "de"}', r"broken.jsonl:4: query: missing"),
    (
      '{"id": "t0", "language": "de", "query": "a", "passage": "b"}',
      r"broken.jsonl:4: id \"t0\" in language de stands already at",
    ),
  ],
)
def test_bad_data_leave_nothing_behind(run, data, tmp_path, line, message):
  broken = tmp_path / "broken.jsonl"
  lines = data.read_text(encoding="utf-8").splitlines()
  broken.write_text("\n".join([*lines[:3], line, *lines[3:]]), encoding="utf-8")
  workdir = tmp_path / "run"
  with pytest.raises(UserError, match=message):
    run(workdir, {"data.train": (str(broken),)})
  assert [path.name for path in workdir.iterdir()] == [".lock"]
