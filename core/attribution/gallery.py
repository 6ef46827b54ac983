"""Nearest works by an inner product, through FAISS: the gallery behind "similarity only".

In: rows `[n, k]` and a query `[k]`. Out: the places of the m largest products. Exact
(`IndexFlatIP`); knows no names.
"""

from __future__ import annotations

from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray
from torch import Tensor


class Gallery:
    """A searchable table of rows."""

    def __init__(self, rows: Tensor) -> None:
        table = np.ascontiguousarray(rows.detach().float().cpu().numpy())
        self._index: Any = faiss.IndexFlatIP(table.shape[1])
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
