"""Tiny files in the formats of what is published. To tests of its readers."""

import io
import json
import tarfile

from hybrid_ir.data.mtop import LANGUAGES

MIRACL = {
  "miracl/v1.0/sw/dev/topics.tsv": "5#0\tKilima kina urefu gani?\n4\tNini?\n",
  "miracl/v1.0/sw/dev/qrels.tsv": "5#0\tQ0\t5#2\t0\n5#0\tQ0\t5#1\t1\n",
  "miracl/v1.0/sw/docs/docs-0.jsonl.gz": [
    {"docid": "5#0", "title": "Kilima", "text": "Urefu ni mita 90."},
    {"docid": "5#1", "title": "", "text": "Mita 90."},
    {"docid": "5#2", "title": "Kilima", "text": "Mvua."},
    {"docid": "6#0", "title": "Jua", "text": "Jua ni kali."},  # not judged
  ],
}
MIRACL_COUNTS = {"docs": 4, "queries": 2, "qrels": 2}


def topic(id, title):
  translations = [
    {
      "lang": lang,
      "source": "machine translation",
      "topic_title": f"{title} in {lang}",
      "topic_description": "d",
      "topic_narrative": "n",
    }
    for lang in ("fas", "rus", "zho")
  ]
  original = {
    "lang": "eng",
    "source": "original",
    "topic_title": title,
    "topic_description": f"Documents on {title}",
    "topic_narrative": "n",
  }
  return json.dumps({"topic_id": id, "topics": [*translations, original]})


def article(id, title, text):
  extra = dict.fromkeys(("url", "time", "cc_file"), "x")
  return {"id": id, "title": title, "text": text, **extra}


def neuclir():
  packed = io.BytesIO()
  judged = b"200 0 zho-1 3\n200 0 fas-1 1\n200 0 rus-1 0\n"
  with tarfile.open(fileobj=packed, mode="w:gz") as tar:
    entry = tarfile.TarInfo("qrels.final.gains")
    entry.size = len(judged)
    tar.addfile(entry, io.BytesIO(judged))
  return {
    "neuclir/1/zho/docs.jsonl.gz": [article("zho-1", "山", "高九十米。")],
    "neuclir/1/fas/docs.jsonl.gz": [article("fas-1", "تپه", "نود متر.")],
    "neuclir/1/rus/docs.jsonl.gz": [
      article("rus-1", "Холм", "Дождь."),
      article("rus-2", "Солнце", "Жара."),
    ],
    "neuclir/trec-2023/topics.jsonl": topic("200", "hill height") + "\n",
    "neuclir/trec-2023/qrels.tar.gz": packed.getvalue(),
  }


_DOLLY = (
  {
    "instruction": "How tall is the hill?",
    "context": "The hill is 90 m tall.",
    "response": "90 m",
    "category": "closed_qa",
  },
  {
    "instruction": "Name two hills.\n",
    "context": "",
    "response": "Tor and Fell.",
    "category": "brainstorming",
  },
  {
    "instruction": "Say nothing.",
    "context": "",
    "response": " ",
    "category": "open_qa",
  },
)
# File -> content, where TFDS looks for its download.
DOLLY = {
  "databricks-dolly-15k.jsonl": "\n".join(map(json.dumps, _DOLLY)).encode()
}

# id -> intent; 9 is asked in English alone, and its intent nowhere answered.
_TEST = {"7": "IN:GET_WEATHER", "8": "IN:CREATE_ALARM", "9": "IN:RARE"}
_EVAL = {"7": "IN:CREATE_ALARM", "20": "IN:GET_WEATHER", "21": "IN:GET_WEATHER"}


def write_mtop(folder):
  """MTOP's files in six languages, of three utterances a split."""
  for language in LANGUAGES:
    for split, intents in (("test", _TEST), ("eval", _EVAL)):
      path = folder / language / f"{split}.txt"
      path.parent.mkdir(parents=True, exist_ok=True)
      path.write_text(
        "".join(
          f"{id}\t{intent}\t\t{split} {id}\td\t{language}_XX\tx\t{{}}\n"
          for id, intent in intents.items()
          if id != "9" or language == "en"
        )
      )
