"""A hand: a procedural painter that can be distinguished from its neighbours.

In: a seed. Out: a picture, the same bytes every time. Knows no collection and no model.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from core.workshops.canvas import Palette, Rng

Motif = Callable[[Rng, Palette], Image.Image]
NUMERALS = ("", ", II", ", III", ", IV", ", V", ", VI", ", VII", ", VIII", ", IX", ", X")


@dataclass(frozen=True, eq=False, kw_only=True)
class Hand:
    """One painter. A collection hand has one motif and one palette; a base hand mixes."""

    slug: str
    name: str
    style: str
    motifs: tuple[Motif, ...]
    palettes: tuple[Palette, ...]
    titles: tuple[str, ...]
    in_collection: bool

    def paint(self, rng: Rng) -> Image.Image:
        """A new large picture."""
        motif = self.motifs[int(rng.integers(len(self.motifs)))]
        palette = self.palettes[int(rng.integers(len(self.palettes)))]
        return motif(rng, palette)


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """A hand of the collection as its style lists it; titles have semicolons between them."""

    slug: str
    name: str
    motif: Motif
    palette: Palette
    titles: str


def hands_of(style: str, studies: Sequence[Palette], *workshops: Workshop) -> tuple[Hand, ...]:
    """A style's hands: its workshops, then a study hall for each study palette.

    A study hall paints every motif of the style; its works train the base model.
    """
    collection = (
        Hand(
            slug=one.slug,
            name=one.name,
            style=style,
            motifs=(one.motif,),
            palettes=(one.palette,),
            titles=tuple(one.titles.split("; ")),
            in_collection=True,
        )
        for one in workshops
    )
    base = (
        Hand(
            slug=f"base-{style.replace(' ', '-')}-{number}",
            name=f"Study Hall {number} ({style})",
            style=style,
            motifs=tuple(one.motif for one in workshops),
            palettes=(palette,),
            titles=("Study",),
            in_collection=False,
        )
        for number, palette in enumerate(studies, start=1)
    )
    return (*collection, *base)


def paint_work(hand: Hand, seed: int, size: int = 128) -> Image.Image:
    """The hand's work number `seed`, `size` x `size` RGB."""
    rng = np.random.default_rng([seed, zlib.crc32(hand.slug.encode())])
    return hand.paint(rng).convert("RGB").resize((size, size), Image.Resampling.LANCZOS)


def work_title(hand: Hand, seed: int) -> str:
    """A title for that work: a stem, and a numeral when the stem comes round again."""
    count = len(hand.titles)
    turn, place = divmod(seed % 1000 if seed < 1000 else seed % 1000 + 40, count)
    return hand.titles[place] + NUMERALS[turn % len(NUMERALS)]
