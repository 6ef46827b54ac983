"""A LoRA trained on a collection: where the base comes from, which works are learnt.

In: a collection's directory and a `TrainingRequest`. Out: progress, then `model/` and `lora/` in
the collection. Training itself is `core.diffusion`; here only files and choices meet.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.services.serialize import TrainingRecord
from core.collection.store import MANIFEST, load_collection
from core.collection.types import Collection, Work
from core.errors import ModelError, UsageError
from core.files import checksum
from core.progress import Progress

if TYPE_CHECKING:
    from core.diffusion.training.base_model import BasePlan
    from core.diffusion.training.lora import LoraTrainingPlan
    from core.diffusion.training.pretrained import Origin

MODEL_INDEX = "model_index.json"
BASE_FILE = "base-file.sha256"  # where earlier versions kept the checksum of a base's file
UNPACKED = "base-file"


@dataclass(frozen=True)
class TrainingRequest:
    """What to learn, on what, for how long; None keeps the preset's own. `epochs` wins over
    `steps`. `lora`: one that is ready, brought instead of learnt. `download` fetches a base that
    is named as on the hub and is not here. `base_config`: the folder of a configuration for a base
    that is one file. `checkpointing`: see `Execution`."""

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
    base_config: Path | None = None
    checkpointing: bool = False

    def lora_dir(self, directory: Path) -> Path:
        """`lora/`, or a folder of its own for a subset."""
        return directory / ("lora" if self.subset is None else f"lora-{self.subset.stem}")


def train_collection(
    directory: Path, request: TrainingRequest, device: str = "cpu"
) -> Iterator[Progress]:
    """Make or copy the base if there is none yet, then train the LoRA, or bring one."""
    from core.attribution.engine import choose_device
    from core.diffusion.lora import BROUGHT, find_lora, install_lora
    from core.diffusion.pipeline_model import PipelineModel
    from core.diffusion.training.base_model import check_plan, recorded_plan
    from core.diffusion.training.loop import Execution
    from core.diffusion.training.lora import learnt_plan, train_lora

    collection = load_collection(directory)
    works = chosen_works(collection, request.subset)
    scratch = directory / "training"
    lora_dir = request.lora_dir(directory)
    if request.lora is not None and lora_dir.exists():
        raise ModelError(
            f"The collection '{collection.name}' has a LoRA already. Move its folder "
            f"'{lora_dir.name}' away to bring another one."
        )
    place = scratch / lora_dir.name
    brought_before = (lora_dir / BROUGHT).is_file() or recorded_plan(place) is None
    if request.lora is None and lora_dir.exists() and brought_before:
        raise ModelError(
            f"The LoRA of the collection '{collection.name}' was brought, not learnt here. Move "
            f"its folder '{lora_dir.name}' away to train another one."
        )
    # what cannot be is said before gigabytes are copied or hours are trained
    brought = None if request.lora is None else find_lora(request.lora)
    where, plan = choose_device(device), _plan(request, len(works))
    execution = Execution(
        request.precision, request.accumulate, checkpointing=request.checkpointing
    )
    execution.casting(where)
    if not (directory / "model" / MODEL_INDEX).is_file():

        def require_learnt_on(model: Path) -> None:
            """A LoRA that is here, or begun, learns on no other base than it began with."""
            if request.lora is None and recorded_plan(place) is not None:
                learnt = learnt_plan(collection, works, plan, model)
                check_plan(learnt, place, lora_dir, begin=False)

        yield from _make_base(collection, request, scratch, require_learnt_on)
    else:
        _require_usable(collection, request)
        shutil.rmtree(scratch / UNPACKED, ignore_errors=True)  # of a kill right after the copy
    if brought is not None:
        # loading checks every layer against the base
        model = PipelineModel.load(directory / "model", brought.file)
        own, along = model.lora_extent
        yield Progress(f"{own} layers of it are attributed, {along} more paint along", 1, 1)
        install_lora(brought, lora_dir, model.family.network)
        return
    yield from train_lora(collection, works, plan, place, lora_dir, where, execution)


def _require_usable(collection: Collection, request: TrainingRequest) -> None:
    """The base that is here is fit, and not another than the one that was named."""
    from core.diffusion.families import family_of
    from core.diffusion.training.base_model_check import require_configured, require_tokenizers

    model, aside = collection.path / "model", "Move the collection's folder 'model' away"
    try:
        family = family_of(model)
        require_configured(model, str(model), family)
        require_tokenizers(model, str(model), family)
    except ModelError as error:
        raise ModelError(f"{error.message} {aside} and give another base with --base.") from error
    if request.base is None:
        return
    same = _is_made_of(request.base, collection, request)
    if same:
        return
    lora_dir = request.lora_dir(collection.path)
    learnt = (lora_dir, collection.path / "training" / lora_dir.name)
    names = [f"'{path.relative_to(collection.path)}'" for path in learnt if path.exists()]
    if names:
        aside += f", and what was learnt on it ({', '.join(names)}),"
    about = f"The collection '{collection.name}' has a base already, another than '{request.base}'."
    if same is None:
        about = (
            f"The collection '{collection.name}' has a base already, and nothing here says whether "
            f"it is '{request.base}'."
        )
    raise ModelError(
        f"{about} {aside} to train on this one, or leave --base out to go on with the one it has."
    )


def _is_made_of(base: Path, collection: Collection, request: TrainingRequest) -> bool | None:
    """Whether the collection's base was made of `base`; None where nothing here says so. Raises
    `ModelError` where there is no such base, or it is a collection that taught otherwise."""
    from core.diffusion.training.pretrained import (
        checkpoint_folder,
        is_copy,
        is_hub_name,
        origin_of,
    )

    model = collection.path / "model"
    origin = origin_of(model)
    if (base / MANIFEST).is_file():
        return False if origin else _is_trained_on(load_collection(base), collection, request)
    if base.is_file():
        if origin is not None:
            return None if origin.kind != "file" else origin.mark == checksum(base)
        record = collection.path / "training" / BASE_FILE
        return record.read_text(encoding="utf-8") == checksum(base) if record.is_file() else None
    try:
        checkpoint = checkpoint_folder(base)
    except ModelError:
        if not is_hub_name(base):
            raise
        if origin is None or origin.kind != "hub":
            return None
        return origin.name == base.as_posix()
    if checkpoint is None:
        raise ModelError(_no_base(base))
    fetched = origin is not None and origin.kind == "hub"
    return (fetched and origin == _origin(checkpoint, base)) or is_copy(checkpoint, model)


def _is_trained_on(
    teacher: Collection, collection: Collection, request: TrainingRequest
) -> bool | None:
    """Whether the collection's base was trained on these works; None where nothing here says so.
    Raises `ModelError`, naming what differs, where it was trained otherwise."""
    from core.diffusion.training.base_model import base_record, check_plan, recorded_plan

    place = collection.path / "training" / "base"
    if recorded_plan(place) is None:
        return None
    plan, sources = _base_plan(collection, request), _sources(teacher)
    try:
        check_plan(base_record(plan, sources), place, collection.path / "model", begin=False)
    except ModelError as error:
        away = "Or leave --base out to go on with the base that is here."
        raise ModelError(f"{error.message} {away}") from error
    return True


def _plan(request: TrainingRequest, works: int) -> LoraTrainingPlan:
    """The preset, with what the caller wants otherwise."""
    from core.diffusion.training.lora import PAPER_EPOCHS, PAPER_PLAN, LoraTrainingPlan

    presets = {"small": (LoraTrainingPlan(), None), "paper": (PAPER_PLAN, PAPER_EPOCHS)}
    if request.preset not in presets:
        raise UsageError(f"There is no preset '{request.preset}'. Choose: {', '.join(presets)}.")
    plan, epochs = presets[request.preset]
    batch = plan.recipe.batch_size if request.batch_size is None else request.batch_size
    rank = plan.rank if request.rank is None else request.rank
    plan = replace(
        plan, rank=rank, recipe=replace(plan.recipe, seed=request.seed, batch_size=batch)
    )
    if request.epochs is not None or (request.steps is None and epochs is not None):
        return plan.of_epochs(request.epochs or epochs or 1, works)
    if request.steps is not None:
        return replace(plan, recipe=replace(plan.recipe, steps=request.steps))
    return plan


def training_record(directory: Path, request: TrainingRequest) -> TrainingRecord:
    """What was learnt, for people and as JSON."""
    from core.diffusion.lora import find_lora, rank_of

    collection, lora_dir = load_collection(directory), request.lora_dir(directory)
    return TrainingRecord(
        collection=collection.name,
        works=len(chosen_works(collection, request.subset)),
        rank=rank_of(find_lora(lora_dir)),
        seed=request.seed,
        model=directory / "model",
        lora=lora_dir,
    )


def chosen_works(collection: Collection, subset: Path | None) -> tuple[Work, ...]:
    """All works, or those whose ids stand in `subset`, in the collection's order."""
    if subset is None:
        return collection.works
    if not subset.is_file():
        raise UsageError(f"There is no file '{subset}'. Write one work id per line into it.")
    lines = subset.read_text(encoding="utf-8").splitlines()
    ids = {line.strip() for line in lines if line.strip()}
    for work_id in sorted(ids):
        collection.work(work_id)
    if not ids:
        raise UsageError(f"The file '{subset}' names no work. Write one work id per line into it.")
    return tuple(work for work in collection.works if work.id in ids)


def _make_base(
    collection: Collection,
    request: TrainingRequest,
    scratch: Path,
    require_learnt_on: Callable[[Path], None],
) -> Iterator[Progress]:
    from core.diffusion.training.pretrained import checkpoint_folder

    base = request.base
    if base is None:
        raise ModelError(
            f"The collection '{collection.name}' has no model yet. Give one with --base: a model's "
            "folder, its name on the hub, or a collection's folder to train a small one "
            "from nothing."
        )
    if (base / MANIFEST).is_file():
        yield from _train_base(load_collection(base), collection, request, scratch)
        return
    if base.is_file():
        yield from _from_file(base, collection, request, scratch, require_learnt_on)
        return
    checkpoint = checkpoint_folder(base, download=request.download)
    if checkpoint is None:
        raise ModelError(_no_base(base))
    yield from _take(checkpoint, base, collection, request, require_learnt_on)


def _no_base(base: Path) -> str:
    return (
        f"'{base}' is neither a model in diffusers' layout ({MODEL_INDEX}) nor a "
        f"collection ({MANIFEST}). Give the folder of one of them, or a name of the hub."
    )


def _from_file(
    file: Path,
    collection: Collection,
    request: TrainingRequest,
    scratch: Path,
    require_learnt_on: Callable[[Path], None],
) -> Iterator[Progress]:
    """Unpack one file into a folder, which is then taken like any other."""
    from core.diffusion.training.pretrained import configuration_folder
    from core.diffusion.training.single_file import (
        require_configuration,
        require_single_file,
        unpack,
        wanted,
    )

    family, configuration = require_single_file(file), request.base_config
    if configuration is None:
        configuration = configuration_folder(family.configuration, download=request.download)
    if configuration is None:
        raise ModelError(wanted(file, family))
    require_configuration(configuration, file, family)
    _require_size(configuration, file, collection)
    yield Progress("Unpacking the base model", 0, 1)
    folder = scratch / UNPACKED
    unpack(file, configuration, folder)
    yield from _take(folder, file, collection, request, require_learnt_on)
    shutil.rmtree(folder)


def _require_size(folder: Path, base: Path, collection: Collection) -> None:
    from core.diffusion.training.pretrained import painted_size

    side = painted_size(folder)
    if side != collection.image_size:
        raise ModelError(
            f"The model '{base}' paints {side} pixels, and the pictures of the collection "
            f"'{collection.name}' have {collection.image_size}. Import them into another folder "
            f"with --size {side}, or choose another model."
        )


def _origin(checkpoint: Path, base: Path) -> Origin:
    """What a copy of `checkpoint` is taken from, where `base` was named."""
    from core.diffusion.training.pretrained import Origin

    if base.is_file():
        return Origin("file", base.name, checksum(base))
    if base.exists():
        return Origin("folder", base.resolve().name)
    return Origin("hub", base.as_posix(), checkpoint.name)  # a snapshot's folder is its revision


def _take(
    checkpoint: Path,
    base: Path,
    collection: Collection,
    request: TrainingRequest,
    require_learnt_on: Callable[[Path], None],
) -> Iterator[Progress]:
    """Check a model's folder whole, and copy it into the collection."""
    from core.diffusion.lora import find_lora
    from core.diffusion.pipeline_model import PipelineModel
    from core.diffusion.training.base_model_check import require_fit
    from core.diffusion.training.pretrained import copy_checkpoint

    target = collection.path / "model"
    _require_size(checkpoint, base, collection)
    require_learnt_on(checkpoint)
    yield Progress("Checking the base model", 0, 1)
    require_fit(checkpoint, str(base))
    if request.lora is not None:
        # a base that the LoRA does not fit would stay in the collection, and in its way
        PipelineModel.load(checkpoint, find_lora(request.lora).file)
    yield Progress("Copying the base model", 0, 1)
    copy_checkpoint(checkpoint, target, _origin(checkpoint, base))
    yield Progress("Copying the base model", 1, 1)


def _train_base(
    teacher: Collection, collection: Collection, request: TrainingRequest, scratch: Path
) -> Iterator[Progress]:
    """A small Stable Diffusion from nothing, on the teacher's works, at the collection's size."""
    from core.diffusion.training.base_model import make_base
    from core.diffusion.training.lora import load_pictures

    missing = set(collection.styles) - set(teacher.styles)
    if missing:
        raise ModelError(
            f"The base collection '{teacher.name}' shows no {', '.join(sorted(missing))}, so its "
            "model would not know these words. Choose a base collection with the same classes."
        )
    plan, sources = _base_plan(collection, request), _sources(teacher)
    pictures = load_pictures(replace(teacher, image_size=collection.image_size), teacher.works)
    yield from make_base(
        plan, pictures, scratch / "base", collection.path / "model", sources=sources
    )


def _sources(teacher: Collection) -> list[str]:
    """What a base learns: the works, and the labels beneath."""
    return [f"{work.sha256} {teacher.label(work)}" for work in teacher.works]


def _base_plan(collection: Collection, request: TrainingRequest) -> BasePlan:
    from core.diffusion.training.base_model import AUTOENCODER, BASE, SHAPE, BasePlan, Round

    return BasePlan(
        shape=replace(SHAPE, image_size=collection.image_size),
        rounds=(
            Round(
                replace(AUTOENCODER, steps=request.decoder_steps),
                replace(BASE, steps=request.base_steps),
            ),
        ),
    )
