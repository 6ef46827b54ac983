"""The benchmark by artist: do booked shares say what removing each artist does?

In: a benchmark whose preset retrains without each artist, several times. Out: progress, then the
figures of every method x null x sharpening x rule against the measured effects, with intervals over
pictures and artists. Everything resumes; a stopped run ends with the same figures.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np

from core.attribution.features.clip import ClipVision
from core.attribution.methods import METHODS
from core.attribution.scoring.sharpening import Sharpening
from core.errors import UsageError
from core.evaluation.agreement import (
    DRAWS,
    LEAST,
    MEASURES,
    Calibration,
    Interval,
    Resampling,
    calibration,
    interval,
    largest_above_noise,
    reliability,
    resampling,
)
from core.evaluation.benchmark import ARTIST_POOL, REMOVAL_POOL, SPLITS, Benchmark
from core.evaluation.bookings import (
    NULLS,
    SUMMED,
    TODAY,
    Booking,
    booked_by_artist,
    booked_by_work,
    booking_rules,
    every_booking,
    standardised,
)
from core.evaluation.experiments import SHARED
from core.evaluation.features import Vectors, clip_vectors
from core.evaluation.forgetting import ForgettingRow, forget_artists, forgetting_rows
from core.evaluation.lds import Matrix, Spread, Truth, ceiling_of
from core.evaluation.removal_effects import Measured, measure_base, measured
from core.evaluation.runner import describe, prepare, with_workers
from core.evaluation.trials import CLIP, Contest, Trial
from core.files import write_text
from core.progress import Progress

RESULT = "artists.json"
RANDOM, ONE_SEED = "random", "measured by one seed"
BEST_ELSEWHERE = "best of all, chosen on other pictures"
D_TRAK, DAS, PIXELS, PIXELS_NEAR = "d-trak", "das", "raw-pixel-cosine", "raw-pixel-gaussian"
LEARNT = "learnt"
PLAIN_POSITIVE, SQUARED_POSITIVE = Sharpening(1.0, positive=True), Sharpening(2.0, positive=True)
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


@dataclass(frozen=True, kw_only=True)
class Floor:
    """What retraining repeats: of one split. `ceiling`: the highest correlation that a perfect
    method could reach (percent). `decided`: pictures whose largest effect is beyond what the
    largest of so many effects is by chance."""

    split: str
    seeds: int
    reliability: float
    ceiling: float
    rank_ceiling: float
    mean_effect: float
    largest_effect: float
    full_spread: float
    decided: float
    gain: float
    summed_over_gain: float


@dataclass(frozen=True, kw_only=True)
class PictureTruth:
    """One picture: who decided it most, by how much, in units of the noise, and what all one-artist
    removals do together beside what the model gained over its base."""

    split: str
    picture: str
    artist: str
    largest: float
    over_noise: float
    summed: float
    gain: float


@dataclass(frozen=True, kw_only=True)
class ArtistsFinished:
    """The figures, the finalists, the noise floor."""

    preset: str
    artists: tuple[str, ...]
    rows: tuple[ArtistRow, ...]
    finalists: tuple[Finalist, ...]
    floors: tuple[Floor, ...]
    pictures: tuple[PictureTruth, ...]
    config: Mapping[str, object]
    seconds: float
    forgetting: tuple[ForgettingRow, ...] = ()


def artist_trials(bench: Benchmark, methods: Sequence[str] | None, clip: bool) -> list[Trial]:
    """Every method that asks one model about one picture (or those named), and for the halves."""
    known = [
        name
        for name, row in METHODS.items()
        if row.stack == "final"
        and row.query == "example"
        and row.representation != "outcomes"
        and (clip or row.representation != CLIP)
    ]
    wanted = known if methods is None else list(methods)
    for name in wanted:
        if name not in known:
            raise UsageError(
                f"The method '{name}' is none that asks one model about one picture. "
                f"Choose of: {', '.join(known)}."
            )
    if D_TRAK not in wanted:
        wanted = [D_TRAK, *wanted]  # what all others are compared with
    least = bench.preset.timesteps[0]
    return [Trial(method=name, noise=SHARED, timesteps=least, pool=REMOVAL_POOL) for name in wanted]


def prepare_artists(bench: Benchmark, wanted: tuple[Sequence[Trial], int]) -> Iterator[Progress]:
    """Every model, outcome and vector, as files; what is there is skipped."""
    trials, forgetting = wanted
    halves = [Trial(method=PIXELS, pool=ARTIST_POOL)] if bench.preset.by_artist else []
    yield from prepare(bench, [*trials, *halves])
    yield from measure_base(bench)
    if forgetting:
        yield from forget_artists(bench, forgetting)


def run_artists(
    bench: Benchmark,
    methods: Sequence[str] | None = None,
    clip: ClipVision | None = None,
    workers: int = 1,
    draws: int = DRAWS,
    forgetting: int = 0,
) -> Iterator[Progress | ArtistsFinished]:
    """Prepare with so many processes, then hold every booking against the measured effects;
    intervals are from so many `draws`. `forgetting`: so many artists are forgotten too."""
    if bench.preset.removals < 2:
        raise UsageError(
            f"The preset '{bench.preset.name}' does not retrain without each artist at least "
            "twice. Choose workshops-artists, workshops-artists-large or digits-artists."
        )
    started = time.perf_counter()
    trials = artist_trials(bench, methods, clip is not None)
    yield from with_workers(bench, prepare_artists, (trials, forgetting), workers)
    seen = None if clip is None else clip_vectors(bench, clip)
    rows: list[ArtistRow] = []
    finalists: list[Finalist] = []
    for split in SPLITS:
        contest = SplitContest(bench, split, trials, seen, draws)
        for done, method in enumerate(contest.methods, start=1):
            rows += contest.rows_of(method)
            yield Progress(f"Booking {split}", done, len(contest.methods), method)
        chosen = contest.chosen()
        for done, (name, candidate) in enumerate(chosen.items(), start=1):
            finalists.append(contest.finalist(name, candidate))
            yield Progress(f"Resampling {split}", done, len(chosen), name)
    finished = ArtistsFinished(
        preset=bench.preset.name,
        artists=tuple(sorted(set(bench.split.works.artists))),
        rows=tuple(rows),
        finalists=tuple(finalists),
        floors=tuple(floor(measured(bench, split), split) for split in SPLITS),
        pictures=tuple(truth for split in SPLITS for truth in _pictures(bench, split)),
        config=describe(bench) | {"removals": bench.preset.removals},
        seconds=time.perf_counter() - started,
        forgetting=tuple(forgetting_rows(bench, forgetting, draws)) if forgetting else (),
    )
    write_text(bench.directory / RESULT, json.dumps(asdict(finished), indent=1) + "\n")
    yield finished


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
        self._booked: dict[tuple[str, Booking], Matrix] = {}

    @property
    def methods(self) -> list[str]:
        """Those that have scores, and chance."""
        return list(self._scores)

    def standard(self, method: str, null: str) -> Matrix:
        """Scores `[q, n]` under a null."""
        own = range(len(self._scores[method])) if self.split == SPLITS[1] else None
        return standardised(self._scores[method], null, self._painted[method], own)

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

    def _of_artists(self, method: str, booking: Booking) -> Matrix:
        key = (method, booking)
        if key not in self._booked:
            scores = self.standard(method, booking.null)
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
        values = np.stack(
            [measure(self.truth.mean, self._of_artists(candidate.method, b)) for b in rivals]
        )
        even, odd = (values[:, 1::2].mean(axis=1), values[:, 0::2].mean(axis=1))
        return rivals[int(even.argmax())], rivals[int(odd.argmax())]

    def _learnt(self, candidate: BookingCandidate, made: Callable[[Booking], Matrix]) -> Matrix:
        even, odd = self.exponents(candidate)
        return _alternating(made(even), made(odd))

    def rivals(self) -> list[BookingCandidate]:
        """Every method under every booking, but chance."""
        return [
            BookingCandidate(method, booking)
            for method in self.methods
            if method != RANDOM
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

    def row(self, candidate: BookingCandidate) -> ArtistRow:
        """The figures without intervals."""
        effects, booked = self.truth.mean, self.booked(candidate)
        if candidate.method == ONE_SEED:  # held against the others, which it took no part in
            effects = self.truth.effects[1:].mean(axis=0)
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
            "today": BookingCandidate(D_TRAK, TODAY),
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
        candidates = dict(self.references())
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
        effects, booked = self.truth.mean, self.booked(candidate)
        row = self.row(candidate)
        if candidate.method == ONE_SEED:
            effects = self.truth.effects[1:].mean(axis=0)
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


def floor(truth: Measured, split: str) -> Floor:
    """How far the measured effects repeat themselves."""
    effects = truth.effects
    seeds, _, artists = effects.shape
    shared = reliability(effects)
    ranks = np.mean(
        [
            MEASURES["spearman"](effects[a], effects[b]).mean()
            for a in range(seeds)
            for b in range(a + 1, seeds)
        ]
    )
    gain = truth.base - truth.full.mean(axis=0)
    summed = truth.mean.sum(axis=1)
    return Floor(
        split=split,
        seeds=seeds,
        reliability=shared,
        ceiling=100.0 * float(np.sqrt(shared)),
        rank_ceiling=ceiling_of(float(ranks), seeds),
        mean_effect=float(truth.mean.mean()),
        largest_effect=float(truth.mean.max(axis=1).mean()),
        full_spread=float(truth.full.std(axis=0, ddof=1).mean()),
        decided=float((largest_above_noise(effects) > by_chance(artists)).mean()),
        gain=float(gain.mean()),
        summed_over_gain=float(summed.sum() / gain.sum()),
    )


def by_chance(artists: int) -> float:
    """What the largest of so many standard normal numbers exceeds in one of twenty cases."""
    from scipy.stats import norm

    return float(norm.isf(1.0 - 0.95 ** (1.0 / artists)))


def _pictures(bench: Benchmark, split: str) -> Iterator[PictureTruth]:
    truth, names = measured(bench, split), sorted(set(bench.split.works.artists))
    over, gain = largest_above_noise(truth.effects), truth.base - truth.full.mean(axis=0)
    for number, picture in enumerate(bench.pictures(split).ids):
        row = truth.mean[number]
        yield PictureTruth(
            split=split,
            picture=picture,
            artist=names[int(row.argmax())],
            largest=float(row.max()),
            over_noise=float(over[number]),
            summed=float(row.sum()),
            gain=float(gain[number]),
        )


def best_rows(finished: ArtistsFinished, count: int = 12) -> list[tuple[float, ArtistRow]]:
    """The bookings that stand best on average over both splits, best first."""
    by_key: dict[tuple[str, ...], list[ArtistRow]] = {}
    for row in finished.rows:
        by_key.setdefault((row.method, row.rule, row.null, row.shape), []).append(row)
    whole = [(float(np.mean([row.standing for row in rows])), rows[0]) for rows in by_key.values()]
    return sorted(whole, key=lambda pair: -pair[0])[:count]
