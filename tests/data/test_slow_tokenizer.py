import json

import pytest

from hybrid_ir.data.tokenizer import load
from hybrid_ir.errors import UserError

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "zug", "##vogel"]


@pytest.fixture
def folder(tmp_path):
  """An old BERT: a vocabulary and no tokenizer.json."""
  (tmp_path / "vocab.txt").write_text("\n".join(PIECES) + "\n")
  (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
  (tmp_path / "tokenizer_config.json").write_text(
    json.dumps({"tokenizer_class": "BertTokenizer", "do_lower_case": False})
  )
  return tmp_path


def test_a_vocabulary_becomes_a_tokenizer(folder):
  tokenizer = load(folder)
  (tokens,) = tokenizer.encode(["zugvogel Zug"])
  assert tokens.tolist() == [2, 5, 6, 1, 3]  # [CLS] zug ##vogel [UNK] [SEP]
  assert tokenizer.suffix == 1
  assert load(folder).fingerprint == tokenizer.fingerprint


def test_a_vocabulary_that_cannot_be_read_is_refused(folder):
  (folder / "vocab.txt").unlink()
  (folder / "sentencepiece.bpe.model").write_bytes(b"not a model")
  with pytest.raises(UserError, match=r"its vocabulary cannot be converted"):
    load(folder)


def test_code_of_its_own_is_never_run(folder):
  (folder / "tokenizer_config.json").write_text(
    json.dumps({"auto_map": {"AutoTokenizer": ["code.Own", None]}})
  )
  (folder / "config.json").write_text(json.dumps({"model_type": "own"}))
  (folder / "code.py").write_text("raise SystemExit(13)")
  with pytest.raises(UserError, match="cannot be converted"):
    load(folder)
