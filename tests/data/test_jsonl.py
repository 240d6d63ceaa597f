import pytest

from hybrid_ir.data.jsonl import read_lines


@pytest.fixture
def lines_of(tmp_path):
  def lines_of(content):
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(content)
    return list(read_lines(str(path)))

  return lines_of


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\n \t\n\n"])
def test_bom_blank_lines_and_line_ends(lines_of, end):
  content = b'\xef\xbb\xbf{"id": "a"}\r\n\n{"id": "b"}' + end
  assert lines_of(content) == [(1, {"id": "a"}), (3, {"id": "b"})]


def test_a_bom_elsewhere_is_a_fault(lines_of):
  [_, (number, fault)] = lines_of(b'{"id": "a"}\n\xef\xbb\xbf{"id": "b"}')
  assert number == 2
  assert fault.startswith("malformed JSON")


def test_a_line_separator_inside_of_a_text_ends_no_line(lines_of):
  text = "one\u2028two\x85three"
  assert lines_of(f'{{"id": "{text}"}}\n'.encode()) == [(1, {"id": text})]


def test_reading_goes_on_after_what_is_wrong(lines_of):
  read = lines_of(b'{\n\xff\n[1]\n{"a": 1, "a": 2}\n{"a": 1}')
  assert [number for number, _ in read] == [1, 2, 3, 4, 5]
  starts = ["malformed JSON", "not UTF-8 at byte 1", "expected a JSON object"]
  starts.append('malformed JSON (the field "a" stands twice)')
  for (_, fault), start in zip(read[:-1], starts, strict=True):
    assert fault.startswith(start)
  assert read[-1][1] == {"a": 1}


def test_a_file_that_cannot_be_read(tmp_path):
  with pytest.raises(FileNotFoundError):
    list(read_lines(str(tmp_path / "none.jsonl")))
