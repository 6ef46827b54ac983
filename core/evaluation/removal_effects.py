"""What removing each artist did: the effects that bookings and forgetting are held against.

In: a benchmark whose preset retrains without each artist. Out: effects per seed, picture and
artist, and the losses beside them. Compares nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from core.diffusion.tensors import save_tensors
from core.evaluation.benchmark import REMOVAL_POOL, SPLITS, Benchmark, tensors_of
from core.evaluation.lds import Matrix
from core.evaluation.losses import Losses
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
