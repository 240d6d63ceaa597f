import json

import pytest

from hybrid_ir.data import lareqa, world_facts
from hybrid_ir.data.sources import NAMES, open_source, parse_weights
from hybrid_ir.errors import UserError


@pytest.fixture
def pairs(tmp_path):
  path = tmp_path / "pairs.jsonl"
  lines = [
    {"id": f"{split} {i}", "language": "en", "query": "?", "passage": "."}
    | ({} if split == "train" else {"split": split})
    for split, count in (("train", 3), ("dev", 2))
    for i in range(count)
  ]
  path.write_text("\n".join(map(json.dumps, lines)))
  return str(path)


@pytest.mark.parametrize(
  ("entries", "names", "weights"),
  [
    (["world_facts"], ["world_facts"], [None]),
    (["xquad_r", "a.jsonl"], ["xquad_r", "a.jsonl"], [None, None]),
    (["mlqa_r=2", "a.jsonl=0.5"], ["mlqa_r", "a.jsonl"], [2.0, 0.5]),
    (["of=en/a.jsonl=1e3"], ["of=en/a.jsonl"], [1000.0]),
  ],
)
def test_weights(entries, names, weights):
  assert parse_weights(entries) == (names, weights)


@pytest.mark.parametrize(
  ("entries", "message"),
  [
    ([], "'data.train' is empty; expected data sets"),
    (["a=x"], "has 'a=x'; expected a name, or name=WEIGHT with a number above"),
    (["a="], "has 'a='"),
    (["a=0"], "has 'a=0'"),
    (["a=-1"], "has 'a=-1'"),
    (["a=nan"], "has 'a=nan'"),
    (["a=inf"], "has 'a=inf'"),
    (["a", "b", "a"], "names a set twice"),
    (["a=1", "a=2"], "names a set twice"),
    (["a=1", "b"], "give each data set a weight, or none"),
  ],
)
def test_refused_weights(entries, message):
  with pytest.raises(UserError, match=message):
    parse_weights(entries)


@pytest.mark.parametrize(
  ("split", "count"), [("train", 3), ("dev", 2), ("", 5)]
)
def test_jsonl(pairs, tmp_path, split, count):
  source = open_source(pairs, split, "", tmp_path)
  assert source.name == pairs
  assert len(list(source.read())) == count
  assert list(source.read()) == list(source.read())


def test_world_facts(monkeypatch, tmp_path):
  monkeypatch.setattr(world_facts, "records", lambda split: iter([split]))
  splits = ("", *world_facts.SPLITS)
  sources = [open_source("world_facts", s, "", tmp_path) for s in splits]
  assert [list(source.read()) for source in sources] == [
    list(world_facts.SPLITS),
    *([split] for split in world_facts.SPLITS),
  ]
  assert len({source.fingerprint for source in sources}) == 4


def test_fingerprints_follow_data_and_split(pairs, tmp_path):
  before = {
    split: open_source(pairs, split, "", tmp_path).fingerprint
    for split in ("", "train", "dev")
  }
  assert len(set(before.values())) == 3
  with open(pairs, "a") as file:
    file.write("\n")
  for split, fingerprint in before.items():
    after = open_source(pairs, split, "", tmp_path).fingerprint
    assert after != fingerprint


def test_nothing_is_read_before_it_is_asked_for(tmp_path):
  for name in lareqa.NAMES:  # no such folder, and no network is tried
    source = open_source(name, "train", str(tmp_path / "nowhere"), tmp_path)
    assert source.name == name
    with pytest.raises(UserError, match="nowhere"):
      next(source.read())


@pytest.mark.parametrize("name", ["xquad", "", "pairs.json"])
def test_unknown_name(tmp_path, name):
  with pytest.raises(UserError) as caught:
    open_source(name, "train", "", tmp_path)
  assert str(caught.value) == (
    f"unknown data set {name!r}; expected one of {', '.join(NAMES)}, or the"
    " path of a .jsonl file"
  )


def test_missing_file(tmp_path):
  with pytest.raises(UserError, match=r"nowhere\.jsonl"):
    open_source(str(tmp_path / "nowhere.jsonl"), "train", "", tmp_path)
