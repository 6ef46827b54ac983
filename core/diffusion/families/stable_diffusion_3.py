"""Stable Diffusion 3 and 3.5: a transformer over picture and text (MMDiT), flow matching."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from core.diffusion.conditioning import Conditioning
from core.diffusion.families.family import (
    CLIP_PROJECTED,
    T5,
    Config,
    Configs,
    Family,
    TextEncoder,
    require_channels,
    require_width,
    upscaling,
)
from core.diffusion.families.original_names import of_stable_diffusion_3
from core.diffusion.flow_schedule import FlowSchedule
from core.diffusion.lora_names import SD3, TRANSFORMER

PATCH = 2  # latents a token stands for, along a side


def condition(pipeline: Any, prompts: Sequence[str]) -> Conditioning:
    """The two CLIPs' tokens and T5's, one after the other, and the CLIPs' pooled answers; zeros in
    the place of a T5 that is not there."""
    text, _, pooled, _ = pipeline.encode_prompt(
        list(prompts),
        None,
        None,
        device=pipeline.text_encoder.device,
        do_classifier_free_guidance=False,
    )
    return Conditioning(text=text, pooled=pooled)


def predict(pipeline: Any, noisy: Tensor, times: Tensor, given: Conditioning) -> Tensor:
    """The transformer's velocity; it cuts latents into tokens itself."""
    answer: Tensor = pipeline.transformer(
        hidden_states=noisy,
        timestep=times,
        encoder_hidden_states=given.text,
        pooled_projections=given.pooled,
        return_dict=False,
    )[0]
    return answer


def image_size(configs: Configs) -> int:
    """The side that the transformer was made for, in pixels."""
    return int(configs["transformer"]["sample_size"]) * upscaling(configs["vae"])


def schedule(config: Config, latent_side: int) -> FlowSchedule:
    """Its steps are the scheduler's own."""
    return FlowSchedule.from_config(config, tokens=(latent_side // PATCH) ** 2)


def require_fit(configs: Configs, name: str) -> None:
    """Raises `ModelError` where the transformer is of another task, or the parts do not fit."""
    network = configs["transformer"]
    inputs = network.get("in_channels", 16)
    require_channels(configs, "transformer", inputs, network.get("out_channels", 16), name)
    projected = [configs[part].get("projection_dim", 512) for part in ENCODERS[:2]]
    pooled = network.get("pooled_projection_dim", 2048)
    require_width(pooled, sum(projected), "transformer", name)


ENCODERS = ("text_encoder", "text_encoder_2", "text_encoder_3")
STABLE_DIFFUSION_3 = Family(
    name=SD3,
    pipeline="StableDiffusion3Pipeline",
    network="transformer",
    network_class="SD3Transformer2DModel",
    encoders=(
        TextEncoder(kind=CLIP_PROJECTED),
        TextEncoder(part=ENCODERS[1], tokenizer="tokenizer_2", kind=CLIP_PROJECTED),
        TextEncoder(part=ENCODERS[2], tokenizer="tokenizer_3", kind=T5, optional=True),
    ),
    image_size=image_size,
    schedule=schedule,
    condition=condition,
    predict=predict,
    require_fit=require_fit,
    lora_families=frozenset({SD3, TRANSFORMER}),
    original_names=of_stable_diffusion_3,
    single_file={
        "transformer": r"(model\.diffusion_model\.)?joint_blocks\.",
        "vae": r"first_stage_model\.",
        ENCODERS[0]: r"text_encoders\.clip_l\.transformer\.",
        ENCODERS[1]: r"text_encoders\.clip_g\.transformer\.",
        ENCODERS[2]: r"text_encoders\.t5xxl\.transformer\.",
    },
    configuration="stabilityai/stable-diffusion-3.5-medium",
    left_out=("image_encoder", "feature_extractor"),
)
