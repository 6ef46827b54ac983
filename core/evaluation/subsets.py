"""Which works each retrained model learns: random halves, by work or by artist.

In: labels or artists. Out: `inclusion [m, n]`, True where model m learns work n. Seeds are the
paper's (specification of D-TRAK, section 3), so that pools of different use do not overlap.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.errors import UsageError

Inclusion = NDArray[np.bool_]
POOL_SEEDS = {"lds": 42, "tuning": 298, "retrained": 554}  # then every second number
POOL_SIZES = {"lds": 128, "tuning": 128, "retrained": 1024}  # beyond, the next pool begins


def pool_seeds(pool: str, count: int) -> list[int]:
    """The seeds of one pool's first `count` subsets."""
    if pool not in POOL_SEEDS:
        raise UsageError(f"There is no pool '{pool}'. Choose one of: {', '.join(POOL_SEEDS)}.")
    if not 1 <= count <= POOL_SIZES[pool]:
        raise UsageError(f"The pool '{pool}' holds 1 to {POOL_SIZES[pool]} subsets, not {count}.")
    return [POOL_SEEDS[pool] + 2 * number for number in range(count)]


def random_halves(labels: Sequence[str], seeds: Sequence[int]) -> Inclusion:
    """Half of the works per subset, stratified by label, `[m, n]`."""
    from sklearn.model_selection import train_test_split

    works = np.arange(len(labels))
    inclusion = np.zeros((len(seeds), len(works)), dtype=bool)
    for row, seed in zip(inclusion, seeds, strict=True):
        try:
            inside, _ = train_test_split(works, train_size=0.5, random_state=seed, stratify=labels)
        except ValueError as error:
            raise UsageError(
                f"{len(works)} works cannot be halved by their labels ({error}). "
                "Take more works of each label."
            ) from error
        row[inside] = True
    return inclusion


def artist_halves(artists: Sequence[str], labels: Sequence[str], seeds: Sequence[int]) -> Inclusion:
    """Half of the artists per subset, with all their works, stratified by the artists' label where
    every label has two artists or more.

    Subsets hold equally many works only if all artists have equally many.
    """
    names = sorted(set(artists))
    of_artist = dict(zip(artists, labels, strict=True))
    kinds = [of_artist[name] for name in names]
    if min(kinds.count(kind) for kind in kinds) < 2:
        kinds = ["artist"] * len(names)
    by_artist = random_halves(kinds, seeds)
    place = {name: number for number, name in enumerate(names)}
    return by_artist[:, [place[artist] for artist in artists]]


def without_each_artist(artists: Sequence[str]) -> Inclusion:
    """All works, then all but one artist's, for every artist in sorted order. `[1 + a, n]`."""
    names = np.asarray(sorted(set(artists)))
    if len(names) < 2:
        raise UsageError("Leaving one artist out needs at least two artists.")
    without: Inclusion = names[:, None] != np.asarray(artists)[None, :]
    return np.concatenate([np.ones((1, len(artists)), dtype=bool), without])
