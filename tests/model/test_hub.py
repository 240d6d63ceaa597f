"""hybrid_ir.model.hub: folders stay, ids are fetched, failures are one line."""

import pathlib

import huggingface_hub
import pytest

from hybrid_ir.data import slow_tokenizer
from hybrid_ir.errors import UserError
from hybrid_ir.model import hub


def test_a_folder_is_taken_as_it_is(tmp_path, monkeypatch):
  (tmp_path / "org" / "name").mkdir(parents=True)
  monkeypatch.chdir(tmp_path)
  assert hub.resolve("org/name") == pathlib.Path("org/name")
  (tmp_path / "bert-base").mkdir()
  assert hub.resolve("bert-base") == pathlib.Path("bert-base")


@pytest.mark.parametrize("path", ["/no/such/folder", "./none", "a/b/c"])
def test_neither_a_folder_nor_an_id(path):
  with pytest.raises(UserError, match=r"'encoder.path' is '.*': no such fold"):
    hub.resolve(path)
  with pytest.raises(UserError, match=rf"^load: path is '{path}': no such fol"):
    hub.resolve(path, named="load: path")


def test_an_id_is_fetched_without_pickles(monkeypatch, tmp_path):
  asked = {}

  def fetch(name, revision, allow_patterns):
    asked[name, revision] = allow_patterns
    return str(tmp_path)

  monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
  assert hub.resolve("intfloat/multilingual-e5-small") == tmp_path
  assert hub.resolve("org/name", "v1.0") == tmp_path
  assert hub.resolve("xlm-roberta-base") == tmp_path
  assert [*asked] == [
    ("intfloat/multilingual-e5-small", None),
    ("org/name", "v1.0"),
    ("xlm-roberta-base", None),
  ]
  for patterns in asked.values():
    assert {*filter(fetched(patterns), FILES)} == {*FILES}
    assert not [*filter(fetched(patterns), NEVER)]


FILES = [
  "config.json",
  "model.safetensors",
  "model-00001-of-00002.safetensors",
  "model.safetensors.index.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "modules.json",
  "config_sentence_transformers.json",
  "sentence_bert_config.json",
  "1_Pooling/config.json",
  "2_Dense/config.json",
  "2_Dense/model.safetensors",
  "hybrid_ir.json",
  *slow_tokenizer.FILES,
]
NEVER = [
  "pytorch_model.bin",
  "2_Dense/pytorch_model.bin",
  "modeling_own.py",
  "tf_model.h5",
  "flax_model.msgpack",
  "onnx/model.onnx",
  "onnx/model.safetensors",
  "training_args.bin",
]


def fetched(patterns):
  """The hub's own rule."""

  def rule(name):
    return [
      *huggingface_hub.utils.filter_repo_objects(
        [name], allow_patterns=patterns
      )
    ]

  return rule


def test_a_folder_has_no_revision(tmp_path):
  with pytest.raises(UserError, match=r"'encoder.revision' is 'v1', but .*no"):
    hub.resolve(str(tmp_path), "v1")


def test_unreachable_hub(monkeypatch):
  def fail(name, revision, allow_patterns):
    raise OSError("no route to host\nand more")

  monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
  message = r"no route to host.*local folder, or a hub id: organisation/name$"
  with pytest.raises(UserError, match=message) as e:
    hub.resolve("org/name")
  assert "\n" not in str(e.value)
  with pytest.raises(
    UserError, match=r"did not give it as a model at revision 'v7'"
  ):
    hub.resolve("org/name", "v7")


def test_upload(monkeypatch, tmp_path):
  done = []

  def create(name, private, exist_ok):
    done.append(("create", name, private, exist_ok))
    return huggingface_hub.RepoUrl(f"https://huggingface.co/{name}")

  def upload(repo_id, folder_path):
    done.append(("upload", repo_id, folder_path))

  monkeypatch.setattr(huggingface_hub, "create_repo", create)
  monkeypatch.setattr(huggingface_hub, "upload_folder", upload)
  url = hub.upload(tmp_path, "org/name", private=True)
  assert url == "https://huggingface.co/org/name"
  assert done == [
    ("create", "org/name", True, True),
    ("upload", "org/name", tmp_path),
  ]


@pytest.mark.parametrize("fails", ["create_repo", "upload_folder"])
def test_a_refused_upload(monkeypatch, tmp_path, fails):
  def fail(*args, **kwargs):
    raise OSError("401 Unauthorized\nRequest ID: x")

  for name in ("create_repo", "upload_folder"):
    monkeypatch.setattr(huggingface_hub, name, lambda *a, **k: "url")
  monkeypatch.setattr(huggingface_hub, fails, fail)
  message = r"'export.push_to_hub' is 'org/name'.*401 Unauthorized\).*HF_TOKEN"
  with pytest.raises(UserError, match=message) as e:
    hub.upload(tmp_path, "org/name", private=False)
  assert "\n" not in str(e.value)


def test_what_was_downloaded(monkeypatch, tmp_path):
  there = {("org/name", "config.json", None): str(tmp_path / "config.json")}

  def look(name, file, revision):
    return there.get((name, file, revision))

  monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", look)
  assert hub.downloaded_config("org/name") == tmp_path / "config.json"
  assert hub.downloaded_config("org/name", "v1") is None
  assert hub.downloaded_config("/no/such/folder") is None
