"""Connected components. To corpus and survey."""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse


def components(
  left: NDArray[np.int64], right: NDArray[np.int64], nodes: int
) -> NDArray[np.int32]:
  """The component of each node.

  Args:
    left: one end of each edge [E].
    right: the other end [E].
    nodes: how many there are.

  Returns:
    A number a component, from 0 in the order of its first node [nodes].
  """
  graph = sparse.coo_array(
    (np.ones(len(left), bool), (left, right)), shape=(nodes, nodes)
  )
  _, component = sparse.csgraph.connected_components(graph, directed=False)
  return np.asarray(component, np.int32)
