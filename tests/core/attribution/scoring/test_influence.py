"""Influence: what ranks is what is paid, and no trick raises it beyond what removal shows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.attribution.calibration.artist_null import ArtistNull
from core.attribution.features.quantization import Packed
from core.attribution.scoring import influence
from core.attribution.scoring.influence import Ownership
from core.attribution.scoring.kernel import Kernel

K, ARTISTS, EACH = 96, 6, 8
numbers = st.lists(st.floats(-1e3, 1e3, allow_nan=False), min_size=1, max_size=40)


def owned_by(names: list[str], phi: Packed | None = None) -> Ownership:
    """Works by one maker each."""
    return Ownership.of([((name, 1),) for name in names], phi)


def packed(rows: np.ndarray) -> Packed:
    return Packed.of(torch.from_numpy(rows).float(), "float32")


@given(numbers)
def test_a_part_is_the_squared_positive_score(scores: list[float]) -> None:
    values = np.array(scores)
    owned = owned_by([f"a{i % 3}" for i in range(len(values))])
    np.testing.assert_allclose(owned.parts(values), np.maximum(values, 0) ** 2)


makers = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(1, 5)),
    min_size=1,
    max_size=3,
    unique_by=lambda pair: pair[0],
).map(tuple)


@given(st.lists(st.tuples(st.floats(-1e3, 1e3, allow_nan=False), makers), min_size=1, max_size=20))
def test_makers_of_one_work_have_its_influence_by_their_weights(
    works: list[tuple[float, tuple[tuple[str, int], ...]]],
) -> None:
    owned = Ownership.of([own for _, own in works])
    parts = owned.parts(np.array([score for score, _ in works]))
    expected = dict.fromkeys(owned.artists, 0.0)
    for (score, own), part in zip(works, parts, strict=True):
        assert part == pytest.approx(max(score, 0.0) ** 2)
        for who, weight in own:
            expected[who] += part * weight / sum(each for _, each in own)
    np.testing.assert_allclose(owned.sums(parts), [expected[who] for who in owned.artists])
    assert owned.sums(parts).sum() == pytest.approx(parts.sum())


def test_copies_are_joined_among_works_of_the_same_makers() -> None:
    rows = np.ones((4, K))
    pair, alone = (("a", 1), ("b", 1)), (("a", 1),)
    assert Ownership.of([pair, pair, alone, alone], packed(rows)).group.tolist() == [0, 0, 2, 2]


@given(numbers)
def test_the_order_of_parts_is_the_order_of_scores_and_sums_are_theirs(scores: list[float]) -> None:
    values = np.array(scores)
    owned = owned_by([f"a{i % 3}" for i in range(len(values))])
    parts = owned.parts(values)
    order = np.argsort(-values, kind="stable")
    assert (np.diff(parts[order]) <= 0).all()
    assert owned.sums(parts).sum() == pytest.approx(parts.sum())


def test_copies_count_as_one_work_with_their_scores_summed() -> None:
    rows = np.random.default_rng(0).normal(size=(4, K))
    rows[1] = 1.0001 * rows[0]  # a copy of the first, by the same artist
    rows[3] = rows[2]  # the same picture under two names is two works
    owned = owned_by(["a", "a", "b", "c"], packed(rows))
    assert owned.copies == 1
    assert owned.group.tolist() == [0, 0, 2, 3]
    parts = owned.parts(np.array([3.0, 1.0, 2.0, -1.0]))
    np.testing.assert_allclose(parts, [4 * 3 / 4, 4 * 1 / 4, 4.0, 0.0])


@pytest.mark.parametrize("copies", [2, 7, 50])
def test_a_work_shown_often_has_the_part_that_it_would_have_shown_once(copies: int) -> None:
    """Against the ridge that was fitted to each work once."""
    rng = np.random.default_rng(copies)
    works, query = rng.normal(size=(12, K)), rng.normal(size=K)
    once = np.maximum(Kernel.fit(works).weights(3.0) @ query, 0) ** 2
    names = [f"a{number}" for number in range(12)]
    shown = np.concatenate([works, np.repeat(works[4:5], copies - 1, axis=0)])
    kernel = Kernel.fit(shown)
    owned = owned_by(names + ["a4"] * (copies - 1), packed(shown))
    parts = owned.parts(kernel.weights(3.0) @ query, kernel.self_influence(3.0))
    wanted = dict(zip(names, once, strict=True))
    found = dict(zip(owned.artists, owned.sums(parts), strict=True))
    assert found["a4"] == pytest.approx(wanted["a4"])


def test_a_copy_that_pulls_away_takes_from_its_own_group_alone() -> None:
    rows = np.ones((3, K))
    rows[2] = np.random.default_rng(0).normal(size=K)
    owned = owned_by(["a", "a", "b"], packed(rows))
    np.testing.assert_allclose(owned.parts(np.array([3.0, -1.0, 2.0])), [1.0, 0.0, 4.0])


def test_of_many_works_the_same_copies_are_joined_as_of_few(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Hashes of signs only save comparisons: planted copies are joined, and nothing else."""
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(400, 64))
    copied = rng.choice(400, 120, replace=False)
    for one, other in copied.reshape(60, 2):
        rows[other] = rows[one] * rng.uniform(0.5, 2.0) + 0.03 * rng.normal(size=64)
    rows[300:340] = rows[300]  # a crowd
    names = ["a"] * 400
    every = owned_by(names, packed(rows)).group
    monkeypatch.setattr(influence, "FEW", 10)
    hashed = owned_by(names, packed(rows)).group
    assert (hashed == every).all()
    assert 60 < 400 - len(set(every.tolist())) < 200


# gaming: a ridge model, in which removal is exact

RNG = np.random.default_rng(7)
HANDS = RNG.normal(size=(ARTISTS, K))


def work_of(artist: int, count: int, rng: np.random.Generator = RNG) -> np.ndarray:
    """Features of an artist's works: a hand of their own, and chance."""
    return HANDS[artist] + 0.8 * rng.normal(size=(count, K))


WORKS = np.concatenate([work_of(artist, EACH) for artist in range(ARTISTS)])
NAMES = [f"artist-{artist}" for artist in range(ARTISTS) for _ in range(EACH)]
LAMBDA = Kernel.fit(WORKS).lambda_()


def credit(
    works: np.ndarray, names: list[str], queries: np.ndarray
) -> tuple[np.ndarray, list[str]]:
    """Each artist's slice of each query `[q, a]`: the share of influence, where above chance."""
    owned = owned_by(names, packed(works))
    kernel = Kernel.fit(works)
    weights, leverage = kernel.weights(LAMBDA), kernel.self_influence(LAMBDA)
    rng = np.random.default_rng(3)
    held_out = np.concatenate([work_of(artist, 12, rng) for artist in range(ARTISTS)])
    maker = np.repeat([f"artist-{artist}" for artist in range(ARTISTS)], 12)
    usual = np.array([owned.sums(owned.parts(weights @ query, leverage)) for query in held_out])
    unshaped = maker[:, None] != np.array(owned.artists)[None]
    null = ArtistNull.fit(owned.artists, usual, unshaped)
    slices = []
    for query in queries:
        sums = owned.sums(owned.parts(weights @ query, leverage))
        credited = null.chances(sums) <= 0.05 / len(sums)
        slices.append(np.where(credited, sums / sums.sum(), 0.0))
    return np.array(slices), list(owned.artists)


def removal(works: np.ndarray, names: list[str], queries: np.ndarray, who: str) -> np.ndarray:
    """What the ridge model's fit of each query loses when all works of `who` are gone, `[q]`."""
    kept = works[[name != who for name in names]]

    def explained(rows: np.ndarray) -> np.ndarray:
        return np.einsum("qk,qk->q", queries @ rows.T, queries @ Kernel.fit(rows).weights(LAMBDA).T)

    lost = explained(works) - explained(kept)
    return np.asarray(lost / np.square(queries).sum(axis=1))


QUERIES = np.concatenate([work_of(artist, 4) for artist in range(ARTISTS)])
BEFORE, _ = credit(WORKS, NAMES, QUERIES)


def test_without_tricks_the_right_artist_is_credited_first() -> None:
    assert (BEFORE.argmax(axis=1) == np.repeat(np.arange(ARTISTS), 4)).all()


def gain_of(who: str, works: np.ndarray, names: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """How much the trick raised the owner's credit, and the loss by removal, per query."""
    after, artists = credit(works, names, QUERIES)
    before = BEFORE[:, int(who[-1])] if who[-1].isdigit() else np.zeros(len(QUERIES))
    raised = after[:, artists.index(who)] - before
    more = removal(works, names, QUERIES, who)
    if who in NAMES:
        more = more - removal(WORKS, NAMES, QUERIES, who)
    return raised, more


def test_fifty_copies_of_one_work_raise_their_owner_no_further_than_removal_shows() -> None:
    copies = WORKS[:1] + 1e-3 * RNG.normal(size=(50, K))
    raised, more = gain_of("artist-0", np.concatenate([WORKS, copies]), NAMES + ["artist-0"] * 50)
    assert raised.mean() <= max(more.mean(), 0) + 0.01


def test_fifty_outliers_raise_their_owner_no_further_than_removal_shows() -> None:
    outliers = 20 * RNG.normal(size=(50, K))
    raised, more = gain_of("artist-0", np.concatenate([WORKS, outliers]), NAMES + ["artist-0"] * 50)
    assert raised.mean() <= max(more.mean(), 0) + 0.01


def test_fifty_works_of_noise_under_a_new_name_earn_nothing() -> None:
    noise = RNG.normal(size=(50, K))
    raised, more = gain_of("noise", np.concatenate([WORKS, noise]), NAMES + ["noise"] * 50)
    assert raised.mean() <= max(more.mean(), 0) + 0.01
