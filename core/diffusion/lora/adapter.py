"""A LoRA in a pipeline: put in whole, copied into a collection, written.

In: a `LoraSource` and a Stable Diffusion. Out: the adapter, all of it, or a `ModelError` that names
the first layer that does not fit. Knows no layout (see `lora_layouts`).
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file
from torch import Tensor, nn

from core.diffusion.lora.formats import LORA_FILE as LORA_FILE
from core.diffusion.lora.formats import (
    METADATA,
    TEXT,
    UNET,
    LoraLayer,
    LoraSource,
    peft_config,
    read_layers,
    read_peft,
    unknown_layer,
)
from core.errors import ModelError
from core.files import write_folder, write_via


def put_lora(pipeline: Any, source: LoraSource, adapter: str) -> None:
    """Load it into a Stable Diffusion's UNet (and text encoder, if it has a part for it).

    The libraries load what fits and keep silent about the rest, so every layer is checked against
    the base before, and its scale after. Raises `ModelError` naming the first that does not fit.
    """
    parts = {UNET: pipeline.unet, TEXT: pipeline.text_encoder}
    layers = read_layers(source, parts)
    for layer in layers:
        _check_shape(source, layer, parts[layer.part])
    if not any(layer.part == UNET and layer.down.ndim == 2 for layer in layers):
        raise ModelError(
            f"'{source.file.name}' changes no Linear layer of the UNet, so nothing in it can be "
            "attributed. Use a LoRA of the UNet's attention."
        )
    for part, load in ((UNET, _load_unet), (TEXT, _load_text)):
        own = [layer for layer in layers if layer.part == part]
        if not own:
            continue
        state = {}
        for layer in own:
            state[f"{part}.{layer.name}.lora_A.weight"] = layer.down
            state[f"{part}.{layer.name}.lora_B.weight"] = layer.up
        load(pipeline, state, {f"{part}.{one.name}.alpha": one.alpha for one in own}, adapter)
        for layer in own:
            scale = parts[part].get_submodule(layer.name).scaling[adapter]
            if abs(scale - layer.alpha / len(layer.down)) > 1e-6 * abs(scale):
                raise ModelError(
                    f"'{source.file.name}' was loaded with another scale than it names (layer "
                    f"'{layer.name}'). The installed diffusers or peft is too old: update them."
                )


def _load_unet(pipeline: Any, state: dict[str, Tensor], alphas: dict[str, float], to: str) -> None:
    pipeline.load_lora_into_unet(state, alphas, pipeline.unet, adapter_name=to)


def _load_text(pipeline: Any, state: dict[str, Tensor], alphas: dict[str, float], to: str) -> None:
    pipeline.load_lora_into_text_encoder(state, alphas, pipeline.text_encoder, adapter_name=to)


def _check_shape(source: LoraSource, layer: LoraLayer, part: nn.Module) -> None:
    try:
        module = part.get_submodule(layer.name)
    except AttributeError as error:
        raise unknown_layer(source, f"{layer.part}.{layer.name}") from error
    rank = len(layer.down)
    wanted: tuple[tuple[int, ...], tuple[int, ...]]
    if isinstance(module, nn.Linear):
        wanted = ((rank, module.in_features), (module.out_features, rank))
    elif isinstance(module, nn.Conv2d):
        inner = module.in_channels // module.groups
        wanted = ((rank, inner, *module.kernel_size), (module.out_channels, rank, 1, 1))
    else:
        raise ModelError(
            f"'{source.file.name}' changes '{layer.name}', a {type(module).__name__}. Only LoRAs "
            "of Linear layers and convolutions are supported."
        )
    if (tuple(layer.down.shape), tuple(layer.up.shape)) != wanted:
        raise ModelError(
            f"'{source.file.name}' does not fit the model: its '{layer.name}' is "
            f"{tuple(layer.down.shape)} and {tuple(layer.up.shape)}, the model's wants {wanted[0]} "
            f"and {wanted[1]}. Bring the LoRA of this model, or the model of this LoRA."
        )


def install_lora(source: LoraSource, directory: Path) -> None:
    """Copy a LoRA into a collection's `lora/`: one file, `LORA_FILE`, whatever its layout.

    peft's two files become one as diffusers would write it; the numbers stay as they are.
    """

    def fill(draft: Path) -> None:
        if source.layout == "peft":
            config = {f"{UNET}.{key}": value for key, value in peft_config(source).items()}
            state, _ = read_peft(source, {})
            about = {"format": "pt", METADATA: json.dumps(config, sort_keys=True)}
            save_file(state, draft / LORA_FILE, metadata=about)
        else:
            shutil.copyfile(source.file, draft / LORA_FILE)

    write_folder(directory, fill)


def save_lora(directory: Path, pipeline: Any, adapter: str) -> None:
    """Write an adapter in diffusers' own layout, whole or not at all; what is scaled takes its
    alphas along."""
    given: dict[str, Any] = {}
    for part, module in ((UNET, pipeline.unet), (TEXT, pipeline.text_encoder)):
        if adapter not in (getattr(module, "peft_config", None) or {}):
            continue
        state = get_peft_model_state_dict(module, adapter_name=adapter)
        given[f"{part}_lora_layers"] = {name: value.contiguous() for name, value in state.items()}
        if lora_scales(module, adapter):
            given[f"{part}_lora_adapter_metadata"] = module.peft_config[adapter].to_dict()

    def save(draft: Path) -> None:
        pipeline.save_lora_weights(
            draft.parent, weight_name=draft.name, safe_serialization=True, **given
        )

    write_via(directory / LORA_FILE, save)


def lora_scales(module: nn.Module, adapter: str) -> dict[str, float]:
    """alpha / rank of every adapted layer where it is not 1; no tensor of the model shows it."""
    found = {}
    for name, layer in module.named_modules():
        scale = getattr(layer, "scaling", {})
        if isinstance(scale, dict) and scale.get(adapter, 1.0) != 1.0:
            found[name] = float(scale[adapter])
    return found
