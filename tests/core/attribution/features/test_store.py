"""The feature store: whole or absent, resumed equals uninterrupted, strangers refused by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core.attribution.features.featurizer import Features
from core.attribution.features.quantization import STORAGES
from core.attribution.features.spec import FeatureSpec
from core.attribution.features.store import FeatureStore, Header, key_of
from core.errors import StoreError

HEADER = Header(FeatureSpec(), "m" * 64, shard_size=4)
KEYS = [key_of(f"content-{number}", "cubism") for number in range(10)]


def numbers(places: Sequence[int]) -> Features:
    whole = torch.randn(20, 6, generator=torch.Generator().manual_seed(0)) * 1e-7
    return Features(whole[list(places)], torch.arange(20.0)[list(places)])


def filled(directory: Path, header: Header = HEADER, keys: Sequence[int] = KEYS) -> FeatureStore:
    store = FeatureStore.begin(directory, header)
    for number, places in list(store.plan(keys)):
        store.write(number, numbers(places), [keys[place] for place in places])
    return store


def test_what_is_written_is_read_in_any_order(tmp_path: Path) -> None:
    store = FeatureStore.open(filled(tmp_path / "f", replace(HEADER, storage="float32")).directory)
    assert torch.equal(store.load().phi, numbers(range(10)).phi)
    assert store.load().losses.tolist() == list(map(float, range(10)))
    requested = [7, 2, 2, 9]
    rows = store.load([KEYS[place] for place in requested])
    assert torch.equal(rows.phi, numbers(requested).phi)
    assert rows.losses.tolist() == [7.0, 2.0, 2.0, 9.0]


@pytest.mark.parametrize("storage", STORAGES)
def test_rows_as_they_lie_are_the_rows_that_are_loaded(tmp_path: Path, storage: str) -> None:
    store = filled(tmp_path / "f", replace(HEADER, storage=storage))
    requested = [KEYS[place] for place in (5, 0, 8)]
    assert torch.equal(store.packed(requested).floats(), store.load(requested).phi)


def test_resumed_equals_uninterrupted_bit_for_bit(tmp_path: Path) -> None:
    whole = filled(tmp_path / "whole")
    begun = FeatureStore.begin(tmp_path / "begun", HEADER)
    number, places = list(begun.plan(KEYS))[1]  # workers need not finish in order
    begun.write(number, numbers(places), [KEYS[place] for place in places])
    again = FeatureStore.begin(tmp_path / "begun", HEADER)
    assert list(again.plan(KEYS)) == [(0, [0, 1, 2, 3]), (2, [8, 9])]
    resumed = filled(tmp_path / "begun")
    for number in range(3):
        assert whole.path(number).read_bytes() == resumed.path(number).read_bytes()


def test_what_is_there_is_not_made_again_when_works_join(tmp_path: Path) -> None:
    store = filled(tmp_path / "f")
    before = {number: store.path(number).read_bytes() for number in store.shards()}
    more = [*KEYS[:3], *(key_of(f"new-{number}", "cubism") for number in range(5)), *KEYS[3:]]
    assert [places for _, places in store.plan(more)] == [[3, 4, 5, 6], [7]]
    filled(tmp_path / "f", keys=more)
    assert {number: store.path(number).read_bytes() for number in before} == before
    assert store.load(more).phi.shape == (15, 6)


def test_the_same_picture_twice_is_made_once(tmp_path: Path) -> None:
    store = filled(tmp_path / "f", keys=[KEYS[0], KEYS[1], KEYS[0]])
    assert len(store.keys()) == 2
    assert torch.equal(store.load([KEYS[0], KEYS[0]]).phi[0], store.load([KEYS[0]]).phi[0])


def test_what_is_forgotten_is_gone_and_the_rest_as_it_was(tmp_path: Path) -> None:
    store = filled(tmp_path / "f")
    rest = [key for key in KEYS if key not in (KEYS[1], KEYS[8], KEYS[9])]
    before = store.load(rest).phi
    assert store.forget([KEYS[1], KEYS[8], KEYS[9], 12345]) == 3
    assert torch.equal(store.load(rest).phi, before)
    assert store.keys() == rest
    assert not store.path(2).exists()
    with pytest.raises(StoreError, match="1 of 1 pictures"):
        store.load([KEYS[1]])


def test_a_row_is_its_pictures_though_another_leaves_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = filled(tmp_path / "f", replace(HEADER, storage="float32"))
    other, read = FeatureStore.open(store.directory), FeatureStore._tensors

    def leaving(self: FeatureStore, number: int, only: str = "") -> dict[str, torch.Tensor]:
        tensors = read(self, number, only)
        if self is store and only:
            other.forget([KEYS[0]])
        return tensors

    monkeypatch.setattr(FeatureStore, "_tensors", leaving)
    assert torch.equal(store.load([KEYS[1]]).phi, numbers([1]).phi)
    with pytest.raises(StoreError, match="unfinished"):
        store.load([KEYS[0]])


def test_the_key_follows_content_class_and_turn() -> None:
    keys = {key_of("a", "b"), key_of("a", "c"), key_of("b", "b"), key_of("a", "b", turn=1)}
    assert len(keys) == 4
    assert all(-(2**63) <= key < 2**63 for key in keys)


def test_an_unfinished_store_says_so(tmp_path: Path) -> None:
    store = FeatureStore.begin(tmp_path / "f", HEADER)
    store.write(0, numbers(range(4)), KEYS[:4])
    with pytest.raises(StoreError, match="unfinished: 6 of 10.*featurize"):
        store.load(KEYS)


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
        replace(HEADER, storage="int8"),
    ],
)
def test_going_on_with_other_features_is_refused(tmp_path: Path, other: Header) -> None:
    filled(tmp_path / "f")
    with pytest.raises(StoreError, match="made otherwise"):
        FeatureStore.begin(tmp_path / "f", other)
    assert FeatureStore.open(tmp_path / "f").header == HEADER


def test_another_model_is_refused_with_both_digests(tmp_path: Path) -> None:
    store = filled(tmp_path / "f")
    store.require("m" * 64)
    with pytest.raises(StoreError, match="mmmmmmmmmmmm.*nnnnnnnnnnnn.*featurize"):
        store.require("n" * 64)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"spec": 1}', "\x00"])
def test_a_damaged_header_is_one_sentence(tmp_path: Path, text: str) -> None:
    store = filled(tmp_path / "f")
    (store.directory / "header.json").write_text(text)
    with pytest.raises(StoreError, match="damaged"):
        FeatureStore.open(store.directory)


def test_no_store_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="featurize"):
        FeatureStore.open(tmp_path / "none")
