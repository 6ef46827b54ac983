"""Projections: linear, seeded, whatever the batch; the sketch folds; inner products survive."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from core.attribution.features.projection import SparseSketch, fold, places_and_signs, projection
from core.attribution.features.spec import ProjectionSpec
from core.errors import UsageError

SHAPES = {"down.weight": (8, 30), "down.bias": (8,), "up.weight": (40, 8)}
KINDS = ("sjlt", "identity", "dense", "trak")


def gradients(count: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.randn(count, *shape, generator=generator, dtype=dtype)
        for name, shape in SHAPES.items()
    }


def rows(values: dict[str, Tensor], chosen: slice) -> dict[str, Tensor]:
    return {name: value[chosen] for name, value in values.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_does_not_depend_on_its_batch(kind: str) -> None:
    whole = projection(ProjectionSpec(kind, 64, 3)).project(gradients(5))
    single = projection(ProjectionSpec(kind, 64, 3)).project(rows(gradients(5), slice(2, 3)))
    torch.testing.assert_close(whole[2:3], single, rtol=1e-5, atol=1e-4)
    if kind in ("sjlt", "identity"):
        assert torch.equal(whole[2:3], single)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_linear(kind: str) -> None:
    project = projection(ProjectionSpec(kind, 64, 3)).project
    one, other = gradients(2, 1), gradients(2, 2)
    both = {name: 2 * one[name] - other[name] for name in SHAPES}
    torch.testing.assert_close(
        project(both), 2 * project(one) - project(other), rtol=1e-4, atol=1e-3
    )


def test_the_sketch_is_what_its_hash_says_in_a_loop() -> None:
    values = gradients(2, dtype=torch.float64)
    expected = np.zeros((2, 32))
    for name, value in values.items():
        flat = value.flatten(1).numpy()
        places, signs = places_and_signs(name, flat.shape[1], 32, 9)
        for row in range(2):
            for j in range(flat.shape[1]):
                expected[row, int(places[j])] += float(signs[j]) * flat[row, j]
    np.testing.assert_allclose(SparseSketch(32, 9).project(values).numpy(), expected, atol=1e-12)


@given(st.integers(1, 200), st.integers(0, 2**31))
def test_folding_halves_the_dimension(half: int, seed: int) -> None:
    values = gradients(2, dtype=torch.float64)
    folded = fold(SparseSketch(2 * half, seed).project(values))
    torch.testing.assert_close(folded, SparseSketch(half, seed).project(values))


def test_inner_products_survive_on_average() -> None:
    values = gradients(2, dtype=torch.float64)
    flat = projection(ProjectionSpec("identity")).project(values)
    truth = float(flat[0] @ flat[1])
    length = float(flat[0].norm() * flat[1].norm())
    sketches = [
        float(sketch[0] @ sketch[1])
        for sketch in (SparseSketch(256, seed).project(values) for seed in range(200))
    ]
    # the sketch is unbiased with variance below 2 length^2 / k
    assert abs(np.mean(sketches) - truth) < 4 * length * np.sqrt(2 / 256 / 200)
    assert np.std(sketches) < 1.3 * length * np.sqrt(2 / 256)


def test_another_seed_and_another_name_give_another_sketch() -> None:
    values = gradients(1)
    assert not torch.equal(SparseSketch(64, 0).project(values), SparseSketch(64, 1).project(values))
    renamed = {f"other.{name}": value for name, value in values.items()}
    assert not torch.equal(
        SparseSketch(64, 0).project(values), SparseSketch(64, 0).project(renamed)
    )


def test_the_dense_projection_is_gaussian_and_unscaled() -> None:
    ones = {"w": torch.eye(500)[:200]}
    matrix = projection(ProjectionSpec("dense", 300, 5)).project(ones)
    assert abs(float(matrix.mean())) < 0.02
    assert abs(float(matrix.std()) - 1) < 0.02


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(UsageError, match="sjlt"):
        ProjectionSpec("fft")
