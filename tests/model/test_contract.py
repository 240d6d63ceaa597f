import dataclasses
import json

import pytest

from hybrid_ir.config import Config
from hybrid_ir.errors import UserError
from hybrid_ir.model.contract import (
  differences,
  from_json,
  make_contract,
  to_json,
)
from hybrid_ir.model.sentence_transformers import Dense, Modules


def make(arch, modules=None, **keys):
  config = Config()
  config.text.query_length = config.text.passage_length = 20
  for name, value in keys.items():
    section = (
      config.encoder if name in ("pooling", "normalize") else config.text
    )
    setattr(section, name, value)
  return make_contract(config, arch, "abc", modules or Modules())


def test_a_stored_contract_is_equal_to_itself(arch):
  contract = make(arch, query_prefix="query: ")
  stored = json.loads(json.dumps(to_json(contract)))
  assert differences(contract, stored) == []
  assert from_json(stored, "here") == contract


FOLDER = Modules(
  pooling="cls",
  dense=(Dense(8, "tanh", True),),
  dense_folders=("2_Dense",),
  normalize=False,
  query_prompt="Q: ",
  passage_prompt="P: ",
  query_length=12,
  passage_length=512,
  instruction="{instruction} {query}",
)


def test_a_folder_speaks_where_the_config_is_silent(arch):
  silent = {"query_length": None, "passage_length": None}
  contract = make(arch, FOLDER, **silent)
  assert (contract.pooling, contract.normalize) == ("cls", False)
  assert contract.dense == FOLDER.dense
  assert contract.embedding_size == 8
  assert (contract.query_prefix, contract.passage_prefix) == ("Q: ", "P: ")
  assert contract.instruction == "{instruction} {query}"
  # 512 is cut to the 20 positions that the encoder has.
  assert (contract.query_length, contract.passage_length) == (12, 20)


def test_the_config_has_the_last_word(arch):
  contract = make(
    arch,
    FOLDER,
    pooling="mean",
    normalize=True,
    query_prefix="",
    query_length=7,
  )
  assert (contract.pooling, contract.normalize) == ("mean", True)
  assert (contract.query_prefix, contract.query_length) == ("", 7)


def test_berts_pooler_is_a_dense_layer(arch):
  contract = make(arch, FOLDER, pooling="pooler")
  assert contract.pooling == "cls"
  assert contract.dense == (Dense(arch.hidden_size, "tanh", True),)


def test_where_nothing_is_said(arch):
  contract = make(arch)
  assert (contract.pooling, contract.normalize) == ("mean", True)
  assert (contract.query_prefix, contract.passage_prefix) == ("", "")
  assert contract.instruction == "Instruct: {instruction}\nQuery: {query}"


def test_some_differences_may_be(arch):
  contract = make(arch)
  other = dataclasses.replace(contract, temperature=1.0, pooling="cls")
  (difference,) = differences(contract, to_json(other), ("temperature",))
  assert difference.startswith("pooling is")


def test_a_contract_of_another_version_is_refused(arch):
  stored = to_json(make(arch))
  del stored["normalize"]
  message = r"run: .* other fields than this version's \(normalize\)"
  with pytest.raises(UserError, match=message):
    from_json(stored, "run")


def test_matryoshka_dimensions_must_be_below_the_embeddings(arch):
  config = Config()
  config.loss.matryoshka = (4, arch.hidden_size)
  with pytest.raises(UserError, match=r"'loss.matryoshka' is \(4, 16\)"):
    make_contract(config, arch, "abc", Modules())


@pytest.mark.parametrize(
  ("field", "value"),
  [
    ("tokenizer", "xyz"),
    ("pooling", "cls"),
    ("normalize", False),
    ("temperature", 1.0),
    ("instruction", "{query} {instruction}"),
    ("query_prefix", "q: "),
    ("passage_prefix", "p: "),
    ("query_length", 7),
    ("passage_length", 7),
  ],
)
def test_every_difference_is_named(arch, field, value):
  contract = make(arch)
  other = dataclasses.replace(contract, **{field: value})
  (difference,) = differences(contract, to_json(other))
  assert difference == (
    f"{field} is {value!r} there, {getattr(contract, field)!r} here"
  )


def test_another_architecture_is_a_difference(arch):
  contract = make(arch)
  wider = dataclasses.replace(arch, hidden_size=32)
  other = dataclasses.replace(contract, architecture=wider)
  assert len(differences(contract, to_json(other))) == 1


@pytest.mark.parametrize("name", ["query_length", "passage_length"])
def test_a_length_over_the_positions_is_refused(arch, name):
  message = rf"'text.{name}' is 21, but the encoder has 20 positions"
  with pytest.raises(UserError, match=message):
    make(arch, **{name: 21})
