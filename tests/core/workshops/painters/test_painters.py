"""The painters: the same picture for the same seed, hands that can be told apart."""

from __future__ import annotations

import io
from functools import cache
from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from app.settings import EMBEDDED
from core.workshops.build import encode_picture
from core.workshops.hand import Hand, paint_work
from core.workshops.roster import ALL_HANDS, COLLECTION_HANDS, HELD_OUT_FIRST_SEED, STYLES, hand

TRAIN = range(10)
TEST = range(HELD_OUT_FIRST_SEED, HELD_OUT_FIRST_SEED + 5)

every_hand = pytest.mark.parametrize("painter", ALL_HANDS, ids=lambda painter: painter.slug)
shown_hand = pytest.mark.parametrize("painter", COLLECTION_HANDS, ids=lambda painter: painter.slug)


@cache
def thumbnail(slug: str, seed: int) -> np.ndarray:
    small = paint_work(hand(slug), seed).resize((8, 8), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float64)


def pixels(file: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(file)) as image:
        return np.asarray(image.convert("RGB"), dtype=np.float64)


@every_hand
def test_paints_128_rgb_the_same_for_the_same_seed(painter: Hand) -> None:
    first, again = paint_work(painter, 3), paint_work(painter, 3)
    assert (first.size, first.mode) == ((128, 128), "RGB")
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != paint_work(painter, 4).tobytes()


@shown_hand
@pytest.mark.parametrize(("folder", "seed"), [("images", 2), ("held_out", HELD_OUT_FIRST_SEED)])
def test_a_hand_still_paints_the_works_that_ship(painter: Hand, folder: str, seed: int) -> None:
    """To within what another version of JPEG rounds; a number drawn out of turn shows."""
    shipped = pixels((EMBEDDED / folder / f"{painter.slug}-{seed:04d}.jpg").read_bytes())
    assert np.abs(pixels(encode_picture(paint_work(painter, seed))) - shipped).mean() < 0.5


def test_size_is_free() -> None:
    assert paint_work(ALL_HANDS[0], 0, size=96).size == (96, 96)


@shown_hand
def test_works_of_a_hand_differ(painter: Hand) -> None:
    works = [thumbnail(painter.slug, seed) for seed in TRAIN]
    gaps = [np.abs(a - b).mean() for a, b in combinations(works, 2)]
    assert np.mean(gaps) > 8, "the works of a hand look alike"
    assert min(gaps) > 1, "two works of a hand are nearly the same"


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
