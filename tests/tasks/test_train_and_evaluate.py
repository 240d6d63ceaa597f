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
