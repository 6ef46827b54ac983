"""A pixel DDPM (the paper's CIFAR and CelebA models) behind the model protocol.

Images are their own latents and nothing conditions it; every parameter is attributed. The network
is diffusers' UNet, or another one with the same call and the same layout on disk.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import torch
from diffusers import ConfigMixin, DDPMScheduler, ModelMixin, UNet2DModel
from diffusers.configuration_utils import register_to_config
from diffusers.models.embeddings import get_timestep_embedding
from torch import Tensor, nn
from torch.nn import functional

from core.diffusion.conditioning import Conditioning
from core.diffusion.protocol import DiffusionModel
from core.diffusion.schedule import NoiseSchedule, Schedule
from core.diffusion.tensors import digest_tensors
from core.errors import ModelError


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
    """A new one, its weights sampled from `seed`; `shape` as `ResidualMLP` takes it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ResidualMLP(**shape)


NETWORKS: dict[str, type[ModelMixin]] = {"UNet2DModel": UNet2DModel, "ResidualMLP": ResidualMLP}


class PixelDDPM(DiffusionModel):
    """A `DiffusionModel` over a network of `NETWORKS`."""

    def __init__(
        self,
        unet: ModelMixin,
        scheduler: DDPMScheduler,
        *,
        name: str,
        device: torch.device | str = "cpu",
    ) -> None:
        self.unet = unet.to(device).eval()
        self.scheduler = scheduler
        self.name = name
        self.device = torch.device(device)
        self.network: nn.Module = self.unet
        self.schedule: Schedule = NoiseSchedule.from_config(scheduler.config)
        side = int(unet.config.sample_size)
        self.latent_shape = (int(unet.config.in_channels), side, side)
        self.image_size = side

    @classmethod
    def load(cls, directory: Path, *, device: torch.device | str = "cpu") -> PixelDDPM:
        """From a diffusers directory with `unet/` and `scheduler/`, offline.

        Raises `ModelError` where they are missing or damaged.
        """
        try:
            config = json.loads((directory / "unet" / "config.json").read_text(encoding="utf-8"))
            network = NETWORKS[config["_class_name"]]
            unet = network.from_pretrained(directory / "unet", local_files_only=True)
            scheduler = DDPMScheduler.from_pretrained(
                directory / "scheduler", local_files_only=True
            )
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(
                f"No pixel DDPM can be loaded from {directory} ({type(error).__name__}). "
                "It needs unet/ and scheduler/ in diffusers' layout; train or copy it again."
            ) from error
        return cls(unet, scheduler, name=directory.parent.name, device=device)

    def save(self, directory: Path) -> None:
        """Write diffusers' layout."""
        self.unet.save_pretrained(directory / "unet")
        self.scheduler.save_pretrained(directory / "scheduler")

    @cached_property
    def digest(self) -> str:
        """sha256 over weights and schedule."""
        return digest_tensors(self.unet.state_dict(), dict(self.scheduler.config))

    def encode(self, images: Tensor) -> Tensor:
        """Pixels are the latents: `[b, c, h, w]` -> the same, on the model's device."""
        return images.to(self.device, next(self.unet.parameters()).dtype)

    def decode(self, latents: Tensor) -> Tensor:
        """Latents `[b, c, h, w]` -> pixels clamped to [-1, 1]; grey ones as they are."""
        return latents.clamp(-1.0, 1.0)

    def condition(self, prompts: Sequence[str]) -> Conditioning | None:
        """Nothing conditions this model."""
        return None

    def predict(
        self, noisy: Tensor, timesteps: Tensor, conditioning: Conditioning | None
    ) -> Tensor:
        """The network's own answer, `[b, c, h, w]`."""
        answer: Tensor = self.unet(noisy, timesteps, return_dict=False)[0]
        return answer

    def attributed_parameters(self) -> dict[str, nn.Parameter]:
        """All of them, in the network's order."""
        return dict(self.unet.named_parameters())


def tiny_ddpm(seed: int = 0, *, size: int = 8) -> PixelDDPM:
    """A random pixel DDPM of a few thousand parameters, for tests and laws."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        unet = UNet2DModel(
            sample_size=size,
            block_out_channels=(8, 16),
            layers_per_block=1,
            norm_num_groups=4,
            down_block_types=("DownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "UpBlock2D"),
            attention_head_dim=8,
        )
    return PixelDDPM(unet, DDPMScheduler(), name="tiny")


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
