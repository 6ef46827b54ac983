"""Tensors on disk as safetensors: written whole or not at all, read or refused by name; digests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from core.errors import CreditlineError
from core.files import write_via

T = TypeVar("T")


def save_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write them as one file, which no reader sees half of. Raises `CollectionError`."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    # one key: safetensors writes several in no fixed order, and equal files should be equal bytes
    about = {"about": json.dumps(dict(metadata), sort_keys=True)}

    def save(draft: Path) -> None:
        try:
            save_file(plain, draft, metadata=about)
        except SafetensorError as error:  # how it says that the disk is full
            raise OSError(str(error)) from error

    write_via(path, save)


def read_tensors(path: Path, only: str = "") -> tuple[dict[str, Tensor], dict[str, str]]:
    """A safetensors file's tensors (or one of them), mapped, and its metadata."""
    with safe_open(path, framework="pt") as file:
        names = [only] if only else list(file.offset_keys())
        tensors = {name: file.get_tensor(name) for name in names}
        return tensors, json.loads((file.metadata() or {}).get("about", "{}"))


def tensor_names(path: Path) -> list[str]:
    """What a safetensors file holds, by its header alone."""
    with safe_open(path, framework="pt") as file:
        return list(file.keys())


def undamaged(read: Callable[[], T], what: str, remedy: str, error: type[CreditlineError]) -> T:
    """What `read` reads from a safetensors file. Raises `error`, naming `what` is damaged and the
    remedy; a file that is not there is the caller's to name (`FileNotFoundError`)."""
    try:
        return read()
    except FileNotFoundError:
        raise
    except (SafetensorError, OSError, ValueError, KeyError) as fault:
        raise error(f"{what} is truncated or damaged. {remedy}") from fault


def digest_tensors(tensors: Mapping[str, Tensor], extra: object) -> str:
    """sha256 over names, shapes, values (as float32) and `extra` (json)."""
    total = hashlib.sha256(json.dumps(extra, sort_keys=True, default=str).encode())
    for name in sorted(tensors):
        value = tensors[name].detach().float().cpu().contiguous()
        total.update(f"{name}{tuple(value.shape)}".encode())
        total.update(value.numpy().tobytes())
    return total.hexdigest()


def digest_files(paths: Iterable[Path]) -> str:
    """sha256 over file names and bytes, in sorted order."""
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(path.name.encode())
        with open(path, "rb") as handle:
            while block := handle.read(1 << 20):
                total.update(block)
    return total.hexdigest()
