"""A collection taught to a model: where the base comes from, which works are learnt.

In: a collection's directory and a `Lesson`. Out: progress, then `model/` and `lora/` in the
collection. Training itself is `core.diffusion`; here only files and choices meet.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from core.collection.store import MANIFEST, load_collection
from core.collection.types import Collection, Work
from core.errors import ModelError, UsageError
from core.progress import Progress

MODEL_INDEX = "model_index.json"


@dataclass(frozen=True)
class Lesson:
    """What to learn, on what, for how long. `epochs` wins over `steps`."""

    base: Path | None = None
    base_steps: int = 4500
    decoder_steps: int = 3000
    steps: int = 2000
    epochs: int | None = None
    rank: int = 32
    subset: Path | None = None
    seed: int = 2

    def lora_dir(self, directory: Path) -> Path:
        """`lora/`, or a folder of its own for a subset."""
        return directory / ("lora" if self.subset is None else f"lora-{self.subset.stem}")


def teach(directory: Path, lesson: Lesson, device: str = "cpu") -> Iterator[Progress]:
    """Make or copy the base if there is none yet, then train the LoRA on the device."""
    from core.attribution.engine import choose_device
    from core.diffusion.finetune import LORA, LoraPlan, train_lora

    collection = load_collection(directory)
    works = chosen_works(collection, lesson.subset)
    scratch = directory / "training"
    if not (directory / "model" / MODEL_INDEX).is_file():
        yield from _make_base(collection, lesson, scratch)
    steps = lesson.steps
    if lesson.epochs is not None:
        steps = max(1, lesson.epochs * len(works) // LORA.batch_size)
    plan = LoraPlan(lesson.rank, replace(LORA, steps=steps, seed=lesson.seed))
    lora_dir = lesson.lora_dir(directory)
    place = scratch / lora_dir.name
    yield from train_lora(collection, works, plan, place, lora_dir, choose_device(device))


def taught(directory: Path, lesson: Lesson) -> dict[str, object]:
    """What was learnt, for people and as JSON."""
    collection = load_collection(directory)
    return {
        "collection": collection.name,
        "works": len(chosen_works(collection, lesson.subset)),
        "rank": lesson.rank,
        "seed": lesson.seed,
        "model": directory / "model",
        "lora": lesson.lora_dir(directory),
    }


def chosen_works(collection: Collection, subset: Path | None) -> tuple[Work, ...]:
    """All works, or those whose ids stand in `subset`, in the collection's order."""
    if subset is None:
        return collection.works
    if not subset.is_file():
        raise UsageError(f"There is no file '{subset}'. Write one work id a line into it.")
    lines = subset.read_text(encoding="utf-8").splitlines()
    wanted = {line.strip() for line in lines if line.strip()}
    for work_id in sorted(wanted):
        collection.work(work_id)
    if not wanted:
        raise UsageError(f"The file '{subset}' names no work. Write one work id a line into it.")
    return tuple(work for work in collection.works if work.id in wanted)


def _make_base(collection: Collection, lesson: Lesson, scratch: Path) -> Iterator[Progress]:
    base, target = lesson.base, collection.path / "model"
    if base is None:
        raise ModelError(
            f"The collection '{collection.name}' has no model yet. Give one with --base: a Stable "
            "Diffusion's folder, or a collection's folder to train a small one from nothing."
        )
    if (base / MODEL_INDEX).is_file():
        yield Progress("Copying the base model", 0, 1)
        unfinished = target.with_name("model.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(base, unfinished)
        unfinished.rename(target)
        yield Progress("Copying the base model", 1, 1)
    elif (base / MANIFEST).is_file():
        yield from _train_base(load_collection(base), collection, lesson, scratch)
    else:
        raise ModelError(
            f"'{base}' is neither a Stable Diffusion in diffusers' layout ({MODEL_INDEX}) nor a "
            f"collection ({MANIFEST}). Give the folder of one of them."
        )


def _train_base(
    teacher: Collection, collection: Collection, lesson: Lesson, scratch: Path
) -> Iterator[Progress]:
    """A small Stable Diffusion from nothing, on the teacher's works, at the collection's size."""
    from core.diffusion.finetune import load_pictures
    from core.diffusion.from_scratch import BASE, DECODER, SHAPE, BasePlan, make_base

    missing = set(collection.styles) - set(teacher.styles)
    if missing:
        raise ModelError(
            f"The base collection '{teacher.name}' shows no {', '.join(sorted(missing))}, so its "
            "model would not know these words. Choose a base collection with the same classes."
        )
    plan = BasePlan(
        shape=replace(SHAPE, image_size=collection.image_size),
        decoder=replace(DECODER, steps=lesson.decoder_steps),
        base=replace(BASE, steps=lesson.base_steps),
    )
    pictures = load_pictures(replace(teacher, image_size=collection.image_size), teacher.works)
    yield from make_base(plan, pictures, scratch / "base", collection.path / "model")
