"""hybrid_ir.model.hub: folders stay, ids are fetched, failures are one line."""

import pathlib

import huggingface_hub
import pytest

from hybrid_ir.errors import UserError
from hybrid_ir.model import hub


def test_a_folder_is_taken_as_it_is(tmp_path, monkeypatch):
  (tmp_path / "org" / "name").mkdir(parents=True)
  monkeypatch.chdir(tmp_path)
  assert hub.resolve("org/name") == pathlib.Path("org/name")
  assert hub.resolve("/no/such/folder") == pathlib.Path("/no/such/folder")


def test_an_id_is_fetched_without_pickles(monkeypatch, tmp_path):
  asked = {}

  def fetch(name, allow_patterns):
    asked[name] = allow_patterns
    return str(tmp_path)

  monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
  assert hub.resolve("intfloat/multilingual-e5-small") == tmp_path
  (patterns,) = asked.values()
  assert "model.safetensors" in patterns
  assert not [p for p in patterns if p.endswith((".bin", ".pt", "*"))]


def test_unreachable_hub(monkeypatch):
  def fail(name, allow_patterns):
    raise OSError("no route to host\nand more")

  monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
  with pytest.raises(UserError, match=r"no route to host.*local folder") as e:
    hub.resolve("org/name")
  assert "\n" not in str(e.value)
