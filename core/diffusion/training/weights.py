"""Which files hold a part's weights: one or several, whole or only in half precision.

In: a model's folder in diffusers' layout. Out: the files of each part and the names that they have
in a copy which needs no variant; parts loaded from a variant. Loads nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from safetensors import safe_open

from core.diffusion.families.family import Family
from core.diffusion.patch_autoencoder import PatchAutoencoder
from core.errors import ModelError

VARIANTS = ("", "fp16", "bf16")
AGAIN = "Copy or download the model again."
EIGHT_BITS = ("F8_", "I8", "U8", "I4", "U4")  # how safetensors calls what is quantized


@dataclass(frozen=True, kw_only=True)
class Weights:
    """A part's weights: `files` relative to the model's folder, of one `variant` ("" where they
    are the plain ones); `index` names the shards where there are several."""

    part: str
    files: tuple[str, ...]
    variant: str = ""
    index: str = ""

    @property
    def plain(self) -> dict[str, str]:
        """File -> its name in a copy that loads without naming a variant."""
        stem = stem_of(self.part)
        if self.index:
            shards = {file: file for file in self.files}
            return {self.index: f"{self.part}/{stem}.safetensors.index.json", **shards}
        return {self.files[0]: f"{self.part}/{stem}.safetensors"}


def stem_of(part: str) -> str:
    """How the libraries call a part's file: transformers' text encoders, diffusers' others."""
    return "model" if part.startswith("text_encoder") else "diffusion_pytorch_model"


def usual_file(part: str) -> str:
    """Where the weights of a part lie in most models."""
    return f"{part}/{stem_of(part)}.safetensors"


def weights_of(folder: Path, part: str) -> Weights | None:
    """The part's weights, the plain ones before a variant; None where none are there. Raises
    `ModelError` where an index is damaged, or names a shard that is missing."""
    stem = stem_of(part)
    for variant in VARIANTS:
        mark = f".{variant}" if variant else ""
        file = f"{part}/{stem}{mark}.safetensors"
        if (folder / file).is_file():
            return Weights(part=part, files=(file,), variant=variant)
        # diffusers' and transformers' name, and the one of older files
        names = (f"{stem}.safetensors.index{mark}.json", f"{stem}{mark}.safetensors.index.json")
        for index in names:
            if (folder / part / index).is_file():
                shards = _shards(folder, f"{part}/{index}")
                return Weights(part=part, files=shards, variant=variant, index=f"{part}/{index}")
    return None


def _shards(folder: Path, index: str) -> tuple[str, ...]:
    part = index.partition("/")[0]
    try:
        content = json.loads((folder / index).read_text(encoding="utf-8"))
        names = sorted({str(name) for name in content["weight_map"].values()})
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise ModelError(f"{index} in {folder} is damaged. {AGAIN}") from error
    for name in names:
        if Path(name).name != name or not (folder / part / name).is_file():
            raise ModelError(
                f"The model in {folder} lacks '{part}/{name}', one of the {len(names)} files that "
                f"{index} names. {AGAIN}"
            )
    return tuple(f"{part}/{name}" for name in names)


# our own classes, by their name in a part's configuration, and what they stand in for
OWN = {"PatchAutoencoder": PatchAutoencoder}
STANDS_FOR = {"PatchAutoencoder": "AutoencoderKL"}


def class_of(name: str) -> Any:
    """A part's class, of diffusers or of transformers, or our own."""
    return OWN.get(name) or getattr(diffusers, name, None) or getattr(transformers, name)


def written_class(folder: Path, part: str, kind: str) -> str:
    """The class that the part's configuration names where it stands in for `kind`; else `kind`."""
    try:
        config = json.loads((folder / part / "config.json").read_text(encoding="utf-8"))
        name = str(config.get("_class_name"))
    except (OSError, ValueError, AttributeError):
        return kind
    return name if STANDS_FOR.get(name) == kind else kind


def left_out(folder: Path, family: Family) -> list[str]:
    """The parts that are not loaded: nobody uses them, or the model was saved without them."""
    absent = [one for one in family.encoders if one.optional and not (folder / one.part).is_dir()]
    return [*family.left_out, *(part for one in absent for part in (one.part, one.tokenizer))]


def load_apart(folder: Path, family: Family, dtype: torch.dtype) -> dict[str, Any]:
    """The parts that diffusers' pipeline does not load by itself: those of a class of ours, and
    those that are there only as a variant, or in shards under its name; a pipeline takes one
    variant for all of its parts, and many models have one of some only."""
    parts = {}
    for part, kind in family.classes.items():
        weights, written = weights_of(folder, part), written_class(folder, part, kind)
        if weights is not None and (weights.variant or written in OWN):
            parts[part] = class_of(written).from_pretrained(
                folder / part,
                variant=weights.variant or None,
                dtype=dtype,
                local_files_only=True,
                use_safetensors=True,
            )
    return parts


def require_numbers(file: Path, what: str) -> None:
    """Raises `ModelError` where a safetensors file holds quantized weights, by its header."""
    with safe_open(file, framework="pt") as opened:
        kinds: Mapping[str, str] = {
            name: str(opened.get_slice(name).get_dtype()) for name in opened.offset_keys()
        }
    for name, kind in kinds.items():
        if kind.startswith(EIGHT_BITS) and not name.endswith("position_ids"):
            raise ModelError(
                f"{what} is quantized ('{name}' is {kind}), and gradients of such weights would "
                "not be exact. Take the same model in float32, float16 or bfloat16."
            )
