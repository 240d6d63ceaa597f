import json
import os
import subprocess
import sys

import numpy as np
import pytest
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as FastTokenizer
from tokenizers import models

from hybrid_ir.data import tokenizer as tokenizer_lib
from hybrid_ir.data.tokenizer import Tokenizer, train_unigram
from hybrid_ir.data.tokens import Texts
from hybrid_ir.errors import UserError

ADJECTIVES = ("green", "old", "kleine", "blaue", "маленький", "белая")
NOUNS = ("bread", "river", "Brücke", "Straße", "мост", "река", "桥", "河流")
TEXTS = [
  f"{adjective} {noun} {number} {other}!"
  for adjective in ADJECTIVES
  for number, noun in enumerate(NOUNS)
  for other in NOUNS
]


@pytest.fixture(scope="module")
def unigram():
  return train_unigram(TEXTS, 200)


def test_training_is_deterministic(unigram):
  # Words and characters go through hash tables, seeded anew each time.
  for _ in range(5):
    assert train_unigram(iter(TEXTS), 200).serialized == unigram.serialized
  # Another process has other hash seeds and, as asked, several threads.
  script = """
import json, sys
from hybrid_ir.data.tokenizer import train_unigram
sys.stdout.write(train_unigram(json.load(sys.stdin), 200).serialized)
"""
  trained = subprocess.run(
    [sys.executable, "-c", script],
    input=json.dumps(TEXTS).encode(),
    capture_output=True,
    env=os.environ | {"PYTHONHASHSEED": "7", "TOKENIZERS_PARALLELISM": "true"},
    check=True,
  )
  assert trained.stdout.decode() == unigram.serialized


@pytest.mark.parametrize("value", [None, "true"])
def test_training_leaves_the_environment(monkeypatch, value):
  name = "TOKENIZERS_PARALLELISM"
  if value is None:
    monkeypatch.delenv(name, raising=False)
  else:
    monkeypatch.setenv(name, value)
  train_unigram(TEXTS[:50], 100)
  assert os.environ.get(name) == value


def test_pieces(unigram):
  assert 40 < unigram.size <= 200
  assert unigram.suffix == 1
  tokens, empty = unigram.encode(["green bread", ""])
  assert tokens.dtype == np.int32
  assert (tokens[0], tokens[-1]) == (0, 2)
  assert empty.tolist() == [0, 2]
  pieces = FastTokenizer.from_str(unigram.serialized)
  assert pieces.decode(tokens.tolist()) == "green bread"
  specials = ["<s>", "<pad>", "</s>", "<unk>"]
  assert [pieces.token_to_id(token) for token in specials] == [0, 1, 2, 3]
  # Unknown characters are one token, and compatible forms are the same.
  assert 3 in unigram.encode(["ก"])[0]
  ligature, letters = unigram.encode(["ﬁne", "fine"])
  assert ligature.tolist() == letters.tolist()


def test_never_cut_nor_padded(unigram):
  limited = FastTokenizer.from_str(unigram.serialized)
  limited.enable_truncation(4)
  limited.enable_padding(length=40)
  texts = ["green bread and the river", "old"]
  whole = Tokenizer(limited.to_str(), {}).encode(texts)
  for tokens, expected in zip(whole, unigram.encode(texts), strict=True):
    assert tokens.tolist() == expected.tolist()


POST_PROCESSORS = {
  "<s> $A </s>": 1,
  "<s> $A": 0,
  "$A </s> </s>": 2,
  "$A": 0,
}


@pytest.fixture(scope="module")
def with_template(unigram):
  def make(template):
    fast = FastTokenizer.from_str(unigram.serialized)
    special = [(t, fast.token_to_id(t)) for t in ("<s>", "</s>")]
    fast.post_processor = tokenizer_lib.processors.TemplateProcessing(
      single=template, special_tokens=special
    )
    return fast.to_str()

  return make


@settings(deadline=None, max_examples=40)
@given(
  text=st.lists(st.sampled_from([*ADJECTIVES, *NOUNS]), min_size=1, max_size=9),
  length=st.integers(4, 20),
  template=st.sampled_from(sorted(POST_PROCESSORS)),
)
def test_cut_as_transformers_cuts(with_template, text, length, template):
  serialized = with_template(template)
  ours = Tokenizer(serialized, {})
  assert ours.suffix == POST_PROCESSORS[template]
  (tokens,) = ours.encode([" ".join(text)])
  store = Texts(tokens, np.array([0, len(tokens)]))
  cut, _ = store.gather(np.array([0]), length, ours.suffix)
  theirs = transformers.PreTrainedTokenizerFast(
    tokenizer_object=FastTokenizer.from_str(serialized)
  )(" ".join(text), truncation=True, max_length=length)
  assert cut.tolist() == theirs["input_ids"]


def test_load(tmp_path, unigram):
  (tmp_path / "tokenizer.json").write_text(unigram.serialized, "utf-8")
  loaded = tokenizer_lib.load(tmp_path)
  assert loaded.fingerprint == unigram.fingerprint
  assert (
    loaded.encode(["мост"])[0].tolist() == unigram.encode(["мост"])[0].tolist()
  )


def test_what_the_hubs_folders_leave_to_transformers(tmp_path, unigram):
  """Those of XLM-R and mBERT name no special tokens."""
  path, config = (
    tmp_path / name for name in (tokenizer_lib.FILE, tokenizer_lib.CONFIG_FILE)
  )
  config.write_text('{"model_max_length": 512}')
  path.write_text(unigram.serialized, "utf-8")
  assert tokenizer_lib.load(tmp_path).roles == unigram.roles
  pieces = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a")
  model = models.WordLevel(
    {piece: i for i, piece in enumerate(pieces)}, "[UNK]"
  )
  FastTokenizer(model).save(str(path))
  roles = tokenizer_lib.load(tmp_path).roles
  assert roles == {
    f"{piece[1:-1].lower()}_token": piece for piece in pieces[:5]
  }
  config.write_text('{"pad_token": "a"}')  # what is named is not added to
  assert tokenizer_lib.load(tmp_path).roles == {"pad_token": "a"}


def test_scores_are_in_order(unigram):
  vocab = json.loads(unigram.serialized)["model"]["vocab"][4:]
  assert [score for _, score in vocab] == sorted(
    (score for _, score in vocab), reverse=True
  )
  # Numbers and letters that no piece was kept for still have one.
  assert {*"01234567!", *"bread", *"мост", *"桥"} <= {p for p, _ in vocab}


@pytest.mark.parametrize("noun", NOUNS)
def test_punctuation_stands_apart(unigram, noun):
  alone, beside = unigram.encode([noun, f"{noun}!"])
  assert beside[: len(alone) - 1].tolist() == alone[:-1].tolist()


def test_fingerprint_changes(unigram):
  assert train_unigram(TEXTS[:99], 200).fingerprint != unigram.fingerprint


def test_missing(tmp_path):
  with pytest.raises(UserError, match="no tokenizer there; expected a folder"):
    tokenizer_lib.load(tmp_path / "nowhere")


@pytest.mark.parametrize(
  "content", [b"", b"{}", b"{\n]", b"[1, 2]", b"\xff\xfe", b'{"model": 3}']
)
def test_damaged(tmp_path, content):
  path = tmp_path / "tokenizer.json"
  path.write_bytes(content)
  with pytest.raises(UserError, match="not a tokenizer: ") as caught:
    tokenizer_lib.load(tmp_path)
  assert str(caught.value).startswith(f"{path}: ")
  assert "\n" not in str(caught.value)


@settings(deadline=None)
@given(data=st.data())
def test_cut_short(tmp_path_factory, unigram, data):
  content = unigram.serialized.encode()
  cut = data.draw(st.integers(0, len(content) - 1))
  folder = tmp_path_factory.mktemp("cut_short")
  (folder / "tokenizer.json").write_bytes(content[:cut])
  with pytest.raises(UserError, match="not a tokenizer: "):
    tokenizer_lib.load(folder)


def test_a_fault_of_the_texts_is_raised_as_it_is():
  def texts():
    yield from TEXTS
    raise UserError("pairs.jsonl:7: id: missing; expected a text")

  with pytest.raises(UserError, match=r"^pairs.jsonl:7: id: missing; "):
    train_unigram(texts(), 200)


def test_no_tokenizer_of_that_size():
  with pytest.raises(
    UserError, match=r"'encoder.vocab_size' is 5: no tokenize"
  ):
    train_unigram(TEXTS, 5)


def test_joined_is_the_texts_one_after_the_other(tokenizer):
  texts = ["Wie hoch?", "", "十二"]
  tokens, lengths = tokenizer.encode_joined(texts)
  apart = tokenizer.encode(texts)
  assert tokens.dtype == lengths.dtype == np.int32
  assert lengths.tolist() == [len(t) for t in apart]
  np.testing.assert_array_equal(tokens, np.concatenate(apart))
  tokens, lengths = tokenizer.encode_joined([])
  assert (len(tokens), len(lengths)) == (0, 0)
