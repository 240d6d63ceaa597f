"""ir_datasets' own parsers, on tiny files where it keeps its downloads."""

import gzip

import pytest

from hybrid_ir.config import Data
from hybrid_ir.data import ir_sets
from hybrid_ir.data.records import Record
from hybrid_ir.data.sources import open_source
from hybrid_ir.errors import UserError

FILES = {
  # MS MARCO's qrels; the version file says that the collection is as it is to
  # be, or the library would remove it.
  "msmarco-passage/irds_version.txt": "v2",
  "msmarco-passage/train/qrels": "7\t0\t1\t1\n7\t0\t0\t1\n9\t0\t2\t1\n",
  "msmarco-passage/train/queries.tsv": (
    "7\thow tall is the hill\n8\tnot judged\n9\twho built it\n"
  ),
  "msmarco-passage/collection.tsv": (
    "0\tIt is 90 m tall.\n1\tThe hill: 90 m.\n2\tAnn did.\n3\tRain.\n"
  ),
  "mmarco/v2/german.queries.train.tsv": (
    "9\tWer hat es gebaut?\n7\tWie hoch ist der Hügel?\n8\tUnbewertet\n"
  ),
  "mmarco/v2/german_collection.tsv": (
    "0\tEr ist 90 m hoch.\n1\tDer Hügel: 90 m.\n2\tAnn war es.\n3\tRegen.\n"
  ),
  "mmarco/v2/dutch.queries.train.tsv": "7\tHoe hoog is de heuvel?\n9\tWie?\n",
  "mmarco/v2/dutch_collection.tsv": "0\tHij is 90 m.\n1\t \n2\tAnn.\n",
  "mmarco/qrels.dev.small.tsv": "5\t0\t3\t1\n",
  "mmarco/v2/german.queries.dev.tsv": "5\tWas fällt?\n6\tWas noch?\n",
  # Mr. TyDi: a tar file, unpacked.
  "mr-tydi/sw.data/mrtydi-v1.0-swahili/topic.train.tsv": "1\tNi nini?\n",
  "mr-tydi/sw.data/mrtydi-v1.0-swahili/qrels.train.txt": "1 Q0 26#0 1\n",
  "mr-tydi/sw.data/mrtydi-v1.0-swahili/topic.test.tsv": "2\tNani?\n",
  "mr-tydi/sw.data/mrtydi-v1.0-swahili/qrels.test.txt": "2 Q0 26#1 1\n",
  "mr-tydi/sw.data/mrtydi-v1.0-swahili/collection/docs.jsonl.gz": [
    {"id": "26#0", "contents": "Kilima\n\nKilima ni kirefu."},
    {"id": "26#1", "contents": "Kilima\n\nAnna."},
  ],
  "mr-tydi/te.data/mrtydi-v1.0-telugu/topic.train.tsv": "1\tఏమిటి?\n",
  "mr-tydi/te.data/mrtydi-v1.0-telugu/qrels.train.txt": "1 Q0 26#0 1\n",
  "mr-tydi/te.data/mrtydi-v1.0-telugu/collection/docs.jsonl.gz": [
    {"id": "26#0", "contents": "కొండ\n\nకొండ ఎత్తు."},
  ],
  # MIRACL: judged both ways; query 4 has no relevant passage.
  "miracl/v1.0/sw/train/topics.tsv": "3\tKilima kina urefu gani?\n4\tNini?\n",
  "miracl/v1.0/sw/train/qrels.tsv": (
    "3\tQ0\t5#2\t0\n3\tQ0\t5#1\t1\n3\tQ0\t5#0\t1\n3\tQ0\t6#0\t0\n"
    "4\tQ0\t6#0\t0\n3\tQ0\t9#9\t1\n"
  ),
  "miracl/v1.0/sw/docs/docs-0.jsonl.gz": [
    {"docid": "5#0", "title": "Kilima", "text": "Urefu ni mita 90."},
    {"docid": "5#1", "title": "", "text": "Mita 90."},
    {"docid": "5#2", "title": "Kilima", "text": "Mvua."},
    {"docid": "6#0", "title": "Jua", "text": "Jua ni kali."},
  ],
}


@pytest.fixture
def home(ir_home):
  """A home of ir_datasets with FILES in it."""
  return ir_home(FILES)


@pytest.fixture
def read(home, tmp_path):
  def records(name, split="train", languages=()):
    data = Data(languages=languages)
    return list(open_source(name, split, data, tmp_path).read())

  return records


def test_mmarco_is_parallel_by_query_and_passage(read):
  records = read("mmarco", languages=("de", "en"))
  german, english = records[:3], records[3:]
  assert german[0] == Record(
    id="7-1",
    language="de",
    query="Wie hoch ist der Hügel?",
    passage="Der Hügel: 90 m.",
    where="mmarco/v2/de/train, query 7, passage 1",
    group="7",
  )
  assert [r.id for r in german] == [r.id for r in english]
  assert [r.id for r in german] == ["7-1", "7-0", "9-2"]
  assert [r.group for r in english] == ["7", "7", "9"]
  assert {r.language for r in english} == {"en"}
  assert english[1].query == "how tall is the hill"
  assert english[1].passage == "It is 90 m tall."


def test_dutch_has_cldrs_code_and_empty_passages_are_left_out(read, capsys):
  records = read("mmarco", languages=("nl",))
  assert [(r.language, r.id) for r in records] == [("nl", "7-0"), ("nl", "9-2")]
  assert "mmarco: 1 records are left out" in capsys.readouterr().err


def test_the_dev_split_of_mmarco_is_the_small_one(read):
  (record,) = read("mmarco", "dev", languages=("de",))
  assert (record.query, record.passage) == ("Was fällt?", "Regen.")


def test_mr_tydi_is_not_parallel(read):
  records = read("mr_tydi", languages=("sw", "te", "de"))
  assert [(r.id, r.group) for r in records] == [
    ("sw-1-26#0", "sw-1"),
    ("te-1-26#0", "te-1"),
  ]
  assert records[0].passage == "Kilima\n\nKilima ni kirefu."
  assert [r.query for r in read("mr_tydi", "test", ("sw",))] == ["Nani?"]


def test_judged_passages_of_miracl_are_hard_negatives(read, capsys):
  first, second = read("miracl", languages=("sw",))
  assert first == Record(
    id="sw-3-5#1",
    language="sw",
    query="Kilima kina urefu gani?",
    passage="Mita 90.",
    where="miracl/sw/train, query 3, passage 5#1",
    negatives=("Kilima\n\nMvua.", "Jua\n\nJua ni kali."),
    group="sw-3",
  )
  assert (second.id, second.group) == ("sw-3-5#0", first.group)
  assert second.passage == "Kilima\n\nUrefu ni mita 90."
  assert second.negatives == first.negatives
  assert "1 relevant pairs are left out" in capsys.readouterr().err


def test_few_of_many_negatives_are_kept(read, monkeypatch):
  monkeypatch.setattr(ir_sets, "_MOST_NEGATIVES", 1)
  (first, _) = read("miracl", languages=("sw",))
  assert first.negatives == ("Kilima\n\nMvua.",)


@pytest.mark.parametrize(
  ("name", "language", "ids"),
  [
    ("ir_datasets:miracl/sw/train", "sw", ["sw-3-5#1", "sw-3-5#0"]),
    ("ir_datasets:mmarco/v2/dt/train", "nl", ["nl-7-0", "nl-9-2"]),
  ],
)
def test_any_id_of_ir_datasets(read, name, language, ids):
  for split in ("train", "test", ""):  # it is one whole
    records = read(name, split)
    assert [r.id for r in records] == ids
    assert {r.language for r in records} == {language}


@pytest.mark.parametrize(
  ("name", "message"),
  [
    (
      "ir_datasets:miracl/sv/train",
      "unknown data set 'ir_datasets:miracl/sv/train'.*miracl",
    ),
    ("ir_datasets:?", "unknown data set 'ir_datasets:.'.*no such id$"),
    (
      "ir_datasets:miracl/sw",
      "'ir_datasets:miracl/sw' has no queries; expected",
    ),
    ("ir_datasets:miracl/sw/test-a", ":miracl/sw/test-a' has no qrels"),
    ("ir_datasets:neumarco/fa/train", r"cannot be told \(it says en, fa\)"),
    ("ir_datasets:neuclir/1/fa/trec-2023", r"cannot be told \(it says en, fa"),
    ("ir_datasets:codesearchnet/challenge", r"be told \(it says nothing\)"),
    ("ir_datasets:miracl/sw/train", "has none of them; it has sw"),
    ("mr_tydi", "data set 'mr_tydi' has none of them; it has ar, bn, en, fi"),
    ("miracl", "'data.languages' is .'cy',., but data set 'miracl' has none"),
  ],
)
def test_refused(home, tmp_path, name, message):
  with pytest.raises(UserError, match=message) as caught:
    open_source(name, "train", Data(languages=("cy",)), tmp_path)
  assert "\n" not in str(caught.value)


def test_languages_differ_by_split(home, tmp_path):
  yoruba = Data(languages=("yo",))
  open_source("miracl", "dev", yoruba, tmp_path)
  with pytest.raises(UserError, match="has none of them"):
    open_source("miracl", "train", yoruba, tmp_path)


def test_no_network(read):
  with pytest.raises(UserError, match="IR_DATASETS_HOME") as caught:
    read("miracl", languages=("th",))
  assert str(caught.value).startswith("miracl/th/train: cannot be read through")
  assert "\n" not in str(caught.value)


def test_a_malformed_file(read, home):
  path = home / "mmarco/v2/french.queries.train.tsv"
  path.write_text("7\tUne\tdeux\n")
  with pytest.raises(UserError, match=r"fr/train.*expected 2 fields, got 3"):
    read("mmarco", languages=("fr",))


@pytest.mark.parametrize("content", [slice(None, -9), slice(9, None)])
def test_a_broken_download(read, home, content):
  folder = home / "miracl/v1.0/bn"
  (folder / "train").mkdir(parents=True, exist_ok=True)
  (folder / "train/topics.tsv").write_text("1\t?\n")
  (folder / "train/qrels.tsv").write_text("1\tQ0\t5#0\t1\n")
  (folder / "docs").mkdir(exist_ok=True)
  whole = gzip.compress(b'{"docid": "4#0", "title": "", "text": "."}\n')
  broken = whole[:10] + whole[10:][content]
  (folder / "docs/docs-0.jsonl.gz").write_bytes(broken)
  with pytest.raises(UserError, match="bn/train: cannot be read") as caught:
    read("miracl", languages=("bn",))
  assert "\n" not in str(caught.value)


def test_every_named_part_is_in_the_library(home):
  import ir_datasets

  for name in ir_sets.NAMES:
    for parts in ir_sets.splits(name).values():
      for language, dataset_id in parts.items():
        dataset = ir_datasets.load(dataset_id)
        assert dataset.has("qrels"), dataset_id
        code = {"nl": "dt"}.get(language, language)
        assert dataset.docs_lang() == code
        assert dataset.queries_lang() == code
  left_out = {
    id
    for id in ir_datasets.registry
    if id.startswith(("mr-tydi/", "miracl/")) and id.endswith(("train", "dev"))
  } - {
    id
    for name in ("mr_tydi", "miracl")
    for parts in ir_sets.splits(name).values()
    for id in parts.values()
  }
  assert left_out == set()


def test_fingerprints_follow_split_and_languages(tmp_path):
  def stamp(name, split, *languages):
    data = Data(languages=languages)
    return open_source(name, split, data, tmp_path).fingerprint

  stamps = [
    stamp(name, split, *languages)
    for name in ("mr_tydi", "miracl")
    for split in ("train", "dev", "")
    for languages in ((), ("sw",), ("sw", "te"))
  ]
  assert len(set(stamps)) == len(stamps)
  assert stamp("miracl", "dev", "te", "sw") == stamp(
    "miracl", "dev", "sw", "te"
  )
