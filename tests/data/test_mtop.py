import pytest

from hybrid_ir.data.mtop import LANGUAGES, Utterance, utterances
from hybrid_ir.errors import UserError


def line(id, intent, text, language):
  return "\t".join(
    [id, intent, "", text, "weather", f"{language}_XX", f"[{intent} ]", "{}"]
  )


@pytest.fixture
def folder(tmp_path):
  for language in LANGUAGES:
    path = tmp_path / language / "test.txt"
    path.parent.mkdir()
    lines = [
      line("7", "IN:GET_WEATHER", f'"rain" in {language}', language),
      line("8", "IN:CREATE_ALARM", f"wake me in {language} ", language),
    ]
    path.write_text("\n".join(lines) + "\n")
  return tmp_path


def test_columns_by_hand(folder):
  found = list(utterances(str(folder), "test"))
  assert [(u.language, u.id) for u in found] == [
    (language, id) for language in LANGUAGES for id in "78"
  ]
  assert found[2] == Utterance(
    "7", "en", "IN:GET_WEATHER", '"rain" in en', f"{folder}/en/test.txt:1"
  )
  assert found[3].text == "wake me in en"


@pytest.mark.parametrize(
  ("content", "message"),
  [
    (
      "7\tIN:A\t\thi\n",
      r"en/test.txt:1: 4 columns between tabs; expected MTOP",
    ),
    (line("7", "IN:A", "hi", "de"), r'test.txt:1: locale .* "de_XX"; expected'),
    (
      line("7", "A", "hi", "en"),
      r'test.txt:1: intent \(column 2\) is "A"; exp',
    ),
  ],
)
def test_a_bad_line(folder, content, message):
  (folder / "en" / "test.txt").write_text(content)
  with pytest.raises(UserError, match=message):
    list(utterances(str(folder), "test"))


def test_a_missing_language(folder):
  (folder / "hi" / "test.txt").unlink()
  with pytest.raises(UserError, match=r"hi/test.txt: no such file; config key"):
    list(utterances(str(folder), "test"))


def test_no_folder():
  with pytest.raises(UserError, match=r"'data.mtop_dir' is empty"):
    list(utterances("", "test"))
