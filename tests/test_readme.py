"""The README's tree names every module, and no module that is not there."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[1]


def tree_files() -> set[str]:
  text = (ROOT / "README.md").read_text(encoding="utf-8")
  block = text.split("## The tree")[1].split("```")[1]
  files, folders = set(), []
  for line in block.strip().splitlines():
    indent = (len(line) - len(line.lstrip())) // 2
    names = re.findall(r"[\w/]+\.py|[\w]+/(?=\s|$)", line)
    folders = folders[:indent]
    for name in names:
      if name.endswith("/"):
        folders = [*folders[:indent], name]
      else:
        files.add("".join(folders[:indent]) + name)
  return {name for name in files if name.startswith("hybrid_ir/")}


def test_nothing_is_left_to_fill_in_and_links_lead_somewhere() -> None:
  text = (ROOT / "README.md").read_text(encoding="utf-8")
  assert not re.findall(r"@\w+@", text)
  for target in re.findall(r"\]\(([^)]+)\)", text):
    assert target.startswith("http") or (ROOT / target).exists(), target


def test_tree_is_the_tree() -> None:
  there = {
    str(path.relative_to(ROOT))
    for path in (ROOT / "hybrid_ir").rglob("*.py")
    if path.name != "__init__.py"
  }
  assert tree_files() == there
