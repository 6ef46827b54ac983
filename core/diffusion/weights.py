"""Weights on disk as safetensors, written whole or not at all, and their digest."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor


def save_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write to a temporary name beside `path`, sync, rename: no reader sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.part")
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    # one key: safetensors writes several in no fixed order, and equal files should be equal bytes
    save_file(plain, draft, metadata={"about": json.dumps(dict(metadata), sort_keys=True)})
    with open(draft, "rb+") as handle:
        os.fsync(handle.fileno())
    os.replace(draft, path)


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
