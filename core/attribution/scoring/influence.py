"""From scores to influence: what each work, and each artist, has of a picture.

In: raw scores of the works, whose they are, and which of them are one work in several copies. Out:
squared positive scores, copies counted as one work. Whatever ranks a gallery, stands on a badge or
earns a credit is this quantity. Knows no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from core.attribution.features.quantization import Packed
from core.collection.types import Makers

Vector = NDArray[np.float64]
FEW = 1_000  # works of an artist up to which every pair is compared
TABLES, BITS, LEADERS = 16, 24, 50
ROWS_AT_ONCE, PAIRS_AT_ONCE = 1_024, 512
ALIKE = 0.995  # cosine of two works' features from which they are copies of one work


@dataclass(frozen=True, eq=False)
class Ownership:
    """Whose each work is, by places in `artists`: of work `work [p]`, the part `portion [p]`, which
    sum to 1 per work, is that of `owner [p]`. `group [n]`: copies of one work share one."""

    artists: tuple[str, ...]
    work: NDArray[np.int64]
    owner: NDArray[np.int64]
    portion: Vector
    group: NDArray[np.int64]

    @classmethod
    def of(cls, makers: Sequence[Makers], phi: Packed | None = None) -> Ownership:
        """From who made each work; with features `phi [n, k]`, near-copies by the same makers are
        grouped."""
        artists = tuple(sorted({who for own in makers for who, _ in own}))
        place = {artist: number for number, artist in enumerate(artists)}
        rows = [
            (number, place[who], weight / sum(part for _, part in own))
            for number, own in enumerate(makers)
            for who, weight in own
        ]
        work, owner, portion = map(np.array, zip(*rows, strict=True)) if rows else ([], [], [])
        group = np.arange(len(makers))
        if phi is not None:
            by_makers: dict[Makers, list[int]] = {}
            for number, own in enumerate(makers):
                by_makers.setdefault(own, []).append(number)
            for numbers in by_makers.values():
                group[numbers] = np.array(numbers)[_copies(phi, np.array(numbers))]
        return cls(
            artists,
            np.asarray(work, dtype=np.int64),
            np.asarray(owner, dtype=np.int64),
            np.asarray(portion, dtype=np.float64),
            group,
        )

    def parts(self, scores: Vector, leverage: Vector | None = None) -> Vector:
        """Each work's influence, `[n]`: (its group's score, shown once)_+ squared.

        m copies with summed score s and summed `leverage` H in a ridge would, shown once, have
        scored s / (m (1 - H) + H): exact by Sherman and Morrison. Without a ridge scores add up,
        and it is s / m. Within a group it is divided by positive scores.
        """
        count = len(scores)
        positive = np.maximum(scores, 0.0)
        copies = np.bincount(self.group, minlength=count)
        shown = np.maximum(copies, 1).astype(np.float64)
        if leverage is not None:
            held = np.clip(np.bincount(self.group, leverage, minlength=count), 0.0, 1.0)
            shown = np.where(copies > 1, shown * (1.0 - held) + held, 1.0)
        whole = np.bincount(self.group, scores, minlength=count) / shown
        share = np.bincount(self.group, positive, minlength=count)
        alone = np.divide(
            positive, share[self.group], out=np.zeros_like(positive), where=share[self.group] > 0
        )
        parts: Vector = np.square(np.maximum(whole, 0.0)[self.group]) * alone
        return parts

    def sums(self, parts: Vector) -> Vector:
        """Influence per artist, `[a]`: of a work by several, each has their portion."""
        sums: Vector = np.zeros(len(self.artists))
        np.add.at(sums, self.owner, parts[self.work] * self.portion)
        return sums

    @property
    def copies(self) -> int:
        """How many works are copies of another work of the same artist."""
        return len(self.group) - len(set(self.group.tolist()))


def _copies(phi: Packed, own: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each work the place of its group's first one, linked by cosines >= ALIKE."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    rows, count = torch.from_numpy(own), len(own)
    if count <= FEW:
        every = normalize(phi.of_rows(rows).floats().cpu(), dim=1)
        ends = (every @ every.T >= ALIKE).nonzero().T.numpy()
    else:
        kept = []
        for some in _likely(phi, rows).split(PAIRS_AT_ONCE):
            one, other = (normalize(phi.of_rows(rows[at]).floats().cpu(), dim=1) for at in some.T)
            kept.append(some[(one * other).sum(1) >= ALIKE])
        ends = torch.cat(kept).T.numpy()
    graph = coo_array((np.ones(ends.shape[1]), (ends[0], ends[1])), shape=(count, count))
    _, label = connected_components(graph, directed=False)
    first: NDArray[np.int64] = np.unique(label, return_index=True)[1]
    return first[label]


def _likely(phi: Packed, rows: Tensor) -> Tensor:
    """Pairs `[p, 2]` that may be copies among many works, by hashes of signs (Charikar, 2002).

    Works of cosine 0.995 share the 24 signs of a table with probability 0.46, and those of one of
    16 tables with 0.9999; works that have nothing in common with 6e-8 per table. What all works
    have in common is taken out first, lest everything look alike.
    """
    blocks = rows.split(ROWS_AT_ONCE)
    total = torch.zeros(phi.dimension, dtype=torch.float64)
    for some in blocks:
        total += normalize(phi.of_rows(some).floats().cpu(), dim=1).double().sum(0)
    common = (total / len(rows)).float()
    draw = torch.Generator().manual_seed(0)
    planes = torch.randn(phi.dimension, TABLES * BITS, generator=draw)
    powers = 2 ** torch.arange(BITS)
    keys = []
    for some in blocks:
        own = normalize(phi.of_rows(some).floats().cpu(), dim=1) - common
        keys.append(((own @ planes > 0).view(-1, TABLES, BITS) * powers).sum(2))
    pairs = [torch.zeros(0, 2, dtype=torch.int64)]
    for table in torch.cat(keys).T:
        order = torch.argsort(table, stable=True)
        _, sizes = torch.unique_consecutive(table[order], return_counts=True)
        ends = sizes.cumsum(0)
        for end, size in zip(ends[sizes > 1].tolist(), sizes[sizes > 1].tolist(), strict=True):
            bucket = order[end - size : end]
            leaders = bucket[:LEADERS]  # of a crowd of copies the first stand for all
            others = torch.cartesian_prod(leaders, bucket)
            pairs.append(others[others[:, 0] < others[:, 1]])
    return torch.unique(torch.cat(pairs), dim=0)
