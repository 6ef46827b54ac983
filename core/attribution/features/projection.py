"""Gradients to features: one protocol, four ways, chosen by a `ProjectionSpec`.

In: per-example gradients by parameter name, `[b, *shape]`. Out: features `[b, k]`. The sparse
sketch (sjlt) takes place and sign of every number from an integer hash of seed, name and index: the
same on every device and in any batch.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.attribution.features.gradients import flatten
from core.attribution.features.spec import ProjectionSpec
from core.errors import UsageError

CHUNK = 4096


class Projection(Protocol):
    """phi = P^T g."""

    def project(self, gradients: Mapping[str, Tensor]) -> Tensor:
        """name -> `[b, *shape]`, all of one network in order -> `[b, k]`."""
        ...


class Identity:
    """No projection: `[b, p]`. For small models and for oracles."""

    def project(self, gradients: Mapping[str, Tensor]) -> Tensor:
        """Flattened and concatenated."""
        return flatten(dict(gradients))


class DenseGaussian:
    """P_ij ~ N(0, 1) (the paper's, not scaled), made again in chunks of rows at every call."""

    def __init__(self, dimension: int, seed: int) -> None:
        self.dimension = dimension
        self.seed = seed

    def project(self, gradients: Mapping[str, Tensor]) -> Tensor:
        """`[b, p]` times P, a chunk of p at a time; O(p k) random numbers per call."""
        flat = flatten(dict(gradients))
        total = flat.new_zeros((flat.shape[0], self.dimension))
        for start in range(0, flat.shape[1], CHUNK):
            part = flat[:, start : start + CHUNK]
            generator = torch.Generator("cpu").manual_seed(self.seed * 1_000_003 + start)
            matrix = torch.randn((part.shape[1], self.dimension), generator=generator)
            total += part @ matrix.to(part)
        return total


class TrakProjection:
    """traker's own projectors (Park et al. 2023), for parity with published features."""

    def __init__(self, spec: ProjectionSpec) -> None:
        self.spec = spec
        self._projector: Any = None

    def project(self, gradients: Mapping[str, Tensor]) -> Tensor:
        """Through `BasicProjector` on a CPU, `CudaProjector` (fast-jl) on a GPU."""
        flat = flatten(dict(gradients)).float()
        if self._projector is None:
            self._projector = self._make(flat)
        result: Tensor = self._projector.project(flat, model_id=0)
        return result

    def _make(self, flat: Tensor) -> Any:
        projectors = importlib.import_module("trak.projectors")
        common = {
            "grad_dim": flat.shape[1],
            "proj_dim": self.spec.dimension,
            "seed": self.spec.seed,
            "proj_type": projectors.ProjectionType.normal,
            "device": flat.device,
        }
        if flat.device.type != "cuda":
            block = min(100, self.spec.dimension)
            return projectors.BasicProjector(**common, block_size=block, dtype=flat.dtype)
        try:
            importlib.import_module("fast_jl")
        except ImportError as error:
            raise UsageError(
                "trak's GPU projector needs fast-jl, which is not installed: "
                "`pip install -e '.[cuda]'` on a machine with CUDA 12, or use 'sjlt'."
            ) from error
        projector = projectors.CudaProjector(**common, max_batch_size=32)
        if self.spec.num_sms and projector.num_sms != self.spec.num_sms:
            raise UsageError(
                f"These features were projected on a GPU with {self.spec.num_sms} multiprocessors "
                f"and this one has {projector.num_sms}: fast-jl's matrix would be another one. "
                "Use the same kind of GPU, or 'sjlt'."
            )
        return projector


def projection(spec: ProjectionSpec) -> Projection:
    """The projection that a spec names; `trak` is loaded at its first use, not here."""
    if spec.kind == "identity":
        return Identity()
    if spec.kind == "dense":
        return DenseGaussian(spec.dimension, spec.seed)
    if spec.kind == "trak":
        return TrakProjection(spec)
    return SparseSketch(spec.dimension, spec.seed)


def hash64(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finaliser (Steele et al. 2014): a fixed mixing of 64-bit integers."""
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
    """The projection `sjlt`, a sparse Johnson-Lindenstrauss transform with one place per coordinate
    (a count sketch, Charikar et al. 2002): gradients by parameter -> `[b, k]`.

    Raises `UsageError` for a dimension below 1.
    """

    def __init__(self, dimension: int, seed: int) -> None:
        if dimension < 1:
            raise UsageError(
                f"A projection to {dimension} numbers is not possible: take 1 or more."
            )
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
            if sketch.is_cuda:  # one launch per parameter
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
    """A sketch `[b, 2k]` -> the sketch of dimension k, `[b, k]`; exact, as places are modulo 2k."""
    half = sketch.shape[1] // 2
    return sketch[:, :half] + sketch[:, half:]
