import hashlib
import json
import shutil

import pytest

from hybrid_ir.data.lareqa.released import checked_file
from hybrid_ir.data.lareqa.sets import SETS
from hybrid_ir.errors import UserError


@pytest.fixture
def folder(dummy_dir, tmp_path):
  return shutil.copytree(dummy_dir, tmp_path / "lareqa")


def check(folder, expected):
  return checked_file(SETS["xquad_r"], "en", str(folder), expected)


def sha256(path):
  return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_released_file_passes(folder):
  path = folder / "xquad-r" / "en.json"
  assert check(folder, sha256(path)) == path


def test_a_folder_of_ones_home(folder, monkeypatch):
  monkeypatch.setenv("HOME", str(folder.parent))
  path = folder / "xquad-r" / "en.json"
  assert check("~/lareqa", sha256(path)) == path


def test_no_folder(tmp_path):
  with pytest.raises(UserError, match=r"data.lareqa_dir=.*no such folder"):
    check(tmp_path / "none", "")


def test_the_folder_one_too_deep(folder):
  with pytest.raises(UserError, match=r"has no xquad-r/; expected the folder"):
    check(folder / "xquad-r", "")


def test_no_file(folder):
  (folder / "xquad-r" / "en.json").unlink()
  with pytest.raises(UserError, match=r"en\.json: no such file; copy it"):
    check(folder, "")


def test_changed_text_names_both_checksums(folder):
  path = folder / "xquad-r" / "en.json"
  before = sha256(path)
  path.write_text(path.read_text().replace("Rye", "Dye"))
  with pytest.raises(UserError, match=rf"{sha256(path)}, expected {before}"):
    check(folder, before)


def test_a_fault_inside_says_more_than_a_checksum(folder):
  path = folder / "xquad-r" / "en.json"
  before = sha256(path)
  file = json.loads(path.read_text())
  question = file["data"][0]["paragraphs"][0]["qas"][0]
  question["answers"][0]["answer_start"] = 3500
  path.write_text(json.dumps(file))
  with pytest.raises(
    UserError, match=r"en\.json.*question q1: answer_start 3500 is outside"
  ):
    check(folder, before)
