"""What a model makes of latents that it knows: noised up to a timestep, and denoised by itself.

In: a model, pictures' latents with their prompts, how far back. Out: latents that keep a picture's
composition and bear the model's own faults in its details. A decoder that learns to make the true
pictures of these also makes better ones of what is painted from nothing.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from core.diffusion.protocol import DiffusionModel
from core.diffusion.sampling import ddim
from core.diffusion.training.loop import TrainingSet
from core.errors import UsageError
from core.progress import Progress

AT_ONCE = 48  # latents that are denoised together


@dataclass(frozen=True)
class Repainting:
    """`versions` of each picture, begun at a share of the schedule between `least` and `most`, on
    the grid of `steps`, without guidance."""

    versions: int
    least: float = 0.1
    most: float = 0.6
    steps: int = 20

    def __post_init__(self) -> None:
        if self.versions < 1 or not 0.0 <= self.least <= self.most < 1.0:
            raise UsageError(
                f"{self.versions} versions begun between {self.least} and {self.most} cannot be "
                "painted: choose one version at least, and shares in order from 0 to below 1."
            )


@torch.no_grad()
def repainted(
    model: DiffusionModel, data: TrainingSet, how: Repainting, seed: int
) -> Generator[Progress, None, Tensor]:
    """Latents `[versions, n, c, h', w']` of the n pictures of `data`, on the processor.

    x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) eps at a timestep per picture, then DDIM back to 0 (as
    SDEdit, Meng et al. 2022).
    """
    generator = torch.Generator().manual_seed(seed)
    grid = ddim(model, how.steps).timesteps.tolist()
    length, count = model.schedule.length, len(data.latents)
    starts = [place for place, time in enumerate(grid) if how.least <= time / length <= how.most]
    if not starts:
        raise UsageError(
            f"No timestep of {how.steps} lies between {how.least} and {how.most} of the schedule. "
            "Choose more steps, or shares further apart."
        )
    versions = []
    for version in range(how.versions):
        noise = torch.randn(data.latents.shape, generator=generator)
        begins = torch.randint(len(starts), (count,), generator=generator)
        made = torch.empty_like(data.latents)
        done = 0
        for number, place in enumerate(starts):
            rows = (begins == number).nonzero().flatten()
            for part in rows.split(AT_ONCE) if len(rows) else ():
                prompts = [data.prompts[int(data.prompt_of[row])] for row in part]
                latents, fresh = data.latents[part], noise[part]
                made[part] = _denoised(model, latents, fresh, prompts, how.steps, place)
                done += len(part)
                yield Progress("repainting", version * count + done, how.versions * count)
        versions.append(made)
    return torch.stack(versions)


def _denoised(
    model: DiffusionModel, clean: Tensor, noise: Tensor, prompts: list[str], steps: int, start: int
) -> Tensor:
    """Noised to the grid's timestep number `start`, and from there to the end."""
    scheduler = ddim(model, steps)
    times = scheduler.timesteps[start:].tolist()
    clean, noise = clean.to(model.device), noise.to(model.device)
    latents: Tensor = scheduler.add_noise(clean, noise, torch.tensor(times[0]))
    conditioning = model.condition(prompts)
    for time in times:
        at = torch.full((len(latents),), time, device=latents.device)
        answer = model.predict_noise(latents, at, conditioning)
        latents = scheduler.step(answer, time, latents).prev_sample
    return latents.cpu()
