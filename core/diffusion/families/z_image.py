"""Z-Image: one transformer over the picture's and the prompt's tokens, flow matching."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from core.diffusion.conditioning import Conditioning
from core.diffusion.families.family import (
    PLAIN,
    QWEN3,
    Configs,
    Family,
    TextEncoder,
    require_channels,
    require_width,
)
from core.diffusion.families.flux import image_size, schedule
from core.diffusion.families.original_names import of_z_image
from core.diffusion.lora_names import TRANSFORMER, Z_IMAGE
from core.errors import ModelError


def condition(pipeline: Any, prompts: Sequence[str]) -> Conditioning:
    """The last layer but one's answer to each token of the prompt: as many as it has."""
    device = pipeline.text_encoder.device
    texts, _ = pipeline.encode_prompt(
        list(prompts), device=device, do_classifier_free_guidance=False
    )
    lengths = tuple(len(text) for text in texts)
    return Conditioning(text=pad_sequence(texts, batch_first=True), lengths=lengths)


def predict(pipeline: Any, noisy: Tensor, times: Tensor, given: Conditioning) -> Tensor:
    """The transformer's velocity: it answers x_0 - eps, and counts time from noise to picture."""
    assert given.lengths is not None
    texts = [text[:length] for text, length in zip(given.text.unbind(), given.lengths, strict=True)]
    answers = pipeline.transformer(
        list(noisy.unsqueeze(2).unbind()), (1000 - times) / 1000, texts, return_dict=False
    )[0]
    return -torch.stack(list(answers)).squeeze(2)


def require_fit(configs: Configs, name: str) -> None:
    """Raises `ModelError` where the transformer is of another task, or the parts do not fit."""
    network = configs["transformer"]
    channels = network.get("in_channels", 16)
    require_channels(configs, "transformer", channels, channels, name)
    if network.get("siglip_feat_dim") is not None:
        raise ModelError(f"The transformer of '{name}' also reads pictures (Omni). {PLAIN}")
    text = configs["text_encoder"]
    width = network.get("cap_feat_dim", 2560)
    require_width(width, text.get("hidden_size", 4096), "transformer", name)


Z_IMAGE_FAMILY = Family(
    name="Z-Image",
    pipeline="ZImagePipeline",
    network="transformer",
    network_class="ZImageTransformer2DModel",
    encoders=(TextEncoder(kind=QWEN3, also=("Qwen3ForCausalLM",)),),
    image_size=image_size,
    schedule=schedule,
    condition=condition,
    predict=predict,
    require_fit=require_fit,
    lora_families=frozenset({Z_IMAGE, TRANSFORMER}),
    original_names=of_z_image,
    single_file={
        "transformer": r"(model\.diffusion_model\.)?noise_refiner\.",
        "vae": r"(first_stage_model|vae)\.",
        "text_encoder": r"text_encoders\.qwen3\w*\.transformer\.",
    },
    configuration="Tongyi-MAI/Z-Image-Turbo",
    left_out=(),
    unattributed=("cap_embedder",),
)
