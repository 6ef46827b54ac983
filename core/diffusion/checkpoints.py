"""Checkpoints of Stable Diffusion by name: a folder, or a name of the hub.

In: what a person named. Out: a folder in diffusers' layout. Reaches for the network only where
`HF_HUB_OFFLINE=0` asks for it.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from core.errors import ModelError

MODEL_INDEX = "model_index.json"
SUPPORTED = "StableDiffusionPipeline"
HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
PARTS = (
    MODEL_INDEX, "scheduler/*.json", "tokenizer/*", "text_encoder/config.json",
    "text_encoder/model.safetensors", "unet/config.json",
    "unet/diffusion_pytorch_model.safetensors", "vae/config.json",
    "vae/diffusion_pytorch_model.safetensors",
)  # fmt: skip
# four bytes a number: UNet 860 M, text encoder 123 M (2.x: 340 M), autoencoder 84 M
SIZES = {"1.x": "4.3 GB", "2.x": "5.2 GB"}


def require_supported(model_dir: Path) -> None:
    """Raises `ModelError` where `model_dir` is no Stable Diffusion 1.x or 2.x."""
    try:
        index = json.loads((model_dir / MODEL_INDEX).read_text(encoding="utf-8"))
        kind = str(index["_class_name"])
    except FileNotFoundError as error:
        raise ModelError(
            f"No painting model in {model_dir}: {MODEL_INDEX} is missing. "
            "Train one (`python -m app train`) or point the collection at a model folder."
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{MODEL_INDEX} in {model_dir} is damaged. Copy or download the model again."
        ) from error
    if kind != SUPPORTED:
        raise ModelError(
            f"The model in {model_dir} is a {kind}, and only Stable Diffusion 1.x and 2.x "
            f"({SUPPORTED}) can be attributed. Choose one of them."
        )


def checkpoint_folder(name: Path) -> Path | None:
    """The folder of a checkpoint: `name` itself, or what the hub's `owner/name` is kept in here.

    None where `name` is a folder without one. Raises `ModelError`, saying what to download and how
    large it is, where a name of the hub is not at hand.
    """
    if name.exists():
        return name if (name / MODEL_INDEX).is_file() else None
    text = name.as_posix()
    if not HUB_NAME.fullmatch(text):
        raise ModelError(f"There is no folder '{name}'. Name a model's folder, or owner/name.")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    asked = os.environ.get("HF_HUB_OFFLINE") == "0"
    try:
        place = snapshot_download(text, allow_patterns=list(PARTS), local_files_only=not asked)
    except LocalEntryNotFoundError as error:
        raise ModelError(_missing(text)) from error
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise ModelError(
            f"'{text}' could not be downloaded ({type(error).__name__}). Look whether the name is "
            "right, whether it wants an agreement, and whether there is a network."
        ) from error
    return Path(place)


def _missing(name: str) -> str:
    size = SIZES["2.x" if re.search(r"(stable-)?diffusion-(v)?2", name) else "1.x"]
    return (
        f"The model '{name}' is not on this machine. It is about {size} (in float32: unet, "
        "text_encoder, vae, tokenizer and scheduler, as safetensors). Run this again with "
        f"HF_HUB_OFFLINE=0, or download it where there is a network (`hf download {name} "
        "--local-dir MODEL`) and give that folder."
    )
