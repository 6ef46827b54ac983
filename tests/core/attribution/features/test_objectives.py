"""The objectives against explicit loops."""

from __future__ import annotations

import math

import pytest
import torch

from core.attribution.features.objectives import OBJECTIVES, objective
from core.diffusion.schedule import NoiseSchedule
from core.errors import UsageError

SCHEDULE = NoiseSchedule.from_config({"beta_start": 1e-4, "beta_end": 0.02})
GENERATOR = torch.Generator().manual_seed(0)
PREDICTION = torch.randn(2, 3, 4, 4, dtype=torch.float64, generator=GENERATOR)
NOISE = torch.randn(2, 3, 4, 4, dtype=torch.float64, generator=GENERATOR)
TIMES = torch.tensor([0, 700])


def by_hand(name: str, row: int) -> float:
    e, noise = PREDICTION[row].flatten().tolist(), NOISE[row].flatten().tolist()
    t = int(TIMES[row])
    d = len(e)
    simple = sum((a - b) ** 2 for a, b in zip(e, noise, strict=True)) / d
    betas = [1e-4 + (0.02 - 1e-4) * i / 999 for i in range(1000)]
    abar = math.prod(1 - beta for beta in betas[: t + 1])
    return {
        "simple": simple,
        "square": sum(a * a for a in e) / d,
        "average": sum(e) / d,
        "l1": sum(abs(a) for a in e),
        "l2": math.sqrt(sum(a * a for a in e)),
        "linf": max(abs(a) for a in e),
        "elbo": betas[t] / (2 * (1 - betas[t]) * (1 - abar)) * simple,
    }[name]


@pytest.mark.parametrize("name", OBJECTIVES)
def test_each_equals_its_formula(name: str) -> None:
    values = objective(name)(PREDICTION, NOISE, TIMES, SCHEDULE)
    assert values.tolist() == pytest.approx([by_hand(name, 0), by_hand(name, 1)], rel=1e-9)


def test_eta_one_is_d_trak_and_eta_one_half_is_half_of_trak() -> None:
    square = objective("square")(PREDICTION, NOISE, TIMES, SCHEDULE)
    simple = objective("simple")(PREDICTION, NOISE, TIMES, SCHEDULE)
    torch.testing.assert_close(objective("eta=1")(PREDICTION, NOISE, TIMES, SCHEDULE), square)
    half = objective("eta=0.5")(PREDICTION, NOISE, TIMES, SCHEDULE)
    torch.testing.assert_close(half, simple / 2)


@pytest.mark.parametrize("name", ["loss", "L_Square", "eta=", "eta=much", "l1_norm"])
def test_an_unknown_name_is_refused_and_the_known_ones_are_listed(name: str) -> None:
    with pytest.raises(UsageError, match="square"):
        objective(name)
