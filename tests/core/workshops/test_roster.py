"""The roster: how many hands of each style, what is held out, how a hand is found by its slug."""

from __future__ import annotations

from collections import Counter

import pytest

from core.errors import UsageError
from core.workshops.hand import Hand, work_title
from core.workshops.roster import (
    ALL_HANDS,
    BASE_HANDS,
    COLLECTION_HANDS,
    HELD_OUT_FIRST_SEED,
    HELD_OUT_PER_HAND,
    STYLES,
    WORKS_PER_HAND,
    hand,
)


def test_the_roster_is_complete() -> None:
    assert len(COLLECTION_HANDS) == len(BASE_HANDS) == 24
    assert len({painter.slug for painter in ALL_HANDS}) == 48
    assert len({painter.name for painter in ALL_HANDS}) == 48
    for hands in (COLLECTION_HANDS, BASE_HANDS):
        assert Counter(painter.style for painter in hands) == dict.fromkeys(STYLES, 4)
    assert list(dict.fromkeys(painter.style for painter in ALL_HANDS)) == list(STYLES)


def test_held_out_works_are_no_collection_works() -> None:
    assert HELD_OUT_FIRST_SEED >= WORKS_PER_HAND
    assert HELD_OUT_PER_HAND == 10


@pytest.mark.parametrize("painter", COLLECTION_HANDS, ids=lambda painter: painter.slug)
def test_titles_are_unique_within_a_collection_hand(painter: Hand) -> None:
    titles = [work_title(painter, seed) for seed in range(WORKS_PER_HAND)]
    assert len(set(titles)) == WORKS_PER_HAND


def test_an_unknown_slug_is_named_with_its_near_matches() -> None:
    assert hand("carmine").name == "Carmine Workshop"
    with pytest.raises(UsageError, match="'carmin'.*carmine"):
        hand("carmin")
    with pytest.raises(UsageError, match="zzzz"):
        hand("zzzz")
