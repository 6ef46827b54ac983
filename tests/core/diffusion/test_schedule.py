"""The forward process and its algebra, against explicit scalar loops."""

from __future__ import annotations

import math

import pytest
import torch

from core.diffusion.schedule import NoiseSchedule
from core.errors import ModelError

LINEAR = {"beta_start": 1e-4, "beta_end": 0.02, "beta_schedule": "linear"}
SCALED = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


def test_alphas_are_the_running_product_of_one_minus_beta() -> None:
    schedule = NoiseSchedule.from_config(SCALED)
    product, first, last = 1.0, math.sqrt(0.00085), math.sqrt(0.012)
    for t in range(1000):
        product *= 1.0 - (first + (last - first) * t / 999) ** 2
        assert schedule.alphas_cumprod[t].item() == pytest.approx(product, rel=1e-10)


def test_add_noise_is_the_formula_for_every_example() -> None:
    schedule = NoiseSchedule.from_config(LINEAR)
    generator = torch.Generator().manual_seed(0)
    clean = torch.randn(3, 2, 4, 4, generator=generator, dtype=torch.float64)
    noise = torch.randn(3, 2, 4, 4, generator=generator, dtype=torch.float64)
    times = torch.tensor([0, 500, 999])
    noisy = schedule.add_noise(clean, noise, times)
    for i, t in enumerate(times.tolist()):
        abar = schedule.alphas_cumprod[t].item()
        expected = math.sqrt(abar) * clean[i] + math.sqrt(1 - abar) * noise[i]
        assert torch.allclose(noisy[i], expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
def test_a_perfect_answer_gives_back_the_noise(kind: str) -> None:
    schedule = NoiseSchedule.from_config({**SCALED, "prediction_type": kind})
    generator = torch.Generator().manual_seed(1)
    clean = torch.randn(4, 2, 3, 3, generator=generator, dtype=torch.float64)
    noise = torch.randn(4, 2, 3, 3, generator=generator, dtype=torch.float64)
    times = torch.tensor([0, 10, 700, 999])
    target = schedule.target(clean, noise, times)
    noisy = schedule.add_noise(clean, noise, times)
    assert torch.allclose(schedule.to_noise(target, noisy, times), noise, atol=1e-10)


@pytest.mark.parametrize(
    "config",
    [
        {**LINEAR, "beta_schedule": "cosmic"},
        {**LINEAR, "prediction_type": "magic"},
        {**SCALED, "rescale_betas_zero_snr": True},
        {**SCALED, "trained_betas": [0.1, 0.2]},
        {"num_train_timesteps": 1000},
    ],
)
def test_an_unknown_rule_is_an_error_that_names_it(config: dict[str, object]) -> None:
    with pytest.raises(ModelError, match="cosmic|magic|zero_snr|trained_betas|beta_start"):
        NoiseSchedule.from_config(config)
