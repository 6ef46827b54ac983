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
from app.web.formatting import decimal, number, percent, plain, render, style_name, translated
from app.web.language import ENGLISH, Language
from app.web.sentences import marked
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
    (marked("By works, held-out"), "lds_validation"),
    (marked("By works, generated"), "lds_generation"),
    (marked("By artists, held-out"), "group_lds_validation"),
    (marked("By artists, generated"), "group_lds_generation"),
    ("±", "sd"),
)
SHARPENED = "sharpened_"  # before a figure's name, where it is of sharpened scores
PICTURES = {VALIDATION: marked("held-out works"), GENERATION: marked("paintings")}
BOOKINGS = {
    BOOKED_NAME: marked("What is booked"),
    "booked before": marked("What was booked before"),
    "raw d-trak": marked("D-TRAK, summed"),
    "das": marked("DAS, summed"),
    "pixels": marked("Likeness of pixels"),
    "pixels sharpened": marked("Likeness of pixels, sharpened"),
    CHANCE: marked("Chance"),
    ONE_SEED: marked("Another training itself"),
    BEST_ELSEWHERE: marked("The best of all bookings, chosen on other pictures"),
}
SLOPES = {
    UNRELATED: marked("here shares are not seen to follow effects"),
    EVEN: marked("within what can be measured, shares are as large as effects"),
    TOO_EVEN: marked("large shares are booked too small"),
    TOO_STEEP: marked("large shares are booked too large"),
}
TARGETS = {
    BASE: marked("taught what the model answered before it learnt the works"),
    NEIGHBOURS: marked("taught what the nearest works of others would answer"),
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


def method_page(studio: Studio, query: dict[str, str], language: Language = ENGLISH) -> str:
    """How it works, and the exact choices."""
    now = studio.engine.facts
    collection, spec = now.collection, now.spec
    say = language.say
    facts = {
        say("Works"): number(len(collection.works), language),
        say("Artists"): number(len(collection.artists), language),
        say("Classes"): number(len(collection.styles), language),
        say("Objective"): f"L_{spec.objective}",
        say("Timesteps (K)"): spec.timesteps.count,
        say("Noise"): translated(spec.noise.mode, language),
        say("Features (k)"): number(spec.projection.dimension, language),
        say("Ridge (lambda)"): plain(f"{now.lambda_:.3g}", language),
        say("Works here on"): str(studio.engine.device),
    }
    if now.added:
        facts[say("Added since the kernel was fitted")] = number(now.added, language)
    if gone := len(removed_works(collection.path)):
        facts[say("Taken out; still known to the model")] = number(gone, language)
    return method_view(
        collection=collection,
        methods=tuple(METHODS.values()),
        at_hand=now.methods_available,
        facts=facts,
        report=load_report(collection),
        rules=(BOOKED_RULE, *studio.ledger.rules()),
        language=language,
    )


def method_view(
    *,
    collection: Collection,
    methods: Sequence[Method],
    at_hand: Sequence[str],
    facts: Mapping[str, object],
    report: Mapping[str, Any] | None,
    rules: Sequence[ShareRule],
    language: Language = ENGLISH,
) -> str:
    """The whole page; `report` is the collection's, if it has one.

    `rules`: the one in force, then those by which the ledger's entries were booked.
    """
    return render(
        "method",
        language,
        collection=collection,
        methods=methods,
        at_hand=at_hand,
        facts=facts,
        report=None if report is None else measured(report, language),
        rules=[Rule(rule.id, rule_words(rule, language)) for rule in dict.fromkeys(rules)],
        whole=WHOLE,
        **_words(language),
    )


def section(report: Mapping[str, Any] | None, language: Language = ENGLISH) -> str:
    """How far to trust these credits: the report's part of the page alone."""
    shown = None if report is None else measured(report, language)
    return render("report", language, report=shown, **_words(language))


def _words(language: Language) -> dict[str, dict[str, str]]:
    """`WORDS` in a language."""
    return {
        group: {name: language.say(words) for name, words in named.items()}
        for group, named in WORDS.items()
    }


def measured(report: Mapping[str, Any], language: Language = ENGLISH) -> MeasuredCredits:
    """What the page shows of `report.json`."""
    facts = report["facts"]
    regimes = facts.get("regimes", ())
    memorised = all(one["memorising"] for one in regimes)
    check_columns, checks = _checks(report["checks"], language)
    held_out = facts.get("validation", "")
    return MeasuredCredits(
        date=report["date"],
        works=facts["works"] if facts else None,
        loss_ratio=None if memorised else max(one["ratio"] for one in regimes),
        ceilings=tuple(
            value for one in regimes for value in one.get("ceiling", {}).values() if value
        ),
        columns=(
            *((language.say(head), 0) for head, _ in FIGURES),
            (language.say("Right artist first, of %(works)s", works=held_out), 0),
        ),
        methods=_methods(report["methods"], language),
        sharpened=any(_sharpened(row, key) for row in report["methods"] for _, key in FIGURES),
        artists=artists_measured(report),
        removal=_removal(report["counterfactual"]),
        check_columns=check_columns,
        checks=checks,
        roc=report["roc"],
        painted=_painted(report.get("pictures"), language),
    )


def _painted(judged: Mapping[str, Any] | None, language: Language) -> PaintedFigures | None:
    """None in a report that was written before pictures were judged."""
    if judged is None:
        return None
    sides = (
        (language.say("Paintings"), judged["painted"], judged["distance"]),
        (language.say("Held-out works"), judged["held_out"], judged["distance_held_out"]),
    )
    return PaintedFigures(
        embedding=judged["embedding"],
        rows=tuple(
            (
                f"{name} ({one['pictures']})",
                [
                    percent(one["in_class"], language=language),
                    percent(one["confidence"], language=language),
                    decimal(distance, 0, language),
                ],
            )
            for name, one, distance in sides
            if one is not None
        ),
        sharpness=tuple(
            (style_name(style, language), decimal(value, 2, language))
            for style, value in judged["sharpness"].items()
        ),
        copies=percent(judged["copies"], language=language),
    )


def _title(method: str) -> str:
    return METHODS[method].title if method in METHODS else method


def _methods(rows: Sequence[Mapping[str, Any]], language: Language) -> tuple[Row, ...]:
    """A row per method, best first for a picture's artists."""
    ordered = sorted(rows, key=lambda row: -(row["group_lds_generation"] or -100.0))
    return tuple(
        (
            language.translated(_title(row["method"])),
            [
                *(_figure(row, key, language) for _, key in FIGURES),
                NOT_MEASURED
                if row["artist_top1"] is None
                else percent(row["artist_top1"], language=language),
            ],
        )
        for row in ordered
    )


def _figure(row: Mapping[str, Any], key: str, language: Language) -> str:
    """77, or 77 → 81 where sharpened scores were judged too."""
    figure = NOT_MEASURED if row[key] is None else decimal(row[key], 0, language)
    if not _sharpened(row, key):
        return figure
    return f"{figure} → {decimal(row[SHARPENED + key], 0, language)}"


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
    checks: Sequence[tuple[str, float, int]], language: Language
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
            language.translated(_title(method)),
            [
                percent(values[check], language=language) if check in values else NOT_MEASURED
                for check in columns
            ],
        )
        for method, values in by_method.items()
    )
    heads = ((language.translated(check.capitalize()), of) for check, of in columns.items())
    return tuple(heads), rows
