"""The judge of painted pictures: right on what is right, and low on what is not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UsageError
from core.evaluation.painted_pictures import Judge, PictureSample, detail, frechet

HANDS, EACH, D = 4, 30, 12
STYLES = ("a", "a", "b", "c")  # of the hands


def centres(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 4, (HANDS, D))


def pictures(
    hands: list[int], styles: list[str], seed: int, spread: float = 0.4, grain: float = 0.5
) -> PictureSample:
    rng = np.random.default_rng(seed)
    embeddings = centres()[hands] + rng.normal(0, spread, (len(hands), D))
    pixels = rng.normal(0, grain, (len(hands), 3, 8, 8)).astype(np.float32)
    return PictureSample(embeddings=embeddings, pixels=pixels, styles=styles)


def of_hands(seed: int, each: int = EACH, **more: float) -> tuple[PictureSample, list[str]]:
    hands = [hand for hand in range(HANDS) for _ in range(each)]
    return pictures(hands, [STYLES[h] for h in hands], seed, **more), [f"h{h}" for h in hands]


@pytest.fixture(scope="module")
def judge() -> Judge:
    works, hands = of_hands(1)
    return Judge(works, hands)


def test_works_of_the_same_hands_are_recognised(judge: Judge) -> None:
    held_out, hands = of_hands(2, each=10)
    assert judge.accuracy(held_out, hands) == 1.0
    recognised = judge.recognised(held_out)
    assert (recognised.pictures, recognised.in_class) == (40, 1.0)
    assert recognised.confidence > 0.9
    assert judge.left_out() == 1.0


def test_another_hand_of_the_class_counts_and_one_of_another_class_does_not(judge: Judge) -> None:
    as_class = pictures([0, 1, 2, 3], ["a", "a", "a", "c"], 3)
    assert judge.recognised(as_class).in_class == 0.75


def test_a_smudge_between_all_hands_is_named_with_little_confidence(judge: Judge) -> None:
    middle = PictureSample(
        embeddings=np.repeat(centres().mean(axis=0)[None], 5, axis=0),
        pixels=np.zeros((5, 3, 8, 8), dtype=np.float32),
        styles=["a"] * 5,
    )
    sure = judge.recognised(of_hands(2)[0]).confidence
    assert judge.recognised(middle).confidence < sure - 0.2
    assert judge.distance(middle) > 10 * judge.distance(of_hands(5)[0])


def test_the_distance_of_two_normal_samples_is_the_closed_form() -> None:
    """With diagonal covariances, |m - m'|^2 + sum of (s - s')^2."""
    rng = np.random.default_rng(0)
    means, spreads = rng.normal(size=(2, 3)), rng.uniform(0.5, 2.0, (2, 3))
    samples = [means[i] + spreads[i] * rng.normal(size=(200_000, 3)) for i in range(2)]
    expected = np.square(means[0] - means[1]).sum() + np.square(spreads[0] - spreads[1]).sum()
    assert frechet(*samples) == pytest.approx(expected, rel=0.02)
    assert frechet(samples[0], samples[0]) == pytest.approx(0.0, abs=1e-6)
    with pytest.raises(UsageError, match="two pictures"):
        frechet(samples[0][:1], samples[1])


@given(st.floats(-1, 1), st.floats(0, 3))
def test_detail_knows_no_brightness_and_grows_with_contrast(shift: float, scale: float) -> None:
    pixels = np.random.default_rng(0).normal(size=(2, 3, 9, 9)).astype(np.float32)
    np.testing.assert_allclose(detail(pixels + np.float32(shift)), detail(pixels), rtol=1e-4)
    np.testing.assert_allclose(
        detail(pixels * np.float32(scale)), scale * detail(pixels), rtol=1e-4, atol=1e-6
    )


def test_detail_is_the_laplacian_by_loops() -> None:
    pixels = np.random.default_rng(1).normal(size=(1, 3, 5, 6)).astype(np.float32)
    luma = 0.299 * pixels[0, 0] + 0.587 * pixels[0, 1] + 0.114 * pixels[0, 2]
    values = [
        abs(4 * luma[y, x] - luma[y - 1, x] - luma[y + 1, x] - luma[y, x - 1] - luma[y, x + 1])
        for y in range(1, 4)
        for x in range(1, 5)
    ]
    assert detail(pixels)[0] == pytest.approx(np.mean(values), rel=1e-5)


def test_blurred_pictures_are_less_sharp_than_the_works(judge: Judge) -> None:
    same, _ = of_hands(7)
    soft = torch.nn.functional.avg_pool2d(torch.from_numpy(same.pixels), 3, 1, 1).numpy()
    blurred = PictureSample(embeddings=same.embeddings, pixels=soft, styles=same.styles)
    ratios = judge.sharpness(same)
    assert set(ratios) == {"a", "b", "c"}
    assert all(0.9 < value < 1.1 for value in ratios.values())
    assert all(value < 0.5 for value in judge.sharpness(blurred).values())
    stranger = PictureSample(embeddings=same.embeddings[:1], pixels=soft[:1], styles=["z"])
    assert judge.sharpness(stranger) == {}


def test_a_copy_is_seen_and_a_new_picture_is_none(judge: Judge) -> None:
    works = judge.works
    rows = [3, 50, 80]
    copied = PictureSample(
        embeddings=works.embeddings[rows] * 1.7, pixels=works.pixels[rows], styles=["a", "b", "c"]
    )
    nearest, copies = judge.nearest(copied)
    assert nearest == (3, 50, 80) and copies == 1.0
    assert judge.nearest(of_hands(9, spread=1.0)[0])[1] < 0.05


def test_the_whole_judgement_says_by_what_it_was_judged(judge: Judge) -> None:
    painted, _ = of_hands(4, each=6)
    held_out, hands = of_hands(2, each=10)
    whole = judge.judge(painted, "test", held_out, hands)
    assert (whole.hands, whole.hands_of, whole.embedding) == (1.0, "held-out works", "test")
    assert whole.distance_held_out is not None and whole.held_out is not None
    alone = judge.judge(painted, "test")
    assert alone.hands_of == "works left out in turn"
    assert alone.held_out is None and alone.distance_held_out is None
    assert len(alone.nearest) == 24


def test_one_hand_cannot_be_told_from_others() -> None:
    works, _ = of_hands(1, each=2)
    with pytest.raises(UsageError, match="works by two artists"):
        Judge(works, ["h0"] * len(works.styles))
