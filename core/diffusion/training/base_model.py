"""A small Stable Diffusion from nothing, on pictures with one class each.

In: pictures `[n, 3, h, w]` uint8, their styles, a plan, a scratch directory. Out: a model in
diffusers' layout. Three stages (autoencoder, base, assemble); each resumes, a finished one is
skipped, so the same call after a kill ends with the same model. Knows no collection.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor
from transformers import CLIPTextModel

from core.collection.prompts import class_prompt
from core.diffusion.small_stable import SmallShape, build_pipeline
from core.diffusion.stable import StableDiffusion
from core.diffusion.training.autoencoder import (
    DecoderRecipe,
    patch_components,
    train_decoder,
    write_encoder,
)
from core.diffusion.training.loop import Recipe, TrainingSet, train
from core.diffusion.training.pretrained import MODEL_INDEX, is_finished
from core.errors import ModelError
from core.files import write_folder, write_text
from core.progress import Progress

DECODER = DecoderRecipe(steps=3000)
BASE = Recipe(steps=4500, learning_rate=8e-4, ema=0.999, checkpoint_every=200, seed=1)
SHAPE = SmallShape()


@dataclass(frozen=True)
class BasePlan:
    """Shape of the model and lengths of its stages."""

    shape: SmallShape = SHAPE
    decoder: DecoderRecipe = DECODER
    base: Recipe = BASE


@dataclass(frozen=True, eq=False)
class Pictures:
    """`images [n, 3, h, w]` uint8 and the style of each."""

    images: Tensor
    styles: Sequence[str]

    @property
    def classes(self) -> tuple[str, ...]:
        """Each style once, sorted."""
        return tuple(sorted(set(self.styles)))


def training_set(latents: Tensor, styles: Sequence[str]) -> TrainingSet:
    """Latents with the number of each one's class prompt; number 0 is the empty prompt."""
    classes = sorted(set(styles))
    order = {style: index + 1 for index, style in enumerate(classes)}
    prompts = ["", *(class_prompt(style) for style in classes)]
    return TrainingSet(
        latents=latents, prompt_of=torch.tensor([order[style] for style in styles]), prompts=prompts
    )


@torch.no_grad()
def encode_all(model: StableDiffusion, images: Tensor) -> Tensor:
    """uint8 `[n, 3, h, w]` -> latents `[n, c, h', w']`, a few at a time."""
    return torch.cat([model.encode(part.float() / 127.5 - 1.0).cpu() for part in images.split(50)])


@torch.no_grad()
def sampled_set(model: StableDiffusion, like: TrainingSet, pixels: Tensor) -> TrainingSet:
    """The same works and prompts with the posterior of these pictures `[n, 3, h, w]`, uint8 or in
    [-1, 1]; a few at a time, so that bytes take a quarter of the memory."""
    parts = [
        model.posterior(part if part.is_floating_point() else part.float() / 127.5 - 1.0)
        for part in pixels.split(16)
    ]
    mean, spread = (torch.cat(one).cpu() for one in zip(*parts, strict=True))
    return replace(like, latents=mean, spread=spread)


def start_model(plan: BasePlan, pictures: Pictures, name: str) -> StableDiffusion:
    """A new model whose encoder is the patch components of the pictures."""
    words = [class_prompt(style) for style in pictures.classes]
    pipeline = build_pipeline(plan.shape, words, seed=plan.base.seed)
    sampled = pictures.images[:: max(1, len(pictures.images) // 600)].float() / 127.5 - 1.0
    write_encoder(pipeline.vae, patch_components(sampled, plan.shape.latent_channels))
    return StableDiffusion(pipeline, name=name)


def train_autoencoder(plan: BasePlan, pictures: Pictures, scratch: Path) -> Iterator[Progress]:
    """Fix the encoder, train the decoder."""
    model = start_model(plan, pictures, scratch.name)
    latents = encode_all(model, pictures.images)
    vae = model.pipeline.vae
    yield from train_decoder(vae, pictures.images, latents, plan.decoder, scratch)
    write_folder(scratch / "vae", vae.save_pretrained)


def train_base(plan: BasePlan, pictures: Pictures, scratch: Path) -> Iterator[Progress]:
    """Train UNet and text encoder together; the moving average is what stays."""
    model = start_model(plan, pictures, scratch.name)
    data = training_set(encode_all(model, pictures.images), pictures.styles)
    text = model.pipeline.text_encoder
    parameters = {
        **{f"unet.{name}": value for name, value in model.network.named_parameters()},
        **{f"text.{name}": value for name, value in text.named_parameters()},
    }
    yield from train(
        model,
        parameters,
        data,
        plan.base,
        scratch / "base",
        embed=lambda: model.embed_text(data.prompts),
    )
    write_folder(scratch / "unet", model.pipeline.unet.save_pretrained)
    write_folder(scratch / "text_encoder", text.save_pretrained)


def assemble(plan: BasePlan, classes: Sequence[str], scratch: Path, model_dir: Path) -> None:
    """The trained parts as one pipeline in `model_dir`; UNet and text in half precision on disk."""
    words = [class_prompt(style) for style in classes]
    pipeline = build_pipeline(plan.shape, words, seed=plan.base.seed)
    pipeline.vae = AutoencoderKL.from_pretrained(scratch / "vae")
    pipeline.unet = UNet2DConditionModel.from_pretrained(scratch / "unet").half()
    pipeline.text_encoder = CLIPTextModel.from_pretrained(scratch / "text_encoder").half()
    for part in (pipeline.vae, pipeline.unet):  # not the scratch folder's: a collection travels
        part.register_to_config(_name_or_path="")
    pipeline.text_encoder.config._name_or_path = ""
    write_folder(model_dir, lambda draft: pipeline.save_pretrained(draft, safe_serialization=True))


def make_base(
    plan: BasePlan, pictures: Pictures, scratch: Path, model_dir: Path
) -> Iterator[Progress]:
    """All stages in order, skipping what is finished: what is there with all its weights."""
    check_plan(asdict(plan), scratch)
    if not is_finished(scratch, ("vae",)):
        yield from train_autoencoder(plan, pictures, scratch)
    if not is_finished(scratch, ("unet", "text_encoder")):
        yield from train_base(plan, pictures, scratch)
    if not is_whole(model_dir):
        assemble(plan, pictures.classes, scratch, model_dir)


def is_whole(model_dir: Path) -> bool:
    """Whether `assemble` finished there."""
    parts = ("vae", "unet", "text_encoder")
    return (model_dir / MODEL_INDEX).is_file() and is_finished(model_dir, parts)


def check_plan(plan: object, scratch: Path) -> None:
    """A scratch directory begun under another plan is refused, never silently mixed."""
    scratch.mkdir(parents=True, exist_ok=True)
    record = scratch / "plan.json"
    written = json.dumps(plan, indent=1, sort_keys=True)
    if not record.is_file():
        write_text(record, written)
    elif record.read_text(encoding="utf-8") != written:
        raise ModelError(
            f"The unfinished training in {scratch} was begun with another plan. "
            "Finish it with the same options, or remove that directory to start again."
        )
