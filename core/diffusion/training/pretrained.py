"""Checkpoints by name: a folder, a name of the hub, or one file with a configuration beside it.

In: what a person named. Out: a folder in diffusers' layout, copied without what is not used.
Reaches for the network only where the caller asks for it; the process stays offline otherwise.
"""

from __future__ import annotations

import filecmp
import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from safetensors import SafetensorError

from core.diffusion.families import MODEL_INDEX, family_of
from core.diffusion.families.family import Family
from core.diffusion.tensors import tensor_names
from core.diffusion.training.weights import VARIANTS, usual_file, weights_of
from core.errors import ModelError
from core.files import checksum, write_folder

HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
SCHEDULER = "scheduler/scheduler_config.json"
TOKENIZERS = "tokenizer*/*"
ORIGIN_FILE = "origin.json"
# four bytes per number: UNet 860 M, text encoder 123 M (2.x: 340 M), autoencoder 84 M; of the
# others as they are offered, in half precision
SIZES = (
    (re.compile(r"stable-diffusion-xl|sdxl", re.IGNORECASE), "about 7 GB"),
    (re.compile(r"stable-diffusion-3|sd3", re.IGNORECASE), "about 16 GB"),
    (re.compile(r"flux", re.IGNORECASE), "about 34 GB"),
    (re.compile(r"stable-diffusion-(v)?1|sd-v1|sd15|minisd", re.IGNORECASE), "about 4.3 GB"),
    (re.compile(r"stable-diffusion-(v)?2|sd21", re.IGNORECASE), "about 5.2 GB"),
)


def is_hub_name(name: Path) -> bool:
    """Whether it reads like `owner/name` of the hub, and is nothing on this machine."""
    return not name.exists() and HUB_NAME.fullmatch(name.as_posix()) is not None


@dataclass(frozen=True)
class Origin:
    """What a copy was taken from: a `folder`, a name of the `hub` with its revision as `mark`, or a
    `file` with its checksum."""

    kind: str
    name: str
    mark: str = ""


def checkpoint_folder(name: Path, *, download: bool = False) -> Path | None:
    """The folder of a checkpoint: `name` itself, or what the hub's `owner/name` is kept in here;
    `download` fetches that first.

    None where `name` is a folder without one. Raises `ModelError`, saying what to download and how
    large it is, where a name of the hub is not at hand; and naming what a checkpoint lacks.
    """
    if name.exists():
        if not (name / MODEL_INDEX).is_file():
            return None
        _require_complete(name, str(name))
        return name
    text = name.as_posix()
    if not is_hub_name(name):
        raise ModelError(f"There is no folder '{name}'. Name a model's folder, or owner/name.")
    place = _fetched(text, download)
    begun = place is not None and (place / MODEL_INDEX).is_file()
    if place is None or (not download and not (begun and not lacking(place))):
        raise ModelError(_missing(text))
    _require_complete(place, text)
    return place


def present_parts(folder: Path, family: Family) -> list[str]:
    """The parts of the family, without the optional ones that this model was saved without."""
    optional = {one.part for one in family.encoders if one.optional}
    return [one for one in family.classes if one not in optional or (folder / one).is_dir()]


def is_copy(source: Path, target: Path) -> bool:
    """Whether `target` holds, byte for byte, what `copy_checkpoint` takes from `source`."""
    return all(
        (target / new).is_file() and filecmp.cmp(source / old, target / new, shallow=False)
        for old, new in _used(source).items()
    )


def model_checksum(folder: Path) -> str:
    """One checksum over every file that a copy of this model holds: the same for a copy and what it
    was taken from, another where `is_copy` says no."""
    total = hashlib.sha256()
    for old, new in sorted(_used(folder).items(), key=lambda pair: pair[1]):
        if (folder / old).is_file():
            total.update(f"{new} {checksum(folder / old)}\n".encode())
    return total.hexdigest()


def origin_of(model: Path) -> Origin | None:
    """What a copy was taken from, as it says itself; None where it does not say."""
    try:
        return Origin(**json.loads((model / ORIGIN_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


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


def _fetched(name: str, download: bool, *, configuration_alone: bool = False) -> Path | None:
    """What the hub's cache holds of it; downloaded first where `download` says so."""
    from httpx import HTTPError
    from huggingface_hub import hf_hub_download, list_repo_files, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    configurations = ["*.json", TOKENIZERS]
    try:
        if not download:
            return Path(snapshot_download(name, local_files_only=True))
        with online():
            # another kind of model is refused before gigabytes are fetched
            family = family_of(Path(hf_hub_download(name, MODEL_INDEX)).parent)
            patterns = configurations
            if not configuration_alone:
                patterns = [*configurations, *_offered(list(list_repo_files(name)), family)]
            return Path(snapshot_download(name, allow_patterns=patterns))
    except (HfHubHTTPError, HTTPError, OSError, ValueError) as error:
        if isinstance(error, LocalEntryNotFoundError) and not download:
            return None
        raise ModelError(
            f"'{name}' could not be downloaded ({type(error).__name__}). Look whether the name is "
            "right, whether it wants an agreement (`hf auth login`), and whether there is a "
            "network."
        ) from error


def configuration_folder(name: str, *, download: bool = False) -> Path | None:
    """What the hub's cache holds of a repository's configuration and tokenizers; `download` fetches
    them first. None where they are not here. Raises `ModelError` as `checkpoint_folder`."""
    place = _fetched(name, download, configuration_alone=True)
    return place if place is not None and (place / MODEL_INDEX).is_file() else None


def _offered(files: Sequence[str], family: Family) -> list[str]:
    """Of what a repository offers, the weights to fetch: of each part one variant."""
    chosen = []
    for part in family.classes:
        own = [one for one in files if one.startswith(f"{part}/") and one.endswith(".safetensors")]
        variants = [next((one for one in VARIANTS[1:] if f".{one}" in name), "") for name in own]
        taken = next((variant for variant in VARIANTS if variant in variants), "")
        pairs = zip(own, variants, strict=True)
        chosen += [name for name, variant in pairs if variant == taken]
    return chosen


def is_finished(folder: Path, parts: Sequence[str]) -> bool:
    """Whether these parts of a model (`unet`, ...), as diffusers writes them, are there whole:
    configuration and weights, whose header says that no byte is missing."""
    for part in parts:
        try:
            json.loads((folder / part / "config.json").read_text(encoding="utf-8"))
            if not tensor_names(folder / usual_file(part)):
                return False
        except (SafetensorError, OSError, ValueError):
            return False
    return True


def lacking(folder: Path) -> list[str]:
    """What a model of its family needs and this folder does not have. Raises `ModelError` for a
    folder of no known family."""
    family = family_of(folder)
    names = [SCHEDULER]
    names += [f"{part}/config.json" for part in present_parts(folder, family)]
    missing = [name for name in names if not (folder / name).is_file()]
    for part in present_parts(folder, family):
        if weights_of(folder, part) is None:
            missing.append(usual_file(part))
    for encoder in family.encoders:
        there = not encoder.optional or (folder / encoder.part).is_dir()
        if there and not any((folder / encoder.tokenizer).glob("*")):
            missing.append(f"{encoder.tokenizer}/*")
    return missing


def _require_complete(folder: Path, name: str) -> None:
    missing = lacking(folder)
    if not missing:
        return
    remedy = "Copy or download it again."
    if all(one.endswith(".safetensors") for one in missing):
        remedy = (
            "It may be offered only as .bin or .ckpt, which can run code when they are read: on a "
            "machine where you trust it, load it with diffusers and write it with "
            "`save_pretrained`, then give that folder."
        )
    raise ModelError(f"The model '{name}' lacks {', '.join(missing)}. {remedy}")


def copy_checkpoint(source: Path, target: Path, origin: Origin | None = None) -> None:
    """Copy what is used, all or nothing: no safety checker, no second copy in half precision
    or in one piece, which a repository often holds too. What is there only as a variant gets the
    plain name. The `origin` is kept with the copy."""

    def copy(draft: Path) -> None:
        for old, new in _used(source).items():
            (draft / new).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / old, draft / new)
        if origin is not None:
            (draft / ORIGIN_FILE).write_text(json.dumps(asdict(origin)), encoding="utf-8")

    write_folder(target, copy)


def _used(source: Path) -> dict[str, str]:
    """What a copy holds: file -> its name there."""
    family = family_of(source)
    used = {MODEL_INDEX: MODEL_INDEX, SCHEDULER: SCHEDULER}
    for part in present_parts(source, family):
        used[f"{part}/config.json"] = f"{part}/config.json"
        weights = weights_of(source, part)
        if weights is not None:
            used |= weights.plain
    for encoder in family.encoders:
        for file in sorted((source / encoder.tokenizer).glob("*")):
            if file.is_file() and not file.name.startswith("."):  # .DS_Store
                used[f"{encoder.tokenizer}/{file.name}"] = f"{encoder.tokenizer}/{file.name}"
    return used


def painted_size(folder: Path) -> int:
    """The side of the pictures that a checkpoint paints, in pixels. Raises `ModelError` without."""
    family = family_of(folder)
    try:
        configs = {
            part: json.loads((folder / part / "config.json").read_text(encoding="utf-8"))
            for part in (family.network, "vae")
        }
        return family.image_size(configs)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"The configuration in {folder} says no size (sample_size, block_out_channels). Copy "
            "or download the model again."
        ) from error


def _missing(name: str) -> str:
    size = next((text for pattern, text in SIZES if pattern.search(name)), "several GB")
    return (
        f"The model '{name}' is not on this machine. It is {size} (its parts' folders, as "
        "safetensors). Run this again with --download, or fetch it where there is a network "
        f'(`hf download {name} --local-dir MODEL --include "*.json" "{TOKENIZERS}" '
        '"*/*.safetensors"`) and give that folder.'
    )
