"""One query against an index, beside one plain reading of the same memory."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from scipy.stats import spearmanr

from core.attribution.features.quantization import Packed
from core.attribution.features.store import read_tensors
from core.diffusion.tensors import save_tensors
from tests.benchmarks.conftest import Measure, side_by_side

AT_A_TIME = 1 << 24  # numbers in float32 while the rows are drawn


def rows_on_disk(path: Path, count: int, dimension: int, query: torch.Tensor) -> torch.Tensor:
    """Write int8 rows of random works, some of them near the query; their float32 scores `[n]`."""
    generator = torch.Generator().manual_seed(0)
    values = torch.empty(count, dimension, dtype=torch.int8)
    scales = torch.empty(count)
    scores = torch.empty(count)
    step = max(1, AT_A_TIME // dimension)
    for start in range(0, count, step):
        part = torch.randn(min(step, count - start), dimension, generator=generator)
        part[::10] += 0.1 * query
        scores[start : start + len(part)] = part @ query
        packed = Packed.of(part, "int8")
        assert packed.scales is not None
        values[start : start + len(part)] = packed.values
        scales[start : start + len(part)] = packed.scales
    save_tensors(path, Packed(values, scales).tensors(), {})
    return scores


@pytest.mark.parametrize(("count", "dimension"), [(5_000, 32_768), (1_000_000, 4_096)])
def bench_scoring(count: int, dimension: int, measure: Measure, tmp_path: Path) -> None:
    query = torch.randn(dimension, generator=torch.Generator().manual_seed(1))
    path = tmp_path / "rows.safetensors"
    rows = rows_on_disk(path, count, dimension, query)
    packed = Packed.read(read_tensors(path)[0])  # mapped from the file, as an index is
    words = packed.values.flatten().view(torch.int64)

    def read() -> None:
        words.sum()

    def score() -> None:
        packed.products(query)

    plain, ours = side_by_side([read, score], rounds=7)
    name = f"scoring_{count}x{dimension}"
    size = packed.values.numel() / 1e9
    measure(
        name,
        ours / plain,
        1.5,
        higher_is_better=False,
        detail=f"{ours * 1e3:.1f} ms, {plain * 1e3:.1f} ms to read {size:.2f} GB once, "
        f"{torch.get_num_threads()} threads",
    )
    agreement = spearmanr(packed.products(query).numpy(), rows.numpy()).statistic
    measure(
        f"{name}_agreement",
        float(agreement),
        0.999,
        higher_is_better=True,
        detail=f"rank correlation with float32: {agreement:.6f}",
    )
    path.unlink()
