"""What a collection's report says of the benchmark by artist, as a page shows it.

In: `report.json` as it was read, also one that was written before some of its keys were. Out: the
bookings in order with their intervals, a headline, a calibration chart, how far forgetting agrees
with retraining. Measures nothing; knows no page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from math import ceil, floor, log10
from typing import Any

from core.evaluation.agreement import Interval
from core.evaluation.artist_contest import BEST_ELSEWHERE, BOOKED_NAME, ONE_SEED
from core.evaluation.benchmark import GENERATION
from core.evaluation.report import AGREEMENTS, CHANCE, PIXELS, SHOWN

NORMAL_95 = 1.96  # standard deviations that half of a normal law's 95 % interval spans


@dataclass(frozen=True, kw_only=True)
class BookingAgreement:
    """One booking in one split against the measured effects of removal. `chosen`: of the best of
    all bookings, which ones they are, else empty; `attributed`: the share that goes to artists
    where all of the picture is theirs to share, None for sums; `group_lds`: in percent."""

    name: str
    chosen: str
    pearson: Interval
    spearman: Interval
    top1: Interval
    ndcg3: Interval
    slope: Interval
    attributed: float | None
    group_lds: Interval | None


@dataclass(frozen=True, kw_only=True)
class SplitAgreement:
    """The bookings of one split in the order of `SHOWN`; how many pictures, None where the file
    does not say."""

    split: str
    pictures: int | None
    rows: tuple[BookingAgreement, ...]

    @property
    def by_halves(self) -> bool:
        """Whether anything was held against halves of the artists."""
        return any(row.group_lds is not None for row in self.rows)


@dataclass(frozen=True)
class CalibrationLine:
    """One split's curve: `points` (booked, measured) as shares, and their `places` in the chart,
    from its lower left corner, as parts of its side."""

    split: str
    points: tuple[tuple[float, float], ...]
    places: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class CalibrationChart:
    """Booked share against measured effect, both axes alike; `ticks`: (place, share), place as in
    `CalibrationLine`."""

    ticks: tuple[tuple[float, float], ...]
    lines: tuple[CalibrationLine, ...]

    @classmethod
    def of(cls, curves: Mapping[str, Sequence[Sequence[float]]]) -> CalibrationChart | None:
        """From each split's points (booked, measured, pairs); None where no curve has any."""
        kept = {
            split: tuple((float(x), float(y)) for x, y, _ in points)
            for split, points in curves.items()
            if points
        }
        if not kept:
            return None
        values = [value for points in kept.values() for point in points for value in point]
        ticks = _ticks(min(0.0, *values), max(values))
        least, span = ticks[0], ticks[-1] - ticks[0]

        def place(value: float) -> float:
            return (value - least) / span

        lines = tuple(
            CalibrationLine(split, points, tuple((place(x), place(y)) for x, y in points))
            for split, points in kept.items()
        )
        return cls(tuple((place(value), value) for value in ticks), lines)


def _ticks(least: float, most: float) -> tuple[float, ...]:
    """Round numbers, the first not above `least` and the last not below `most`: two to six."""
    smallest = floor(log10(max(most - least, 1e-6))) - 1
    for step in (size * 10.0**power for power in count(smallest) for size in (1.0, 2.0, 5.0)):
        low, high = floor(least / step), ceil(most / step)
        if high - low <= 5:
            break
    return tuple(round(step * place, 9) for place in range(low, max(high, low + 1) + 1))


# What the calibration line says of a booking, by its 95 % interval.
UNRELATED, EVEN, TOO_EVEN, TOO_STEEP = "unrelated", "even", "too even", "too steep"


@dataclass(frozen=True, kw_only=True)
class Headline:
    """What is booked of one split's pictures, in few figures. `right_first`: share of pictures
    whose largest booked share has the artist whose removal did most; the same by chance, by
    likeness of pixels, and by another training (None where it is not in the file). `per_ten`: by
    how many points the measured effect rises per ten points of booked share; `verdict`: what its
    interval says."""

    split: str
    pictures: int | None
    right_first: Interval
    chance: float | None
    pixels: float | None
    one_seed: float | None
    per_ten: Interval
    verdict: str


@dataclass(frozen=True)
class RepeatedEffects:
    """Of one split: how far the measured effects repeat themselves, the highest correlation that a
    method can reach for it, and the share of pictures where one artist stands out from the noise.
    """

    split: str
    reliability: float
    ceiling: float
    decided: float


@dataclass(frozen=True)
class ForgettingAgreement:
    """How often forgetting by a target names the artist that retraining names: share of painted
    pictures, over so many artists that were forgotten."""

    target: str
    artists: int
    right_first: Interval

    @property
    def chance(self) -> float:
        """How often guessing would name the right one of them."""
        return 1.0 / self.artists


@dataclass(frozen=True, kw_only=True)
class ArtistsMeasured:
    """The benchmark by artist as a page shows it. `seeds`: trainings per removal; `headline` and
    `chart` are None where the file has no row that is called `booked`. Painted pictures come first.
    """

    artists: int
    seeds: int
    headline: Headline | None
    chart: CalibrationChart | None
    splits: tuple[SplitAgreement, ...]
    repeated: tuple[RepeatedEffects, ...]
    forgetting: tuple[ForgettingAgreement, ...]


def artists_measured(report: Mapping[str, Any]) -> ArtistsMeasured | None:
    """Of a `report.json`; None where it has no benchmark by artist."""
    figures = report.get("artists")
    if not figures:
        return None
    counts = figures.get("pictures", {})  # an older file has none
    rows = sorted(figures["rows"], key=_painted_first)
    names = dict.fromkeys(row["split"] for row in rows)
    booked = {row["split"]: row for row in rows if row["name"] == BOOKED_NAME}
    splits = tuple(_split(rows, split, counts.get(split)) for split in names)
    return ArtistsMeasured(
        artists=figures["artists"],
        seeds=max((one["seeds"] for one in figures["floors"]), default=0),
        headline=_headline(splits),
        chart=CalibrationChart.of({split: row["curve"] for split, row in booked.items()}),
        splits=splits,
        repeated=tuple(
            RepeatedEffects(
                one["split"], one["reliability"], one["ceiling"] / 100.0, one["decided"]
            )
            for one in sorted(figures["floors"], key=_painted_first)
        ),
        forgetting=forgetting_agreements(report),
    )


def _painted_first(row: Mapping[str, Any]) -> bool:
    """Painted pictures stand before others: they are what the ledger books."""
    return bool(row["split"] != GENERATION)


def forgetting_agreements(report: Mapping[str, Any]) -> tuple[ForgettingAgreement, ...]:
    """Per target, of painted pictures: they are what the studio is asked about."""
    return tuple(
        ForgettingAgreement(row["target"], len(row["artists"]), Interval(**row["top1"]))
        for row in (report.get("artists") or {}).get("forgetting", ())
        if row["split"] == GENERATION
    )


def _split(rows: Sequence[Mapping[str, Any]], split: str, pictures: int | None) -> SplitAgreement:
    by_name = {row["name"]: row for row in rows if row["split"] == split}
    shown = tuple(_agreement(by_name[name]) for name in SHOWN if name in by_name)
    return SplitAgreement(split=split, pictures=pictures, rows=shown)


def _agreement(row: Mapping[str, Any]) -> BookingAgreement:
    group = row["group_lds"]
    return BookingAgreement(
        name=row["name"],
        chosen=row.get("shape", "") if row["name"] == BEST_ELSEWHERE else "",
        attributed=row["attributed"],
        group_lds=None if group is None else _of_spread(group["value"], group["sd"]),
        **{name: Interval(**row["intervals"][name]) for name in AGREEMENTS},
    )


def _of_spread(value: float, sd: float) -> Interval:
    """The normal law's interval of an LDS in percent."""
    half = NORMAL_95 * sd
    return Interval(value, max(value - half, -100.0), min(value + half, 100.0))


def _headline(splits: Sequence[SplitAgreement]) -> Headline | None:
    """Of the first split in which the booking was judged."""
    for one in splits:
        rows = {row.name: row for row in one.rows}
        if BOOKED_NAME not in rows:
            continue
        right = {name: row.top1.value for name, row in rows.items()}
        slope = rows[BOOKED_NAME].slope
        return Headline(
            split=one.split,
            pictures=one.pictures,
            right_first=rows[BOOKED_NAME].top1,
            chance=right.get(CHANCE),
            pixels=right.get(PIXELS),
            one_seed=right.get(ONE_SEED),
            per_ten=Interval(10.0 * slope.value, 10.0 * slope.low, 10.0 * slope.high),
            verdict=_verdict(slope),
        )
    return None


def _verdict(slope: Interval) -> str:
    if not slope.above_zero:
        return UNRELATED
    if slope.low > 1.0:
        return TOO_EVEN
    return TOO_STEEP if slope.high < 1.0 else EVEN
