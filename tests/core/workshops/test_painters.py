"""The painters: the same picture for the same seed, hands that can be told apart."""

from __future__ import annotations

from collections import Counter
from functools import cache
from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from core.errors import UsageError
from core.workshops.hand import Hand, paint_work, work_title
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

TRAIN = range(10)
TEST = range(HELD_OUT_FIRST_SEED, HELD_OUT_FIRST_SEED + 5)

every_hand = pytest.mark.parametrize("painter", ALL_HANDS, ids=lambda painter: painter.slug)
shown_hand = pytest.mark.parametrize("painter", COLLECTION_HANDS, ids=lambda painter: painter.slug)


@cache
def thumbnail(slug: str, seed: int) -> np.ndarray:
    small = paint_work(hand(slug), seed).resize((8, 8), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float64)


@every_hand
def test_paints_128_rgb_the_same_for_the_same_seed(painter: Hand) -> None:
    first, again = paint_work(painter, 3), paint_work(painter, 3)
    assert (first.size, first.mode) == ((128, 128), "RGB")
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != paint_work(painter, 4).tobytes()


def test_size_is_free() -> None:
    assert paint_work(ALL_HANDS[0], 0, size=96).size == (96, 96)


@shown_hand
def test_works_of_a_hand_differ(painter: Hand) -> None:
    works = [thumbnail(painter.slug, seed) for seed in TRAIN]
    gaps = [np.abs(a - b).mean() for a, b in combinations(works, 2)]
    assert np.mean(gaps) > 8, "the works of a hand look alike"
    assert min(gaps) > 1, "two works of a hand are nearly the same"


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


@shown_hand
def test_titles_are_unique_within_a_collection_hand(painter: Hand) -> None:
    titles = [work_title(painter, seed) for seed in range(WORKS_PER_HAND)]
    assert len(set(titles)) == WORKS_PER_HAND


def test_an_unknown_slug_is_named_with_its_near_matches() -> None:
    assert hand("carmine").name == "Carmine Workshop"
    with pytest.raises(UsageError, match="'carmin'.*carmine"):
        hand("carmin")
    with pytest.raises(UsageError, match="zzzz"):
        hand("zzzz")


def test_hands_can_be_told_apart_within_their_style() -> None:
    right = total = 0
    for style in STYLES:
        painters = [painter for painter in COLLECTION_HANDS if painter.style == style]
        centroids = {
            painter.slug: np.mean([thumbnail(painter.slug, seed) for seed in TRAIN], axis=0)
            for painter in painters
        }
        for painter in painters:
            for seed in TEST:
                seen = thumbnail(painter.slug, seed)
                nearest = min(centroids, key=lambda s: float(((centroids[s] - seen) ** 2).sum()))
                right += nearest == painter.slug
                total += 1
    assert right / total >= 0.8
