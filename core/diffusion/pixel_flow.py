"""A small flow transformer on pixels, behind the model protocol: what benchmarks train again.

Pixels are their own latents and nothing conditions it; every parameter is attributed. The network
is diffusers' DiT (Peebles and Xie 2023), its label always the one that stands for none.
"""

from __future__ import annotations

from functools import cached_property

import torch
from diffusers import DiTTransformer2DModel, FlowMatchEulerDiscreteScheduler
from torch import Tensor

from core.diffusion.conditioning import Conditioning
from core.diffusion.flow_schedule import FlowSchedule
from core.diffusion.pixel import PixelDDPM
from core.diffusion.tensors import digest_tensors


class PixelFlow(PixelDDPM):
    """A `PixelDDPM` whose schedule is a flow's: it answers the velocity eps - x_0."""

    def __init__(
        self,
        network: DiTTransformer2DModel,
        scheduler: FlowMatchEulerDiscreteScheduler,
        *,
        name: str,
        device: torch.device | str = "cpu",
    ) -> None:
        self.unet = network.to(device).eval()
        self.scheduler = scheduler
        self.name = name
        self.device = torch.device(device)
        self.network = self.unet
        side, patch = int(network.config.sample_size), int(network.config.patch_size)
        tokens = (side // patch) ** 2
        self.schedule = FlowSchedule.from_config(scheduler.config, tokens=tokens)
        self.latent_shape = (int(network.config.in_channels), side, side)
        self.image_size = side

    @cached_property
    def digest(self) -> str:
        """sha256 over weights and schedule."""
        return digest_tensors(self.unet.state_dict(), dict(self.scheduler.config))

    def predict(
        self, noisy: Tensor, timesteps: Tensor, conditioning: Conditioning | None
    ) -> Tensor:
        """The velocity, `[b, c, h, w]`."""
        times = self.schedule.network_times(timesteps).to(noisy.dtype)
        labels = torch.zeros(len(noisy), dtype=torch.long, device=noisy.device)
        answer: Tensor = self.unet(noisy, times, class_labels=labels, return_dict=False)[0]
        return answer


def flow_transformer(
    seed: int,
    *,
    side: int,
    channels: int,
    patch: int,
    width: int,
    heads: int,
    depth: int,
    device: torch.device | str = "cpu",
) -> PixelFlow:
    """A new one, its weights sampled from `seed`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = DiTTransformer2DModel(
            sample_size=side,
            patch_size=patch,
            in_channels=channels,
            out_channels=channels,
            num_layers=depth,
            num_attention_heads=heads,
            attention_head_dim=width // heads,
            num_embeds_ada_norm=1,
        )
        for block in network.transformer_blocks:
            # a label left out now and then would be chance that no seed of ours decides
            block.norm1.emb.class_embedder.dropout_prob = 0.0
    return PixelFlow(network, FlowMatchEulerDiscreteScheduler(), name="flow", device=device)
