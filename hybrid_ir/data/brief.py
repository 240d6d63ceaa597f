"""A JSON value in an error message. For the readers of JSON files."""

import json

_LONGEST = 40  # characters of a value shown


def brief(value: object) -> str:
  """A parsed value as JSON: short, on one line, printable in UTF-8."""
  if isinstance(value, dict | list):
    return "an object" if isinstance(value, dict) else "a list"
  text = json.dumps(value, ensure_ascii=False)
  if len(text) > _LONGEST:
    text = f"{text[:_LONGEST]}..."
  return text.encode("utf-8", "backslashreplace").decode("utf-8")
