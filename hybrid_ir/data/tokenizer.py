"""Text to token ids; the only importer of `tokenizers`. Feeds the corpus."""

import hashlib
import itertools
import json
import os
import pathlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import tokenizers
from numpy.typing import NDArray
from tokenizers import (
  AddedToken,
  decoders,
  models,
  normalizers,
  pre_tokenizers,
  processors,
  trainers,
)

from hybrid_ir.data import slow_tokenizer
from hybrid_ir.errors import UserError
from hybrid_ir.files import write_aside

FILE = "tokenizer.json"
CONFIG_FILE = "tokenizer_config.json"  # which tokens are special, for others
_SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")  # XLM-R's, in XLM-R's order
_ROLES = {
  "bos_token": "<s>",
  "cls_token": "<s>",
  "pad_token": "<pad>",
  "eos_token": "</s>",
  "sep_token": "</s>",
  "unk_token": "<unk>",
}
_ALL_ROLES = (*_ROLES, "mask_token")
# Of folders that name none, as the hub's XLM-R and mBERT: transformers has them
# in its code for these families.
_USUAL = (
  {**_ROLES, "mask_token": "<mask>"},
  {
    "cls_token": "[CLS]",
    "pad_token": "[PAD]",
    "sep_token": "[SEP]",
    "unk_token": "[UNK]",
    "mask_token": "[MASK]",
  },
)

# Tokens of many texts, one after the other, and their lengths.
Joined = tuple[NDArray[np.int32], NDArray[np.int32]]


class Tokenizer:
  """A text's token ids with special tokens, never cut."""

  def __init__(self, serialized: str, roles: Mapping[str, str]):
    """Builds it.

    Args:
      serialized: the content of tokenizer.json.
      roles: "pad_token" and its like -> the token, as far as they are known;
        empty: those of the families' vocabularies, where this is such a one.
    """
    self.serialized = serialized
    self._tokenizer = tokenizers.Tokenizer.from_str(serialized)
    self._tokenizer.no_truncation()
    self._tokenizer.no_padding()
    self.roles = dict(roles) or self._usual_roles()
    probe = self._tokenizer.encode("a").special_tokens_mask
    # Tokens after the text ("</s>", "[SEP]"): kept when a long text is cut.
    self.suffix = (
      len(probe)
      - 1
      - max((i for i, special in enumerate(probe) if not special), default=-1)
    )

  @property
  def fingerprint(self) -> str:
    """Changes when any text's tokens may."""
    return hashlib.sha256(self.serialized.encode()).hexdigest()[:16]

  @property
  def size(self) -> int:
    """One more than the largest id."""
    return max(self._tokenizer.get_vocab(with_added_tokens=True).values()) + 1

  @property
  def roles_json(self) -> str:
    """The content of tokenizer_config.json, for transformers."""
    return json.dumps(
      {"tokenizer_class": "PreTrainedTokenizerFast", **self.roles}, indent=2
    )

  def id_of(self, role: str) -> int | None:
    """The id of "pad_token" and its like; None where there is none."""
    token = self.roles.get(role)
    return None if token is None else self._tokenizer.token_to_id(token)

  def _usual_roles(self) -> dict[str, str]:
    for usual in _USUAL:
      there = {
        role: token
        for role, token in usual.items()
        if self._tokenizer.token_to_id(token) is not None
      }
      if {"cls_token", "pad_token", "sep_token"} <= there.keys():
        return there
    return {}

  def encode(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
    """Token ids of each text, with special tokens: a list of [length]."""
    encodings = self._tokenizer.encode_batch_fast(list(texts))
    return [np.array(e.ids, np.int32) for e in encodings]

  def encode_joined(self, texts: Sequence[str]) -> Joined:
    """Token ids of T texts, with special tokens, one after the other.

    Returns:
      tokens [sum of lengths] and lengths [T].
    """
    encodings = self._tokenizer.encode_batch_fast(list(texts))
    lengths = np.array([len(e) for e in encodings], np.int32)
    ids = itertools.chain.from_iterable(e.ids for e in encodings)
    return np.fromiter(ids, np.int32, int(lengths.sum())), lengths


def load(folder: str | os.PathLike[str]) -> Tokenizer:
  """Reads FOLDER/tokenizer.json, or an older vocabulary in its place.

  Raises:
    UserError: where it is missing or damaged.
  """
  path = pathlib.Path(folder) / FILE
  try:
    if not path.exists() and slow_tokenizer.is_there(path.parent):
      serialized = slow_tokenizer.convert(path.parent)
    else:
      serialized = path.read_text(encoding="utf-8")
    return Tokenizer(serialized, _roles(path.parent))
  except FileNotFoundError:
    raise UserError(
      f"{path}: no tokenizer there; expected a folder in Hugging Face's layout"
      f" with {FILE}, or one of {', '.join(slow_tokenizer.FILES)}"
    ) from None
  except UserError:
    raise
  except Exception as error:  # tokenizers raises bare Exception
    raise UserError(f"{path}: not a tokenizer: {error}") from None


def save(tokenizer: Tokenizer, folder: pathlib.Path) -> None:
  """Writes both files, so that `load` gives the same tokenizer."""
  for name, content in (
    (CONFIG_FILE, tokenizer.roles_json),
    (FILE, tokenizer.serialized),
  ):
    with write_aside(folder / name) as aside:
      aside.write_text(content, encoding="utf-8")


def _roles(folder: pathlib.Path) -> dict[str, str]:
  """The special tokens that a folder names, in either of two files."""
  roles: dict[str, str] = {}
  for name in ("special_tokens_map.json", CONFIG_FILE):
    path = folder / name
    if not path.exists():
      continue
    try:
      config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
      raise UserError(f"{path}: not JSON: {error}") from None
    for role in _ALL_ROLES:
      token = config.get(role)
      token = token.get("content") if isinstance(token, dict) else token
      if isinstance(token, str):
        roles[role] = token
  return roles


def train_unigram(texts: Iterable[str], vocab_size: int) -> Tokenizer:
  """Trains a SentencePiece-like unigram tokenizer (Kudo 2018, 1804.10959).

  The same texts give the same bytes: the trainer runs on one thread, as sums
  over threads would come in no fixed order, and what its hash tables leave to
  chance is put in order.

  Args:
    texts: of the training split.
    vocab_size: most pieces, special tokens included.

  Raises:
    UserError: too few texts for that many pieces; or what reading them raises.
  """
  faults: list[Exception] = []  # tokenizers would give their text alone

  def read() -> Iterator[str]:
    try:
      yield from texts
    except Exception as error:
      faults.append(error)
      raise

  tokenizer = tokenizers.Tokenizer(models.Unigram())
  tokenizer.normalizer = normalizers.NFKC()
  # Punctuation apart, or a name beside it in a script without spaces would be
  # other pieces than the name alone.
  tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
    [pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation()]
  )
  tokenizer.decoder = decoders.Metaspace()
  trainer = trainers.UnigramTrainer(
    vocab_size=vocab_size,
    special_tokens=[AddedToken(t, special=True) for t in _SPECIAL],
    unk_token="<unk>",
    show_progress=False,
  )
  before = os.environ.get("TOKENIZERS_PARALLELISM")
  os.environ["TOKENIZERS_PARALLELISM"] = "false"
  try:
    tokenizer.train_from_iterator(read(), trainer)
  except Exception as error:  # tokenizers raises bare Exception
    if faults:
      raise faults[0] from None
    raise UserError(
      f"config key 'encoder.vocab_size' is {vocab_size}: no tokenizer of that"
      f" size can be trained on these texts ({error})"
    ) from None
  finally:
    if before is None:
      del os.environ["TOKENIZERS_PARALLELISM"]
    else:
      os.environ["TOKENIZERS_PARALLELISM"] = before
  tokenizer.post_processor = processors.TemplateProcessing(
    single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
  )
  return Tokenizer(_put_in_order(tokenizer.to_str()), _ROLES)


def _put_in_order(serialized: str) -> str:
  """Takes out of a trained unigram model what hash tables left to chance.

  The trainer goes through words and characters in another order each time. So
  scores differ from their tenth digit on, pieces of one score change places,
  and a character without a score of its own gets the lowest plus 0.0001 for
  each one that happened to come before it.
  """
  tree = json.loads(serialized)
  special = tree["model"]["vocab"][: len(_SPECIAL)]
  pieces = dict(tree["model"]["vocab"][len(_SPECIAL) :])
  lowest = min(pieces.values())
  characters = [piece for piece in pieces if len(piece) == 1]
  for piece in characters:
    if pieces[piece] <= lowest + 1e-4 * len(characters):
      pieces[piece] = lowest
  scores = {piece: round(score, 3) for piece, score in pieces.items()}
  ordered = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
  tree["model"]["vocab"] = [*special, *ordered]
  return json.dumps(tree, ensure_ascii=False)
