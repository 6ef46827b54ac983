"""Counterfactuals: take away the works a method names, retrain, paint again from the same seed.

In: a benchmark, methods, how many works (or which artist) are taken away, with how many seeds of
training. Out: how far each picture moved and how much worse the model knows it, and paired tests
between methods. A method that names true causes moves pictures further (specification of D-TRAK,
section 4).
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.attribution.features.clip import ClipVision
from core.diffusion.tensors import save_tensors, to_float64
from core.diffusion.training.ensemble import Parts, load_into, model_file
from core.errors import StoreError, UsageError
from core.evaluation.agreement import PairedTest, paired_test, pictures_needed
from core.evaluation.benchmark import (
    GENERATION,
    REMOVAL_POOL,
    RETRAINED_POOL,
    Benchmark,
    tensors_of,
)
from core.evaluation.bookings import membership
from core.evaluation.features import clip_vectors, make_vectors
from core.evaluation.lds import Matrix
from core.evaluation.models import Losses
from core.evaluation.runner import with_workers
from core.evaluation.trials import Contest, Trial, wanted_vectors
from core.files import write_text
from core.progress import Progress
from core.work_queue import made, unmade

RANDOM = "random"
ALL = "all"  # nobody's works taken away
REMOVED = "removed.json"
DISTANCE, LOSS, DISSIMILARITY = "distance", "loss", "CLIP dissimilarity"
FEWEST_PICTURES = 3


@dataclass(frozen=True, kw_only=True)
class Removal:
    """Which methods name the works, how many go, for how many pictures; `seed` is the random's.

    seeds: how often each model is trained, with other chances each time. With several, the model
    without the works meets the same chances as the model with all of them (`Parts.coupled`), and a
    picture's values are means over seeds. artists: the artist with the largest positive sum goes,
    with all works, instead of `works` works; the models are the preset's `removals`.
    """

    methods: tuple[str, ...] = ("d-trak", "trak", "raw-pixel-dot", RANDOM)
    works: int = 10
    images: int = 20
    noise: str = "shared"
    timesteps: int = 10
    seed: int = 42
    seeds: int = 1
    artists: bool = False

    @property
    def key(self) -> str:
        """A folder's name."""
        what = "artist" if self.artists else str(self.works)
        paired = "-paired" if self.seeds > 1 else ""
        return f"counterfactual-{what}-{self.noise}-{self.timesteps}{paired}"


@dataclass(frozen=True, kw_only=True)
class Moved:
    """One method: the distance of every picture to the same seed's picture without those works."""

    method: str
    l2: tuple[float, ...]
    l2_median: float
    clip: tuple[float, ...] | None
    clip_median: float | None
    beaten: int | None  # pictures that it moved further than random did, if random took part
    loss: tuple[float, ...] = ()  # of each picture, without those works minus with all

    def values(self, measure: str) -> Matrix | None:
        """One number per picture, larger where the picture depends on the works more."""
        if measure == DISTANCE:
            return np.asarray(self.l2)
        if measure == LOSS:
            return np.asarray(self.loss) if self.loss else None
        return None if self.clip is None else 1.0 - np.asarray(self.clip)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two methods by one measure, picture by picture. `needed`: how many pictures a difference of
    10 % of the other's mean needs (a paired test at 5 %, found in 4 of 5 cases)."""

    method: str
    other: str
    measure: str
    test: PairedTest
    other_mean: float
    needed: int | None


@dataclass(frozen=True, kw_only=True)
class Repainted:
    """What came out, and the pictures `[methods, images, c, h, w]` behind it."""

    preset: str
    removed: int
    works: int
    rows: tuple[Moved, ...]
    space: str  # in which the distance is: pixels, or the model's latents
    seeds: int = 1
    artists: bool = False
    comparisons: tuple[Comparison, ...] = ()

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
    if removal.seeds < 1 or (removal.artists and removal.seeds > bench.preset.removals):
        raise UsageError(
            f"{removal.seeds} seeds without an artist each are not in the preset "
            f"'{bench.preset.name}' ({bench.preset.removals}). Choose workshops-artists or "
            "digits-artists, and as many seeds."
        )
    yield from with_workers(bench, _retrain_without, (removal, clip), workers)
    moved = _compare(bench, removal, clip)
    write_text(bench.directory / f"{removal.key}.json", json.dumps(asdict(moved), indent=1) + "\n")
    yield moved


@dataclass(frozen=True)
class Version:
    """A picture as one retrained model has it: whose weights, and where what it does is kept."""

    model: Path
    folder: Path
    number: int

    @property
    def painted(self) -> Path:
        """Its pixels."""
        return self.folder / f"painted-{self.number:03d}.safetensors"

    @property
    def loss(self) -> Path:
        """The loss of the original picture under it."""
        return self.folder / f"loss-{self.number:03d}.safetensors"


def _versions(bench: Benchmark, removal: Removal, method: str, seed: int) -> list[Version]:
    """Of every picture, without what `method` named (`ALL`: without nothing)."""
    root, pictures = bench.directory / removal.key, range(removal.images)
    if removal.artists:
        pool = bench.directory / REMOVAL_POOL / f"seed-{seed}"
        numbers = [0] * removal.images if method == ALL else _artists_named(root / method)
        folders = [root / f"seed-{seed}" / f"without-{number:03d}" for number in numbers]
        return [
            Version(model_file(pool, numbers[place]), folders[place], place) for place in pictures
        ]
    folder = root / method if removal.seeds == 1 else root / method / f"seed-{seed}"
    if method == ALL:
        model = model_file(bench.directory / "full" if seed == 0 else folder, 0)
        return [Version(model, folder, place) for place in pictures]
    return [Version(model_file(folder, place), folder, place) for place in pictures]


def _artists_named(folder: Path) -> list[int]:
    named: list[list[int]] = json.loads((folder / REMOVED).read_text())
    return [row[0] for row in named]


def _retrain_without(
    bench: Benchmark, job: tuple[Removal, ClipVision | None]
) -> Iterator[Progress]:
    """Every model without what a method names, and what it paints."""
    (removal, clip), works = job, len(bench.works.ids)
    yield from bench.train_full()
    yield from bench.paint()
    if removal.artists:
        yield from bench.train_pool(REMOVAL_POOL, seeds=removal.seeds)
    root = bench.directory / removal.key
    for name in removal.methods:
        chosen = yield from _named(bench, removal, name, clip)
        _check_removed(root / name, chosen.tolist())
        kept = [tuple(sorted(set(range(works)) - set(rows.tolist()))) for rows in chosen]
        parts = Parts(tuple(kept), coupled=removal.seeds > 1)
        for seed in range(removal.seeds):
            versions = _versions(bench, removal, name, seed)
            if not removal.artists:
                folder = versions[0].folder
                yield from bench.train_parts(folder, parts, bench.preset.full_seed + seed)
            yield from _repaint(bench, versions, name)
    whole = Parts((tuple(range(works)),), coupled=True)
    for seed in range(removal.seeds):
        versions = _versions(bench, removal, ALL, seed)
        if seed and not removal.artists:
            yield from bench.train_parts(versions[0].folder, whole, bench.preset.full_seed + seed)
        yield from _repaint(bench, versions, ALL)


def _named(
    bench: Benchmark, removal: Removal, name: str, clip: ClipVision | None
) -> Generator[Progress, None, NDArray[np.int64]]:
    """The works that a method names for each picture, `[images, works]`; where artists go, the
    number of the model without the one it names, `[images, 1]`."""
    member = membership(bench.split.works.artists)
    if name == RANDOM:
        # row by row and nothing else, so that more pictures leave the first as they are
        count = member.shape[1] if removal.artists else len(bench.works.ids)
        scores = np.random.default_rng(removal.seed).random((removal.images, count))
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
    if removal.artists:
        sums = scores if name == RANDOM else scores.clip(min=0.0) @ member
        first: NDArray[np.int64] = 1 + sums.argmax(axis=1, keepdims=True)
        return first
    order: NDArray[np.int64] = np.argsort(-scores, axis=1, kind="stable")
    return order[:, : removal.works]


def _check_removed(folder: Path, chosen: list[list[int]]) -> None:
    """Keep which works went for which picture; models trained without others are not reused."""
    file = folder / REMOVED
    before: list[list[int]] = json.loads(file.read_text()) if file.is_file() else []
    if before[: len(chosen)] != chosen[: len(before)]:
        raise StoreError(
            f"The folder '{folder.parent.name}/{folder.name}' holds models trained without other "
            "works than this method names now (another CLIP model, or features made again). Remove "
            "it, or give another folder with -o."
        )
    if len(chosen) > len(before):
        write_text(file, json.dumps(chosen) + "\n")


def _repaint(bench: Benchmark, versions: Sequence[Version], name: str) -> Iterator[Progress]:
    """What each version paints, and the loss of the original picture under it."""
    rule, pictures = bench.preset.outcome, bench.generation
    jobs = {version.loss: version for version in versions}
    for version in unmade(jobs):
        load_into(bench.model, version.model)
        if not version.painted.is_file():
            pixels = bench.painted([version.number])
            save_tensors(version.painted, {"pixels": pixels.cpu()}, {})
        one = pictures.of([version.number])
        losses = Losses(one.latents, one.ids, rule.timesteps, rule.noise)
        value = losses.under(bench.model, bench.model.condition(one.prompts))["simple"]
        save_tensors(version.loss, {"loss": value}, {})
        yield Progress(f"Painting again, {name}", made(jobs), len(jobs))


def repainted(bench: Benchmark, removal: Removal, method: str, seed: int = 0) -> Tensor:
    """`[images, c, h, w]`: the pictures without what `method` named."""
    versions = _versions(bench, removal, method, seed)
    return torch.cat([tensors_of(version.painted)["pixels"] for version in versions])


def _losses_of(bench: Benchmark, removal: Removal, method: str, seed: int) -> Matrix:
    versions = _versions(bench, removal, method, seed)
    return np.array([float(tensors_of(version.loss)["loss"][0]) for version in versions])


def _compare(bench: Benchmark, removal: Removal, clip: ClipVision | None) -> Repainted:
    distances: dict[str, Matrix] = {}
    alike: dict[str, Matrix] = {}
    losses: dict[str, Matrix] = {}
    seeds = range(removal.seeds)
    originals = [repainted(bench, removal, ALL, seed) for seed in seeds]
    if removal.seeds == 1:  # the queries themselves, which were painted side by side
        originals = [bench.generated_pixels[: removal.images]]
    spaces = [_space(bench, pixels) for pixels in originals]
    whole = [_losses_of(bench, removal, ALL, seed) for seed in seeds]
    for method in removal.methods:
        others = [repainted(bench, removal, method, seed) for seed in seeds]
        distances[method] = np.mean(
            [_distance(spaces[seed], _space(bench, others[seed])) for seed in seeds], axis=0
        )
        losses[method] = np.mean(
            [_losses_of(bench, removal, method, seed) - whole[seed] for seed in seeds], axis=0
        )
        if clip is not None:
            alike[method] = np.mean(
                [_alike(clip, originals[seed], others[seed]) for seed in seeds], axis=0
            )
    chance = distances.get(RANDOM)
    rows = tuple(
        Moved(
            method=method,
            l2=tuple(gaps.tolist()),
            l2_median=float(np.median(gaps)),
            clip=tuple(alike[method].tolist()) if method in alike else None,
            clip_median=float(np.median(alike[method])) if method in alike else None,
            beaten=None if chance is None else int((gaps > chance).sum()),
            loss=tuple(losses[method].tolist()),
        )
        for method, gaps in distances.items()
    )
    return Repainted(
        preset=bench.preset.name,
        removed=removal.works,
        works=len(bench.works.ids),
        rows=rows,
        space="latents" if bench.prompted else "pixels",
        seeds=removal.seeds,
        artists=removal.artists,
        comparisons=tuple(compared(rows)),
    )


def _alike(clip: ClipVision, first: Tensor, second: Tensor) -> Matrix:
    similar = torch.nn.functional.cosine_similarity(clip.embed(first), clip.embed(second))
    values: Matrix = similar.double().numpy()
    return values


def compared(rows: Sequence[Moved]) -> Iterator[Comparison]:
    """The first method against each other one, by every measure that both have."""
    for other in rows[1:]:
        for measure in (DISTANCE, LOSS, DISSIMILARITY):
            one, two = rows[0].values(measure), other.values(measure)
            if one is None or two is None or len(one) < FEWEST_PICTURES:
                continue
            mean = float(two.mean())
            yield Comparison(
                method=rows[0].method,
                other=other.method,
                measure=measure,
                test=paired_test(one, two),
                other_mean=mean,
                needed=pictures_needed(0.1 * mean, float((one - two).std(ddof=1))),
            )


def _space(bench: Benchmark, pixels: Tensor) -> Tensor:
    if not bench.prompted:
        return pixels
    return torch.cat([bench.model.encode(part).cpu() for part in pixels.split(8)])


def _distance(first: Tensor, second: Tensor) -> NDArray[np.float64]:
    """The length of each difference, `[b]`."""
    return to_float64(first - second).flatten(1).norm(dim=1).cpu().numpy()


def text_of(figures: Repainted) -> str:
    """For people: medians, then paired tests; says plainly what cannot be told apart."""
    gone = (
        "the artist that a method names"
        if figures.artists
        else (f"{figures.removed} of {figures.works} works")
    )
    lines = [
        f"{figures.preset}: {gone} taken away, retrained with {figures.seeds} seed(s), the same "
        f"{len(figures.rows[0].l2)} pictures painted again. Distance in {figures.space}, median:"
    ]
    for row in sorted(figures.rows, key=lambda row: -row.l2_median):
        alike = "" if row.clip_median is None else f", CLIP similarity {row.clip_median:.3f}"
        loss = f", loss {np.mean(row.loss):+.4f}" if row.loss else ""
        further = (
            ""
            if row.method == RANDOM or row.beaten is None
            else f"; further than random in {row.beaten} of {len(row.l2)}"
        )
        lines.append(f"  {row.method:<24} {row.l2_median:8.3f}{alike}{loss}{further}")
    best = max(figures.rows, key=lambda row: row.l2_median).method
    others = [row for row in figures.rows if row.method != "d-trak"]
    if any(row.method == "d-trak" for row in figures.rows) and others:
        lines.append(
            "Removing what D-TRAK names moves the pictures most, by the median."
            if best == "d-trak"
            else f"Removing what D-TRAK names does not move the pictures most here: {best} does."
        )
    if figures.comparisons:
        lines.append("Paired by picture: mean difference, 95 % interval, p (t-test; ranks):")
    lines += [_comparison(one) for one in figures.comparisons]
    return "\n".join(lines) + "\n"


def _comparison(one: Comparison) -> str:
    gap = one.test.difference
    verdict = "" if one.test.p < 0.05 else "; not told apart by so few pictures"
    needed = "" if one.needed is None else f"; a difference of 10 % needs {one.needed:,} pictures"
    return (
        f"  {one.method} - {one.other}, {one.measure}: {gap.value:+.4g} "
        f"[{gap.low:+.4g}, {gap.high:+.4g}], p {one.test.p:.2g} ({one.test.p_ranks:.2g})"
        f"{verdict}{needed}"
    )
