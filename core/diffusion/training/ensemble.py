"""Many models of one kind, each trained on its own part of a set: the work of every benchmark.

In: a model as it starts, a set, the parts, a recipe, a directory. Out: `model-000.safetensors`, ...
Small networks of Linear layers are stacked and trained at once (`vmap`); others one by one. Both
make the same random choices, so the results agree.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.func import vmap

from core.diffusion.protocol import DiffusionModel, FunctionalModel
from core.diffusion.tensors import read_tensors, save_tensors, undamaged
from core.diffusion.training.checkpoint import load_training, save_training
from core.diffusion.training.loop import Recipe, TrainingSet, chosen, draw, learning_rate, train
from core.errors import StoreError
from core.progress import Progress
from core.work_queue import made, unmade

STACKABLE = (nn.Linear, nn.LayerNorm)


@dataclass(frozen=True)
class Parts:
    """`rows[m]`: which works model m learns. `snapshots`: steps at which weights are also kept.

    coupled: each model meets the batches, timesteps and noises that a model of the whole set meets,
    and leaves out of a batch the works that are not its own. Two models then differ by those works
    alone, which makes the effect of removing a few works stand out of the noise of training.
    """

    rows: tuple[tuple[int, ...], ...]
    snapshots: tuple[int, ...] = ()
    coupled: bool = False

    def kept(self, number: int, works: int) -> Tensor:
        """Which of the `works` of the set model `number` learns, `[works]` bool."""
        mask = torch.zeros(works, dtype=torch.bool)
        mask[list(self.rows[number])] = True
        return mask


def model_file(directory: Path, number: int, step: int | None = None) -> Path:
    """Where model `number` lies, finished or as it was after `step` steps."""
    kept = "" if step is None else f"-step-{step}"
    return directory / f"model-{number:03d}{kept}.safetensors"


def read_made(path: Path, what: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a file that a benchmark made; `what` it is, in words. Raises
    `StoreError` where it is missing or damaged."""
    if not path.is_file():
        raise StoreError(f"{what} {path.name} is missing. Run the benchmark again.")
    return undamaged(
        lambda: read_tensors(path),
        f"{what} {path}",
        "Remove that file and run the benchmark again: only it is made again.",
        StoreError,
    )


def load_into(model: DiffusionModel, path: Path) -> None:
    """Put a kept model's parameters into `model`. Raises `StoreError` where it is missing."""
    weights, _ = read_made(path, "The retrained model")
    with torch.no_grad():
        for name, parameter in model.attributed_parameters().items():
            parameter.copy_(weights[name])
    model.__dict__.pop("digest", None)  # computed from the weights, and kept


def parameters_of(model: DiffusionModel) -> dict[str, Tensor]:
    """A copy of the attributed parameters."""
    return {name: value.detach().clone() for name, value in model.attributed_parameters().items()}


def train_many(
    model: DiffusionModel,
    data: TrainingSet,
    parts: Parts,
    recipe: Recipe,
    directory: Path,
    *,
    at_once: bool | None = None,
    patient: bool = True,
) -> Iterator[Progress]:
    """Train one copy of `model` per part; finished ones are skipped, a stopped one goes on, and
    other processes that were given the same take their share (`patient`: theirs are waited for).

    `recipe.steps` counts a whole run of a part, which must be of equal length where models are
    trained at once and are not coupled. `at_once` None decides by the network. The model ends as
    it began.
    """
    if all(model_file(directory, number).is_file() for number in range(len(parts.rows))):
        return
    before = parameters_of(model)
    stacked = stackable(model, parts, recipe) if at_once is None else at_once
    try:
        if stacked:
            last = model_file(directory, len(parts.rows) - 1)  # of all, it is written last
            for _ in unmade({last: None}, patient=patient):
                yield from _at_once(model, data, parts, recipe, directory)
        else:
            yield from _one_by_one(model, data, parts, recipe, directory, patient)
    finally:
        with torch.no_grad():
            for name, parameter in model.attributed_parameters().items():
                parameter.copy_(before[name])


def stackable(model: DiffusionModel, parts: Parts, recipe: Recipe) -> bool:
    """Whether all attributed layers are plain ones and all parts equally long.

    Stacked convolutions are slower than one after the other; nor would dropout be the same.
    """
    modules = dict(model.network.named_modules())
    layers = {modules[name.rpartition(".")[0]] for name in model.attributed_parameters()}
    whole = len(model.attributed_parameters()) == len(list(model.network.parameters()))
    plain = all(isinstance(layer, STACKABLE) for layer in layers)
    dropped = any(isinstance(module, nn.Dropout) and module.p for module in modules.values())
    plain = plain and whole and not dropped and not recipe.ema and not recipe.dropout
    return plain and (parts.coupled or len({len(rows) for rows in parts.rows}) == 1)


def _one_by_one(
    model: DiffusionModel,
    data: TrainingSet,
    parts: Parts,
    recipe: Recipe,
    directory: Path,
    patient: bool,
) -> Iterator[Progress]:
    start = parameters_of(model)
    jobs = {model_file(directory, number): number for number in range(len(parts.rows))}
    for number in unmade(jobs, patient=patient):
        rows, finished = parts.rows[number], made(jobs)
        part = data if parts.coupled else data.of(rows)
        kept = parts.kept(number, len(data.latents)) if parts.coupled else None
        with torch.no_grad():
            for name, parameter in model.attributed_parameters().items():
                parameter.copy_(start[name])
        scratch = directory / f"training-{number:03d}"
        parameters = model.attributed_parameters()
        for event in train(model, parameters, part, recipe, scratch, kept=kept):
            if event.done in parts.snapshots:
                save_tensors(model_file(directory, number, event.done), parameters_of(model), {})
            done, total = finished * recipe.steps + event.done, len(jobs) * recipe.steps
            yield Progress(f"Training {directory.name}", done, total, event.note)
        save_tensors(model_file(directory, number), parameters_of(model), {})
        shutil.rmtree(scratch, ignore_errors=True)


def _at_once(
    model: DiffusionModel, data: TrainingSet, parts: Parts, recipe: Recipe, directory: Path
) -> Iterator[Progress]:
    works = len(data.latents)
    masks = torch.stack([parts.kept(number, works) for number in range(len(parts.rows))])
    rows = torch.arange(works).expand(len(masks), -1) if parts.coupled else torch.tensor(parts.rows)
    stack = {
        name: nn.Parameter(value.detach().expand(len(rows), *value.shape).clone())
        for name, value in model.attributed_parameters().items()
    }
    optimizer = torch.optim.AdamW(
        list(stack.values()),
        recipe.learning_rate,
        recipe.betas,
        weight_decay=recipe.weight_decay,
        fused=True,
    )
    checkpoint = directory / "training.safetensors"
    predict = vmap(FunctionalModel(model, model.predict), in_dims=(0, 0, None, None))
    done = load_training(checkpoint, stack, optimizer)
    for step in range(done, recipe.steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(recipe, step)
        chances = draw(recipe, step, rows.shape[1], data.latents.shape[1:], model.schedule.length)
        models, count = rows.shape[0], len(chances.rows)
        posterior = chances.posterior
        if posterior is not None:
            posterior = posterior.repeat(models, 1, 1, 1)
        places = rows[:, chances.rows].flatten()
        latents = chosen(data, places, chances.mirrored.repeat(models), posterior)
        latents, times = latents.to(model.device), chances.times.to(model.device)
        noise, each = chances.noise.to(model.device).repeat(models, 1, 1, 1), times.repeat(models)
        shape = (models, count, *latents.shape[1:])
        noisy = model.schedule.add_noise(latents, noise, each).reshape(shape)
        target = model.schedule.target(latents, noise, each).reshape(shape)
        errors = predict(stack, noisy, times, None) - target
        if parts.coupled:
            squares, own = errors.flatten(2).square().mean(2), masks[:, chances.rows].to(errors)
            losses = (squares * own).sum(1) / own.sum(1).clamp_min(1.0)
        else:
            losses = errors.flatten(1).square().mean(1)
        optimizer.zero_grad(set_to_none=True)
        losses.sum().backward()
        _clip(stack)
        optimizer.step()
        if step + 1 in parts.snapshots:
            _save(stack, directory, step + 1)
        if (step + 1) % recipe.checkpoint_every == 0:
            save_training(checkpoint, stack, optimizer, step + 1)
        note = f"loss {losses.mean().item():.4f}"
        yield Progress(f"Training {directory.name}", step + 1, recipe.steps, note)
    _save(stack, directory)
    checkpoint.unlink(missing_ok=True)


def _clip(stack: dict[str, nn.Parameter], largest: float = 1.0) -> None:
    """Each model's gradient to length one at most, as one model alone would be clipped."""
    squares: Tensor | float = 0.0
    for value in stack.values():
        assert value.grad is not None
        squares = squares + value.grad.flatten(1).square().sum(1)
    assert isinstance(squares, Tensor)
    scale = (largest / (squares.sqrt() + 1e-6)).clamp_max(1.0)
    for value in stack.values():
        assert value.grad is not None
        value.grad.mul_(scale.reshape(-1, *([1] * (value.ndim - 1))))


def _save(stack: dict[str, nn.Parameter], directory: Path, step: int | None = None) -> None:
    for number in range(len(next(iter(stack.values())))):
        one = {name: value.detach()[number] for name, value in stack.items()}
        save_tensors(model_file(directory, number, step), one, {})
