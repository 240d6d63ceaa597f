"""The encoders against PyTorch's; runs where the `parity` extra is installed.

The same without PyTorch, on stored results: test_parity_stored.py.
"""

import pathlib
import runpy
import subprocess
import sys
import types

import numpy as np
import pytest

from hybrid_ir.model.huggingface import from_huggingface, to_huggingface
from hybrid_ir.model.weights import (
  read_architecture,
  read_params,
  write_params,
)

pytest.importorskip("torch", reason="the extra `parity` is not there")
transformers = pytest.importorskip(
  "transformers", reason="the extra `parity` is not there"
)

HERE = pathlib.Path(__file__).resolve().parent
REFERENCE = types.SimpleNamespace(**runpy.run_path(str(HERE / "reference.py")))
SHARED = HERE.parents[2] / "shared"


@pytest.fixture(scope="module")
def texts():
  return REFERENCE.draw_texts()


@pytest.fixture(scope="module", params=REFERENCE.KINDS)
def model(request):
  return REFERENCE.make_model(request.param)


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
  folder = tmp_path_factory.mktemp("model")
  model.save_pretrained(folder)
  return folder


@pytest.fixture(scope="module")
def theirs(model, texts):
  return REFERENCE.by_torch(model, texts)


@pytest.fixture(scope="module", params=["packed", "one a row"])
def ours(request, folder, texts):
  return REFERENCE.by_ours(folder, texts, request.param == "packed")


def test_states_and_embeddings(ours, theirs):
  assert REFERENCE.relative(ours.states, theirs.states) < 1e-5
  assert REFERENCE.relative(ours.embeddings, theirs.embeddings) < 1e-5


def test_the_loss_and_every_gradient(ours, theirs):
  assert REFERENCE.relative(ours.loss, theirs.loss) < 1e-4
  assert ours.gradients.keys() == theirs.gradients.keys()
  wrong = {
    name: error
    for name, error in REFERENCE.gradient_differences(
      ours.gradients, theirs.gradients
    ).items()
    if not error < 1e-4
  }
  assert not wrong


def test_transformers_loads_what_we_write(folder, theirs, texts, tmp_path):
  arch = read_architecture(folder)
  write_params(tmp_path, arch, read_params(folder, arch), "float32")
  pad = max(0, arch.position_offset - 1)
  fields = to_huggingface(arch, {"pad": pad, "cls": 2, "sep": 3})
  config = transformers.AutoConfig.for_model(**fields)
  config.save_pretrained(tmp_path)
  poolers = {} if arch.family == "modernbert" else {"add_pooling_layer": False}
  model, loading = transformers.AutoModel.from_pretrained(
    tmp_path, output_loading_info=True, **poolers
  )
  assert not any(loading.values())  # no tensor missing, unexpected, misshapen
  again = REFERENCE.by_torch(model.eval(), texts)
  np.testing.assert_array_equal(again.states, theirs.states)


@pytest.mark.parametrize("kind", REFERENCE.KINDS)
def test_lower_layers_are_those_of_a_list_cut_short(
  kind, texts, tmp_path, capsys
):
  model = REFERENCE.make_model(kind)
  model.save_pretrained(tmp_path)
  modern = kind == "modernbert"
  kept = 4 if modern else 1
  whole = model if modern else model.encoder
  attribute = "layers" if modern else "layer"
  setattr(whole, attribute, getattr(whole, attribute)[:kept])
  theirs = REFERENCE.by_torch(model, texts)
  ours = REFERENCE.by_ours(tmp_path, texts, True, keep_layers=kept)
  assert REFERENCE.relative(ours.states, theirs.states) < 1e-5
  assert REFERENCE.relative(ours.embeddings, theirs.embeddings) < 1e-5
  assert ours.gradients.keys() == theirs.gradients.keys()
  assert f"of the layers from {kept} on" in capsys.readouterr().out
  arch = read_architecture(tmp_path, kept)
  pad = max(0, arch.position_offset - 1)
  fields = to_huggingface(arch, {"pad": pad, "cls": 2, "sep": 3})
  assert fields["num_hidden_layers"] == kept
  assert from_huggingface(fields, "config.json") == arch


@pytest.mark.parametrize(
  ("kind", "heads"),
  [
    ("bert", ["ForPreTraining", "ForQuestionAnswering"]),
    ("xlm-roberta", ["ForMaskedLM", "ForSequenceClassification"]),
    ("modernbert", ["ForMaskedLM", "ForTokenClassification"]),
  ],
)
def test_heads_are_left_out_and_said(kind, heads, texts, tmp_path, capsys):
  plain = REFERENCE.make_model(kind)
  plain.save_pretrained(tmp_path / "plain")
  expected = REFERENCE.by_ours(tmp_path / "plain", texts, True)
  assert "left out" not in capsys.readouterr().out
  for head in heads:
    name = type(plain).__name__.removesuffix("Model") + head
    model = getattr(transformers, name)(plain.config)
    model.base_model.load_state_dict(plain.state_dict(), strict=False)
    model.save_pretrained(tmp_path / head)
    outcome = REFERENCE.by_ours(tmp_path / head, texts, True)
    np.testing.assert_array_equal(outcome.states, expected.states)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("left out")


@pytest.fixture(scope="module")
def e5(tmp_path_factory):
  """The folder of multilingual-e5-small; skips where its maker is not."""
  tool = SHARED / "tools" / "make_e5_small.py"
  if not tool.exists() or not (SHARED / "data" / "lareqa").is_dir():
    pytest.skip(f"no {tool} and LAReQA's texts here")
  folder = tmp_path_factory.mktemp("e5")
  made = subprocess.run(
    [sys.executable, str(tool), str(folder)], capture_output=True, text=True
  )
  if made.returncode:
    pytest.skip(f"{tool} failed: {made.stderr.strip().splitlines()[-1]}")
  return folder


def test_e5_small_on_real_texts(e5):
  texts = REFERENCE.read_texts(e5, SHARED / "data" / "lareqa")
  assert len(texts) == 2 * 3 * 11
  model = transformers.AutoModel.from_pretrained(e5, add_pooling_layer=False)
  theirs = REFERENCE.by_torch(model.eval(), texts)
  ours = REFERENCE.by_ours(e5, texts, True, row_length=144, backward=False)
  assert REFERENCE.relative(ours.states, theirs.states) < 1e-4
  assert REFERENCE.relative(ours.loss, theirs.loss) < 1e-4
  for one, other in zip(ours.embeddings, theirs.embeddings, strict=True):
    assert REFERENCE.relative(one, other) < 1e-4
