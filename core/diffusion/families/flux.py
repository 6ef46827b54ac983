"""FLUX.1 (dev and schnell): a transformer over packed latents and T5's tokens, flow matching."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from core.diffusion.conditioning import Conditioning
from core.diffusion.families.family import (
    CLIP,
    T5,
    Config,
    Configs,
    Family,
    TextEncoder,
    require_channels,
    require_width,
)
from core.diffusion.families.original_names import of_flux
from core.diffusion.flow_schedule import FlowSchedule
from core.diffusion.lora_names import FLUX, TRANSFORMER

PATCH = 2  # latents a token stands for, along a side
TRAINED_GUIDANCE = 1.0  # what diffusers' and kohya's LoRA training give the network, and tracing


def condition(pipeline: Any, prompts: Sequence[str]) -> Conditioning:
    """T5's tokens, CLIP's pooled answer, and the guidance of training where the network reads one
    (dev); painting may put another in its place."""
    device = pipeline.text_encoder_2.device
    text, pooled, _ = pipeline.encode_prompt(list(prompts), None, device=device)
    guidance = None
    if pipeline.transformer.config.guidance_embeds:
        guidance = torch.full((len(text),), TRAINED_GUIDANCE, device=device)
    return Conditioning(text=text, pooled=pooled, guidance=guidance)


def predict(pipeline: Any, noisy: Tensor, times: Tensor, given: Conditioning) -> Tensor:
    """The transformer's velocity, of latents packed two by two into tokens."""
    count, channels, height, width = noisy.shape
    places = pipeline._prepare_latent_image_ids(
        count, height // PATCH, width // PATCH, noisy.device, noisy.dtype
    )
    answer: Tensor = pipeline.transformer(
        hidden_states=pipeline._pack_latents(noisy, count, channels, height, width),
        timestep=times / 1000,
        guidance=given.guidance,
        pooled_projections=given.pooled,
        encoder_hidden_states=given.text,
        txt_ids=torch.zeros(given.text.shape[1], 3, device=noisy.device, dtype=noisy.dtype),
        img_ids=places,
        return_dict=False,
    )[0]
    unpacked: Tensor = pipeline._unpack_latents(answer, height, width, 1)
    return unpacked


def image_size(configs: Configs) -> int:
    """The autoencoder's own side, in pixels: the transformer is of any size."""
    return int(configs["vae"]["sample_size"])


def schedule(config: Config, latent_side: int) -> FlowSchedule:
    """Its steps are even before they are shifted."""
    return FlowSchedule.from_config(config, tokens=(latent_side // PATCH) ** 2, even=True)


def require_fit(configs: Configs, name: str) -> None:
    """Raises `ModelError` where the transformer is of another task (fill, depth, canny), or the
    parts do not fit."""
    network = configs["transformer"]
    inputs = network.get("in_channels", 64)
    outputs = network.get("out_channels") or inputs
    area = PATCH * PATCH
    require_channels(configs, "transformer", inputs // area, outputs // area, name)
    text, pooled = configs["text_encoder_2"], configs["text_encoder"]
    width = network.get("joint_attention_dim", 4096)
    require_width(width, text.get("d_model", 4096), "transformer", name)
    width = network.get("pooled_projection_dim", 768)
    require_width(width, pooled.get("hidden_size", 768), "transformer", name)


def facts(pipeline: Any) -> dict[str, object]:
    """The guidance that is traced with."""
    embeds = bool(pipeline.transformer.config.guidance_embeds)
    return {"guidance": TRAINED_GUIDANCE} if embeds else {}


FLUX_1 = Family(
    name="FLUX.1",
    pipeline="FluxPipeline",
    network="transformer",
    network_class="FluxTransformer2DModel",
    encoders=(
        TextEncoder(kind=CLIP),
        TextEncoder(part="text_encoder_2", tokenizer="tokenizer_2", kind=T5),
    ),
    image_size=image_size,
    schedule=schedule,
    condition=condition,
    predict=predict,
    require_fit=require_fit,
    lora_families=frozenset({FLUX, TRANSFORMER}),
    original_names=of_flux,
    single_file={
        "transformer": r"(model\.diffusion_model\.)?double_blocks\.",
        "vae": r"(first_stage_model|vae)\.",
        # as diffusers reads them: other files' encoders come from the configuration's folder
        "text_encoder": r"text_encoders\.clip_l\.transformer\.",
        "text_encoder_2": r"text_encoders\.t5xxl\.transformer\.",
    },
    configuration="black-forest-labs/FLUX.1-schnell",
    left_out=("image_encoder", "feature_extractor"),
    facts=facts,
)
