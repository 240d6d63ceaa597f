"""The example queries: texts as they are, each in its direction."""

import json


def test_texts_are_shown_letter_by_letter_in_their_own_direction(workdir, page):
  [example] = page.section("examples-toy-facts").all("article")
  details = json.loads((workdir / "details" / "toy_facts.json").read_text())
  [shown] = next(example.all("h3")).all("span", dir="auto")
  assert shown.text == details["examples"][0]["query"]
  assert shown.attributes["lang"] == "ar"
  hits = list(example.all("li"))
  assert ["class" in hit.attributes for hit in hits] == [True, False, True]
  texts = [next(hit.all("span", dir="auto")) for hit in hits]
  assert [text.attributes["lang"] for text in texts] == ["th", "th", "ar"]
  assert {text.text for text in texts} == {"สกุลเงิน | *ยูโร*"}
  assert "2 of 3 relevant. By language: th 2, ar 1." in example.text
  assert "Invented texts, free to share." in page.text
