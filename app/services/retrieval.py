"""`evaluate retrieval`: attribution where the truth is known.

In: settings. Out: progress, then a table of checks. Three questions: does a training work find
itself, and (itself set aside) its artist and class; do a class's pictures trace to works of that
class; do a hand's new works trace to it. Works are traced under what they are learnt under: a class
or a caption.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from pydantic import Field

from app.services.collections import chosen_collection
from app.services.serialize import Number, Record
from app.settings import Settings
from core.attribution.engine import Engine
from core.attribution.result import Compared, Vector
from core.collection.store import load_held_out
from core.collection.types import Makers
from core.diffusion.sampling import Painted
from core.evaluation.retrieval import group_precision, precision_at, self_retrieval
from core.ledger.evidence import Evidence, portions
from core.ledger.shares import BOOKED_RULE, shares_by_evidence
from core.progress import Progress

PAINTED_FIRST_SEED = 5_000


@dataclass(frozen=True)
class RetrievalCheck:
    """One check: `value` of `queries` queries."""

    check: str
    value: float
    queries: int


@dataclass(frozen=True)
class RetrievalResult:
    """All checks of one method."""

    collection: str
    method: str
    rows: tuple[RetrievalCheck, ...]
    model_digest: str


@dataclass(frozen=True)
class RetrievalResults:
    """The results of every method of the request, in the table's order."""

    methods: tuple[RetrievalResult, ...]


class CheckRecord(Record):
    """One check where the truth is known."""

    check: str = Field(description="What was checked")
    value: Number = Field(description="Part that came out right, 0 to 1")
    queries: int = Field(description="Pictures traced")


class RetrievalRecord(Record):
    """One method's checks."""

    collection: str = Field(description="Name of the collection")
    method: str = Field(description="Name of the method")
    rows: tuple[CheckRecord, ...] = Field(description="Every check")
    model_digest: str = Field(description="Digest of the model that traced")


ALL = "all"


def check_retrieval(
    settings: Settings, *, method: str, limit: int, seed: int
) -> Iterator[Progress | RetrievalResults]:
    """Self-retrieval and style precision over `limit` queries; artists over all held-out works.

    `method` "all": every method whose features the collection has, in one pass.
    """
    collection = chosen_collection(settings)
    engine = Engine.open(collection, device=settings.device)
    names = list(engine.methods_available) if method == ALL else [method]
    rng = np.random.default_rng(seed)
    count = min(limit, len(collection.works))
    own = sorted(rng.choice(len(collection.works), count, replace=False).tolist())
    rows: dict[str, list[RetrievalCheck]] = {name: [] for name in names}

    traces = []
    for done, place in enumerate(own, start=1):
        work = collection.works[place]
        traces.append(_trace(engine, collection.image_path(work), collection.label(work), names))
        yield Progress("Training works", done, len(own))
    makers = [work.makers for work in collection.works]
    styles = [work.style for work in collection.works]
    for name, scores in _scores(traces, names).items():
        rows[name].append(
            RetrievalCheck("self-retrieval", self_retrieval(scores, own).value, len(own))
        )
        parts = np.stack([one[name].parts for one in traces])
        rows[name] += _itself_aside(scores, parts, own, makers, styles)

    traces, painted_styles = [], []
    for number, (style, label) in enumerate(collection.labels_in_turn(limit)):
        image = _painted(engine, label, PAINTED_FIRST_SEED + seed * limit + number)
        traces.append(engine.compare(image, label, names))
        painted_styles.append(style)
        yield Progress("Generated pictures", number + 1, limit)
    for name, scores in _scores(traces, names).items():
        precise = precision_at(scores, styles, painted_styles, 10)
        rows[name].append(RetrievalCheck("style precision@10", precise.value, limit))

    held_out = load_held_out(collection)
    credits: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for done, work in enumerate(held_out, start=1):
        one = _trace(engine, collection.image_path(work), collection.label(work), names)
        for name in names:
            credits[name].append(_booked(one[name], makers))
        yield Progress("Held-out works", done, len(held_out))
    truth = [{who for who, _ in work.makers} for work in held_out]
    for name in names if held_out else ():
        for k in (1, 3):
            value = group_precision(credits[name], truth, k).value
            rows[name].append(RetrievalCheck(f"artist top-{k}", value, len(held_out)))
    digest = engine.model.digest
    results = (RetrievalResult(collection.name, name, tuple(rows[name]), digest) for name in names)
    yield RetrievalResults(tuple(results))


def _booked(one: Compared, makers: list[Makers]) -> dict[str, float]:
    """The shares that would be booked if all of the picture were owed to the collection."""
    evidence = Evidence.of(1.0, one.artists, one.z.tolist(), makers, {})
    micro = shares_by_evidence(evidence, BOOKED_RULE).artist_micro
    return {artist: float(value) for artist, value in micro.items()}


def _itself_aside(
    scores: Vector, parts: Vector, own: list[int], makers: list[Makers], styles: list[str]
) -> list[RetrievalCheck]:
    """What the other works say of a learnt one: its artist (of more than one work), its style.
    Nothing where there are no others."""
    if len(makers) < 2:
        return []
    works_of = Counter(who for one in makers for who, _ in one)
    by = [{who for who, _ in one} for one in makers]
    shared = [row for row, place in enumerate(own) if any(works_of[who] > 1 for who in by[place])]
    credits, precise = [], []
    for row, place in enumerate(own):
        rest = [at for at in range(len(makers)) if at != place]
        labels = [styles[at] for at in rest]
        precise.append(precision_at(scores[row : row + 1, rest], labels, [styles[place]], 10).value)
        if row in shared:
            sums: dict[str, float] = {}
            for at in rest:
                for who, portion in portions(makers[at]):
                    sums[who] = sums.get(who, 0.0) + float(portion) * float(parts[row, at])
            credits.append(sums)
    truth = [by[own[row]] for row in shared]
    checks = [RetrievalCheck("style precision@10, itself aside", float(np.mean(precise)), len(own))]
    for k in (1, 3) if shared else ():
        value = group_precision(credits, truth, k).value
        checks.append(RetrievalCheck(f"artist top-{k}, itself aside", value, len(shared)))
    return checks


MethodScores = dict[str, Compared]


def _scores(traces: list[MethodScores], names: list[str]) -> dict[str, Vector]:
    return {name: np.stack([one[name].scores for one in traces]) for name in names}


def _trace(engine: Engine, path: Path, label: str, names: list[str]) -> MethodScores:
    with Image.open(path) as image:
        return engine.compare(image.convert("RGB"), label, names)


def _painted(engine: Engine, label: str, seed: int) -> Image.Image:
    steps, guidance = engine.collection.default_steps, engine.collection.default_guidance
    events = engine.paint(label, seed=seed, steps=steps, guidance=guidance)
    return next(event.image for event in events if isinstance(event, Painted))
