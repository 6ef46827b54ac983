"""Where work is done: in this process, or by Ray workers, as the settings say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from app.settings import Settings
from core.attribution.engine import SpreadIndex
from core.attribution.features.build import Spreader
from core.attribution.features.featurizer import Means
from core.attribution.scoring.index import Index
from core.progress import Progress


def spread_index(settings: Settings) -> SpreadIndex | None:
    """Puts an index into workers; None where there are none. Raises `UsageError` without Ray."""
    if not settings.ray:
        return None
    from core.attribution.scoring.ray_backend import connect, spread

    ray = connect(settings.ray, settings.workers)

    def put(index: Index, kept: Path) -> Index:
        return spread(ray, index, kept, settings.workers)

    return put


def spread_features(
    settings: Settings, directory: Path, name: str, device: str, means: Means
) -> Spreader | None:
    """Has planned shards made by workers, which share the memory; None where there are none."""
    if not settings.ray:
        return None
    from core.attribution.scoring.ray_backend import connect, featurize_by

    ray, workers = connect(settings.ray, settings.workers), settings.workers
    if means.budget is not None:
        means = replace(means, budget=means.budget // workers)

    def make(planned: Sequence[tuple[int, list[int]]]) -> Iterator[Progress]:
        return featurize_by(ray, directory.resolve(), name, planned, workers, device, means)

    return make
