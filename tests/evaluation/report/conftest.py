"""A small invented workdir, one language right to left, and its page read."""

import html.parser
import json
import re

import pytest

from hybrid_ir.evaluation.report import write_report

LANGUAGES = ("ar", "en", "th")
# mAP by query language (row) and passage language, before and after training.
BEFORE = ((0.20, 0.05, 0.01), (0.06, 0.30, 0.02), (0.03, 0.04, 0.10))
AFTER = ((0.71, 0.62, 0.53), (0.64, 0.82, 0.55), (0.46, 0.57, 0.68))
MACRO = {  # setting -> measure -> value, after training
  "mono": {"map": 0.73666667, "mrr": 0.75, "recall@1": 0.61234},
  "cross": {"map": 0.56166667, "mrr": 0.58, "recall@1": 0.44},
  "multi": {
    "map": 0.4321987,
    "mrr": 0.5,
    "recall@1": 0.39,
    "recall@5": 0.6,
    "recall@10": 0.7,
    "ndcg@10": 0.55,
    "rank_distance": 1213.7123,
  },
}
QUERY = 'ما <script>alert("x")</script> & عملة | ألمانيا؟'


def score(setting, query, passage, measure, value, *, step, search="exact"):
  return {
    "system": "tiny",
    "seed": 7,
    "benchmark": "toy_facts",
    "unit": "passage",
    "setting": setting,
    "query_language": query,
    "passage_language": passage,
    "measure": measure,
    "value": value,
    "queries": 1234,
    "dropped": 5,
    "candidates": 13014,
    "step": step,
    "search": search,
  }


def scores():
  for step, matrix in ((0, BEFORE), (100, BEFORE), (200, AFTER)):
    for query, row in zip(LANGUAGES, matrix, strict=True):
      for passage, value in zip(LANGUAGES, row, strict=True):
        setting = "mono" if query == passage else "cross"
        yield score(setting, query, passage, "map", value, step=step)
    yield score("multi", "*", "all", "map", 0.01 * (step + 1), step=step)
  for setting, measures in MACRO.items():
    pool = "all" if setting == "multi" else "*"
    for measure, value in measures.items():
      yield score(setting, "*", pool, measure, value, step=200)
  yield score("cross", "ar", "*", "map", 0.575, step=200)
  yield score("cross", "*", "en", "map", 0.595, step=200)
  yield score("multi", "th", "all", "map", 0.33, step=200)
  yield score("multi", "micro", "all", "map", 0.4567, step=200)
  yield score("mono", "ar", "ar", "token_f1", 0.3, step=200)
  for step, values in ((0, (0.5, 0.4, 0.3)), (200, (0.25, 0.35, 0.15))):
    for code, value in zip(LANGUAGES, values, strict=True):
      name = "language_divergence@10"
      yield score("multi", code, "all", name, value, step=step)
  for measure, value in (("ann_recall@10", 0.9876), ("recall@10", 0.6954)):
    yield score("multi", "*", "all", measure, value, step=200, search="scann")


def training():
  for step in range(1, 41):
    yield {
      "step": step,
      "loss": 4 / step,
      "learning_rate": 1e-4 * min(step, 10),
      "pairs_per_s": 100.0,
      "tokens_per_s": 5000,
      "real_token_share": 0.9,
      "kind": "mono" if step % 2 else "cross",
    }
    if step % 20 == 0:
      yield {"step": step, "dev": {"map": step / 100, "rank_distance": 90.5}}


def details():
  hit = {"passage_id": "th:1", "score": 0.5, "text": "สกุลเงิน | *ยูโร*"}
  return {
    "benchmark": "toy_facts",
    "step": 200,
    "languages": LANGUAGES,
    "top10_language_share": [[0.6, 0.3, 0.1], [0.1, 0.9, 0], [0.2, 0.5, 0.3]],
    "pool_language_share": [0.25, 0.25, 0.5],
    # Of ar: own 40 %, en 60 %; no query of th is counted.
    "first_language": [[0.4, 0.6, 0], [0.2, 0.8, 0], [None] * 3],
    "left_out": ["2 queries without text"],
    "examples": [
      {
        "query_id": "ar:DE",
        "query_language": "ar",
        "query": QUERY,
        "hits": [
          {**hit, "rank": 1, "language": "th", "relevant": True},
          {**hit, "rank": 2, "language": "th", "relevant": False},
          {**hit, "rank": 3, "language": "ar", "relevant": True},
        ],
      }
    ],
    "licence_note": "Invented texts, free to share.",
  }


@pytest.fixture
def workdir(tmp_path):
  """Every input file there."""
  return write_workdir(tmp_path / "run")


def write_workdir(folder):
  (folder / "details").mkdir(parents=True)
  for name, lines in (("results", scores()), ("metrics", training())):
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
  for name, value in (
    ("config.json", {"seed": 7, "mix": {"mono": 0.5, "cross": 0.5}}),
    ("details/toy_facts.json", details()),
  ):
    text = json.dumps(value, ensure_ascii=False)
    (folder / name).write_text(text, encoding="utf-8")
  return folder


VOID = {"meta", "br", "hr", "img", "link", "input"}


class Element:
  def __init__(self, tag, attributes, parent):
    self.tag, self.attributes, self.parent = tag, attributes, parent
    self.parts = []  # texts and elements

  @property
  def text(self):
    return "".join(
      part if isinstance(part, str) else part.text for part in self.parts
    )

  def section(self, anchor):
    return next(self.all("section", id=anchor))

  def all(self, tag=None, **attributes):
    for part in self.parts:
      if isinstance(part, Element):
        if tag in (None, part.tag) and attributes.items() <= (
          part.attributes.items()
        ):
          yield part
        yield from part.all(tag, **attributes)

  def tables(self):
    """Each table: its rows as dicts by column, with (text, exact value)."""
    for table in self.all("table"):
      columns, *rows = (
        [cell for cell in row.all() if cell.tag in ("th", "td")]
        for row in table.all("tr")
      )
      yield [
        {
          column.text.strip(): (
            cell.text.strip(),
            next((data.attributes["value"] for data in cell.all("data")), None),
          )
          for column, cell in zip(columns, row, strict=True)
        }
        for row in rows
      ]

  def numbers(self):
    """The whole numbers that stand in an SVG, in the order drawn."""
    texts = [element.text.strip() for element in self.all("text")]
    return [int(text) for text in texts if text.isdigit()]

  @property
  def caption(self):
    return next(self.all("figcaption")).text.replace("\xa0", " ")


class Parser(html.parser.HTMLParser):
  def __init__(self):
    super().__init__()
    self.root = self.here = Element("", {}, None)

  def handle_starttag(self, tag, attrs):
    element = Element(tag, dict(attrs), self.here)
    self.here.parts.append(element)
    if tag not in VOID:
      self.here = element

  def handle_startendtag(self, tag, attrs):
    self.here.parts.append(Element(tag, dict(attrs), self.here))

  def handle_endtag(self, tag):
    assert tag == self.here.tag  # well-formed
    self.here = self.here.parent

  def handle_data(self, data):
    self.here.parts.append(data)


def parse(text):
  """A page as a tree; it has to be well-formed."""
  parser = Parser()
  parser.feed(text)
  assert parser.here is parser.root
  return parser.root


@pytest.fixture(scope="session")
def page(tmp_path_factory):
  """report.html of a workdir with every input file, as a tree."""
  folder = write_workdir(tmp_path_factory.mktemp("report") / "run")
  write_report(folder)
  return parse((folder / "report.html").read_text(encoding="utf-8"))


@pytest.fixture
def read_page():
  """Writes a workdir's report and gives report.html as a tree."""

  def read(workdir):
    write_report(workdir)
    return parse((workdir / "report.html").read_text(encoding="utf-8"))

  return read


@pytest.fixture(name="parse", scope="session")
def _parse():
  return parse


@pytest.fixture
def check_alone():
  """Asserts that a page needs nothing from elsewhere, and its links lead."""

  def check(text):
    elements = list(parse(text).all())
    tags = {element.tag for element in elements}
    assert not tags & {"script", "link", "iframe", "object", "img", "base"}
    for element in elements:
      for name in ("src", "href", "xlink:href"):
        assert element.attributes.get(name, "#").startswith("#")
    assert "@import" not in text
    assert set(re.findall(r"url\((.)", text)) <= {"#"}
    addresses = set(re.findall(r"https?://[^\"'\s]+", text))
    assert addresses <= {  # names of formats, not fetched
      "http://www.w3.org/2000/svg",
      "http://www.w3.org/1999/xlink",
    }
    ids = [
      element.attributes["id"]
      for element in elements
      if "id" in element.attributes
    ]
    assert len(ids) == len(set(ids))
    targets = re.findall(r'(?:href="|url\()#([^")]+)', text)
    assert set(targets) <= set(ids)

  return check
