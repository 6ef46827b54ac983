"""A small but complete Stable Diffusion from nothing: tokenizer, text encoder, autoencoder, UNet.

Every part is the class that a full-size checkpoint uses, in diffusers' layout on disk; only the
widths are small. Knows no collection: it is told the words that prompts may hold.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
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
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from core.diffusion.stable import StableDiffusion, hush

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
        autoencoder = AutoencoderKL(
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
    size: int = 32,
    words: Sequence[str] = TINY_WORDS,
) -> StableDiffusion:
    """`tiny_pipeline` with a random LoRA (B not zero)."""
    model = StableDiffusion(tiny_pipeline(seed, size=size, words=words), name="random")
    model.add_lora(lora_rank, seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.attributed_parameters().items():
            if ".lora_B." in name:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return model
