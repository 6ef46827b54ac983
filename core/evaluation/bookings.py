"""What is paid: from scores to booked shares, by every rule of the ledger's table.

In: scores `[q, n]` of a method, whose work each is, a null, a shape, a rule. Out: shares per artist
`[q, a]` of one whole per picture, or what each work is paid `[q, n]`. Knows no benchmark.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from core.attribution.scoring.sharpening import PLAIN, SHARPENINGS, Sharpening
from core.errors import UsageError
from core.evaluation.lds import Matrix
from core.ledger import shares as ledger_rules
from core.ledger.evidence import Evidence
from core.ledger.shares import (
    BOOKED_RULE,
    DEFAULT_RULE,
    RULES,
    WHOLE,
    ShareRule,
    shares,
    shares_by_evidence,
)

SUMMED = "summed"  # no rule: scores summed per artist, signed; a ranking, not a payment
NULLS = ("none", "work", "picture")
SQUARED_POSITIVE = Sharpening(2.0, positive=True)  # what `influence` is made of
LEAST_SPREAD = 1e-12  # of a picture's largest score, so that powers of a quotient stay finite
TO_SIGMA = 1.4826  # a normal law's standard deviation over its median absolute deviation


def booking_rules() -> tuple[ShareRule, ...]:
    """Every rule that the ledger names, each with the parameters it is named with."""
    named = {
        value.id: value
        for value in vars(ledger_rules).values()
        if isinstance(value, ShareRule) and value.name in RULES
    }
    return tuple(named[key] for key in sorted(named))


@dataclass(frozen=True)
class Booking:
    """A null, a shape and a rule; `rule` None sums the scores per artist, signed.

    null: `none`, raw scores; `work`, each work's score less its mean over other painted pictures,
    over its spread there (what the ledger's z is); `picture`, less the median over works, over
    their robust spread, so that a picture's length plays no part.
    """

    rule: ShareRule | None
    null: str = "none"
    shape: Sharpening = PLAIN

    def __post_init__(self) -> None:
        if self.null not in NULLS:
            raise UsageError(f"There is no null '{self.null}'. Choose one of: {', '.join(NULLS)}.")

    @property
    def name(self) -> str:
        """As a table states it."""
        rule = SUMMED if self.rule is None else f"{self.rule.name}@{self.rule.version}"
        return f"{rule}, null {self.null}, {self.shape}"


@cache
def every_booking() -> tuple[Booking, ...]:
    """Every rule x null x shape."""
    return tuple(
        Booking(rule, null, shape)
        for rule in (None, *booking_rules())
        for null in NULLS
        for shape in SHARPENINGS
    )


def as_in_studio(rule: ShareRule) -> Booking:
    """What a rule is applied to there: to z by works, to squared positive scores by artists."""
    if RULES[rule.name].by_artists is None:
        return Booking(rule, "work")
    return Booking(rule, "none", SQUARED_POSITIVE)


BEFORE = as_in_studio(DEFAULT_RULE)  # what was booked before runs kept their evidence
BOOKED = as_in_studio(BOOKED_RULE)


def standardised(scores: Matrix, null: str, painted: Matrix, own: Sequence[int] | None) -> Matrix:
    """Scores `[q, n]` under a null. `painted [p, n]`: scores of painted pictures; `own`: which of
    them each query is, for it must not stand in its own null (None: none of them).

    A painted query's null is the other half of the painted pictures, so that two folds serve all.
    """
    if null == "none":
        return scores
    if null == "picture":
        middle = np.median(scores, axis=1, keepdims=True)
        spread = TO_SIGMA * np.median(np.abs(scores - middle), axis=1, keepdims=True)
        largest = np.abs(scores).max(axis=1, keepdims=True)  # most scores may be the same
        floor = np.where(largest > 0, LEAST_SPREAD * largest, 1.0)
        return (scores - middle) / np.maximum(spread, floor)
    if null != "work":
        raise UsageError(f"There is no null '{null}'. Choose one of: {', '.join(NULLS)}.")
    if own is None:
        return _over(scores, painted)
    fold = np.asarray(own) % 2
    halves = np.arange(len(painted)) % 2
    standard = np.empty_like(scores)
    for half in (0, 1):
        standard[fold == half] = _over(scores[fold == half], painted[halves != half])
    return standard


def _over(scores: Matrix, null: Matrix) -> Matrix:
    if len(null) < 2:
        raise UsageError(
            f"{len(null)} painted pictures make no null: paint at least 4 (`generated`)."
        )
    spread = np.maximum(null.std(axis=0, ddof=1), 1e-30)
    over: Matrix = (scores - null.mean(axis=0)) / spread
    return over


def booked_by_artist(scores: Matrix, artists: Sequence[str], booking: Booking) -> Matrix:
    """Shares `[q, a]`, artists in sorted order, of scores that are `standardised` already; without
    a rule, the sums of shaped scores."""
    names = sorted(set(artists))
    shaped = booking.shape.of(scores)
    if booking.rule is None:
        return shaped @ membership(artists)
    booked = np.zeros((len(scores), len(names)))
    place = {name: number for number, name in enumerate(names)}
    for row, values in zip(booked, shaped, strict=True):
        for artist, micro in _micro_credits(values, artists, booking.rule).items():
            row[place[artist]] = micro / WHOLE
    return booked


def _micro_credits(values: Matrix, artists: Sequence[str], rule: ShareRule) -> Mapping[str, int]:
    """Micro-credits per artist. A rule by works shares by the values themselves. A rule by artists
    shares by evidence: the influence of an artist is the sum of their positive values (squared raw
    scores, where the shape says so), and here all of the picture is attributable and nobody's
    influence is chance, so that what is judged is how the rule slices."""
    if RULES[rule.name].by_artists is None:
        return shares(values.tolist(), artists, rule).artist_micro
    influence = values.clip(min=0.0) @ membership(artists)
    parts = {
        name: (float(value), 0.0 if value > 0 else 1.0)
        for name, value in zip(sorted(set(artists)), influence, strict=True)
    }
    evidence = Evidence.of(1.0, parts, values.tolist(), artists, {})
    return shares_by_evidence(evidence, rule).artist_micro


def booked_by_work(
    scores: Matrix, artists: Sequence[str], booking: Booking, *, each_its_own: bool
) -> Matrix:
    """What each work is paid, `[q, n]`: its artist's share in equal parts, or where `each_its_own`,
    its share if every work were of another artist (for subsets that part an artist's works)."""
    if each_its_own:
        width = len(str(len(artists)))
        return booked_by_artist(scores, [f"{n:0{width}d}" for n in range(len(artists))], booking)
    member = membership(artists)
    paid: Matrix = booked_by_artist(scores, artists, booking) @ (member / member.sum(axis=0)).T
    return paid


def membership(artists: Sequence[str]) -> NDArray[np.float64]:
    """1 where work n is artist a's, `[n, a]`, artists in sorted order."""
    names = np.asarray(sorted(set(artists)))
    return (np.asarray(artists)[:, None] == names[None, :]).astype(np.float64)
