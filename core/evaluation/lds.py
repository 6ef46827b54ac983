"""The linear datamodeling score: do summed scores predict what retrained models do?

In: labels or artists. Out: the subsets that models are retrained on, random halves by work or by
artist: `inclusion [m, n]`, True where model m learns work n. In: scores `[q, n]`, inclusion,
outcomes (losses) `[m, q]`. Out: figures in percent, with their spread over subsets. Knows no model
(specification of D-TRAK, section 3, whose seeds keep pools of different use apart).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from core.errors import UsageError

Inclusion = NDArray[np.bool_]
POOL_SEEDS = {"lds": 42, "tuning": 298, "retrained": 554}  # then every second number
POOL_SIZES = {"lds": 128, "tuning": 128, "retrained": 1024}  # beyond, the next pool begins
Matrix = NDArray[np.float64]
BOOTSTRAPS = 64
BOOTSTRAP_SEED = 42


@dataclass(frozen=True)
class Spread:
    """A figure in percent and its standard deviation over resampled subsets."""

    value: float
    sd: float


def spearman(left: Matrix, right: Matrix) -> Matrix:
    """Rank correlation down the columns of two `[m, q]`, ties at mean rank; 0 where one is
    constant. `[q]`."""
    correlation: Matrix = (_unit_ranks(left) * _unit_ranks(right)).sum(axis=0)
    return correlation


def _unit_ranks(values: Matrix) -> Matrix:
    """Centred ranks down the columns, each column of length one (or zero, if constant)."""
    ranks = rankdata(values, axis=0)
    ranks -= ranks.mean(axis=0)
    lengths = np.linalg.norm(ranks, axis=0)
    unit: Matrix = np.divide(ranks, lengths, out=np.zeros_like(ranks), where=lengths > 0)
    return unit


@dataclass(frozen=True, eq=False)
class Truth:
    """What retrained models did: `inclusion [m, n]`, `losses [m, q]`, smaller is better."""

    inclusion: Inclusion
    losses: Matrix

    def __post_init__(self) -> None:
        if len(self.inclusion) != len(self.losses) or len(self.losses) < 3:
            raise UsageError(
                f"{len(self.inclusion)} subsets and {len(self.losses)} rows of losses: an LDS "
                "needs as many of one as of the other, and at least 3."
            )

    def of(self, queries: Sequence[int]) -> Truth:
        """The same for some of the queries."""
        return Truth(self.inclusion, self.losses[:, list(queries)])

    def expected(self, scores: Matrix) -> Matrix:
        """What `scores [q, n]` expect of every model's loss, `[m, q]`: minus the scores summed."""
        if scores.shape != (self.losses.shape[1], self.inclusion.shape[1]):
            raise UsageError(
                f"Scores of shape {scores.shape} do not fit {self.losses.shape[1]} queries and "
                f"{self.inclusion.shape[1]} works."
            )
        return -(self.inclusion.astype(np.float64) @ scores.T)

    def per_query(self, scores: Matrix) -> Matrix:
        """The LDS of every query, in percent, `[q]`."""
        return 100.0 * spearman(self.expected(scores), self.losses)

    def lds(self, scores: Matrix) -> float:
        """Mean over the queries, in percent."""
        return float(self.per_query(scores).mean())

    @cached_property
    def _resampled_losses(self) -> list[tuple[NDArray[np.int64], Matrix]]:
        draws = bootstrap_draws(len(self.losses))
        return [(rows, _unit_ranks(self.losses[rows])) for rows in draws]

    def resampled(self, scores: Matrix) -> Matrix:
        """The LDS over subsets drawn with replacement, `[bootstraps]`; equal draws for equal m."""
        expected = self.expected(scores)
        means = [
            (_unit_ranks(expected[rows]) * ranks).sum(axis=0).mean()
            for rows, ranks in self._resampled_losses
        ]
        return 100.0 * np.asarray(means)

    def spread(self, scores: Matrix) -> Spread:
        """Point estimate and bootstrap standard deviation (ddof 0, as the paper's tables)."""
        return Spread(self.lds(scores), float(self.resampled(scores).std()))

    def difference(self, first: Matrix, second: Matrix) -> Spread:
        """LDS of `first` minus `second`, and the spread of that difference over equal draws."""
        gaps = self.resampled(first) - self.resampled(second)
        return Spread(self.lds(first) - self.lds(second), float(gaps.std()))


def bootstrap_draws(subsets: int) -> NDArray[np.int64]:
    """`[64, m]`: which subsets each resample holds; the draws of scipy's bootstrap, seed 42."""
    draws: NDArray[np.int64] = np.random.RandomState(BOOTSTRAP_SEED).randint(
        0, subsets, (BOOTSTRAPS, subsets)
    )
    return draws


def noise_ceiling(losses: Matrix) -> float:
    """The best LDS that a perfect method could reach, in percent, from `losses [s, m, q]`.

    r is the mean rank correlation of two seeds over subsets; s seeds together have the reliability
    s r / (1 + (s - 1) r) (Spearman-Brown), and its root is the ceiling.
    """
    seeds = len(losses)
    if seeds < 2:
        raise UsageError("A noise ceiling needs the same subsets trained with two seeds.")
    return ceiling_of(agreement(losses), seeds)


def agreement(losses: Matrix) -> float:
    """Mean rank correlation between two seeds, over all pairs and queries of `[s, m, q]`."""
    seeds = len(losses)
    pairs = [
        spearman(losses[a], losses[b]).mean() for a in range(seeds) for b in range(a + 1, seeds)
    ]
    return float(np.mean(pairs))


def ceiling_of(correlation: float, seeds: int) -> float:
    """The ceiling in percent of the mean of `seeds` seeds that agree by `correlation`."""
    shared = max(correlation, 0.0)
    return 100.0 * float(np.sqrt(seeds * shared / (1.0 + (seeds - 1) * shared)))


def out_over_in(losses: Matrix, inclusion: Inclusion) -> tuple[float, float]:
    """Mean loss of works left in and left out, from `losses [m, n]` of the training works."""
    return float(losses[inclusion].mean()), float(losses[~inclusion].mean())


def pool_seeds(pool: str, count: int) -> list[int]:
    """The seeds of one pool's first `count` subsets."""
    if pool not in POOL_SEEDS:
        raise UsageError(f"There is no pool '{pool}'. Choose one of: {', '.join(POOL_SEEDS)}.")
    if not 1 <= count <= POOL_SIZES[pool]:
        raise UsageError(f"The pool '{pool}' holds 1 to {POOL_SIZES[pool]} subsets, not {count}.")
    return [POOL_SEEDS[pool] + 2 * number for number in range(count)]


def random_halves(labels: Sequence[str], seeds: Sequence[int]) -> Inclusion:
    """Half of the works per subset, stratified by label, `[m, n]`."""
    from sklearn.model_selection import train_test_split

    works = np.arange(len(labels))
    inclusion = np.zeros((len(seeds), len(works)), dtype=bool)
    for row, seed in zip(inclusion, seeds, strict=True):
        try:
            inside, _ = train_test_split(works, train_size=0.5, random_state=seed, stratify=labels)
        except ValueError as error:
            raise UsageError(
                f"{len(works)} works cannot be halved by their labels ({error}). "
                "Take more works of each label."
            ) from error
        row[inside] = True
    return inclusion


def artist_halves(artists: Sequence[str], labels: Sequence[str], seeds: Sequence[int]) -> Inclusion:
    """Half of the artists per subset, with all their works, stratified by the artists' label where
    every label has two artists or more.

    Subsets hold equally many works only if all artists have equally many.
    """
    names = sorted(set(artists))
    of_artist = dict(zip(artists, labels, strict=True))
    kinds = [of_artist[name] for name in names]
    if min(kinds.count(kind) for kind in kinds) < 2:
        kinds = ["artist"] * len(names)
    by_artist = random_halves(kinds, seeds)
    place = {name: number for number, name in enumerate(names)}
    return by_artist[:, [place[artist] for artist in artists]]


def without_each_artist(artists: Sequence[str]) -> Inclusion:
    """All works, then all but one artist's, for every artist in sorted order. `[1 + a, n]`."""
    names = np.asarray(sorted(set(artists)))
    if len(names) < 2:
        raise UsageError("Leaving one artist out needs at least two artists.")
    without: Inclusion = names[:, None] != np.asarray(artists)[None, :]
    return np.concatenate([np.ones((1, len(artists)), dtype=bool), without])
