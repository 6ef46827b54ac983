"""The index: scores, null, sums an artist, exact against the float64 definition."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from core.attribution.methods import METHODS, method
from core.attribution.scoring import index as index_module
from core.attribution.scoring.index import ArtistRows, Works, build_index, load_index, save_index
from core.attribution.scoring.nearest import Gallery
from core.attribution.scoring.scorer import Scorer
from core.errors import StoreError, UsageError

GENERATOR = torch.Generator().manual_seed(0)
WORKS = torch.randn(40, 256, generator=GENERATOR)
REFERENCES = torch.randn(30, 256, generator=GENERATOR)
QUERY = torch.randn(256, generator=GENERATOR) + WORKS[3]


SERVED = [name for name, row in METHODS.items() if row.served]
LOSSES = torch.rand(40, generator=GENERATOR) + 0.5


def expected(name: str) -> np.ndarray:
    scorer = Scorer(method(name), WORKS.double().numpy(), LOSSES.double().sqrt().numpy())
    return scorer.scores(QUERY.double().numpy()[None])[0]


@pytest.fixture(params=["dual", "primal, in blocks"])
def by_blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Works:
    """Works with more dimensions than works, and the other way round, a few in memory at a time."""
    if request.param == "dual":
        return Works.of(WORKS, LOSSES)
    monkeypatch.setattr(index_module, "BLOCK", 16)
    return Works.of(WORKS[:, :24], LOSSES)


@pytest.mark.parametrize("name", SERVED)
def test_an_index_by_blocks_is_the_index_of_all(by_blocks: Works, name: str) -> None:
    width = by_blocks.dimension
    index = build_index(method(name), by_blocks, REFERENCES[:, :width], "s")
    phi = by_blocks.read(0, 40).phi.double().numpy()
    scorer = Scorer(method(name), phi, LOSSES.double().sqrt().numpy())
    lambda_ = scorer.chosen(None)
    expected = scorer.scores(QUERY[:width].double().numpy()[None], lambda_)[0]
    assert index.lambda_ == pytest.approx(lambda_ or 0.0)
    assert spearmanr(index.scores(QUERY[:width]), expected).statistic > 0.99
    own = scorer.self_influence(lambda_)
    np.testing.assert_allclose(index.self_influence, own, rtol=1e-6)


@pytest.mark.parametrize("name", SERVED)
def test_scores_are_the_methods_formula_within_int8(name: str) -> None:
    index = build_index(method(name), Works.of(WORKS, LOSSES), REFERENCES, "s")
    result = index.scores(QUERY)
    assert spearmanr(result, expected(name)).statistic > 0.99
    worst = np.abs(result - expected(name)).max() / np.abs(expected(name)).max()
    assert worst < 0.02
    assert int(result.argmax()) == 3


def test_z_is_measured_against_the_references() -> None:
    index = build_index(method("d-trak"), Works.of(WORKS), REFERENCES, "s")
    null = np.stack([index.scores(row) for row in REFERENCES])
    z = np.stack([index.z(row) for row in null])
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(z.std(axis=0, ddof=1), 1, atol=1e-9)


def test_sums_an_artist_are_the_sums_of_the_scores() -> None:
    artists = [f"artist-{number % 3}" for number in range(40)]
    index = build_index(method("d-trak"), Works.of(WORKS), REFERENCES, "s")
    sums = ArtistRows.of(index, artists).sums(QUERY)
    scores = index.scores(QUERY)
    for artist, total in sums.items():
        members = [score for score, name in zip(scores, artists, strict=True) if name == artist]
        assert total == pytest.approx(sum(members), rel=1e-4)


def test_squared_scores_have_no_sum_of_rows() -> None:
    index = build_index(method("das"), Works.of(WORKS, LOSSES), REFERENCES, "s")
    assert (index.scores(QUERY) >= 0).all()
    with pytest.raises(UsageError, match="das"):
        ArtistRows.of(index, ["one"] * 40)


def test_what_is_saved_scores_alike(tmp_path: Path) -> None:
    index = build_index(method("gradient-cosine"), Works.of(WORKS), REFERENCES, "s")
    save_index(index, tmp_path)
    result = load_index(tmp_path, "s")
    np.testing.assert_allclose(result.scores(QUERY), index.scores(QUERY), rtol=1e-6)
    np.testing.assert_array_equal(result.null_mean, index.null_mean)


def test_a_kernel_too_large_for_the_memory_is_refused_with_a_size_that_fits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(index_module, "free_bytes", lambda device: 3 * 8 * 35**2)
    with pytest.raises(UsageError, match="40 x 40.*--dimension 32 or fewer"):
        build_index(method("d-trak"), Works.of(WORKS), REFERENCES, "s")
    monkeypatch.setattr(index_module, "free_bytes", lambda device: 3 * 8 * 40**2)
    assert len(build_index(method("d-trak"), Works.of(WORKS), REFERENCES, "s")) == 40


def test_works_are_answered_for_in_the_requested_order() -> None:
    keys = [100 + number for number in range(40)]
    index = build_index(method("d-trak"), Works.of(WORKS), REFERENCES, "s", keys=keys)
    some = index.of_works([107, 102, 139])
    np.testing.assert_array_equal(some.scores(QUERY), index.scores(QUERY)[[7, 2, 39]])
    np.testing.assert_array_equal(some.null_mean, index.null_mean[[7, 2, 39]])
    artists = ["a", "b", "a"]
    sums, scores = ArtistRows.of(some, artists).sums(QUERY), some.scores(QUERY)
    assert sums["a"] == pytest.approx(scores[0] + scores[2], rel=1e-3)
    assert sums["b"] == pytest.approx(scores[1], rel=1e-3)
    with pytest.raises(StoreError, match="lacks 1 of 2.*featurize"):
        index.of_works([107, 5])


def test_an_index_of_other_features_or_a_damaged_one_is_refused(tmp_path: Path) -> None:
    save_index(build_index(method("d-trak"), Works.of(WORKS), REFERENCES, "sources-a"), tmp_path)
    with pytest.raises(StoreError, match="sources-a.*sources-b"):
        load_index(tmp_path, "sources-b")
    path = tmp_path / "index.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(StoreError, match="changed"):
        load_index(tmp_path, "sources-a")
    path.write_bytes(bytes(data[:-1]))
    with pytest.raises(StoreError, match="truncated"):
        load_index(tmp_path, "sources-a")


@pytest.mark.parametrize("damage", ["a byte", "the end"])
def test_damaged_rows_are_written_again(tmp_path: Path, damage: str) -> None:
    index = build_index(method("d-trak"), Works.of(WORKS), REFERENCES, "s")
    save_index(index, tmp_path)
    path = tmp_path / "rows-00000.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data if damage == "a byte" else data[:-9]))
    with pytest.raises(StoreError):
        load_index(tmp_path, "s")
    save_index(index, tmp_path)
    np.testing.assert_array_equal(load_index(tmp_path, "s").scores(QUERY), index.scores(QUERY))


def test_the_gallery_finds_the_same_as_a_sort() -> None:
    places, products = Gallery(WORKS).nearest(QUERY, 5)
    truth = (WORKS @ QUERY).numpy()
    assert places.tolist() == np.argsort(-truth)[:5].tolist()
    np.testing.assert_allclose(products, np.sort(truth)[::-1][:5], rtol=1e-4)


def test_a_large_gallery_keeps_eight_bits_and_nearly_all_neighbours() -> None:
    generator = torch.Generator().manual_seed(9)
    rows = torch.randn(3000, 256, generator=generator)
    small, exact = Gallery(rows, exact=False), Gallery(rows)
    assert exact.exact and not small.exact
    shared = 0
    for query in torch.randn(20, 256, generator=generator):  # isotropic: the hardest case
        places = set(small.nearest(query, 10)[0].tolist())
        shared += len(places & set(exact.nearest(query, 10)[0].tolist()))
    assert shared / 200 >= 0.95


def test_an_unknown_method_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="gradient-cosine"):
        method("magic")
