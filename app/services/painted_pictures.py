"""`evaluate pictures`: whether a collection's model paints as its works look.

In: settings, how many pictures, which embedding. Out: progress, then the judge's figures and a
contact sheet, one painting per class and seed.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from pydantic import Field
from torch import Tensor

from app.services.collections import chosen_collection
from app.services.serialize import Number, Record
from app.settings import Settings, downloads_allowed
from core.attribution.engine import Engine
from core.attribution.features.clip import ClipVision
from core.collection.store import load_held_out
from core.collection.types import Collection, Work
from core.diffusion.sampling import Painted
from core.diffusion.tensors import image_to_tensor
from core.errors import UsageError
from core.evaluation.efficientnet import NAME, EfficientNetLite
from core.evaluation.painted_pictures import Judge, Judgement, PictureSample
from core.progress import Progress

FIRST_SEED = 9_000  # seeds that no other check paints
GAP = 4  # pixels between pictures of the sheet


class Embedder(Protocol):
    """What turns pixels `[b, 3, h, w]` in [-1, 1] into embeddings `[b, d]`."""

    def embed(self, pixels: Tensor) -> Tensor: ...


class RecognisedRecord(Record):
    """How pictures were recognised."""

    pictures: int = Field(description="How many pictures")
    in_class: Number = Field(description="Whose recognised hand has works of the class, 0 to 1")
    confidence: Number = Field(description="The judge's mean confidence, 0 to 1")


class PicturesRecord(Record):
    """Whether a model paints as its works look."""

    collection: str = Field(description="Name of the collection")
    model_digest: str = Field(description="Digest of the model that painted")
    embedding: str = Field(description="By which the judge sees")
    hands: Number = Field(description="Hands named rightly of pictures it did not learn, 0 to 1")
    hands_of: str = Field(description="Which pictures these are")
    held_out: RecognisedRecord | None = Field(description="Held-out works; null: none")
    painted: RecognisedRecord = Field(description="Painted pictures")
    distance: Number = Field(description="Fréchet distance of painted pictures to the works")
    distance_held_out: Number | None = Field(description="Of held-out works; null: none")
    sharpness: dict[str, Number] = Field(description="Per class, against the works'")
    copies: Number = Field(description="Painted pictures nearer to a work than works are, 0 to 1")
    sheet: Path | None = Field(description="The contact sheet; null: none was asked for")


@dataclass(frozen=True)
class PicturesJudged:
    """The judgement of one collection's model."""

    collection: str
    model_digest: str
    judgement: Judgement
    sheet: Path | None

    @property
    def record(self) -> PicturesRecord:
        """As JSON shows it."""
        values = {name: getattr(self.judgement, name) for name in vars(self.judgement)}
        values.pop("nearest")
        return PicturesRecord.model_validate(
            values
            | {
                "collection": self.collection,
                "model_digest": self.model_digest,
                "sheet": self.sheet,
                "sharpness": dict(self.judgement.sharpness),
            }
        )


def judge_pictures(
    settings: Settings,
    *,
    count: int,
    seed: int = 0,
    clip: Path | None = None,
    sheet: Path | None = None,
) -> Generator[Progress | PicturesJudged, None, None]:
    """Paint `count` pictures, the classes in turn (by caption: of each its captions in turn), and
    judge them by class.

    Raises `UsageError` for fewer pictures than two per class, `ModelError` without an embedding.
    """
    collection = chosen_collection(settings)
    if count < 2 * len(collection.styles):
        raise UsageError(
            f"{count} pictures are too few for {len(collection.styles)} classes. Paint at least "
            f"{2 * len(collection.styles)}."
        )
    engine = Engine.open(collection, device=settings.device)
    embedder: Embedder
    if clip is None:
        name, embedder = NAME, EfficientNetLite.load(engine.device)
    else:
        name = "clip"
        embedder = ClipVision.load(clip, device=engine.device, download=downloads_allowed())
    works = yield from _read(collection, collection.works, embedder, "Works")
    judge = Judge(works, [work.artist_id for work in collection.works])
    rest = load_held_out(collection)
    held_out = (yield from _read(collection, rest, embedder, "Held-out works")) if rest else None
    images, styles = [], []
    for number, (style, label) in enumerate(collection.labels_in_turn(count)):
        images.append(_painted(engine, label, FIRST_SEED + seed * count + number))
        styles.append(style)
        yield Progress("Painting", number + 1, count)
    painted = _pictures(images, styles, collection.image_size, embedder)
    judgement = judge.judge(painted, name, held_out, [work.artist_id for work in rest])
    if sheet is not None:
        contact_sheet(images, styles, sheet)
    yield PicturesJudged(collection.name, engine.model.digest, judgement, sheet)


def contact_sheet(images: Sequence[Image.Image], styles: Sequence[str], file: Path) -> None:
    """A row per class, its pictures in the order of their seeds, as PNG or JPEG."""
    rows = [
        [image for image, own in zip(images, styles, strict=True) if own == style]
        for style in sorted(set(styles))
    ]
    side = images[0].width + GAP
    wide = max(map(len, rows)) * side + GAP
    page = Image.new("RGB", (wide, len(rows) * side + GAP), "white")
    for down, row in enumerate(rows):
        for across, image in enumerate(row):
            page.paste(image, (GAP + across * side, GAP + down * side))
    file.parent.mkdir(parents=True, exist_ok=True)
    page.save(file)


def _read(
    collection: Collection, works: Sequence[Work], embedder: Embedder, phase: str
) -> Generator[Progress, None, PictureSample]:
    images = []
    for number, work in enumerate(works, start=1):
        with Image.open(collection.image_path(work)) as image:
            images.append(image.convert("RGB"))
        yield Progress(phase, number, len(works))
    return _pictures(images, [work.style for work in works], collection.image_size, embedder)


def _pictures(
    images: Sequence[Image.Image], styles: Sequence[str], size: int, embedder: Embedder
) -> PictureSample:
    pixels = torch.stack([image_to_tensor(image, size) for image in images])
    return PictureSample(
        embeddings=embedder.embed(pixels).numpy(),
        pixels=pixels.numpy().astype(np.float32),
        styles=list(styles),
    )


def _painted(engine: Engine, label: str, seed: int) -> Image.Image:
    steps, guidance = engine.collection.default_steps, engine.collection.default_guidance
    events = engine.paint(label, seed=seed, steps=steps, guidance=guidance)
    return next(event.image for event in events if isinstance(event, Painted))
