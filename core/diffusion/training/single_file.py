"""A checkpoint in one safetensors file, made a folder in diffusers' layout by diffusers itself.

In: the file, and a folder with the family's configuration and tokenizers (and weights of parts that
the file does not hold). Out: that folder, all or nothing. Never reaches for the network: what is
missing is named instead.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import diffusers
import torch
from safetensors import SafetensorError, safe_open

from core.diffusion.families import FAMILIES, MODEL_INDEX, family_of, known_families
from core.diffusion.families.family import Family
from core.diffusion.training.base_model_check import hush
from core.diffusion.training.pretrained import present_parts
from core.diffusion.training.weights import (
    class_of,
    left_out,
    require_numbers,
    weights_of,
)
from core.errors import ModelError
from core.files import write_folder

PICKLES = (".ckpt", ".pt", ".pth", ".bin", ".pkl")
V_PREDICTION, ZERO_TERMINAL_SNR = "v_pred", "ztsnr"  # tensors that say so by their names
DTYPES = {"F16": torch.float16, "BF16": torch.bfloat16}


def require_single_file(file: Path) -> Family:
    """The family of a whole model in one safetensors file, by its names. Raises `ModelError` for
    any other kind of file, by what it is and what to do with it."""
    if file.suffix in PICKLES:
        raise ModelError(
            f"'{file}' is a pickle, which can run code when it is read. Where you trust it, load "
            "it with diffusers (`from_single_file`) and write it with `save_pretrained`, then give "
            "that folder; or bring the same model as .safetensors."
        )
    if file.suffix == ".gguf":
        raise ModelError(
            f"'{file}' is a GGUF file: its weights are quantized, and gradients of such weights "
            "would not be exact. Take the same model as .safetensors in float16 or bfloat16."
        )
    if file.suffix != ".safetensors":
        raise ModelError(
            f"'{file}' is a file that is no model. Name a model's folder, its .safetensors, a name "
            "of the hub, or a collection."
        )
    try:
        names = _names(file)
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(
            f"'{file}' is truncated, damaged, or not a safetensors file whatever its name says. "
            "Copy or download it again."
        ) from error
    require_numbers(file, f"'{file}'")
    # the most particular names first: Stable Diffusion 1.x's are found in every UNet
    for family in reversed(FAMILIES.values()):
        if _holds(names, family.single_file[family.network]):
            return family
    if any("lora" in name for name in names):
        raise ModelError(f"'{file}' is a LoRA, not a whole model. Bring it with --lora.")
    raise ModelError(
        f"'{file}' holds no model of a known family ({next(iter(names), 'nothing in it')}). "
        f"{known_families()} can be attributed."
    )


def require_configuration(folder: Path, file: Path, family: Family) -> None:
    """Raises `ModelError` where the folder holds no configuration, or another family's."""
    if not (folder / MODEL_INDEX).is_file():
        raise ModelError(
            f"There is no configuration in {folder} ({MODEL_INDEX} is missing). "
            f"{wanted(file, family)}"
        )
    other = family_of(folder)
    if other is not family:
        raise ModelError(
            f"'{file}' is of the family {family.name}, and the configuration in {folder} is "
            f"{other.name}'s. {wanted(file, family)}"
        )


def wanted(file: Path, family: Family) -> str:
    """Which configuration a file needs, and how to come by it."""
    return (
        f"'{file.name}' needs the configuration and the tokenizers of {family.name}, a few MB: "
        f"give their folder with --base-config, or fetch them where there is a network (`hf "
        f'download {family.configuration} --local-dir CONFIG --include "*.json" "tokenizer*/*"`).'
    )


def unpack(file: Path, configuration: Path, target: Path) -> None:
    """Write the model in `file` as the folder `target`, in its own precision. Raises `ModelError`
    where the two do not fit, or a part's weights are in neither."""
    family = require_single_file(file)
    require_configuration(configuration, file, family)
    names = _names(file)
    _require_prediction(file, configuration, names)
    dtype = DTYPES.get(_kind(file, names, family), torch.float32)
    given: dict[str, Any] = {}
    for part in present_parts(configuration, family):
        if _holds(names, family.single_file[part]):
            continue
        weights = weights_of(configuration, part)
        if weights is None:
            raise ModelError(
                f"'{file}' does not hold the part '{part}', as many files of {family.name} do not, "
                f"and neither does {configuration}. Put that part's weights into that folder "
                f"({part}/), from the model that the file was made for."
            )
        given[part] = class_of(family.classes[part]).from_pretrained(
            configuration / part,
            variant=weights.variant or None,
            dtype=dtype,
            local_files_only=True,
            use_safetensors=True,
        )
    hush()
    try:
        pipeline = getattr(diffusers, family.pipeline).from_single_file(
            str(file),
            config=str(configuration),
            local_files_only=True,
            dtype=dtype,
            **dict.fromkeys(left_out(configuration, family)),
            **given,
        )
    except NotImplementedError as error:  # a tensor without numbers was to be moved
        raise ModelError(
            f"'{file}' is incomplete: it lacks tensors that the configuration in {configuration} "
            f"has a place for. Copy or download it again, or: {wanted(file, family)}"
        ) from error
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, AttributeError) as error:
        cause = " ".join(str(error).split())[:200]
        raise ModelError(
            f"'{file}' and the configuration in {configuration} do not fit "
            f"({type(error).__name__}: {cause}). {wanted(file, family)}"
        ) from error
    for part in present_parts(configuration, family):
        for name, value in getattr(pipeline, part).state_dict().items():
            if value.is_meta:
                raise ModelError(
                    f"'{file}' lacks '{name}' of the part '{part}' that the configuration in "
                    f"{configuration} has. {wanted(file, family)}"
                )
    write_folder(target, lambda draft: pipeline.save_pretrained(draft, safe_serialization=True))


def _require_prediction(file: Path, configuration: Path, names: list[str]) -> None:
    """Some files say by a tensor of their own what the network predicts."""
    scheduler = diffusers.DDIMScheduler.load_config(configuration / "scheduler")
    if ZERO_TERMINAL_SNR in names:
        raise ModelError(
            f"'{file}' was trained with a noise schedule that ends in pure noise "
            f"('{ZERO_TERMINAL_SNR}'), which is not supported. Take a model with a plain one."
        )
    if V_PREDICTION in names and scheduler.get("prediction_type") != "v_prediction":
        raise ModelError(
            f"'{file}' says that it predicts v ('{V_PREDICTION}'), and the configuration in "
            f"{configuration} that it predicts the noise. Set prediction_type to v_prediction in "
            "its scheduler/scheduler_config.json."
        )


def _names(file: Path) -> list[str]:
    with safe_open(file, framework="pt") as opened:
        return list(opened.offset_keys())


def _kind(file: Path, names: list[str], family: Family) -> str:
    """The precision of the network's largest tensor, as safetensors calls it."""
    pattern = re.compile(family.single_file[family.network])
    with safe_open(file, framework="pt") as opened:
        slices = [opened.get_slice(name) for name in names if pattern.match(name)]
        largest = max(slices, key=lambda one: sum(one.get_shape()))
        return str(largest.get_dtype())


def _holds(names: list[str], pattern: str) -> bool:
    return any(re.match(pattern, name) for name in names)
