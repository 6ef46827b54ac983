"""The vectors of a benchmark's works and queries, exactly as methods need them, in little space.

Methods use vectors only through inner products. So n + q gradients of p numbers are kept as
n + q vectors of n + q numbers with the same Gram matrix: no projection, nothing lost but round-off.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core.attribution.features.clip import ClipVision
from core.attribution.features.featurizer import Features, Featurizer
from core.attribution.features.spec import FeatureSpec
from core.attribution.features.trajectory import READINGS, journey_features
from core.diffusion.tensors import save_tensors, to_float64
from core.diffusion.training.ensemble import read_made
from core.evaluation.benchmark import GENERATION, SPLITS, WORKS, Benchmark, EncodedPictures
from core.evaluation.lds import Matrix
from core.progress import Progress
from core.work_queue import unmade

JOURNEY_STOPS = 50
TOGETHER = 10  # journeys side by side


@dataclass(frozen=True)
class Wanted:
    """Which vectors: of which spec, under which model (see `Benchmark.load`), with journeys.

    groups: queries' vectors by group of parameters, `split/group`, instead of whole ones.
    """

    spec: FeatureSpec
    model: str = "full"
    journeys: bool = False
    groups: bool = False

    @property
    def key(self) -> str:
        """A file name that differs wherever a number would."""
        parts = [self.spec.plain(), self.model, self.journeys]
        text = json.dumps(parts + ["groups"] * self.groups, sort_keys=True)
        kind = self.spec.objective.replace("=", "-")
        return f"{kind}-{self.model}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


@dataclass(frozen=True, eq=False)
class Vectors:
    """`of["works"] [n, r]`, and the queries of each split `[q, r]`; `losses [n]` of the works.

    `seconds`: what one work took. Journeys stand under their reading's name.
    """

    of: dict[str, Matrix]
    losses: Matrix
    seconds: float


def vectors_file(bench: Benchmark, wanted: Wanted) -> Path:
    """Where they lie."""
    return bench.directory / "vectors" / f"{wanted.key}.safetensors"


def make_vectors(bench: Benchmark, wanted: Iterable[Wanted]) -> Iterator[Progress]:
    """Compute and keep them; those that are there are skipped."""
    for one in unmade({vectors_file(bench, one): one for one in wanted}):
        yield from _make(bench, one)


def _make(bench: Benchmark, wanted: Wanted) -> Iterator[Progress]:
    model = bench.load(wanted.model)
    featurizer = Featurizer(model, wanted.spec)
    works = bench.works
    yield from featurizer.fit(works.latents, works.prompts, works.ids)
    names, parts, losses, seconds = [], [], torch.zeros(0), 0.0
    for name in (WORKS, *SPLITS):
        pictures = bench.pictures(name)
        if wanted.groups and name != WORKS:
            by_group = yield from _by_group(featurizer, pictures, name)
            names += list(by_group)
            parts += list(by_group.values())
            continue
        started = time.perf_counter()
        rows = []
        for place in range(len(pictures.ids)):
            one = pictures.latents[place : place + 1]
            rows.append(
                featurizer.features(one, [pictures.prompts[place]], [pictures.ids[place]], [place])
            )
            yield Progress(f"Tracing {wanted.key[:-17]}", place + 1, len(pictures.ids), name)
        if not rows:
            continue
        whole = Features.stack(rows)
        if name == WORKS:
            losses = whole.losses
            seconds = (time.perf_counter() - started) / len(pictures.ids)
        names.append(name)
        parts.append(whole.phi)
    for reading in READINGS if wanted.journeys else ():
        names.append(reading)
        parts.append(_journeys(bench, featurizer, bench.pictures(GENERATION), reading))
        yield Progress("Tracing journeys", len(names), len(names), reading)
    tensors = {
        name: torch.from_numpy(part) for name, part in zip(names, isometric(parts), strict=True)
    }
    marks = {"seconds": repr(seconds), "spec": wanted.spec.digest}
    save_tensors(vectors_file(bench, wanted), tensors | {"losses": losses}, marks)


def _by_group(
    featurizer: Featurizer, pictures: EncodedPictures, split: str
) -> Generator[Progress, None, dict[str, Tensor]]:
    """`split/group` -> `[q, k]`, in the network's order."""
    rows: dict[str, list[Tensor]] = {}
    for place in range(len(pictures.ids)):
        one = pictures.latents[place : place + 1]
        features = featurizer.group_features(
            one, [pictures.prompts[place]], [pictures.ids[place]], [place]
        )
        for group, phi in features.items():
            rows.setdefault(f"{split}/{group}", []).append(phi)
        yield Progress("Tracing groups", place + 1, len(pictures.ids), split)
    return {name: torch.cat(parts) for name, parts in rows.items()}


def group_of(name: str) -> tuple[str, str]:
    """`split/group` -> both; the group is empty where there is none."""
    split, _, group = name.partition("/")
    return split, group


def _journeys(
    bench: Benchmark, featurizer: Featurizer, pictures: EncodedPictures, reading: str
) -> Tensor:
    rows = [
        journey_features(
            featurizer,
            pictures.prompts[at : at + TOGETHER],
            pictures.seeds[at : at + TOGETHER],
            pictures.ids[at : at + TOGETHER],
            bench.preset.sampler,
            reading,
            stops=JOURNEY_STOPS,
        )
        for at in range(0, len(pictures.ids), TOGETHER)
    ]
    return Features.stack(rows).phi


def clip_vectors(bench: Benchmark, clip: ClipVision) -> Vectors:
    """CLIP's embeddings of works and queries."""
    pixels = (bench.split.works.pixels, bench.split.validation.pixels, bench.generated_pixels)
    vectors = zip((WORKS, *SPLITS), isometric([clip.embed(part) for part in pixels]), strict=True)
    return Vectors(dict(vectors), np.zeros(0), 0.0)


def load_vectors(bench: Benchmark, wanted: Wanted) -> Vectors:
    """What `make_vectors` kept. Raises `StoreError` where it did not."""
    tensors, marks = read_made(vectors_file(bench, wanted), "The benchmark's file of vectors")
    losses = tensors.pop("losses").numpy()
    of = {name: value.numpy() for name, value in tensors.items()}
    return Vectors(of, losses, float(marks["seconds"]))


def isometric(parts: list[Tensor]) -> list[Matrix]:
    """Rows `[n_i, p]` -> rows `[n_i, min(N, p)]` with the same inner products, in float64."""
    rows = torch.cat([to_float64(part) for part in parts])
    counts = np.cumsum([len(part) for part in parts])[:-1]
    if rows.shape[1] > rows.shape[0]:
        values, directions = torch.linalg.eigh(rows @ rows.T)
        rows = directions * values.clamp_min(0.0).sqrt()
    return list(np.split(rows.numpy(), counts))
