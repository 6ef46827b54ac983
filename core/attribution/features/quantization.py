"""Rows of numbers made small: float32 as they are, float16 or int8 with a scale per row.

In: `[n, k]` float32. Out: the same rows as they lie on the disk, multiplied without being unpacked.
Knows no file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from core.diffusion.tensors import float64_device
from core.errors import UsageError

STORAGES = ("float32", "float16", "int8")
BLOCK = 1 << 22  # numbers turned into float32 at a time
TWO_PASSES = 1 << 27  # int8 numbers up to which a query is taken to 15 bits, at twice the reading
GPU_ROWS = 32  # the least that an int8 product on a GPU takes, and more than enough
LONGEST = 1 << 17  # int8 products of so many numbers cannot overflow an int32


class Rows(Protocol):
    """Rows that a query can meet, wherever they lie."""

    def __len__(self) -> int: ...

    def products(self, query: Tensor) -> Tensor:
        """Every row times `query [k]` -> `[n]` float64."""
        ...

    def to(self, device: torch.device) -> Rows:
        """The same rows for queries from `device`."""
        ...


@dataclass(frozen=True, eq=False)
class Packed:
    """`values [n, k]` in the storage's type and, where it needs them, `scales [n]` float32.

    The values may be mapped from a file: nothing here copies them whole.
    """

    values: Tensor
    scales: Tensor | None

    @classmethod
    def of(cls, rows: Tensor, storage: str) -> Packed:
        """float16 keeps about three digits per number, int8 two.

        Each row's largest number is 1 or 127, so nothing overflows and nothing small is lost to
        the format's floor. Raises `UsageError` for an unknown storage.
        """
        if storage not in STORAGES:
            raise UsageError(f"There is no storage '{storage}'. Choose: {', '.join(STORAGES)}.")
        values = rows.detach().float().cpu()
        if storage == "float32":
            return cls(values.contiguous(), None)
        largest = values.abs().amax(dim=1).clamp_min(torch.finfo(torch.float32).tiny)
        if storage == "float16":
            return cls((values / largest[:, None]).half(), largest)
        scales = largest / 127.0
        return cls((values / scales[:, None]).round().to(torch.int8), scales)

    @classmethod
    def read(cls, tensors: Mapping[str, Tensor]) -> Packed:
        """From the named tensors of a file."""
        return cls(tensors["rows"], tensors.get("scales"))

    def tensors(self) -> dict[str, Tensor]:
        """As named tensors for a file."""
        named = {"rows": self.values}
        return named if self.scales is None else {**named, "scales": self.scales}

    def __len__(self) -> int:
        return len(self.values)

    @property
    def dimension(self) -> int:
        """k."""
        return self.values.shape[1]

    def to(self, device: torch.device) -> Packed:
        """The same rows on `device`, or on the CPU where it has no float64 to sum them in."""
        there = float64_device(device)
        scales = None if self.scales is None else self.scales.to(there)
        return Packed(self.values.to(there), scales)

    def part(self, start: int, stop: int) -> Packed:
        """The rows from `start` to `stop`, where they lie."""
        scales = None if self.scales is None else self.scales[start:stop]
        return Packed(self.values[start:stop], scales)

    def of_rows(self, places: Tensor) -> Packed:
        """Some of the rows, in the order of `places`."""
        there = places.to(self.values.device)
        scales = None if self.scales is None else self.scales[there]
        return Packed(self.values[there], scales)

    def floats(self, start: int = 0, stop: int | None = None) -> Tensor:
        """The rows from `start` to `stop` in float32, as every other number sees them."""
        rows = self.values[start:stop].float()
        return rows if self.scales is None else rows * self.scales[start:stop, None]

    def products(self, query: Tensor) -> Tensor:
        """Every row times `query [k]` -> `[n]` float64, on the rows' device.

        int8 rows meet an int8 query in whole numbers, exactly summed. Up to `TWO_PASSES` numbers
        the query's remainder makes a second pass (15 bits in all); beyond, what that would add is
        smaller than what the rows themselves lost, and reading them twice costs twice.
        """
        vector = query.detach().to(self.values.device).float()
        if self.values.dtype != torch.int8:
            return self._in_floats(vector)
        assert self.scales is not None
        step = (vector.abs().max() / 127.0).clamp_min(torch.finfo(torch.float32).tiny)
        whole = (vector / step).round()
        parts = [whole.to(torch.int8)]
        if self.values.numel() <= TWO_PASSES or self.values.is_cuda:
            parts.append(((vector / step - whole) * 254.0).round().to(torch.int8))
        sums = _whole_products(parts, self.values)
        total = sums[0].double()
        if len(parts) == 2:
            total = total + sums[1].double() / 254.0
        return total * self.scales.double() * step.double()

    def _in_floats(self, vector: Tensor) -> Tensor:
        rows = max(1, BLOCK // max(1, self.dimension))
        parts = [
            (self.floats(start, start + rows) @ vector).double()
            for start in range(0, len(self), rows)
        ]
        return torch.cat(parts) if parts else vector.new_zeros(0, dtype=torch.float64)


def _whole_products(queries: list[Tensor], rows: Tensor) -> list[Tensor]:
    """int8 `queries` (each `[k]`) times int8 `rows [n, k]` -> whole numbers `[n]` each."""
    if rows.shape[1] > LONGEST:
        halves = [
            _whole_products([one[part] for one in queries], rows[:, part])
            for part in (slice(0, LONGEST), slice(LONGEST, None))
        ]
        return [low.long() + high.long() for low, high in zip(*halves, strict=True)]
    if rows.shape[1] == 1:  # torch mistakes the strides of a matrix one number wide
        return [rows[:, 0].int() * one[0].int() for one in queries]
    if not rows.is_cuda:  # one query at a time: oneDNN reads the rows at memory speed only so
        return [torch._int_mm(one[None], rows.t())[0] for one in queries]
    count, dimension = rows.shape
    stacked = functional.pad(torch.stack(queries), (0, -dimension % 8, 0, GPU_ROWS - len(queries)))
    padded = rows
    if dimension % 8 or count % 8:
        padded = functional.pad(rows, (0, -dimension % 8, 0, -count % 8))
    sums = torch._int_mm(stacked, padded.t())
    return [sums[number, :count] for number in range(len(queries))]
