"""TFDS's own test of a builder, on invented files."""

import pathlib

import pytest
import tensorflow_datasets as tfds

from hybrid_ir.data.lareqa import builders

DUMMY_DATA = pathlib.Path(__file__).parent / "dummy_data"


class XquadRTest(tfds.testing.DatasetBuilderTestCase):
  DATASET_CLASS = builders.XquadR
  BUILDER_CONFIG_NAMES_TO_TEST = ["de", "en"]
  EXAMPLE_DIR = DUMMY_DATA / "xquad-r"
  DL_EXTRACT_RESULT = "en.json"
  SPLITS = {"test": 3}


class MlqaRTest(tfds.testing.DatasetBuilderTestCase):
  DATASET_CLASS = builders.MlqaR
  BUILDER_CONFIG_NAMES_TO_TEST = ["zh"]
  EXAMPLE_DIR = DUMMY_DATA / "mlqa-r"
  DL_EXTRACT_RESULT = "zh.json"
  SPLITS = {"test": 1}
