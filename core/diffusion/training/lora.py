"""Train a LoRA of any family on a collection, the base untouched.

In: a collection with a model, a recipe, a scratch directory. Out: `lora/` in the collection, with
the plan it was trained by.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from core.collection.types import Collection, Work
from core.diffusion.lora import LORA_FILE
from core.diffusion.pipeline_model import PipelineModel
from core.diffusion.tensors import chosen_precision, image_to_pixels
from core.diffusion.training.base_model import (
    PLAN_FILE,
    LabelledImages,
    check_plan,
    encode_all,
    sampled_set,
    training_set,
)
from core.diffusion.training.loop import PLAIN, Execution, Recipe, TrainingSet, train
from core.diffusion.training.pretrained import model_checksum
from core.errors import CollectionError, ModelError
from core.files import read_json, write_text
from core.progress import Progress

LORA = Recipe(steps=2000, learning_rate=3e-3, ema=0.99, seed=2)
# specification of D-TRAK, section 5: ArtBench
PAPER_LORA = Recipe(
    steps=0,
    batch_size=64,
    learning_rate=3e-4,
    betas=(0.9, 0.999),
    order="epochs",
    times="uniform",
    floor=0.0,
    checkpoint_every=1000,
    flip=True,
    sampled=True,
    dropout=0.1,
    dropout_in="attn",
)
PAPER_EPOCHS = 100


@dataclass(frozen=True)
class LoraTrainingPlan:
    """Rank of the adapter, on which layers it lies (see `add_lora`) and how it is trained."""

    rank: int = 32
    recipe: Recipe = LORA
    start: str = "kaiming"
    layers: str = "attention"

    def of_epochs(self, epochs: int, works: int) -> LoraTrainingPlan:
        """The same for so many epochs of so many works; a tenth of the steps warms up where each
        work comes once per epoch."""
        if self.recipe.order == "drawn":
            steps = max(1, epochs * works // self.recipe.batch_size)
            return replace(self, recipe=replace(self.recipe, steps=steps))
        steps = epochs * -(-works // self.recipe.batch_size)
        return replace(self, recipe=replace(self.recipe, steps=steps, warmup=-(-steps // 10)))


PAPER_PLAN = LoraTrainingPlan(128, PAPER_LORA, "gaussian")


def save_plan(plan: LoraTrainingPlan, lora_dir: Path) -> None:
    """Say beside a LoRA by which plan it was trained."""
    text = json.dumps({"lora": asdict(plan)}, indent=1, sort_keys=True)
    write_text(lora_dir / PLAN_FILE, text + "\n")


def kept_plan(directory: Path) -> LoraTrainingPlan | None:
    """The plan of the LoRA in `directory`, or of the training whose scratch it is; None for a LoRA
    that was brought, or trained before plans were kept. Raises `ModelError` for a damaged file."""
    if not (directory / PLAN_FILE).is_file():
        return None

    def plan_of(values: Any) -> LoraTrainingPlan:
        plan = dict(values["lora"])
        recipe = dict(plan.pop("recipe"))
        recipe["betas"] = tuple(recipe["betas"])
        return LoraTrainingPlan(recipe=Recipe(**recipe), **plan)

    fault = (
        f"{PLAN_FILE} in {directory} is no training plan that this version knows. Copy it again, "
        "or remove it: only retraining needs it."
    )
    return read_json(directory / PLAN_FILE, plan_of, missing=fault, damaged=fault, error=ModelError)


def load_pictures(collection: Collection, works: Sequence[Work]) -> LabelledImages:
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
    return LabelledImages(torch.stack(images), [collection.label(work) for work in works])


def learnt_plan(
    collection: Collection, works: Sequence[Work], plan: LoraTrainingPlan, model_dir: Path
) -> dict[str, object]:
    """All that decides what a LoRA is: options, pictures, prompts and the base beneath."""
    learnt: dict[str, object] = {
        "lora": asdict(plan),
        "works": [work.sha256 for work in works],
        "prompts": [collection.prompt(collection.label(work)) for work in works],
        "base": model_checksum(model_dir),
    }
    if collection.by_caption:
        learnt["captions"] = [collection.label(work) for work in works]
    return learnt


def train_lora(
    collection: Collection,
    works: Sequence[Work],
    plan: LoraTrainingPlan,
    scratch: Path,
    lora_dir: Path,
    device: torch.device | str = "cpu",
    execution: Execution = PLAIN,
) -> Iterator[Progress]:
    """Train on `works` (all of the collection, or a subset) and write the adapter and its plan.

    In bfloat16 the frozen network lies in bfloat16 too; the LoRA and its optimizer stay in float32.
    Pictures and prompts are encoded once; then the encoders leave the device. What lies in
    `scratch` or `lora_dir` of another base, other prompts or another plan is refused.
    """
    model_dir = collection.path / "model"
    check_plan(learnt_plan(collection, works, plan, model_dir), scratch, lora_dir)
    if (lora_dir / LORA_FILE).is_file():
        return
    model = PipelineModel.load(model_dir, device=device)
    model.add_lora(plan.rank, plan.recipe.seed, plan.start, plan.layers)
    data = _lora_set(model, load_pictures(collection, works), plan.recipe, collection.prompt)
    precision = chosen_precision(execution.precision, model.device)
    if precision != "float32":
        model.narrow(getattr(torch, precision))
    parameters, table = model.attributed_parameters(), model.kept_prompts(data.prompts)
    model.park()
    place = scratch / "lora"
    yield from train(model, parameters, data, plan.recipe, place, table=table, execution=execution)
    save_plan(plan, lora_dir)  # first: a LoRA that is there is finished
    model.save_lora(lora_dir)


def _lora_set(
    model: PipelineModel, pictures: LabelledImages, recipe: Recipe, prompt: Callable[[str], str]
) -> TrainingSet:
    """Everything is encoded once: the latents, and where the recipe asks for them the posterior's
    spread and the mirrored pictures."""
    if not (recipe.sampled or recipe.flip):
        return training_set(encode_all(model, pictures.images), pictures.styles, prompt)
    plain = training_set(pictures.images[:, :1, :1, :1].float(), pictures.styles, prompt)
    sampled = sampled_set(model, plain, pictures.images)
    if not recipe.flip:
        return sampled
    return replace(sampled, mirrored=sampled_set(model, plain, pictures.images.flip(-1)))
