"""What a run goes on from, and what it refuses to go on with."""

import pytest

from hybrid_ir import processes
from hybrid_ir.errors import UserError
from hybrid_ir.training.checkpoint import Checkpoints
from hybrid_ir.training.unreadable import DamagedError, UnreadError

SIX = {"train.steps": 6, "checkpoint.every": 2}


def refusal(run, workdir, changes):
  with pytest.raises(UserError) as caught:
    run(workdir, changes)
  return str(caught.value)


def test_a_damaged_newest_checkpoint_falls_back(
  run, trained, tmp_path, steps_of, assert_bitwise, capsys
):
  run(tmp_path, SIX)
  assert steps_of(tmp_path) == [4, 6]
  for path in (tmp_path / "checkpoints" / "6" / "optimizer" / "d").iterdir():
    path.write_bytes(b"")
  capsys.readouterr()
  run(tmp_path, SIX)
  said = capsys.readouterr()
  assert "WARNING" in said.err
  assert "/6: the checkpoint is damaged (" in said.err
  assert "; going on from step 4; what is left of it is in " in said.err
  assert "step 5/6" in said.out
  assert "step 4/6" not in said.out
  assert steps_of(tmp_path) == [4, 6]
  assert_bitwise(trained, tmp_path, 6)
  assert (tmp_path / "checkpoints_damaged" / "6" / "params").is_dir()


def test_with_nothing_before_it_a_damaged_one_is_refused(run, tmp_path):
  run(tmp_path, {"train.steps": 2})
  for path in (tmp_path / "checkpoints" / "2" / "optimizer" / "d").iterdir():
    path.write_bytes(b"")
  message = refusal(run, tmp_path, {"train.steps": 2})
  assert message.endswith("; delete the folder to start again")


def test_another_identity_is_refused_and_may_be_allowed(
  run, tmp_path, steps_of, lines_of
):
  run(tmp_path, {"train.steps": 2})
  changed = {"train.steps": 3, "optimizer.learning_rate": 0.5}
  message = refusal(run, tmp_path, changed)
  assert "optimizer.learning_rate: 0.01 there, 0.5 now" in message
  assert "--config.checkpoint.allow_changes=True" in message
  run(tmp_path, {**changed, "checkpoint.allow_changes": True})
  assert max(steps_of(tmp_path)) == 3
  rates = [x["learning_rate"] for x in lines_of(tmp_path, "metrics.jsonl")]
  assert rates == pytest.approx([0.01, 0.01, 0.5])


def test_other_data_is_refused_and_may_be_allowed(
  run, data, tmp_path, steps_of, capsys
):
  own, workdir = tmp_path / "own.jsonl", tmp_path / "run"
  lines = data.read_text(encoding="utf-8").splitlines(keepends=True)
  own.write_text("".join(lines), encoding="utf-8")
  changes = {"data.train": (str(own),)}
  run(workdir, {**changes, "train.steps": 2})
  own.write_text("".join(lines[3:]), encoding="utf-8")
  message = refusal(run, workdir, changes)
  assert "the training data changed since this run began" in message
  assert "--config.checkpoint.allow_changes=True" in message
  run(workdir, {**changes, "checkpoint.allow_changes": True})
  assert "WARNING: going on with training data: " in capsys.readouterr().err
  assert max(steps_of(workdir)) == 3


def test_a_best_that_cannot_be_compared_is_forgotten(
  run, data, tmp_path, steps_of, lines_of, capsys
):
  """On another dev set, or of a model that reads texts in another way."""
  workdir, dev = tmp_path / "run", tmp_path / "dev.jsonl"
  dev.write_text(data.read_text(encoding="utf-8"), encoding="utf-8")
  changes = {
    "optimizer.learning_rate": 1e-30,  # so that dev cannot gain
    "evaluate.dev": str(dev),
    "evaluate.every": 2,
    "checkpoint.keep": 1,
  }
  run(workdir, {**changes, "train.steps": 4})
  assert steps_of(workdir) == [2, 4]
  # Far more to find the answer among: figures are lower.
  text = dev.read_text(encoding="utf-8")
  dev.write_text(text.replace('"train"', '"dev"'), encoding="utf-8")
  changes |= {"train.steps": 8, "checkpoint.allow_changes": False}
  message = refusal(run, workdir, changes)
  assert "the dev set changed since this run began (fingerprint " in message
  assert "--config.checkpoint.allow_changes=True" in message
  changes["checkpoint.allow_changes"] = True
  capsys.readouterr()
  run(workdir, changes)
  figures = [x["dev"]["dev"] for x in lines_of(workdir, "metrics.jsonl")[1::2]]
  assert figures[0] == figures[1] > figures[2] == figures[3]
  told = "the best on dev, of step 2, is forgotten: the best is looked for from"
  assert told in capsys.readouterr().err
  assert steps_of(workdir) == [6, 8]
  changes |= {"train.steps": 12, "encoder.pooling": "cls"}
  run(workdir, changes)
  assert "of step 6, is forgotten" in capsys.readouterr().err
  assert steps_of(workdir) == [10, 12]
  run(workdir, {**changes, "train.steps": 14, "loss.temperature": 0.5})
  assert "forgotten" not in capsys.readouterr().err
  assert steps_of(workdir) == [10, 14]
  run(workdir, {**changes, "task": "evaluate"})
  assert {x["step"] for x in lines_of(workdir, "results.jsonl")} == {10}


@pytest.mark.parametrize("reading", ["metadata", "restore"])
def test_processes_agree_on_what_was_read_before_they_go_on(
  run, tmp_path, monkeypatch, steps_of, reading
):
  """Of two, this one fails to read what the other one reads."""
  run(tmp_path, SIX)
  agreed = []
  agree = processes.agree

  def disagree(facts):
    agree(facts)
    agreed.append(facts)
    if set(facts.values()) - {"whole"} and "of step" in next(iter(facts)):
      raise UserError("the other one has read it")

  def kept_off(*_):
    raise UnreadError("6", "Stale file handle", "the disk")

  def damaged(*_):
    raise DamagedError("6 is damaged", "delete it")

  monkeypatch.setattr(processes, "agree", disagree)
  for fault, outcome in (
    (kept_off, "unread (Stale file handle)"),
    (damaged, "damaged"),
  ):
    with monkeypatch.context() as patch:
      patch.setattr(Checkpoints, reading, fault)
      assert refusal(run, tmp_path, SIX) == "the other one has read it"
    assert agreed[-1] == {"the checkpoint of step 6": outcome}
    # Nobody waits in `restore` for who gave up before it.
    whole = {"the checkpoint of step 6": "whole"}
    assert (agreed[-2] == whole) == (reading == "restore")
  assert steps_of(tmp_path) == [4, 6]
  assert not (tmp_path / "checkpoints_damaged").exists()


def test_one_that_was_not_read_is_not_set_aside(
  run, tmp_path, monkeypatch, steps_of
):
  run(tmp_path, SIX)

  def kept_off(*_):
    raise UnreadError("6", "RESOURCE_EXHAUSTED", "what else holds memory")

  with monkeypatch.context() as patch:
    patch.setattr(Checkpoints, "restore", kept_off)
    message = refusal(run, tmp_path, SIX)
  assert "was not read (RESOURCE_EXHAUSTED)" in message
  assert "look at what else holds memory" in message
  assert steps_of(tmp_path) == [4, 6]
  assert not (tmp_path / "checkpoints_damaged").exists()
