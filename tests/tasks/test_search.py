import io
import json
import shutil
import sys

import numpy as np
import pytest

from hybrid_ir.errors import UserError
from hybrid_ir.retrieval import ann_parameters
from hybrid_ir.tasks import search as search_task

BASE = {"task": "search", "train.steps": 6, "search.json": True, "search.k": 5}


@pytest.fixture(scope="module")
def copy_run(trained):
  """path -> a trained workdir of its own there."""
  return lambda path: shutil.copytree(trained, path)


@pytest.fixture(scope="module")
def indexed(run, copy_run, data, tmp_path_factory):
  """A trained workdir with its own data set's 180 passages."""
  workdir = copy_run(tmp_path_factory.mktemp("indexed") / "run")
  run(
    workdir,
    {
      "task": "encode",
      "train.steps": 6,
      "encode.corpus": str(data),
      "encode.shard_size": 50,
    },
  )
  return workdir


@pytest.fixture
def ask(run, indexed, tmp_path, monkeypatch, capsys):
  """(what is piped, changes) -> stdout, stderr, the error or None."""

  def ask(piped, changes=(), workdir=indexed):
    path = tmp_path / "stdin"
    path.write_bytes(piped if isinstance(piped, bytes) else piped.encode())
    error = None
    with path.open() as stdin:
      monkeypatch.setattr("sys.stdin", stdin)
      try:
        run(workdir, {**BASE, **dict(changes)})
      except UserError as raised:
        error = str(raised)
    said = capsys.readouterr()
    return said.out, said.err, error

  return ask


def parsed(out):
  return [json.loads(line) for line in out.splitlines()]


def test_a_line_of_json_a_query_and_nothing_else(ask):
  out, err, error = ask("was wächst in bab\r\nwhat grows in lun\n")
  answers = parsed(out)
  assert error is None
  assert "180 passages (de, en, tr)\n" in err
  queries = [answer["query"] for answer in answers]
  assert queries == ["was wächst in bab", "what grows in lun"]
  for answer in answers:
    assert list(answer) == ["query", "hits"]
    assert [hit["rank"] for hit in answer["hits"]] == [1, 2, 3, 4, 5]
    scores = [hit["score"] for hit in answer["hits"]]
    assert scores == sorted(scores, reverse=True)
    for hit in answer["hits"]:
      assert list(hit) == ["rank", "score", "id", "language", "text"]
      assert hit["id"].startswith(f"{hit['language']}:t")


def test_a_query_has_the_prefix_of_the_indexs_data_set(
  ask, run, copy_run, data, tmp_path, capsys
):
  workdir = copy_run(tmp_path / "run")
  changes = {
    "train.steps": 6,
    "data.prefixes": {str(data): ("was wächst ", "es ")},
    "checkpoint.allow_changes": True,
  }
  encode = {**changes, "task": "encode", "encode.corpus": str(data)}
  run(workdir, encode)
  capsys.readouterr()
  out, _, error = ask("in bab\n", changes, workdir)
  assert error is None
  (answer,) = parsed(out)
  assert len(answer["hits"]) == 5
  own = {str(data): ("", "es ")}
  _, _, error = ask("in bab\n", {**changes, "data.prefixes": own}, workdir)
  assert "query_prefix is 'was wächst ' there, '' here" in error
  _, _, error = ask("in bab\n", {**changes, "data.prefixes": {}}, workdir)
  assert "passage_prefix is 'es ' there, '' here" in error


@pytest.mark.parametrize("folder", [".", "~"])
def test_a_file_has_its_prefixes_by_the_name_that_was_typed(
  ask, run, copy_run, tmp_path, monkeypatch, folder
):
  (tmp_path / "towns.tsv").write_text("t1\tin bab wächst viel hafer\n")
  monkeypatch.chdir(tmp_path)
  monkeypatch.setenv("HOME", str(tmp_path))
  workdir = copy_run(tmp_path / "run")
  changes = {
    "train.steps": 6,
    "data.prefixes": {f"{folder}/towns.tsv": ("was wächst ", "es ")},
    "checkpoint.allow_changes": True,
    "encode.corpus": f"{folder}/towns.tsv",
    "encode.language": "de",
  }
  run(workdir, {**changes, "task": "encode"})
  out, _, error = ask("in bab\n", changes, workdir)
  assert error is None
  assert "in bab wächst viel hafer" in out


def test_a_language_filter_is_a_search_of_the_filtered_pool(ask):
  query = "was wächst in bab\n"
  (everything,) = parsed(ask(query, {"search.k": 180})[0])
  assert len(everything["hits"]) == 180
  languages = ("de", "tr")
  out, _, _ = ask(query, {"search.k": 7, "search.languages": languages})
  (answer,) = parsed(out)
  expected = [h for h in everything["hits"] if h["language"] in languages][:7]
  assert [hit["id"] for hit in answer["hits"]] == [h["id"] for h in expected]


def test_an_answer_does_not_depend_on_the_other_queries(ask):
  queries = [f"was wächst in {town}" for town in ("bab", "den", "kil")] * 30
  together = ask("\n".join(queries))[0].splitlines()
  assert together[:3] == together[-3:]
  assert ask(queries[1])[0].splitlines() == together[1:2]


def test_lines_that_are_no_queries_are_named(ask):
  out, err, error = ask(b"eins\n\n\xff\n zwei")
  assert [answer["query"] for answer in parsed(out)] == ["eins", "zwei"]
  assert "stdin:2: empty; expected a query\n" in err
  assert "stdin:3: not UTF-8 at byte 1" in err
  assert error.startswith("stdin: 2 of 4 lines were no queries")


def test_nothing_piped_nothing_answered(ask):
  out, _, error = ask("")
  assert (out, error) == ("", None)


def test_a_query_of_100_000_characters_is_said_to_be_cut(ask):
  out, err, error = ask("was wächst " * 9_100)
  assert error is None
  assert len(parsed(out)) == 1
  assert "stdin:1: a query of " in err
  assert "tokens: only the first 32 are read" in err
  assert "only the first" not in ask("was wächst in bab")[1]


def test_a_table_for_people(ask):
  out, _, _ = ask("was wächst\tin bab\n", {"search.json": False})
  head, *rows = out.splitlines()
  assert head == "query> was wächst in bab"
  assert [row.split()[0] for row in rows] == ["1", "2", "3", "4", "5"]


def test_an_instruction_changes_the_query(ask):
  plain = ask("bab")[0]
  told = ask("bab", {"search.instruction": "find what grows there"})[0]
  assert parsed(told)[0]["query"] == "bab"
  assert told != plain


class Terminal(io.StringIO):
  def isatty(self):
    return True


@pytest.fixture
def prompt(run, indexed, monkeypatch, capsys):
  """(what is typed, changes) -> stdout, stderr. Exceptions are raised."""

  def prompt(typed, changes=()):
    left = iter(typed)

    def read(shown=""):
      line = next(left, EOFError)
      if not isinstance(line, str):
        raise line
      return line

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("builtins.input", read)
    run(indexed, {**BASE, "search.json": False, **dict(changes)})
    said = capsys.readouterr()
    return said.out, said.err

  return prompt


def test_the_prompt_goes_on_to_its_end(prompt):
  out, err = prompt(["was wächst in bab", "", "  ", "what grows in lun"])
  assert len(out.splitlines()) == 10
  assert err.count("empty; type a query, or Ctrl-D to end") == 2


@pytest.mark.parametrize("end", [KeyboardInterrupt, EOFError])
def test_ctrl_c_and_ctrl_d_end_it(prompt, end):
  out, err = prompt(["bab", end, "never read"])
  assert len(out.splitlines()) == 5
  assert err.endswith("\n")


def test_json_at_a_prompt_is_json_alone(prompt):
  out, err = prompt(["bab"], {"search.json": True})
  assert len(parsed(out)) == 1
  assert "query> " in err


@pytest.mark.parametrize(
  ("changes", "message"),
  [
    ({"search.languages": ("fi",)}, "no passage is in language 'fi'; there is"),
    ({"encoder.dimensions": 8}, "16 dimensions there, 8 here"),
    ({"encoder.dimensions": 17}, "'encoder.dimensions' is 17"),
  ],
)
def test_what_does_not_fit_the_index(ask, changes, message):
  out, _, error = ask("bab\n", changes)
  assert out == ""
  assert message in error


def test_without_an_index_it_says_what_to_do(ask, copy_run, tmp_path):
  workdir = copy_run(tmp_path / "run")
  _, _, error = ask("bab\n", workdir=workdir)
  assert error.endswith("no index there; run task=encode first")


def test_an_index_of_other_weights_is_refused(ask, run, indexed, tmp_path):
  workdir = tmp_path / "run"
  run(workdir, {"task": "train", "train.steps": 7})
  shutil.copytree(indexed / "index", workdir / "index")
  _, _, error = ask("bab\n", {"train.steps": 7}, workdir)
  assert "was encoded with another model" in error


def test_whoever_reads_may_leave(ask, monkeypatch, tmp_path):
  def leaves(query, hits):
    raise BrokenPipeError

  monkeypatch.setattr(search_task.terminal, "as_json", leaves)
  moved = []
  monkeypatch.setattr(search_task.os, "dup2", lambda a, b: moved.append(b))
  with (tmp_path / "stdout").open("w") as stdout:
    monkeypatch.setattr("sys.stdout", stdout)
    assert ask("bab\nden\n")[2] is None
    assert moved == [stdout.fileno()]


def test_queries_are_encoded_in_short_rows(indexed, make_config):
  from hybrid_ir.tasks.model import load_model
  from hybrid_ir.training.mesh import make_mesh

  config, mesh = make_config(BASE), make_mesh(1)
  loaded = load_model(config, indexed, mesh)
  whole = loaded.model.text_encoder(config, mesh)
  alone = search_task.one_by_one(whole)
  assert alone.layout.row_lengths == (32,)
  texts = ["was wächst in bab", "what grows in lun"]
  np.testing.assert_allclose(
    alone.queries(loaded.params, texts),
    whole.queries(loaded.params, texts),
    atol=1e-5,
  )


def test_scann_finds_the_same_in_a_small_index(ask):
  pytest.importorskip("scann")
  queries = "was wächst in bab\nwhat grows in lun\n"
  exact = parsed(ask(queries)[0])
  near = parsed(ask(queries, {"search.ann": True})[0])
  for ours, theirs in zip(near, exact, strict=True):
    scores = [[hit["score"] for hit in one["hits"]] for one in (ours, theirs)]
    np.testing.assert_allclose(*scores, atol=2e-6)


def test_scann_is_built_once_and_opened_afterwards(ask, monkeypatch):
  pytest.importorskip("scann")
  monkeypatch.setattr(ann_parameters, "_BRUTE_FORCE_BELOW", 20)
  changes = {"search.ann": True, "ann.sample": 32, "ann.recall": 0.9}
  queries = "was wächst in bab\nwhat grows in lun\n"
  first, said, error = ask(queries, changes)
  assert error is None
  assert "index/ann/all/00000: not there; ScaNN builds it, once\n" in said
  assert "ScaNN, 180 passages: hashing" in said
  assert "on 32 sampled passages" in said
  again, said, _ = ask(queries, changes)
  assert "index/ann/all/00000: opened\n" in said
  assert again == first
  only, said, _ = ask(queries, {**changes, "search.languages": ("de", "tr")})
  assert "index/ann/only-de-tr/00000: not there" in said
  languages = {h["language"] for hit in parsed(only) for h in hit["hits"]}
  assert languages <= {"de", "tr"}


def test_without_scann_it_says_so(ask, monkeypatch):
  monkeypatch.setitem(sys.modules, "scann.scann_ops.py", None)
  _, _, error = ask("was\n", {"search.ann": True})
  assert error.startswith("config key 'search.ann' is True: ScaNN cannot be us")
