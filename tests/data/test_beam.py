import sys

import pytest

from hybrid_ir.data import beam
from hybrid_ir.errors import UserError


def read(part):
  for i in range(part):
    yield f"{part}-{i}", {"number": i}


def test_every_part_is_read_by_the_runner(tmp_path):
  apache_beam = pytest.importorskip("apache_beam", reason="extra `beam`")
  options = beam.options(["--runner=DirectRunner"])
  with apache_beam.Pipeline(options=options) as pipeline:
    found = pipeline | beam.examples([1, 3, 0, 2], read)
    lines = found | apache_beam.Map(lambda pair: f"{pair[0]} {pair[1]}")
    lines | apache_beam.io.WriteToText(str(tmp_path / "found"))
  written = [
    line
    for path in tmp_path.glob("found-*")
    for line in path.read_text().splitlines()
  ]
  expected = [f"{key} {example}" for n in (1, 2, 3) for key, example in read(n)]
  assert sorted(written) == sorted(expected)


def test_options_are_not_the_commands(monkeypatch):
  pytest.importorskip("apache_beam", reason="extra `beam`")
  monkeypatch.setattr(sys, "argv", ["main.py", "--project=another"])
  found = beam.options(["--region=here"]).get_all_options(drop_default=True)
  assert found == {"region": "here"}


@pytest.mark.parametrize(
  "call", [lambda: beam.examples([1], read), lambda: beam.options([])]
)
def test_without_beam_it_says_what_to_do(monkeypatch, call):
  monkeypatch.setitem(sys.modules, "apache_beam", None)
  message = r"'data.beam_runner' needs Apache Beam.*pip install 'hybrid_ir\[be"
  with pytest.raises(UserError, match=message):
    call()
