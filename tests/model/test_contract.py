import dataclasses
import json

import pytest

from hybrid_ir.config import Config
from hybrid_ir.errors import UserError
from hybrid_ir.model.contract import differences, make_contract, to_json


def make(arch, **text):
  config = Config()
  config.text.query_length = config.text.passage_length = 20
  for name, value in text.items():
    setattr(config.text, name, value)
  return make_contract(config, arch, "abc")


def test_a_stored_contract_is_equal_to_itself(arch):
  contract = make(arch, query_prefix="query: ")
  stored = json.loads(json.dumps(to_json(contract)))
  assert differences(contract, stored) == []


@pytest.mark.parametrize(
  ("field", "value"),
  [
    ("tokenizer", "xyz"),
    ("pooling", "cls"),
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
