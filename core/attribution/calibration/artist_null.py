"""Which artists' influence on a picture is more than chance: a null per artist, free of length.

In: influence per artist of pictures that the artist did not shape. Out: for a new picture, how
often such pictures give each artist as much. What is compared is an artist's share of all
influence, so that a picture with a longer gradient, to which every score is larger, gains nothing.
Knows no model and no picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
FLOOR = 1e-9  # an artist's share of the influence below which it counts as none
MAD = 1.4826  # the median absolute deviation of a normal distribution, inverted


@dataclass(frozen=True, eq=False)
class ArtistNull:
    """Per artist the usual log share `centre [a]` and its `spread [a]`; `tail` for all together.

    `tail`: the standardised null of all artists pooled, sorted, so that chances go by ranks and no
    shape of the distribution is assumed.
    """

    artists: tuple[str, ...]
    centre: Vector
    spread: Vector
    tail: Vector

    @classmethod
    def fit(
        cls,
        artists: Sequence[str],
        influence: Matrix,
        unshaped: NDArray[np.bool_],
        departed: Vector | float = 0.0,
    ) -> ArtistNull:
        """`influence [m, a]` of reference pictures; `unshaped [m, a]`: the artist had no part;
        `departed [m]`: the influence of works that left."""
        logs = log_shares(influence, departed)
        centre, spread, tail = np.zeros(len(artists)), np.ones(len(artists)), []
        for place in range(len(artists)):
            usual = logs[unshaped[:, place], place]
            if not len(usual):
                centre[place], spread[place] = np.inf, 1.0  # never judged: never credited
                continue
            centre[place] = np.median(usual)
            spread[place] = max(MAD * float(np.median(np.abs(usual - centre[place]))), 1e-6)
            tail.append((usual - centre[place]) / spread[place])
        pooled = np.sort(np.concatenate(tail)) if tail else np.zeros(0)
        return cls(tuple(artists), centre, spread, pooled)

    def chances(self, influence: Vector, departed: float = 0.0) -> Vector:
        """How often an artist without a part reaches this influence `[a]` -> `[a]` in [0, 1].

        `departed`: the influence of works that left, which are part of the whole. A lone artist's
        share is always all of it: whether a picture is theirs, what is attributable says.
        """
        if len(self.artists) == 1 and not departed:
            return np.where(influence > 0, 0.0, 1.0)
        above = (log_shares(influence[None], departed)[0] - self.centre) / self.spread
        reached = len(self.tail) - np.searchsorted(self.tail, above, side="left")
        chance: Vector = (1.0 + reached) / (1.0 + len(self.tail))
        return chance

    def plain(self) -> dict[str, Any]:
        """For json."""
        rows = zip(self.artists, self.centre.tolist(), self.spread.tolist(), strict=True)
        kept = {who: [c, s] for who, c, s in rows if np.isfinite(c)}
        return {"artists": kept, "tail": [round(value, 6) for value in self.tail.tolist()]}

    @classmethod
    def from_plain(cls, values: Mapping[str, Any], artists: Sequence[str]) -> ArtistNull:
        """For these artists; one that the null does not know is never credited."""
        unknown = (float("inf"), 1.0)
        rows = [values["artists"].get(who, unknown) for who in artists]
        centre, spread = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
        return cls(tuple(artists), centre, spread, np.array(values["tail"], dtype=np.float64))


def log_shares(influence: Matrix, departed: Vector | float = 0.0) -> Matrix:
    """Each artist's share of a picture's influence, as a logarithm; `[m, a] -> [m, a]`."""
    whole = (influence.sum(axis=1) + departed)[:, None]
    whole = np.maximum(whole, np.finfo(np.float64).tiny)
    shares: Matrix = np.log(np.maximum(influence / whole, FLOOR))
    return shares
