"""A collection small enough for tests, with a random model and real features, made on the disk."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from core.attribution.calibration.references import ReferencePlan
from core.attribution.features.build import build_features
from core.attribution.features.spec import SPECS
from core.collection.store import (
    load_collection,
    load_held_out,
    save_collection,
    save_held_out,
)
from core.collection.types import BODY, Artist, Collection, Work
from core.diffusion.pipeline_model import PipelineModel
from core.diffusion.training.base_model import random_stable_diffusion, tiny_pipeline

SIZE = 32
STYLES = ("cubism", "ukiyo_e")
PLAN = ReferencePlan(generated=6, foreign=10, held_out=4, base=4)


def picture(seed: int, size: int = SIZE) -> Image.Image:
    """A seeded picture of soft colours."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8), "RGB")
    return coarse.resize((size, size), Image.Resampling.BICUBIC)


def small_works(root: Path, folder: str, first_seed: int, each: int) -> tuple[Work, ...]:
    """`each` works for each of four artists, two a style."""
    works = []
    for artist in range(4):
        for number in range(each):
            buffer = io.BytesIO()
            picture(first_seed + 100 * artist + number).save(buffer, "PNG")
            name = f"artist-{artist}-{number}"
            path = root / folder / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(buffer.getvalue())
            works.append(
                Work(
                    f"{folder}-{name}",
                    f"{folder}/{name}.png",
                    f"Study {number} of {artist}",
                    f"artist-{artist}",
                    STYLES[artist % 2],
                    "1910",
                    "CC0-1.0",
                    "tests",
                    hashlib.sha256(buffer.getvalue()).hexdigest(),
                )
            )
    return tuple(works)


def small_collection(root: Path) -> Collection:
    """Works, held-out works and artists; no model yet."""
    artists = tuple(
        Artist(f"artist-{i}", f"artist-{i}", f"Atelier {i}", kind=BODY) for i in range(4)
    )
    collection = Collection(
        root,
        "small",
        "A small collection",
        "For tests.",
        SIZE,
        small_works(root, "images", 0, 3),
        artists,
        default_steps=3,
        default_guidance=1.5,
    )
    save_held_out(collection, small_works(root, "held_out", 5000, 1))
    save_collection(collection)
    return load_collection(root)


def captioned_collection(root: Path) -> Collection:
    """The same by caption, each work's its own; one work and one held-out work have none."""
    collection = replace(small_collection(root), by_caption=True)

    def described(works: Sequence[Work]) -> tuple[Work, ...]:
        first, *rest = works
        texts = (f"a boat of {work.artist_id}, {work.id[-1]}" for work in rest)
        return (
            first,
            *(replace(work, caption=text) for work, text in zip(rest, texts, strict=True)),
        )

    save_held_out(collection, described(load_held_out(collection)))
    save_collection(replace(collection, works=described(collection.works)))
    return load_collection(root)


def small_model(seed: int = 0) -> PipelineModel:
    """A random Stable Diffusion that knows the prompts' words."""
    return random_stable_diffusion(seed, size=SIZE)


def save_small_model(root: Path, seed: int = 0) -> None:
    """`model/` without the LoRA and `lora/`, as training leaves them."""
    tiny_pipeline(seed, size=SIZE).save_pretrained(root / "model", safe_serialization=True)
    small_model(seed).save_lora(root / "lora")


def ready_collection(root: Path, names: tuple[str, ...] = tuple(SPECS)) -> Collection:
    """Works, model, LoRA and features of every kind."""
    collection = small_collection(root)
    save_small_model(root)
    model = PipelineModel.load(root / "model", root / "lora")
    for name in names:
        for _ in build_features(model, collection, name, SPECS[name], plan=PLAN):
            pass
    return collection
