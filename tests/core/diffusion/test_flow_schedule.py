"""Flow matching: x_sigma on a line between picture and noise, and diffusers' own steps."""

from __future__ import annotations

import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from hypothesis import given
from hypothesis import strategies as st

from core.diffusion.flow_schedule import FlowSchedule
from core.errors import ModelError

SHIFTED = FlowSchedule.from_config({"shift": 3.0}, tokens=16)
PLAIN = FlowSchedule.from_config({}, tokens=16)


def test_sigmas_are_those_that_diffusers_trains_with_least_noise_first() -> None:
    own = FlowMatchEulerDiscreteScheduler(shift=3.0).sigmas
    assert SHIFTED.length == 1000
    torch.testing.assert_close(SHIFTED.sigmas.flip(0).float(), own)
    assert PLAIN.sigma(torch.tensor([0, 499, 999])).tolist() == pytest.approx([0.001, 0.5, 1.0])
    assert SHIFTED.sigma(torch.tensor([499])).item() == pytest.approx(0.75)


@given(st.floats(0.0, 1.0))
def test_a_sigma_has_one_timestep_between_whole_ones_too(sigma: float) -> None:
    time = torch.tensor([SHIFTED.timestep(sigma)], dtype=torch.float64)
    assert SHIFTED.sigma(time).item() == pytest.approx(sigma, abs=1e-9)


@given(st.lists(st.integers(0, 999), min_size=1, max_size=4), st.integers(0, 9))
def test_the_velocity_of_the_target_gives_the_noise_back(times: list[int], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    at = torch.tensor(times)
    clean, noise = (
        torch.randn(len(times), 2, 3, 3, generator=generator, dtype=torch.float64) for _ in "ab"
    )
    noisy = SHIFTED.add_noise(clean, noise, at)
    target = SHIFTED.target(clean, noise, at)
    torch.testing.assert_close(SHIFTED.to_noise(target, noisy, at), noise)
    signal, share = SHIFTED.coefficients(at, clean)
    torch.testing.assert_close(noisy - share * target, clean)
    torch.testing.assert_close(signal + share, torch.ones_like(signal))


def test_noisy_latents_are_those_of_diffusers_own_scheduler() -> None:
    scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0)
    clean, noise = torch.randn(2, 1, 4, 2, 2, generator=torch.Generator().manual_seed(0))
    times = torch.tensor([0, 300, 999])
    own = scheduler.scale_noise(
        clean.expand(3, -1, -1, -1), scheduler.timesteps[999 - times], noise.expand(3, -1, -1, -1)
    )
    ours = SHIFTED.add_noise(clean.expand(3, -1, -1, -1), noise.expand(3, -1, -1, -1), times)
    torch.testing.assert_close(ours, own)
    torch.testing.assert_close(SHIFTED.network_times(times), scheduler.timesteps[999 - times])


def test_the_bounds_weights_are_finite_and_the_same_from_either_end() -> None:
    weights = PLAIN.elbo_weights(torch.arange(1000))
    assert weights.isfinite().all()
    assert weights[0] == weights[999] == 0.0
    torch.testing.assert_close(weights[1:999], weights[1:999].flip(0), rtol=1e-4, atol=0)
    snr = ((1 - PLAIN.sigmas) / PLAIN.sigmas).square()
    assert weights[500].item() == pytest.approx((snr[499] / snr[500] - 1).item() / 2)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"_class_name": "DDIMScheduler"}, "'DDIMScheduler' is not supported"),
        ({"invert_sigmas": True}, "invert_sigmas"),
        ({"stochastic_sampling": True}, "stochastic_sampling"),
        ({"shift_terminal": 0.02}, "shift_terminal"),
    ],
)
def test_what_would_be_another_process_is_refused(config: dict[str, object], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        FlowSchedule.from_config(config, tokens=16)
