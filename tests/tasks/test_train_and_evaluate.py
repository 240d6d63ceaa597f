import shutil

import pytest

from hybrid_ir.errors import UserError


def test_one_command_leaves_the_report(run, tmp_path):
  run(tmp_path, {"task": "train_and_evaluate", "train.steps": 2})
  for name in (
    *("config.json", "metrics.jsonl", "results.jsonl", "tokenizer.json"),
    *("report.md", "report.html", "runs/towns.multi.trec", "checkpoints/2"),
  ):
    assert (tmp_path / name).exists(), name
  assert "towns" in (tmp_path / "report.md").read_text(encoding="utf-8")
  leftovers = [p for p in tmp_path.rglob("*") if p.name.endswith(".tmp")]
  assert leftovers == []


def test_the_report_can_be_made_again(run, tmp_path, capsys):
  run(tmp_path, {"task": "train", "train.steps": 1})
  run(tmp_path, {"task": "report", "train.steps": 1})
  assert f"wrote {tmp_path / 'report.html'}" in capsys.readouterr().out
  assert (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
  ("benchmarks", "message"),
  [
    (("nosuch",), "unknown benchmark 'nosuch'"),
    (("{data}", "{copy}"), "two of them would be called the same"),
  ],
)
def test_benchmarks_are_checked_before_training(
  run, data, tmp_path, benchmarks, message
):
  copy = shutil.copy(data, tmp_path)
  names = tuple(b.format(data=data, copy=copy) for b in benchmarks)
  workdir = tmp_path / "run"
  with pytest.raises(UserError, match=message):
    run(workdir, {"task": "train_and_evaluate", "evaluate.benchmarks": names})
  assert not (workdir / "metrics.jsonl").exists()


def test_other_data_than_step_0_had_is_told_before_training(
  run, copy_data, tmp_path
):
  path, workdir = tmp_path / "towns.jsonl", tmp_path / "run"
  changes = {"evaluate.benchmarks": (copy_data(path),)}
  run(workdir, {**changes, "task": "evaluate", "evaluate.by": "bm25"})
  (workdir / "scored.json").unlink()  # as if a model's, which takes longer
  copy_data(path, lambda record: {**record, "query": record["query"] + "?"})
  with pytest.raises(UserError, match="on which step 0 was scored"):
    run(workdir, {**changes, "task": "train_and_evaluate"})
  assert not (workdir / "metrics.jsonl").exists()


def test_no_figures_of_an_untrained_model(run, tmp_path):
  run(tmp_path, {"task": "train", "train.steps": 1})
  shutil.rmtree(tmp_path / "checkpoints")
  with pytest.raises(UserError, match="holds no checkpoint"):
    run(tmp_path, {"task": "evaluate", "train.steps": 1})
