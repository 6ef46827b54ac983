"""Works that look like a picture, as the page shows them: with their makers by name.

In: a work of a collection and how alike it looks. Out: plain values for `works.alike`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from core.collection.types import Collection, Work


@dataclass(frozen=True, kw_only=True)
class LookAlike:
    """A work; `artist`: who made it, as a label says it; `makers`: (artist id, name) of each;
    `cosine`: of its latent and the picture's."""

    work: Work
    artist: str
    makers: tuple[tuple[str, str], ...]
    cosine: float

    @classmethod
    def of(cls, collection: Collection, work: Work, cosine: float) -> Self:
        """Of a work in `collection`."""
        names = collection.artist_names
        return cls(
            work=work,
            artist=collection.credit_line(work),
            makers=tuple((who, names[who]) for who, _ in work.makers),
            cosine=cosine,
        )
