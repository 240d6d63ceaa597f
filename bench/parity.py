"""Prints how far our encoders are from PyTorch's, family by family.

    python bench/parity.py [--e5=FOLDER --lareqa=FOLDER]   # extra: parity

Both run in float32 on the CPU, on the same weights and token ids, texts packed
several a row in ours and padded in PyTorch's. Norm of the difference as a share
of the norm; of the gradients of a contrastive step, that of the worst tensor.

--e5: a folder with multilingual-e5-small, in Hugging Face's layout; --lareqa:
one with LAReQA's xquad-r/, of whose eleven languages some texts are taken.
"""

import argparse
import os
import pathlib
import runpy
import tempfile
import types

os.environ["JAX_PLATFORMS"] = "cpu"

import transformers

ROOT = pathlib.Path(__file__).resolve().parents[1]
REFERENCE = types.SimpleNamespace(
  **runpy.run_path(str(ROOT / "tests" / "model" / "reference.py"))
)


def tiny_rows():
  """Families with drawn weights: (name, differences)."""
  texts = REFERENCE.draw_texts()
  for kind in REFERENCE.KINDS:
    model = REFERENCE.make_model(kind)
    theirs = REFERENCE.by_torch(model, texts)
    with tempfile.TemporaryDirectory() as folder:
      model.save_pretrained(folder)
      ours = REFERENCE.by_ours(pathlib.Path(folder), texts, packed=True)
    yield f"{kind}, tiny", REFERENCE.differences(ours, theirs)


def e5_row(folder, lareqa):
  """The real encoder on real texts: (name, differences)."""
  texts = REFERENCE.read_texts(folder, lareqa)
  longest = max(map(len, texts))
  model = transformers.AutoModel.from_pretrained(
    folder, add_pooling_layer=False
  )
  theirs = REFERENCE.by_torch(model.eval(), texts)
  ours = REFERENCE.by_ours(folder, texts, packed=True, row_length=longest)
  name = f"multilingual-e5-small, {len(texts)} texts of XQuAD-R"
  return name, REFERENCE.differences(ours, theirs)


def main():
  """Computes the rows, then prints the table."""
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument("--e5", type=pathlib.Path)
  parser.add_argument("--lareqa", type=pathlib.Path)
  options = parser.parse_args()
  if (options.e5 is None) != (options.lareqa is None):
    parser.error("--e5 and --lareqa go together")
  transformers.logging.disable_progress_bar()
  rows = [*tiny_rows()]
  if options.e5:
    rows.append(e5_row(options.e5, options.lareqa))
  quantities = list(rows[0][1])
  print(f"| relative difference | {' | '.join(quantities)} |")
  print("|---" * (1 + len(quantities)) + "|")
  for name, found in rows:
    figures = " | ".join(f"{found[quantity]:.1e}" for quantity in quantities)
    print(f"| {name} | {figures} |")


if __name__ == "__main__":
  main()
