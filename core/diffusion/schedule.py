"""The forward process q(x_t | x_0): in go clean latents, noise and timesteps, out go noisy latents.

Knows no network. Every quantity has the name it has in DDPM (Ho et al., 2020).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from core.errors import ModelError

PREDICTION_TYPES = ("epsilon", "v_prediction")


class Schedule(Protocol):
    """How noise is mixed in at each of `length` timesteps, least noise first, and what the network
    answers about it. Timesteps `[b]`; latents, noise and answers `[b, ...]`."""

    @property
    def length(self) -> int:
        """T, the number of timesteps."""
        ...

    def coefficients(self, timesteps: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        """The shares of the clean latents and of the noise in x_t, `[b, 1, ...]`."""
        ...

    def add_noise(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """x_t."""
        ...

    def target(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """What the network is trained to answer."""
        ...

    def to_noise(self, prediction: Tensor, noisy: Tensor, timesteps: Tensor) -> Tensor:
        """The noise that the network's answer stands for."""
        ...

    def network_times(self, timesteps: Tensor) -> Tensor:
        """The times `[b]` as the network reads them."""
        ...

    def elbo_weights(self, timesteps: Tensor) -> Tensor:
        """The variational bound's weight of ||eps_theta - eps||^2, `[b]` in float64."""
        ...


@dataclass(frozen=True, eq=False)
class NoiseSchedule:
    """The variance schedule, in float64 on the CPU: `betas [T]`, `alphas_cumprod [T]`."""

    betas: Tensor
    alphas_cumprod: Tensor
    prediction_type: str = "epsilon"

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> NoiseSchedule:
        """Read a diffusers scheduler configuration (linear or scaled-linear betas).

        Raises `ModelError`, naming it, for every other schedule and prediction type.
        """
        count = int(config.get("num_train_timesteps", 1000))
        for name in ("trained_betas", "rescale_betas_zero_snr"):
            if config.get(name) not in (None, False):  # another alpha_bar, zero at its end
                raise ModelError(
                    f"The noise schedule's '{name}' is not supported. Use a model whose scheduler "
                    "has linear or scaled-linear betas as they are."
                )
        if "beta_start" not in config or "beta_end" not in config:
            raise ModelError(
                "The scheduler names no beta_start and beta_end, so it is not Stable Diffusion "
                "1.x's or 2.x's. Use a model with their scheduler."
            )
        start, end = float(config["beta_start"]), float(config["beta_end"])
        kind = config.get("beta_schedule", "linear")
        if kind == "linear":
            betas = torch.linspace(start, end, count, dtype=torch.float64)
        elif kind == "scaled_linear":
            betas = torch.linspace(start**0.5, end**0.5, count, dtype=torch.float64) ** 2
        else:
            raise ModelError(
                f"The noise schedule '{kind}' is not supported. Use 'linear' or 'scaled_linear'."
            )
        prediction = str(config.get("prediction_type", "epsilon"))
        if prediction not in PREDICTION_TYPES:
            raise ModelError(
                f"The prediction type '{prediction}' is not supported. "
                f"Use one of: {', '.join(PREDICTION_TYPES)}."
            )
        return cls(betas, torch.cumprod(1.0 - betas, 0), prediction)

    @property
    def length(self) -> int:
        """T, the number of timesteps."""
        return int(self.betas.shape[0])

    def coefficients(self, timesteps: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        """sqrt(abar_t) and sqrt(1 - abar_t), `[b, 1, ...]` as `like` has dimensions."""
        abar = self.alphas_cumprod[timesteps.cpu()].reshape(-1, *([1] * (like.ndim - 1)))
        # rounded before it travels: not every device has float64
        signal, sigma = abar.sqrt().to(like.dtype), (1.0 - abar).sqrt().to(like.dtype)
        return signal.to(like.device), sigma.to(like.device)

    def add_noise(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) eps (DDPM, Eq. 4); all `[b, ...]`, timesteps
        `[b]`."""
        signal, sigma = self.coefficients(timesteps, latents)
        return signal * latents + sigma * noise

    def target(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """What the network is trained to answer: eps, or v = sqrt(abar) eps - sqrt(1 - abar) x_0
        (Salimans and Ho 2022). `[b, ...]`, timesteps `[b]` -> `[b, ...]`."""
        if self.prediction_type == "epsilon":
            return noise
        signal, sigma = self.coefficients(timesteps, latents)
        return signal * noise - sigma * latents

    def to_noise(self, prediction: Tensor, noisy: Tensor, timesteps: Tensor) -> Tensor:
        """The epsilon that the network's answer stands for: itself, or sqrt(abar) v +
        sqrt(1 - abar) x_t. `[b, ...]`, timesteps `[b]` -> `[b, ...]`."""
        if self.prediction_type == "epsilon":
            return prediction
        signal, sigma = self.coefficients(timesteps, noisy)
        return signal * prediction + sigma * noisy

    def network_times(self, timesteps: Tensor) -> Tensor:
        """The timesteps themselves."""
        return timesteps

    def elbo_weights(self, timesteps: Tensor) -> Tensor:
        """beta_t / (2 alpha_t (1 - abar_t)) (DDPM, Eq. 12, with sigma_t^2 = beta_t), `[b]`."""
        times = timesteps.cpu()
        beta, abar = self.betas[times], self.alphas_cumprod[times]
        return beta / (2.0 * (1.0 - beta) * (1.0 - abar))
