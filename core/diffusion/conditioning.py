"""What a prompt becomes before a network sees it: one value, whatever the family wants.

In: tensors whose first dimension counts prompts. Out: the same, chosen, repeated or moved together.
Knows no encoder and no network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Conditioning:
    """`text [b, s, d]`, a prompt's tokens; `pooled [b, e]`, the prompt as one vector, where the
    network reads one; `guidance [b]`, where it was distilled to take the guidance as an input."""

    text: Tensor
    pooled: Tensor | None = None
    guidance: Tensor | None = None

    def __len__(self) -> int:
        return len(self.text)

    def __getitem__(self, rows: slice | Tensor | Sequence[int]) -> Conditioning:
        """Some of the prompts."""
        chosen = rows.to(self.text.device) if isinstance(rows, Tensor) else rows
        return self.map(lambda values: values[chosen])

    def __iter__(self) -> Iterator[Conditioning]:
        """Each prompt alone."""
        return (self[at : at + 1] for at in range(len(self)))

    def map(self, change: Callable[[Tensor], Tensor]) -> Conditioning:
        """The same with every tensor changed."""
        return self.of([change(values) for values in self.tensors])

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """Those that are there, in the order of the fields: what `torch.func` can map over."""
        return tuple(getattr(self, name) for name in self._present)

    def of(self, tensors: Sequence[Tensor]) -> Conditioning:
        """The inverse of `tensors`: a conditioning of the same kind from other numbers."""
        return replace(self, **dict(zip(self._present, tensors, strict=True)))

    @property
    def _present(self) -> list[str]:
        return [one.name for one in fields(self) if getattr(self, one.name) is not None]

    def repeat_interleave(self, count: int) -> Conditioning:
        """Every prompt `count` times, `[b * count, ...]`."""
        return self.map(lambda values: values.repeat_interleave(count, 0))

    def to(self, like: Tensor | torch.dtype | torch.device) -> Conditioning:
        """On another device, or in another precision."""
        return self.map(lambda values: values.to(like))

    @classmethod
    def cat(cls, parts: Sequence[Conditioning]) -> Conditioning:
        """One after the other; all of one kind."""
        columns = zip(*(part.tensors for part in parts), strict=True)
        return parts[0].of([torch.cat(column) for column in columns])
