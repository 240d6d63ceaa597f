"""The loop with a trainer whose loss is the step's number, and no data."""

import dataclasses
import json
import re
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hybrid_ir import clock
from hybrid_ir.config import Config
from hybrid_ir.data.plan import PlannedBatch
from hybrid_ir.errors import UserError
from hybrid_ir.training import loop
from hybrid_ir.training import mesh as mesh_lib
from hybrid_ir.training.checkpoint import Progress
from hybrid_ir.training.loop import train
from hybrid_ir.training.metrics import FILE, MetricsLog
from hybrid_ir.training.step import State

CORPUS = types.SimpleNamespace(
  name="toys", ids=("a", "b", "c"), languages=("de", "tr")
)


@dataclasses.dataclass(frozen=True)
class Counter:
  """Stands for the trainer: the loss is w, which grows by one a step."""

  broken: int | None = None  # the first step whose loss is not a number
  steep: int | None = None  # the step whose gradient is infinite
  mesh: jax.sharding.Mesh | None = None

  def step(self, state, batch):
    w = state["params"]["encoder"]["w"] + 1
    if self.broken is not None:
      w = jnp.where(batch["group"][0] == self.broken, jnp.nan, w)
    new = State(
      step=state["step"] + 1, params={"encoder": {"w": w}}, optimizer=()
    )
    one = norm = jnp.float32(1)
    if self.steep is not None:
      norm = jnp.where(batch["group"][0] == self.steep, jnp.inf, norm)
    return new, {
      "loss": w,
      "accuracy": one,
      "gradient_norm": norm,
      "temperature": one,
    }


class Plan:
  """Stands for the plan: even steps are mono, odd ones cross."""

  def kind(self, step):
    return ("mono", "cross")[step % 2]

  def __call__(self, step):
    return PlannedBatch(
      kind=self.kind(step),
      corpus=0,
      ids=np.array([2, 0]),
      query_language=np.array([0, 1]),
      passage_language=np.array([1, 1]),
    )


class Data:
  """Stands for the batches."""

  plan = Plan()

  def describe(self, step):
    return self.plan(step), CORPUS


class Recorder:
  """Stands for the checkpoints; notes every event beside the saves."""

  def __init__(self, steps=()):
    self.steps = list(steps)
    self.events = []
    self.saved = {}  # step -> (w, progress, dev)

  def save(self, state, step, contract, progress, dev):
    self.events.append(("save", step))
    self.steps.append(step)
    w = float(state["params"]["encoder"]["w"])
    self.saved[step] = w, progress, dev
    assert int(state["step"]) == step
    assert contract == {"pooling": "mean"}


@pytest.fixture
def run(tmp_path):
  """Runs the loop; gives (recorder, lines of metrics)."""

  def run(
    steps=6,
    start=0,
    dev=None,
    progress=None,
    broken=None,
    steep=None,
    recorder=None,
    told=None,
    **keys,
  ):
    config = Config()
    config.train.steps = steps
    config.train.batch_size = 2
    config.optimizer.learning_rate = 0.5
    config.optimizer.schedule = "linear"
    config.optimizer.warmup = 0.0
    for name, value in keys.items():
      section, key = name.split("__")
      setattr(getattr(config, section), key, value)
    recorder = recorder or Recorder()

    def stream(first, stop):
      for step in range(first, stop):
        recorder.events.append(("draw", step))
        row = np.array([[1, 1, 2, 0]], np.int32)
        names = ("text_row", "text_start", "text_segment", "negative_group")
        yield (
          step,
          {
            **dict.fromkeys(("tokens", "segments", "positions"), row),
            **dict.fromkeys(names, row[0]),
            "group": np.array([step], np.int32),
            "teacher": np.full((1, 1), np.nan, np.float32),
          },
        )

    def evaluate(params, step):
      recorder.events.append(("evaluate", step))
      assert float(params["w"]) == step
      return {"dev": dev[step], "mono_map": 0.5}

    mesh = mesh_lib.make_mesh(1)
    state = State(
      step=jnp.int32(start),
      params={"encoder": {"w": jnp.float32(start)}},
      optimizer=(),
    )
    with MetricsLog(tmp_path, start) as log:
      train(
        config,
        Counter(broken, steep),
        jax.device_put(state, mesh_lib.shardings(mesh, state)),
        progress or Progress(),
        Data(),
        stream,
        mesh,
        {"pooling": "mean"},
        recorder,
        log,
        evaluate if dev else None,
        told or (lambda step: False),
      )
    text = (tmp_path / FILE).read_text()
    return recorder, [json.loads(line) for line in text.splitlines()]

  return run


def test_what_happens_in_which_order(run):
  recorder, _ = run(
    steps=4, dev={3: 0.1}, checkpoint__every=2, evaluate__every=3
  )
  assert recorder.events == [
    *(("draw", 0), ("draw", 1), ("save", 2)),
    *(("draw", 2), ("evaluate", 3), ("save", 3)),
    *(("draw", 3), ("save", 4)),
  ]
  assert {step: saved[0] for step, saved in recorder.saved.items()} == (
    {2: 2, 3: 3, 4: 4}
  )
  assert [dev for _, _, dev in recorder.saved.values()] == [None, 0.1, None]


def test_goes_on_where_it_stopped(run):
  recorder, lines = run(steps=5, start=3, train__log_every=1)
  assert recorder.events == [("draw", 3), ("draw", 4), ("save", 5)]
  assert [line["step"] for line in lines] == [4, 5]


def test_nothing_is_left_to_do(run):
  recorder, lines = run(steps=3, start=3, recorder=Recorder([3]))
  assert recorder.events == []
  assert lines == []


def test_no_steps_at_all_is_a_checkpoint_of_the_start(run):
  recorder, _ = run(steps=0)
  assert recorder.events == [("save", 0)]


def test_lines_of_metrics(run):
  _, lines = run(steps=5, train__log_every=2)
  assert [line["step"] for line in lines] == [2, 4, 5]
  first = lines[0]
  assert (first["loss"], first["kind"]) == (2, "cross")
  assert (first["loss_mono"], first["loss_cross"]) == (1, 2)
  assert first["real_token_share"] == 0.75
  assert first["pairs_per_s"] > 0
  # 2 pairs a step and 3 tokens a step, in the same time.
  assert first["tokens_per_s"] == pytest.approx(1.5 * first["pairs_per_s"])
  # The rate of step n is that of its n - 1 predecessors done.
  rates = [line["learning_rate"] for line in lines]
  np.testing.assert_allclose(rates, [0.4, 0.2, 0.1], rtol=1e-6)
  assert (lines[2]["loss"], lines[2]["kind"]) == (5, "mono")
  assert "loss_cross" not in lines[2]


def test_dev_figures_are_logged(run):
  _, lines = run(steps=2, dev={2: 0.25}, evaluate__every=2, train__log_every=2)
  assert lines[0]["dev"] == {"dev": 0.25, "mono_map": 0.5}
  assert "loss" in lines[0]  # a line has all of a step


def test_stops_where_dev_stops_to_gain(run):
  dev = {2: 0.1, 4: 0.3, 6: 0.3, 8: 0.2, 10: 0.9}
  recorder, _ = run(steps=20, dev=dev, evaluate__every=2, evaluate__patience=2)
  assert recorder.steps == [2, 4, 6, 8]
  assert recorder.saved[8][1] == Progress(4, 0.3, without_gain=2)


def test_a_run_that_was_over_stays_over(run):
  recorder, _ = run(
    steps=20,
    start=8,
    dev={10: 0.9},
    progress=Progress(4, 0.3, without_gain=2),
    recorder=Recorder([8]),
    evaluate__every=2,
    evaluate__patience=2,
  )
  assert recorder.steps == [8]


def test_progress_goes_on_after_a_restart(run):
  recorder, _ = run(
    steps=20,
    start=6,
    dev={8: 0.2, 10: 0.9},
    progress=Progress(4, 0.3, without_gain=1),
    evaluate__every=2,
    evaluate__patience=2,
  )
  assert recorder.steps == [8]


@pytest.mark.parametrize("every", [0, 1, 2, 4])
def test_a_loss_that_is_no_number_stops_with_its_batch(run, every):
  recorder = Recorder()
  message = (
    r"step 4: the loss is nan, .* the cross batch of toys held"
    r" c \(de-tr\), a \(tr-tr\) and 0 more; no checkpoint was written of it"
  )
  with pytest.raises(UserError, match=message):
    run(steps=8, broken=3, recorder=recorder, checkpoint__every=every)
  assert all(step <= 3 for step in recorder.steps)
  assert [w for w, _, _ in recorder.saved.values()] == recorder.steps


def test_a_gradient_that_is_no_number_stops_it_too(run):
  """The loss is sound; the parameters that come of it are not."""
  recorder = Recorder()
  with pytest.raises(UserError, match=r"step 4: .*gradient.* inf"):
    run(steps=8, steep=3, recorder=recorder, checkpoint__every=1)
  assert recorder.steps == [1, 2, 3]


def test_dev_is_not_evaluated_on_a_broken_state(run):
  recorder = Recorder()
  with pytest.raises(UserError, match="step 2: the loss is nan"):
    run(dev={2: 0.5}, broken=1, recorder=recorder, evaluate__every=2)
  assert ("evaluate", 2) not in recorder.events


def test_broken_losses_may_be_allowed(run):
  recorder, _ = run(steps=4, broken=1, train__check_finite=False)
  assert recorder.steps == [4]


class Figure:
  """Stands for a number on the device: notes who waits for it."""

  def __init__(self, value, note):
    self._value = value
    self._note = note

  def __float__(self):
    self._note("read")
    return float(self._value)

  def block_until_ready(self):
    self._note("wait")
    return self


def test_the_host_waits_for_the_first_step_and_for_lines(run, monkeypatch):
  recorder = Recorder()

  def compile_step(trainer, mesh, state):
    def step(state, batch):
      number = int(state["step"])

      def note(what):
        if recorder.events[-1] != (what, number):
          recorder.events.append((what, number))

      new, metrics = trainer.step(state, batch)
      return new, {k: Figure(v, note) for k, v in metrics.items()}

    return step

  monkeypatch.setattr(loop, "compile_step", compile_step)
  run(steps=6, train__log_every=3, recorder=recorder, checkpoint__every=0)
  events = [event for event in recorder.events if event[0] != "save"]
  # What a line needs is read once it is due: nothing on a step in between.
  waits, previous = {}, None
  for what, number in events:
    if what == "draw":
      previous = number
    else:
      waits.setdefault(previous, set()).add((what, number))
  assert waits[0] == {("wait", 0)}
  assert waits.keys() == {0, 2, 5}
  assert {number for _, number in waits[2]} == {0, 1, 2}
  assert {number for _, number in waits[5]} == {3, 4, 5}


@pytest.mark.parametrize("start", [0, 2])
def test_the_first_step_is_announced_once(run, capsys, monkeypatch, start):
  monkeypatch.setattr(clock, "_began", loop.time.perf_counter() - 100)
  run(steps=4, start=start)
  lines = [x for x in capsys.readouterr().out.splitlines() if "first step" in x]
  (line,) = lines
  whole, before, step = map(float, re.findall(r"([\d.]+) s", line))
  assert 100 <= before <= whole < 200
  assert whole == pytest.approx(before + step, abs=0.2)


@pytest.mark.parametrize(("every", "saves"), [(0, [3]), (3, [3]), (2, [2, 3])])
def test_who_is_told_to_stop_saves_first(run, every, saves, capsys):
  recorder = Recorder()
  with pytest.raises(SystemExit) as caught:
    run(
      recorder=recorder,
      told=lambda step: step >= 3,
      checkpoint__every=every,
    )
  assert caught.value.code == 75
  assert [event for event in recorder.events if event[0] == "save"] == [
    ("save", step) for step in saves
  ]
  assert ("draw", 3) not in recorder.events
  assert "SIGTERM, saved after step 3; the same" in capsys.readouterr().err


def test_who_is_told_at_the_last_step_is_done(run):
  recorder, _ = run(steps=3, told=lambda step: step == 3)
  assert recorder.events[-1] == ("save", 3)
