"""What a model is taught instead, to forget some works: two targets, and how far each agrees with
true retraining.

In: a model, the latents of kept and forgotten works. Out: a `Teach` for the training loop; and for
a benchmark that retrains without each artist, how forgetting an artist agrees with that.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core.diffusion.protocol import DiffusionModel
from core.diffusion.schedule import NoiseSchedule
from core.diffusion.stable import StableDiffusion
from core.diffusion.tensors import save_tensors
from core.diffusion.training.ensemble import load_into, parameters_of
from core.diffusion.training.loop import Recipe, Teach, TrainingSet, train
from core.errors import UsageError
from core.evaluation.agreement import DRAWS, LEAST, MEASURES, Interval, interval, resampling
from core.evaluation.benchmark import SPLITS, Benchmark, tensors_of
from core.evaluation.models import Losses
from core.evaluation.removal_effects import measured
from core.progress import Progress
from core.work_queue import made, unmade

BASE, NEIGHBOURS = "base", "neighbours"
TARGETS = (BASE, NEIGHBOURS)
NEAREST = 5
# An answer that points elsewhere is off by the distance over sigma: below this noise level the
# target moves from the forgotten work only in proportion to sigma, so that it stays bounded.
SIGMA_FLOOR = 0.5
RECIPE = Recipe(steps=120, learning_rate=1e-3, warmup=10, checkpoint_every=20, seed=3)


def redirected(
    schedule: NoiseSchedule, noisy: Tensor, times: Tensor, own: Tensor, near: Tensor
) -> Tensor:
    """What a network that never met `own [b, ...]` would answer about `noisy [b, ...]` if it knew
    the kept works `near [b, k, ...]` by heart: it points to their mean, each by how probable it is
    behind what is seen, exp(-|x_t - a x_i|^2 / 2 sigma^2) (ReTrack's target)."""
    signal, sigma = schedule.coefficients(times, noisy)
    gaps = (noisy[:, None] - signal[:, None] * near).flatten(2).square().sum(2)
    weights = torch.softmax(-gaps / (2.0 * sigma.reshape(-1, 1).square()), dim=1)
    mean = (weights.reshape(*weights.shape, *([1] * (near.ndim - 2))) * near).sum(1)
    clean = own + (sigma / SIGMA_FLOOR).clamp_max(1.0) * (mean - own)
    return schedule.target(clean, (noisy - signal * clean) / sigma, times)


def nearest_kept(kept: Tensor, own: Tensor, count: int = NEAREST) -> Tensor:
    """The kept works next to each forgotten one by latents, `[m, k, ...]`."""
    distances = torch.cdist(own.flatten(1).double(), kept.flatten(1).double())
    return kept[distances.topk(min(count, len(kept)), largest=False).indices]


def forgetting_set(data: TrainingSet, own: Sequence[int]) -> tuple[TrainingSet, int]:
    """The kept works, then the forgotten ones as often as all kept together; and how many are
    kept."""
    gone = set(own)
    kept = [row for row in range(len(data.latents)) if row not in gone]
    if not kept or not own:
        raise UsageError("To forget some works, some must be named and others kept.")
    again = [own[number % len(own)] for number in range(len(kept))]
    return data.of([*kept, *again]), len(kept)


def teacher(model: DiffusionModel, data: TrainingSet, kept: int, target: str) -> Teach:
    """About the first `kept` works of `data` the usual target; about the others what the base model
    answers (`base`), or what knowing the kept works alone would answer (`neighbours`)."""
    if target not in TARGETS:
        raise UsageError(f"There is no target '{target}'. Choose one of: {', '.join(TARGETS)}.")
    if target == BASE and not isinstance(model, StableDiffusion):
        raise UsageError("Only a model with a LoRA has a base whose answer could be the target.")
    near = nearest_kept(data.latents[:kept], data.latents[kept:])

    def teach(
        rows: Tensor, noisy: Tensor, times: Tensor, conditioning: Tensor | None, usual: Tensor
    ) -> Tensor:
        forgotten = rows >= kept
        if not forgotten.any():
            return usual
        if target == BASE:
            assert isinstance(model, StableDiffusion)
            other = model.base_predict(noisy, times, conditioning)
        else:
            place = (rows - kept).clamp_min(0)
            own, around = data.latents[kept + place].to(noisy), near[place].to(noisy)
            other = redirected(model.schedule, noisy, times, own, around)
        mask = forgotten.to(usual.device).reshape(-1, *([1] * (usual.ndim - 1)))
        return torch.where(mask, other, usual)

    return teach


@dataclass(frozen=True, kw_only=True)
class ForgettingRow:
    """One target in one split: agreement of what forgetting each of some artists does to a
    picture's loss with what retraining without them does."""

    target: str
    split: str
    artists: tuple[str, ...]
    pictures: int
    pearson: Interval
    spearman: Interval
    top1: Interval
    ndcg3: Interval
    loss_ratio: float  # mean change of loss by forgetting over that by retraining


def targets_of(bench: Benchmark) -> tuple[str, ...]:
    """Those that the benchmark's model can be taught."""
    return TARGETS if bench.prompted else (NEIGHBOURS,)


def chosen_artists(bench: Benchmark, count: int) -> list[int]:
    """Numbers of so many artists in sorted order, evenly spaced."""
    names = sorted(set(bench.split.works.artists))
    if not 3 <= count <= len(names):
        raise UsageError(f"{count} artists cannot be forgotten: choose 3 to {len(names)}.")
    return [round(place) for place in np.linspace(0, len(names) - 1, count)]


def forget_artists(bench: Benchmark, count: int) -> Iterator[Progress]:
    """The painted model without each of some artists, by every target, and what it does."""
    names = sorted(set(bench.split.works.artists))
    for target in targets_of(bench):
        jobs = {_losses_file(bench, target, a): a for a in chosen_artists(bench, count)}
        for artist in unmade(jobs):
            own = [
                row for row, name in enumerate(bench.split.works.artists) if name == names[artist]
            ]
            yield from _forget(bench, target, artist, own)
            save_tensors(_losses_file(bench, target, artist), _losses(bench), {})
            yield Progress(f"Forgetting, {target}", made(jobs), len(jobs), names[artist])


def _forget(bench: Benchmark, target: str, artist: int, own: Sequence[int]) -> Iterator[Progress]:
    """The model, in `bench.model`."""
    file = bench.directory / "forgotten" / target / f"model-{artist:03d}.safetensors"
    model = bench.load("full")
    if file.is_file():
        load_into(model, file)
        return
    data, kept = forgetting_set(bench.training_set, own)
    scratch = file.with_suffix("")
    teach = teacher(model, data, kept, target)
    for event in train(model, model.attributed_parameters(), data, RECIPE, scratch, teach=teach):
        yield replace(event, phase=f"Forgetting, {target}")
    save_tensors(file, parameters_of(model), {})
    shutil.rmtree(scratch, ignore_errors=True)


def _losses(bench: Benchmark) -> dict[str, Tensor]:
    rule, tensors = bench.preset.outcome, {}
    for split in SPLITS:
        part = bench.pictures(split)
        losses = Losses(part.latents, part.ids, rule.timesteps, rule.noise)
        tensors[split] = losses.under(bench.model, bench.model.condition(part.prompts))["simple"]
    return tensors


def _losses_file(bench: Benchmark, target: str, artist: int) -> Path:
    folder = bench.directory / "outcomes" / "forgotten" / target
    return folder / f"model-{artist:03d}.safetensors"


def forgetting_rows(bench: Benchmark, count: int, draws: int = DRAWS) -> Iterator[ForgettingRow]:
    """Each target against the measured effects, over the artists that were forgotten."""
    names = sorted(set(bench.split.works.artists))
    chosen = chosen_artists(bench, count)
    for split in SPLITS:
        truth = measured(bench, split)
        effects, full = truth.mean[:, chosen], truth.full[0]
        resamples = resampling(len(full), len(chosen), draws)
        for target in targets_of(bench):
            losses = [tensors_of(_losses_file(bench, target, a))[split].numpy() for a in chosen]
            forgotten = np.stack(losses, axis=1) - full[:, None]
            figures = {
                name: interval(
                    float(measure(effects, forgotten).mean()),
                    resamples.means(measure, effects, forgotten),
                    LEAST[name],
                    1.0,
                )
                for name, measure in MEASURES.items()
            }
            yield ForgettingRow(
                target=target,
                split=split,
                artists=tuple(names[a] for a in chosen),
                pictures=len(full),
                loss_ratio=float(forgotten.mean() / effects.mean()),
                **figures,
            )


def better_target(rows: Sequence[ForgettingRow]) -> str:
    """The one with the higher agreement, mean of top-1 and NDCG@3 over the splits."""
    standing: dict[str, list[float]] = {}
    for row in rows:
        standing.setdefault(row.target, []).append(row.top1.value + row.ndcg3.value)
    return max(standing, key=lambda name: float(np.mean(standing[name])))
