"""The embedded collection, whole, from nothing: paint, base model, LoRA, features, example.

In: a destination and a scratch directory. Out: a collection directory as the product ships it.
Every stage is seeded and resumes where it was stopped; a finished stage is skipped.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from PIL import Image

from core.collection.store import load_collection, save_collection, save_held_out
from core.collection.types import BODY, Artist, Collection, Work
from core.diffusion.tensors import image_to_pixels
from core.diffusion.training.autoencoder import AutoencoderRecipe
from core.diffusion.training.base_model import (
    BASE,
    SHAPE,
    BasePlan,
    LabelledImages,
    Round,
    is_whole,
    make_base,
)
from core.diffusion.training.loop import PLAIN, Execution
from core.diffusion.training.lora import LORA, LoraTrainingPlan, train_lora
from core.diffusion.training.repainting import Repainting
from core.files import write_bytes
from core.progress import Progress
from core.workshops.hand import Hand, paint_work, work_title
from core.workshops.roster import (
    BASE_HANDS,
    COLLECTION_HANDS,
    HELD_OUT_FIRST_SEED,
    HELD_OUT_PER_HAND,
    WORKS_PER_HAND,
)

NAME = "workshops"
LICENCE = "CC0-1.0"
DESCRIPTION = (
    "Six hundred paintings by twenty-four procedural painters: small programs, each with a hand "
    "of its own, named after pigments. No person painted them; because every painter is a "
    "program, the truth about who shaped what can be checked."
)
STEPS = (3500, 1250, 2500)  # of the rounds after the first


@dataclass(frozen=True, kw_only=True)
class BuildPlan:
    """The sizes and lengths of every stage, and the guidance its model paints best by."""

    base: BasePlan
    lora: LoraTrainingPlan
    guidance: float
    size: int = 128
    base_works_per_hand: int = 80


DECODER = AutoencoderRecipe(
    steps=3000,
    learning_rate=1e-3,
    weight_decay=0.0,
    latent_noise=0.1,
    adversary_from=1200,
    ema=0.998,
    seed=5,
)
# Hours on two cores, minutes on a GPU. The first round learns what to paint on few components of
# each patch; the others add detail; the last decoder learns what the base itself makes of pictures.
SHIPPED = BuildPlan(
    base=BasePlan(
        replace(SHAPE, latent_channels=32, autoencoder=(32, 48, 64, 128), patched=True),
        (
            Round(None, BASE, channels=8),
            Round(None, replace(BASE, steps=STEPS[0], seed=3, floor=1.0)),
            Round(None, replace(BASE, steps=STEPS[1], seed=4, floor=1.0)),
            Round(DECODER, replace(BASE, steps=STEPS[2], seed=6)),
            Round(replace(DECODER, adversary_from=400, repainting=Repainting(2), seed=7), None),
        ),
    ),
    lora=LoraTrainingPlan(
        rank=32,
        recipe=replace(LORA, steps=5000, learning_rate=1e-3, ema=0.999),
        layers="linear",
    ),
    guidance=3.0,
)


def encode_picture(image: Image.Image) -> bytes:
    """The file a workshop's painting is kept as: JPEG, quality 95, no chroma subsampling."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95, subsampling=0)
    return buffer.getvalue()


def paint_collection(
    destination: Path, size: int = SHIPPED.size, guidance: float = SHIPPED.guidance
) -> Iterator[Progress]:
    """Works, held-out works, artists and their tables; `guidance` is what its model paints best by.
    Repainting changes no byte."""
    works: list[Work] = []
    held_out: list[Work] = []
    for index, hand in enumerate(COLLECTION_HANDS):
        works += [_paint_one(hand, seed, "images", destination, size) for seed in _work_seeds()]
        held_out += [
            _paint_one(hand, seed, "held_out", destination, size) for seed in _held_out_seeds()
        ]
        yield Progress("paint", index + 1, len(COLLECTION_HANDS), hand.name)
    artists = tuple(Artist(hand.slug, hand.slug, hand.name, kind=BODY) for hand in COLLECTION_HANDS)
    collection = Collection(
        path=destination,
        name=NAME,
        title="The Pigment Workshops",
        description=DESCRIPTION,
        image_size=size,
        default_guidance=guidance,
        works=tuple(works),
        artists=artists,
    )
    save_held_out(collection, held_out)
    save_collection(collection)


def _work_seeds() -> range:
    return range(WORKS_PER_HAND)


def _held_out_seeds() -> range:
    return range(HELD_OUT_FIRST_SEED, HELD_OUT_FIRST_SEED + HELD_OUT_PER_HAND)


def _paint_one(hand: Hand, seed: int, folder: str, destination: Path, size: int) -> Work:
    data = encode_picture(paint_work(hand, seed, size))
    file = f"{folder}/{hand.slug}-{seed:04d}.jpg"
    path = destination / file
    if not path.is_file() or path.read_bytes() != data:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, data)
    return Work(
        id=f"{hand.slug}-{seed:04d}",
        file=file,
        title=work_title(hand, seed),
        artist_id=hand.slug,
        style=hand.style,
        year="2026",
        licence=LICENCE,
        source="core.workshops",
        sha256=hashlib.sha256(data).hexdigest(),
    )


def base_pictures(plan: BuildPlan) -> LabelledImages:
    """The base painters' works; none of these painters is in the collection."""
    images, styles = [], []
    for hand in BASE_HANDS:
        for seed in range(plan.base_works_per_hand):
            images.append(image_to_pixels(paint_work(hand, seed, plan.size), plan.size))
            styles.append(hand.style)
    return LabelledImages(torch.stack(images), styles)


def build_model(
    destination: Path,
    scratch: Path,
    plan: BuildPlan = SHIPPED,
    device: torch.device | str = "cpu",
    execution: Execution = PLAIN,
) -> Iterator[Progress]:
    """Paint, train the base on other painters' works, train the collection's LoRA."""
    if not (destination / "collection.toml").is_file():
        yield from paint_collection(destination, plan.size, plan.guidance)
    if not is_whole(destination / "model"):
        pictures = base_pictures(plan)
        model_dir = destination / "model"
        yield from make_base(plan.base, pictures, scratch / "base", model_dir, device, execution)
    collection = load_collection(destination)
    yield from train_lora(
        collection,
        collection.works,
        plan.lora,
        scratch / "lora",
        destination / "lora",
        device,
        execution,
    )
