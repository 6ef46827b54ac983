"""What removing each artist did: the effects that bookings and forgetting are held against.

In: a benchmark whose preset retrains without each artist. Out: effects per seed, picture and
artist, the losses beside them, and how far the effects repeat themselves. Knows no attribution.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from core.diffusion.tensors import save_tensors
from core.evaluation.agreement import MEASURES, largest_above_noise, reliability
from core.evaluation.benchmark import REMOVAL_POOL, SPLITS, Benchmark, tensors_of
from core.evaluation.lds import Matrix, ceiling_of
from core.evaluation.models import Losses
from core.progress import Progress
from core.work_queue import unmade


@dataclass(frozen=True, eq=False)
class Measured:
    """What removal did in one split: `effects [s, q, a]`, loss without an artist minus loss with
    all; `full [s, q]`, the losses with all; `base [q]`, those of the model before it learnt."""

    effects: Matrix
    full: Matrix
    base: Matrix

    @cached_property
    def mean(self) -> Matrix:
        """Over seeds, `[q, a]`."""
        average: Matrix = self.effects.mean(axis=0)
        return average


@dataclass(frozen=True, kw_only=True)
class Floor:
    """What retraining repeats: of one split. `ceiling`: the highest correlation that a perfect
    method could reach (percent). `decided`: pictures whose largest effect is beyond what the
    largest of so many effects is by chance."""

    split: str
    seeds: int
    reliability: float
    ceiling: float
    rank_ceiling: float
    mean_effect: float
    largest_effect: float
    full_spread: float
    decided: float
    gain: float
    summed_over_gain: float


@dataclass(frozen=True, kw_only=True)
class PictureTruth:
    """One picture: who decided it most, by how much, in units of the noise, and what all one-artist
    removals do together beside what the model gained over its base."""

    split: str
    picture: str
    artist: str
    largest: float
    over_noise: float
    summed: float
    gain: float


def _base_file(bench: Benchmark) -> Path:
    return bench.directory / "outcomes" / "base.safetensors"


def measure_base(bench: Benchmark) -> Iterator[Progress]:
    """The losses of queries under the model that has learnt nothing yet."""
    for _ in unmade({_base_file(bench): None}):
        model, rule, tensors = bench.blank(bench.preset.full_seed), bench.preset.outcome, {}
        for name in SPLITS:
            part = bench.pictures(name)
            losses = Losses(part.latents, part.ids, rule.timesteps, rule.noise)
            tensors[name] = losses.under(model, model.condition(part.prompts))["simple"]
        save_tensors(_base_file(bench), tensors, {})
        yield Progress("Measuring the base model", 1, 1)


def measured(bench: Benchmark, split: str) -> Measured:
    """What the retrained models did. Raises `StoreError` where an outcome is missing."""
    seeds = range(bench.preset.removals)
    losses = np.stack([bench.losses(REMOVAL_POOL, split, seed) for seed in seeds])
    effects = np.swapaxes(losses[:, 1:] - losses[:, :1], 1, 2)
    return Measured(effects, losses[:, 0], tensors_of(_base_file(bench))[split].numpy())


def floor(truth: Measured, split: str) -> Floor:
    """How far the measured effects repeat themselves."""
    effects = truth.effects
    seeds, _, artists = effects.shape
    shared = reliability(effects)
    ranks = np.mean(
        [
            MEASURES["spearman"](effects[a], effects[b]).mean()
            for a in range(seeds)
            for b in range(a + 1, seeds)
        ]
    )
    gain = truth.base - truth.full.mean(axis=0)
    summed = truth.mean.sum(axis=1)
    return Floor(
        split=split,
        seeds=seeds,
        reliability=shared,
        ceiling=100.0 * float(np.sqrt(shared)),
        rank_ceiling=ceiling_of(float(ranks), seeds),
        mean_effect=float(truth.mean.mean()),
        largest_effect=float(truth.mean.max(axis=1).mean()),
        full_spread=float(truth.full.std(axis=0, ddof=1).mean()),
        decided=float((largest_above_noise(effects) > by_chance(artists)).mean()),
        gain=float(gain.mean()),
        summed_over_gain=float(summed.sum() / gain.sum()),
    )


def by_chance(artists: int) -> float:
    """What the largest of so many standard normal numbers exceeds in one of twenty cases."""
    from scipy.stats import norm

    return float(norm.isf(1.0 - 0.95 ** (1.0 / artists)))


def picture_truths(bench: Benchmark, split: str) -> Iterator[PictureTruth]:
    """Of every picture of a split."""
    truth, names = measured(bench, split), sorted(set(bench.split.works.artists))
    over, gain = largest_above_noise(truth.effects), truth.base - truth.full.mean(axis=0)
    for number, picture in enumerate(bench.pictures(split).ids):
        row = truth.mean[number]
        yield PictureTruth(
            split=split,
            picture=picture,
            artist=names[int(row.argmax())],
            largest=float(row.max()),
            over_noise=float(over[number]),
            summed=float(row.sum()),
            gain=float(gain[number]),
        )
