"""Statistics of agreement: do booked shares say what removals measured, and how surely?

In: plain arrays, a row per picture and a column per artist (`effects [q, a]`, `shares [q, a]`), or
paired values per picture. Out: figures per picture, resampled figures, intervals, p-values, powers.
Knows no model, no file, no artist by name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from core.errors import UsageError
from core.evaluation.lds import Matrix, spearman

Measure = Callable[[Matrix, Matrix], Matrix]
DRAWS = 200
SEED = 42
LEVEL = 0.95


def pearson(effects: Matrix, shares: Matrix) -> Matrix:
    """Correlation over artists of every picture; 0 where either side is constant. `[q]`."""
    products: Matrix = (_unit(effects) * _unit(shares)).sum(axis=1)
    return products


def _unit(rows: Matrix) -> Matrix:
    centred = rows - rows.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    # a constant row has a length of round-off, not of zero
    flat = lengths <= 1e-12 * np.abs(rows).max(axis=1, keepdims=True)
    unit: Matrix = np.divide(centred, lengths, out=np.zeros_like(centred), where=~flat)
    return unit


def rank_correlation(effects: Matrix, shares: Matrix) -> Matrix:
    """Spearman over artists of every picture, ties at mean rank; 0 where a side is constant."""
    return spearman(effects.T, shares.T)


def first_right(effects: Matrix, shares: Matrix) -> Matrix:
    """1 where the artist whose removal did most has the largest share, `[q]`; of k artists who tie
    for it, 1 / k; a picture that credits nobody (no positive share) is 0."""
    largest = shares.max(axis=1, keepdims=True)
    first = shares == largest
    own = first[np.arange(len(shares)), effects.argmax(axis=1)]
    right: Matrix = np.where((largest[:, 0] > 0) & own, 1.0 / first.sum(axis=1), 0.0)
    return right


def ndcg(effects: Matrix, shares: Matrix, k: int = 3) -> Matrix:
    """Normalised discounted cumulative gain of the k largest shares, `[q]`.

    The gain of an artist is the positive part of the measured effect, so that negative ones cost
    nothing; artists who tie share the discounts of their places. 0 where no effect is positive.
    """
    gains = effects.clip(min=0.0)
    count = gains.shape[1]
    places = np.arange(count)
    discounts = np.where(places < k, 1.0 / np.log2(places + 2.0), 0.0)
    summed = np.concatenate([[0.0], discounts.cumsum()])
    lowest = stats.rankdata(-shares, method="min", axis=1).astype(int)
    highest = stats.rankdata(-shares, method="max", axis=1).astype(int)
    expected = (summed[highest] - summed[lowest - 1]) / (highest - lowest + 1)
    ideal = (-np.sort(-gains, axis=1) * discounts).sum(axis=1)
    reached = (gains * expected).sum(axis=1)
    ratio: Matrix = np.divide(reached, ideal, out=np.zeros_like(reached), where=ideal > 0)
    return ratio


MEASURES: dict[str, Measure] = {
    "pearson": pearson,
    "spearman": rank_correlation,
    "top1": first_right,
    "ndcg3": ndcg,
}


LEAST = {"pearson": -1.0, "spearman": -1.0, "top1": 0.0, "ndcg3": 0.0}  # the most is 1


@dataclass(frozen=True)
class Calibration:
    """How measured shares follow booked ones: `measured = intercept + slope x booked`.

    `points`: (mean booked share, mean measured share, how many pairs) of groups of equal size.
    `pictures`: those that count, whose effects sum above zero and which credit somebody.
    """

    slope: float
    intercept: float
    points: tuple[tuple[float, float, int], ...]
    pictures: int


def calibration(effects: Matrix, shares: Matrix, groups: int = 8) -> Calibration:
    """Does a share of 0.3 mean 0.3 of what all one-artist removals do together?

    Booked shares are those among credited artists (brought to the sum 1). A picture's measured
    shares are its effects over their sum; it weighs by that sum squared, as least squares on the
    effects themselves would weigh it, so that a picture of no effect says nothing.
    """
    totals = effects.sum(axis=1)
    booked = shares.clip(min=0.0)
    kept = (totals > 0) & (booked.sum(axis=1) > 0)
    if not kept.any():
        return Calibration(0.0, 0.0, (), 0)
    totals, booked = totals[kept, None], booked[kept]
    booked = booked / booked.sum(axis=1, keepdims=True)
    measured = effects[kept] / totals
    weights = np.broadcast_to(totals**2, booked.shape).ravel()
    x, y = booked.ravel(), measured.ravel()
    mean_x, mean_y = np.average(x, weights=weights), np.average(y, weights=weights)
    spread = np.average((x - mean_x) ** 2, weights=weights)
    slope = 0.0
    if spread > 1e-18:
        slope = float(np.average((x - mean_x) * (y - mean_y), weights=weights) / spread)
    points = tuple(
        (
            float(np.average(x[part], weights=weights[part])),
            float(np.average(y[part], weights=weights[part])),
            len(part),
        )
        for part in np.array_split(np.argsort(x, kind="stable"), groups)
        if len(part)
    )
    return Calibration(slope, float(mean_y - slope * mean_x), points, int(kept.sum()))


@dataclass(frozen=True, eq=False)
class Resampling:
    """Which pictures `[d, q]` (with replacement) and which artists (a mask `[d, a]`, those that a
    draw with replacement meets, at least three) each resample holds."""

    pictures: NDArray[np.int64]
    artists: NDArray[np.bool_]

    def means(self, measure: Measure, effects: Matrix, shares: Matrix) -> Matrix:
        """The mean of `measure` over the pictures of every resample, `[d]`."""
        return np.asarray(
            [
                measure(effects[rows][:, mask], shares[rows][:, mask]).mean()
                for rows, mask in zip(self.pictures, self.artists, strict=True)
            ]
        )

    def slopes(self, effects: Matrix, shares: Matrix) -> Matrix:
        """The calibration slope of every resample, `[d]`."""
        return np.asarray(
            [
                calibration(effects[rows][:, mask], shares[rows][:, mask]).slope
                for rows, mask in zip(self.pictures, self.artists, strict=True)
            ]
        )


def resampling(pictures: int, artists: int, draws: int = DRAWS, seed: int = SEED) -> Resampling:
    """The same draws for the same numbers, so that differences between methods are paired."""
    if pictures < 2 or artists < 3:
        raise UsageError(
            f"{pictures} pictures and {artists} artists cannot be resampled: at least 2 and 3."
        )
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, pictures, (draws, pictures))
    masks = np.zeros((draws, artists), dtype=bool)
    for mask in masks:
        while mask.sum() < 3:
            mask[rng.integers(0, artists, artists)] = True
    return Resampling(rows, masks)


@dataclass(frozen=True)
class Interval:
    """A figure and its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def above_zero(self) -> bool:
        """Whether the whole interval lies above zero."""
        return self.low > 0


def interval(
    value: float, resampled: Matrix, least: float = -np.inf, most: float = np.inf
) -> Interval:
    """Percentiles of the resamples, moved so that their mean is the estimate: a resample holds
    fewer artists than there are, and the right one among fewer is easier to name. `least` and
    `most`: what the figure cannot leave."""
    tail = 50.0 * (1.0 - LEVEL)
    moved = np.asarray(resampled) - np.mean(resampled) + value
    low, high = np.percentile(moved, [tail, 100.0 - tail])
    return Interval(float(value), max(float(low), least), min(float(high), most))


def reliability(effects: Matrix) -> float:
    """Of the mean over seeds, from `effects [s, q, a]`: Pearson correlation of two seeds over
    artists, mean over pictures and pairs, stepped up by Spearman-Brown; in [0, 1]."""
    seeds = len(effects)
    if seeds < 2:
        raise UsageError("A noise floor by retraining needs at least two seeds.")
    pairs = [
        pearson(effects[a], effects[b]).mean() for a in range(seeds) for b in range(a + 1, seeds)
    ]
    shared = max(float(np.mean(pairs)), 0.0)
    return seeds * shared / (1.0 + (seeds - 1) * shared)


def noise_of_mean(effects: Matrix) -> Matrix:
    """The standard error of every picture's mean effects, pooled over artists: `[s, q, a]` ->
    `[q]`. What a removal moves by chance of training alone."""
    seeds = len(effects)
    if seeds < 2:
        raise UsageError("A noise floor by retraining needs at least two seeds.")
    variance: Matrix = effects.var(axis=0, ddof=1).mean(axis=1) / seeds
    return np.sqrt(variance)


def largest_above_noise(effects: Matrix) -> Matrix:
    """Every picture's largest mean effect in standard errors of such a mean, `[s, q, a]` -> `[q]`.

    The largest of a effects without any true one is about sqrt(2 ln a) of them.
    """
    noise = noise_of_mean(effects)
    largest = effects.mean(axis=0).max(axis=1)
    ratio: Matrix = np.divide(largest, noise, out=np.zeros_like(largest), where=noise > 0)
    return ratio


@dataclass(frozen=True)
class PairedTest:
    """First minus second over the same pictures: the mean difference with its 95 % interval, the
    p-value of the paired t-test, and of Wilcoxon's signed ranks, which no outlier decides."""

    difference: Interval
    p: float
    p_ranks: float
    pictures: int


def paired_test(first: Matrix, second: Matrix, seed: int = SEED) -> PairedTest:
    """Of `[q]` values each. Raises `UsageError` for fewer than three pictures."""
    gaps = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    if gaps.ndim != 1 or len(gaps) < 3:
        raise UsageError(f"{gaps.size} pictures are too few to compare two methods by.")
    rng = np.random.default_rng(seed)
    draws = gaps[rng.integers(0, len(gaps), (2000, len(gaps)))].mean(axis=1)
    if np.ptp(gaps) == 0.0:
        p = 1.0 if gaps[0] == 0.0 else 0.0
        return PairedTest(interval(float(gaps.mean()), draws), p, p, len(gaps))
    p = float(stats.ttest_1samp(gaps, 0.0).pvalue)
    return PairedTest(
        interval(float(gaps.mean()), draws), p, float(stats.wilcoxon(gaps).pvalue), len(gaps)
    )


def power(effect: float, pictures: float, alpha: float = 0.05) -> float:
    """Of a two-sided paired t-test: `effect` is the mean difference over its spread."""
    freedom = pictures - 1.0
    bound = stats.t.ppf(1.0 - alpha / 2.0, freedom)
    shifted = effect * np.sqrt(pictures)
    upper = stats.nct.sf(bound, freedom, shifted)
    lower = stats.nct.cdf(-bound, freedom, shifted)
    return float(np.nan_to_num(upper) + np.nan_to_num(lower))


def pictures_needed(
    difference: float, spread: float, wanted: float = 0.8, alpha: float = 0.05
) -> int | None:
    """How many pictures a paired test needs to see `difference` where the differences of single
    pictures have the standard deviation `spread`; None where there is no difference to see."""
    if difference == 0 or not np.isfinite(difference) or not np.isfinite(spread):
        return None
    if spread == 0:
        return 2
    effect = abs(difference) / spread

    def short(pictures: float) -> float:
        return power(effect, pictures, alpha) - wanted

    # the normal law's number, from which the t-test's is never far
    near = ((stats.norm.ppf(1 - alpha / 2) + stats.norm.ppf(wanted)) / effect) ** 2
    if short(2.0) >= 0:
        return 2
    if near > 1e5:
        return int(np.ceil(near))
    return int(np.ceil(optimize.brentq(short, 2.0, near + 50.0)))
