import json

import pytest

from hybrid_ir.config import Data
from hybrid_ir.data import lareqa, world_facts
from hybrid_ir.data.records import Record
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
    (["~/of=en/a.jsonl"], ["~/of=en/a.jsonl"], [None]),
    (["of=*/a.parquet"], ["of=*/a.parquet"], [None]),
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


def opened(name, split, tmp_path, *languages, **keys):
  return open_source(name, split, Data(languages=languages, **keys), tmp_path)


@pytest.mark.parametrize(
  ("split", "count"), [("train", 3), ("dev", 2), ("", 5)]
)
def test_own_files(pairs, tmp_path, split, count):
  source = opened(pairs, split, tmp_path)
  assert source.name == pairs
  assert len(list(source.read())) == count
  assert list(source.read()) == list(source.read())


@pytest.fixture
def facts(monkeypatch):
  """A fact a split, in two languages, in place of world_facts'."""

  def records(split):
    for language in ("fr", "de"):
      yield Record(split, language, "?", ".", "here")

  monkeypatch.setattr(world_facts, "records", records)
  monkeypatch.setattr(world_facts, "LANGUAGES", ("de", "fr"))


def test_world_facts(facts, tmp_path):
  splits = ("", *world_facts.SPLITS)
  sources = [opened("world_facts", s, tmp_path) for s in splits]
  assert [[r.id for r in source.read()] for source in sources] == [
    [split for split in world_facts.SPLITS for _ in range(2)],
    *([split] * 2 for split in world_facts.SPLITS),
  ]
  assert len({source.fingerprint for source in sources}) == 4


def test_languages_of_world_facts(facts, tmp_path):
  source = opened("world_facts", "dev", tmp_path, "en", "fr")
  assert [(r.id, r.language) for r in source.read()] == [("dev", "fr")]
  whole = opened("world_facts", "dev", tmp_path)
  assert source.fingerprint != whole.fingerprint
  named = opened("world_facts", "dev", tmp_path, "fr", "de")
  assert named.fingerprint == whole.fingerprint
  assert list(named.read()) == list(whole.read())


@pytest.mark.parametrize("name", lareqa.NAMES)
def test_languages_of_lareqa(name, tmp_path, monkeypatch):
  def records(name, language, **keys):
    yield Record("q", language, "?", ".", repr(keys))

  monkeypatch.setattr(lareqa, "records", records)
  source = opened(name, "train", tmp_path, "zh", "fr", "ar", lareqa_dir="x")
  assert [r.language for r in source.read()] == ["ar", "zh"]
  assert {r.where for r in source.read()} == {
    repr({"cache_dir": tmp_path, "lareqa_dir": "x"})
  }
  whole = opened(name, "", tmp_path)
  assert whole.fingerprint == lareqa.fingerprint(name) != source.fingerprint
  assert [r.language for r in whole.read()] == list(lareqa.languages(name))


@pytest.mark.parametrize("name", ["world_facts", *lareqa.NAMES])
def test_no_language_of_a_set(name, tmp_path):
  with pytest.raises(UserError) as caught:
    opened(name, "train", tmp_path, "la", "eo")
  assert str(caught.value).startswith(
    f"config key 'data.languages' is ('la', 'eo'), but data set '{name}' has"
    " none of them; it has ar, "
  )


@pytest.mark.parametrize("name", ["world_facts", "squad", "pairs.jsonl"])
def test_a_code_that_is_no_language(name, tmp_path):
  with pytest.raises(UserError, match=r"'data.languages' has 'EN'; expected c"):
    opened(name, "train", tmp_path, "de", "EN")


def test_no_such_split(tmp_path):
  with pytest.raises(UserError, match=r"no split 'tune'; it has train, dev, t"):
    opened("world_facts", "tune", tmp_path)


def test_fingerprints_follow_data_and_split(pairs, tmp_path):
  before = {
    split: opened(pairs, split, tmp_path).fingerprint
    for split in ("", "train", "dev")
  }
  assert len(set(before.values())) == 3
  with open(pairs, "a") as file:
    file.write("\n")
  for split, fingerprint in before.items():
    assert opened(pairs, split, tmp_path).fingerprint != fingerprint


def test_nothing_is_read_before_it_is_asked_for(tmp_path):
  nowhere = str(tmp_path / "nowhere")
  for name in NAMES:  # no such folder, and no network is tried
    split = "test" if name == "xquad" else "dev" if name == "mlqa" else "train"
    source = opened(name, split, tmp_path, lareqa_dir=nowhere)
    assert source.name == name
    if name in lareqa.NAMES:
      with pytest.raises(UserError, match="nowhere"):
        next(source.read())
  assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
  ("name", "hint"),
  [
    ("", "expected one of"),
    ("mmarko", "did you mean 'mmarco'? There are"),
    ("mr-tydi", "did you mean 'mr_tydi'? There are"),
  ],
)
def test_unknown_name(tmp_path, name, hint):
  with pytest.raises(UserError) as caught:
    opened(name, "train", tmp_path)
  assert str(caught.value) == (
    f"unknown data set {name!r}; {hint} {', '.join(NAMES)}, ir_datasets:ID"
    " with an id of theirs, and the path of a .jsonl or .parquet file"
  )


@pytest.mark.parametrize(
  "name", ["pairs.json", "a/pairs.jsonl.gz", "pairs.tsv", "there"]
)
def test_a_file_that_is_not_read(tmp_path, monkeypatch, name):
  monkeypatch.chdir(tmp_path)
  (tmp_path / "there").touch()
  with pytest.raises(UserError) as caught:
    opened(name, "train", tmp_path)
  assert str(caught.value) == (
    f"data set '{name}': of files, .jsonl and .parquet are read; write it as"
    " one of these (docs/own_data.md)"
  )


@pytest.mark.parametrize(
  ("name", "message"),
  [
    ("shards", "shards: is a folder; expected a file or a glob, such as "),
    ("shards/", "shards/: is a folder; expected a file or a glob, such as "),
    (
      "shards/*",
      "data set 'shards/*': expected a glob that ends in .jsonl or .parquet,"
      " such as ",
    ),
  ],
)
def test_a_folder_or_all_in_it_is_told_of_globs(
  tmp_path, monkeypatch, name, message
):
  monkeypatch.chdir(tmp_path)
  (tmp_path / "shards").mkdir()
  with pytest.raises(UserError) as caught:
    opened(name, "train", tmp_path)
  assert str(caught.value) == f"{message}shards/*.jsonl"


def test_missing_file(tmp_path):
  with pytest.raises(UserError, match=r"nowhere\.jsonl"):
    opened(str(tmp_path / "nowhere.jsonl"), "train", tmp_path)
