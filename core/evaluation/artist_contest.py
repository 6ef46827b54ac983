"""One split of the benchmark by artist: every booking held against what removals measured.

In: a benchmark with its measured effects, trials. Out: a row per method x null x sharpening x rule;
of the rows that matter, intervals and paired differences. Trains nothing, writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core.attribution.methods import D_TRAK
from core.attribution.scoring.sharpening import Sharpening
from core.evaluation.agreement import (
    DRAWS,
    LEAST,
    MEASURES,
    Calibration,
    Interval,
    Resampling,
    calibration,
    interval,
    resampling,
)
from core.evaluation.benchmark import ARTIST_POOL, SPLITS, Benchmark
from core.evaluation.bookings import (
    BEFORE,
    BOOKED,
    NULLS,
    SQUARED_POSITIVE,
    SUMMED,
    Booking,
    booked_by_artist,
    booked_by_work,
    booking_rules,
    every_booking,
    membership,
    standardised,
)
from core.evaluation.features import Vectors
from core.evaluation.group_weights import (
    GROUPED,
    GroupedScores,
    learnt_on_others,
    wanted_groups,
    weighed,
)
from core.evaluation.lds import Matrix, Spread, Truth
from core.evaluation.removal_effects import measured
from core.evaluation.trials import Contest, Trial

RANDOM, ONE_SEED = "random", "measured by one seed"
BOOKED_NAME = "booked"
BEST_ELSEWHERE = "best of all, chosen on other pictures"
DAS, PIXELS, PIXELS_NEAR = "das", "raw-pixel-cosine", "raw-pixel-gaussian"
LEARNT = "learnt"
PLAIN_POSITIVE = Sharpening(1.0, positive=True)
CHOOSER = "pearson"  # an exponent is chosen by it: shares are to follow effects in size


@dataclass(frozen=True, kw_only=True)
class ArtistRow:
    """One method under one booking against the measured effects of removal, over one split.

    exponent: what scores were raised to; `learnt` (on the other half of the pictures) where it
    stands in `shape`. attributed: mean share that goes to artists; credited: pictures that credit
    anybody. Measures are means over pictures.
    """

    method: str
    split: str
    rule: str
    null: str
    shape: str
    pearson: float
    spearman: float
    top1: float
    ndcg3: float
    slope: float
    attributed: float | None
    credited: float

    @property
    def standing(self) -> float:
        """The mean of the four agreements: by it rows are put in order."""
        return (self.pearson + self.spearman + self.top1 + self.ndcg3) / 4.0


@dataclass(frozen=True, kw_only=True)
class Finalist:
    """A row with its intervals, its calibration curve, the LDS of what it pays by halves of the
    artists, and by how much it differs from each reference (name -> measure -> interval)."""

    name: str
    row: ArtistRow
    intervals: Mapping[str, Interval]
    curve: Calibration
    group_lds: Spread | None
    differences: Mapping[str, Mapping[str, Interval]]
    group_differences: Mapping[str, Spread]


@dataclass(frozen=True)
class BookingCandidate:
    """A method under a booking; `learnt`: its exponent is chosen on the other half. `folds`: what
    even and odd pictures get instead, each chosen on the others."""

    method: str
    booking: Booking
    learnt: bool = False
    folds: tuple[BookingCandidate, BookingCandidate] | None = None

    @property
    def name(self) -> str:
        """As a table states it."""
        return f"{self.method}, {self.booking.name}"

    @property
    def shape(self) -> str:
        """As a table states it."""
        if self.folds is not None:
            return f"{self.folds[0].name}; {self.folds[1].name}"
        if not self.learnt:
            return str(self.booking.shape)
        return f"{'positive, ' if self.booking.shape.positive else ''}p {LEARNT} on other pictures"


class SplitContest:
    """One split: every method's scores, and the measured effects they are held against."""

    def __init__(
        self,
        bench: Benchmark,
        split: str,
        trials: Sequence[Trial],
        clip: Vectors | None,
        draws: int = DRAWS,
    ) -> None:
        self.split = split
        self.artists = bench.split.works.artists
        self.truth = measured(bench, split)
        queries, works = self.truth.mean.shape[0], len(self.artists)
        self.draws: Resampling = resampling(queries, len(set(self.artists)), draws)
        self.halves: Truth | None = None
        if bench.preset.by_artist:
            self.halves = bench.truth(ARTIST_POOL, split)
        rng = np.random.default_rng(7)
        self._scores: dict[str, Matrix] = {RANDOM: rng.random((queries, works))}
        self._painted: dict[str, Matrix] = {RANDOM: rng.random((bench.preset.generated, works))}
        for trial in trials:
            contest = Contest(bench, trial, clip)
            self._scores[trial.method] = contest.scores(split)
            self._painted[trial.method] = contest.scores(SPLITS[1])
        # as even and as odd pictures get them: scores of all pictures, and of the painted ones
        self._folds: dict[str, tuple[tuple[Matrix, Matrix], tuple[Matrix, Matrix]]] = {}
        for trial in trials:
            if wanted_groups(bench, trial):
                self._add_groups(GroupedScores(bench, trial))
        self._booked: dict[tuple[str, Booking, int | None], Matrix] = {}

    def _add_groups(self, grouped: GroupedScores) -> None:
        """Its weights are those that best follow the measured effects on the other half."""
        parts, painted = grouped.parts(self.split), grouped.parts(SPLITS[1])
        summed = np.stack([(part @ membership(self.artists)).T for part in parts])
        even, odd = (
            (weighed(parts, by), weighed(painted, by))
            for by in learnt_on_others(summed, self.truth.mean.T)
        )
        self._folds[GROUPED] = (even, odd)
        self._scores[GROUPED] = _alternating(even[0], odd[0])

    @property
    def methods(self) -> list[str]:
        """Those that have scores, and chance."""
        return list(self._scores)

    def standard(self, method: str, null: str, fold: int | None = None) -> Matrix:
        """Scores `[q, n]` under a null; of all pictures as those of a fold get them, where that
        makes a difference."""
        own = range(len(self._scores[method])) if self.split == SPLITS[1] else None
        if method not in self._folds:
            return standardised(self._scores[method], null, self._painted[method], own)
        if fold is None:
            return _alternating(self.standard(method, null, 0), self.standard(method, null, 1))
        scores, painted = self._folds[method][fold]
        return standardised(scores, null, painted, own)

    def booked(self, candidate: BookingCandidate) -> Matrix:
        """Shares `[q, a]`; learnt exponents are those that are best on the other half."""
        method, booking = candidate.method, candidate.booking
        if method == ONE_SEED:
            one: Matrix = self.truth.effects[0]
            return one
        if candidate.folds is not None:
            even, odd = (self.booked(one) for one in candidate.folds)
            return _alternating(even, odd)
        if candidate.learnt:
            return self._learnt(candidate, lambda b: self._of_artists(method, b))
        return self._of_artists(method, booking)

    def _of_artists(self, method: str, booking: Booking, fold: int | None = None) -> Matrix:
        key = (method, booking, fold if method in self._folds else None)
        if key not in self._booked:
            scores = self.standard(method, booking.null, fold)
            self._booked[key] = booked_by_artist(scores, self.artists, booking)
        return self._booked[key]

    def exponents(self, candidate: BookingCandidate) -> tuple[Booking, Booking]:
        """The bookings that even and odd pictures get: each chosen on the others."""
        rivals = [
            booking
            for booking in every_booking()
            if (booking.rule, booking.null, booking.shape.positive)
            == (candidate.booking.rule, candidate.booking.null, candidate.booking.shape.positive)
        ]
        measure = MEASURES[CHOOSER]
        chosen = []
        for fold in (0, 1):
            others = slice(1 - fold, None, 2)
            values = [
                measure(
                    self.truth.mean[others],
                    self._of_artists(candidate.method, booking, fold)[others],
                ).mean()
                for booking in rivals
            ]
            chosen.append(rivals[int(np.argmax(values))])
        return chosen[0], chosen[1]

    def _learnt(self, candidate: BookingCandidate, made: Callable[[Booking], Matrix]) -> Matrix:
        even, odd = self.exponents(candidate)
        return _alternating(made(even), made(odd))

    def rivals(self) -> list[BookingCandidate]:
        """Every method under every booking, but chance, and but what is learnt on the very pictures
        that would choose it."""
        return [
            BookingCandidate(method, booking)
            for method in self.methods
            if method != RANDOM and method not in self._folds
            for booking in every_booking()
        ]

    def standing(self, candidate: BookingCandidate) -> Matrix:
        """The mean of the four agreements of every picture, `[q]`."""
        booked = self.booked(candidate)
        values = [measure(self.truth.mean, booked) for measure in MEASURES.values()]
        average: Matrix = np.mean(values, axis=0)
        return average

    def best_elsewhere(self) -> BookingCandidate:
        """Of all rivals, for even pictures the one that stands best on odd ones, and the other way
        round: what a winner is worth on pictures that did not choose it."""
        rivals = self.rivals()
        values = np.stack([self.standing(one) for one in rivals])
        even = rivals[int(values[:, 1::2].mean(axis=1).argmax())]
        odd = rivals[int(values[:, 0::2].mean(axis=1).argmax())]
        return BookingCandidate(BEST_ELSEWHERE, even.booking, folds=(even, odd))

    def paid(self, candidate: BookingCandidate) -> Matrix | None:
        """What each work is paid `[q, n]`, for the halves by artist."""
        if candidate.method == ONE_SEED:
            return None
        if candidate.folds is not None:
            even, odd = (self.paid(one) for one in candidate.folds)
            return None if even is None or odd is None else _alternating(even, odd)

        def made(booking: Booking) -> Matrix:
            scores = self.standard(candidate.method, booking.null)
            return booked_by_work(scores, self.artists, booking, each_its_own=False)

        if candidate.learnt:
            return self._learnt(candidate, made)
        return made(candidate.booking)

    def candidates(self, method: str) -> Iterator[BookingCandidate]:
        """Every booking of one method, plain and with its exponent learnt."""
        for booking in every_booking():
            yield BookingCandidate(method, booking)
            if booking.shape.exponent == 1.0:
                yield BookingCandidate(method, booking, learnt=True)

    def rows_of(self, method: str) -> list[ArtistRow]:
        """A row per booking."""
        return [self.row(candidate) for candidate in self.candidates(method)]

    def _effects(self, candidate: BookingCandidate) -> Matrix:
        """What it is held against, `[q, a]`: a seed is held against the other seeds."""
        if candidate.method != ONE_SEED:
            return self.truth.mean
        others: Matrix = self.truth.effects[1:].mean(axis=0)
        return others

    def row(self, candidate: BookingCandidate) -> ArtistRow:
        """The figures without intervals."""
        effects, booked = self._effects(candidate), self.booked(candidate)
        rule = candidate.booking.rule
        mixed = candidate.folds is not None
        return ArtistRow(
            method=candidate.method,
            split=self.split,
            rule="-" if mixed else SUMMED if rule is None else f"{rule.name}@{rule.version}",
            null="-" if mixed else candidate.booking.null,
            shape=candidate.shape,
            slope=calibration(effects, booked).slope,
            attributed=None if rule is None or mixed else float(booked.sum(axis=1).mean()),
            credited=float((booked > 0).any(axis=1).mean()),
            **{name: float(measure(effects, booked).mean()) for name, measure in MEASURES.items()},
        )

    def references(self) -> dict[str, BookingCandidate]:
        """What a new booking must be better than."""
        signed = Booking(None)
        candidates = {
            "booked before": BookingCandidate(D_TRAK, BEFORE),
            "raw d-trak": BookingCandidate(D_TRAK, signed),
            "das": BookingCandidate(DAS, signed),
            "pixels": BookingCandidate(PIXELS, signed),
            "pixels sharpened": BookingCandidate(
                PIXELS, Booking(None, shape=PLAIN_POSITIVE), learnt=True
            ),
        }
        candidates["pixels exp(-d²/4)"] = BookingCandidate(PIXELS_NEAR, signed)
        return {name: one for name, one in candidates.items() if one.method in self._scores}

    def chosen(self) -> dict[str, BookingCandidate]:
        """The rows that get intervals: the references, chance, another seed's truth, every rule of
        the ledger by D-TRAK, and of every method its signed sum and its squared positive part."""
        candidates = {BOOKED_NAME: BookingCandidate(D_TRAK, BOOKED), **self.references()}
        candidates[ONE_SEED] = BookingCandidate(ONE_SEED, Booking(None))
        candidates[BEST_ELSEWHERE] = self.best_elsewhere()
        for rule in booking_rules():
            for null in NULLS:
                candidates[f"{rule.name}@{rule.version}, null {null}"] = BookingCandidate(
                    D_TRAK, Booking(rule, null)
                )
        for method in self.methods:
            candidates[f"{method}, summed"] = BookingCandidate(method, Booking(None))
            candidates[f"{method}, squared"] = BookingCandidate(
                method, Booking(None, shape=SQUARED_POSITIVE)
            )
            candidates[f"{method}, sharpened"] = BookingCandidate(
                method, Booking(None, shape=PLAIN_POSITIVE), learnt=True
            )
        return candidates

    def finalist(self, name: str, candidate: BookingCandidate) -> Finalist:
        """Its intervals, and its paired differences from the references."""
        effects, booked = self._effects(candidate), self.booked(candidate)
        row = self.row(candidate)
        means = self._means(effects, booked)
        intervals = {
            key: interval(getattr(row, key), values, LEAST[key], 1.0)
            for key, values in means.items()
        }
        intervals["slope"] = interval(row.slope, self.draws.slopes(effects, booked))
        differences, group_differences = {}, {}
        paid = self.paid(candidate)
        for other_name, other in self.references().items():
            if other == candidate or candidate.method == ONE_SEED:
                continue
            other_row, other_means = self.row(other), self._reference_means(other)
            differences[other_name] = {
                key: interval(getattr(row, key) - getattr(other_row, key), means[key] - values)
                for key, values in other_means.items()
            }
            other_paid = self.paid(other)
            if self.halves is not None and paid is not None and other_paid is not None:
                group_differences[other_name] = self.halves.difference(paid, other_paid)
        group = None
        if self.halves is not None and paid is not None:
            group = self.halves.spread(paid)
        return Finalist(
            name=name,
            row=row,
            intervals=intervals,
            curve=calibration(effects, booked),
            group_lds=group,
            differences=differences,
            group_differences=group_differences,
        )

    def _means(self, effects: Matrix, booked: Matrix) -> dict[str, Matrix]:
        return {
            key: self.draws.means(measure, effects, booked) for key, measure in MEASURES.items()
        }

    def _reference_means(self, candidate: BookingCandidate) -> dict[str, Matrix]:
        key = (candidate.method, candidate.booking, candidate.learnt)
        if key not in self._kept_means:
            self._kept_means[key] = self._means(self.truth.mean, self.booked(candidate))
        return self._kept_means[key]

    @cached_property
    def _kept_means(self) -> dict[tuple[str, Booking, bool], dict[str, Matrix]]:
        return {}


def _alternating(even: Matrix, odd: Matrix) -> Matrix:
    """Rows of even pictures from one, of odd ones from the other."""
    rows = even.copy()
    rows[1::2] = odd[1::2]
    return rows
