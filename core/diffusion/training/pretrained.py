"""Checkpoints of Stable Diffusion by name: a folder, or a name of the hub.

In: what a person named. Out: a folder in diffusers' layout, copied without what is not used.
Reaches for the network only where the caller asks for it; the process stays offline otherwise.
"""

from __future__ import annotations

import filecmp
import json
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from core.diffusion.tensors import tensor_names
from core.errors import ModelError
from core.files import read_json, write_folder

MODEL_INDEX = "model_index.json"
SUPPORTED = "StableDiffusionPipeline"
HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
WEIGHTS = (
    "text_encoder/model.safetensors",
    "unet/diffusion_pytorch_model.safetensors",
    "vae/diffusion_pytorch_model.safetensors",
)
CONFIGS = (
    MODEL_INDEX,
    "scheduler/scheduler_config.json",
    "text_encoder/config.json",
    "unet/config.json",
    "vae/config.json",
)
TOKENIZER = "tokenizer/*"
PICKLES = (".ckpt", ".pt", ".pth", ".bin", ".pkl")
# four bytes per number: UNet 860 M, text encoder 123 M (2.x: 340 M), autoencoder 84 M
SIZES = (
    (re.compile(r"stable-diffusion-(v)?1|sd-v1|sd15|minisd", re.IGNORECASE), "about 4.3 GB"),
    (re.compile(r"stable-diffusion-(v)?2|sd21", re.IGNORECASE), "about 5.2 GB"),
)


def require_supported(model_dir: Path) -> None:
    """Raises `ModelError` where `model_dir` is not a Stable Diffusion 1.x or 2.x."""
    kind = read_json(
        model_dir / MODEL_INDEX,
        lambda index: str(index["_class_name"]),
        missing=(
            f"No painting model in {model_dir}: {MODEL_INDEX} is missing. "
            "Train one (`python -m app train`) or point the collection at a model folder."
        ),
        damaged=f"{MODEL_INDEX} in {model_dir} is damaged. Copy or download the model again.",
        error=ModelError,
    )
    if kind != SUPPORTED:
        raise ModelError(
            f"The model in {model_dir} is a {kind}, and only Stable Diffusion 1.x and 2.x "
            f"({SUPPORTED}) can be attributed. Choose one of them."
        )


def checkpoint_folder(name: Path, *, download: bool = False) -> Path | None:
    """The folder of a checkpoint: `name` itself, or what the hub's `owner/name` is kept in here;
    `download` fetches that first.

    None where `name` is a folder without one. Raises `ModelError`, saying what to download and how
    large it is, where a name of the hub is not at hand; and naming what a checkpoint lacks.
    """
    if name.is_file():
        raise ModelError(_of_a_file(name))
    if name.exists():
        if not (name / MODEL_INDEX).is_file():
            return None
        require_supported(name)
        _require_complete(name, str(name))
        return name
    text = name.as_posix()
    if not HUB_NAME.fullmatch(text):
        raise ModelError(f"There is no folder '{name}'. Name a model's folder, or owner/name.")
    place = _fetched(text, download)
    if place is None or not (download or _complete(place)):
        raise ModelError(_missing(text))
    require_supported(place)
    _require_complete(place, text)
    return place


def is_copy(source: Path, target: Path) -> bool:
    """Whether `target` holds, byte for byte, what `copy_checkpoint` takes from `source`."""
    return all(
        (target / name).is_file() and filecmp.cmp(source / name, target / name, shallow=False)
        for name in _used(source)
    )


def _of_a_file(file: Path) -> str:
    if file.suffix in PICKLES:
        return (
            f"'{file}' is a pickle, which can run code when it is read, and not a folder. Where "
            "you trust it, load it with diffusers (`from_single_file`), write it with "
            "`save_pretrained`, then give that folder."
        )
    if file.suffix == ".safetensors":
        return (
            f"'{file}' is one file, and a base is a folder in diffusers' layout ({MODEL_INDEX}). "
            "Load it with diffusers (`from_single_file`), write it with `save_pretrained`, then "
            "give that folder; a LoRA is brought with --lora."
        )
    return f"'{file}' is a file. Name a model's folder, a name of the hub, or a collection."


@contextmanager
def online() -> Iterator[None]:
    """The hub's library may reach for the network, whatever the environment said when it was
    imported."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = False
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _fetched(name: str, download: bool) -> Path | None:
    """What the hub's cache holds of it; downloaded first where `download` says so."""
    from httpx import HTTPError
    from huggingface_hub import hf_hub_download, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    patterns = [*CONFIGS, *WEIGHTS, TOKENIZER]
    try:
        if not download:
            return Path(snapshot_download(name, allow_patterns=patterns, local_files_only=True))
        with online():
            # another kind of model is refused before gigabytes are fetched
            require_supported(Path(hf_hub_download(name, MODEL_INDEX)).parent)
            return Path(snapshot_download(name, allow_patterns=patterns))
    except (HfHubHTTPError, HTTPError, OSError, ValueError) as error:
        if isinstance(error, LocalEntryNotFoundError) and not download:
            return None
        raise ModelError(
            f"'{name}' could not be downloaded ({type(error).__name__}). Look whether the name is "
            "right, whether it wants an agreement (`hf auth login`), and whether there is a "
            "network."
        ) from error


def is_finished(folder: Path, parts: Sequence[str]) -> bool:
    """Whether these parts of a model (`unet`, ...), as diffusers writes them, are there whole:
    configuration and weights, whose header says that no byte is missing."""
    for part in parts:
        files = [one for one in WEIGHTS if one.startswith(f"{part}/")]
        try:
            json.loads((folder / part / "config.json").read_text(encoding="utf-8"))
            if not all(tensor_names(folder / one) for one in files):
                return False
        except (SafetensorError, OSError, ValueError):
            return False
    return True


def _lacking(folder: Path) -> list[str]:
    lacking = [name for name in (*CONFIGS, *WEIGHTS) if not (folder / name).is_file()]
    return lacking if any(folder.glob(TOKENIZER)) else [*lacking, TOKENIZER]


def _complete(folder: Path) -> bool:
    return not _lacking(folder)


def _require_complete(folder: Path, name: str) -> None:
    lacking = _lacking(folder)
    if not lacking:
        return
    remedy = "Copy or download it again."
    if set(lacking) <= set(WEIGHTS):
        remedy = (
            "It may be offered only as .bin or .ckpt, which can run code when they are read, or "
            "only in half precision: on a machine where you trust it, load it with diffusers and "
            "write it with `save_pretrained`, then give that folder."
        )
    raise ModelError(f"The model '{name}' lacks {', '.join(lacking)}. {remedy}")


def copy_checkpoint(source: Path, target: Path) -> None:
    """Copy what is used, all or nothing: no safety checker, no second copy in half precision
    or in one piece, which a repository often holds too."""

    def copy(draft: Path) -> None:
        for name in _used(source):
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, draft / name)

    write_folder(target, copy)


def _used(source: Path) -> list[str]:
    tokenizer = [one.name for one in sorted(source.glob(TOKENIZER)) if one.is_file()]
    return [*CONFIGS, *WEIGHTS, *(f"tokenizer/{name}" for name in tokenizer)]


def painted_size(folder: Path) -> int:
    """The side of the pictures that a checkpoint paints, in pixels. Raises `ModelError` without."""
    try:
        unet, vae = (
            json.loads((folder / part / "config.json").read_text(encoding="utf-8"))
            for part in ("unet", "vae")
        )
        return int(unet["sample_size"]) * 2 ** (len(vae["block_out_channels"]) - 1)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"The configuration in {folder} says no size (sample_size, block_out_channels). Copy "
            "or download the model again."
        ) from error


def _missing(name: str) -> str:
    size = next((text for pattern, text in SIZES if pattern.search(name)), "several GB")
    parts = " ".join(f'--include "{one}"' for one in ("*.json", TOKENIZER, *WEIGHTS))
    return (
        f"The model '{name}' is not on this machine. It is {size} (in float32: unet, "
        "text_encoder, vae, tokenizer and scheduler, as safetensors). Run this again with "
        f"--download, or fetch it where there is a network (`hf download {name} "
        f"--local-dir MODEL {parts}`) and give that folder."
    )
