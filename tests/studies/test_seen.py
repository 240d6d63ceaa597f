import pytest

from hybrid_ir.studies.seen import fixed, languages_seen, script, tie, zero_shot


@pytest.fixture
def arms(make_study, make_outcome):
  """Name -> arm: what each trained on, before it and itself."""
  variants = {
    "de": {"data.languages": ("de",)},
    "then zh": {
      "data.languages": ("zh",),
      "train.warm_start": "@start=de",
    },
    "untrained": {"train.steps": 0},
    "own": {"data.train": ("own.jsonl",)},
    "other's": {"train.warm_start": "/elsewhere"},
  }
  config = make_study({"start": variants}, data__train=("mlqa_r",))
  return {arm.name: arm for arm in make_outcome(config, {}).arms}


def test_languages_seen(arms):
  assert {name: languages_seen(arm) for name, arm in arms.items()} == {
    "de": {"de"},
    "then zh": {"de", "zh"},
    "untrained": set(),
    "own": None,
    "other's": None,
  }


def test_groups_of_a_language(arms):
  arm = arms["then zh"]
  assert [zero_shot(arm, code) for code in ("de", "zh-Hant", "ru")] == [
    *("", "", "not trained on"),
  ]
  assert [script(arm, code) for code in ("de", "en", "ru")] == [
    *("", "Latn", "Cyrl"),
  ]
  assert [tie(arm, code) for code in ("de", "en", "ru", "vi", "th", "tlh")] == [
    *("trained on", "branch trained on", "family trained on"),
    *("script trained on", "none of these", "not known"),
  ]
  unknown = arms["own"]
  assert [f(unknown, "ru") for f in (zero_shot, script, tie)] == [""] * 3


def test_what_is_in_one_group_in_every_arm(arms):
  both = [arms["de"], arms["then zh"]]
  codes = ("zh", "th", "ru", "de")
  assert fixed(both, codes, zero_shot) == {"not trained on": ("ru", "th")}
  assert [*fixed(both, codes, tie).items()] == [
    ("trained on", ("de",)),
    ("family trained on", ("ru",)),
    ("none of these", ("th",)),
  ]
  assert fixed([*both, arms["own"]], codes, zero_shot) == {}
