"""Painting: from a prompt and a seed, DDIM step by step, to a picture.

One iterator; whoever draws the bar or the preview consumes it, and closing it cancels the run
within one step. Knows no page and no file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import DDIMScheduler
from PIL import Image
from torch import Tensor

from core.diffusion.protocol import DiffusionModel
from core.diffusion.tensors import tensor_to_image
from core.errors import UsageError

SPACINGS = ("trailing", "leading")


@dataclass(frozen=True)
class Step:
    """`index` of `total` denoising steps are done; `preview` is the expected picture, if drawn."""

    index: int
    total: int
    preview: Image.Image | None


@dataclass(frozen=True)
class Painted:
    """The finished picture, rounded to 8 bits: what is shown, saved, hashed and attributed."""

    image: Image.Image


def ddim(
    model: DiffusionModel,
    steps: int,
    *,
    clip: bool = False,
    spacing: str = "trailing",
    offset: int = 0,
) -> Any:
    """diffusers' DDIM scheduler (Song et al. 2021) over the model's own schedule; see `Sampler`.

    Raises `UsageError` for an unknown spacing and for more steps than the schedule has.
    """
    if spacing not in SPACINGS:
        raise UsageError(f"There is no spacing '{spacing}'. Choose one of: {', '.join(SPACINGS)}.")
    if not 1 <= steps <= model.schedule.length:
        raise UsageError(
            f"{steps} steps cannot be painted: choose between 1 and {model.schedule.length}."
        )
    scheduler = DDIMScheduler(
        num_train_timesteps=model.schedule.length,
        trained_betas=model.schedule.betas.float().numpy(),
        clip_sample=clip,
        prediction_type="epsilon",
        timestep_spacing=spacing,
        steps_offset=offset,
    )
    scheduler.set_timesteps(steps)
    return scheduler


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """How pictures are denoised. `eta` 0 is DDIM, 1 ancestral; `guidance` 1 means none; `clip`
    keeps the estimate of x_0 in [-1, 1] (pixels, not latents). `spacing`: `trailing` ends at pure
    noise, 999, 949, ...; `leading` is the reference's: 980, ..., 0, plus `offset`."""

    steps: int = 20
    guidance: float = 2.0
    eta: float = 0.0
    clip: bool = False
    spacing: str = "trailing"
    offset: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Denoised:
    """One step of a batch: `noisy` x_t at `timestep`, the estimate `clean` of x_0 seen from there,
    and `latents`, x of the next step; all `[b, c, h', w']`."""

    index: int
    timestep: int
    noisy: Tensor
    clean: Tensor
    latents: Tensor


@torch.no_grad()
def denoise(
    model: DiffusionModel, prompts: Sequence[str], seeds: Sequence[int], sampler: Sampler
) -> Iterator[Denoised]:
    """The path from noise to latents, step by step; every picture has its own generator.

    b prompts and b seeds, one each -> `sampler.steps` steps of `[b, c, h', w']`. Raises
    `UsageError` as `ddim` does.
    """
    scheduler = ddim(
        model, sampler.steps, clip=sampler.clip, spacing=sampler.spacing, offset=sampler.offset
    )
    generators = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
    latents = _noise(model, generators)
    conditioning = model.condition(prompts)
    guided = conditioning is not None and sampler.guidance != 1.0
    if guided and conditioning is not None:
        blank = model.condition([""] * len(prompts))
        assert blank is not None
        conditioning = torch.cat([blank, conditioning])
    guidance = sampler.guidance if guided else None
    for index, timestep in enumerate(scheduler.timesteps, start=1):
        noise = _predict(model, latents, timestep, conditioning, guidance)
        fresh = _noise(model, generators) if sampler.eta > 0 else None
        update = scheduler.step(noise, timestep, latents, eta=sampler.eta, variance_noise=fresh)
        yield Denoised(
            index=index,
            timestep=int(timestep),
            noisy=latents,
            clean=update.pred_original_sample,
            latents=update.prev_sample,
        )
        latents = update.prev_sample


def _noise(model: DiffusionModel, generators: Sequence[torch.Generator]) -> Tensor:
    samples = [torch.randn(model.latent_shape, generator=generator) for generator in generators]
    return torch.stack(samples).to(model.device)


@torch.no_grad()
def sample(
    model: DiffusionModel,
    prompt: str,
    *,
    seed: int,
    steps: int = 20,
    guidance: float = 2.0,
    preview_every: int = 0,
) -> Iterator[Step | Painted]:
    """Classifier-free guided DDIM (Ho and Salimans 2022); the same seed gives the same picture
    on the same device.

    `guidance` 1 means none. A preview (the current estimate of x_0, decoded) comes with the first
    step and with every `preview_every`-th after it; 0 means never.
    """
    for at in denoise(model, [prompt], [seed], Sampler(steps=steps, guidance=guidance)):
        previewed = preview_every > 0 and (at.index == 1 or at.index % preview_every == 0)
        preview = None
        if previewed and at.index < steps:
            preview = tensor_to_image(model.decode(at.clean)[0])
        yield Step(at.index, steps, preview)
    yield Painted(tensor_to_image(model.decode(at.latents)[0]))


def _predict(
    model: DiffusionModel,
    latents: Tensor,
    timestep: Tensor,
    conditioning: Tensor | None,
    guidance: float | None,
) -> Tensor:
    """eps, or eps_blank + guidance (eps_prompt - eps_blank)."""
    if guidance is None:
        times = timestep.repeat(len(latents)).to(model.device)
        return model.predict_noise(latents, times, conditioning)
    both = latents.repeat(2, 1, 1, 1)
    times = timestep.repeat(len(both)).to(model.device)
    blank, prompted = model.predict_noise(both, times, conditioning).chunk(2)
    return blank + guidance * (prompted - blank)


def paint(
    model: DiffusionModel, prompt: str, *, seed: int, steps: int = 20, guidance: float = 2.0
) -> Image.Image:
    """The finished picture of `sample`, without its steps."""
    for event in sample(model, prompt, seed=seed, steps=steps, guidance=guidance):
        if isinstance(event, Painted):
            return event.image
    raise AssertionError("sample() ends with Painted")
