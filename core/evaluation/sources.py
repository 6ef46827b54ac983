"""A preset's pictures and base model, found where the preset and the caller say.

In: a preset and, for photographs and collections, a folder. Out: an opened `Benchmark`.
"""

from __future__ import annotations

from pathlib import Path

import torch

from core.errors import UsageError
from core.evaluation.benchmark import Benchmark
from core.evaluation.data import Shape, Split, digits, of_collection, photographs
from core.evaluation.presets import COLLECTION, DIGITS, Preset


def open_benchmark(
    preset: Preset,
    directory: Path,
    *,
    data: Path | None = None,
    device: torch.device | str = "cpu",
) -> Benchmark:
    """Read the pictures and check that `directory` is for exactly them."""
    base = data / "model" if data is not None and preset.source == COLLECTION else None
    return Benchmark(preset, read_split(preset, data), directory, base=base, device=device)


def read_split(preset: Preset, data: Path | None) -> Split:
    """Works and validation pictures of a preset."""
    if preset.source == DIGITS:
        return digits(preset.works, preset.validation, preset.data_seed)
    if data is None:
        what = (
            "a collection's folder"
            if preset.source == COLLECTION
            else ("a CIFAR npz, its binary batches, or a folder of class folders")
        )
        raise UsageError(f"The preset '{preset.name}' needs its pictures: give {what} with --data.")
    if preset.source == COLLECTION:
        return of_collection(data, preset.classes, preset.works, preset.each, preset.validation)
    return photographs(
        data,
        preset.classes,
        preset.works,
        preset.validation,
        Shape(preset.size, preset.crop),
        preset.data_seed,
        apart=preset.apart,
    )
