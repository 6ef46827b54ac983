"""The answer to one question: which works shaped this picture.

In: score vectors in the works' order. Out: ranked works. Plain values; computes nothing anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.attribution.calibration.trust import Trust
from core.collection.types import Collection, Work

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Seconds:
    """How long each part took."""

    encode: float
    gradient: float
    score: float
    total: float


@dataclass(frozen=True, kw_only=True)
class Influence:
    """One work's part: rank from 1, raw score, z above its usual score, self-influence."""

    work: Work
    rank: int
    score: float
    z: float
    self_influence: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Attribution:
    """Scores `[n]`, z `[n]`, self-influence `[n]`, in the order of `works`."""

    query_sha256: str
    width: int
    height: int
    style: str
    style_guessed: bool
    method: str
    spec_digest: str
    model_digest: str
    device: str
    collection: Collection
    scores: Vector
    z: Vector
    self_influence: Vector
    query_leverage: float
    loss: float
    trust: Trust
    seconds: Seconds

    @property
    def works(self) -> tuple[Work, ...]:
        """The works that were asked, of the collection as it was then."""
        return self.collection.works

    def proponents(self, count: int) -> tuple[Influence, ...]:
        """The works that shaped it most: the highest positive scores, best first."""
        order = np.argsort(-self.scores, kind="stable")
        return self._ranked([place for place in order[:count] if self.scores[place] > 0])

    def at(self, places: Sequence[int]) -> tuple[Influence, ...]:
        """The works at these places, each with its rank by score among all works, best first."""
        rows = []
        for place in places:
            score = self.scores[place]
            ahead = np.count_nonzero(self.scores > score)
            tied = np.count_nonzero(self.scores[:place] == score)  # as a stable order has them
            rows.append(self._row(place, 1 + int(ahead) + int(tied)))
        return tuple(sorted(rows, key=lambda row: row.rank))

    def opponents(self, count: int) -> tuple[Influence, ...]:
        """The works that pulled away: the lowest negative scores, lowest first."""
        order = np.argsort(self.scores, kind="stable")
        return self._ranked([place for place in order[:count] if self.scores[place] < 0])

    def most_memorised(self, count: int) -> tuple[Influence, ...]:
        """The works with the highest self-influence, whatever the query."""
        order = np.argsort(-self.self_influence, kind="stable")
        return self._ranked(list(order[:count]))

    def _ranked(self, places: Sequence[int]) -> tuple[Influence, ...]:
        return tuple(self._row(place, rank) for rank, place in enumerate(places, start=1))

    def _row(self, place: int, rank: int) -> Influence:
        return Influence(
            work=self.works[place],
            rank=rank,
            score=float(self.scores[place]),
            z=float(self.z[place]),
            self_influence=float(self.self_influence[place]),
        )
