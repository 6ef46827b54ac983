"""Leave one artist out: the collection's LoRA without one artist, and what that changes.

In: a collection, an artist, a painted picture. Out: a LoRA that has forgotten or never learnt the
artist's works; the change of the picture's loss, and the same seed painted again. It answers the
ledger's own question, by doing it instead of estimating it. What a model is taught instead, to
forget some works, are two targets: a `Teach` for the training loop.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from core.attribution.features.spec import NoiseRule
from core.attribution.features.timesteps import TimestepRule
from core.collection.types import Collection, Work
from core.diffusion.conditioning import Conditioning
from core.diffusion.lora import LORA_FILE
from core.diffusion.pipeline_model import PipelineModel
from core.diffusion.protocol import DiffusionModel
from core.diffusion.sampling import Sampler, denoise
from core.diffusion.schedule import Schedule
from core.diffusion.tensors import tensor_to_image
from core.diffusion.training.base_model import encode_all, training_set
from core.diffusion.training.loop import Recipe, Teach, TrainingSet, train
from core.diffusion.training.lora import LoraTrainingPlan, kept_plan, load_pictures, train_lora
from core.errors import ModelError, UsageError
from core.evaluation.models import Losses
from core.progress import Progress

BASE, NEIGHBOURS = "base", "neighbours"
TARGETS = (BASE, NEIGHBOURS)
NEAREST = 5
# An answer that points elsewhere is off by the distance over sigma: below this noise level the
# target moves from the forgotten work only in proportion to sigma, so that it stays bounded.
SIGMA_FLOOR = 0.5
FORGETTING = Recipe(steps=120, learning_rate=1e-3, warmup=10, checkpoint_every=20, seed=3)
FORGET, REDIRECT, RETRAIN = "forget", "redirect", "retrain"
FORGETTING_TARGETS = {FORGET: BASE, REDIRECT: NEIGHBOURS}
WAYS = (*FORGETTING_TARGETS, RETRAIN)
DEFAULT_WAY = FORGET  # of the two targets the one that agrees better (`evaluate artists`)
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


def redirected(
    schedule: Schedule, noisy: Tensor, times: Tensor, own: Tensor, near: Tensor
) -> Tensor:
    """What a network that never met `own [b, ...]` would answer about `noisy [b, ...]` if it knew
    the kept works `near [b, k, ...]` by heart: it points to their mean, each by how probable it is
    behind what is seen, exp(-|x_t - a x_i|^2 / 2 sigma^2) (ReTrack's target)."""
    signal, sigma = schedule.coefficients(times, noisy)
    gaps = (noisy[:, None] - signal[:, None] * near).flatten(2).square().sum(2)
    weights = torch.softmax(-gaps / (2.0 * sigma.reshape(-1, 1).square()), dim=1)
    mean = (weights.reshape(*weights.shape, *([1] * (near.ndim - 2))) * near).sum(1)
    clean = own + (sigma / SIGMA_FLOOR).clamp_max(1.0) * (mean - own)
    return schedule.target(clean, (noisy - signal * clean) / sigma, times)


def nearest_kept(kept: Tensor, own: Tensor, count: int = NEAREST) -> Tensor:
    """The kept works next to each forgotten one by latents, `[m, k, ...]`."""
    distances = torch.cdist(own.flatten(1).double(), kept.flatten(1).double())
    return kept[distances.topk(min(count, len(kept)), largest=False).indices]


def forgetting_set(data: TrainingSet, own: Sequence[int]) -> tuple[TrainingSet, int]:
    """The kept works, then the forgotten ones as often as all kept together; and how many are
    kept."""
    gone = set(own)
    kept = [row for row in range(len(data.latents)) if row not in gone]
    if not kept or not own:
        raise UsageError("To forget some works, some must be named and others kept.")
    again = [own[number % len(own)] for number in range(len(kept))]
    return data.of([*kept, *again]), len(kept)


def teacher(model: DiffusionModel, data: TrainingSet, kept: int, target: str) -> Teach:
    """About the first `kept` works of `data` the usual target; about the others what the base model
    answers (`base`), or what knowing the kept works alone would answer (`neighbours`)."""
    if target not in TARGETS:
        raise UsageError(f"There is no target '{target}'. Choose one of: {', '.join(TARGETS)}.")
    if target == BASE and not isinstance(model, PipelineModel):
        raise UsageError("Only a model with a LoRA has a base whose answer could be the target.")
    near = nearest_kept(data.latents[:kept], data.latents[kept:])

    def teach(
        rows: Tensor, noisy: Tensor, times: Tensor, conditioning: Conditioning | None, usual: Tensor
    ) -> Tensor:
        forgotten = rows >= kept
        if not forgotten.any():
            return usual
        if target == BASE:
            assert isinstance(model, PipelineModel)
            other = model.base_predict(noisy, times, conditioning)
        else:
            place = (rows - kept).clamp_min(0)
            own, around = data.latents[kept + place].to(noisy), near[place].to(noisy)
            other = redirected(model.schedule, noisy, times, own, around)
        mask = forgotten.to(usual.device).reshape(-1, *([1] * (usual.ndim - 1)))
        return torch.where(mask, other, usual)

    return teach


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
    whole training, by the plan of the collection's LoRA). `recipe`: instead of the way's own.

    The first two go on from the collection's LoRA: about all other works it learns what it learnt
    before, about the artist's to answer what the base model answers (`forget`), or what somebody
    who knows the others alone would answer (`redirect`). Resumes; seeded. Raises `ModelError` for
    retraining where nobody knows the plan; what was retrained by another plan is made again.
    """
    own = [work for work in collection.works if work.is_by(artist_id)]
    kept = [work for work in collection.works if not work.is_by(artist_id)]
    if not own or not kept:
        raise UsageError(
            f"The collection '{collection.name}' has no artist '{artist_id}' beside others."
        )
    scratch, lora = directory / "scratch", directory / "lora"
    plan = _plan(collection, recipe) if way == RETRAIN else None
    if plan is not None and any(kept_plan(place) not in (None, plan) for place in (scratch, lora)):
        for place in (scratch, lora):
            shutil.rmtree(place, ignore_errors=True)
    if (lora / LORA_FILE).is_file():
        return
    if plan is not None:
        yield from train_lora(collection, kept, plan, scratch, lora, device)
    elif way in FORGETTING_TARGETS:
        forgetting = FORGETTING if recipe is None else recipe
        target = FORGETTING_TARGETS[way]
        yield from _forget(collection, own, kept, directory, forgetting, device, target)
    else:
        raise UsageError(f"There is no way '{way}'. Choose one of: {', '.join(WAYS)}.")


def _plan(collection: Collection, recipe: Recipe | None) -> LoraTrainingPlan:
    """By which the collection's LoRA was trained, or one of its shape with another recipe."""
    places = (collection.path / "model", collection.path / "lora")
    if recipe is not None:
        full = PipelineModel.load(*places)
        return LoraTrainingPlan(full.lora_rank, recipe, layers=full.lora_layers)
    plan = kept_plan(places[1])
    if plan is None:
        raise ModelError(
            f"Nobody knows by which plan the LoRA of the collection '{collection.name}' was "
            "trained: it was brought, or trained before plans were kept, so it cannot be trained "
            "again without an artist. Let the artist be forgotten instead (leave --retrain out), "
            "or move the folder 'lora' away and train it here with `python -m app train`."
        )
    return plan


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
    model = PipelineModel.load(*places, device=device)
    pictures = load_pictures(collection, [*kept, *own])
    whole = training_set(encode_all(model, pictures.images), pictures.styles, collection.prompt)
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
        PipelineModel.load(collection.path / "model", place / "lora", device=device)
        for place in (collection.path, directory)
    )
    own = [work for work in collection.works if work.is_by(artist_id)]
    rest = [work for work in collection.works if not work.is_by(artist_id)]
    others = rest[:: max(1, len(rest) // OTHERS)][:OTHERS]
    finished = [
        _painted(model, collection.prompt(style), seed, steps, guidance)
        for model in (before, after)
    ]
    labels = (style, *(collection.label(work) for work in [*own, *others]))
    prompts = [collection.prompt(label) for label in labels]
    shown = encode_all(before, load_pictures(collection, [*own, *others]).images)
    latents = torch.cat([finished[0], shown])
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


def _painted(model: PipelineModel, prompt: str, seed: int, steps: int, guidance: float) -> Tensor:
    """Finished latents `[1, c, h', w']`."""
    for at in denoise(model, [prompt], [seed], Sampler(steps=steps, guidance=guidance)):
        latents = at.latents
    return latents
