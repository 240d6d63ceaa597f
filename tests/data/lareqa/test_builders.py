import functools
import http.server
import pathlib
import subprocess
import sys
import threading

import pytest
import tensorflow_datasets as tfds

from hybrid_ir.data import tfds_build
from hybrid_ir.data.lareqa import builders, squad_json
from hybrid_ir.data.lareqa.sets import SETS
from hybrid_ir.errors import UserError

BUILDERS = {"xquad_r": builders.XquadR, "mlqa_r": builders.MlqaR}


@pytest.mark.parametrize("name", BUILDERS)
def test_every_file_has_a_checksum(name):
  infos = BUILDERS[name].url_infos
  for language in SETS[name].languages:
    assert len(infos[SETS[name].url(language)].checksum) == 64
    assert infos[SETS[name].url(language)].size > 500_000
    # TFDS takes a file of this name from `manual_dir`.
    assert infos[SETS[name].url(language)].filename == f"{language}.json"


@pytest.mark.parametrize("name", BUILDERS)
def test_tfds_knows_the_builder(name, tmp_path):
  assert tfds.builder_cls(name) is BUILDERS[name]
  assert tuple(BUILDERS[name].builder_configs) == SETS[name].languages
  builder = tfds.builder(name, config="en", data_dir=tmp_path)
  assert str(builder.version) in builder.release_notes
  assert builder.info.file_format.value == "array_record"
  assert "LAR" in builder.info.citation
  assert builder.info.homepage.endswith("lareqa")
  assert builder.info.redistribution_info.license.startswith("CC BY")


@pytest.mark.parametrize(
  ("name", "language"),
  [("xquad_r", "de"), ("xquad_r", "en"), ("mlqa_r", "zh")],
)
def test_stored_is_what_was_read(dummy_dir, tmp_path, name, language):
  stored = builders.examples(
    name, language, cache_dir=tmp_path, lareqa_dir=dummy_dir
  )
  file = pathlib.Path(dummy_dir, SETS[name].folder, f"{language}.json")
  assert list(stored) == list(squad_json.read(file))


def english(cache_dir, lareqa_dir=""):
  return list(
    builders.examples(
      "xquad_r", "en", cache_dir=cache_dir, lareqa_dir=lareqa_dir
    )
  )


def test_built_once(dummy_dir, tmp_path, monkeypatch):
  first = english(tmp_path, dummy_dir)
  folder = tmp_path / "tfds" / "xquad_r" / "en" / "1.0.0"
  assert len(list(folder.glob("*.array_record-*"))) == 1
  monkeypatch.delattr(squad_json, "read")
  assert english(tmp_path, dummy_dir) == first
  assert english(tmp_path) == first


def test_another_process_was_first(dummy_dir, tmp_path, monkeypatch):
  build = tfds_build._build

  def late(*args):
    build(*args)
    raise OSError("Directory not empty")

  monkeypatch.setattr(tfds_build, "_build", late)
  assert len(english(tmp_path, dummy_dir)) == 3


def test_the_cache_cannot_be_written(dummy_dir, tmp_path):
  (tmp_path / "tfds").write_text("a file where a folder is wanted")
  with pytest.raises(UserError, match=r"xquad_r/en.*cannot be built"):
    english(tmp_path, dummy_dir)


@pytest.fixture
def server(tmp_path, serve):
  """A folder that is served in upstream's place."""
  folder = tmp_path / "served"
  (folder / "commit" / "xquad-r").mkdir(parents=True)

  class Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
      pass

  handler = functools.partial(Silent, directory=folder)
  with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
    threading.Thread(target=httpd.serve_forever, args=(0.01,)).start()
    serve(f"http://127.0.0.1:{httpd.server_port}")
    yield folder / "commit" / "xquad-r"
    httpd.shutdown()


def test_download(server, dummy_dir, tmp_path):
  file = pathlib.Path(dummy_dir, "xquad-r", "en.json")
  (server / "en.json").write_bytes(file.read_bytes())
  assert english(tmp_path) == list(squad_json.read(file))


def test_a_download_of_something_else(server, tmp_path):
  (server / "en.json").write_text("<html>Please log in</html>")
  with pytest.raises(UserError, match=r"not the released file.*lareqa_dir"):
    english(tmp_path)
  assert not list(tmp_path.glob("tfds/xquad_r/en/*"))


def test_nothing_there_to_download(server, tmp_path):
  with pytest.raises(UserError, match=r"en\.json: cannot be downloaded.*404"):
    english(tmp_path)


def test_no_network(serve, tmp_path):
  serve("http://127.0.0.1:9")  # the port for discarding: nothing answers
  with pytest.raises(UserError, match=r"cannot be downloaded.*set data"):
    english(tmp_path)
  assert not (tmp_path / "tfds").exists()


def test_silent_and_without_tensorflow(dummy_dir, tmp_path):
  file = pathlib.Path(dummy_dir, "xquad-r", "en.json")
  code = f"""
import hashlib, pathlib, sys
from hybrid_ir.data.lareqa import builders
from hybrid_ir.data.lareqa.sets import SETS
path = pathlib.Path({str(file)!r})
info = builders.XquadR.url_infos[SETS["xquad_r"].url("en")]
info.size = path.stat().st_size
info.checksum = hashlib.sha256(path.read_bytes()).hexdigest()
examples = list(builders.examples(
  "xquad_r", "en", cache_dir=pathlib.Path({str(tmp_path)!r}),
  lareqa_dir={dummy_dir!r}))
assert len(examples) == 3
assert "tensorflow" not in sys.modules
"""
  done = subprocess.run(
    [sys.executable, "-W", "error", "-c", code],
    capture_output=True,
    text=True,
    check=False,
  )
  assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
