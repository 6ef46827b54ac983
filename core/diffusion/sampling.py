"""Painting: from a prompt and a seed, step by step (DDIM, or Euler along a flow), to a picture.

One iterator; whoever draws the bar or the preview consumes it, and closing it cancels the run
within one step. Knows no page and no file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from diffusers import DDIMScheduler
from PIL import Image
from torch import Tensor

from core.diffusion.conditioning import Conditioning
from core.diffusion.flow_schedule import FlowSchedule
from core.diffusion.protocol import Call, DiffusionModel
from core.diffusion.schedule import NoiseSchedule
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
    assert isinstance(model.schedule, NoiseSchedule)
    _require_steps(model, steps)
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
    """One step of a batch: `noisy` x_t at `timestep` (between two whole ones along a flow), the
    estimate `clean` of x_0 seen from there, and `latents`, x of the next step; all
    `[b, c, h', w']`."""

    index: int
    timestep: float
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
    solver = _along_a_flow if isinstance(model.schedule, FlowSchedule) else _by_ddim
    timesteps, call, step = solver(model, sampler)
    generators = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
    latents = _noise(model, generators)
    conditioning = model.condition(prompts)
    guided = conditioning is not None and sampler.guidance != 1.0
    if conditioning is not None and conditioning.guidance is not None:
        # the network was distilled to take it as an input: no second pass for it
        given = torch.full_like(conditioning.guidance, sampler.guidance)
        conditioning, guided = replace(conditioning, guidance=given), False
    if guided and conditioning is not None:
        blank = model.condition([""] * len(prompts))
        assert blank is not None
        conditioning = Conditioning.cat([blank, conditioning])
    guidance = sampler.guidance if guided else None
    for index, timestep in enumerate(timesteps, start=1):
        answer = _guided(call, latents, timestep, conditioning, guidance)
        fresh = _noise(model, generators) if sampler.eta > 0 else None
        clean, following = step(index - 1, answer, latents, fresh)
        yield Denoised(
            index=index, timestep=timestep, noisy=latents, clean=clean, latents=following
        )
        latents = following


# (number of the step, the call's answer, x_t, fresh noise) -> the estimate of x_0, the next x
Stepping = Callable[[int, Tensor, Tensor, Tensor | None], tuple[Tensor, Tensor]]


def _by_ddim(model: DiffusionModel, sampler: Sampler) -> tuple[list[float], Call, Stepping]:
    """Timesteps, which of the model's answers is guided, and what a step makes of it."""
    scheduler = ddim(
        model, sampler.steps, clip=sampler.clip, spacing=sampler.spacing, offset=sampler.offset
    )
    times = [int(timestep) for timestep in scheduler.timesteps]

    def step(
        index: int, noise: Tensor, latents: Tensor, fresh: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        update = scheduler.step(
            noise, scheduler.timesteps[index], latents, eta=sampler.eta, variance_noise=fresh
        )
        return update.pred_original_sample, update.prev_sample

    return [*times], model.predict_noise, step


def _along_a_flow(model: DiffusionModel, sampler: Sampler) -> tuple[list[float], Call, Stepping]:
    """The same of a flow: Euler's steps with the velocity, as diffusers' own pipelines go."""
    flow = model.schedule
    assert isinstance(flow, FlowSchedule)
    _require_steps(model, sampler.steps)
    if sampler.eta or sampler.clip:
        raise UsageError(
            f"A flow is painted without fresh noise and without clipping: leave eta "
            f"({sampler.eta}) and clip ({sampler.clip}) out."
        )
    scheduler = flow.euler(sampler.steps)
    sigmas = [float(sigma) for sigma in scheduler.sigmas]

    def step(
        index: int, velocity: Tensor, latents: Tensor, fresh: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        update = scheduler.step(velocity, scheduler.timesteps[index], latents)
        return latents - sigmas[index] * velocity, update.prev_sample

    return [flow.timestep(sigma) for sigma in sigmas[:-1]], model.predict, step


def _require_steps(model: DiffusionModel, steps: int) -> None:
    if not 1 <= steps <= model.schedule.length:
        raise UsageError(
            f"{steps} steps cannot be painted: choose between 1 and {model.schedule.length}."
        )


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
    """Painting with classifier-free guidance (Ho and Salimans 2022); the same seed gives the same
    picture on the same device.

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


def _guided(
    call: Call,
    latents: Tensor,
    timestep: float,
    conditioning: Conditioning | None,
    guidance: float | None,
) -> Tensor:
    """The answer, or answer_blank + guidance (answer_prompt - answer_blank)."""
    if guidance is None:
        times = torch.tensor([timestep] * len(latents), device=latents.device)
        return call(latents, times, conditioning)
    both = latents.repeat(2, 1, 1, 1)
    times = torch.tensor([timestep] * len(both), device=latents.device)
    blank, prompted = call(both, times, conditioning).chunk(2)
    return blank + guidance * (prompted - blank)


def paint(
    model: DiffusionModel, prompt: str, *, seed: int, steps: int = 20, guidance: float = 2.0
) -> Image.Image:
    """The finished picture of `sample`, without its steps."""
    for event in sample(model, prompt, seed=seed, steps=steps, guidance=guidance):
        if isinstance(event, Painted):
            return event.image
    raise AssertionError("sample() ends with Painted")
