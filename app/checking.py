"""`evaluate retrieval`: attribution where the truth is known.

In: settings. Out: progress, then a table of checks. Three questions: does a training work find
itself; do a class's pictures trace to works of that class; do a hand's new works trace to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from app.settings import Settings
from app.shelf import chosen_collection
from core.attribution.attribution import Attribution
from core.attribution.engine import Engine
from core.collection.store import load_held_out
from core.diffusion.sampling import Painted
from core.evaluation.retrieval import group_precision, precision_at, self_retrieval
from core.ledger.shares import shares
from core.progress import Progress

PAINTED_FIRST_SEED = 5_000


@dataclass(frozen=True)
class Row:
    """One check: `value` of `queries` queries."""

    check: str
    value: float
    queries: int


@dataclass(frozen=True)
class Checked:
    """What came out for one method."""

    collection: str
    method: str
    rows: tuple[Row, ...]


def check_retrieval(
    settings: Settings, *, method: str, limit: int, seed: int
) -> Iterator[Progress | Checked]:
    """Self-retrieval and style precision over `limit` queries; artists over all held-out works."""
    collection = chosen_collection(settings)
    engine = Engine.open(collection, device=settings.device)
    rng = np.random.default_rng(seed)
    count = min(limit, len(collection.works))
    own = sorted(rng.choice(len(collection.works), count, replace=False).tolist())
    rows: list[Row] = []

    found = []
    for done, place in enumerate(own, start=1):
        work = collection.works[place]
        found.append(_trace(engine, collection.image_path(work), work.style, method))
        yield Progress("Training works", done, len(own))
    scores = np.stack([one.scores for one in found])
    rows.append(Row("self-retrieval", self_retrieval(scores, own).value, len(own)))

    found, wanted = [], []
    for number in range(limit):
        style = collection.styles[number % len(collection.styles)]
        image = _painted(engine, style, PAINTED_FIRST_SEED + seed * limit + number)
        found.append(engine.attribute(image, style=style, method_name=method))
        wanted.append(style)
        yield Progress("Generated pictures", number + 1, limit)
    styles = [work.style for work in collection.works]
    precise = precision_at(np.stack([one.scores for one in found]), styles, wanted, 10)
    rows.append(Row("style precision@10", precise.value, limit))

    held_out = load_held_out(collection)
    given, names = [], [work.artist_id for work in collection.works]
    for done, work in enumerate(held_out, start=1):
        one = _trace(engine, collection.image_path(work), work.style, method)
        micro = shares(one.z.tolist(), names).artist_micro
        given.append({artist: float(value) for artist, value in micro.items()})
        yield Progress("Held-out works", done, len(held_out))
    if held_out:
        artists = [work.artist_id for work in held_out]
        for k in (1, 3):
            value = group_precision(given, artists, k).value
            rows.append(Row(f"artist top-{k}", value, len(held_out)))
    yield Checked(collection.name, method, tuple(rows))


def _trace(engine: Engine, path: Path, style: str, method: str) -> Attribution:
    with Image.open(path) as image:
        return engine.attribute(image.convert("RGB"), style=style, method_name=method)


def _painted(engine: Engine, style: str, seed: int) -> Image.Image:
    steps, guidance = engine.collection.default_steps, engine.collection.default_guidance
    events = engine.paint(style, seed=seed, steps=steps, guidance=guidance)
    return next(event.image for event in events if isinstance(event, Painted))
