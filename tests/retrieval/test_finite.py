import numpy as np
import pytest

from hybrid_ir.errors import UserError
from hybrid_ir.retrieval import finite
from hybrid_ir.retrieval.finite import check_finite


@pytest.mark.parametrize("size", [0, 1, 11])
def test_finite_ones_pass(monkeypatch, size):
  monkeypatch.setattr(finite, "_BLOCK", 4)
  check_finite(np.zeros((size, 3), np.float16), "query")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("rows", "first"), [([9], 9), ([3, 4, 10], 3)])
def test_the_row_is_named_in_whatever_block_it_stands(
  monkeypatch, rows, first, bad
):
  monkeypatch.setattr(finite, "_BLOCK", 4)
  embeddings = np.zeros((11, 3), np.float32)
  embeddings[rows, 1] = bad
  message = rf"^{len(rows)} of 11 query embeddings .* first is row {first}\)"
  with pytest.raises(UserError, match=message):
    check_finite(embeddings, "query")
