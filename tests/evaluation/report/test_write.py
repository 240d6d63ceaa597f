"""report.html and report.md, read back: what stands there is what came in."""

import html.parser
import json
import re
import shutil
import subprocess
import sys

import matplotlib
import pytest

from hybrid_ir.evaluation.report import write_report

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

  def all(self, tag=None, **attributes):
    for part in self.parts:
      if isinstance(part, Element):
        if tag in (None, part.tag) and attributes.items() <= (
          part.attributes.items()
        ):
          yield part
        yield from part.all(tag, **attributes)


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


def parsed(workdir):
  parser = Parser()
  parser.feed((workdir / "report.html").read_text(encoding="utf-8"))
  assert parser.here is parser.root
  return parser.root


def section(page, anchor):
  return next(page.all("section", id=anchor))


def tables(element):
  """Each table: its rows as dicts by column, with (text, exact value)."""
  for table in element.all("table"):
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


def svg_texts(figure):
  return [element.text.strip() for element in figure.all("text")]


def lines(workdir, name):
  return [
    json.loads(line)
    for line in (workdir / name).read_text(encoding="utf-8").splitlines()
  ]


def test_writes_what_it_says(workdir):
  written = write_report(workdir)
  assert {path.name for path in written} >= {"report.md", "report.html"}
  assert all(path.is_file() for path in written)
  figures = {path for path in written if path.suffix == ".svg"}
  assert {path.parent for path in figures} == {workdir / "figures"}
  markdown = (workdir / "report.md").read_text(encoding="utf-8")
  assert set(re.findall(r"\((figures/[^)]+)\)", markdown)) == {
    path.relative_to(workdir).as_posix() for path in figures
  }
  assert not list(workdir.rglob("*.partial"))


def test_the_summary_holds_the_macro_figures_of_the_latest_step(workdir):
  write_report(workdir)
  rows, search = tables(section(parsed(workdir), "summary"))
  assert [(row["Setting"][0], row["Model"][0]) for row in rows] == [
    ("mono", "step 200"),
    ("cross", "step 200"),
    ("multi", "before training"),
    ("multi", "step 200"),
  ]
  columns = {
    "mAP": "map",
    "MRR": "mrr",
    "R@1": "recall@1",
    "R@5": "recall@5",
    "R@10": "recall@10",
    "nDCG@10": "ndcg@10",
    "Rank distance": "rank_distance",
  }
  latest = {
    (line["setting"], line["measure"]): line["value"]
    for line in lines(workdir, "results.jsonl")
    if line["query_language"] == "*"
    and line["step"] == 200
    and line["search"] == "exact"
  }
  shown = 0
  for row in rows:
    if row["Model"][0] != "step 200":
      continue
    for column, measure in columns.items():
      text, value = row[column]
      expected = latest.get((row["Setting"][0], measure))
      if expected is None:
        assert (text, value) == ("–", None)
        continue
      assert float(value) == expected
      digits = 1 if measure == "rank_distance" else 4
      assert text == f"{expected:,.{digits}f}"
      shown += 1
    assert row["Queries"] == ("1,234", "1234")
    assert row["Dropped"] == ("5", "5")
    assert row["Candidates"] == ("13,014", "13014")
  assert shown == len(latest)
  assert rows[2]["mAP"] == ("0.0100", "0.01")
  [found] = search
  assert found["Exact top 10 found"] == ("0.9876", "0.9876")
  assert found["R@10 exact"][0] == "0.7000"
  assert found["R@10 ScaNN"][0] == "0.6954"
  assert found["nDCG@10 ScaNN"][0] == "–"


def test_the_matrix_has_queries_in_rows_and_both_states(workdir):
  write_report(workdir)
  before, after = section(parsed(workdir), "matrix").all("figure")
  cells = [text for text in svg_texts(before) if text.isdigit()]
  assert cells == ["20", "5", "1", "6", "30", "2", "3", "4", "10"]
  cells = [text for text in svg_texts(after) if text.isdigit()]
  assert cells == ["71", "62", "53", "64", "82", "55", "46", "57", "68"]
  caption = next(after.all("figcaption")).text
  assert "Means: 73.7 within a language, 56.2 between two." in caption
  assert "en → ar (64), the worst th → ar (46)" in caption


def test_the_bias_captions_are_computed(workdir):
  write_report(workdir)
  filled, own = section(parsed(workdir), "bias").all("figure")
  cells = [text for text in svg_texts(filled) if text.isdigit()]
  assert cells == "60 30 10 10 90 0 20 50 30 25 25 50".split()
  caption = next(own.all("figcaption")).text.replace("\xa0", " ")
  # (.6 + .9 + .3) / 3 and (.25 + .25 + .5) / 3; en: .9 against .25.
  assert "fill 60 % of the top 10; the pool holds 33 %" in caption
  assert "strongest for en: 90 % against 25 %" in caption
  caption = next(filled.all("figcaption")).text.replace("\xa0", " ")
  # en: (.3 + .9 + .5) / 3 against .25; th: (.1 + 0 + .3) / 3 against .5.
  assert "passages in en stand furthest above" in caption
  assert "(57 % against 25 %), those in th furthest below" in caption
  assert "(13 % against 50 %)" in caption


def test_training_curves_are_drawn_from_the_log(workdir):
  write_report(workdir)
  training = section(parsed(workdir), "training")
  captions = {
    figure.attributes["id"]: next(figure.all("figcaption")).text
    for figure in training.all("figure")
  }
  assert list(captions) == [
    "loss", "learning-rate", "speed", "dev", "dev-rank-distance",
  ]  # fmt: skip
  assert "peaks at 0.001 at step 10" in captions["learning-rate"]
  assert "100.0 pairs and 5,000 tokens" in captions["speed"]
  assert "map 0.2 to 0.4" in captions["dev"]
  assert {"mono", "cross"} <= set(svg_texts(next(training.all("figure"))))


def test_texts_are_shown_letter_by_letter_in_their_own_direction(workdir):
  write_report(workdir)
  [example] = section(parsed(workdir), "examples-toy-facts").all("article")
  query = lines(workdir, "details/toy_facts.json")[0]["examples"][0]["query"]
  [shown] = next(example.all("h3")).all("span", dir="auto")
  assert shown.text == query
  assert shown.attributes["lang"] == "ar"
  hits = list(example.all("li"))
  assert [hit.attributes.get("class") for hit in hits] == [
    "relevant", None, "relevant",
  ]  # fmt: skip
  texts = [next(hit.all("span", dir="auto")) for hit in hits]
  assert [text.attributes["lang"] for text in texts] == ["th", "th", "ar"]
  assert {text.text for text in texts} == {"สกุลเงิน: ยูโร"}
  assert "2 of 3 relevant. By language: th 2, ar 1." in example.text
  assert "Invented texts, free to share." in parsed(workdir).text


def test_markdown_keeps_its_columns_whatever_the_texts_hold(workdir):
  write_report(workdir)
  markdown = (workdir / "report.md").read_text(encoding="utf-8")
  assert "<script>" not in markdown
  assert r"&lt;script&gt;" in markdown
  heads = re.findall(r"^(\| .* \|)\n((?:\| --- )+\|)\n((?:\|.*\n)+)", markdown,
                     re.MULTILINE)  # fmt: skip
  assert len(heads) >= 4
  for head, rule, body in heads:
    widths = {
      len(re.findall(r"(?<!\\)\|", line))
      for line in (head, rule, *body.splitlines())
    }
    assert len(widths) == 1


def test_the_page_needs_nothing_from_elsewhere(workdir):
  write_report(workdir)
  page = parsed(workdir)
  elements = list(page.all())
  tags = {element.tag for element in elements}
  assert not tags & {"script", "link", "iframe", "object", "img", "base"}
  for element in elements:
    for name in ("src", "href", "xlink:href"):
      assert element.attributes.get(name, "#").startswith("#")
  text = (workdir / "report.html").read_text(encoding="utf-8")
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


def test_the_same_files_give_the_same_bytes(workdir):
  first = {path: path.read_bytes() for path in write_report(workdir)}
  with matplotlib.rc_context({"font.size": 20, "svg.fonttype": "path"}):
    again = {path: path.read_bytes() for path in write_report(workdir)}
  assert again == first


@pytest.mark.parametrize(
  ("name", "anchor", "reason"),
  [
    ("results.jsonl", "summary", "No scores: results.jsonl is missing"),
    ("results.jsonl", "matrix", "No matrix: results.jsonl"),
    ("results.jsonl", "languages", "No scores by language: results.jsonl"),
    ("metrics.jsonl", "training", "No training curves: metrics.jsonl"),
    ("details", "bias", "No language bias: details/"),
    ("details", "examples", "No examples: details/"),
    ("config.json", "configuration", "No configuration: config.json"),
  ],
)
def test_a_missing_part_is_named_and_the_rest_stands(
  workdir, name, anchor, reason
):
  path = workdir / name
  shutil.rmtree(path) if path.is_dir() else path.unlink()
  write_report(workdir)
  page = parsed(workdir)
  left_out = section(page, anchor)
  assert reason in left_out.text
  assert not list(left_out.all("figure"))
  assert not list(left_out.all("table"))
  assert reason in (workdir / "report.md").read_text(encoding="utf-8")
  assert list(page.all("table"))


def test_an_empty_workdir_gives_a_report_of_what_is_missing(tmp_path):
  written = write_report(tmp_path)
  assert [path.name for path in written] == ["report.md", "report.html"]
  assert len(re.findall(r"\bNo [a-z]", parsed(tmp_path).text)) == 7


def test_neither_jax_nor_tensorflow_is_imported():
  code = (
    "import sys, hybrid_ir.evaluation.report; "
    "print({'jax', 'tensorflow', 'torch'} & set(sys.modules))"
  )
  done = subprocess.run(
    [sys.executable, "-c", code], capture_output=True, text=True, check=True
  )
  assert done.stdout.strip() == "set()"
