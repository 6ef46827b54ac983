"""LoRAs as others write them: diffusers, peft and kohya, recognised by what is in the file.

In: a file or folder. Out: the adapter in a pipeline, or a `ModelError` that names what is not
supported. Only safetensors are read.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffusers import StableDiffusionPipeline
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from core.errors import ModelError

LORA_FILE = "pytorch_lora_weights.safetensors"  # diffusers', and ours
PEFT_FILE, PEFT_CONFIG = "adapter_model.safetensors", "adapter_config.json"
PEFT_PREFIX = "base_model.model."
OTHERS = {
    "hada_": "LoHa", "lokr_": "LoKr", "oft_": "OFT", "dora_scale": "DoRA",
    "lora_magnitude_vector": "DoRA", "lora_mid": "LoCon with a Tucker core",
}  # fmt: skip


@dataclass(frozen=True)
class LoraSource:
    """Where a LoRA lies and how it is written: `diffusers`, `peft` or `kohya`."""

    file: Path
    layout: str


def find_lora(place: Path) -> LoraSource:
    """The LoRA in a file or folder. Raises `ModelError` where there is none, or several."""
    file = place
    if place.is_dir():
        known = [place / name for name in (LORA_FILE, PEFT_FILE) if (place / name).is_file()]
        found = known[:1] or sorted(place.glob("*.safetensors"))
        if len(found) > 1:
            names = ", ".join(path.name for path in found)
            raise ModelError(f"{place} holds several LoRAs ({names}). Name the file of one.")
        file = found[0] if found else place / LORA_FILE
    if not file.is_file():
        raise ModelError(
            f"No LoRA in {place}: {file.name} is missing. Train it with `python -m app train`, or "
            "bring one (diffusers, peft or kohya, as safetensors) with `train --lora`."
        )
    if file.suffix != ".safetensors":
        raise ModelError(
            f"'{file.name}' is no safetensors file, and others can run code when they are read. "
            "Convert it where you trust it, then name the .safetensors."
        )
    return LoraSource(file, _layout(file))


def _layout(file: Path) -> str:
    try:
        with safe_open(file, framework="pt") as opened:
            names = list(opened.keys())
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(
            f"The LoRA '{file.name}' is truncated or damaged. Copy or train it again."
        ) from error
    for mark, kind in OTHERS.items():
        if any(mark in name for name in names):
            raise ModelError(
                f"'{file.name}' is a {kind}, and only plain LoRAs can be attributed: their two "
                "matrices are the parameters whose gradients are compared. Use a LoRA."
            )
    if any(name.startswith(("lora_unet_", "lora_te")) for name in names):
        return "kohya"
    if any(name.startswith(PEFT_PREFIX) for name in names):
        return "peft"
    if any("lora" in name for name in names):
        return "diffusers"
    raise ModelError(f"'{file.name}' holds no LoRA: none of its {len(names)} tensors is one.")


def rank_of(source: LoraSource) -> int:
    """The largest rank in the file, from the shapes alone."""
    with safe_open(source.file, framework="pt") as opened:
        ranks = [
            opened.get_slice(name).get_shape()[0]
            for name in opened.keys()  # noqa: SIM118 (the file is no mapping)
            if ".lora_A." in name or ".lora_down." in name or ".lora.down." in name
        ]
    return max(ranks, default=0)


def put_lora(pipeline: Any, source: LoraSource, adapter: str) -> None:
    """Load it into a Stable Diffusion's UNet (and text encoder, if it has a part for it)."""
    if source.layout != "peft":
        pipeline.load_lora_weights(
            source.file.parent, weight_name=source.file.name, adapter_name=adapter,
            local_files_only=True, use_safetensors=True,
        )  # fmt: skip
        return
    state = {
        f"unet.{name.removeprefix(PEFT_PREFIX)}": value
        for name, value in load_file(source.file).items()
    }
    pipeline.unet.load_lora_adapter(
        state, prefix="unet", adapter_name=adapter, network_alphas=_alphas(source, state)
    )


def _alphas(source: LoraSource, state: Mapping[str, Tensor]) -> dict[str, float] | None:
    """peft keeps one alpha beside the matrices; without it, alpha is the rank."""
    try:
        config = json.loads((source.file.parent / PEFT_CONFIG).read_text(encoding="utf-8"))
        alpha = float(config["lora_alpha"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{PEFT_CONFIG} beside '{source.file.name}' names no lora_alpha. Copy it again."
        ) from error
    if config.get("use_rslora") or config.get("use_dora"):
        raise ModelError(
            f"{PEFT_CONFIG} beside '{source.file.name}' asks for rsLoRA or DoRA, which is not "
            "supported. Use a plain LoRA."
        )
    return {f"{name.partition('.lora_')[0]}.alpha": alpha for name in state}


def install_lora(source: LoraSource, directory: Path) -> None:
    """Copy a LoRA into a collection's `lora/`, as it is written."""
    unfinished = directory.with_name(f"{directory.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    name = PEFT_FILE if source.layout == "peft" else LORA_FILE
    shutil.copyfile(source.file, unfinished / name)
    config = source.file.parent / PEFT_CONFIG
    if source.layout == "peft" and config.is_file():
        shutil.copyfile(config, unfinished / PEFT_CONFIG)
    unfinished.rename(directory)


def save_lora(directory: Path, state: Mapping[str, Tensor]) -> None:
    """Write an adapter of alpha = rank in diffusers' own layout."""
    directory.mkdir(parents=True, exist_ok=True)
    StableDiffusionPipeline.save_lora_weights(
        directory,
        unet_lora_layers={name: value.contiguous() for name, value in state.items()},
        weight_name=LORA_FILE,
        safe_serialization=True,
    )
