"""TFDS's own builders, on tiny files that stand for their downloads."""

import io
import json
import subprocess
import sys
import tarfile
import zipfile

import pytest

from hybrid_ir.config import Data
from hybrid_ir.data import tfds_build, tfds_sets
from hybrid_ir.data.records import Record
from hybrid_ir.data.sources import open_source
from hybrid_ir.data.tfds_build import tfds
from hybrid_ir.errors import UserError

from ..stand_ins import DOLLY


def squad(*questions, context="The hill is 90 m tall."):
  """A file of SQuAD's layout: (id, question) on one paragraph."""
  answer = {"text": context[:3], "answer_start": 0}
  qas = [{"id": i, "question": q, "answers": [answer]} for i, q in questions]
  paragraph = {"context": context, "qas": qas}
  article = {"title": "Hill", "paragraphs": [paragraph]}
  return json.dumps({"version": "1.1", "data": [article]}).encode()


def zipped(members):
  file = io.BytesIO()
  with zipfile.ZipFile(file, "w") as archive:
    for name, content in members.items():
      archive.writestr(name, content)
  return file.getvalue()


def tarred(members):
  file = io.BytesIO()
  with tarfile.open(fileobj=file, mode="w:gz") as archive:
    for name, content in members.items():
      info = tarfile.TarInfo(name)
      info.size = len(content)
      archive.addfile(info, io.BytesIO(content))
  return file.getvalue()


TYDI = {
  "ar": "arabic",
  "bn": "bengali",
  "en": "english",
  "fi": "finnish",
  "id": "indonesian",
  "ko": "korean",
  "ru": "russian",
  "sw": "swahili",
  "te": "telugu",
}
FILES = {
  "train-v1.1.json": squad(("q1", "How tall is it?"), ("q2", "What is it?")),
  "dev-v1.1.json": squad(("q9", "Where is it?")),
  "xquad.en.json": squad(("x1", "Who built it?"), context="Ann built it."),
  "xquad.de.json": squad(("x1", "Wer hat es gebaut?"), context="Ann war es."),
  "squad.translate.train.en-de.json": squad(
    ("q1", "Wie hoch ist er?"), context="Der Hügel ist 90 m hoch."
  ),
  "squad.translate.dev.en-de.json": squad(("q9", "Wo ist er?")),
  "xquad.translate.test.de-en.json": squad(("x1", "Who has built it?")),
  "MLQA_V1.zip": zipped(
    {
      f"MLQA_V1/{split}/{split}-context-{code}-question-{code}.json": squad(
        (f"{split}1", f"{code}?"), context=f"In {code}."
      )
      for split in ("dev", "test")
      for code in ("de", "en")
    }
  ),
  "tydiqa-goldp-v1.1-train.json": squad(
    ("arabic-17-1", "?كم"), ("english--5-2", "How?"), ("arabic-18-0", "?أين")
  ),
  "tydiqa-goldp-v1.1-dev.json": squad(("english--6-0", "Where?")),
  "tydiqa-goldp-v1.1-dev.tgz": tarred(
    {
      f"tydiqa-goldp-v1.1-dev/tydiqa-goldp-dev-{name}.json": squad(
        (f"{name}-1-0", f"{name}?")
      )
      for name in TYDI.values()
    }
  ),
  **{
    f"tydiqa.translate.train.en-{code}.json": squad(("english--5-2", "?"))
    for code in TYDI
    if code != "en"
  },
  **DOLLY,
}


@pytest.fixture
def cache(tfds_home):
  return tfds_home(FILES)


def read(cache, name, split="train", languages=()):
  data = Data(languages=languages)
  return list(open_source(name, split, data, cache).read())


def by_id(records):
  return sorted(records, key=lambda record: (record.language, record.id))


def test_squad_is_parallel_by_question(cache):
  records = by_id(read(cache, "squad", languages=("en", "de")))
  assert [(r.language, r.id) for r in records] == [
    ("de", "q1"),
    ("en", "q1"),
    ("en", "q2"),
  ]
  assert records[0] == Record(
    id="q1",
    language="de",
    query="Wie hoch ist er?",
    passage="Der Hügel ist 90 m hoch.",
    where="xquad/de:3.0.0, translate-train, example 0",
  )
  assert records[1].query == "How tall is it?"
  assert {r.passage for r in records[1:]} == {"The hill is 90 m tall."}


def test_only_the_languages_asked_for_are_built(cache):
  read(cache, "squad", languages=("en",))
  assert (cache / "tfds" / "squad").is_dir()
  assert not (cache / "tfds" / "xquad").exists()


def test_squads_dev_split_is_english(cache):
  assert [r.id for r in read(cache, "squad", "dev")] == ["q9"]
  with pytest.raises(UserError, match=r"it has en$"):
    read(cache, "squad", "dev", languages=("de",))


def test_xquad(cache):
  german, english = read(cache, "xquad", "test", ("en", "de"))
  assert (german.language, german.query) == ("de", "Wer hat es gebaut?")
  assert (english.id, german.id) == ("x1", "x1")
  assert (english.passage, german.passage) == ("Ann built it.", "Ann war es.")


@pytest.mark.parametrize("split", ["dev", "test"])
def test_mlqa(cache, split):
  records = read(cache, "mlqa", split, ("de", "en"))
  assert [(r.id, r.query, r.passage) for r in records] == [
    (f"{split}1", "de?", "In de."),
    (f"{split}1", "en?", "In en."),
  ]


def test_both_splits_of_mlqa(cache):
  records = read(cache, "mlqa", "", ("de", "en"))
  assert [(r.language, r.id) for r in records] == [
    ("de", "dev1"),
    ("de", "test1"),
    ("en", "dev1"),
    ("en", "test1"),
  ]


def test_tydi_qa_by_the_language_in_the_id(cache):
  records = by_id(read(cache, "tydi_qa", languages=("ar", "en")))
  assert [(r.language, r.id) for r in records] == [
    ("ar", "arabic-17-1"),
    ("ar", "arabic-18-0"),
    ("en", "english--5-2"),
  ]
  (record,) = read(cache, "tydi_qa", "dev", ("sw",))
  assert (record.language, record.query) == ("sw", "swahili?")


def test_dolly(cache, capsys):
  records = sorted(read(cache, "dolly"), key=lambda record: record.query)
  assert [(r.instruction, r.query, r.passage) for r in records] == [
    (tfds_sets.DOLLY_TASK, "Name two hills.", "Tor and Fell."),
    ("How tall is the hill?", "The hill is 90 m tall.", "90 m"),
  ]
  assert {r.language for r in records} == {"en"}
  assert len({r.id for r in records}) == 2
  assert "dolly: 1 records are left out" in capsys.readouterr().err
  assert read(cache, "dolly") == read(cache, "dolly")


@pytest.mark.parametrize(
  ("name", "split", "there"),
  [
    ("squad", "test", "train, dev"),
    ("xquad", "train", "test"),
    ("mlqa", "train", "dev, test"),
    ("dolly", "dev", "train"),
  ],
)
def test_no_such_split(tmp_path, name, split, there):
  with pytest.raises(UserError) as caught:
    open_source(name, split, Data(), tmp_path)
  assert str(caught.value) == (
    f"data set '{name}' has no split '{split}'; it has {there}"
  )


def test_a_file_that_is_not_the_released_one(cache):
  path = cache / "tfds" / "downloads" / "manual" / "dev-v1.1.json"
  path.write_bytes(squad(("q9", "Another?")))
  with pytest.raises(UserError, match="not the released file") as caught:
    read(cache, "squad", languages=("en",))
  assert "\n" not in str(caught.value)
  assert not list((cache / "tfds").glob("squad/v1.1/*"))


def test_no_network(cache, monkeypatch):
  file = cache / "tfds" / "downloads" / "manual" / "train-v1.1.json"
  file.unlink()
  monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # nothing answers
  with pytest.raises(UserError, match=r"cannot be downloaded.*put train-v1"):
    read(cache, "squad", languages=("en",))


def test_every_named_part_is_in_the_library(tmp_path):
  for name in tfds_sets.NAMES:
    for parts in tfds_sets.splits(name).values():
      for part in parts.values():
        builder = tfds.builder(part.build, data_dir=tmp_path)
        assert part.build.endswith(str(builder.version))
        files = {info.filename for info in builder.url_infos.values()}
        assert part.file in files


def test_built_once_and_read_without_tensorflow(cache, monkeypatch):
  first = read(cache, "squad", languages=("en",))
  monkeypatch.delattr(tfds_build, "_build")
  assert read(cache, "squad", languages=("en",)) == first
  code = f"""
import pathlib, sys
from hybrid_ir.config import Data
from hybrid_ir.data.sources import open_source
data = Data(languages=("en",))
source = open_source("squad", "train", data, pathlib.Path({str(cache)!r}))
assert len(list(source.read())) == 2
assert "tensorflow" not in sys.modules
"""
  done = subprocess.run(
    [sys.executable, "-W", "error", "-c", code],
    capture_output=True,
    text=True,
    check=False,
  )
  assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_fingerprints_follow_split_and_languages(tmp_path):
  def stamp(name, split, *languages):
    data = Data(languages=languages)
    return open_source(name, split, data, tmp_path).fingerprint

  stamps = [
    stamp(name, split, *languages)
    for name, split in [("squad", "train"), ("mlqa", "dev"), ("mlqa", "test")]
    for languages in ((), ("de",), ("de", "en"))
  ]
  assert len(set(stamps)) == len(stamps)
  assert stamp("squad", "train", "fr", "de") == stamp("squad", "train", "de")
