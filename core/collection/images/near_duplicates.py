"""Pictures that look the same though their bytes differ: saved again, scaled, a little cut.

In: upright pictures. Out: 64-bit perceptual hashes (imagehash's phash) and, for new ones, the
nearest that came before. Reports only: two prints of one block are two works. Opens no file.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageStat

# Of 3,032 different paintings, one pair lies within 6 of 64 bits: the same painting, twice. Saving
# again and scaling move 2 bits at most; a cut of 1.5 % on every side stays within 6 for 93 of 100.
ALIKE = 6
PLAIN = "plain"  # the look of a picture that is all one tone
_FLAT = 2.0  # grey levels of spread, below which there is nothing to tell a picture by
_BLOCK = 1024


def look_of(image: Image.Image) -> str:
    """Sixteen hexadecimal digits, or PLAIN: such a picture looks like no other."""
    if ImageStat.Stat(image.convert("L")).stddev[0] < _FLAT:
        return PLAIN
    from imagehash import phash

    return str(phash(image))


def look_alikes(
    looks: Sequence[str], queries: Sequence[int], within: int = ALIKE
) -> list[tuple[int, int, int]]:
    """(place, nearest earlier place, bits between them) for each place of `queries` that has one
    near.

    A look that is not known ("") is like no other.
    """
    comparable = np.array([look not in ("", PLAIN) for look in looks], dtype=bool)
    numbers = [int(look, 16) if good else 0 for look, good in zip(looks, comparable, strict=True)]
    known = np.array(numbers, dtype=np.uint64)
    places = np.array([place for place in queries if comparable[place]], dtype=np.int64)
    pairs = []
    for start in range(0, len(places), _BLOCK):
        block = places[start : start + _BLOCK]
        before = known[: block.max()] if len(block) else known[:0]
        bits = np.bitwise_count(known[block, None] ^ before[None]).astype(np.int16)
        unusable = ~comparable[: len(before)][None] | (
            np.arange(len(before))[None] >= block[:, None]
        )
        bits[unusable] = 65
        for row, place in enumerate(block):
            nearest = int(bits[row].argmin()) if len(before) else -1
            if nearest >= 0 and bits[row, nearest] <= within:
                pairs.append((int(place), nearest, int(bits[row, nearest])))
    return pairs
