"""Stable Diffusion XL: a UNet that also reads the prompt as one vector and the size; eps or v."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from core.diffusion.conditioning import Conditioning
from core.diffusion.families.family import (
    CLIP_PROJECTED,
    PLAIN,
    Configs,
    Family,
    TextEncoder,
    require_channels,
    require_width,
)
from core.diffusion.families.original_names import of_unet
from core.diffusion.families.stable_diffusion import painted_side, schedule
from core.diffusion.lora_names import SDXL
from core.errors import ModelError

# the size of the original, where it was cropped, and the size wanted
SIZES = 6


def condition(pipeline: Any, prompts: Sequence[str]) -> Conditioning:
    """Both encoders' last layer but one, side by side, and the second one's pooled answer.

    The empty prompt is all zeros where the model was trained with that, as its index says.
    """
    text, _, pooled, _ = pipeline.encode_prompt(
        list(prompts), device=pipeline.text_encoder_2.device, do_classifier_free_guidance=False
    )
    if pipeline.config.force_zeros_for_empty_prompt:
        said = torch.tensor([bool(prompt) for prompt in prompts], device=text.device)
        text, pooled = text * said[:, None, None], pooled * said[:, None]
    return Conditioning(text=text, pooled=pooled)


def predict(pipeline: Any, noisy: Tensor, times: Tensor, given: Conditioning) -> Tensor:
    """The UNet's own answer, about a picture of its own size that was not cropped."""
    assert given.pooled is not None
    side = float(noisy.shape[-1] * pipeline.vae_scale_factor)
    sizes = given.pooled.new_tensor([side, side, 0.0, 0.0, side, side])
    added = {"text_embeds": given.pooled, "time_ids": sizes.expand(len(noisy), SIZES)}
    answer: Tensor = pipeline.unet(
        noisy,
        times,
        encoder_hidden_states=given.text,
        added_cond_kwargs=added,
        return_dict=False,
    )[0]
    return answer


def require_fit(configs: Configs, name: str) -> None:
    """Raises `ModelError` where the UNet is of another task, or the parts do not fit."""
    unet, one, two = configs["unet"], configs["text_encoder"], configs["text_encoder_2"]
    require_channels(configs, "UNet", unet.get("in_channels", 4), unet.get("out_channels", 4), name)
    if unet.get("addition_embed_type") != "text_time":
        raise ModelError(
            f"The UNet of '{name}' reads no size and no pooled text (addition_embed_type: "
            f"{unet.get('addition_embed_type')}), as a Stable Diffusion XL's does. {PLAIN}"
        )
    width = one.get("hidden_size", 768) + two.get("hidden_size", 1280)
    require_width(unet.get("cross_attention_dim", 2048), width, "UNet", name)
    sizes = SIZES * unet.get("addition_time_embed_dim", 256)
    added = unet.get("projection_class_embeddings_input_dim", 2816)
    if added != sizes + two.get("projection_dim", 1280):
        raise ModelError(
            f"The UNet of '{name}' reads {added} numbers of pooled text and sizes, where the "
            f"second text encoder and {SIZES} sizes make {sizes + two.get('projection_dim', 1280)}:"
            f" it is a refiner or of another model. {PLAIN}"
        )


def facts(pipeline: Any) -> dict[str, object]:
    """What the empty prompt is."""
    return {"zeros_for_empty_prompt": bool(pipeline.config.force_zeros_for_empty_prompt)}


STABLE_DIFFUSION_XL = Family(
    name=SDXL,
    pipeline="StableDiffusionXLPipeline",
    network="unet",
    network_class="UNet2DConditionModel",
    encoders=(
        TextEncoder(),
        TextEncoder(part="text_encoder_2", tokenizer="tokenizer_2", kind=CLIP_PROJECTED),
    ),
    image_size=painted_side,
    schedule=schedule,
    condition=condition,
    predict=predict,
    require_fit=require_fit,
    lora_families=frozenset({SDXL}),
    original_names=of_unet,
    single_file={
        "unet": r"model\.diffusion_model\.label_emb\.",
        "vae": r"first_stage_model\.",
        "text_encoder": r"conditioner\.embedders\.0\.transformer\.",
        "text_encoder_2": r"conditioner\.embedders\.1\.model\.",
    },
    configuration="stabilityai/stable-diffusion-xl-base-1.0",
    left_out=("feature_extractor", "image_encoder"),
    options={"add_watermarker": False},
    facts=facts,
)
