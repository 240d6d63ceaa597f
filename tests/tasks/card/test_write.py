import dataclasses
import re

import huggingface_hub
import pytest

from hybrid_ir.config import Config
from hybrid_ir.config_check import check
from hybrid_ir.evaluation.catalog import short_name
from hybrid_ir.evaluation.report.load import Score
from hybrid_ir.model.architecture import Architecture
from hybrid_ir.model.contract import Contract
from hybrid_ir.model.sentence_transformers import Dense
from hybrid_ir.tasks.card import write_card

CONTRACT = Contract(
  architecture=Architecture(
    family="bert",
    vocab_size=61,
    hidden_size=16,
    layers=2,
    heads=2,
    intermediate_size=24,
    max_positions=64,
    token_types=1,
    norm_epsilon=1e-12,
    activation="gelu",
  ),
  tokenizer="0123456789abcdef",
  pooling="mean",
  dense=(),
  normalize=True,
  temperature=0.02,
  query_prefix="query: ",
  passage_prefix="a|b`c",
  query_length=32,
  passage_length=64,
  instruction="Instruct: {instruction}\nQuery: {query}",
  matryoshka=(),
)
FIGURE = Score(
  system="towns",
  seed=0,
  benchmark="xquad_r",
  unit="sentence",
  setting="mono",
  query_language="*",
  passage_language="*",
  measure="map",
  value=0.81236,
  queries=13090,
  dropped=0,
  candidates=13014,
  step=200,
  search="exact",
)


def card(changes=(), contract=CONTRACT, step=200, scores=(), temperature=0.02):
  config = Config()
  for name, value in dict(changes).items():
    *sections, key = name.split(".")
    node = config
    for section in sections:
      node = getattr(node, section)
    setattr(node, key, value)
  check(config)
  return write_card(config, contract, step, temperature, scores, "e5_run")


def head(text):
  """The front matter, as the hub reads it."""
  return huggingface_hub.ModelCard(text).data.to_dict()


def part(text, title):
  """What stands under a heading, up to the next of its level or above."""
  level, rest = text.split(f" {title}\n", 1)[0].rpartition("\n")[2], text
  rest = rest.split(f"{level} {title}\n", 1)[1]
  return re.split(rf"\n#{{1,{len(level)}}} ", rest)[0]


def rows(text):
  """The cells of every table row."""
  lines = [line for line in text.splitlines() if line.startswith("| ")]
  return [re.split(r" (?<!\\)\| ", line[2:-2]) for line in lines]


def score(**changes):
  return dataclasses.replace(FIGURE, **changes)


def test_nothing_is_left_to_fill_in():
  text = card(scores=[FIGURE])
  assert "$" not in text
  assert "None" not in "".join(text.split("```")[::2])
  assert text.count("```") % 2 == 0
  assert text.endswith("\n")


# ------------------------------------------------- the front matter


def test_the_hub_reads_the_front_matter():
  data = head(
    card(
      {
        "data.train": ("mlqa_r",),
        "encoder.path": "intfloat/multilingual-e5-small",
      }
    )
  )
  assert data == {
    "library_name": "sentence-transformers",
    "pipeline_tag": "sentence-similarity",
    "tags": ["sentence-transformers", "feature-extraction", "hybrid_ir"],
    "language": ["ar", "de", "en", "es", "hi", "vi", "zh"],
    "base_model": "intfloat/multilingual-e5-small",
  }


def test_norwegian_is_a_language():
  data = head(
    card({"data.train": ("a.jsonl",), "data.languages": ("no", "da")})
  )
  assert data["language"] == ["da", "no"]


def test_the_chosen_languages_of_a_published_set_are_named():
  chosen = {"data.train": ("mlqa_r",), "data.languages": ("de", "en", "tr")}
  text = card(chosen)
  assert head(text)["language"] == ["de", "en"]
  assert rows(part(text, "Data"))[2][1] == "de en"


def test_unknown_languages_are_those_that_were_measured():
  scores = [FIGURE, score(query_language="tr", passage_language="tr")]
  own = {"data.train": ("a.jsonl",)}
  assert head(card(own, scores=scores))["language"] == ["tr"]
  assert "language" not in head(card(own))


@pytest.mark.parametrize("path", ["", "/home/zoe/e5", "./models/e5", "~/e5"])
def test_a_local_model_is_no_base_model_of_the_hub(path):
  text = card({"encoder.path": path})
  assert "base_model" not in head(text)
  assert "zoe" not in text
  expected = "from a local model, `e5`." if path else "from random weights."
  assert expected in text


def test_a_folder_of_two_parts_is_no_hub_id(tmp_path, monkeypatch):
  (tmp_path / "models" / "e5").mkdir(parents=True)
  monkeypatch.chdir(tmp_path)
  text = card({"encoder.path": "models/e5"})
  assert "base_model" not in head(text)
  assert "from a local model, `e5`." in text


def test_the_oldest_models_of_the_hub_have_no_organisation():
  name = "bert-base-multilingual-cased"
  text = card({"encoder.path": name, "encoder.revision": "3f076fd"})
  assert head(text)["base_model"] == name
  assert f"from [{name}](https://huggingface.co/{name}) at `3f076fd`." in text


def test_what_it_started_from_is_named():
  text = card({"encoder.path": "org/model", "encoder.revision": "v1.2"})
  assert (
    "trained with hybrid_ir, 200 steps from"
    " [org/model](https://huggingface.co/org/model) at `v1.2`." in text
  )
  text = card({"encoder.path": "org/model", "train.warm_start": "/a/b/first"})
  assert "from another run's model, `first`." in text


# ------------------------------------------------- how texts are read


def test_the_contract_is_a_table():
  text = part(card(), "How texts are read")
  table = dict(rows(text)[2:])
  assert table["Put before a query"] == '`"query: "`'
  assert table["Put before a passage"] == r'`` "a\|b`c" ``'
  assert table["Query with an instruction"].count(r"\n") == 1
  assert table["Longest query"] == "32 tokens"
  assert table["Longest passage"] == "64 tokens"
  assert table["Dimensions"] == "16"
  assert "hybrid_ir cuts queries shorter" in text


def test_dense_layers_and_leading_dimensions_are_told():
  contract = dataclasses.replace(
    CONTRACT,
    dense=(Dense(12, "tanh", True),),
    normalize=False,
    matryoshka=(4, 8),
    query_length=64,
    query_prefix="",
    passage_prefix="",
  )
  text = card({"loss.matryoshka": (4, 8)}, contract)
  table = dict(rows(part(text, "How texts are read"))[2:])
  assert table["Dense layer"] == "12 numbers, tanh"
  assert table["Dimensions"] == "4 or 8 or 12"
  assert table["Vectors of length 1"] == "no"
  assert table["Put before a query"] == "nothing"
  assert "vectors of 12 numbers, compared by dot product" in text
  assert "truncate_dim=4" in text
  assert "cuts queries shorter" not in text
  assert "prefixes are part" not in text


# ------------------------------------------------- training


def test_the_mixture_is_in_shares():
  text = card(
    {
      "mix.mono": 1.0,
      "mix.cross": 2.0,
      "mix.instruct": 1.0,
      "loss.learn_temperature": True,
      "loss.two_sided": True,
      "train.batch_size": 4096,
      "adapt.freeze_layers": 3,
      "data.limit": 5000,
      "encoder.path": "org/encoder",
      "encoder.keep_layers": 6,
    },
    temperature=0.0312345,
  )
  table = dict(rows(part(text, "Training").split("###")[0])[2:])
  assert table["Mixture"] == (
    "each batch is mono (25%) or cross (50%) or instruct (25%)"
  )
  assert table["Batch"] == "4,096 pairs"
  assert table["Steps"] == "200 (of 1,000 planned)"
  assert table["Loss"] == "InfoNCE, both ways"
  assert table["Temperature"] == "0.02"
  assert table["Temperature, learned"] == "0.03123"
  assert table["Layers kept"] == "the lower 6"
  assert table["Questions"] == "at most 5,000 of a data set"
  assert table["Not trained"] == "embeddings and 3 lower layers"


def test_what_was_not_used_is_not_named():
  text = card({"mix.cross": 0.0, "mix.interleave": "example"})
  assert "| Mixture | each example is mono (100%) |" in text
  for name in ("Hard neg", "learned", "LoRA", "Distilled", "Not t", "Questi"):
    assert name not in part(text, "Training")


def test_data_sets_have_licences_and_private_paths_do_not_show():
  train = (
    "mlqa_r=2",
    "/home/zoe/secret/towns.jsonl=1",
    "ir_datasets:beir/nq=1",
  )
  prefixes = {"mlqa_r": ("ask: ", "")}
  text = card({"data.train": train, "data.prefixes": prefixes})
  mlqa, towns, other = rows(part(text, "Data"))[2:]
  assert mlqa[0].startswith("`mlqa_r` [MLQA-R](https://")
  assert "CC BY-NC 4.0" in mlqa[2]
  assert towns[:3] == [
    "`towns.jsonl`",
    "all that it has",
    "a file of its trainer's own",
  ]
  assert other[::2] == ["`ir_datasets:beir/nq`", "as its publisher says"]
  assert (
    '`mlqa_r` was trained with prefixes of its own: `"ask: "`, noth' in text
  )
  assert "secret" not in text


def test_a_model_that_was_not_trained_here_has_no_training():
  text = card({"encoder.path": "org/model"}, step=0)
  assert (
    "It is [org/model](https://huggingface.co/org/model), converted" in text
  )
  assert part(text, "Training").startswith("\nNot trained here.")
  assert "world_facts" not in text
  assert "language" not in head(text)


# ------------------------------------------------- evaluation


def test_without_results_it_says_so():
  assert part(card(), "Evaluation").strip() == "Not evaluated."


def test_figures_of_other_steps_are_of_other_models():
  text = card(scores=[score(step=0), score(step=100), score(step=300)])
  assert part(text, "Evaluation").strip() == "Not evaluated."


def test_macro_means_stand_in_a_table():
  scores = [
    score(step=0, value=0.1),
    FIGURE,
    score(measure="ndcg@10", value=0.9),
    score(query_language="de", passage_language="de", value=0.7),
    score(query_language="vi", passage_language="vi", value=0.6),
    score(setting="multi", passage_language="all", value=0.5),
    score(search="scann", measure="recall@10", value=0.42),
    score(search="scann", measure="ann_recall@10", value=0.43),
    score(benchmark="towns", unit="passage", value=0.25),
  ]
  text = part(card(scores=scores), "Evaluation")
  first, second = text.split("### ")[1:]
  assert first.startswith("xquad_r (sentence)\n")
  columns, _, mono, multi = rows(first)
  assert [r[0] for r in (mono, multi)] == ["mono", "multi"]
  assert mono[columns.index("mAP")] == "0.8124"
  assert mono[columns.index("nDCG@10")] == "0.9000"
  assert mono[columns.index("Queries")] == "13,090"
  assert multi[columns.index("mAP")] == "0.5000"
  assert "Languages: de vi." in first
  assert second.startswith("towns (passage)\n")
  for absent in ("0.1000", "0.4200", "0.4300", "0.7000"):
    assert absent not in text


def test_known_overlaps_are_told():
  text = card({"data.train": ("xquad_r",)}, scores=[FIGURE])
  assert "- xquad_r and xquad_r: the benchmark itself" in text
  text = card({"data.train": ("a.jsonl",)}, scores=[FIGURE])
  assert "known to share" not in text
  # Nothing was trained on, whatever the config names.
  untrained = [score(step=0)]
  text = card({"data.train": ("xquad_r",)}, step=0, scores=untrained)
  assert "0.8124" in text
  assert "known to share" not in text


@pytest.mark.parametrize(
  ("train", "benchmark", "said"),
  [
    ("mlqa_r", "mlqa_r:paragraph", "the benchmark itself"),
    ("squad", "xquad_r:context", "from the development set of SQuAD v1.1"),
    ("miracl", "miracl/sw/dev", "in domain"),
    ("tydi_qa", "miracl/sw/dev+miracl/yo/dev", "are questions of TyDi QA"),
    ("mr_tydi", "mr-tydi/sw/test", "in domain"),
    ("mmarco", "mmarco/v2/de/dev/small", "passages are shared"),
    ("mmarco", "msmarco-passage/trec-dl-2019/judged", "passages are shared"),
    ("mmarco", "beir/msmarco/dev", "passages are shared"),
    ("mmarco", "neumarco/fa/dev", "passages are shared"),
  ],
)
def test_overlaps_are_known_by_the_names_in_results(train, benchmark, said):
  name = short_name(benchmark)
  text = card({"data.train": (train,)}, scores=[score(benchmark=name)])
  told = f"- {train} and {name}: "
  [line] = [line for line in text.splitlines() if line.startswith(told)]
  assert said in line


def test_limits_name_what_was_measured_and_rounded():
  figure = score(query_language="de", passage_language="de")
  text = part(card({"export.dtype": "bfloat16"}, scores=[figure]), "Limits")
  assert "- It was measured in de, and in no other." in text
  assert "rounded to bfloat16" in text
  text = part(card(), "Limits")
  assert "measured" not in text
