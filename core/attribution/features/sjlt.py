"""A sparse Johnson-Lindenstrauss sketch: every coordinate goes, with a sign, to one of k places.

Place and sign come from an integer hash of (seed, parameter name, index), so the matrix is the
same on any device and at any batch size, and needs no storage. Folding a sketch in half gives the
sketch of half the dimension.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.errors import UsageError


def hash64(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finaliser: a fixed mixing of 64-bit integers."""
    with np.errstate(over="ignore"):
        mixed = values + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    result: NDArray[np.uint64] = mixed ^ (mixed >> np.uint64(31))
    return result


def places_and_signs(name: str, count: int, dimension: int, seed: int) -> tuple[Tensor, Tensor]:
    """For `count` coordinates of parameter `name`: places `[count]` int64, signs `[count]`."""
    start = int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:8], "big")
    with np.errstate(over="ignore"):
        keys = np.arange(count, dtype=np.uint64) + np.uint64(start)
    mixed = hash64(keys)
    places = (mixed & np.uint64(0xFFFFFFFF)) % np.uint64(dimension)
    signs = 1.0 - 2.0 * (mixed >> np.uint64(63)).astype(np.float64)
    return torch.from_numpy(places.astype(np.int64)), torch.from_numpy(signs)


class SparseSketch:
    """The projection `sjlt`: gradients by parameter -> `[b, k]`."""

    def __init__(self, dimension: int, seed: int) -> None:
        if dimension < 1:
            raise UsageError(f"A projection to {dimension} numbers is none: take 1 or more.")
        self.dimension = dimension
        self.seed = seed
        self._tables: dict[tuple[str, int, str], tuple[Tensor, Tensor]] = {}

    def project(self, gradients: Mapping[str, Tensor]) -> Tensor:
        """Each `[b, *shape]` -> their common sketch `[b, k]`, in the gradients' precision."""
        first = next(iter(gradients.values()))
        sketch = first.new_zeros((first.shape[0], self.dimension))
        for name, gradient in gradients.items():
            places, signs = self._table(name, gradient[0].numel(), gradient)
            signed = gradient.flatten(1) * signs
            if sketch.is_cuda:  # one launch a parameter
                sketch.index_add_(1, places, signed)
                continue
            for row in range(len(sketch)):  # a processor walks each row in order
                sketch[row].index_add_(0, places, signed[row])
        return sketch

    def _table(self, name: str, count: int, like: Tensor) -> tuple[Tensor, Tensor]:
        key = (name, count, f"{like.device}{like.dtype}")
        if key not in self._tables:
            places, signs = places_and_signs(name, count, self.dimension, self.seed)
            self._tables[key] = (places.to(like.device), signs.to(like))
        return self._tables[key]


def fold(sketch: Tensor) -> Tensor:
    """A sketch `[b, 2k]` -> the sketch of dimension k, `[b, k]`."""
    half = sketch.shape[1] // 2
    return sketch[:, :half] + sketch[:, half:]
