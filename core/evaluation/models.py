"""The models a benchmark retrains: what they are before they learn anything.

In: a plan and a seed. Out: a `DiffusionModel` with freshly drawn attributed parameters. The same
seed draws the same start, so that retrained models differ by what they learn alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import DDPMScheduler, UNet2DModel

from core.diffusion.pixel import PixelDDPM, residual_mlp
from core.diffusion.protocol import DiffusionModel
from core.diffusion.stable import StableDiffusion


@dataclass(frozen=True)
class MlpPlan:
    """A residual MLP on pixels."""

    width: int = 128
    time_width: int = 64
    depth: int = 2


@dataclass(frozen=True, kw_only=True)
class UnetPlan:
    """diffusers' pixel UNet. `attention`: at which of the levels, counted from the largest."""

    channels: tuple[int, ...]
    layers: int = 2
    attention: tuple[int, ...] = ()
    head_width: int | None = None
    groups: int = 32
    scale_shift: bool = True
    epsilon: float = 1e-6
    flip_sin_to_cos: bool = False


@dataclass(frozen=True)
class LoraPlan:
    """A LoRA on the attention of a collection's own Stable Diffusion."""

    rank: int
    start: str = "kaiming"


Plan = MlpPlan | UnetPlan | LoraPlan


def blank_model(
    plan: Plan,
    shape: Sequence[int],
    seed: int,
    *,
    base: Path | None = None,
    device: torch.device | str = "cpu",
) -> DiffusionModel:
    """The untaught model for pictures of `shape (c, h, w)`; `base` is the LoRA's model folder."""
    if isinstance(plan, LoraPlan):
        assert base is not None
        model = StableDiffusion.load(base, device=device)
        model.add_lora(plan.rank, seed, plan.start)
        return model
    channels, size = shape[0], shape[1]
    if isinstance(plan, MlpPlan):
        network = residual_mlp(
            seed,
            sample_size=size,
            in_channels=channels,
            width=plan.width,
            time_width=plan.time_width,
            depth=plan.depth,
        )
        return PixelDDPM(network, DDPMScheduler(), name="mlp", device=device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        unet = UNet2DModel(
            sample_size=size,
            in_channels=channels,
            out_channels=channels,
            layers_per_block=plan.layers,
            block_out_channels=plan.channels,
            down_block_types=_blocks(plan, "Down"),
            up_block_types=_blocks(plan, "Up")[::-1],
            attention_head_dim=plan.head_width,
            norm_num_groups=plan.groups,
            norm_eps=plan.epsilon,
            flip_sin_to_cos=plan.flip_sin_to_cos,
            freq_shift=0 if plan.flip_sin_to_cos else 1,
            downsample_padding=0,
            resnet_time_scale_shift="scale_shift" if plan.scale_shift else "default",
        )
    return PixelDDPM(unet, DDPMScheduler(), name="unet", device=device)


def _blocks(plan: UnetPlan, way: str) -> tuple[str, ...]:
    return tuple(
        f"Attn{way}Block2D" if level in plan.attention else f"{way}Block2D"
        for level in range(len(plan.channels))
    )


def parameter_count(model: DiffusionModel) -> int:
    """How many numbers are attributed."""
    return sum(parameter.numel() for parameter in model.attributed_parameters().values())
