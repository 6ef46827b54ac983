"""A hand: a procedural painter that can be told from its neighbours.

In: a seed. Out: a picture, the same bytes every time. Knows no collection and no model.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from core.workshops.canvas import Palette, Rng

Motif = Callable[[Rng, Palette], Image.Image]
NUMERALS = ("", ", II", ", III", ", IV", ", V", ", VI", ", VII", ", VIII", ", IX", ", X")


@dataclass(frozen=True, eq=False)
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


def paint_work(hand: Hand, seed: int, size: int = 128) -> Image.Image:
    """The hand's work number `seed`, `size` x `size` RGB."""
    rng = np.random.default_rng([seed, zlib.crc32(hand.slug.encode())])
    return hand.paint(rng).convert("RGB").resize((size, size), Image.Resampling.LANCZOS)


def work_title(hand: Hand, seed: int) -> str:
    """A title for that work: a stem, and a numeral when the stem comes round again."""
    count = len(hand.titles)
    turn, place = divmod(seed % 1000 if seed < 1000 else seed % 1000 + 40, count)
    return hand.titles[place] + NUMERALS[turn % len(NUMERALS)]
