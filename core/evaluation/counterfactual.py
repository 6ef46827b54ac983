"""Counterfactuals: take away the works a method names, retrain, paint again from the same seed.

In: a benchmark, methods, how many works are taken away. Out: how far each picture moved. A method
that names true causes moves pictures further (specification of D-TRAK, section 4).
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.attribution.features.clip import ClipVision
from core.diffusion.tensors import save_tensors
from core.diffusion.training.ensemble import Parts, load_into, model_file
from core.diffusion.training.precision import to_float64
from core.errors import StoreError, UsageError
from core.evaluation.benchmark import GENERATION, RETRAINED_POOL, Benchmark, tensors_of
from core.evaluation.features import clip_vectors, make_vectors
from core.evaluation.trials import Contest, Trial, wanted_vectors
from core.evaluation.workers import with_workers
from core.files import write_text
from core.progress import Progress
from core.work_queue import made, unmade

RANDOM = "random"


@dataclass(frozen=True, kw_only=True)
class Removal:
    """Which methods name the works, how many go, for how many pictures; `seed` is the random's."""

    methods: tuple[str, ...] = ("d-trak", "trak", "raw-pixel-dot", RANDOM)
    works: int = 10
    images: int = 20
    noise: str = "shared"
    timesteps: int = 10
    seed: int = 42

    @property
    def key(self) -> str:
        """A folder's name."""
        return f"counterfactual-{self.works}-{self.noise}-{self.timesteps}"


@dataclass(frozen=True, kw_only=True)
class Moved:
    """One method: the distance of every picture to the same seed's picture without those works."""

    method: str
    l2: tuple[float, ...]
    l2_median: float
    clip: tuple[float, ...] | None
    clip_median: float | None
    beaten: int | None  # pictures that it moved further than random did, if random took part


@dataclass(frozen=True, kw_only=True)
class Repainted:
    """What came out, and the pictures `[methods, images, c, h, w]` behind it."""

    preset: str
    removed: int
    works: int
    rows: tuple[Moved, ...]
    space: str  # in which the distance is: pixels, or the model's latents

    def median(self, method: str) -> float:
        """The median distance of one method."""
        return next(row.l2_median for row in self.rows if row.method == method)


def run_counterfactual(
    bench: Benchmark, removal: Removal, clip: ClipVision | None = None, workers: int = 1
) -> Iterator[Progress | Repainted]:
    """Train, score, take away, retrain, paint, compare; every stage resumes, and more pictures may
    be asked of the same folder later."""
    works = len(bench.works.ids)
    if not removal.methods:
        raise UsageError("Nothing is compared: name a method, 'd-trak,random' for example.")
    if not 1 <= removal.works < works or removal.images > bench.preset.generated:
        raise UsageError(
            f"{removal.works} of {works} works cannot be taken away for {removal.images} of "
            f"{bench.preset.generated} pictures: choose fewer."
        )
    yield from with_workers(bench, _retrain_without, (removal, clip), workers)
    moved = _compare(bench, removal, clip)
    write_text(bench.directory / f"{removal.key}.json", json.dumps(asdict(moved), indent=1) + "\n")
    yield moved


def _retrain_without(
    bench: Benchmark, asked: tuple[Removal, ClipVision | None]
) -> Iterator[Progress]:
    """Every model without the works that a method names, and what it paints."""
    (removal, clip), works = asked, len(bench.works.ids)
    yield from bench.train_full()
    yield from bench.paint()
    for name in removal.methods:
        chosen = yield from _named(bench, removal, name, clip)
        kept = [tuple(sorted(set(range(works)) - set(rows.tolist()))) for rows in chosen]
        folder = bench.directory / removal.key / name
        _check_removed(folder, chosen.tolist())
        yield from bench.train_parts(folder, Parts(tuple(kept)), bench.preset.full_seed)
        yield from _repaint(bench, folder, removal.images)


def _named(
    bench: Benchmark, removal: Removal, name: str, clip: ClipVision | None
) -> Generator[Progress, None, NDArray[np.int64]]:
    """The works that a method names for each picture, `[images, works]`."""
    count = len(bench.works.ids)
    if name == RANDOM:
        rng = np.random.default_rng(removal.seed)
        scores = rng.random((removal.images, count))
    else:
        trial = Trial(method=name, noise=removal.noise, timesteps=removal.timesteps)
        if trial.retrains:
            yield from bench.train_pool(RETRAINED_POOL)
            yield from bench.measure(RETRAINED_POOL)
            trial = replace(trial, members=bench.preset.retrained)
        yield from make_vectors(bench, wanted_vectors(bench, trial))
        seen = None
        if trial.row.representation == "clip":
            if clip is None:
                raise UsageError(f"The method '{name}' needs a CLIP model: give one with --clip.")
            seen = clip_vectors(bench, clip)
        scores = Contest(bench, trial, seen).scores(GENERATION)[: removal.images]
    order: NDArray[np.int64] = np.argsort(-scores, axis=1, kind="stable")
    return order[:, : removal.works]


def _check_removed(folder: Path, chosen: list[list[int]]) -> None:
    """Keep which works went for which picture; models trained without others are not reused."""
    file = folder / "removed.json"
    before: list[list[int]] = json.loads(file.read_text()) if file.is_file() else []
    if before[: len(chosen)] != chosen[: len(before)]:
        raise StoreError(
            f"The folder '{folder.parent.name}/{folder.name}' holds models trained without other "
            "works than this method names now (another CLIP model, or features made anew). Remove "
            "it, or give another folder with -o."
        )
    if len(chosen) > len(before):
        write_text(file, json.dumps(chosen) + "\n")


def _painted_file(folder: Path, number: int) -> Path:
    return folder / f"painted-{number:03d}.safetensors"


def _repaint(bench: Benchmark, folder: Path, images: int) -> Iterator[Progress]:
    jobs = {_painted_file(folder, number): number for number in range(images)}
    for number in unmade(jobs):
        load_into(bench.model, model_file(folder, number))
        pixels = bench.painted([number])
        save_tensors(_painted_file(folder, number), {"pixels": pixels.cpu()}, {})
        yield Progress(f"Painting again, {folder.name}", made(jobs), images)


def repainted(bench: Benchmark, removal: Removal, method: str) -> Tensor:
    """`[images, c, h, w]`: the pictures without the works that `method` named."""
    folder = bench.directory / removal.key / method
    files = [_painted_file(folder, number) for number in range(removal.images)]
    return torch.cat([tensors_of(file)["pixels"] for file in files])


def _compare(bench: Benchmark, removal: Removal, clip: ClipVision | None) -> Repainted:
    original = bench.generated_pixels[: removal.images]
    distances, alike = {}, {}
    for method in removal.methods:
        other = repainted(bench, removal, method)
        distances[method] = _distance(_space(bench, original), _space(bench, other))
        if clip is not None:
            first, second = clip.embed(original), clip.embed(other)
            alike[method] = torch.nn.functional.cosine_similarity(first, second).numpy()
    chance = distances.get(RANDOM)
    rows = tuple(
        Moved(
            method=method,
            l2=tuple(found.tolist()),
            l2_median=float(np.median(found)),
            clip=tuple(alike[method].tolist()) if method in alike else None,
            clip_median=float(np.median(alike[method])) if method in alike else None,
            beaten=None if chance is None else int((found > chance).sum()),
        )
        for method, found in distances.items()
    )
    return Repainted(
        preset=bench.preset.name,
        removed=removal.works,
        works=len(bench.works.ids),
        rows=rows,
        space="latents" if bench.prompted else "pixels",
    )


def _space(bench: Benchmark, pixels: Tensor) -> Tensor:
    if not bench.prompted:
        return pixels
    return torch.cat([bench.model.encode(part).cpu() for part in pixels.split(8)])


def _distance(first: Tensor, second: Tensor) -> NDArray[np.float64]:
    """The length of each difference, `[b]`."""
    return to_float64(first - second).flatten(1).norm(dim=1).cpu().numpy()


def text_of(found: Repainted) -> str:
    """For people; says plainly when the methods do not differ."""
    lines = [
        f"{found.preset}: {found.removed} of {found.works} works taken away, retrained, the same "
        f"{len(found.rows[0].l2)} seeds painted again. Distance in {found.space}, median:"
    ]
    for row in sorted(found.rows, key=lambda row: -row.l2_median):
        alike = "" if row.clip_median is None else f", CLIP similarity {row.clip_median:.3f}"
        further = (
            ""
            if row.method == RANDOM or row.beaten is None
            else f"; further than random in {row.beaten} of {len(row.l2)}"
        )
        lines.append(f"  {row.method:<24} {row.l2_median:8.3f}{alike}{further}")
    best = max(found.rows, key=lambda row: row.l2_median).method
    others = [row for row in found.rows if row.method != "d-trak"]
    if any(row.method == "d-trak" for row in found.rows) and others:
        lines.append(
            "Removing D-TRAK's works moves the pictures most."
            if best == "d-trak"
            else f"Removing D-TRAK's works does not move the pictures most here: {best} does."
        )
    return "\n".join(lines) + "\n"
