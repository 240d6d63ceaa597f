"""A page to HTML or Markdown, and its figures to files. Feeds the writers.

The only importer of jinja2.
"""

import html
import re
from collections.abc import Callable

import jinja2

from hybrid_ir.evaluation.report import svg
from hybrid_ir.evaluation.report.page import Page


def to_html(page: Page) -> str:
  """One file that needs no other: style and figures are in it."""
  environment = _environment(autoescape=True)
  environment.filters["inline"] = svg.inline
  return environment.get_template("report.html.jinja").render(page=page)


def to_markdown(page: Page) -> str:
  """The same, with figures/*.svg beside it."""
  environment = _environment(finalize=_escape_markdown)
  return environment.get_template("report.md.jinja").render(page=page)


def figure_files(page: Page) -> dict[str, bytes]:
  """`figures/NAME.svg` and `figures/NAME.png` of each picture."""
  files = {}
  for section in page.sections:
    for picture in section.pictures:
      text = svg.standalone(picture.drawing.svg)
      files[f"figures/{picture.name}.svg"] = text.encode()
      files[f"figures/{picture.name}.png"] = picture.drawing.png
  return files


def _environment(
  *, autoescape: bool = False, finalize: Callable[[object], str] | None = None
) -> jinja2.Environment:
  return jinja2.Environment(
    loader=jinja2.PackageLoader("hybrid_ir.evaluation.report"),
    undefined=jinja2.StrictUndefined,
    autoescape=autoescape,
    finalize=finalize,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
  )


def _escape_markdown(value: object) -> str:
  """Text as one line of Markdown that shows it letter by letter."""
  text = html.escape(" ".join(str(value).split()), quote=False)
  # An underscore inside a word is no markup: xquad_r stays legible.
  return re.sub(r"([\\`*\[\]|~$]|(?<!\w)_|_(?!\w))", r"\\\1", text)
