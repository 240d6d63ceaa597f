"""Our exports and our benchmarks as mteb sees them. With the extra `mteb`."""

import dataclasses
import importlib
import json
import pathlib
import socket

import jax
import numpy as np
import pytest

import hybrid_ir
from hybrid_ir.config import Config
from hybrid_ir.data import lareqa
from hybrid_ir.data.records import Record
from hybrid_ir.data.tokenizer import train_unigram
from hybrid_ir.errors import UserError
from hybrid_ir.evaluation.benchmarks import from_records
from hybrid_ir.model.architecture import Architecture
from hybrid_ir.model.bi_encoder import make_bi_encoder
from hybrid_ir.model.contract import Contract
from hybrid_ir.tasks.export import write_folder
from hybrid_ir.tasks.model import LoadedModel, Model

mteb = pytest.importorskip("mteb", reason="the extra `mteb` is not there")
datasets = pytest.importorskip("datasets", reason="it comes with mteb")
hub = pytest.importorskip("huggingface_hub")
sbert = pytest.importorskip("sentence_transformers")

mteb_tasks = importlib.import_module("hybrid_ir.evaluation.mteb_tasks")

SHARED = pathlib.Path(__file__).resolve().parents[3] / "shared"
LAREQA = SHARED / "data" / "lareqa"

# What is asked and what is said of a town; all invented.
FRAMES = {
  "de": ("was wächst in {}", "in {} wächst viel {}"),
  "en": ("what grows in {}", "much {1} is grown in {0}"),
  "tr": ("{} nerede ne yetişir", "{} şehrinde {} yetişir"),
}
TOWNS = [a + b + c for a in "bdkl" for b in "aeiou" for c in "mn"]
PLANTS = ["hafer", "lein", "mohn", "rübe", "senf"]
QUERY, PASSAGE = "nerede: ", "viel: "  # prefixes
CUTOFFS = (1, 3, 5, 10, 20)


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path):
  """No network, and nothing outside of tmp_path."""

  def refuse(*_):
    raise AssertionError("a connection was tried")

  monkeypatch.setattr(socket.socket, "connect", refuse)
  monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", True)
  monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
  monkeypatch.setattr(
    datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets"
  )


def records():
  """40 towns in German and English, the first 10 in Turkish, too."""
  for i, town in enumerate(TOWNS):
    for language, (query, passage) in FRAMES.items():
      if language != "tr" or i < 10:
        yield Record(
          f"t{i}",
          language,
          query.format(town),
          passage.format(town, PLANTS[i % 5]),
          where=f"towns.jsonl:{i}",
        )


@pytest.fixture(scope="module")
def benchmark():
  made = from_records("towns", records(), records())
  grades = 1 + np.arange(len(made.gold_passages), dtype=np.int32) % 3
  return dataclasses.replace(made, gold_grades=grades)


@pytest.fixture(scope="module")
def export(tmp_path_factory):
  """The folder of a bi-encoder with every weight drawn."""
  tokenizer = train_unigram([r.passage for r in records()], vocab_size=120)
  contract = Contract(
    architecture=Architecture(
      family="xlm-roberta",
      vocab_size=tokenizer.size,
      hidden_size=24,
      layers=2,
      heads=3,
      intermediate_size=40,
      max_positions=64,
      token_types=1,
      norm_epsilon=1e-5,
      activation="gelu",
      position_offset=tokenizer.id_of("pad_token") + 1,
    ),
    tokenizer=tokenizer.fingerprint,
    pooling="mean",
    dense=(),
    normalize=True,
    temperature=0.05,
    query_prefix=QUERY,
    passage_prefix=PASSAGE,
    query_length=48,
    passage_length=48,
    instruction="Instruct: {instruction}\nQuery: {query}",
    matryoshka=(),
  )
  bi_encoder = make_bi_encoder(contract, Config().encoder)
  rng = np.random.default_rng(3)
  params = jax.tree_util.tree_map_with_path(
    lambda path, x: rng.normal(path[-1].key == "scale", 0.2, x.shape).astype(
      np.float32
    ),
    jax.eval_shape(bi_encoder.init, jax.random.key(0)),
  )
  model = Model(tokenizer, contract, bi_encoder)
  folder = tmp_path_factory.mktemp("export")
  write_folder(
    folder, LoadedModel(model, params, 0, 0.05), "float32", "nowhere"
  )
  return folder


@pytest.fixture(scope="module")
def scores(export, benchmark):
  """Of our own encoder. [Q, C]."""
  model = hybrid_ir.load(export, query_prefix=QUERY, passage_prefix=PASSAGE)
  queries = model.encode(benchmark.query_texts, "query")
  passages = model.encode(benchmark.passage_texts, "passage")
  return queries @ passages.T


def slow_figures(scores, gains):
  """Means of the cut measures, from scores and gains alone. Both [Q, C]."""
  rows = []
  for score, gain in zip(scores, gains, strict=True):
    ranked = gain[np.argsort(-score)]
    best = np.sort(gain)[::-1]
    discount = 1 / np.log2(2 + np.arange(len(gain)))
    row = {}
    for k in CUTOFFS:
      row[f"ndcg_at_{k}"] = (ranked * discount)[:k].sum() / (best * discount)[
        :k
      ].sum()
      row[f"recall_at_{k}"] = (ranked[:k] > 0).sum() / (gain > 0).sum()
      hits = np.flatnonzero(ranked[:k])
      row[f"mrr_at_{k}"] = 1 / (1 + hits[0]) if len(hits) else 0
      row[f"map_at_{k}"] = (
        sum((ranked[: i + 1] > 0).mean() for i in hits) / (gain > 0).sum()
      )
      row[f"hit_rate_at_{k}"] = len(hits) > 0
    rows.append(row)
  return {name: np.mean([row[name] for row in rows]) for name in rows[0]}


def gains_of(benchmark):
  """[Q, C]."""
  gains = np.zeros((len(benchmark.query_ids), len(benchmark.passage_ids)))
  golds = benchmark.gold_queries, benchmark.gold_passages
  gains[golds] = benchmark.gold_grades
  return gains


def run(export, task, **arguments):
  """mteb's scores by subset, of the folder as it is."""
  model = sbert.SentenceTransformer(str(export), device="cpu")
  (result,) = mteb.evaluate(
    model, tasks=[task], cache=None, show_progress_bar=False, **arguments
  ).task_results
  return {score["hf_subset"]: score for score in result.scores["test"]}, result


def test_data_by_hand():
  pool = [
    Record("1", "en", "who?", "one", where=""),
    Record("2", "en", "how?", "two", where=""),
    Record("1", "de", "wer?", "eins", where=""),
  ]
  asked = [pool[2], pool[0], Record("2", "fr", "quoi ?", "-", where="")]
  benchmark = from_records("tiny", asked, pool)
  task = mteb_tasks.pooled_task(benchmark)
  assert task.hf_subsets == ["de", "en", "fr"]
  task.load_data()
  gold = {"de:1": 1, "en:1": 1}
  for language, id, text, judged in (
    ("de", "de:1", "wer?", gold),
    ("en", "en:1", "who?", gold),
    ("fr", "fr:2", "quoi ?", {"en:2": 1}),
  ):
    data = task.dataset[language]["test"]
    assert data["queries"].to_list() == [{"id": id, "text": text}]
    assert data["relevant_docs"] == {id: judged}
    assert data["corpus"].to_list() == [
      {"id": "en:2", "text": "two"},
      {"id": "en:1", "text": "one"},
      {"id": "de:1", "text": "eins"},
    ]


def test_an_export_in_our_pooled_task(benchmark, export, scores, tmp_path):
  task = mteb_tasks.pooled_task(benchmark)
  theirs, result = run(export, task, prediction_folder=tmp_path / "found")
  found = json.loads(
    (tmp_path / "found/towns_pooled_predictions.json").read_bytes()
  )
  gains = gains_of(benchmark)
  means = []
  for code, language in enumerate(benchmark.languages):
    here = np.flatnonzero(benchmark.query_languages == code)
    # The prefixes are there: these are the scores of our own encoder.
    for q in here:
      row = found[language]["test"][benchmark.query_ids[q]]
      assert len(row) == len(benchmark.passage_ids)
      by_id = [row[id] for id in benchmark.passage_ids]
      np.testing.assert_allclose(by_id, scores[q], atol=2e-6)
    expected = slow_figures(scores[here], gains[here])
    for name, value in expected.items():
      assert theirs[language][name] == pytest.approx(value, abs=1e-5), name
    means.append(expected["ndcg_at_10"])
  assert 0.05 < np.mean(means) < 0.95  # so that a fault would show
  assert result.get_score() == pytest.approx(np.mean(means), abs=1e-5)


def test_an_export_in_a_task_of_mtebs_own(
  benchmark, export, scores, tmp_path, monkeypatch
):
  """MLQARetrieval reads a folder in the hub's layout; its code is untouched."""
  # English queries, German passages, as its subset eng-deu has them.
  en, de = (benchmark.languages.index(code) for code in ("en", "de"))
  queries = np.flatnonzero(benchmark.query_languages == en)
  passages = np.flatnonzero(benchmark.passage_languages == de)
  gains = gains_of(benchmark)[np.ix_(queries, passages)]
  folder = tmp_path / "hub"
  folder.mkdir()
  tables = {
    "queries": [
      {"_id": benchmark.query_ids[q], "text": benchmark.query_texts[q]}
      for q in queries
    ],
    "corpus": [
      {
        "_id": benchmark.passage_ids[p],
        "title": "",
        "text": benchmark.passage_texts[p],
      }
      for p in passages
    ],
    "qrels": [
      {
        "query-id": benchmark.query_ids[queries[q]],
        "corpus-id": benchmark.passage_ids[passages[p]],
        "score": int(gains[q, p]),
      }
      for q, p in np.argwhere(gains)
    ],
  }
  card = ["---", "configs:"]
  for name, rows in tables.items():
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
    card += [
      f"- config_name: eng-deu-{name}",
      "  data_files:",
      f"  - {{split: test, path: {name}.jsonl}}",
    ]
  (folder / "README.md").write_text("\n".join([*card, "---", ""]))
  task = mteb.get_task(
    "MLQARetrieval", hf_subsets=["eng-deu"], eval_splits=["test"]
  )
  monkeypatch.setitem(task.metadata.dataset, "path", str(folder))
  theirs, _ = run(export, task)
  expected = slow_figures(scores[np.ix_(queries, passages)], gains)
  assert 0.05 < expected["ndcg_at_10"] < 0.95
  for name, value in expected.items():
    assert theirs["eng-deu"][name] == pytest.approx(value, abs=1e-5), name


def test_a_task_can_be_run_again(benchmark, export):
  """mteb unloads the data behind a run."""
  task = mteb_tasks.pooled_task(benchmark)
  first, _ = run(export, task)
  assert not task.data_loaded
  second, _ = run(export, task)
  assert first == second


def test_languages_need_a_code():
  pool = [Record("1", code, "q?", code, where="") for code in ("en", "tlh")]
  benchmark = from_records("tiny", pool, pool)
  with pytest.raises(UserError, match="'tlh' has no mteb code") as error:
    mteb_tasks.pooled_task(benchmark)
  assert "\n" not in str(error.value)
  task = mteb_tasks.pooled_task(benchmark, {"tlh": "tlh-Latn"})
  assert task.metadata.eval_langs == {"en": ["eng-Latn"], "tlh": ["tlh-Latn"]}
  # A language that only passages have is no subset and needs none.
  task = mteb_tasks.pooled_task(from_records("tiny", pool[:1], pool))
  assert task.hf_subsets == ["en"]


def test_queries_with_instructions_are_refused(benchmark):
  told = ("find it",) * len(benchmark.query_ids)
  other = dataclasses.replace(benchmark, query_instructions=told)
  with pytest.raises(UserError, match="carry instructions"):
    mteb_tasks.pooled_task(other)


def test_only_what_has_one_pool_of_all_languages(benchmark):
  other = dataclasses.replace(benchmark, name="sides", settings=("cross",))
  with pytest.raises(UserError, match="'sides' is for cross alone"):
    mteb_tasks.pooled_task(other)


@pytest.mark.parametrize(
  ("task", "name"),
  [
    (mteb_tasks.XQuADRPooled, "xquad_r"),
    (mteb_tasks.MLQARPooled, "mlqa_r"),
  ],
)
def test_metadata_of_the_published_sets(task, name):
  metadata = task.metadata
  assert metadata.is_filled()
  metadata._validate_metadata()  # that mteb knows the codes of the languages
  assert tuple(metadata.hf_subsets) == lareqa.languages(name)
  assert metadata.revision == lareqa.fingerprint(name)
  for source in metadata.adapted_from:
    assert mteb.get_task(source).metadata.name == source


def test_every_code_is_one_of_mtebs():
  for code in mteb_tasks._CODES.values():
    mteb.languages.check_language_code(code)


def test_the_revision_follows_the_data(benchmark):
  revision = mteb_tasks.pooled_task(benchmark).metadata.revision
  assert mteb_tasks.pooled_task(benchmark).metadata.revision == revision
  grades = benchmark.gold_grades.copy()
  grades[-1] += 1
  texts = ("changed", *benchmark.passage_texts[1:])
  for changed in ({"gold_grades": grades}, {"passage_texts": texts}):
    other = mteb_tasks.pooled_task(dataclasses.replace(benchmark, **changed))
    assert other.metadata.revision != revision


@pytest.mark.skipif(not LAREQA.is_dir(), reason="LAReQA's files are not there")
def test_mlqa_r(tmp_path):
  task = mteb_tasks.MLQARPooled(lareqa_dir=str(LAREQA), cache_dir=str(tmp_path))
  task.load_data()
  asked = {code: data["test"] for code, data in task.dataset.items()}
  assert tuple(asked) == lareqa.languages("mlqa_r")
  assert sum(len(data["queries"]) for data in asked.values()) == 4199
  assert {len(data["corpus"]) for data in asked.values()} == {20534}
