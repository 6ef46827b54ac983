"""The LDS is scipy's Spearman and bootstrap; its halves are stratified, by the paper's seeds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from core.errors import UsageError
from core.evaluation.lds import (
    Truth,
    artist_halves,
    bootstrap_draws,
    ceiling_of,
    noise_ceiling,
    out_over_in,
    pool_seeds,
    random_halves,
)
from core.evaluation.lds import spearman as ours


@pytest.fixture
def world() -> tuple[Truth, np.ndarray]:
    """20 works of which each lowers the loss of 5 queries by its true influence, plus noise."""
    rng = np.random.default_rng(0)
    influence = rng.normal(size=(5, 20))
    inclusion = rng.random((30, 20)) < 0.5
    losses = 3.0 - inclusion @ influence.T + rng.normal(scale=0.5, size=(30, 5))
    return Truth(inclusion, losses), influence


def test_spearman_is_scipys_ties_included() -> None:
    rng = np.random.default_rng(1)
    left, right = rng.integers(0, 6, (40, 7)).astype(float), rng.normal(size=(40, 7))
    wanted = [stats.spearmanr(left[:, q], right[:, q]).statistic for q in range(7)]
    np.testing.assert_allclose(ours(left, right), wanted, rtol=1e-12)


def test_a_constant_column_correlates_with_nothing() -> None:
    assert ours(np.ones((5, 1)), np.arange(5.0)[:, None]) == 0.0


def test_lds_equals_an_explicit_loop(world: tuple[Truth, np.ndarray]) -> None:
    truth, influence = world
    scores = influence + 0.3
    correlations = []
    for query in range(5):
        expected = []
        for subset in truth.inclusion:
            total = 0.0
            for work in range(20):
                if subset[work]:
                    total += scores[query, work]
            expected.append(total)
        correlations.append(100 * stats.spearmanr(expected, -truth.losses[:, query]).statistic)
    np.testing.assert_allclose(truth.per_query(scores), correlations, rtol=1e-12)
    assert truth.lds(scores) == pytest.approx(np.mean(correlations))


def test_true_influence_scores_high_its_negative_low(world: tuple[Truth, np.ndarray]) -> None:
    truth, influence = world
    assert truth.lds(influence) > 90
    assert truth.lds(-influence) == pytest.approx(-truth.lds(influence))
    assert truth.lds(7 * influence) == pytest.approx(truth.lds(influence))


def test_the_bootstrap_is_scipys(world: tuple[Truth, np.ndarray]) -> None:
    truth, influence = world
    expected = truth.expected(influence)

    def statistic(rows: np.ndarray) -> float:
        chosen = rows.astype(int)
        return float(
            np.mean(
                [
                    stats.spearmanr(expected[chosen, q], truth.losses[chosen, q]).statistic
                    for q in range(5)
                ]
            )
        )

    bootstrap = stats.bootstrap(
        (list(range(30)),),
        statistic,
        n_resamples=64,
        batch=128,
        vectorized=False,
        random_state=42,
        method="percentile",
    )
    np.testing.assert_allclose(
        np.sort(truth.resampled(influence)), np.sort(100 * bootstrap.bootstrap_distribution)
    )
    assert truth.spread(influence).sd == pytest.approx(100 * bootstrap.bootstrap_distribution.std())
    assert bootstrap_draws(30).shape == (64, 30)


def test_a_method_differs_from_itself_by_nothing(world: tuple[Truth, np.ndarray]) -> None:
    truth, influence = world
    same = truth.difference(influence, influence)
    assert (same.value, same.sd) == (0.0, 0.0)
    assert truth.difference(influence, -influence).value > 100


def test_the_ceiling_is_spearman_brown() -> None:
    rng = np.random.default_rng(2)
    losses = rng.normal(size=(2, 50, 4))
    assert noise_ceiling(np.stack([losses[0], losses[0]])) == pytest.approx(100.0)
    assert noise_ceiling(losses) < 60
    assert ceiling_of(0.5, 1) == pytest.approx(100 * 0.5**0.5)
    assert ceiling_of(0.5, 2) == pytest.approx(100 * (2 / 3) ** 0.5)
    with pytest.raises(UsageError, match="two seeds"):
        noise_ceiling(losses[:1])


def test_out_over_in() -> None:
    inclusion = np.array([[True, False], [False, True]])
    losses = np.array([[1.0, 4.0], [6.0, 3.0]])
    assert out_over_in(losses, inclusion) == (2.0, 5.0)


def test_shapes_that_do_not_fit_are_refused(world: tuple[Truth, np.ndarray]) -> None:
    truth, influence = world
    with pytest.raises(UsageError, match="do not fit"):
        truth.lds(influence[:, :3])
    with pytest.raises(UsageError, match="subsets"):
        Truth(truth.inclusion[:4], truth.losses)


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
