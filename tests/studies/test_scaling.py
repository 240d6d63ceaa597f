import numpy as np
import pytest

from hybrid_ir.model import hub
from hybrid_ir.studies.scaling import extra
from hybrid_ir.studies.sizes import size_axes, size_of, without_size

MRR = ("cross", "mrr")
AXES = {
  "batch": {
    "16": {"train.batch_size": 16},
    **{f"{n}": {"train.batch_size": n} for n in (32, 64, 128, 256)},
  },
  "languages": {
    "de en": {"data.languages": ("de", "en")},
    "en": {"data.languages": ("en",)},
  },
  "kind": {"hybrid": {}, "X-X": {"mix.cross": 0.0}},
}


@pytest.fixture
def outcome(make_study, make_outcome):
  config = make_study(
    AXES, design="one_at_a_time", study__measures=("mrr", "rank_distance")
  )
  noise = np.random.default_rng(0)
  scores = {
    f"{n} de en hybrid": {
      MRR: tuple(1 - n**-0.3 + noise.normal(0, 1e-3, 2)),
      ("multi", "rank_distance"): (9.0, 9.0),
    }
    for n in (16, 32, 64, 128, 256)
  }
  scores["16 en hybrid"] = {MRR: (0.3, 0.32)}
  scores["16 de en X-X"] = {MRR: (0.2, 0.2)}
  by_language = [
    ("16 en hybrid", MRR, language, values)
    for language, values in {
      "de": (0.5, 0.7),
      "en": (0.8, 0.8),
      "nl": (0.3, 0.3),
      "ru": (0.2, 0.2),
      "th": (0.1, 0.1),
      "vi": (0.15, 0.15),
    }.items()
  ]
  return make_outcome(config, scores, by_language=by_language)


def test_sizes(outcome):
  batch, languages = size_axes(outcome.config)
  assert (batch.name, languages.name) == ("pairs a batch", "training languages")
  places = {
    arm.name: (
      size_of(outcome.config, batch, arm),
      size_of(outcome.config, languages, arm),
    )
    for arm in outcome.arms
  }
  assert places["16 de en hybrid"] == (16, 2)
  assert places["256 de en hybrid"] == (256, None)
  assert places["16 en hybrid"] == (None, 1)
  assert places["16 de en X-X"] == (None, None)


def test_questions_to_train_on(make_study, make_outcome):
  axes = {"questions": {f"{n}": {"data.limit": n} for n in (1148, 128, 0)}}
  config = make_study(axes)
  [size] = size_axes(config)
  arms = make_outcome(config, {}).arms
  places = {arm.name: size_of(config, size, arm) for arm in arms}
  # How many there are where all are taken is not known here.
  assert places == {"1148": 1148, "128": 128, "0": None}


def test_what_is_not_trained_has_no_batch(make_study, make_outcome):
  axes = {"32": {}, "64": {"train.batch_size": 64}}
  config = make_study(
    {"batch": {**axes, "untrained": {"train.steps": 0}}},
    encoder__path="e5",
    train__batch_size=32,
  )
  [size] = size_axes(config)
  outcome = make_outcome(config, {})
  places = {arm.name: size_of(config, size, arm) for arm in outcome.arms}
  assert places == {"32": 32, "64": 64, "untrained": None}
  assert without_size(outcome, size).rows == (("untrained", "not trained"),)


@pytest.mark.parametrize(
  ("languages", "places"),
  [
    ((), {"all": 1148, "128": 128, "5000": 1148}),
    (("en", "zh"), {"all": 1148, "128": 128, "5000": 1148}),
    (("de", "zh"), {"all": None, "128": 128, "5000": 5000}),
  ],
)
def test_all_questions_of_a_set_whose_number_is_known(
  make_study, make_outcome, languages, places
):
  axes = {"all": {}, "128": {"data.limit": 128}, "5000": {"data.limit": 5000}}
  config = make_study(
    {"questions": axes},
    data__train=("mlqa_r=2",),
    data__languages=languages,
  )
  [size] = size_axes(config)
  arms = make_outcome(config, {}).arms
  assert {arm.name: size_of(config, size, arm) for arm in arms} == places


def test_parameters_of_layers(make_study, make_outcome, tmp_path):
  (tmp_path / "config.json").write_text(
    '{"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 3}'
  )
  config = make_study(
    {
      "model": {
        "given": {"encoder.path": str(tmp_path)},
        "scratch": {
          "encoder.path": "",
          "encoder.hidden_size": 4,
          "encoder.intermediate_size": 10,
          "encoder.layers": 2,
        },
        "hub": {"encoder.path": "of/hub"},
      }
    }
  )
  outcome = make_outcome(config, {})
  [size] = size_axes(config)
  places = {arm.name: size_of(config, size, arm) for arm in outcome.arms}
  assert places == {
    "given": None,  # pretrained: on no curve of what was not
    "scratch": 2 * (4 * 16 + 2 * 40) / 1e6,
    "hub": None,
  }


def test_parameters_of_a_pretrained_family(make_study, make_outcome, tmp_path):
  for width in (8, 16):
    (tmp_path / f"{width}").mkdir()
    (tmp_path / f"{width}/config.json").write_text(
      f'{{"hidden_size": {width}, "intermediate_size": 32,'
      ' "num_hidden_layers": 1}'
    )
  config = make_study(
    {
      "model": {
        f"{n}": {"encoder.path": str(tmp_path / f"{n}")} for n in (8, 16)
      }
    }
  )
  [size] = size_axes(config)
  arms = make_outcome(config, {}).arms
  assert [size_of(config, size, arm) for arm in arms] == [
    *(0.000768, 0.002048),
  ]


def test_arms_of_one_size_are_resampled_not_seeds(make_study, make_outcome):
  axes = {
    "languages": {
      f"{' '.join(codes)}": {"data.languages": codes}
      for codes in (("en",), ("de",), ("de", "en"), ("de", "en", "es"))
    }
  }
  scores = {
    name: {MRR: (0.3 + 0.1 * len(name), 0.31), ("cross", "peer@1"): (0.5, 0.5)}
    for name in axes["languages"]
  }
  scores["en"][MRR] = (0.2, 0.21)
  for measure in ("language_divergence@10", "own_language_share@10"):
    for arm in scores.values():
      arm["multi", measure] = (0.1, 0.2)
  config = make_study(
    axes,
    study__measures=("mrr", "language_divergence@10", "own_language_share@10"),
  )
  found = extra(make_outcome(config, scores))
  [table] = [t for t in found.tables if "power laws" in t.name]
  [row] = table.rows  # more of the other two is not better
  assert row[8] == "arms"


def test_a_sentence_tells_every_arm_of_the_smallest_size(
  make_study, make_outcome
):
  seen = {name: tuple(name.split()) for name in ("en zh", "en es", "ar en es")}
  scores = {
    arm: {"th": (x, x), "en": (0.9, 0.9)}
    for arm, x in zip(seen, (0.4, 0.6, 0.5), strict=True)
  }
  found = extra(along_languages(make_study, make_outcome, seen, scores))
  [group] = [f for f in found.findings if "by script, zero-shot" in f.text]
  # Of either alone it would be a rise, or a fall.
  assert "of en zh (2) and of en es (2) and of ar en es (3)" in group.text
  values = [f"{x:.4f} ± .0000".lstrip("0") for x in (0.4, 0.6, 0.5)]
  assert f"Thai (th) {', '.join(values)}" in group.text


def batches(make_study, make_outcome, level, noise=0.002):
  """The table of fits over batches of 8 to 128, of three seeds."""
  sizes = (8, 16, 32, 64, 128)
  config = make_study(
    {"batch": {str(x): {"train.batch_size": x} for x in sizes}},
    design="one_at_a_time",
    study__measures=("mrr",),
  )
  draws = np.random.default_rng(0)
  scores = {
    str(x): {MRR: tuple(level(x) + draws.normal(0, noise, 3))} for x in sizes
  }
  found = extra(make_outcome(config, scores))
  [table] = [t for t in found.tables if "power laws" in t.name]
  [row] = table.rows
  return dict(zip(table.heads, row, strict=True))


def test_a_score_that_falls_is_no_law_of_gains(make_study, make_outcome):
  row = batches(make_study, make_outcome, lambda x: 0.1 + 0.6 * x**-0.3)
  assert "the error rises with the size" in row["against it"]
  assert " - 0." in row["curve of 1 - measure"]
  assert "-0." not in row["curve of 1 - measure"].replace("^-0.", "")
  rising = batches(make_study, make_outcome, lambda x: 0.9 - 0.6 * x**-0.3)
  assert "rises" not in rising["against it"]


def test_a_curve_that_ends_above_1_is_told(make_study, make_outcome):
  row = batches(make_study, make_outcome, lambda x: 1 - 0.1 * np.log(x))
  assert ", above 1, where no error can be" in row["against it"]
  # The curve is a logarithm's: where it ends says the least exponent searched.
  assert row["floor's interval"] == "–"


def test_a_curve_that_ends_at_1_as_it_is_printed(make_study, make_outcome):
  """An error of 1.0004 - x^-0.3 / 2 is not said to end at 1, above 1."""
  row = batches(
    make_study, make_outcome, lambda x: 0.5 * x**-0.3 - 0.0004, noise=1e-5
  )
  assert row["curve of 1 - measure"].startswith("1 - 0.5")
  assert "it ends at 1, above" not in row["against it"]


def test_more_seeds_of_the_same_do_not_narrow_an_interval(
  make_study, make_outcome
):
  """Arms of one size differ by more than seeds do."""
  codes = ["en", "de", "de en", "ar en", "de en es", "ar de en es hi"]
  axes = {
    "languages": {
      name: {"data.languages": tuple(name.split())} for name in codes
    }
  }
  values = dict(zip(codes, (0.3, 0.33, 0.4, 0.38, 0.45, 0.5), strict=True))
  rows = []
  for seeds in (1, 4):
    scores = {name: {MRR: (value,) * seeds} for name, value in values.items()}
    config = make_study(axes, study__measures=("mrr",))
    found = extra(make_outcome(config, scores))
    [table] = [t for t in found.tables if "power laws" in t.name]
    rows.append(table.rows)
  assert rows[0] == rows[1]


def test_languages_that_the_table_lacks(make_study, make_outcome):
  axes = {"languages": {"a": {}, "en tlh": {"data.languages": ("en", "tlh")}}}
  config = make_study(
    axes,
    study__measures=("mrr",),
    data__languages=("de", "en"),
    data__train=("own.jsonl",),
  )
  scores = {name: {MRR: (0.5, 0.5)} for name in ("a", "en tlh")}
  by_language = [
    (arm, MRR, language, (0.5, 0.5))
    for arm in scores
    for language in ("en", "nl", "tlh")
  ]
  found = extra(make_outcome(config, scores, by_language=by_language))
  [table] = [
    t for t in found.tables if t.name == "xquad_r: cross MRR by kinship"
  ]
  assert table.heads[-1] == "not known"
  rows = [dict(zip(table.heads, row, strict=True)) for row in table.rows]
  assert rows[0]["branch trained on"] == ".5000 ± .0000 (nl)"
  assert rows[0]["not known"] == ".5000 ± .0000 (tlh)"
  assert rows[1]["trained on"] == ".5000 ± .0000 (en tlh)"
  assert rows[1]["branch trained on"] == "–"  # nl, beside a language unknown


def test_a_power_law_is_found(outcome):
  found = extra(outcome)
  [table] = [t for t in found.tables if "power laws" in t.name]
  [row] = table.rows  # rank distance is no share, languages are too few sizes
  assert row[:4] == ("all languages", "cross", "MRR", "16 to 256")
  assert float(row[5]) == pytest.approx(0.3, abs=0.1)
  low, high = map(float, row[7].strip("[]").split(", "))
  assert low < float(row[4].split(" + ")[0]) < high < low + 0.1
  [sentence] = [f for f in found.findings if "is fitted by" in f.text]
  assert f"exponent {row[5]} {row[6]}" in sentence.text
  assert sentence.source == f"{table.name}, rows all languages, MRR"


def test_plots(outcome):
  names = {plot.name for plot in extra(outcome).plots}
  assert names == {
    *("batch-xquad-r-mrr", "batch-xquad-r-rank-distance"),
    "languages-xquad-r-mrr",
  }


def test_languages_by_kinship_and_script(outcome):
  tables = {table.name: table for table in extra(outcome).tables}
  kinship = tables["xquad_r: cross MRR by kinship"]
  rows = {
    row[0]: dict(zip(kinship.heads, row, strict=True)) for row in kinship.rows
  }
  row = rows["16 en hybrid"]
  assert row["trained on"] == ".8000 ± .0000 (en)"
  assert row["branch trained on"] == ".4500 ± .0707 (de nl)"  # by seed
  assert row["family trained on"] == ".2000 ± .0000 (ru)"
  assert row["script trained on"] == ".1500 ± .0000 (vi)"
  assert row["none of these"] == ".1000 ± .0000 (th)"
  script = tables["xquad_r: cross MRR by script, zero-shot"]
  rows = {
    row[0]: dict(zip(script.heads, row, strict=True)) for row in script.rows
  }
  assert rows["16 en hybrid"]["Latn"] == ".3500 ± .0471 (de nl vi)"
  assert rows["16 en hybrid"]["Cyrl"] == ".2000 ± .0000 (ru)"


def along_languages(make_study, make_outcome, seen, scores):
  """An axis of training languages, and what each query language scores.

  The first measure of an arm is its scores' mean, whatever the languages.
  """
  axes = {"languages": {n: {"data.languages": c} for n, c in seen.items()}}
  config = make_study(axes, study__measures=("mrr",))
  by_language = [
    (arm, MRR, language, values)
    for arm, each in scores.items()
    for language, values in each.items()
  ]
  means = {arm: {MRR: (0.5, 0.6)} for arm in seen}
  return make_outcome(config, means, by_language=by_language)


SEEN = {"en": ("en",), "de en": ("de", "en"), "de en zh": ("de", "en", "zh")}


def test_fits_are_of_languages_that_no_arm_trained_on(make_study, make_outcome):
  scores = {
    arm: {
      "de": (0.9, 0.9),  # trained on by some: what falls is composition
      "en": (0.9, 0.9),
      "ru": (x - 0.1, x - 0.1),
      "th": (x, x + 0.02),
      "zh": (0.2, 0.2),
    }
    for arm, x in zip(SEEN, (0.3, 0.4, 0.5), strict=True)
  }
  found = extra(along_languages(make_study, make_outcome, SEEN, scores))
  [table] = [t for t in found.tables if "power laws" in t.name]
  assert [row[:4] for row in table.rows] == [
    ("not trained on (ru th)", "cross", "MRR", "1 to 3"),
    ("all languages", "cross", "MRR", "1 to 3"),
  ]
  assert "no query language" not in table.caption
  first, second, *others = found.findings
  assert (
    "of queries in languages not trained on (ru th) is fitted" in first.text
  )
  assert "of queries in all languages is fitted" in second.text
  [group] = [f for f in others if "by script, zero-shot" in f.text]
  assert "cross Cyrl (ru) .2000 ± .0000, .4000 ± .0000;" in group.text
  assert "; Thai (th) .3100 ± .0141, .5100 ± .0141." in group.text
  names = {plot.name for plot in found.plots}
  assert names == {
    "languages-xquad-r-mrr",
    "languages-xquad-r-mrr-not-trained-on",
    "languages-xquad-r-mrr-cross-script-zero-shot",
    "languages-xquad-r-mrr-cross-kinship",
  }


def test_a_group_has_the_same_languages_in_every_arm(make_study, make_outcome):
  each = dict.fromkeys(("de", "en", "nl", "ru", "zh"), (0.5, 0.5))
  scores = dict.fromkeys(SEEN, each)
  found = extra(along_languages(make_study, make_outcome, SEEN, scores))
  tables = {table.name: table for table in found.tables}
  over = "xquad_r: MRR over training languages by"
  kinship = tables[f"{over} kinship"]
  assert kinship.heads[:3] == ("setting", "kinship", "languages")
  assert kinship.heads[3:] == ("en (1)", "de en (2)", "de en zh (3)")
  assert [row[1:3] for row in kinship.rows] == [
    ("trained on", "en"),
    ("branch trained on", "nl"),
    ("family trained on", "ru"),
  ]
  assert "Left out are de zh: not in the same group" in kinship.caption
  script = tables[f"{over} script, zero-shot"]
  assert [row[1:3] for row in script.rows] == [("Cyrl", "ru"), ("Latn", "nl")]


def test_no_language_is_left(make_study, make_outcome):
  scores = {arm: {"en": (0.5, 0.5)} for arm in SEEN}
  found = extra(along_languages(make_study, make_outcome, SEEN, scores))
  [table] = [t for t in found.tables if "power laws" in t.name]
  assert [row[0] for row in table.rows] == ["all languages"]
  said = (
    "no query language is known that no arm over training languages trained"
  )
  assert said in table.caption
  assert said in found.findings[0].text


def test_an_exponent_that_runs_do_not_determine(make_study, make_outcome):
  axes = {"batch": {f"{n}": {"train.batch_size": n} for n in (8, 16, 32, 64)}}
  config = make_study(axes, study__measures=("mrr",))
  # Up, and then the same: any steep exponent does.
  scores = {
    name: {MRR: (0.2, 0.21) if name == "8" else (0.5, 0.51)}
    for name in axes["batch"]
  }
  found = extra(make_outcome(config, scores))
  [table] = [t for t in found.tables if "power laws" in t.name]
  [row] = table.rows
  assert row[5:7] == ("–", "the runs do not determine the exponent")
  [sentence] = [f for f in found.findings if "is fitted by" in f.text]
  assert (
    ", the runs do not determine the exponent (against it: " in sentence.text
  )


def test_sizes_stand_beside_what_study_only_kept(make_study, make_outcome):
  config = make_study(
    AXES, design="one_at_a_time", study__only=("batch=64", "batch=128")
  )
  batch, languages = size_axes(config)
  places = {
    arm.name: (size_of(config, batch, arm), size_of(config, languages, arm))
    for arm in make_outcome(config, {}).arms
  }
  assert places["64 de en hybrid"] == (64, 2)
  assert places["128 de en hybrid"] == (128, None)
  assert places["64 en hybrid"] == (None, 1)


def test_languages_of_a_set_where_none_are_named(make_study, make_outcome):
  config = make_study(
    {"languages": {"all": {}, "en": {"data.languages": ("en",)}}},
    data__train=("mlqa_r",),
  )
  [size] = size_axes(config)
  arms = make_outcome(config, {}).arms
  assert [size_of(config, size, arm) for arm in arms] == [7, 1]


def test_arms_without_a_size_are_named(make_study, make_outcome):
  config = make_study(
    {"questions": {f"{n}": {"data.limit": n} for n in (128, 256, 0)}},
    data__train=("own.jsonl",),
  )
  found = extra(make_outcome(config, {}))
  [table] = [t for t in found.tables if "without a size" in t.name]
  [row] = table.rows
  assert row[0] == "0"
  assert "data.limit is 0" in row[1]


def test_kept_layers_are_the_size(make_study, make_outcome, tmp_path):
  (tmp_path / "config.json").write_text(
    '{"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 3}'
  )
  config = make_study(
    {"model": {"3": {}, "1": {"encoder.keep_layers": 1}}},
    encoder__path=str(tmp_path),
  )
  [size] = size_axes(config)
  arms = make_outcome(config, {}).arms
  a_layer = (4 * 64 + 2 * 8 * 16) / 1e6
  assert [size_of(config, size, arm) for arm in arms] == pytest.approx(
    [3 * a_layer, a_layer]
  )


def test_an_encoder_of_the_hub_that_was_downloaded(
  make_study, make_outcome, monkeypatch, tmp_path
):
  path = tmp_path / "config.json"
  path.write_text(
    '{"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 3}'
  )
  asked = []

  def downloaded_config(name, revision):
    asked.append((name, revision))
    return path if name == "of/hub" else None

  monkeypatch.setattr(hub, "downloaded_config", downloaded_config)
  config = make_study(
    {"model": {n: {"encoder.path": f"of/{n}"} for n in ("hub", "none")}}
  )
  [size] = size_axes(config)
  outcome = make_outcome(config, {})
  assert [size_of(config, size, arm) for arm in outcome.arms] == [
    0.001536,
    None,
  ]
  assert ("of/hub", "") in asked
  [row] = without_size(outcome, size).rows
  assert row[0] == "none"
