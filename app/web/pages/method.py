"""How it works, the exact choices behind the numbers, and how far to trust them.

In: a studio; its collection, the methods, the share rules, and `report.json` as it was read. Out:
HTML.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.services.report import load_report
from app.services.session import Studio
from app.web.formatting import decimal, percent, render, style_name
from app.web.views.rules import rule_words
from core.attribution.methods import METHODS, Method
from core.collection.removal import removed_works
from core.collection.types import Collection
from core.evaluation.artist_ablation import BASE, NEIGHBOURS
from core.evaluation.artist_contest import BEST_ELSEWHERE, BOOKED_NAME, ONE_SEED
from core.evaluation.artist_report import (
    CHANCE,
    EVEN,
    TOO_EVEN,
    TOO_STEEP,
    UNRELATED,
    ArtistsMeasured,
    artists_measured,
)
from core.evaluation.benchmark import GENERATION, VALIDATION
from core.ledger.shares import BOOKED_RULE, WHOLE, ShareRule

NOT_MEASURED = "–"
FIGURES = (
    ("By works, held-out", "lds_validation"),
    ("By works, generated", "lds_generation"),
    ("By artists, held-out", "group_lds_validation"),
    ("By artists, generated", "group_lds_generation"),
    ("±", "sd"),
)
SHARPENED = "sharpened_"  # before a figure's name, where it is of sharpened scores
PICTURES = {VALIDATION: "held-out works", GENERATION: "paintings"}
BOOKINGS = {
    BOOKED_NAME: "What is booked",
    "booked before": "What was booked before",
    "raw d-trak": "D-TRAK, summed",
    "das": "DAS, summed",
    "pixels": "Likeness of pixels",
    "pixels sharpened": "Likeness of pixels, sharpened",
    CHANCE: "Chance",
    ONE_SEED: "Another training itself",
    BEST_ELSEWHERE: "The best of all bookings, chosen on other pictures",
}
SLOPES = {
    UNRELATED: "here shares are not seen to follow effects",
    EVEN: "within what can be measured, shares are as large as effects",
    TOO_EVEN: "large shares are booked too small",
    TOO_STEEP: "large shares are booked too large",
}
TARGETS = {
    BASE: "taught what the model answered before it learnt the works",
    NEIGHBOURS: "taught what the nearest works of others would answer",
}
# what the names in a report are called on the page
WORDS = {"pictures": PICTURES, "bookings": BOOKINGS, "slopes": SLOPES, "targets": TARGETS}

Column = tuple[str, int]  # its head; over how many queries, 0 where that is not said
Row = tuple[str, Sequence[str]]  # a method's title; its cells


@dataclass(frozen=True)
class Rule:
    """A share rule by its id, in words."""

    id: str
    words: str


@dataclass(frozen=True, kw_only=True)
class RemovalFigures:
    """How far pictures moved without the works that a method names; the farthest method first."""

    removed: int
    works: int
    seeds: int
    moved: tuple[tuple[str, float], ...]
    ours_first: bool


@dataclass(frozen=True, kw_only=True)
class PaintedFigures:
    """What a judge from outside says of the model's paintings, as the page shows it; beside them
    held-out works, where there are any."""

    embedding: str
    rows: tuple[Row, ...]
    sharpness: tuple[tuple[str, str], ...]
    copies: str


@dataclass(frozen=True, kw_only=True)
class MeasuredCredits:
    """A collection's report as the page shows it; None where a part was not measured.

    `loss_ratio`: the largest loss of works left out over that of works learnt, where the models
    did not memorise. `ceilings`: how far the same half, trained twice, agrees with itself.
    `sharpened`: whether a method has a second figure, of sharpened scores.
    """

    date: str
    works: int | None
    loss_ratio: float | None
    ceilings: tuple[float, ...]
    columns: tuple[Column, ...]
    methods: tuple[Row, ...]
    sharpened: bool
    artists: ArtistsMeasured | None
    removal: RemovalFigures | None
    check_columns: tuple[Column, ...]
    checks: tuple[Row, ...]
    roc: Mapping[str, Any] | None
    painted: PaintedFigures | None


def method_page(studio: Studio, query: dict[str, str]) -> str:
    """How it works, and the exact choices."""
    now = studio.engine.facts
    collection, spec = now.collection, now.spec
    facts = {
        "Works": f"{len(collection.works):,}",
        "Artists": f"{len(collection.artists):,}",
        "Classes": f"{len(collection.styles):,}",
        "Objective": f"L_{spec.objective}",
        "Timesteps (K)": spec.timesteps.count,
        "Noise": spec.noise.mode,
        "Features (k)": f"{spec.projection.dimension:,}",
        "Ridge (lambda)": f"{now.lambda_:.3g}",
        "Works here on": str(studio.engine.device),
    }
    if now.added:
        facts["Added since the kernel was fitted"] = f"{now.added:,}"
    if gone := len(removed_works(collection.path)):
        facts["Taken out; still known to the model"] = f"{gone:,}"
    return method_view(
        collection=collection,
        methods=tuple(METHODS.values()),
        at_hand=now.methods_available,
        facts=facts,
        report=load_report(collection),
        rules=(BOOKED_RULE, *studio.ledger.rules()),
    )


def method_view(
    *,
    collection: Collection,
    methods: Sequence[Method],
    at_hand: Sequence[str],
    facts: Mapping[str, object],
    report: Mapping[str, Any] | None,
    rules: Sequence[ShareRule],
) -> str:
    """The whole page; `report` is the collection's, if it has one.

    `rules`: the one in force, then those by which the ledger's entries were booked.
    """
    return render(
        "method",
        collection=collection,
        methods=methods,
        at_hand=at_hand,
        facts=facts,
        report=None if report is None else measured(report),
        rules=[Rule(rule.id, rule_words(rule)) for rule in dict.fromkeys(rules)],
        whole=WHOLE,
        **WORDS,
    )


def section(report: Mapping[str, Any] | None) -> str:
    """How far to trust these credits: the report's part of the page alone."""
    return render("report", report=None if report is None else measured(report), **WORDS)


def measured(report: Mapping[str, Any]) -> MeasuredCredits:
    """What the page shows of `report.json`."""
    facts = report["facts"]
    regimes = facts.get("regimes", ())
    memorised = all(one["memorising"] for one in regimes)
    check_columns, checks = _checks(report["checks"])
    return MeasuredCredits(
        date=report["date"],
        works=facts["works"] if facts else None,
        loss_ratio=None if memorised else max(one["ratio"] for one in regimes),
        ceilings=tuple(
            value for one in regimes for value in one.get("ceiling", {}).values() if value
        ),
        columns=(
            *((head, 0) for head, _ in FIGURES),
            (f"Right artist first, of {facts.get('validation', '')}", 0),
        ),
        methods=_methods(report["methods"]),
        sharpened=any(_sharpened(row, key) for row in report["methods"] for _, key in FIGURES),
        artists=artists_measured(report),
        removal=_removal(report["counterfactual"]),
        check_columns=check_columns,
        checks=checks,
        roc=report["roc"],
        painted=_painted(report.get("pictures")),
    )


def _painted(judged: Mapping[str, Any] | None) -> PaintedFigures | None:
    """None in a report that was written before pictures were judged."""
    if judged is None:
        return None
    sides = (
        ("Paintings", judged["painted"], judged["distance"]),
        ("Held-out works", judged["held_out"], judged["distance_held_out"]),
    )
    return PaintedFigures(
        embedding=judged["embedding"],
        rows=tuple(
            (
                f"{name} ({one['pictures']})",
                [percent(one["in_class"]), percent(one["confidence"]), decimal(distance, 0)],
            )
            for name, one, distance in sides
            if one is not None
        ),
        sharpness=tuple(
            (style_name(style), decimal(value, 2)) for style, value in judged["sharpness"].items()
        ),
        copies=percent(judged["copies"]),
    )


def _title(method: str) -> str:
    return METHODS[method].title if method in METHODS else method


def _methods(rows: Sequence[Mapping[str, Any]]) -> tuple[Row, ...]:
    """A row per method, best first for a picture's artists."""
    ordered = sorted(rows, key=lambda row: -(row["group_lds_generation"] or -100.0))
    return tuple(
        (
            _title(row["method"]),
            [
                *(_figure(row, key) for _, key in FIGURES),
                NOT_MEASURED if row["artist_top1"] is None else percent(row["artist_top1"]),
            ],
        )
        for row in ordered
    )


def _figure(row: Mapping[str, Any], key: str) -> str:
    """77, or 77 → 81 where sharpened scores were judged too."""
    plain = NOT_MEASURED if row[key] is None else decimal(row[key], 0)
    return f"{plain} → {decimal(row[SHARPENED + key], 0)}" if _sharpened(row, key) else plain


def _sharpened(row: Mapping[str, Any], key: str) -> bool:
    """A report that was written before they were judged does not name them."""
    return row.get(SHARPENED + key) is not None


def _removal(counterfactual: Mapping[str, Any] | None) -> RemovalFigures | None:
    if counterfactual is None:
        return None
    rows = sorted(counterfactual["rows"], key=lambda row: -row["l2_median"])
    return RemovalFigures(
        removed=counterfactual["removed"],
        works=counterfactual["works"],
        seeds=len(rows[0]["l2"]),
        moved=tuple((_title(row["method"]), row["l2_median"]) for row in rows),
        ours_first=rows[0]["method"] == "d-trak",
    )


def _checks(
    checks: Sequence[tuple[str, float, int]],
) -> tuple[tuple[Column, ...], tuple[Row, ...]]:
    """Where the truth is known: a row per method, a column per check."""
    by_method: dict[str, dict[str, float]] = {}
    columns: dict[str, int] = {}
    for name, value, queries in checks:
        method, _, check = name.partition(": ")
        by_method.setdefault(method, {})[check] = value
        columns[check] = queries
    rows = tuple(
        (
            _title(method),
            [percent(values[check]) if check in values else NOT_MEASURED for check in columns],
        )
        for method, values in by_method.items()
    )
    return tuple((check.capitalize(), queries) for check, queries in columns.items()), rows
