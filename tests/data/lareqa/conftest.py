import hashlib
import pathlib

import pytest

from hybrid_ir.data.lareqa import builders
from hybrid_ir.data.lareqa.sets import SETS, LareqaSet

DUMMY_DATA = pathlib.Path(__file__).parent / "dummy_data"
DUMMY_SETS = {
  "xquad_r": LareqaSet(
    "xquad-r", {"de": 6, "en": 6}, {"de": 4, "en": 4}, {"de": 3, "en": 3}
  ),
  "mlqa_r": LareqaSet(
    "mlqa-r", {"en": 6, "zh": 2}, {"en": 4, "zh": 2}, {"en": 3, "zh": 1}
  ),
}


@pytest.fixture
def dummy_dir(monkeypatch):
  """The folder of invented files, which pass for the released ones."""
  for name, dummy in DUMMY_SETS.items():
    monkeypatch.setitem(SETS, name, dummy)
  register(monkeypatch)
  return str(DUMMY_DATA)


@pytest.fixture
def serve(monkeypatch, dummy_dir):
  """Makes an address pass for upstream's."""

  def at(address):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("hybrid_ir.data.lareqa.sets._RAW", address)
    monkeypatch.setattr("hybrid_ir.data.lareqa.sets._COMMIT", "commit")
    register(monkeypatch)

  return at


def register(monkeypatch):
  infos = {}
  for dummy in DUMMY_SETS.values():
    for language in dummy.languages:
      content = (DUMMY_DATA / dummy.folder / f"{language}.json").read_bytes()
      infos[dummy.url(language)] = builders.tfds.download.checksums.UrlInfo(
        size=len(content),
        checksum=hashlib.sha256(content).hexdigest(),
        filename=f"{language}.json",
      )
  for builder in (builders.XquadR, builders.MlqaR):
    monkeypatch.setattr(builder, "url_infos", infos)
