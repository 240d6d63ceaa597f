import pytest

from hybrid_ir.data.bitext import sides
from hybrid_ir.errors import UserError


def write(folder, name, content):
  (folder / name).write_text(content)


@pytest.mark.parametrize("prefix", ["tatoeba.", ""])
def test_both_files_by_language(tmp_path, prefix):
  write(tmp_path, f"{prefix}deu-eng.deu", "Es regnet.\nWer?\n")
  write(tmp_path, f"{prefix}deu-eng.eng", "It rains.\nWho?\n")
  assert sides(str(tmp_path), "deu-eng") == {
    "de": (f"{tmp_path}/{prefix}deu-eng.deu", ["Es regnet.", "Wer?"]),
    "en": (f"{tmp_path}/{prefix}deu-eng.eng", ["It rains.", "Who?"]),
  }


def test_codes_of_cldr(tmp_path):
  write(tmp_path, "sw-en.sw", "Mvua.")
  write(tmp_path, "sw-en.en", "Rain.")
  assert list(sides(str(tmp_path), "sw-en")) == ["sw", "en"]


@pytest.mark.parametrize(
  ("left", "right", "message"),
  [
    (
      "a\nb\nc\n",
      "a\nb\n",
      r"de-en.de:3: no such line in .*de-en.en; .* 3 and 2",
    ),
    ("a\n", "a\nb\n", r"de-en.en:2: no such line in .*de-en.de; expected as"),
    (
      "a\n \nc\n",
      "a\nb\nc\n",
      r"de-en.de:2: empty; expected a sentence a line",
    ),
    ("", "", r"de-en.de: holds no lines"),
  ],
)
def test_sides_that_do_not_match(tmp_path, left, right, message):
  write(tmp_path, "tatoeba.de-en.de", left)
  write(tmp_path, "tatoeba.de-en.en", right)
  with pytest.raises(UserError, match=message):
    sides(str(tmp_path), "de-en")


@pytest.mark.parametrize(
  ("pair", "message"),
  [
    ("deu", "'bitext:deu': expected two languages"),
    ("de-de", "'bitext:de-de': expected two languages"),
    ("deu-de", "'bitext:deu-de': expected two languages"),
    ("de-en", r"tatoeba.de-en.de: no such file; config key 'data.bitext_dir'"),
    ("qqq-en", "'qqq' is no language; expected a code of CLDR or one of afr"),
  ],
)
def test_refused(tmp_path, pair, message):
  write(tmp_path, "qqq-en.qqq", "a")
  with pytest.raises(UserError, match=message):
    sides(str(tmp_path), pair)


def test_no_folder():
  with pytest.raises(UserError, match=r"'data.bitext_dir' is empty.*de-en.de"):
    sides("", "de-en")
