"""Rows of numbers made small for the disk: float32 as they are, float16 or int8 with a scale a row.

In: `[n, k]` float32. Out: named tensors, and from them the rows again. Knows no file.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from core.errors import UsageError

STORAGES = ("float32", "float16", "int8")


def pack(rows: Tensor, storage: str) -> dict[str, Tensor]:
    """`rows [n, k]` -> `rows` in the storage's type and, where it needs them, `scales [n]`.

    float16 keeps about three digits a number, int8 two; each row's largest number is 1 or 127, so
    nothing overflows and nothing small is lost to the format's floor.
    """
    if storage not in STORAGES:
        raise UsageError(f"There is no storage '{storage}'. Choose: {', '.join(STORAGES)}.")
    values = rows.detach().float().cpu()
    if storage == "float32":
        return {"rows": values.contiguous()}
    largest = values.abs().amax(dim=1).clamp_min(torch.finfo(torch.float32).tiny)
    if storage == "float16":
        return {"rows": (values / largest[:, None]).half(), "scales": largest}
    scales = largest / 127.0
    return {"rows": (values / scales[:, None]).round().to(torch.int8), "scales": scales}


def unpack(tensors: Mapping[str, Tensor]) -> Tensor:
    """The rows `[n, k]` in float32, as every later number sees them."""
    rows = tensors["rows"].float()
    return rows * tensors["scales"][:, None] if "scales" in tensors else rows
