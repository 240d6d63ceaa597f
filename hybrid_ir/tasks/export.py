"""task=export: from a model to a folder that sentence-transformers loads."""

import contextlib
import json
import pathlib
from collections.abc import Iterator

import jax

from hybrid_ir.config import Config
from hybrid_ir.data import tokenizer as tokenizer_lib
from hybrid_ir.data.tokenizer import Tokenizer
from hybrid_ir.errors import UserError
from hybrid_ir.evaluation.report.load import load_workdir
from hybrid_ir.files import not_of, replace_folder
from hybrid_ir.model import hub
from hybrid_ir.model.contract import Contract
from hybrid_ir.model.export import write_model
from hybrid_ir.model.sentence_transformers import CONTRACT_FILE
from hybrid_ir.tasks import scored
from hybrid_ir.tasks.card import write_card
from hybrid_ir.tasks.model import LoadedModel, load_model
from hybrid_ir.training.mesh import make_mesh
from hybrid_ir.workdir import CHECKPOINTS


def run(config: Config, workdir: pathlib.Path) -> None:
  """Writes the workdir's model, or where it has none, that of encoder.path.

  Raises:
    UserError: no model, no place to write to, a tokenizer that cannot pad, or
      a hub that does not take it.
  """
  named = config.export.path or workdir / "export"
  path = pathlib.Path(named).expanduser().resolve()
  _check_place(path, config.export.overwrite)
  loaded = load_model(
    config, workdir, make_mesh(config.mesh.data, config.mesh.fsdp)
  )
  trained = (workdir / CHECKPOINTS).is_dir()
  elsewhere = config.encoder.path or config.train.warm_start
  origin = str(workdir) if trained else elsewhere
  # The model goes out whole: figures of less of it are not its own.
  evaluated = scored.is_whole_model(workdir)
  scores = load_workdir(workdir).scores if evaluated else ()
  with _at_once(path) as folder:
    write_folder(folder, loaded, config.export.dtype, origin)
    card = write_card(
      config,
      loaded.model.contract,
      loaded.step,
      loaded.temperature,
      scores,
      workdir.name,
    )
    (folder / "README.md").write_text(card, encoding="utf-8")
  print(f"exported  {path} ({_describe(config, loaded)})", flush=True)
  if config.export.push_to_hub:
    url = hub.upload(path, config.export.push_to_hub, config.export.private)
    print(f"uploaded  {url}", flush=True)


def write_folder(
  folder: pathlib.Path,
  loaded: LoadedModel,
  dtype: str,
  origin: str,
) -> None:
  """Writes all but the model card.

  Args:
    folder: an empty one.
    loaded: what to write.
    dtype: float32 or bfloat16, of the weights.
    origin: the folder that the tokenizer was read from, for messages.

  Raises:
    UserError: a tokenizer that cannot pad, or does not fit the encoder.
  """
  contract, tokenizer = loaded.model.contract, loaded.model.tokenizer
  special = _special_tokens(tokenizer, origin)
  params = jax.device_get(loaded.params)
  write_model(folder, contract, params, special, loaded.temperature, dtype)
  _write_tokenizer(folder, tokenizer, contract)


def _describe(config: Config, loaded: LoadedModel) -> str:
  count = sum(x.size for x in jax.tree.leaves(loaded.params))
  return f"step {loaded.step}, {count:,} parameters in {config.export.dtype}"


def _check_place(path: pathlib.Path, overwrite: bool) -> None:
  """Refuses a place to write to, before the model is loaded.

  Raises:
    UserError: it cannot be written, or holds what must not be lost.
  """
  key = f"config key 'export.path' is {str(path)!r}"
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
    there = sorted(path.iterdir()) if path.exists() else []
  except OSError as error:
    raise _unwritable(path, error) from None
  if there and not (path / CONTRACT_FILE).exists():
    raise UserError(
      f"{key}, which holds files but no {CONTRACT_FILE}: it is not an export,"
      " so it is not replaced; name another folder"
    )
  if there and not overwrite:
    raise UserError(
      f"{key}, which is there already; name another folder, or replace it with"
      " --config.export.overwrite=True"
    )


@contextlib.contextmanager
def _at_once(path: pathlib.Path) -> Iterator[pathlib.Path]:
  """Gives an empty folder, which then takes the place of an older export.

  Raises:
    UserError: it cannot be written, or the older folder has files in it that
      the new one has not.
  """
  try:
    with replace_folder(path) as aside:
      yield aside
      _check_nothing_is_lost(path, aside)
  except OSError as error:
    raise _unwritable(path, error) from None


def _check_nothing_is_lost(path: pathlib.Path, aside: pathlib.Path) -> None:
  written = [new.relative_to(aside).as_posix() for new in aside.rglob("*")]
  if others := not_of(path, written):
    raise UserError(
      f"config key 'export.path' is {str(path)!r}, and it would lose"
      f" {others[0]!r}, which is not of the new export; move it away, or name"
      " another folder"
    )


def _unwritable(path: pathlib.Path, error: OSError) -> UserError:
  return UserError(
    f"config key 'export.path' is {str(path)!r}: cannot be written"
    f" ({error.strerror or error}); name a folder that you may write to"
  )


def _special_tokens(tokenizer: Tokenizer, origin: str) -> dict[str, int]:
  """The ids of the special tokens that the vocabulary has, by short names.

  Raises:
    UserError: no padding token among them: no batch could be made elsewhere.
  """
  ids = {role: tokenizer.id_of(role) for role in tokenizer.roles}
  special = {
    role.removesuffix("_token"): number
    for role, number in ids.items()
    if number is not None
  }
  if "pad" not in special:
    raise UserError(
      f"{origin}/{tokenizer_lib.CONFIG_FILE}: names no 'pad_token' of the"
      ' vocabulary; expected one, as in {"pad_token": "<pad>"}'
    )
  return special


def _write_tokenizer(
  folder: pathlib.Path, tokenizer: Tokenizer, contract: Contract
) -> None:
  """tokenizer.json as it is, and what others must know of it beside."""
  (folder / tokenizer_lib.FILE).write_text(
    tokenizer.serialized, encoding="utf-8"
  )
  known = {
    role: token
    for role, token in tokenizer.roles.items()
    # Any other would be added to the vocabulary, past the encoder's table.
    if tokenizer.id_of(role) is not None
  }
  content = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    **known,
    "model_max_length": max(contract.query_length, contract.passage_length),
    # All tokens have type 0 here, and not every encoder knows types.
    "model_input_names": ["input_ids", "attention_mask"],
  }
  (folder / tokenizer_lib.CONFIG_FILE).write_text(
    json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8"
  )
