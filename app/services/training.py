"""A collection taught to a model: where the base comes from, which works are learnt.

In: a collection's directory and a `Lesson`. Out: progress, then `model/` and `lora/` in the
collection. Training itself is `core.diffusion`; here only files and choices meet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.services.serialize import TrainingRecord
from core.collection.store import MANIFEST, load_collection
from core.collection.types import Collection, Work
from core.errors import ModelError, UsageError
from core.progress import Progress

if TYPE_CHECKING:
    from core.diffusion.training.finetune import LoraPlan

MODEL_INDEX = "model_index.json"


@dataclass(frozen=True)
class Lesson:
    """What to learn, on what, for how long; None keeps the preset's own. `epochs` wins over
    `steps`. `lora`: one that is ready, brought instead of learnt. `download` fetches a base that
    is named as on the hub and is not here."""

    base: Path | None = None
    base_steps: int = 4500
    decoder_steps: int = 3000
    steps: int | None = None
    epochs: int | None = None
    rank: int | None = None
    subset: Path | None = None
    seed: int = 2
    preset: str = "small"
    batch_size: int | None = None
    precision: str = "auto"
    accumulate: int = 1
    lora: Path | None = None
    download: bool = False

    def lora_dir(self, directory: Path) -> Path:
        """`lora/`, or a folder of its own for a subset."""
        return directory / ("lora" if self.subset is None else f"lora-{self.subset.stem}")


def teach(directory: Path, lesson: Lesson, device: str = "cpu") -> Iterator[Progress]:
    """Make or copy the base if there is none yet, then train the LoRA, or bring one."""
    from core.attribution.engine import choose_device
    from core.diffusion.lora.adapter import install_lora
    from core.diffusion.lora.formats import find_lora
    from core.diffusion.stable import StableDiffusion
    from core.diffusion.training.finetune import train_lora
    from core.diffusion.training.loop import Execution

    collection = load_collection(directory)
    works = chosen_works(collection, lesson.subset)
    scratch = directory / "training"
    lora_dir = lesson.lora_dir(directory)
    if lesson.lora is not None and lora_dir.exists():
        raise ModelError(
            f"The collection '{collection.name}' has a LoRA already. Move its folder "
            f"'{lora_dir.name}' away to bring another one."
        )
    place = scratch / lora_dir.name
    if lesson.lora is None and lora_dir.exists() and not place.exists():
        raise ModelError(
            f"The LoRA of the collection '{collection.name}' was brought, not learnt here. Move "
            f"its folder '{lora_dir.name}' away to train another one."
        )
    # what cannot be is said before gigabytes are copied or hours are trained
    brought = None if lesson.lora is None else find_lora(lesson.lora)
    where, plan = choose_device(device), _plan(lesson, len(works))
    execution = Execution(lesson.precision, lesson.accumulate)
    execution.casting(where)
    if not (directory / "model" / MODEL_INDEX).is_file():
        yield from _make_base(collection, lesson, scratch)
    if brought is not None:
        # loading checks every layer against the base
        StableDiffusion.load(directory / "model", brought.file)
        install_lora(brought, lora_dir)
        return
    yield from train_lora(collection, works, plan, place, lora_dir, where, execution)


def _plan(lesson: Lesson, works: int) -> LoraPlan:
    """The preset, with what the caller wants otherwise."""
    from core.diffusion.training.finetune import PAPER_EPOCHS, PAPER_PLAN, LoraPlan

    presets = {"small": (LoraPlan(), None), "paper": (PAPER_PLAN, PAPER_EPOCHS)}
    if lesson.preset not in presets:
        raise UsageError(f"There is no preset '{lesson.preset}'. Choose: {', '.join(presets)}.")
    plan, epochs = presets[lesson.preset]
    batch = plan.recipe.batch_size if lesson.batch_size is None else lesson.batch_size
    rank = plan.rank if lesson.rank is None else lesson.rank
    plan = replace(plan, rank=rank, recipe=replace(
        plan.recipe, seed=lesson.seed, batch_size=batch
    ))  # fmt: skip
    if lesson.epochs is not None or (lesson.steps is None and epochs is not None):
        return plan.of_epochs(lesson.epochs or epochs or 1, works)
    if lesson.steps is not None:
        return replace(plan, recipe=replace(plan.recipe, steps=lesson.steps))
    return plan


def taught(directory: Path, lesson: Lesson) -> TrainingRecord:
    """What was learnt, for people and as JSON."""
    from core.diffusion.lora.formats import find_lora, rank_of

    collection, lora_dir = load_collection(directory), lesson.lora_dir(directory)
    return TrainingRecord(
        collection=collection.name,
        works=len(chosen_works(collection, lesson.subset)),
        rank=rank_of(find_lora(lora_dir)),
        seed=lesson.seed,
        model=directory / "model",
        lora=lora_dir,
    )


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
    from core.diffusion.training.pretrained import (
        checkpoint_folder,
        copy_checkpoint,
        painted_size,
    )

    base, target = lesson.base, collection.path / "model"
    if base is None:
        raise ModelError(
            f"The collection '{collection.name}' has no model yet. Give one with --base: a Stable "
            "Diffusion's folder or name on the hub, or a collection's folder to train a small one "
            "from nothing."
        )
    if (base / MANIFEST).is_file():
        yield from _train_base(load_collection(base), collection, lesson, scratch)
        return
    checkpoint = checkpoint_folder(base, download=lesson.download)
    if checkpoint is None:
        raise ModelError(
            f"'{base}' is neither a Stable Diffusion in diffusers' layout ({MODEL_INDEX}) nor a "
            f"collection ({MANIFEST}). Give the folder of one of them, or a name of the hub."
        )
    if painted_size(checkpoint) != collection.image_size:
        raise ModelError(
            f"The model '{base}' paints {painted_size(checkpoint)} pixels, and the pictures of the "
            f"collection '{collection.name}' have {collection.image_size}. Import them into "
            f"another folder with --size {painted_size(checkpoint)}, or choose another model."
        )
    yield Progress("Copying the base model", 0, 1)
    copy_checkpoint(checkpoint, target)
    yield Progress("Copying the base model", 1, 1)


def _train_base(
    teacher: Collection, collection: Collection, lesson: Lesson, scratch: Path
) -> Iterator[Progress]:
    """A small Stable Diffusion from nothing, on the teacher's works, at the collection's size."""
    from core.diffusion.training.base_model import BASE, DECODER, SHAPE, BasePlan, make_base
    from core.diffusion.training.finetune import load_pictures

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
