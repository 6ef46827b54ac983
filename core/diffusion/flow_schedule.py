"""Flow matching (Lipman et al. 2023; rectified flow): x_sigma = (1 - sigma) x_0 + sigma eps.

In: the configuration of diffusers' scheduler. Out: what training and features ask of a schedule,
and that scheduler itself, its steps set as the family's own pipeline sets them. Knows no network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from torch import Tensor

from core.errors import ModelError

SCHEDULER = "FlowMatchEulerDiscreteScheduler"
REFUSED = ("invert_sigmas", "stochastic_sampling", "shift_terminal")


@dataclass(frozen=True, kw_only=True, eq=False)
class FlowSchedule:
    """`sigmas [T]` in float64 on the CPU, ascending to 1: the share of noise at timestep t, shifted
    as in training. A timestep between two whole ones has the sigma between theirs.

    `tokens`: of how many the network reads a picture, which shifts the steps of painting where the
    configuration says so. `even`: those steps are 1, (N-1)/N, ... 1/N before the shift (FLUX), not
    the scheduler's own spacing.
    """

    config: Mapping[str, Any]
    sigmas: Tensor
    tokens: int
    even: bool = False

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], *, tokens: int, even: bool = False
    ) -> FlowSchedule:
        """Read the configuration of diffusers' flow matching. Raises `ModelError`, naming it, for
        another scheduler and for what would be another process."""
        kind = str(config.get("_class_name", SCHEDULER))
        if kind != SCHEDULER:
            raise ModelError(
                f"The scheduler '{kind}' is not supported for a flow-matching model. Use a model "
                f"with {SCHEDULER}."
            )
        for name in REFUSED:
            if config.get(name):
                raise ModelError(
                    f"The flow schedule's '{name}' is not supported. Use a model whose scheduler "
                    "goes from noise to picture without it."
                )
        known = {key: value for key, value in config.items() if not key.startswith("_")}
        sigmas = FlowMatchEulerDiscreteScheduler.from_config(known).sigmas
        return cls(config=known, sigmas=sigmas.double().flip(0), tokens=tokens, even=even)

    @property
    def length(self) -> int:
        """T, the number of timesteps."""
        return len(self.sigmas)

    @cached_property
    def _from_zero(self) -> Tensor:
        return torch.cat([torch.zeros(1, dtype=torch.float64), self.sigmas])

    def sigma(self, timesteps: Tensor) -> Tensor:
        """sigma `[b]` in float64, on the CPU."""
        times = timesteps.cpu()
        if not times.is_floating_point():
            return self.sigmas[times]
        place = (times.double() + 1.0).clamp(0.0, float(self.length))
        below = place.floor().long().clamp_max(self.length - 1)
        return torch.lerp(self._from_zero[below], self._from_zero[below + 1], place - below)

    def timestep(self, sigma: float) -> float:
        """The inverse of `sigma`, of one number in [0, 1]."""
        return float(np.interp(sigma, self._from_zero.numpy(), np.arange(self.length + 1)) - 1.0)

    def coefficients(self, timesteps: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        """1 - sigma and sigma, `[b, 1, ...]` as `like` has dimensions."""
        sigma = self.sigma(timesteps).reshape(-1, *([1] * (like.ndim - 1)))
        # rounded before it travels: not every device has float64
        signal, share = (1.0 - sigma).to(like.dtype), sigma.to(like.dtype)
        return signal.to(like.device), share.to(like.device)

    def add_noise(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """x_sigma = (1 - sigma) x_0 + sigma eps; all `[b, ...]`, timesteps `[b]`."""
        signal, share = self.coefficients(timesteps, latents)
        return signal * latents + share * noise

    def target(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """The velocity dx/dsigma = eps - x_0, `[b, ...]`; the same at every timestep."""
        return noise - latents

    def to_noise(self, prediction: Tensor, noisy: Tensor, timesteps: Tensor) -> Tensor:
        """eps = x_sigma + (1 - sigma) v. `[b, ...]`, timesteps `[b]` -> `[b, ...]`."""
        signal, _ = self.coefficients(timesteps, noisy)
        return noisy + signal * prediction

    def network_times(self, timesteps: Tensor) -> Tensor:
        """sigma T, as diffusers' scheduler counts time, `[b]`."""
        times = (self.sigma(timesteps) * self.length).to(torch.float32)
        return times.to(timesteps.device)

    def elbo_weights(self, timesteps: Tensor) -> Tensor:
        """(SNR(t - 1) / SNR(t) - 1) / 2 with SNR = (1 - sigma)^2 / sigma^2 (Kingma et al. 2021,
        Eq. 13), `[b]`; 0 where nothing but noise is left, and at t = 0, before which nothing is."""
        sigma = self.sigma(timesteps)
        before = self.sigma(timesteps.double() - 1.0)
        ratio = ((1.0 - before) * sigma / (before * (1.0 - sigma))).square()
        weights = (ratio - 1.0) / 2.0
        return torch.where((before > 0) & (sigma < 1), weights, torch.zeros_like(weights))

    def euler(self, steps: int) -> FlowMatchEulerDiscreteScheduler:
        """diffusers' scheduler, its `steps` set as the family's own pipeline does."""
        scheduler = FlowMatchEulerDiscreteScheduler.from_config(self.config)
        options: dict[str, Any] = {}
        if self.even:
            options["sigmas"] = np.linspace(1.0, 1.0 / steps, steps)
        if self.config.get("use_dynamic_shifting"):
            options["mu"] = self._shift()
        scheduler.set_timesteps(None if self.even else steps, **options)
        return scheduler

    def _shift(self) -> float:
        """mu, linear in the number of tokens (Esser et al. 2024, section 5.3.2)."""
        low, high = (self.config.get(f"{end}_image_seq_len") for end in ("base", "max"))
        first, last = (self.config.get(f"{end}_shift") for end in ("base", "max"))
        ends = [float(256 if low is None else low), float(4096 if high is None else high)]
        shifts = [float(0.5 if first is None else first), float(1.15 if last is None else last)]
        slope = (shifts[1] - shifts[0]) / (ends[1] - ends[0])
        return self.tokens * slope + shifts[0] - slope * ends[0]
