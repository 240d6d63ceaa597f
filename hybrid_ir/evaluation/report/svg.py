"""A figure's SVG as a file or inside a page. From figures; feeds write."""

import re


def standalone(figure: str) -> str:
  """A figure as a file of its own: dark ink on white, wherever it is shown."""
  return figure.replace(
    "<svg ", '<svg style="background: #ffffff; color: #16191d" ', 1
  )


def inline(figure: str, name: str) -> str:
  """A figure inside a page, no wider than it; `name` keeps its ids apart."""
  head, body = re.split(r"(?<=>)", figure, maxsplit=1)
  [width] = re.findall(r' width="([\d.]+)pt"', head)
  head = re.sub(r' (?:width|height)="[^"]*"', "", head)
  # Up to 1.7 times its size: its small print is then as large as the page's.
  head = head.replace(
    "<svg ", f'<svg style="max-width: {1.7 * float(width):.0f}px" '
  )
  return re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", head + body)
