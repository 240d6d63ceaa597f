import pytest

from hybrid_ir.tasks.card import markdown


@pytest.mark.parametrize(
  ("text", "expected"),
  [
    ("a b", "`a b`"),
    ("a`b", "`` a`b ``"),
    ("``", "``` `` ```"),
    ("a\nb", "`a b`"),
  ],
)
def test_code_holds_any_backticks(text, expected):
  assert markdown.code(text) == expected


def test_a_table_has_a_cell_a_text():
  text = markdown.table(("", "x"), [("a|b", "c")])
  assert text == "|  | x |\n| --- | --- |\n| a\\|b | c |"


def test_markup_is_shown_as_it_is():
  assert markdown.escape("a*b [c](d) <e>\nxquad_r") == (
    r"a\*b \[c\](d) \<e\> xquad_r"
  )


def test_quotes_show_spaces_and_names_hide_folders():
  assert markdown.quoted(" ä\n") == r'`" ä\n"`'
  assert markdown.quoted("") == "nothing"
  assert markdown.name("/home/ann/towns.jsonl") == "`towns.jsonl`"
