"""Checks of an attribution by works whose origin is known.

In: score vectors and the works they belong to. Out: precision figures. Knows no model: whoever
calls it attributes the queries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import UsageError

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Precision:
    """`hits` of `total` checks came out right."""

    hits: float
    total: int

    @property
    def value(self) -> float:
        """Share of hits, in [0, 1]; 0 of 0 is 0."""
        return self.hits / self.total if self.total else 0.0


def _checked(scores: Scores, labels: Sequence[str]) -> Scores:
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != len(labels):
        raise UsageError(
            f"Scores of shape {values.shape} do not fit {len(labels)} works: "
            "give one row per query and one column per work."
        )
    return values


def self_retrieval(scores: Scores, own: Sequence[int]) -> Precision:
    """Queries `[m, n]` that are training works: how often number `own[i]` scores highest."""
    values = np.asarray(scores, dtype=np.float64)
    best = values.argmax(axis=1)
    return Precision(float((best == np.asarray(own)).sum()), len(values))


def precision_at(
    scores: Scores, labels: Sequence[str], wanted: Sequence[str], k: int = 10
) -> Precision:
    """Mean share of the k highest-scoring works (`scores [m, n]`) that bear the wanted label."""
    values = _checked(scores, labels)
    names = np.asarray(labels)
    hits = 0.0
    for row, label in zip(values, wanted, strict=True):
        top = np.argsort(-row, kind="stable")[:k]
        hits += float((names[top] == label).mean())
    return Precision(hits, len(values))


def group_precision(
    shares: Sequence[Mapping[str, float]], wanted: Sequence[Set[str]], k: int = 1
) -> Precision:
    """How often one of the wanted artists is among the k largest shares (nothing given is not a
    hit)."""
    hits = 0
    for share, labels in zip(shares, wanted, strict=True):
        ranked = sorted(share, key=lambda name: (-share[name], name))
        hits += not labels.isdisjoint(name for name in ranked[:k] if share[name] > 0)
    return Precision(float(hits), len(shares))


def positive_mass(scores: Scores, artists: Sequence[str], top: int = 20) -> list[dict[str, float]]:
    """Per query, each artist's sum over the `top` highest positive scores; `scores [m, n]`."""
    values = _checked(scores, artists)
    result = []
    for row in values:
        sums: dict[str, float] = {}
        for index in np.argsort(-row, kind="stable")[:top]:
            if row[index] > 0:
                sums[artists[index]] = sums.get(artists[index], 0.0) + float(row[index])
        result.append(sums)
    return result
