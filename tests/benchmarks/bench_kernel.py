"""Fitting the kernel of many works by blocks, beside the one product it cannot do without."""

from __future__ import annotations

import numpy as np

from core.attribution.scoring.kernel import Kernel
from tests.benchmarks.conftest import Measure, side_by_side

WORKS, DIMENSION, BLOCK = 20_000, 4_096, 5_000


def bench_kernel(measure: Measure) -> None:
    phi = np.random.default_rng(0).standard_normal((WORKS, DIMENSION))

    def product() -> None:
        phi.T @ phi

    def fit() -> None:
        Kernel.of_blocks(phi[start : start + BLOCK] for start in range(0, WORKS, BLOCK))

    plain, fitted = side_by_side([product, fit], rounds=1)
    rate = 2 * WORKS * DIMENSION**2 / plain / 1e9
    measure(
        "kernel_by_blocks",
        fitted / plain,
        10.0,
        higher_is_better=False,
        detail=f"product {plain:.1f} s ({rate:.0f} Gflop/s in float64), with its "
        f"eigendecomposition {fitted:.1f} s; {WORKS:,} works, k = {DIMENSION:,}",
    )
