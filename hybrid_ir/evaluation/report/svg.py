"""A figure's SVG as a file or inside a page. From canvas; feeds render."""

import re


def standalone(figure: str) -> str:
  """A figure as a file of its own: dark ink on white, wherever it is shown."""
  return figure.replace(
    "<svg ", '<svg style="background: #ffffff; color: #16191d" ', 1
  )


def inline(figure: str, name: str) -> str:
  """A figure inside a page; `name` keeps its ids apart.

  As wide as the page, but never so narrow that its text is too small to read:
  one with many languages scrolls.
  """
  head, body = re.split(r"(?<=>)", figure, maxsplit=1)
  [width] = re.findall(r' width="([\d.]+)pt"', head)
  head = re.sub(r' (?:width|height)="[^"]*"', "", head)
  # Up to 1.7 times its size: its small print is then as large as the page's.
  sizes = (
    f"max-width: {1.7 * float(width):.0f}px; --least: {float(width):.0f}px"
  )
  head = head.replace("<svg ", f'<svg style="{sizes}" ')
  return re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", head + body)
