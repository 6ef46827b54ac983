"""A small but complete Stable Diffusion from scratch: its parts, and their training.

In: pictures `[n, 3, h, w]` uint8 with one class each, a plan, a scratch directory. Out: a model in
diffusers' layout, every part (tokenizer, text encoder, autoencoder, UNet) of the class that a
full-size checkpoint uses; only the widths are small. Rounds of two stages (autoencoder, then UNet
and text encoder on its latents), each going on from the round before, then assembly; each stage
resumes, a finished one is skipped, so the same call after a kill ends with the same model. Knows no
collection.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from safetensors.torch import load_file, save
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from core.collection.types import class_prompt
from core.diffusion.families import MODEL_INDEX
from core.diffusion.patch_autoencoder import PatchAutoencoder
from core.diffusion.pipeline_model import PipelineModel
from core.diffusion.training.autoencoder import AutoencoderRecipe, train_autoencoder
from core.diffusion.training.base_model_check import hush
from core.diffusion.training.loop import PLAIN, Execution, Recipe, TrainingSet, train
from core.diffusion.training.patch_components import patch_components, write_decoder, write_encoder
from core.diffusion.training.pretrained import is_finished
from core.diffusion.training.repainting import repainted
from core.errors import ModelError, UsageError
from core.files import read_json, write_bytes, write_folder, write_text
from core.progress import Progress

PARTS = ("vae", "unet", "text_encoder")
PLAN_FILE = "plan.json"  # in a training's scratch directory, and beside a LoRA
# what plans of earlier versions do not say: there it is taken as it was
LATER_PARTS = frozenset({"base", "prompts", "sources"})
CALLED = {
    "base": "the base model",
    "prompts": "the works' classes or captions",
    "captions": "the captions",
    "works": "the works",
    "sources": "the works that the base is trained on",
    "rounds": "the steps",
}
START, END = "<|startoftext|>", "<|endoftext|>"


@dataclass(frozen=True, kw_only=True)
class SmallShape:
    """The widths of a small Stable Diffusion; the default is the embedded collection's."""

    image_size: int = 128
    latent_channels: int = 8
    autoencoder: tuple[int, ...] = (16, 48, 64, 64)
    unet: tuple[int, ...] = (64, 128, 192)
    attention_levels: tuple[bool, ...] = (True, True, True)
    heads: int = 4
    groups: int = 16
    text_width: int = 128
    text_layers: int = 2
    tokens: int = 16
    prediction_type: str = "v_prediction"
    patched: bool = False  # a `PatchAutoencoder`, whose decoder begins as the components' inverse


AUTOENCODER = AutoencoderRecipe(steps=3000)
BASE = Recipe(steps=4500, learning_rate=8e-4, ema=0.999, checkpoint_every=200, seed=1)
SHAPE = SmallShape()


@dataclass(frozen=True)
class Round:
    """How the autoencoder is trained (not at all, if None: its encoder is what the UNet needs), and
    then UNet and text encoder on its latents (not at all, if None: a decoder learns from what they
    make already).

    channels: how many components the latents hold (as many as the shape says, if None). A round may
    hold more than the one before: what is coarse is learnt first, the leading latents stay what
    they were, and the UNet goes on with zeros where the new ones come in and go out.
    """

    autoencoder: AutoencoderRecipe | None = AUTOENCODER
    base: Recipe | None = BASE
    channels: int | None = None


@dataclass(frozen=True)
class BasePlan:
    """Shape of the model, and its rounds: each goes on from where the one before ended."""

    shape: SmallShape = SHAPE
    rounds: tuple[Round, ...] = (Round(),)

    def __post_init__(self) -> None:
        last = self.rounds[-1]
        if last.autoencoder is None or last.channels not in {None, self.shape.latent_channels}:
            raise UsageError(
                "The last round of a base's plan makes the model: give it an autoencoder to train, "
                f"and the {self.shape.latent_channels} latent channels of the shape."
            )

    def shape_of(self, order: int) -> SmallShape:
        """The model's shape in one of the rounds, counted from 0."""
        channels = self.rounds[order].channels
        return self.shape if channels is None else replace(self.shape, latent_channels=channels)


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """`images [n, 3, h, w]` uint8 and the style of each."""

    images: Tensor
    styles: Sequence[str]

    @property
    def classes(self) -> tuple[str, ...]:
        """Each style once, sorted."""
        return tuple(sorted(set(self.styles)))


def training_set(
    latents: Tensor, styles: Sequence[str], prompt: Callable[[str], str] = class_prompt
) -> TrainingSet:
    """Latents with the number of each one's prompt, that of its class or what `prompt` makes of
    its label; number 0 is the empty prompt."""
    classes = sorted(set(styles))
    order = {style: index + 1 for index, style in enumerate(classes)}
    prompts = ["", *(prompt(style) for style in classes)]
    return TrainingSet(
        latents=latents, prompt_of=torch.tensor([order[style] for style in styles]), prompts=prompts
    )


@torch.no_grad()
def encode_all(model: PipelineModel, images: Tensor) -> Tensor:
    """uint8 `[n, 3, h, w]` -> latents `[n, c, h', w']`, a few at a time."""
    return torch.cat([model.encode(part.float() / 127.5 - 1.0).cpu() for part in images.split(50)])


@torch.no_grad()
def sampled_set(model: PipelineModel, like: TrainingSet, pixels: Tensor) -> TrainingSet:
    """The same works and prompts with the posterior of these pictures `[n, 3, h, w]`, uint8 or in
    [-1, 1]; a few at a time, so that bytes take a quarter of the memory."""
    parts = [
        model.posterior(part if part.is_floating_point() else part.float() / 127.5 - 1.0)
        for part in pixels.split(16)
    ]
    mean, spread = (torch.cat(one).cpu() for one in zip(*parts, strict=True))
    return replace(like, latents=mean, spread=spread)


def start_model(
    plan: BasePlan,
    pictures: LabelledImages,
    order: int,
    scratch: Path,
    device: torch.device | str = "cpu",
) -> PipelineModel:
    """The model at the start of a round's stage: its encoder is the patch components of the
    pictures, unless a trained one lies in `scratch`; the other parts are as last trained, or new.
    """
    words = [class_prompt(style) for style in pictures.classes]
    shape = plan.shape_of(order)
    pipeline = build_pipeline(shape, words, seed=(plan.rounds[0].base or BASE).seed)
    sampled = pictures.images[:: max(1, len(pictures.images) // 600)].float() / 127.5 - 1.0
    leading = plan.shape_of(0).latent_channels
    components = patch_components(sampled, shape.latent_channels, leading=leading)
    write_encoder(pipeline.vae, components)
    if shape.patched:
        write_decoder(pipeline.vae, components)
    for folder in (_folder(scratch, reached) for reached in range(order + 1)):
        for part in PARTS:
            if is_finished(folder, (part,)):
                _carry_over(type(getattr(pipeline, part)).from_pretrained(folder / part), pipeline)
    return PipelineModel(pipeline, name=scratch.name, device=device)


def _folder(scratch: Path, order: int) -> Path:
    return scratch / f"round-{order + 1}"


def _carry_over(trained: Any, pipeline: Any) -> None:
    """Put a trained part into the pipeline; a UNet of fewer latent channels is widened by zeros, an
    autoencoder of fewer is of no use."""
    if isinstance(trained, CLIPTextModel):
        pipeline.text_encoder.load_state_dict(trained.state_dict())
        return
    own = pipeline.unet if isinstance(trained, UNet2DConditionModel) else pipeline.vae
    weights = trained.state_dict()
    if own is pipeline.unet:
        for name in ("conv_in.weight", "conv_out.weight", "conv_out.bias"):
            before = weights[name]
            weights[name] = torch.zeros_like(own.get_parameter(name))
            weights[name][tuple(slice(size) for size in before.shape)] = before
    elif trained.config.latent_channels != own.config.latent_channels:
        return
    own.load_state_dict(weights)


def train_decoder(
    model: PipelineModel,
    pictures: LabelledImages,
    recipe: AutoencoderRecipe,
    scratch: Path,
    execution: Execution = PLAIN,
) -> Iterator[Progress]:
    """Train the autoencoder, on what the model makes of the pictures too where the recipe says so;
    that is painted once and kept in `scratch`."""
    made = None
    if recipe.repainting is not None:
        file = scratch / "repainted.safetensors"
        if not file.is_file():
            data = training_set(encode_all(model, pictures.images), pictures.styles)
            latents = yield from repainted(model, data, recipe.repainting, recipe.seed)
            file.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(file, save({"latents": latents.half()}))
        made = load_file(file)["latents"].float() / model.scaling + model.shift
    vae = model.pipeline.vae
    yield from train_autoencoder(vae, pictures.images, recipe, scratch, execution, made)
    write_folder(scratch / "vae", vae.save_pretrained)


def train_base(
    model: PipelineModel,
    pictures: LabelledImages,
    recipe: Recipe,
    scratch: Path,
    execution: Execution = PLAIN,
) -> Iterator[Progress]:
    """Train UNet and text encoder together; the moving average is what stays."""
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
        recipe,
        scratch / "base",
        embed=lambda: model.embed_text(data.prompts),
        execution=execution,
    )
    write_folder(scratch / "unet", model.pipeline.unet.save_pretrained)
    write_folder(scratch / "text_encoder", text.save_pretrained)


def assemble(plan: BasePlan, pictures: LabelledImages, scratch: Path, model_dir: Path) -> None:
    """The trained parts as one pipeline in `model_dir`; UNet and text in half precision on disk."""
    last = len(plan.rounds) - 1
    pipeline = start_model(plan, pictures, last, scratch).pipeline
    pipeline.unet.half()
    pipeline.text_encoder.half()
    write_folder(model_dir, lambda draft: pipeline.save_pretrained(draft, safe_serialization=True))


def make_base(
    plan: BasePlan,
    pictures: LabelledImages,
    scratch: Path,
    model_dir: Path,
    device: torch.device | str = "cpu",
    execution: Execution = PLAIN,
    sources: Sequence[str] | None = None,
) -> Iterator[Progress]:
    """All stages in order, skipping what is finished: what is there with all its weights.

    `sources`: where the pictures come from, recorded with the plan; others are another training.
    """
    check_plan(base_record(plan, sources), scratch)
    for order, stages in enumerate(plan.rounds):
        place = _folder(scratch, order)
        if stages.autoencoder is not None and not is_finished(place, ("vae",)):
            model = start_model(plan, pictures, order, scratch, device)
            yield from train_decoder(model, pictures, stages.autoencoder, place, execution)
        if stages.base is not None and not is_finished(place, ("unet", "text_encoder")):
            model = start_model(plan, pictures, order, scratch, device)
            yield from train_base(model, pictures, stages.base, place, execution)
    if not is_whole(model_dir):
        assemble(plan, pictures, scratch, model_dir)


def base_record(plan: BasePlan, sources: Sequence[str] | None) -> dict[str, object]:
    """What is recorded of a base's training."""
    return asdict(plan) | ({} if sources is None else {"sources": list(sources)})


def is_whole(model_dir: Path) -> bool:
    """Whether `assemble` finished there."""
    return (model_dir / MODEL_INDEX).is_file() and is_finished(model_dir, PARTS)


def check_plan(
    plan: Mapping[str, object], scratch: Path, made: Path | None = None, *, begin: bool = True
) -> None:
    """A scratch directory begun under another plan is refused, never silently mixed, and what
    differs is named. `made`: the folder of what this training ended with, if it did. The plan is
    written where there is none, unless `begin` is False."""
    before, written = recorded_plan(scratch), json.dumps(plan, indent=1, sort_keys=True)
    if before is None:
        if begin:
            scratch.mkdir(parents=True, exist_ok=True)
            write_text(scratch / PLAN_FILE, written)
        return
    now = json.loads(written)
    for part in LATER_PARTS - before.keys():
        now.pop(part, None)
    differing = _differing(before, now)
    if not differing:
        return
    begun = f"The unfinished training in {scratch} was begun"
    remedy = "Finish it with the same ones, or remove that directory to start again."
    if made is not None and made.exists():
        begun = f"What lies in {made} was learnt"
        remedy = f"Move {made} and {scratch} away to learn it again, or give the same ones again."
    raise ModelError(
        f"{begun} with another plan; what differs: "
        f"{', '.join(CALLED.get(name, name.replace('_', ' ')) for name in differing)}. {remedy}"
    )


def recorded_plan(scratch: Path) -> dict[str, Any] | None:
    """The plan that a scratch directory was begun under; None where none was begun."""
    record = scratch / PLAN_FILE
    if not record.is_file():
        return None
    damaged = f"{record} is damaged. Remove {scratch} to train from the beginning."
    return read_json(record, dict, missing=damaged, damaged=damaged, error=ModelError)


def _differing(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The names of what is not the same, those within a part where there are some."""
    names: list[str] = []
    for name in sorted(before.keys() | now.keys()):
        one, other = before.get(name), now.get(name)
        if isinstance(one, dict) and isinstance(other, dict):
            names += _differing(one, other)
        elif one != other or (name in before) != (name in now):
            names.append(name)
    return names


# --- the parts ----------------------------------------------------------------------------------


def byte_alphabet() -> list[str]:
    """CLIP's printable stand-ins for the 256 bytes, in its order."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table = {byte: chr(byte) for byte in printable}
    spare = 0
    for byte in range(256):
        if byte not in table:
            table[byte] = chr(256 + spare)
            spare += 1
    return [table[byte] for byte in [*printable, *(b for b in range(256) if b not in printable)]]


def build_tokenizer(words: Sequence[str], directory: Path, tokens: int) -> CLIPTokenizer:
    """A CLIP tokenizer that knows `words` whole and everything else by bytes."""
    alphabet = byte_alphabet()
    vocabulary = [*alphabet, *(letter + "</w>" for letter in alphabet)]
    merges: list[str] = []
    for word in sorted({piece for text in words for piece in _pieces(text)}):
        left = word[0]
        for position, letter in enumerate(word[1:], start=1):
            last = position == len(word) - 1
            right = letter + "</w>" if last else letter
            merge = f"{left} {right}"
            if merge not in merges:
                merges.append(merge)
            left += right
            if left not in vocabulary:
                vocabulary.append(left)
    vocabulary += [START, END]
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "vocab.json").write_text(
        json.dumps({token: index for index, token in enumerate(vocabulary)}, ensure_ascii=False),
        encoding="utf-8",
    )
    (directory / "merges.txt").write_text(
        "#version: 0.2\n" + "\n".join(merges) + "\n", encoding="utf-8"
    )
    return CLIPTokenizer(
        str(directory / "vocab.json"),
        str(directory / "merges.txt"),
        model_max_length=tokens,
    )


def _pieces(text: str) -> list[str]:
    """The letter runs of `text` that CLIP's splitter would see."""
    return ["".join(run) for run in _runs(text.lower()) if len(run) > 1]


def _runs(text: str) -> list[list[str]]:
    runs: list[list[str]] = [[]]
    for letter in text:
        if letter.isalpha():
            runs[-1].append(letter)
        else:
            runs.append([])
    return [run for run in runs if run]


def build_pipeline(shape: SmallShape, words: Sequence[str], seed: int) -> Any:
    """A randomly initialised `StableDiffusionPipeline` of `shape`."""
    hush()
    with TemporaryDirectory() as scratch, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        tokenizer = build_tokenizer(words, Path(scratch), shape.tokens)
        text = CLIPTextModel(
            CLIPTextConfig(
                vocab_size=len(tokenizer),
                hidden_size=shape.text_width,
                intermediate_size=2 * shape.text_width,
                num_hidden_layers=shape.text_layers,
                num_attention_heads=4,
                max_position_embeddings=shape.tokens,
                bos_token_id=tokenizer.bos_token_id,
                eos_token_id=tokenizer.eos_token_id,
                pad_token_id=tokenizer.pad_token_id,
            )
        )
        levels = len(shape.autoencoder)
        autoencoder = (PatchAutoencoder if shape.patched else AutoencoderKL)(
            down_block_types=("DownEncoderBlock2D",) * levels,
            up_block_types=("UpDecoderBlock2D",) * levels,
            block_out_channels=shape.autoencoder,
            latent_channels=shape.latent_channels,
            norm_num_groups=8,
            sample_size=shape.image_size,
            layers_per_block=1,
            mid_block_add_attention=False,
            scaling_factor=1.0,
        )
        unet = UNet2DConditionModel(
            sample_size=shape.image_size // 2 ** (levels - 1),
            in_channels=shape.latent_channels,
            out_channels=shape.latent_channels,
            block_out_channels=shape.unet,
            layers_per_block=1,
            down_block_types=tuple(
                "CrossAttnDownBlock2D" if attends else "DownBlock2D"
                for attends in shape.attention_levels
            ),
            up_block_types=tuple(
                "CrossAttnUpBlock2D" if attends else "UpBlock2D"
                for attends in reversed(shape.attention_levels)
            ),
            cross_attention_dim=shape.text_width,
            attention_head_dim=shape.heads,
            norm_num_groups=shape.groups,
        )
    scheduler = DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        prediction_type=shape.prediction_type,
        timestep_spacing="trailing",
    )
    return StableDiffusionPipeline(
        vae=autoencoder,
        text_encoder=text,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


TINY_WORDS = ("a", "painting", "ukiyo-e", "cubism")


def tiny_pipeline(seed: int = 0, *, size: int = 32, words: Sequence[str] = TINY_WORDS) -> Any:
    """A random pipeline of a few ten thousand parameters, for tests and laws."""
    shape = SmallShape(
        image_size=size,
        latent_channels=4,
        autoencoder=(8, 16, 16),
        unet=(16, 32),
        attention_levels=(True, True),
        heads=2,
        groups=8,
        text_width=16,
        text_layers=1,
        prediction_type="epsilon",
    )
    return build_pipeline(shape, words, seed)


def random_stable_diffusion(
    seed: int = 0,
    *,
    lora_rank: int = 4,
    lora_layers: str = "attention",
    size: int = 32,
    words: Sequence[str] = TINY_WORDS,
) -> PipelineModel:
    """`tiny_pipeline` with a random LoRA (B not zero)."""
    model = PipelineModel(tiny_pipeline(seed, size=size, words=words), name="random")
    model.add_lora(lora_rank, seed, layers=lora_layers)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.attributed_parameters().items():
            if ".lora_B." in name:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return model
