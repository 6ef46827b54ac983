"""Are credits true where no retraining is needed? Kinds of pictures that must owe, and must not.

None of the pictures was used to fit anything: held-out works outside the references, new seeds of
the model, of the base's own painters and of the patterns, crops of the photographs that libraries
ship. `--paintings FOLDER` adds real paintings. What is measured is what is booked.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

from app.services.run_record import evidence_of
from core.attribution.calibration.attributable import SIGNALS, signals
from core.attribution.calibration.out_of_distribution import foreign_picture
from core.attribution.calibration.references import HELD_OUT, load_references
from core.attribution.engine import Engine
from core.attribution.features.spec import DEFAULT
from core.collection.store import load_held_out
from core.collection.types import Collection, Work
from core.diffusion.sampling import Painted
from core.ledger.shares import BOOKED_RULE, WHOLE, Shares, shares, shares_by_evidence
from core.workshops.hand import paint_work
from core.workshops.roster import BASE_HANDS
from tests.benchmarks.conftest import Measure, side_by_side

KNOWN, FOREIGN, BASE = "known", "foreign", "base"
NEW = 700_000  # seeds that nobody used before
Picture = tuple[Callable[[], Image.Image], str | None, str]  # picture, class, artist


@dataclass(frozen=True)
class Asked:
    """One picture's answer: shares of today's rule beside the booked ones."""

    attributable: float
    probability: float  # before the level below which nothing is attributable
    booked: Shares
    before: Shares
    artist: str
    first: str
    false_names: int


def bench_credits(
    measure: Measure, engine: Engine, embedded: Collection, pytestconfig: pytest.Config
) -> None:
    """The bars of a true credit, kind by kind, then verdict, right artist and palette."""
    count = int(pytestconfig.getoption("--pictures"))
    folder = pytestconfig.getoption("--paintings")
    answers: dict[str, list[Asked]] = {}
    sides: dict[str, str] = {}
    for name, side, pictures in _kinds(engine, embedded, count, folder):
        answers[name] = [_ask(engine, *picture) for picture in pictures]
        sides[name] = side
        _report_kind(measure, name, side, answers[name])
    _report_verdict(measure, answers, sides)
    held = answers["new works of learnt hands"]
    right = statistics.fmean(one.first == one.artist for one in held)
    measure("held-out: right artist first", right, 0.98, higher_is_better=True, detail=_n(held))
    wrong = [one.false_names / max(1, len(one.booked.artist_micro)) for one in held]
    measure(
        "held-out: false names among the credited",
        statistics.fmean(wrong),
        BOOKED_RULE["discovery_rate"],
        higher_is_better=False,
        detail=_n(held),
    )
    grey = answers["grey versions of held-out works"]
    right = statistics.fmean(one.first == one.artist for one in grey)
    measure("grey: right artist first", right, 0.5, higher_is_better=True, detail=_n(grey))


def bench_credits_cost(measure: Measure, engine: Engine, embedded: Collection) -> None:
    """One attribution with what is attributable, beside one without, in the same run."""
    with Image.open(embedded.image_path(embedded.works[0])) as file:
        image = file.convert("RGB")
    kept = engine._newest()._features
    features = kept[DEFAULT]

    def attribute(what_is_kept: object) -> None:
        kept[DEFAULT] = what_is_kept
        engine.attribute(image, style=embedded.works[0].style)

    before = replace(features, attributable=None)
    now, then = side_by_side([lambda: attribute(features), lambda: attribute(before)], rounds=15)
    kept[DEFAULT] = features
    detail = f"{now:.3f} s, without {then:.3f} s"
    measure("cost of one attribution", now / then, 1.1, higher_is_better=False, detail=detail)


def _kinds(
    engine: Engine, collection: Collection, count: int, folder: str | None
) -> Iterator[tuple[str, str, Sequence[Picture]]]:
    seeds = range(NEW, NEW + count)
    styles = collection.styles
    yield (
        "painted by the model",
        KNOWN,
        [
            (partial(_painted, engine, styles[s % len(styles)], s), styles[s % len(styles)], "")
            for s in seeds
        ],
    )
    fresh = _unused(collection)
    yield (
        "new works of learnt hands",
        KNOWN,
        [(partial(_opened, collection, w), w.style, w.artist_id) for w in fresh],
    )
    hands = [BASE_HANDS[place % len(BASE_HANDS)] for place in range(2 * count)]
    yield (
        "works of hands of the base alone",
        BASE,
        [
            (partial(paint_work, h, s, collection.image_size), h.style, "")
            for s, h in enumerate(hands, start=NEW)
        ],
    )
    size = collection.image_size
    photos = _photographs()
    yield "photographs", FOREIGN, [(partial(_crop, photos, s, size), None, "") for s in seeds]
    yield "patterns", FOREIGN, [(partial(foreign_picture, s, size), None, "") for s in seeds]
    yield "noise", FOREIGN, [(partial(_noise, s, size), None, "") for s in seeds]
    yield "flat colours", FOREIGN, [(partial(_flat, s, size), None, "") for s in seeds]
    if folder:
        files = sorted(Path(folder).rglob("*.jpg"))
        chosen = np.random.default_rng(NEW).permutation(len(files))[: 10 * count]
        yield (
            "real paintings",
            FOREIGN,
            [(partial(_read, files[place]), None, "") for place in chosen],
        )
    yield (
        "grey versions of held-out works",
        "",
        [(partial(_grey, collection, w), w.style, w.artist_id) for w in fresh[: 2 * count]],
    )


def _ask(
    engine: Engine, picture: Callable[[], Image.Image], style: str | None, artist: str
) -> Asked:
    attribution = engine.attribute(picture(), style=style)
    evidence = evidence_of(attribution)
    assert evidence is not None
    line = engine._newest().attributable
    assert line is not None
    values = signals(*(np.array([evidence.signals[name]]) for name in SIGNALS))
    booked = shares_by_evidence(evidence)
    before = shares(attribution.z.tolist(), [work.artist_id for work in attribution.works])
    first = max(evidence.artists, key=lambda part: part.influence).artist_id
    false = sum(1 for name in booked.artist_micro if artist and name != artist)
    return Asked(
        evidence.attributable,
        float(line.probabilities(values)[0]),
        booked,
        before,
        artist,
        first,
        false,
    )


def _report_kind(measure: Measure, name: str, side: str, answers: Sequence[Asked]) -> None:
    given = [1 - one.booked.unattributed_micro / WHOLE for one in answers]
    before = [1 - one.before.unattributed_micro / WHOLE for one in answers]
    credited = statistics.fmean(value > 0 for value in given)
    detail = (
        f"median of {_n(answers)}; credited at all {credited:.3f}; "
        f"before: {statistics.median(before):.3f}"
    )
    bars = {KNOWN: 0.5, FOREIGN: 0.05, BASE: 0.1}
    measure(
        f"attributed: {name}",
        statistics.median(given),
        bars.get(side, 0.0),
        higher_is_better=side in (KNOWN, ""),
        detail=detail,
    )
    if side in (FOREIGN, BASE):
        measure(
            f"credited at all: {name}", credited, 0.05, higher_is_better=False, detail=_n(answers)
        )


def _report_verdict(
    measure: Measure, answers: dict[str, list[Asked]], sides: dict[str, str]
) -> None:
    known = [one for name, side in sides.items() if side == KNOWN for one in answers[name]]
    foreign = [one for name, side in sides.items() if side == FOREIGN for one in answers[name]]
    refused = statistics.fmean(one.attributable == 0 for one in known)
    taken = statistics.fmean(one.attributable > 0 for one in foreign)
    auc = roc_auc_score(
        [True] * len(known) + [False] * len(foreign),
        [one.probability for one in (*known, *foreign)],
    )
    detail = f"{len(known)} known, {len(foreign)} foreign"
    measure("verdict: AUC", float(auc), 0.98, higher_is_better=True, detail=detail)
    measure("verdict: known refused", refused, 0.05, higher_is_better=False, detail=detail)
    measure("verdict: foreign taken", taken, 0.05, higher_is_better=False, detail=detail)


def _unused(collection: Collection) -> list[Work]:
    used = {row.sha256 for row in load_references(collection) if row.kind == HELD_OUT}
    return [work for work in load_held_out(collection) if work.sha256 not in used]


def _painted(engine: Engine, style: str, seed: int) -> Image.Image:
    collection = engine.collection
    events = engine.paint(
        style, seed=seed, steps=collection.default_steps, guidance=collection.default_guidance
    )
    return next(event.image for event in events if isinstance(event, Painted))


def _opened(collection: Collection, work: Work) -> Image.Image:
    return _read(collection.image_path(work))


def _grey(collection: Collection, work: Work) -> Image.Image:
    return _opened(collection, work).convert("L").convert("RGB")


def _read(path: Path) -> Image.Image:
    with Image.open(path) as file:
        return file.convert("RGB")


def _photographs() -> list[Image.Image]:
    """Photographs that come with the libraries: a temple, a flower, a person."""
    from sklearn.datasets import load_sample_images

    photos = [Image.fromarray(pixels) for pixels in load_sample_images().images]
    return [*photos, _read(Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg")]


def _crop(photos: Sequence[Image.Image], seed: int, size: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    photo = photos[seed % len(photos)]
    side = int(rng.integers(180, min(photo.size)))
    left, top = (int(rng.integers(0, whole - side + 1)) for whole in photo.size)
    return photo.crop((left, top, left + side, top + side)).resize((size, size))


def _noise(seed: int, size: int) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def _flat(seed: int, size: int) -> Image.Image:
    red, green, blue = np.random.default_rng(seed).integers(0, 256, 3).tolist()
    return Image.new("RGB", (size, size), (red, green, blue))


def _n(answers: Sequence[Asked]) -> str:
    return f"{len(answers)} pictures"
