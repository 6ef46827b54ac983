"""Benchmarks of a few hundred numbers that several tests run, in seconds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from core.diffusion.sampling import Sampler
from core.evaluation.benchmark import Benchmark
from core.evaluation.data import digits
from core.evaluation.models import MlpPlan
from core.evaluation.presets import PRESETS, Preset

USUAL = PRESETS["digits-small"]
# tests/data/benchmark-v1 was made with these: another value here is another benchmark
TINY = replace(
    USUAL,
    plan=MlpPlan(width=8, time_width=4, depth=1),
    epochs=4,
    works=12,
    validation=3,
    generated=3,
    subsets=6,
    twice=3,
    by_artist=0,
    retrained=16,
    checkpoints=2,
    timesteps=(2, 4),
    sampler=Sampler(steps=4, guidance=1.0, clip=True),
    recipe=replace(USUAL.recipe, batch_size=6, checkpoint_every=2),
    outcome=replace(USUAL.outcome, works=5),
)
BY_ARTIST = PRESETS["digits-artists-tiny"]


def opened(directory: Path, chosen: Preset = TINY) -> Benchmark:
    """The benchmark of a preset over its digits."""
    return Benchmark(chosen, digits(chosen.works, chosen.validation, 0), directory)
