"""How long work reports how far it is: a stream of small values; it knows no bar and no page."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """`done` of `total` units of `phase` are finished."""

    phase: str
    done: int
    total: int
    note: str = ""

    @property
    def fraction(self) -> float:
        """Share done, in [0, 1]."""
        return self.done / self.total if self.total else 0.0
