import json

import pytest

from hybrid_ir.studies.encoders import encoder_table
from hybrid_ir.studies.grid import make_cells


@pytest.fixture
def row(make_study, tmp_path):
  """Path of an encoder -> its row, and its sentence."""

  def row(path):
    config = make_study({"kind": {"hybrid": {}}}, encoder__path=str(path))
    table, [finding] = encoder_table(make_cells(config, tmp_path))
    [row] = table.rows
    assert finding.source == f"{table.name}, row {row[0]}"
    return row, finding.text

  return row


def folder(path, **config):
  path.mkdir()
  (path / "config.json").write_text(json.dumps(config))
  return path


def test_hub_ids_are_known_by_their_names(row):
  (name, trained_on, source), said = row("intfloat/multilingual-e5-small")
  assert name == "intfloat/multilingual-e5-small"
  assert "fine-tuned on labelled sets, among them SQuAD" in trained_on
  assert "arXiv 2402.05672" in source
  assert trained_on in said
  for hub_id in (
    *("FacebookAI/xlm-roberta-base", "sentence-transformers/LaBSE"),
    "google-bert/bert-base-multilingual-cased",
  ):
    assert row(hub_id)[0][1].startswith("pretraining alone")


def test_folders_are_known_by_name_and_config(row, tmp_path):
  named = folder(
    tmp_path / "one", _name_or_path="intfloat/multilingual-e5-base"
  )
  short = folder(tmp_path / "e5_small", vocab_size=250037)
  english = folder(tmp_path / "e5-base", vocab_size=30522)
  for path in (named, short):
    (name, trained_on, _), _ = row(path)
    assert name == path.name  # and not where it stands
    assert "SQuAD" in trained_on
  assert row(english)[0][1] == "not known what it was trained on"
  made = folder(tmp_path / "mine", _name_or_path="FacebookAI/xlm-roberta-base")
  assert row(made)[0][1] == (
    "made from xlm-roberta-base (pretraining alone: language modelling on"
    " Common Crawl in 100 languages); if it was trained since, it is not known"
    " on what"
  )
  # What was made of it was trained on since.
  tuned = folder(tmp_path / "xlm-roberta-base-squad")
  assert row(tuned)[1] == (
    "The encoder xlm-roberta-base-squad: not known what it was trained on."
  )


def test_a_folder_that_is_not_here_is_no_hub_id(row):
  assert row("runs/export/mine")[0][0] == "mine"


def test_from_scratch(row):
  assert row("")[1] == "The encoder from scratch: trained from scratch here."
