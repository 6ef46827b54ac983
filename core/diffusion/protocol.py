"""The single seam between a diffusion model and everything that studies it.

A pixel DDPM and Stable Diffusion with LoRA both answer these calls; attribution, training and
sampling know nothing else about a model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from core.diffusion.schedule import NoiseSchedule


class DiffusionModel(Protocol):
    """Letters: b batch, c channels, h x w pixels, h' x w' latent pixels, s tokens, d width."""

    name: str
    device: torch.device
    image_size: int
    latent_shape: tuple[int, int, int]
    schedule: NoiseSchedule
    network: nn.Module

    @property
    def digest(self) -> str:
        """sha256 over everything that changes a number: weights, LoRA, schedule."""
        ...

    def encode(self, images: Tensor) -> Tensor:
        """Images `[b, 3, h, w]` in [-1, 1] -> latents `[b, c, h', w']`, deterministic."""
        ...

    def decode(self, latents: Tensor) -> Tensor:
        """Latents `[b, c, h', w']` -> images `[b, 3, h, w]` in [-1, 1]."""
        ...

    def condition(self, prompts: Sequence[str]) -> Tensor | None:
        """Prompts -> embeddings `[b, s, d]`; None for an unconditional model."""
        ...

    def predict(self, noisy: Tensor, timesteps: Tensor, conditioning: Tensor | None) -> Tensor:
        """The network's own answer (eps or v, see `schedule.prediction_type`)."""
        ...

    def predict_noise(
        self, noisy: Tensor, timesteps: Tensor, conditioning: Tensor | None
    ) -> Tensor:
        """eps_theta(x_t, t): `[b, c, h', w']`, whatever the network predicts."""
        ...

    def attributed_parameters(self) -> dict[str, nn.Parameter]:
        """Ordered; names as in `network.named_parameters()`. LoRA only for Stable Diffusion."""
        ...
