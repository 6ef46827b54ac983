"""A small residual MLP that predicts noise: the denoiser of benchmarks that must take seconds.

In: `[b, c, h, w]` and timesteps `[b]`. Out: `[b, c, h, w]`. Saved and loaded in diffusers' layout.
"""

from __future__ import annotations

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from diffusers.models.embeddings import get_timestep_embedding
from torch import Tensor, nn
from torch.nn import functional


class Block(nn.Module):
    """h + B silu(A LN(h) + time)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.rise = nn.Linear(width, width)
        self.fall = nn.Linear(width, width)

    def forward(self, hidden: Tensor, time: Tensor) -> Tensor:
        """`[b, width]` twice -> `[b, width]`."""
        moved: Tensor = hidden + self.fall(functional.silu(self.rise(self.norm(hidden)) + time))
        return moved


class ResidualMLP(ModelMixin, ConfigMixin):
    """Pixels -> width, `depth` residual blocks with a sinusoidal time, LN, silu -> pixels."""

    @register_to_config
    def __init__(
        self,
        sample_size: int = 8,
        in_channels: int = 1,
        width: int = 128,
        time_width: int = 64,
        depth: int = 2,
    ) -> None:
        super().__init__()
        pixels = in_channels * sample_size**2
        self.time_width = time_width
        self.enter = nn.Linear(pixels, width)
        self.time = nn.Linear(time_width, width)
        self.blocks = nn.ModuleList(Block(width) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.leave = nn.Linear(width, pixels)

    def forward(
        self, sample: Tensor, timestep: Tensor, return_dict: bool = False
    ) -> tuple[Tensor, ...]:
        """The predicted noise, as diffusers' networks answer: `(eps [b, c, h, w],)`."""
        time = self.time(get_timestep_embedding(timestep, self.time_width).to(sample.dtype))
        hidden = self.enter(sample.flatten(1))
        for block in self.blocks:
            hidden = block(hidden, time)
        answer = self.leave(functional.silu(self.norm(hidden)))
        return (answer.reshape(sample.shape),)


def residual_mlp(seed: int, **shape: int) -> ResidualMLP:
    """A new one, its weights drawn from `seed`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ResidualMLP(**shape)
