"""Trust: known pictures are called known, foreign ones foreign, and the words follow."""

from __future__ import annotations

import numpy as np
import pytest

from core.attribution.calibration.out_of_distribution import KINDS, foreign_picture
from core.attribution.calibration.trust import WORDS, Familiarity
from core.errors import StoreError

RNG = np.random.default_rng(0)
KNOWN = np.exp(RNG.normal([-3, -1], 0.3, (60, 2)))
HELD_OUT = np.exp(RNG.normal([-2.6, -0.5], 0.3, (20, 2)))
FOREIGN = np.exp(RNG.normal([-1.5, 1], 0.5, (40, 2)))


def test_the_centres_are_told_apart() -> None:
    line = Familiarity.fit([KNOWN, HELD_OUT], FOREIGN)
    assert line.trust(*KNOWN.mean(axis=0)).verdict == "familiar"
    assert line.trust(*FOREIGN.mean(axis=0)).verdict == "unfamiliar"
    assert line.trust(*np.exp(line.centre)).verdict == "uncertain"


def test_familiarity_falls_with_loss_and_leverage() -> None:
    line = Familiarity.fit([KNOWN, HELD_OUT], FOREIGN)
    assert line.of(0.05, 0.4) > line.of(0.2, 0.4)
    assert line.of(0.05, 0.4) > line.of(0.05, 3.0)
    assert 0 <= line.of(1e9, 1e9) <= line.of(0.0, 0.0) <= 1


def test_it_survives_the_disk() -> None:
    line = Familiarity.fit([KNOWN], FOREIGN)
    assert Familiarity.from_plain(line.plain()) == line  # type: ignore[arg-type]


def test_a_missing_kind_is_refused() -> None:
    with pytest.raises(StoreError, match="reference pictures"):
        Familiarity.fit([KNOWN, np.zeros((0, 2))], FOREIGN)


def test_the_words_are_plain_and_one_for_each_verdict() -> None:
    line = Familiarity.fit([KNOWN, HELD_OUT], FOREIGN)
    assert line.trust(1.0, 10.0).words == WORDS["unfamiliar"]
    assert "has not learnt images like this" in WORDS["unfamiliar"]


@pytest.mark.parametrize("seed", range(len(KINDS)))
def test_foreign_pictures_are_seeded_and_fill_their_size(seed: int) -> None:
    image = foreign_picture(seed, 48)
    assert image.size == (48, 48)
    assert image.tobytes() == foreign_picture(seed, 48).tobytes()
    assert image.tobytes() != foreign_picture(seed + len(KINDS), 48).tobytes()
