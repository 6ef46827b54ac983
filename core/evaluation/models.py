"""The models a benchmark retrains: what they are before they learn anything, and their losses.

In: a plan and a seed. Out: a `DiffusionModel` with freshly drawn attributed parameters. The same
seed draws the same start, so that retrained models differ by what they learn alone. And in: a
model, pictures' latents, a rule. Out: every objective's mean over timesteps and noises, from one
forward pass. The noise is the rule's own, the same for every model (specification, section 3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import DDPMScheduler, UNet2DModel
from torch import Tensor

from core.attribution.features.noise import noise_for
from core.attribution.features.objectives import OBJECTIVES
from core.attribution.features.spec import NoiseRule
from core.attribution.features.timesteps import TimestepRule
from core.diffusion.conditioning import Conditioning
from core.diffusion.pipeline_model import PipelineModel
from core.diffusion.pixel import PixelDDPM, residual_mlp
from core.diffusion.pixel_flow import flow_transformer
from core.diffusion.protocol import DiffusionModel

NUMBERS = 400_000  # noise numbers of one forward pass
KEPT_NUMBERS = 100_000_000  # of noise held in memory, to draw it once and not for every model


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
    """A LoRA of a collection's own Stable Diffusion; `layers` as in `add_lora`."""

    rank: int
    start: str = "kaiming"
    layers: str = "attention"


@dataclass(frozen=True)
class FlowPlan:
    """A flow transformer on pixels, in patches of `patch` x `patch`."""

    patch: int = 4
    width: int = 96
    heads: int = 4
    depth: int = 4


Plan = MlpPlan | UnetPlan | LoraPlan | FlowPlan


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
        model = PipelineModel.load(base, device=device)
        model.add_lora(plan.rank, seed, plan.start, plan.layers)
        return model
    channels, size = shape[0], shape[1]
    if isinstance(plan, FlowPlan):
        return flow_transformer(
            seed,
            side=size,
            channels=channels,
            patch=plan.patch,
            width=plan.width,
            heads=plan.heads,
            depth=plan.depth,
            device=device,
        )
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


class Losses:
    """Pictures with the timesteps and noises they are asked with; one object, many models."""

    def __init__(
        self, latents: Tensor, ids: Sequence[str], timesteps: TimestepRule, noise: NoiseRule
    ) -> None:
        self.latents = latents
        self.ids = ids
        self.timesteps = timesteps
        self.noise = noise
        self._noises: dict[int, Tensor] = {}

    @torch.no_grad()
    def under(self, model: DiffusionModel, conditioning: Conditioning | None) -> dict[str, Tensor]:
        """Objective -> `[q]` float64; `conditioning [q, ...]`, or None."""
        kept = self.timesteps.timesteps(model.schedule.length)
        times = torch.tensor([t for t in kept for _ in range(self.noise.draws)])
        together = max(1, NUMBERS // (len(times) * self.latents[0].numel()))
        means: dict[str, list[Tensor]] = {name: [] for name in OBJECTIVES}
        for start in range(0, len(self.latents), together):
            numbers = range(start, min(start + together, len(self.latents)))
            values = self._rows(model, conditioning, list(numbers), times, kept)
            for name in means:
                means[name].append(values[name].reshape(len(numbers), -1).mean(1))
        return {name: torch.cat(parts) for name, parts in means.items()}

    def _rows(
        self,
        model: DiffusionModel,
        conditioning: Conditioning | None,
        numbers: Sequence[int],
        times: Tensor,
        kept: Sequence[int],
    ) -> dict[str, Tensor]:
        """Objective -> one number per picture and time, `[b * t]`."""
        noise = torch.cat([self._noise(number, kept) for number in numbers])
        picture = torch.tensor(numbers).repeat_interleave(len(times))
        steps = times.repeat(len(numbers))
        parts: dict[str, list[Tensor]] = {name: [] for name in OBJECTIVES}
        rows = max(1, NUMBERS // self.latents[0].numel())
        for start in range(0, len(steps), rows):
            at = picture[start : start + rows]
            t = steps[start : start + rows].to(model.device)
            clean = self.latents[at].to(model.device)
            eps = noise[start : start + rows].to(clean)
            given = None if conditioning is None else conditioning[at]
            answer = model.predict_noise(model.schedule.add_noise(clean, eps, t), t, given)
            for name, objective in OBJECTIVES.items():
                values = objective(answer, eps, t, model.schedule)
                parts[name].append(values.cpu().double())
        return {name: torch.cat(values) for name, values in parts.items()}

    def _noise(self, number: int, kept: Sequence[int]) -> Tensor:
        """`[t, c, h, w]`; kept, because every model is asked with the same."""
        key = 0 if self.noise.mode == "shared" else number
        if key not in self._noises:
            noise = noise_for(
                self.noise, kept, [self.ids[number]], [number], self.latents.shape[1:]
            )[0]
            if self.latents.numel() * len(noise) > KEPT_NUMBERS and key:
                return noise
            self._noises[key] = noise
        return self._noises[key]
