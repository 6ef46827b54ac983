"""Pictures to tensors and back, tensors on the disk, and in which precision they are computed.

In: pictures, or tensors by name, or a device. Out: pixels as training, features and uploads all use
them; files in safetensors, written all or nothing, and their digest; half as wide numbers on a GPU
that has them, float32 elsewhere, and where float64 can be.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from core.collection.images.open import to_square
from core.errors import CreditlineError, UsageError
from core.files import write_via

AUTO = "auto"
PRECISIONS = (AUTO, "float32", "bfloat16")
WITHOUT_FLOAT64 = frozenset({"mps"})


def image_to_pixels(image: Image.Image, size: int) -> Tensor:
    """A picture -> `[3, size, size]` uint8; squared by `to_square`."""
    square = to_square(image.convert("RGB"), size)
    return torch.from_numpy(np.array(square, dtype=np.uint8)).permute(2, 0, 1).contiguous()


def image_to_tensor(image: Image.Image, size: int) -> Tensor:
    """A picture -> `[3, size, size]` float32 in [-1, 1]."""
    return image_to_pixels(image, size).to(torch.float32) / 127.5 - 1.0


def tensor_to_image(tensor: Tensor) -> Image.Image:
    """`[3, h, w]` in [-1, 1] (clamped) -> an 8-bit RGB picture."""
    pixels = ((tensor.detach().float().cpu().clamp(-1.0, 1.0) + 1.0) * 127.5).round()
    return Image.fromarray(pixels.to(torch.uint8).permute(1, 2, 0).numpy(), "RGB")


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


def chosen_precision(name: str, device: torch.device) -> str:
    """`auto`: bfloat16 on a GPU that has it, float32 elsewhere. Raises `UsageError` otherwise."""
    if name == "float16":
        raise UsageError(
            "float16 is not supported: its gradients vanish below 6e-8 unless the loss is scaled, "
            "and the scale would be part of what a resumed run must restore. Use bfloat16 "
            "(NVIDIA since Ampere) or float32."
        )
    if name not in PRECISIONS:
        raise UsageError(f"There is no precision '{name}'. Choose: {', '.join(PRECISIONS)}.")
    if name == AUTO:
        # older GPUs only emulate it, slower than float32
        capable = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        return "bfloat16" if capable else "float32"
    if name != "float32" and device.type == "cpu":
        raise UsageError(
            f"{name} on a processor is many times slower than float32. Use float32 or auto."
        )
    return name


def float64_device(device: torch.device | str) -> torch.device:
    """Where float64 is computed for `device`: there, or on the CPU where it has none (Apple's)."""
    requested = torch.device(device)
    return torch.device("cpu") if requested.type in WITHOUT_FLOAT64 else requested


def to_float64(values: Tensor) -> Tensor:
    """The same numbers in float64, on `float64_device`."""
    return values.to(float64_device(values.device)).to(torch.float64)
