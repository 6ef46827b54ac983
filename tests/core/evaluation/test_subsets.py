"""Subsets: halves, stratified, with the paper's seeds; artists in or out with all they made."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import UsageError
from core.evaluation.subsets import artist_halves, pool_seeds, random_halves


def test_halves_are_stratified_and_differ() -> None:
    labels = ["a"] * 20 + ["b"] * 10
    halves = random_halves(labels, pool_seeds("lds", 8))
    assert halves.shape == (8, 30)
    assert (halves[:, :20].sum(axis=1) == 10).all()
    assert (halves[:, 20:].sum(axis=1) == 5).all()
    assert len({row.tobytes() for row in halves}) == 8


def test_the_seeds_are_the_papers_and_pools_do_not_meet() -> None:
    assert pool_seeds("lds", 3) == [42, 44, 46]
    pools = [set(pool_seeds(name, 128)) for name in ("lds", "tuning", "retrained")]
    assert not pools[0] & pools[1] and not pools[1] & pools[2] and not pools[0] & pools[2]
    with pytest.raises(UsageError, match="no pool"):
        pool_seeds("other", 1)
    with pytest.raises(UsageError, match="1 to 128"):
        pool_seeds("lds", 129)


def test_an_artist_is_in_or_out_whole() -> None:
    artists = [f"artist-{number % 8}" for number in range(40)]
    labels = [f"style-{number % 2}" for number in range(40)]
    halves = artist_halves(artists, labels, [1, 2, 3])
    for row in halves:
        states = {(name, bool(inside)) for name, inside in zip(artists, row, strict=True)}
        assert len(states) == 8
        assert sum(inside for _, inside in states) == 4
        assert len({name for name, inside in states if inside and int(name[-1]) % 2 == 0}) == 2


def test_too_few_to_halve() -> None:
    with pytest.raises(UsageError, match="cannot be halved"):
        random_halves(["a", "b", "c"], [0])
    assert np.array_equal(random_halves(["a"] * 4, [0]), random_halves(["a"] * 4, [0]))


def test_artists_are_halved_without_their_styles_where_one_stands_alone() -> None:
    artists = ["a", "a", "b", "b", "c", "d"]
    halves = artist_halves(artists, ["x", "x", "x", "x", "y", "x"], [1, 2])
    for row in halves:
        assert row[0] == row[1] and row[2] == row[3]
        assert len({name for name, inside in zip(artists, row, strict=True) if inside}) == 2
