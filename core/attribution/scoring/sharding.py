"""An index in several hands: each holds some rows, and answers with its best, its worst, its sums.

In: an index and who made each work. Out: for one query the same extremes and sums an artist that
the whole index gives, whoever computed them: this process, or Ray workers on many machines
(`core.attribution.scoring.ray_backend`). What travels back does not grow with the number of works.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.attribution.features.quantization import Packed
from core.attribution.scoring.index import Index, Vector
from core.errors import UsageError

Places = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Answer:
    """`top`, `bottom`: places of works by score, best and worst first, with their scores and z.

    `sums`: artist -> the sum of scores of all their works.
    """

    top: Places
    top_scores: Vector
    top_z: Vector
    bottom: Places
    bottom_scores: Vector
    bottom_z: Vector
    sums: dict[str, float]


@dataclass(frozen=True, kw_only=True, eq=False)
class Shard:
    """Rows `[m, k]` of the works from place `start` on, their null, and each one's artist.

    `file` and `begin`: which of the index's row files they lie in, and from which row on.
    """

    start: int
    file: int
    begin: int
    rows: Packed
    null_mean: Vector
    null_spread: Vector
    artists: tuple[str, ...]
    owner: Places  # place in `artists`
    squared: bool

    def scores(self, query: Tensor) -> Vector:
        """`[m]`."""
        found: Vector = self.rows.products(query).cpu().numpy()
        return found**2 if self.squared else found

    def answer(self, query: Tensor, count: int) -> Answer:
        """The shard's own extremes and sums for a query `[k]`."""
        scores = self.scores(query)
        z = (scores - self.null_mean) / self.null_spread
        best, worst = _first(-scores, count), _first(scores, count)
        totals = np.bincount(self.owner, weights=scores, minlength=len(self.artists))
        present = np.unique(self.owner)
        return Answer(
            top=best + self.start,
            top_scores=scores[best],
            top_z=z[best],
            bottom=worst + self.start,
            bottom_scores=scores[worst],
            bottom_z=z[worst],
            sums={self.artists[at]: float(totals[at]) for at in present},
        )


class Holders(Protocol):
    """Whoever holds the shards: asks all of them, and gives back what they say."""

    def scores(self, query: Tensor) -> list[Vector]:
        """Every shard's scores, in the works' order."""
        ...

    def answers(self, query: Tensor, count: int) -> list[Answer]:
        """Every shard's extremes and sums."""
        ...


@dataclass(frozen=True, eq=False)
class Here:
    """Holds all shards in this process."""

    shards: Sequence[Shard]

    def scores(self, query: Tensor) -> list[Vector]:
        """One shard after the other."""
        return [shard.scores(query) for shard in self.shards]

    def answers(self, query: Tensor, count: int) -> list[Answer]:
        """One shard after the other."""
        return [shard.answer(query, count) for shard in self.shards]


@dataclass(frozen=True, eq=False)
class Spread:
    """A method's index in the hands of `holders`. `unit`: queries are brought to length one."""

    unit: bool
    holders: Holders

    def scores(self, query: Tensor) -> Vector:
        """Scores of all works, `[n]`: for collections whose scores one machine can hold."""
        return np.concatenate(self.holders.scores(self._asked(query)))

    def answer(self, query: Tensor, count: int) -> Answer:
        """The extremes and sums over all works."""
        return merged(self.holders.answers(self._asked(query), count), count)

    def _asked(self, query: Tensor) -> Tensor:
        vector = query.float().cpu()
        return vector / vector.norm().clamp_min(1e-30) if self.unit else vector


def split(index: Index, artist_ids: Sequence[str], parts: int) -> list[Shard]:
    """An index as about `parts` shards, none across two files; the rows stay where they lie.

    Raises `UsageError` for an index that has grown or answers in another order than its rows lie.
    """
    if index.added is not None or index.places is not None:
        raise UsageError(
            "Only an index that was fitted at once, to these works, is spread over machines: "
            "remove its folder and run `python -m app featurize`, which fits it anew."
        )
    if len(artist_ids) != len(index):
        raise UsageError(f"{len(artist_ids)} artists do not fit {len(index)} works: give one each.")
    artists = tuple(sorted(set(artist_ids)))
    number = {artist: place for place, artist in enumerate(artists)}
    owner = np.array([number[artist] for artist in artist_ids], dtype=np.int64)
    size = -(-len(index) // max(1, parts))
    shards, start = [], 0
    for file, rows in enumerate(index.packed):
        for begin in range(0, len(rows), size):
            part = rows.part(begin, begin + size)
            own = slice(start, start + len(part))
            shard = Shard(
                start=start,
                file=file,
                begin=begin,
                rows=part,
                null_mean=index.null_mean[own],
                null_spread=index.null_spread[own],
                artists=artists,
                owner=owner[own],
                squared=index.squared,
            )
            shards.append(shard)
            start += len(part)
    return shards


def merged(answers: Sequence[Answer], count: int) -> Answer:
    """Several shards' answers as one."""

    def together(name: str) -> NDArray[np.float64]:
        return np.concatenate([getattr(answer, name) for answer in answers])

    best, worst = _first(-together("top_scores"), count), _first(together("bottom_scores"), count)
    sums: dict[str, float] = {}
    for answer in answers:
        for artist, value in answer.sums.items():
            sums[artist] = sums.get(artist, 0.0) + value
    return Answer(
        top=together("top").astype(np.int64)[best],
        top_scores=together("top_scores")[best],
        top_z=together("top_z")[best],
        bottom=together("bottom").astype(np.int64)[worst],
        bottom_scores=together("bottom_scores")[worst],
        bottom_z=together("bottom_z")[worst],
        sums=sums,
    )


def _first(values: Vector, count: int) -> Places:
    """The places of the `count` smallest, smallest first; equal ones in their order."""
    if count < len(values):
        found = torch.from_numpy(values).topk(count, largest=False).indices.numpy()
        found = found[np.lexsort((found, values[found]))]
    else:
        found = np.argsort(values, kind="stable")
    return found.astype(np.int64)
