"""TFDS data sets, built once. From downloads and builders, to the readers.

The only importer of tensorflow_datasets; builders of our own take its classes
from here. The data stands in ArrayRecord files, which are read at random and
without TensorFlow.
"""

import contextlib
import functools
import io
import os
import pathlib
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from typing import Any

from hybrid_ir.data import beam
from hybrid_ir.errors import UserError

# Else it asks the network for Google's credentials: seconds, and a warning.
os.environ.setdefault("NO_GCE_CHECK", "true")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow_datasets as tfds

__all__ = ["open_published", "open_split", "tfds"]

_SECONDS_TO_ANSWER = 20  # TFDS tries for 3 minutes before it gives up


def open_published(
  build: str, split: str, file: str, data_dir: pathlib.Path
) -> Sequence[dict[str, Any]]:
  """Opens a split of a data set that TFDS has a builder of.

  Args:
    build: TFDS's name of it with config and version: "xquad/de:3.0.0".
    split: as TFDS names it.
    file: one of the files that it downloads.
    data_dir: where TFDS keeps what it builds. Files in downloads/manual inside
      of it stand for downloads, if they are named as TFDS names them.

  Raises:
    UserError: as `open_split`.
  """
  name, _, version = build.partition(":")
  name, _, config = name.partition("/")
  builder_class = tfds.builder_cls(name)
  urls = [
    url
    for url, info in builder_class.url_infos.items()
    if info.filename == file
  ]
  manual_dir = data_dir / "downloads" / "manual"
  return open_split(
    functools.partial(
      builder_class,
      config=config or None,
      version=version,
      data_dir=data_dir,
      file_format="array_record",
    ),
    split,
    url="" if (manual_dir / file).exists() else urls[0],
    manual_dir=manual_dir,
    mend=f"put {file} and what else {build} is made of into {manual_dir}",
  )


def open_split(
  make: Callable[[], Any],
  split: str,
  *,
  url: str,
  manual_dir: pathlib.Path | None,
  mend: str,
  runner: str = "",
  runner_flags: Sequence[str] = (),
) -> Sequence[dict[str, Any]]:
  """Opens a builder's split, built where it isn't: complete or absent.

  Args:
    make: makes the builder, which learns then what there is.
    split: as the builder names it.
    url: looked for before a download, so that a missing network is said at
      once; "": everything is in `manual_dir`.
    manual_dir: a file in it stands for the download of its name.
    mend: what a user does who cannot download.
    runner: Apache Beam's that builds it, "DirectRunner"; "": without Beam.
    runner_flags: of the runner.

  Returns:
    The examples by number, texts as bytes.

  Raises:
    UserError: no network, other files than the released ones, no room.
  """
  builder = make()
  if not builder.data_path.exists():
    try:
      _build(builder, url, manual_dir, mend, runner, runner_flags)
    except OSError as e:
      if not builder.data_path.exists():  # no other process was first
        raise UserError(
          f"{builder.data_path}: cannot be built ({_line(e)}); check the room"
          " and the rights in cache_dir, and the network where files are"
          f" missing, or {mend}"
        ) from None
    builder = make()
  source: Sequence[dict[str, Any]] = builder.as_data_source(split)
  return source


def _build(
  builder: Any,
  url: str,
  manual_dir: pathlib.Path | None,
  mend: str,
  runner: str,
  runner_flags: Sequence[str],
) -> None:
  tfds.display_progress_bar(bool(url))  # else it takes no time
  if url:
    _check_reachable(url, mend)
  try:
    with contextlib.redirect_stdout(io.StringIO()):  # TFDS prints two lines
      builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(
          manual_dir=manual_dir,
          force_checksums_validation=True,
          try_download_gcs=False,
          beam_runner=runner or None,
          beam_options=beam.options(runner_flags) if runner else None,
        )
      )
  except (
    tfds.download.DownloadError,
    tfds.download.download_manager.NonMatchingChecksumError,
  ) as e:
    raise UserError(
      f"{url or builder.name}: a download is not the released file"
      f" ({_line(e)}); try again, or {mend}"
    ) from None


def _check_reachable(url: str, mend: str) -> None:
  request = urllib.request.Request(url, method="HEAD")
  try:
    urllib.request.urlopen(request, timeout=_SECONDS_TO_ANSWER).close()
  except (urllib.error.URLError, TimeoutError) as e:
    raise UserError(
      f"{url}: cannot be downloaded ({_line(e)}); {mend}, or try again with a"
      " network"
    ) from None


def _line(error: Exception) -> str:
  return " ".join(str(error).split())
