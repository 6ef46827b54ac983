"""Gradients to features: one protocol, four ways, chosen by a `ProjectionSpec`."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor

from core.attribution.features.gradients import flatten
from core.attribution.features.sjlt import SparseSketch
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
    """P_ij ~ N(0, 1) (the paper's, not scaled), drawn again in chunks of rows at every call."""

    def __init__(self, dimension: int, seed: int) -> None:
        self.dimension = dimension
        self.seed = seed

    def project(self, gradients: Mapping[str, Tensor]) -> Tensor:
        """`[b, p]` times P, a chunk of p at a time; O(p k) numbers are drawn a call."""
        flat = flatten(dict(gradients))
        total = flat.new_zeros((flat.shape[0], self.dimension))
        for start in range(0, flat.shape[1], CHUNK):
            part = flat[:, start : start + CHUNK]
            generator = torch.Generator("cpu").manual_seed(self.seed * 1_000_003 + start)
            matrix = torch.randn((part.shape[1], self.dimension), generator=generator)
            total += part @ matrix.to(part)
        return total


class TrakProjection:
    """traker's own projectors, for parity with published features."""

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
    """The projection that a spec names."""
    if spec.kind == "identity":
        return Identity()
    if spec.kind == "dense":
        return DenseGaussian(spec.dimension, spec.seed)
    if spec.kind == "trak":
        return TrakProjection(spec)
    return SparseSketch(spec.dimension, spec.seed)
