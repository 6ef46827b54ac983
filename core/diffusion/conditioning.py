"""What a prompt becomes before a network sees it: one value, whatever the family wants.

In: tensors whose first dimension counts prompts. Out: the same, chosen, repeated or moved together.
Knows no encoder and no network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad


@dataclass(frozen=True, kw_only=True, eq=False)
class Conditioning:
    """`text [b, s, d]`, a prompt's tokens; `pooled [b, e]`, the prompt as one vector, where the
    network reads one; `guidance [b]`, where it was distilled to take the guidance as an input.
    `lengths`: of how many tokens each prompt is, where the network reads no others; what follows
    them in `text` is nothing."""

    text: Tensor
    pooled: Tensor | None = None
    guidance: Tensor | None = None
    lengths: tuple[int, ...] | None = None

    def __len__(self) -> int:
        return len(self.text)

    def __getitem__(self, rows: slice | Tensor | Sequence[int]) -> Conditioning:
        """Some of the prompts."""
        chosen = rows.to(self.text.device) if isinstance(rows, Tensor) else rows
        plain = replace(self, lengths=None).map(lambda values: values[chosen])
        return replace(plain, lengths=self._lengths_of(rows))

    def _lengths_of(self, rows: slice | Tensor | Sequence[int]) -> tuple[int, ...] | None:
        if self.lengths is None:
            return None
        if isinstance(rows, slice):
            return self.lengths[rows]
        return tuple(self.lengths[int(row)] for row in rows)

    def __iter__(self) -> Iterator[Conditioning]:
        """Each prompt alone."""
        return (self[at : at + 1] for at in range(len(self)))

    def map(self, change: Callable[[Tensor], Tensor]) -> Conditioning:
        """The same with every tensor changed, and of as many prompts."""
        return self.of([change(values) for values in self.tensors])

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """Those that are there, in the order of the fields: what `torch.func` can map over."""
        return tuple(getattr(self, name) for name in self._present)

    def of(self, tensors: Sequence[Tensor]) -> Conditioning:
        """The inverse of `tensors`: a conditioning of the same kind, of as many prompts, from other
        numbers."""
        named: dict[str, Any] = dict(zip(self._present, tensors, strict=True))
        return replace(self, **named)

    @property
    def _present(self) -> list[str]:
        names = [one.name for one in fields(self) if getattr(self, one.name) is not None]
        return [name for name in names if name != "lengths"]

    def repeat_interleave(self, count: int) -> Conditioning:
        """Every prompt `count` times, `[b * count, ...]`."""
        rows = torch.arange(len(self)).repeat_interleave(count)
        return self[rows]

    def to(self, like: Tensor | torch.dtype | torch.device) -> Conditioning:
        """On another device, or in another precision."""
        return self.map(lambda values: values.to(like))

    @classmethod
    def cat(cls, parts: Sequence[Conditioning]) -> Conditioning:
        """One after the other; all of one kind."""
        lengths: tuple[int, ...] | None = None
        if parts[0].lengths is not None:
            lengths = sum((part.lengths or () for part in parts), ())
            longest = max(part.text.shape[1] for part in parts)
            parts = [
                replace(part, text=pad(part.text, (0, 0, 0, longest - part.text.shape[1])))
                for part in parts
            ]
        columns = list(zip(*(part.tensors for part in parts), strict=True))
        whole = replace(parts[0], lengths=None).of([torch.cat(column) for column in columns])
        return replace(whole, lengths=lengths)
