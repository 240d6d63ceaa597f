"""Studies as they are shipped, on files in the format of what they download."""

import importlib.util
import pathlib

import pytest

from hybrid_ir.studies import published as papers

from ..stand_ins import DOLLY, MIRACL, MIRACL_COUNTS, neuclir, write_mtop

STUDIES = pathlib.Path(__file__).parents[2] / "configs/studies"
MIRACL_DEV = "ir_datasets:miracl/sw/dev"
NEUCLIR = "ir_datasets:neuclir/1/multi/trec-2023"


@pytest.fixture
def study(run, data, tmp_path):
  """(name, changes) -> table and findings of one seed of a tiny encoder.

  It takes two steps and is trained on towns in MLQA-R's place.
  """

  def small(variant):
    variant = {
      key: value
      for key, value in variant.items()
      if key != "evaluate.benchmarks"  # those of `changes`
    }
    if variant.get("train.steps"):
      variant["train.steps"] = 2
    if "data.train" in variant:
      variant["data.train"] = tuple(
        str(data) if name == "mlqa_r" else name
        for name in variant["data.train"]
      )
    return variant

  def study(name, changes):
    spec = importlib.util.spec_from_file_location(name, STUDIES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    shipped = module.get_config().study
    run(
      tmp_path / "studies",
      {
        "task": "study",
        "train.steps": 2,
        "compare.resamples": 200,
        **{
          f"study.{key}": getattr(shipped, key)
          for key in (
            *("name", "kind", "design", "against", "measures", "only"),
          )
        },
        "study.seeds": (0,),
        "study.axes": {
          axis: {label: small(variant) for label, variant in variants.items()}
          for axis, variants in shipped.axes.items()
        },
        **changes,
      },
    )
    return [
      (tmp_path / "studies" / name / file).read_text(encoding="utf-8")
      for file in (f"{name}.md", "findings.md")
    ]

  return study


def test_mtop(study, tmp_path):
  write_mtop(tmp_path / "mtop")
  benchmarks = ("mtop:utterance", "mtop:intent")
  table, findings = study(
    "mtop",
    {
      "data.mtop_dir": str(tmp_path / "mtop"),
      "evaluate.benchmarks": benchmarks,
      "study.notes": dict.fromkeys(benchmarks, "fixture: three utterances"),
    },
  )
  assert "4 of 4 cells done." in table
  assert "mtop_utterance: tests" in table
  assert "mtop_intent: multi R@5 by language" in table
  for benchmark in benchmarks:
    assert f"{benchmark} (evaluation) is a fixture" in findings
  assert "the best of both? On mtop_intent, hybrid" in findings


def test_instructions_on_neuclir(study, tfds_home, ir_home, published):
  ir_home(neuclir())
  published({"docs": 4, "queries": 1, "qrels": 3})
  table, findings = study(
    "instruct",
    {
      "cache_dir": str(tfds_home(DOLLY)),
      "train.batch_size": 2,
      "evaluate.benchmarks": (NEUCLIR,),
      "study.notes": {"dolly": "fixture: two instructions", NEUCLIR: "fixture"},
    },
  )
  assert "7 of 7 cells done." in table
  assert "dolly (training) is a fixture: figures after it prove" in findings
  # One query language, a pool of three: MLIR.
  assert "neuclir_1_multi_trec_2023: all queries are English" in findings
  chains = ("hybrid then instructions", "instructions then hybrid")
  assert all(f"| training={chain} | 0 | 2 |" in table for chain in chains)
  # The two orders are tested against each other.
  assert f"| {' | '.join(reversed(chains))} | multi |" in table


@pytest.fixture
def on_miracl(ir_home, published):
  """What scores a study on a collection in MIRACL's format."""
  ir_home(MIRACL)
  published(MIRACL_COUNTS)
  return {
    "evaluate.benchmarks": (MIRACL_DEV,),
    "evaluate.allow_faults": True,  # a query has no relevant passage
    "study.notes": {MIRACL_DEV: "fixture: four passages"},
  }


def test_scaling_on_miracl(study, on_miracl):
  table, findings = study(
    "scaling",
    {
      "study.only": (
        *("questions=1148", "pairs=6400", "batch=32", "batch=8", "batch=16"),
        *("languages=ar de en es hi vi zh", "model=12 layers"),
      ),
      "data.languages": ("de", "en", "tr"),  # so that sw is zero-shot
      **on_miracl,
    },
  )
  assert "3 of 3 cells done." in table
  assert "miracl_sw_dev: MRR over pairs a batch by script" in table
  assert f"{MIRACL_DEV} (evaluation) is a fixture" in findings


def test_the_papers_table_on_miracl(study, on_miracl):
  table, findings = study(
    "paper",
    {
      "study.only": (
        *("batches=hybrid", "batches=X-X", "batches=untrained"),
        *("encoder=E5", "data=mlqa_r"),
      ),
      # As at full size: those of the paper's MIRACL, too.
      "study.measures": ("map", "rank_distance", "ndcg@10", "recall@100"),
      **on_miracl,
    },
  )
  assert "3 of 3 cells done." in table
  assert "miracl_sw_dev: tests" in table
  assert "| mono MAP | mono nDCG@10 | mono R@100 |" in table
  assert f"{MIRACL_DEV} (evaluation) is a fixture" in findings
  # The paper's figures are not put beside a fixture's.
  assert papers.SOURCE not in table
