"""In which numbers a network computes: half as wide on a GPU that has them, float32 elsewhere; and
where float64 can be."""

from __future__ import annotations

import torch
from torch import Tensor

from core.errors import UsageError

AUTO = "auto"
PRECISIONS = (AUTO, "float32", "bfloat16")
WITHOUT_FLOAT64 = frozenset({"mps"})


def chosen_precision(name: str, device: torch.device) -> str:
    """`auto`: bfloat16 on a GPU that has it, float32 elsewhere. Raises `UsageError` otherwise."""
    if name == "float16":
        raise UsageError(
            "float16 is not supported: its gradients vanish below 6e-8 unless the loss is scaled, "
            "and the scale would be part of what a resumed run must meet again. Use bfloat16 "
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
    wanted = torch.device(device)
    return torch.device("cpu") if wanted.type in WITHOUT_FLOAT64 else wanted


def to_float64(values: Tensor) -> Tensor:
    """The same numbers in float64, on `float64_device`."""
    return values.to(float64_device(values.device)).to(torch.float64)
