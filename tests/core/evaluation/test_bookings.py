"""Booked shares are the ledger's own; nulls know nothing of the query they judge."""

from __future__ import annotations

import numpy as np
import pytest

from core.attribution.scoring.sharpening import Sharpening
from core.errors import UsageError
from core.evaluation.bookings import (
    BEFORE,
    BOOKED,
    SUMMED,
    Booking,
    booked_by_artist,
    booked_by_work,
    booking_rules,
    every_booking,
    standardised,
)
from core.ledger.shares import BOOKED_RULE, DEFAULT_RULE, RULES, credited_places, shares

RNG = np.random.default_rng(0)
ARTISTS = ["b", "a", "c", "a", "b", "c", "c", "a"]
SCORES = RNG.normal(1.0, 3.0, size=(5, 8))


def test_every_rule_of_the_ledgers_table_is_booked_by() -> None:
    assert {rule.name for rule in booking_rules()} == set(RULES)
    assert DEFAULT_RULE in booking_rules() and BEFORE.rule == DEFAULT_RULE
    assert BOOKED.rule == BOOKED_RULE and (BOOKED.null, BEFORE.null) == ("none", "work")
    names = [booking.name for booking in every_booking()]
    assert len(names) == len(set(names)) and any(name.startswith(SUMMED) for name in names)


@pytest.mark.parametrize("rule", booking_rules(), ids=lambda rule: rule.name)
def test_booked_shares_are_the_ledgers(rule: object) -> None:
    booked = booked_by_artist(SCORES, ARTISTS, Booking(rule))  # type: ignore[arg-type]
    if getattr(RULES[rule.name], "by_artists", None) is not None:  # type: ignore[attr-defined]
        return  # by evidence: below
    for row, values in zip(booked, SCORES, strict=True):
        micro = shares(values.tolist(), ARTISTS, rule).artist_micro  # type: ignore[arg-type]
        assert row.tolist() == [micro.get(name, 0) / 1e6 for name in "abc"]
    assert (booked.sum(axis=1) <= 1 + 1e-12).all()


def test_rules_by_artists_slice_by_influence() -> None:
    """Shares follow each artist's sum of positive values; one of them may share out a rest too."""
    shape = Sharpening(2.0, positive=True)
    influence = booked_by_artist(SCORES, ARTISTS, Booking(None, shape=shape))
    for rule in booking_rules():
        if getattr(RULES[rule.name], "by_artists", None) is not None:
            booked = booked_by_artist(SCORES, ARTISTS, Booking(rule, shape=shape))
            expected = influence / influence.sum(axis=1, keepdims=True)
            np.testing.assert_allclose(booked, expected, atol=2e-6)


def test_without_a_rule_scores_are_summed_per_artist() -> None:
    shape = Sharpening(2.0, positive=True)
    sums = booked_by_artist(SCORES, ARTISTS, Booking(None, shape=shape))
    for row, values in zip(sums, SCORES, strict=True):
        expected = [
            sum(max(v, 0.0) ** 2 for v, artist in zip(values, ARTISTS, strict=True) if artist == a)
            for a in "abc"
        ]
        np.testing.assert_allclose(row, expected)


def test_scores_that_are_nearly_all_nothing_are_standardised_to_numbers() -> None:
    """Likeness by exp(-d²/4) is 0 for most works: their spread is 0, and nothing may overflow."""
    scores = np.array([[0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 1e-300], [0.0, 0.0, 0.0, 0.0]])
    standard = standardised(scores, "picture", scores, None)
    cubed = Sharpening(3.0).of(standard)
    assert np.isfinite(cubed).all()
    assert (cubed[:2, 3] > 0).all() and (cubed[2] == 0).all()


def test_works_are_paid_what_their_artists_are() -> None:
    paid = booked_by_work(SCORES, ARTISTS, BEFORE, each_its_own=False)
    alone = booked_by_work(SCORES, ARTISTS, BEFORE, each_its_own=True)
    by_artist = booked_by_artist(SCORES, ARTISTS, BEFORE)
    for number, name in enumerate("abc"):
        own = [place for place, artist in enumerate(ARTISTS) if artist == name]
        np.testing.assert_allclose(paid[:, own].sum(axis=1), by_artist[:, number])
        assert np.ptp(paid[:, own], axis=1).max() == 0
        # the rule before pays by works: an artist's share is what the works would earn alone
        np.testing.assert_allclose(alone[:, own].sum(axis=1), by_artist[:, number], atol=1e-5)
    for row, values in zip(alone, SCORES, strict=True):
        assert set(np.flatnonzero(row)) == set(credited_places(values.tolist()))


def test_a_painted_query_does_not_stand_in_its_own_null() -> None:
    painted = RNG.normal(size=(10, 8))
    moved = painted.copy()
    moved[4] += 100.0
    own = range(10)
    before = standardised(painted, "work", painted, own)
    after = standardised(moved, "work", moved, own)
    even = [0, 2, 6, 8]
    np.testing.assert_array_equal(before[even], after[even])  # of its own fold
    others = painted[1::2]
    expected = (moved[4] - others.mean(axis=0)) / others.std(axis=0, ddof=1)
    np.testing.assert_allclose(after[4], expected)


def test_nulls_by_their_formulas() -> None:
    painted = RNG.normal(size=(6, 8))
    np.testing.assert_array_equal(standardised(SCORES, "none", painted, None), SCORES)
    work = standardised(SCORES, "work", painted, None)
    np.testing.assert_allclose(work, (SCORES - painted.mean(0)) / painted.std(0, ddof=1))
    picture = standardised(SCORES, "picture", painted, None)
    np.testing.assert_allclose(standardised(7.0 * SCORES + 2, "picture", painted, None), picture)
    for row, values in zip(picture, SCORES, strict=True):
        middle = np.median(values)
        spread = 1.4826 * np.median([abs(value - middle) for value in values])
        np.testing.assert_allclose(row, (values - middle) / spread)


def test_what_cannot_be_standardised_is_refused() -> None:
    with pytest.raises(UsageError, match="painted pictures"):
        standardised(SCORES, "work", SCORES[:1], None)
    with pytest.raises(UsageError, match="no null 'moon'"):
        Booking(None, "moon")
