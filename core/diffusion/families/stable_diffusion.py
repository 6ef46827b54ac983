"""Stable Diffusion 1.x and 2.x: a UNet, one CLIP text encoder, eps or v."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from core.diffusion.conditioning import Conditioning
from core.diffusion.families.family import (
    PLAIN,
    Config,
    Configs,
    Family,
    TextEncoder,
    require_channels,
    require_width,
    upscaling,
)
from core.diffusion.families.original_names import of_unet
from core.diffusion.schedule import NoiseSchedule
from core.errors import ModelError

# options of the UNet that want an input which nobody gives it here
WANTED_INPUTS = ("class_embed_type", "num_class_embeds", "addition_embed_type", "encoder_hid_dim")


def condition(pipeline: Any, prompts: Sequence[str]) -> Conditioning:
    """The last layer's answer to each token, `[b, s, d]`."""
    tokenizer = pipeline.tokenizer
    tokens = tokenizer(
        list(prompts),
        padding="max_length",
        max_length=tokenizer.model_max_length,
        truncation=True,
        return_tensors="pt",
    ).input_ids.to(pipeline.text_encoder.device)
    return Conditioning(text=pipeline.text_encoder(tokens)[0])


def predict(pipeline: Any, noisy: Tensor, times: Tensor, given: Conditioning) -> Tensor:
    """The UNet's own answer."""
    answer: Tensor = pipeline.unet(
        noisy, times, encoder_hidden_states=given.text, return_dict=False
    )[0]
    return answer


def painted_side(configs: Configs) -> int:
    """The side that the UNet was made for, in pixels."""
    return int(configs["unet"]["sample_size"]) * upscaling(configs["vae"])


def schedule(config: Config, latent_side: int) -> NoiseSchedule:
    """eps or v over the scheduler's betas."""
    return NoiseSchedule.from_config(config)


def require_fit(configs: Configs, name: str) -> None:
    """Raises `ModelError` where the UNet is of another task or another family."""
    unet, text = configs["unet"], configs["text_encoder"]
    if unet.get("addition_embed_type") == "text_time":
        raise ModelError(
            f"The UNet of '{name}' is a Stable Diffusion XL's, and its index says it is 1.x or "
            f"2.x. Copy or download the model again, whole."
        )
    require_channels(configs, "UNet", unet.get("in_channels", 4), unet.get("out_channels", 4), name)
    for option in WANTED_INPUTS:
        if unet.get(option) is not None:
            raise ModelError(
                f"The UNet of '{name}' wants another input besides the text ({option}: "
                f"{unet[option]}), which nobody gives it here. {PLAIN}"
            )
    width = unet.get("cross_attention_dim", 1280)
    require_width(width, text.get("hidden_size", 512), "UNet", name)


STABLE_DIFFUSION = Family(
    name="Stable Diffusion 1.x and 2.x",
    pipeline="StableDiffusionPipeline",
    network="unet",
    network_class="UNet2DConditionModel",
    encoders=(TextEncoder(),),
    image_size=painted_side,
    schedule=schedule,
    condition=condition,
    predict=predict,
    require_fit=require_fit,
    lora_families=frozenset(),
    original_names=of_unet,
    single_file={
        "unet": r"model\.diffusion_model\.input_blocks\.",
        "vae": r"first_stage_model\.",
        "text_encoder": r"cond_stage_model\.",
    },
    configuration="stable-diffusion-v1-5/stable-diffusion-v1-5",
    left_out=("safety_checker", "feature_extractor", "image_encoder"),
    options={"requires_safety_checker": False},
)
