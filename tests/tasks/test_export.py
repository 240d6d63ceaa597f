"""The folder that task=export writes, and what it takes back of it."""

import json
import pathlib

import jax
import numpy as np
import pytest

from hybrid_ir.errors import UserError
from hybrid_ir.model import hub
from hybrid_ir.tasks import export
from hybrid_ir.tasks.model import load_model
from hybrid_ir.training.mesh import make_mesh

FILES = {
  "1_Pooling/config.json",
  "README.md",
  "config.json",
  "config_sentence_transformers.json",
  "hybrid_ir.json",
  "model.safetensors",
  "modules.json",
  "sentence_bert_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
}


@pytest.fixture(scope="module")
def export_to(run, trained):
  """(path, changes, workdir) -> exports; the trained workdir by default."""

  def export_to(path, changes=(), workdir=trained):
    steps = {"train.steps": 6} if workdir == trained else {}
    place = {"task": "export", "export.path": str(path), **steps}
    run(workdir, {**place, **dict(changes)})
    return path

  return export_to


@pytest.fixture(scope="module")
def exported(export_to, tmp_path_factory):
  """An export of the trained workdir."""
  return export_to(tmp_path_factory.mktemp("out") / "model")


def read(folder, name):
  return json.loads((folder / name).read_text(encoding="utf-8"))


def files(folder):
  return {
    str(path.relative_to(folder))
    for path in pathlib.Path(folder).rglob("*")
    if path.is_file()
  }


def load(make_config, workdir, changes):
  return load_model(make_config(changes), workdir, make_mesh(1))


def test_it_holds_what_others_look_for(exported):
  assert files(exported) == FILES
  assert [module["type"] for module in read(exported, "modules.json")] == [
    f"sentence_transformers.models.{name}"
    for name in ("Transformer", "Pooling", "Normalize")
  ]
  longest = read(exported, "sentence_bert_config.json")["max_seq_length"]
  tokenizer = read(exported, "tokenizer_config.json")
  assert longest == tokenizer["model_max_length"] == 64
  assert tokenizer["pad_token"] == "<pad>"
  pad = read(exported, "config.json")["pad_token_id"]
  added = read(exported, "tokenizer.json")["added_tokens"]
  assert [t["content"] for t in added if t["id"] == pad] == ["<pad>"]


def test_the_default_place_is_in_the_workdir(run, tmp_path):
  workdir = tmp_path / "run"
  run(workdir)
  run(workdir, {"task": "export"})
  assert files(workdir / "export") == FILES


def test_what_is_loaded_back_is_bitwise_the_same(
  exported, trained, make_config, tmp_path
):
  before = load(make_config, trained, {"train.steps": 6})
  # Nothing but the path: all else stands in the folder.
  lengths = {"text.query_length": None, "text.passage_length": None}
  after = load(
    make_config, tmp_path, {"encoder.path": str(exported), **lengths}
  )
  assert after.model.contract == before.model.contract
  assert after.model.tokenizer.roles == before.model.tokenizer.roles
  ours, theirs = map(
    jax.tree_util.tree_flatten_with_path, (before.params, after.params)
  )
  assert ours[1] == theirs[1]
  for (path, x), (_, y) in zip(ours[0], theirs[0], strict=True):
    assert np.asarray(x).tobytes() == np.asarray(y).tobytes(), path


def test_an_export_of_an_export_is_the_same(exported, export_to, tmp_path):
  again = export_to(
    tmp_path / "again",
    {"encoder.path": str(exported)},
    workdir=tmp_path / "empty",
  )
  for name in FILES - {"README.md"}:
    assert (again / name).read_bytes() == (exported / name).read_bytes(), name
  assert not (tmp_path / "empty" / "checkpoints").exists()
  assert "Not trained here." in (again / "README.md").read_text("utf-8")


def test_bfloat16_halves_the_weights(exported, export_to, tmp_path):
  half = export_to(tmp_path / "half", {"export.dtype": "bfloat16"})
  assert read(half, "config.json")["dtype"] == "bfloat16"
  whole = (exported / "model.safetensors").stat().st_size
  assert (half / "model.safetensors").stat().st_size < 0.6 * whole


def test_the_learned_temperature_is_kept(run, export_to, tmp_path):
  learned = {"loss.learn_temperature": True}
  run(tmp_path / "run", learned)
  folder = export_to(tmp_path / "out", learned, workdir=tmp_path / "run")
  temperature = read(folder, "hybrid_ir.json")["temperature"]
  assert temperature != 0.1
  assert temperature == pytest.approx(0.1, rel=0.2)
  card = (folder / "README.md").read_text("utf-8")
  assert f"| Temperature, learned | {temperature:.4g} |" in card


# ------------------------------------------------- the place


def test_a_folder_that_is_there_is_refused(exported, export_to):
  before = {name: (exported / name).read_bytes() for name in FILES}
  with pytest.raises(
    UserError, match=r"'export.path' is .*model', which is th"
  ):
    export_to(exported)
  assert {name: (exported / name).read_bytes() for name in FILES} == before


def test_an_older_export_is_replaced_if_asked_to(export_to, tmp_path):
  folder = export_to(tmp_path / "out")
  (folder / "README.md").write_text("edited")
  export_to(folder, {"export.overwrite": True, "export.dtype": "bfloat16"})
  assert files(folder) == FILES
  assert (folder / "README.md").read_text("utf-8") != "edited"
  assert read(folder, "config.json")["dtype"] == "bfloat16"
  assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_empty_folder_is_taken(export_to, tmp_path):
  (tmp_path / "out").mkdir()
  assert files(export_to(tmp_path / "out")) == FILES


def test_what_is_no_export_is_never_replaced(export_to, tmp_path):
  (tmp_path / "notes.txt").write_text("mine")
  message = r"no hybrid_ir.json: it is not an export, .*; name another folder$"
  for overwrite in (False, True):
    with pytest.raises(UserError, match=message):
      export_to(tmp_path, {"export.overwrite": overwrite})
  assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_users_file_in_an_export_is_not_lost(export_to, tmp_path):
  folder = export_to(tmp_path / "out")
  (folder / ".git").mkdir()
  before = (folder / "config.json").stat().st_ino
  with pytest.raises(UserError, match=r"it would lose '.git', which is not"):
    export_to(folder, {"export.overwrite": True})
  assert (folder / ".git").is_dir()
  assert (folder / "config.json").stat().st_ino == before
  assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_failure_leaves_the_older_export_as_it_was(
  export_to, tmp_path, monkeypatch
):
  folder = export_to(tmp_path / "out")
  before = (folder / "config.json").stat().st_ino

  def full(*arguments):
    raise OSError(28, "No space left on device")

  monkeypatch.setattr(export, "write_card", full)
  with pytest.raises(UserError, match=r"out': cannot be written \(No space"):
    export_to(folder, {"export.overwrite": True})
  with pytest.raises(UserError, match=r"new': cannot be written \(No space"):
    export_to(tmp_path / "new")
  assert files(folder) == FILES
  assert (folder / "config.json").stat().st_ino == before
  assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_stopped_while_it_is_replaced_an_export_is_whole(
  export_to, tmp_path, stop_replacing
):
  folder = export_to(tmp_path / "out")
  stop_replacing(folder, lambda: export_to(folder, {"export.overwrite": True}))
  assert files(folder) == FILES
  assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("path", ["file", "file/out"])
def test_a_place_that_cannot_be_written_is_refused(export_to, tmp_path, path):
  (tmp_path / "file").touch()
  message = rf"{path}': cannot be written \((Not a directory|File exists)\); na"
  with pytest.raises(UserError, match=message):
    export_to(tmp_path / path)
  assert [path.name for path in tmp_path.iterdir()] == ["file"]


# ------------------------------------------------- what is refused, the hub


def test_without_a_model_there_is_nothing_to_export(export_to, tmp_path):
  with pytest.raises(UserError, match=r"holds no checkpoint; train first"):
    export_to(tmp_path / "out", workdir=tmp_path / "empty")
  assert not (tmp_path / "out").exists()


def test_a_tokenizer_that_cannot_pad_is_refused(exported, export_to, tmp_path):
  folder = tmp_path / "other"
  folder.mkdir()
  for name in FILES - {"1_Pooling/config.json", "modules.json"}:
    (folder / name).write_bytes((exported / name).read_bytes())
  (folder / "tokenizer_config.json").write_text('{"pad_token": "[PAD]"}')
  message = r"other/tokenizer_config.json: names no 'pad_token' of the vocab"
  with pytest.raises(UserError, match=message):
    export_to(
      tmp_path / "out", {"encoder.path": str(folder)}, tmp_path / "empty"
    )
  assert not (tmp_path / "out").exists()


def test_tokens_that_the_vocabulary_lacks_are_not_named(
  exported, make_config, tmp_path
):
  loaded = load(make_config, tmp_path, {"encoder.path": str(exported)})
  loaded.model.tokenizer.roles["mask_token"] = "<mask>"
  export.write_folder(tmp_path, loaded, "float32", "nowhere")
  assert "mask_token" not in read(tmp_path, "tokenizer_config.json")
  assert "mask_token_id" not in read(tmp_path, "config.json")


def test_it_is_uploaded_where_a_repository_is_named(
  export_to, tmp_path, monkeypatch, capsys
):
  calls = []

  def upload(folder, repo_id, private):
    calls.append((files(folder), repo_id, private))
    return "https://hub.example/towns/model"

  monkeypatch.setattr(hub, "upload", upload)
  repository = {"export.push_to_hub": "towns/model"}
  folder = export_to(tmp_path / "out", repository)
  assert calls == [(FILES, "towns/model", True)]
  assert "uploaded  https://hub.example/towns/model" in capsys.readouterr().out
  card = (folder / "README.md").read_text("utf-8")
  assert 'SentenceTransformer("towns/model")' in card
  with pytest.raises(UserError, match="there already"):
    export_to(folder, repository)
  assert len(calls) == 1
