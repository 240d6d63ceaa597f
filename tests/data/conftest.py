"""Corpora of invented records, a tokenizer of bytes."""

import pytest
import tokenizers
from tokenizers import models, pre_tokenizers, processors

from hybrid_ir.data.corpus import open_corpus
from hybrid_ir.data.records import Source
from hybrid_ir.data.tokenizer import Tokenizer
from hybrid_ir.prefixes import INSTRUCTION, Prefixes


@pytest.fixture(scope="session")
def tokenizer():
  """<s>, a token a byte, </s>: a text's tokens can be known by hand."""
  alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
  pieces = ["<s>", "<pad>", "</s>", *alphabet]
  spelling = tokenizers.Tokenizer(
    models.BPE({piece: i for i, piece in enumerate(pieces)}, [])
  )
  spelling.pre_tokenizer = pre_tokenizers.ByteLevel(
    add_prefix_space=False, use_regex=False
  )
  spelling.post_processor = processors.TemplateProcessing(
    single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
  )
  return Tokenizer(spelling.to_str(), {})


@pytest.fixture
def make_corpus(tmp_path, tokenizer):
  """records -> Corpus, built in a folder of the test's own."""

  def make(records, name="toy", query="", passage=""):
    source = Source(name, repr(records), lambda: iter(records))
    prefixes = Prefixes(query, passage, INSTRUCTION)
    return open_corpus(source, tokenizer, prefixes, tmp_path)

  return make
