import ast
import pathlib
import re
import runpy
import sys

import pytest

BENCH = pathlib.Path(__file__).resolve().parents[1] / "bench"
# Of the extra `bench`: whoever asks a script for help may not have them.
PEERS = ("accelerate", "datasets", "faiss", "sentence_transformers", "torch")
SCRIPTS = sorted(
  path.stem
  for path in BENCH.glob("*.py")
  if "argparse" in path.read_text(encoding="utf-8")
  and path.stem not in ("ours", "parity")  # parity needs torch throughout
)


@pytest.fixture
def run_bench():
  return runpy.run_path(str(BENCH / "run.py"))


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_explains_itself_without_the_peers(name, monkeypatch, capsys):
  path = BENCH / f"{name}.py"
  for module in [*sys.modules]:
    if module.partition(".")[0] in PEERS:
      monkeypatch.delitem(sys.modules, module)
  for peer in PEERS:
    monkeypatch.setitem(sys.modules, peer, None)  # an import would raise
  monkeypatch.syspath_prepend(str(BENCH))
  monkeypatch.setattr(sys, "argv", [str(path), "--help"])
  with pytest.raises(SystemExit) as ended:
    runpy.run_path(str(path), run_name="__main__")
  assert ended.value.code == 0
  docstring = ast.get_docstring(ast.parse(path.read_bytes()))
  assert docstring.splitlines()[0] in capsys.readouterr().out


def test_run_has_a_place_on_the_page_for_every_script(run_bench):
  page = run_bench["PAGE"].read_text(encoding="utf-8")
  for name in run_bench["SCRIPTS"]:
    assert f"new {name}\n" in run_bench["replace"](page, name, f"new {name}\n")


def test_the_page_was_made_with_the_arguments_that_stand_there(run_bench):
  page = run_bench["PAGE"].read_text(encoding="utf-8")
  caches = {"--cache_dir", "--embeddings"}
  for name, (keys, arguments) in run_bench["SCRIPTS"].items():
    [line] = re.findall(rf"^python bench/{name}\.py ?(.*)$", page, re.MULTILINE)
    given = [f"--{key}=FOLDER" for key in keys] + list(arguments)
    words = {w for w in line.split() if w.partition("=")[0] not in caches}
    assert words == {w for w in given if w.partition("=")[0] not in caches}


def test_a_block_replaces_the_old_one_and_nothing_else(run_bench):
  page = (
    "before\n<!-- bench:a -->\nold\n<!-- end -->\nbetween\n"
    "<!-- bench:b -->\nkept\n<!-- end -->\nafter\n"
  )
  new = run_bench["replace"](page, "a", r"\1 | new |")
  assert new == page.replace("old", r"\1 | new |")


@pytest.mark.parametrize("page", ["", 2 * "<!-- bench:a -->\n<!-- end -->\n"])
def test_a_page_without_one_place_is_refused(run_bench, page):
  with pytest.raises(ValueError, match="bench:a"):
    run_bench["replace"](page, "a", "new")


def test_ratios_are_of_the_rounds_that_count(monkeypatch):
  monkeypatch.syspath_prepend(str(BENCH))
  turns = runpy.run_path(str(BENCH / "turns.py"))
  order = []
  figures = iter(range(100))

  def variant(name):
    def measure():
      order.append(name)
      return next(figures)

    return measure

  found = turns["take_turns"]({x: variant(x) for x in "ab"}, rounds=2)
  assert "".join(order) == "ababab"
  assert found["a"].tolist() == [2, 4]
  assert found["b"].tolist() == [3, 5]
  assert turns["spread"](found["a"], 1) == "3.0 (2.5 to 3.5)"
