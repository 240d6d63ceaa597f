"""The whole page: self-contained, the same each time, whatever is missing."""

import re
import shutil
import subprocess
import sys

import matplotlib
import pytest

from hybrid_ir.evaluation.report import write_report


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
  assert not list(workdir.rglob("*.tmp"))


def test_markdown_keeps_its_columns_whatever_the_texts_hold(workdir):
  write_report(workdir)
  markdown = (workdir / "report.md").read_text(encoding="utf-8")
  assert "<script>" not in markdown
  assert r"&lt;script&gt;" in markdown
  tables = re.findall(r"(?:^\|.*\n)+", markdown, re.MULTILINE)
  assert len(tables) == 9
  for table in tables:
    bars = [len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()]
    assert len(set(bars)) == 1


def test_the_page_needs_nothing_from_elsewhere(workdir, check_alone):
  write_report(workdir)
  check_alone((workdir / "report.html").read_text(encoding="utf-8"))


def test_each_figure_is_a_png_too(workdir):
  written = write_report(workdir)
  names = {
    suffix: {path.stem for path in written if path.suffix == suffix}
    for suffix in (".svg", ".png")
  }
  assert names[".png"] == names[".svg"]


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
    ("results.jsonl", "scripts", "No scores by script: results.jsonl"),
    ("results.jsonl", "families", "No scores by family: results.jsonl"),
    ("metrics.jsonl", "training", "No training curves: metrics.jsonl"),
    ("details", "examples", "No examples: details/"),
    ("config.json", "configuration", "No configuration: config.json"),
  ],
)
def test_a_missing_part_is_named_and_the_rest_stands(
  workdir, read_page, name, anchor, reason
):
  path = workdir / name
  shutil.rmtree(path) if path.is_dir() else path.unlink()
  page = read_page(workdir)
  left_out = page.section(anchor)
  assert reason in left_out.text
  assert not list(left_out.all("figure"))
  assert not list(left_out.all("table"))
  assert reason in (workdir / "report.md").read_text(encoding="utf-8")
  assert list(page.all("table"))


def test_an_empty_workdir_gives_a_report_of_what_is_missing(
  tmp_path, read_page
):
  written = write_report(tmp_path)
  assert [path.name for path in written] == ["report.md", "report.html"]
  assert len(re.findall(r"\bNo [a-z]", read_page(tmp_path).text)) == 9


def test_neither_jax_nor_tensorflow_is_imported():
  code = (
    "import sys, hybrid_ir.evaluation.report; "
    "print({'jax', 'tensorflow', 'torch'} & set(sys.modules))"
  )
  done = subprocess.run(
    [sys.executable, "-c", code], capture_output=True, text=True, check=True
  )
  assert done.stdout.strip() == "set()"
