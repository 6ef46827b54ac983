"""How far to trust a collection's credits: one report from what its benchmarks found.

In: experiments' figures, retrieval checks, the trust verdict's reference pictures. Out: plain
values for `report.json` and for the page. Measures nothing itself but the ROC of the verdict.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.attribution.calibration.attributable import Attributable
from core.attribution.calibration.trust import Familiarity
from core.errors import StoreError
from core.evaluation.artist_contest import BEST_ELSEWHERE, BOOKED_NAME, ONE_SEED, RANDOM
from core.evaluation.booked_rows import LEARNT
from core.evaluation.bookings import SUMMED

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
    pictures: Mapping[str, Any] | None = None


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


CHANCE = f"{RANDOM}, summed"
PIXELS = "pixels"
SHOWN = (  # of all bookings: the others stay in the benchmark's own folder
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
AGREEMENTS = ("pearson", "spearman", "top1", "ndcg3", "slope")


def artist_figures(result: Mapping[str, Any]) -> dict[str, Any]:
    """From the benchmark by artist (`artists.json`): the noise floors, the bookings of `SHOWN`
    with intervals and calibration curve, and how forgetting agrees with retraining."""
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
        if one["name"] in SHOWN
    ]
    kept = {name: result[name] for name in ("preset", "floors", "forgetting")}
    pictures = dict(Counter(one["split"] for one in result["pictures"]))
    return {**kept, "artists": len(result["artists"]), "pictures": pictures, "rows": rows}


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
