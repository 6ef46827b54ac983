"""Nearest works by an inner product, through FAISS: the gallery behind "similarity only".

In: rows `[n, k]` and a query `[k]`. Out: the places of the m largest products. Exact
(`IndexFlatIP`) while the rows are small; beyond `LARGE` they are kept in 8 bits per number
(`IndexScalarQuantizer`), a quarter of the memory. Knows no names.
"""

from __future__ import annotations

from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

LARGE = 1 << 28  # numbers: a gigabyte in float32
SAMPLE = 65_536  # rows that the ranges of 8 bits are learnt from


class Gallery:
    """A searchable table of rows; `exact` None decides by their size."""

    def __init__(self, rows: Tensor, exact: bool | None = None) -> None:
        table = np.ascontiguousarray(rows.detach().float().cpu().numpy())
        count, dimension = table.shape
        self.exact = table.size <= LARGE if exact is None else exact
        if self.exact:
            self._index: Any = faiss.IndexFlatIP(dimension)
        else:
            eight = faiss.ScalarQuantizer.QT_8bit
            self._index = faiss.IndexScalarQuantizer(dimension, eight, faiss.METRIC_INNER_PRODUCT)
            self._index.train(table[:: max(1, count // SAMPLE)])
        self._index.add(table)

    def nearest(self, query: Tensor, count: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The places and products of the `count` largest, best first."""
        vector = np.ascontiguousarray(query.detach().float().cpu().numpy()[None])
        products, places = self._index.search(vector, min(count, self._index.ntotal))
        return places[0], products[0]

    def farthest(self, query: Tensor, count: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The places and products of the `count` smallest, smallest first."""
        places, products = self.nearest(-query, count)
        return places, -products
