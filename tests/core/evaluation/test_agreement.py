"""Figures of agreement equal independent oracles and keep the laws that make them figures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import ndcg_score

from core.errors import UsageError
from core.evaluation.agreement import (
    MEASURES,
    calibration,
    first_right,
    interval,
    largest_above_noise,
    ndcg,
    noise_of_mean,
    paired_test,
    pearson,
    pictures_needed,
    power,
    rank_correlation,
    reliability,
    resampling,
)

SEEDS = st.integers(0, 10_000)


def tables(seed: int, pictures: int = 7, artists: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Effects, and shares with many ties at zero."""
    rng = np.random.default_rng(seed)
    effects = rng.normal(size=(pictures, artists))
    return effects, rng.normal(size=(pictures, artists)).clip(min=0.0).round(1)


@given(SEEDS)
def test_correlations_equal_scipys(seed: int) -> None:
    effects, shares = tables(seed)
    for row, (left, right) in enumerate(zip(effects, shares, strict=True)):
        if np.ptp(right) == 0:
            assert pearson(effects, shares)[row] == rank_correlation(effects, shares)[row] == 0
            continue
        assert pearson(effects, shares)[row] == pytest.approx(stats.pearsonr(left, right)[0])
        expected = stats.spearmanr(left, right)[0]
        assert rank_correlation(effects, shares)[row] == pytest.approx(expected)


@given(SEEDS, st.integers(1, 6))
def test_ndcg_equals_sklearns_with_ties(seed: int, k: int) -> None:
    effects, shares = tables(seed)
    expected = [
        ndcg_score([np.maximum(left, 0)], [right], k=k) if (left > 0).any() else 0.0
        for left, right in zip(effects, shares, strict=True)
    ]
    np.testing.assert_allclose(ndcg(effects, shares, k), expected, atol=1e-12)


@given(SEEDS)
def test_truth_itself_agrees_wholly_and_stretching_it_changes_no_rank(seed: int) -> None:
    effects, _ = tables(seed)
    effects[:, 0] = 3.0 + np.abs(effects[:, 0])
    for measure in MEASURES.values():
        np.testing.assert_allclose(measure(effects, effects), 1.0)
    stretched = np.exp(2.0 * effects)
    for name in ("spearman", "top1", "ndcg3"):
        np.testing.assert_allclose(MEASURES[name](effects, stretched), 1.0)


@given(SEEDS, st.permutations(range(6)))
def test_the_order_of_artists_does_not_matter(seed: int, order: list[int]) -> None:
    effects, shares = tables(seed)
    for measure in MEASURES.values():
        turned = measure(effects[:, order], shares[:, order])
        np.testing.assert_allclose(turned, measure(effects, shares), atol=1e-12)
    before, after = calibration(effects, shares), calibration(effects[:, order], shares[:, order])
    assert after.slope == pytest.approx(before.slope)


def test_a_picture_that_credits_nobody_is_never_right_and_ties_share() -> None:
    effects = np.array([[1.0, 0.0, 0.0]] * 3)
    shares = np.array([[0.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.2, 0.5, 0.3]])
    assert first_right(effects, shares).tolist() == [0.0, 0.5, 0.0]


@given(SEEDS, st.floats(0.2, 3.0))
def test_calibration_finds_the_slope_that_was_put_in(seed: int, slope: float) -> None:
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.ones(6), size=40)
    measured = 1 / 6 + slope * (shares - 1 / 6)
    effects = measured * rng.uniform(0.5, 4.0, size=(40, 1))
    fit = calibration(effects, shares * 0.3)
    assert fit.slope == pytest.approx(slope)
    assert fit.intercept == pytest.approx(1 / 6 * (1 - slope))
    assert fit.pictures == 40 and sum(point[2] for point in fit.points) == 240
    for booked, seen, _ in fit.points:
        assert seen == pytest.approx(fit.intercept + slope * booked)


def test_calibration_by_an_explicit_loop() -> None:
    effects, shares = tables(3, 9, 5)
    xs, ys, ws = [], [], []
    for row, given_row in zip(effects, shares, strict=True):
        total = sum(row)
        if total > 0 and sum(given_row) > 0:
            for effect, share in zip(row, given_row, strict=True):
                xs.append(share / sum(given_row))
                ys.append(effect / total)
                ws.append(total**2)
    line = np.polynomial.polynomial.polyfit(xs, ys, 1, w=np.sqrt(ws))
    fit = calibration(effects, shares)
    assert (fit.intercept, fit.slope) == pytest.approx(tuple(line))


def test_resamples_are_the_same_for_the_same_numbers_and_paired() -> None:
    effects, shares = tables(0, 30, 8)
    one, two = resampling(30, 8, draws=20), resampling(30, 8, draws=20)
    assert np.array_equal(one.pictures, two.pictures) and np.array_equal(one.artists, two.artists)
    same = one.means(pearson, effects, shares) - two.means(pearson, effects, 2.0 * shares)
    np.testing.assert_allclose(same, 0.0, atol=1e-12)
    rows, mask = one.pictures[0], one.artists[0]
    expected = np.mean([pearson(effects[[r]][:, mask], shares[[r]][:, mask])[0] for r in rows])
    assert one.means(pearson, effects, shares)[0] == pytest.approx(expected)


def test_an_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    covered = 0
    for seed in range(200):
        values = np.random.default_rng(seed).normal(1.0, 1.0, 40)
        covered += paired_test(values, np.zeros(40), seed).difference.low <= 1.0
        covered += paired_test(values, np.zeros(40), seed).difference.high >= 1.0
    assert 0.95 <= covered / 400 <= 0.995


@given(SEEDS)
def test_a_reliable_truth_is_one_that_seeds_repeat(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(50, 8))
    exact = np.stack([truth] * 3)
    noisy = exact + rng.normal(size=exact.shape)
    assert reliability(exact) == pytest.approx(1.0)
    assert 0.55 < reliability(noisy) < 0.9  # 3 / (3 + 1) with as much noise as signal
    assert (noise_of_mean(exact) < 1e-7).all()
    assert noise_of_mean(noisy).mean() == pytest.approx(1 / np.sqrt(3), rel=0.25)


def test_the_largest_effect_stands_in_units_of_the_noise() -> None:
    rng = np.random.default_rng(0)
    effects = rng.normal(size=(4, 300, 20))
    chance = largest_above_noise(effects).mean()
    assert 1.5 < chance < 2.5  # sqrt(2 ln 20) = 2.4 bounds it
    effects[:, 0, 5] += 20.0
    assert largest_above_noise(effects)[0] > 10


@pytest.mark.parametrize(("effect", "pictures"), [(0.5, 34), (0.2, 199), (1.0, 10)])
def test_pictures_needed_are_the_tables_of_cohen(effect: float, pictures: int) -> None:
    needed = pictures_needed(effect, 1.0)
    assert needed == pytest.approx(pictures, abs=1)
    assert needed is not None
    assert power(effect, needed) >= 0.8 > power(effect, needed - 1)


def test_power_is_how_often_the_test_says_so() -> None:
    rng = np.random.default_rng(1)
    hits = [stats.ttest_1samp(rng.normal(0.5, 1.0, 34), 0.0).pvalue < 0.05 for _ in range(2000)]
    assert np.mean(hits) == pytest.approx(power(0.5, 34), abs=0.03)


def test_degenerate_pairs_are_answered_plainly() -> None:
    assert paired_test(np.ones(5), np.ones(5)).p == 1.0
    assert paired_test(np.ones(5), np.zeros(5)).p == 0.0
    assert pictures_needed(0.0, 1.0) is None
    assert pictures_needed(1.0, 0.0) == 2
    for wrong in (
        lambda: paired_test(np.ones(2), np.ones(2)),
        lambda: resampling(1, 9),
        lambda: reliability(np.ones((1, 3, 3))),
    ):
        with pytest.raises(UsageError):
            wrong()


def test_an_interval_lies_around_its_estimate() -> None:
    estimate = interval(2.0, np.arange(101.0))
    assert (estimate.low, estimate.high) == pytest.approx((-45.5, 49.5))
    assert not estimate.above_zero
