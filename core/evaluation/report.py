"""How far to trust a collection's credits: one report from what its benchmarks found.

In: experiments' figures, retrieval checks, the trust verdict's reference pictures. Out: plain
values for `report.json`, and from them what a page shows of the benchmark by artist. Measures
nothing itself but the ROC of the verdict.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from math import ceil, floor, log10
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.attribution.calibration.attributable import Attributable
from core.attribution.calibration.trust import Familiarity
from core.errors import StoreError
from core.evaluation.agreement import Interval
from core.evaluation.artist_contest import BEST_ELSEWHERE, BOOKED_NAME, ONE_SEED, RANDOM
from core.evaluation.benchmark import GENERATION
from core.evaluation.bookings import SUMMED
from core.evaluation.trials import LEARNT

Vector = NDArray[np.float64]
FORMAT = 1
FOLDS = 5
BOOKED = "booked: "  # before a rule's name, where a method's would stand


@dataclass(frozen=True, kw_only=True)
class Roc:
    """Of the trust verdict: known pictures told from foreign ones, cross-fitted.

    `points`: (foreign called known, known called known) along the threshold. `refused`, `taken`:
    the shares of known pictures that are called foreign, and of foreign ones that are credited, at
    the level that is in force; None where the verdict has none.
    """

    auc: float
    known: int
    foreign: int
    points: tuple[tuple[float, float], ...]
    refused: float | None = None
    taken: float | None = None

    @classmethod
    def of(
        cls,
        truth: Sequence[bool],
        values: Sequence[float],
        refused: float | None = None,
        taken: float | None = None,
    ) -> Roc:
        """From what each picture is, and how far it is taken for known `[m]`."""
        from sklearn.metrics import roc_auc_score, roc_curve

        wrong, right, _ = roc_curve(truth, values)
        known = sum(map(bool, truth))
        return cls(
            auc=float(roc_auc_score(truth, values)),
            known=known,
            foreign=len(truth) - known,
            points=tuple((float(x), float(y)) for x, y in zip(wrong, right, strict=True)),
            refused=refused,
            taken=taken,
        )


@dataclass(frozen=True, kw_only=True)
class MethodFigures:
    """One method in one collection; None where it was not measured. LDS in percent, of the scores
    as they are and `sharpened` (raised to the power that was best for other queries)."""

    method: str
    lds_validation: float | None = None
    lds_generation: float | None = None
    group_lds_validation: float | None = None
    group_lds_generation: float | None = None
    sharpened_lds_validation: float | None = None
    sharpened_lds_generation: float | None = None
    sharpened_group_lds_validation: float | None = None
    sharpened_group_lds_generation: float | None = None
    sd: float | None = None
    artist_top1: float | None = None


@dataclass(frozen=True, kw_only=True)
class Report:
    """What the page shows; `facts` are what one must know to read it."""

    collection: str
    date: str
    methods: tuple[MethodFigures, ...]
    checks: tuple[tuple[str, float, int], ...]
    roc: Roc | None
    facts: Mapping[str, Any]
    counterfactual: Mapping[str, Any] | None = None
    artists: Mapping[str, Any] | None = None


def trust_roc(known: Sequence[Vector], foreign: Vector) -> Roc:
    """Each picture is judged by a line fitted without it (5 folds); kinds `[m, 2]` as `fit`'s."""
    if min([len(foreign), *(len(kind) for kind in known)]) < FOLDS:
        raise StoreError(
            f"The trust verdict cannot be judged by fewer than {FOLDS} reference pictures a kind. "
            "Make more with `python -m app featurize --references`."
        )
    values, truth = [], []
    for fold in range(FOLDS):
        line = Familiarity.fit([_without(kind, fold) for kind in known], _without(foreign, fold))
        for kind, label in [*((kind, True) for kind in known), (foreign, False)]:
            for row in kind[fold::FOLDS]:
                values.append(line.of(float(row[0]), float(row[1])))
                truth.append(label)
    return Roc.of(truth, values)


def attributable_roc(known: Sequence[Vector], foreign: Sequence[Vector]) -> Roc:
    """The same of what is attributable, from `signals` `[m, 3]` kind by kind: each picture is
    judged by a machine fitted without it."""
    scores = Attributable.unseen_scores(known, foreign)
    checked = Attributable.fit(known, foreign).checked
    count = sum(len(kind) for kind in known)
    return Roc.of(
        [place < count for place in range(len(scores))],
        scores.tolist(),
        checked["refused_known"],
        checked["taken_foreign"],
    )


def _without(kind: Vector, fold: int) -> Vector:
    return np.array([row for place, row in enumerate(kind) if place % FOLDS != fold])


AGREEMENTS = ("pearson", "spearman", "top1", "ndcg3", "slope")
CHANCE = f"{RANDOM}, summed"
PIXELS = "pixels"
SHOWN = (
    BOOKED_NAME,
    "booked before",
    "raw d-trak",
    "das",
    PIXELS,
    "pixels sharpened",
    CHANCE,
    ONE_SEED,
    BEST_ELSEWHERE,
)
NORMAL_95 = 1.96  # standard deviations that half of a normal law's 95 % interval spans


def artist_figures(result: Mapping[str, Any]) -> dict[str, Any]:
    """From the benchmark by artist (`artists.json`): the noise floors, every booking that has
    intervals with its calibration curve, and how forgetting agrees with retraining."""
    rows = [
        {
            "name": one["name"],
            "split": one["row"]["split"],
            "shape": one["row"]["shape"],
            "attributed": one["row"]["attributed"],
            "intervals": {name: one["intervals"][name] for name in AGREEMENTS},
            "curve": one["curve"]["points"],
            "group_lds": one["group_lds"],
        }
        for one in result["finalists"]
    ]
    kept = {name: result[name] for name in ("preset", "floors", "forgetting")}
    pictures = dict(Counter(one["split"] for one in result["pictures"]))
    return {**kept, "artists": len(result["artists"]), "pictures": pictures, "rows": rows}


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


def method_figures(
    experiment: Mapping[str, Any], noise: str = "shared"
) -> tuple[MethodFigures, ...]:
    """From an experiment's rows: the default lambda, one noise, the least K of each method, and its
    scores sharpened where they are among the `booked` rows; then what each rule of the ledger pays.
    """
    by_method: dict[str, dict[str, Any]] = {}

    def keep(row: Mapping[str, Any], method: str, before: str = "") -> dict[str, Any]:
        kept = by_method.setdefault(method, {})
        group = "group_" if row["pool"] == "artists" else ""
        kept.setdefault(f"{before}{group}lds_{row['split']}", row["lds"])
        kept["sd"] = max(kept.get("sd", 0.0), row["sd"])
        return kept

    for row in experiment["rows"]:
        if row["lambda_rule"] not in ("default", "none") or row["noise"] not in (noise, None):
            continue
        kept = keep(row, row["method"])
        if row["artist_top1"] is not None:
            kept.setdefault("artist_top1", row["artist_top1"])
    for row in experiment.get("booked", ()):
        if row["noise"] not in (noise, None):
            continue
        if row["rule"] != SUMMED:
            keep(row, f"{BOOKED}{row['rule']}")
        elif row["shape"] == LEARNT:
            keep(row, row["method"], "sharpened_")
    return tuple(MethodFigures(method=name, **values) for name, values in by_method.items())
