"""Training a diffusion model on cached latents: base models, LoRAs and pixel DDPMs alike.

In: a model, latents, the prompts' numbers, a recipe, a directory. Out: trained parameters, and a
checkpoint from which a killed run goes on to the same result: every random choice of a step comes
from (seed, step). Knows no pictures and no files but its checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from core.diffusion.checkpoint import cosine, load_training, save_training
from core.diffusion.protocol import DiffusionModel
from core.diffusion.weights import save_tensors
from core.progress import Progress

Embed = Callable[[], Tensor]


@dataclass(frozen=True)
class Recipe:
    """How long and how fast. `ema` 0 keeps no moving average; `prompt_dropout` serves guidance."""

    steps: int
    batch_size: int = 16
    learning_rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 1e-6
    warmup: int = 200
    ema: float = 0.0
    prompt_dropout: float = 0.1
    checkpoint_every: int = 100
    seed: int = 0


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """`latents [n, c, h', w']`; `prompt_of [n]` indexes `prompts`, of which number 0 is empty."""

    latents: Tensor
    prompt_of: Tensor
    prompts: Sequence[str]


def train(
    model: DiffusionModel,
    parameters: dict[str, nn.Parameter],
    data: TrainingSet,
    recipe: Recipe,
    directory: Path,
    *,
    embed: Embed | None = None,
) -> Iterator[Progress]:
    """Minimise the mean squared error of the network's answer (L_Simple for eps-prediction).

    `embed` answers the prompts' embeddings `[prompts, s, d]` when the text encoder is trained too;
    otherwise they are computed once. At the end the parameters hold the moving average, if any.
    """
    for parameter in parameters.values():
        parameter.requires_grad_(True)
    model.network.train()
    optimizer = torch.optim.AdamW(
        list(parameters.values()),
        recipe.learning_rate,
        recipe.betas,
        weight_decay=recipe.weight_decay,
    )
    checkpoint, average_file = (
        directory / "training.safetensors",
        directory / "average.safetensors",
    )
    done = load_training(checkpoint, parameters, optimizer)
    average = {name: value.detach().clone() for name, value in parameters.items()}
    if done and recipe.ema and average_file.is_file():
        average = load_file(average_file)
    fixed = None if embed is not None else model.condition(data.prompts)
    for step in range(done, recipe.steps):
        for group in optimizer.param_groups:
            group["lr"] = cosine(step, recipe.steps, recipe.learning_rate, recipe.warmup)
        table = embed() if embed is not None else fixed
        loss = _loss(model, data, recipe, step, table)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters.values(), 1.0)
        optimizer.step()
        if recipe.ema:
            _follow(average, parameters, min(recipe.ema, (1 + step) / (10 + step)))
        if (step + 1) % recipe.checkpoint_every == 0 or step + 1 == recipe.steps:
            save_training(checkpoint, parameters, optimizer, step + 1)
            if recipe.ema:
                save_tensors(average_file, average, {"step": str(step + 1)})
        yield Progress(directory.name, step + 1, recipe.steps, f"loss {loss.item():.4f}")
    if recipe.ema:
        with torch.no_grad():
            for name, parameter in parameters.items():
                parameter.copy_(average[name])
    for parameter in parameters.values():
        parameter.requires_grad_(False)
    model.network.eval()


def _loss(
    model: DiffusionModel,
    data: TrainingSet,
    recipe: Recipe,
    step: int,
    table: Tensor | None,
) -> Tensor:
    """One batch's loss; which works, timesteps, noises and blanked prompts: from (seed, step)."""
    generator = torch.Generator().manual_seed(recipe.seed * 1_000_003 + step)
    count = recipe.batch_size
    rows = torch.randint(len(data.latents), (count,), generator=generator)
    # One timestep per stratum: the same uniform law, a far less noisy loss.
    offsets = (torch.arange(count) + torch.rand(count, generator=generator)) / count
    times = (offsets * model.schedule.length).long().clamp_max(model.schedule.length - 1)
    latents = data.latents[rows].to(model.device)
    noise = torch.randn(latents.shape, generator=generator).to(model.device)
    blank = torch.rand(count, generator=generator) < recipe.prompt_dropout
    conditioning = None
    if table is not None:
        conditioning = table[torch.where(blank, 0, data.prompt_of[rows])]
    times = times.to(model.device)
    noisy = model.schedule.add_noise(latents, noise, times)
    answer = model.predict(noisy, times, conditioning)
    return functional.mse_loss(answer, model.schedule.target(latents, noise, times))


@torch.no_grad()
def _follow(average: dict[str, Tensor], parameters: dict[str, nn.Parameter], decay: float) -> None:
    """average <- decay * average + (1 - decay) * parameter."""
    targets = list(average.values())
    torch._foreach_lerp_(targets, [parameters[name].detach() for name in average], 1.0 - decay)
