"""Painting: from a prompt and a seed, DDIM step by step, to a picture.

One iterator; whoever draws the bar or the preview consumes it, and closing it cancels the run
within one step. Knows no page and no file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import DDIMScheduler
from PIL import Image
from torch import Tensor

from core.diffusion.protocol import DiffusionModel
from core.diffusion.tensors import tensor_to_image
from core.errors import UsageError

SPACING = "trailing"


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


def ddim(model: DiffusionModel, steps: int) -> Any:
    """diffusers' DDIM scheduler (eta 0) over the model's own schedule."""
    if not 1 <= steps <= model.schedule.length:
        raise UsageError(
            f"{steps} steps cannot be painted: choose between 1 and {model.schedule.length}."
        )
    scheduler = DDIMScheduler(
        num_train_timesteps=model.schedule.length,
        trained_betas=model.schedule.betas.float().numpy(),
        clip_sample=False,
        prediction_type="epsilon",
        timestep_spacing=SPACING,
    )
    scheduler.set_timesteps(steps)
    return scheduler


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
    """Classifier-free guided DDIM; the same seed gives the same picture on the same device.

    `guidance` 1 means none. A preview (the current estimate of x_0, decoded) comes with the first
    step and with every `preview_every`-th after it; 0 means never.
    """
    scheduler = ddim(model, steps)
    generator = torch.Generator("cpu").manual_seed(seed)
    latents = torch.randn((1, *model.latent_shape), generator=generator).to(model.device)
    conditioning = model.condition([prompt])
    guided = conditioning is not None and guidance != 1.0
    if guided and conditioning is not None:
        blank = model.condition([""])
        assert blank is not None
        conditioning = torch.cat([blank, conditioning])
    for index, timestep in enumerate(scheduler.timesteps, start=1):
        noise = _predict(model, latents, timestep, conditioning, guidance if guided else None)
        update = scheduler.step(noise, timestep, latents)
        latents = update.prev_sample
        wanted = preview_every > 0 and (index == 1 or index % preview_every == 0)
        preview = None
        if wanted and index < steps:
            preview = tensor_to_image(model.decode(update.pred_original_sample)[0])
        yield Step(index, steps, preview)
    yield Painted(tensor_to_image(model.decode(latents)[0]))


def _predict(
    model: DiffusionModel,
    latents: Tensor,
    timestep: Tensor,
    conditioning: Tensor | None,
    guidance: float | None,
) -> Tensor:
    """eps, or eps_blank + guidance (eps_prompt - eps_blank)."""
    if guidance is None:
        times = timestep.reshape(1).to(model.device)
        return model.predict_noise(latents, times, conditioning)
    both = latents.repeat(2, 1, 1, 1)
    times = timestep.reshape(1).repeat(2).to(model.device)
    blank, prompted = model.predict_noise(both, times, conditioning).chunk(2)
    return blank + guidance * (prompted - blank)


def paint(
    model: DiffusionModel,
    prompt: str,
    *,
    seed: int,
    steps: int = 20,
    guidance: float = 2.0,
) -> Image.Image:
    """The picture alone."""
    for event in sample(model, prompt, seed=seed, steps=steps, guidance=guidance):
        if isinstance(event, Painted):
            return event.image
    raise AssertionError("sample() ends with Painted")
