"""The feature store: whole or absent, resumed equals uninterrupted, strangers refused by name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.attribution.features import Features
from core.attribution.packing import STORAGES, pack, unpack
from core.attribution.spec import FeatureSpec
from core.attribution.store import FeatureStore, Header
from core.errors import StoreError, UsageError

HEADER = Header(FeatureSpec(), "m" * 64, "w" * 64, count=10, shard_size=4)


def numbers(rows: range) -> Features:
    whole = torch.randn(10, 6, generator=torch.Generator().manual_seed(0)) * 1e-7
    return Features(whole[rows.start : rows.stop], torch.arange(10.0)[rows.start : rows.stop])


def filled(directory: Path, header: Header = HEADER) -> FeatureStore:
    store = FeatureStore.begin(directory, header)
    for number in store.missing():
        store.write(number, numbers(header.shards[number]))
    return store


def test_what_is_written_is_read_in_order(tmp_path: Path) -> None:
    store = filled(tmp_path / "f", replace(HEADER, storage="float32"))
    found = FeatureStore.open(store.directory).load()
    assert torch.equal(found.phi, numbers(range(10)).phi)
    assert found.losses.tolist() == list(map(float, range(10)))


def test_resumed_equals_uninterrupted_bit_for_bit(tmp_path: Path) -> None:
    whole = filled(tmp_path / "whole")
    begun = FeatureStore.begin(tmp_path / "begun", HEADER)
    begun.write(1, numbers(HEADER.shards[1]))
    assert FeatureStore.begin(tmp_path / "begun", HEADER).missing() == [0, 2]
    resumed = filled(tmp_path / "begun")
    for number in range(3):
        assert whole.path(number).read_bytes() == resumed.path(number).read_bytes()


def test_an_unfinished_store_says_so(tmp_path: Path) -> None:
    store = FeatureStore.begin(tmp_path / "f", HEADER)
    store.write(0, numbers(HEADER.shards[0]))
    with pytest.raises(StoreError, match="unfinished.*featurize"):
        store.load()


def test_a_truncated_shard_is_named(tmp_path: Path) -> None:
    store = filled(tmp_path / "f")
    data = store.path(1).read_bytes()
    store.path(1).write_bytes(data[:-7])
    with pytest.raises(StoreError, match=r"shard-00001.*truncated"):
        store.load()


def test_a_changed_byte_is_found(tmp_path: Path) -> None:
    store = filled(tmp_path / "f")
    data = bytearray(store.path(2).read_bytes())
    data[-3] ^= 1
    store.path(2).write_bytes(bytes(data))
    with pytest.raises(StoreError, match=r"shard-00002.*changed"):
        store.load()


def test_a_shard_of_another_store_is_refused(tmp_path: Path) -> None:
    other = filled(tmp_path / "g", replace(HEADER, model_digest="n" * 64))
    store = filled(tmp_path / "f")
    store.path(0).write_bytes(other.path(0).read_bytes())
    with pytest.raises(StoreError, match="belongs to other features"):
        store.load()


@pytest.mark.parametrize(
    "other",
    [
        replace(HEADER, spec=FeatureSpec(objective="simple")),
        replace(HEADER, model_digest="n" * 64),
        replace(HEADER, works_digest="n" * 64),
        replace(HEADER, count=11),
    ],
)
def test_going_on_with_other_features_is_refused(tmp_path: Path, other: Header) -> None:
    filled(tmp_path / "f")
    with pytest.raises(StoreError, match="made otherwise"):
        FeatureStore.begin(tmp_path / "f", other)
    assert FeatureStore.open(tmp_path / "f").header == HEADER


def test_another_model_is_refused_with_both_digests(tmp_path: Path) -> None:
    store = filled(tmp_path / "f")
    store.require(model_digest="m" * 64, works_digest="w" * 64)
    with pytest.raises(StoreError, match="mmmmmmmmmmmm.*nnnnnnnnnnnn.*featurize"):
        store.require(model_digest="n" * 64, works_digest="w" * 64)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"spec": 1}', "\x00"])
def test_a_damaged_header_is_one_sentence(tmp_path: Path, text: str) -> None:
    store = filled(tmp_path / "f")
    (store.directory / "header.json").write_text(text)
    with pytest.raises(StoreError, match="damaged"):
        FeatureStore.open(store.directory)


def test_no_store_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="featurize"):
        FeatureStore.open(tmp_path / "none")


@pytest.mark.parametrize(("storage", "error"), [("float32", 0), ("float16", 6e-4), ("int8", 5e-3)])
def test_packing_keeps_each_row_within_its_precision(storage: str, error: float) -> None:
    generator = torch.Generator().manual_seed(1)
    rows = torch.randn(20, 300, generator=generator) * torch.logspace(-12, 6, 20)[:, None]
    found = unpack(pack(rows, storage))
    worst = ((found - rows).abs().amax(1) / rows.abs().amax(1)).max()
    assert float(worst) <= error


def test_packing_twice_changes_nothing() -> None:
    rows = torch.from_numpy(np.random.default_rng(0).normal(size=(4, 9)).astype(np.float32))
    for storage in STORAGES:
        once = unpack(pack(rows, storage))
        torch.testing.assert_close(unpack(pack(once, storage)), once, rtol=1e-6, atol=0)


def test_a_row_of_zeros_stays_zero() -> None:
    assert torch.equal(unpack(pack(torch.zeros(2, 5), "int8")), torch.zeros(2, 5))


def test_an_unknown_storage_is_refused() -> None:
    with pytest.raises(UsageError, match="float16"):
        pack(torch.zeros(1, 1), "int4")
