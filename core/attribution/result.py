"""The answer to one question: which works shaped this picture.

In: score vectors in the works' order. Out: ranked works. Plain values; computes nothing new.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.attribution.calibration.trust import Trust
from core.collection.types import Collection, Work

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Seconds:
    """How long each part took, in seconds."""

    encode: float
    gradient: float
    score: float
    total: float


@dataclass(frozen=True, eq=False)
class Compared:
    """One method's answer: scores `[n]`, z `[n]`, each work's part of the influence `[n]`, and per
    artist (the sum of parts, chance of as much without a part)."""

    scores: Vector
    z: Vector
    parts: Vector
    artists: Mapping[str, tuple[float, float]]


@dataclass(frozen=True, kw_only=True)
class Influence:
    """One work's part: rank from 1, raw score, z above its usual score, self-influence.

    `part`: how much of the picture is owed to this work, in [0, 1]; what ranks it. None where the
    collection does not say what is attributable.
    """

    work: Work
    rank: int
    score: float
    z: float
    self_influence: float
    part: float | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Attribution:
    """Scores `[n]`, z `[n]`, self-influence `[n]`, in the order of `works`.

    `attributable`: how much of the picture is owed to the collection (None: features of before do
    not say); `signals`: the numbers behind it. `parts [n]`: each work's influence, `artists` each
    artist's (sum of parts, chance of as much without a part); `departed`: that of works that left.
    """

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
    attributable: float | None = None
    signals: Mapping[str, float] = field(default_factory=dict)
    parts: Vector | None = None
    artists: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    departed: float = 0.0

    @property
    def ranking(self) -> Vector:
        """What ranks the works that shaped the picture, `[n]`: their parts, or else their scores.

        A part is the squared positive score, so the order is the scores', but for copies of one
        work, which count as one.
        """
        return self.scores if self.parts is None else self.parts

    @property
    def works(self) -> tuple[Work, ...]:
        """The works that were scored, of the collection as it was then."""
        return self.collection.works

    def proponents(self, count: int) -> tuple[Influence, ...]:
        """The works that shaped it most, best first: the largest parts, or positive scores."""
        order = np.argsort(-self.ranking, kind="stable")
        return self._ranked([place for place in order[:count] if self.ranking[place] > 0])

    def at(self, places: Sequence[int]) -> tuple[Influence, ...]:
        """The works at these places, each with its rank among all works, best first."""
        rows = []
        for place in places:
            value = self.ranking[place]
            ahead = np.count_nonzero(self.ranking > value)
            tied = np.count_nonzero(self.ranking[:place] == value)  # as a stable order has them
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
            part=self._part(place),
        )

    def _part(self, place: int) -> float | None:
        if self.parts is None or self.attributable is None:
            return None
        whole = float(self.parts.sum()) + self.departed
        return self.attributable * float(self.parts[place]) / whole if whole else 0.0
