"""Packed rows: precise to their format, multiplied as they lie."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from core.attribution.features import quantization as packing
from core.attribution.features.quantization import STORAGES, Packed
from core.errors import UsageError


@pytest.mark.parametrize(("storage", "error"), [("float32", 0), ("float16", 6e-4), ("int8", 5e-3)])
def test_packing_keeps_each_row_within_its_precision(storage: str, error: float) -> None:
    generator = torch.Generator().manual_seed(1)
    rows = torch.randn(20, 300, generator=generator) * torch.logspace(-12, 6, 20)[:, None]
    unpacked = Packed.of(rows, storage).floats()
    worst = ((unpacked - rows).abs().amax(1) / rows.abs().amax(1)).max()
    assert float(worst) <= error


def test_packing_twice_changes_nothing() -> None:
    rows = torch.from_numpy(np.random.default_rng(0).normal(size=(4, 9)).astype(np.float32))
    for storage in STORAGES:
        once = Packed.of(rows, storage).floats()
        torch.testing.assert_close(Packed.of(once, storage).floats(), once, rtol=1e-6, atol=0)


def test_a_row_of_zeros_stays_zero() -> None:
    assert torch.equal(Packed.of(torch.zeros(2, 5), "int8").floats(), torch.zeros(2, 5))


def test_an_unknown_storage_is_refused() -> None:
    with pytest.raises(UsageError, match="float16"):
        Packed.of(torch.zeros(1, 1), "int4")


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(1, 40),
    k=st.integers(1, 70),
    seed=st.integers(0, 10**6),
    storage=st.sampled_from(STORAGES),
)
def test_products_are_those_of_the_unpacked_rows(n: int, k: int, seed: int, storage: str) -> None:
    generator = torch.Generator().manual_seed(seed)
    size = 10.0 ** torch.randint(-9, 9, (n, 1), generator=generator)
    rows = torch.randn(n, k, generator=generator) * size
    query = torch.randn(k, generator=generator)
    packed = Packed.of(rows, storage)
    products = packed.products(query)
    expected = packed.floats().double() @ query.double()
    allowed = packed.floats().double().norm(dim=1) * query.double().norm() * 2e-4
    assert products.dtype == torch.float64
    assert ((products - expected).abs() <= allowed).all()


@pytest.mark.parametrize("n", [1, 2, 39])
@pytest.mark.parametrize("k", [1, 2, 3, 64])
def test_narrow_and_short_tables_are_no_exception(n: int, k: int) -> None:
    rows = torch.randint(-127, 128, (n, k), dtype=torch.int8)
    query = torch.randint(-127, 128, (k,))
    query[0] = 127
    products = Packed(rows, torch.ones(n)).products(query.float())
    assert products.tolist() == (rows.long() @ query).tolist()


def test_whole_numbers_are_summed_without_a_remainder() -> None:
    rows = torch.randint(-127, 128, (9, 5000), dtype=torch.int8)
    query = torch.randint(-127, 128, (5000,))
    query[0] = 127  # so that the query's own step is one
    products = Packed(rows, torch.ones(9)).products(query.float())
    assert products.tolist() == (rows.long() @ query).tolist()


def test_rows_longer_than_an_int32_bears_are_summed_in_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = torch.randint(-127, 128, (3, 1000), dtype=torch.int8)
    query = torch.randn(1000)
    whole = Packed(rows, torch.ones(3)).products(query)
    monkeypatch.setattr(packing, "LONGEST", 128)
    assert torch.equal(Packed(rows, torch.ones(3)).products(query), whole)


def test_one_pass_ranks_as_float32_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "TWO_PASSES", 0)
    generator = torch.Generator().manual_seed(3)
    rows = torch.randn(2000, 4096, generator=generator)
    query = torch.randn(4096, generator=generator) + 0.05 * rows[:20].sum(0)
    products = Packed.of(rows, "int8").products(query).numpy()
    assert spearmanr(products, (rows.double() @ query.double()).numpy()).statistic >= 0.999


def test_some_rows_are_taken_in_the_requested_order() -> None:
    rows = torch.randn(6, 4)
    places = torch.tensor([4, 0, 4])
    for storage in STORAGES:
        packed = Packed.of(rows, storage)
        assert torch.equal(packed.of_rows(places).floats(), packed.floats()[places])


def test_a_query_of_zeros_scores_zero() -> None:
    assert Packed.of(torch.randn(3, 8), "int8").products(torch.zeros(8)).tolist() == [0.0] * 3
