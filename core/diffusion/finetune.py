"""Teach a collection to a Stable Diffusion: a LoRA on its attention, the base untouched.

In: a collection with a model, a recipe, a scratch directory. Out: `lora/` in the collection.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from PIL import Image

from core.collection.types import Collection, Work
from core.diffusion.adapters import LORA_FILE
from core.diffusion.from_scratch import Pictures, check_plan, encode_all, training_set
from core.diffusion.stable import StableDiffusion
from core.diffusion.tensors import image_to_pixels
from core.diffusion.training import Recipe, train
from core.errors import CollectionError
from core.progress import Progress

LORA = Recipe(steps=2000, learning_rate=3e-3, ema=0.99, seed=2)


@dataclass(frozen=True)
class LoraPlan:
    """Rank of the adapter and how it is trained."""

    rank: int = 32
    recipe: Recipe = LORA


def load_pictures(collection: Collection, works: Sequence[Work]) -> Pictures:
    """The works' files as they are: what training sees is what an upload of the file gives."""
    images = []
    for work in works:
        path = collection.image_path(work)
        if not path.is_file():
            raise CollectionError(
                f"The picture of work '{work.id}' is missing from the collection "
                f"'{collection.name}'. Put it back, or import the collection again."
            )
        with Image.open(path) as image:
            images.append(image_to_pixels(image, collection.image_size))
    return Pictures(torch.stack(images), [work.style for work in works])


def train_lora(
    collection: Collection,
    works: Sequence[Work],
    plan: LoraPlan,
    scratch: Path,
    lora_dir: Path,
    device: torch.device | str = "cpu",
) -> Iterator[Progress]:
    """Train on `works` (all of the collection, or a subset) and write the adapter."""
    check_plan({"lora": asdict(plan), "works": [work.sha256 for work in works]}, scratch)
    if (lora_dir / LORA_FILE).is_file():
        return
    model = StableDiffusion.load(collection.path / "model", device=device)
    model.add_lora(plan.rank, plan.recipe.seed)
    pictures = load_pictures(collection, works)
    data = training_set(encode_all(model, pictures.images), pictures.styles)
    yield from train(model, model.attributed_parameters(), data, plan.recipe, scratch / "lora")
    model.save_lora(lora_dir)
