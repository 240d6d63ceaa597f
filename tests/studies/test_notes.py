from hybrid_ir.studies.grid import make_cells
from hybrid_ir.studies.notes import is_fixture, notes_table

MIRACL = "ir_datasets:miracl/sw/dev"


def test_notes_stand_in_a_table_and_fixtures_in_findings(
  make_study, tmp_path, capsys
):
  config = make_study(
    {"kind": {"hybrid": {}, "untrained": {"train.steps": 0}}},
    data__train=("dolly", "mlqa_r"),
    evaluate__benchmarks=("xquad_r", MIRACL),
    study__notes={
      MIRACL: "fixture of 12 passages",
      "xquad_r": "the released files",
      "dolly": "fixture",
      "xqaud_r": "fixture",
    },
  )
  table, findings = notes_table(config, make_cells(config, tmp_path))
  assert table.rows == (
    (MIRACL, "evaluation", "fixture of 12 passages"),
    ("xquad_r", "evaluation", "the released files"),
    ("dolly", "training", "fixture"),
  )
  assert [finding.text for finding in findings] == [
    f"{MIRACL} (evaluation) is a fixture: its figures prove the path, and say"
    " nothing of quality.",
    "dolly (training) is a fixture: figures after it prove the path, and say"
    " nothing of quality.",
  ]
  assert findings[0].source == f"{table.name}, row {MIRACL}"
  # A name that nothing has may be misspelt: the page would not tell.
  assert "'study.notes' has 'xqaud_r', which no run" in capsys.readouterr().err
  assert is_fixture(config, MIRACL)
  assert not is_fixture(config, "xquad_r")
  assert not is_fixture(config, "mlqa_r")
