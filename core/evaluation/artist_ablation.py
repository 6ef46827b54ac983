"""Leave one artist out: the collection's LoRA without one artist, and what that changes.

In: a collection, an artist, a painted picture. Out: a LoRA that has forgotten or never learnt the
artist's works; the change of the picture's loss, and the same seed painted again. It answers the
ledger's own question, by doing it instead of estimating it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from core.attribution.features.spec import NoiseRule, TimestepRule
from core.collection.prompts import class_prompt
from core.collection.types import Collection, Work
from core.diffusion.lora.adapter import LORA_FILE
from core.diffusion.sampling import Sampler, denoise
from core.diffusion.stable import StableDiffusion
from core.diffusion.tensors import tensor_to_image
from core.diffusion.training.base_model import encode_all, training_set
from core.diffusion.training.loop import Recipe, train
from core.diffusion.training.lora import LORA, LoraTrainingPlan, load_pictures, train_lora
from core.errors import UsageError
from core.evaluation.forgetting import (
    BASE,
    NEIGHBOURS,
    RECIPE,
    TARGETS,
    forgetting_set,
    teacher,
)
from core.evaluation.models import Losses
from core.progress import Progress

FORGET, REDIRECT, RETRAIN = "forget", "redirect", "retrain"
FORGETTING_TARGETS = {FORGET: BASE, REDIRECT: NEIGHBOURS}
WAYS = (*FORGETTING_TARGETS, RETRAIN)
DEFAULT_WAY = FORGET  # of the two targets the one that agrees better (`evaluate artists`)
FORGETTING = RECIPE
MEASURED_TIMESTEPS = TimestepRule("uniform", 20)
MEASURED_NOISE = NoiseRule("shared", seed=7_919)
OTHERS = 24  # works of other artists that show whether the rest was kept


@dataclass(frozen=True, kw_only=True)
class WithoutArtist:
    """Mean denoising losses with the artist and without, of the picture, of the artist's own works
    and of others'; `moved`: how far the repainted latents are, as a share of their length."""

    artist_id: str
    way: str
    works: int
    picture_before: float
    picture_after: float
    own_before: float
    own_after: float
    others_before: float
    others_after: float
    moved: float


def way_of(target: str) -> str:
    """The way that has this target, or a `UsageError`."""
    for way, known in FORGETTING_TARGETS.items():
        if known == target:
            return way
    raise UsageError(f"There is no target '{target}'. Choose one of: {', '.join(TARGETS)}.")


def lora_without(
    collection: Collection,
    artist_id: str,
    way: str,
    directory: Path,
    recipe: Recipe | None = None,
    *,
    device: torch.device | str = "cpu",
) -> Iterator[Progress]:
    """Write `directory/lora`: by `forget`ting or `redirect`ing (minutes), or `retrain`ing (the
    whole training).

    The first two go on from the collection's LoRA: about all other works it learns what it learnt
    before, about the artist's to answer what the base model answers (`forget`), or what somebody
    who knows the others alone would answer (`redirect`). Resumes; seeded.
    """
    own = [work for work in collection.works if work.artist_id == artist_id]
    kept = [work for work in collection.works if work.artist_id != artist_id]
    if not own or not kept:
        raise UsageError(
            f"The collection '{collection.name}' has no artist '{artist_id}' beside others."
        )
    if (directory / "lora" / LORA_FILE).is_file():
        return
    if way == RETRAIN:
        full = StableDiffusion.load(collection.path / "model", collection.path / "lora")
        plan = LoraTrainingPlan(full.lora_rank, LORA if recipe is None else recipe)
        scratch, lora = directory / "scratch", directory / "lora"
        yield from train_lora(collection, kept, plan, scratch, lora, device)
    elif way in FORGETTING_TARGETS:
        forgetting = FORGETTING if recipe is None else recipe
        target = FORGETTING_TARGETS[way]
        yield from _forget(collection, own, kept, directory, forgetting, device, target)
    else:
        raise UsageError(f"There is no way '{way}'. Choose one of: {', '.join(WAYS)}.")


def _forget(
    collection: Collection,
    own: Sequence[Work],
    kept: Sequence[Work],
    directory: Path,
    recipe: Recipe,
    device: torch.device | str,
    target: str,
) -> Iterator[Progress]:
    places = (collection.path / "model", collection.path / "lora")
    model = StableDiffusion.load(*places, device=device)
    pictures = load_pictures(collection, [*kept, *own])
    whole = training_set(encode_all(model, pictures.images), pictures.styles)
    data, count = forgetting_set(whole, range(len(kept), len(kept) + len(own)))
    teach = teacher(model, data, count, target)
    parameters = model.attributed_parameters()
    scratch = directory / "scratch"
    for event in train(model, parameters, data, recipe, scratch, teach=teach):
        yield replace(event, phase="Forgetting")
    model.save_lora(directory / "lora")


@torch.no_grad()
def compare_without(
    collection: Collection,
    artist_id: str,
    way: str,
    directory: Path,
    *,
    style: str,
    seed: int,
    steps: int,
    guidance: float,
    device: torch.device | str = "cpu",
) -> tuple[WithoutArtist, Image.Image]:
    """The figures, and the picture of the same seed without the artist."""
    before, after = (
        StableDiffusion.load(collection.path / "model", place / "lora", device=device)
        for place in (collection.path, directory)
    )
    own = [work for work in collection.works if work.artist_id == artist_id]
    rest = [work for work in collection.works if work.artist_id != artist_id]
    others = rest[:: max(1, len(rest) // OTHERS)][:OTHERS]
    finished = [_painted(model, style, seed, steps, guidance) for model in (before, after)]
    shown = encode_all(before, load_pictures(collection, [*own, *others]).images)
    latents = torch.cat([finished[0], shown])
    prompts = [class_prompt(name) for name in (style, *(work.style for work in [*own, *others]))]
    ids = [f"{number}" for number in range(len(latents))]
    losses = Losses(latents, ids, MEASURED_TIMESTEPS, MEASURED_NOISE)
    simple = [losses.under(model, model.condition(prompts))["simple"] for model in (before, after)]
    parts = [
        (float(loss[0]), float(loss[1 : 1 + len(own)].mean()), float(loss[1 + len(own) :].mean()))
        for loss in simple
    ]
    figures = WithoutArtist(
        artist_id=artist_id,
        way=way,
        works=len(own),
        picture_before=parts[0][0],
        picture_after=parts[1][0],
        own_before=parts[0][1],
        own_after=parts[1][1],
        others_before=parts[0][2],
        others_after=parts[1][2],
        moved=float((finished[1] - finished[0]).norm() / finished[0].norm()),
    )
    return figures, tensor_to_image(after.decode(finished[1])[0])


def _painted(model: StableDiffusion, style: str, seed: int, steps: int, guidance: float) -> Tensor:
    """Finished latents `[1, c, h', w']`."""
    for at in denoise(
        model, [class_prompt(style)], [seed], Sampler(steps=steps, guidance=guidance)
    ):
        latents = at.latents
    return latents
