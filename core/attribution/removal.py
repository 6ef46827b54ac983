"""A work leaves: its rows go out of every feature store and every index.

In: a collection with features, and the pictures that left. Out: stores and indices without a row
of theirs. What the kernel knows of them stays, as it does in the model.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from core.attribution.features.store import HEADER, FeatureStore, key_of, picture_key
from core.attribution.methods import METHODS
from core.attribution.scoring.incremental_update import shrunk
from core.attribution.scoring.index import HEAD as INDEX_HEAD
from core.attribution.scoring.index import load_index, outer_sum, save_index
from core.collection.types import Collection
from core.errors import StoreError, UsageError


def forget_works(collection: Collection, pictures: Sequence[tuple[str, str]]) -> int:
    """Take the rows of works (sha256, label) out of every feature store and index; rows taken.

    What a kernel knows of them stays, as it does in the model: the sum of their features' outer
    products. So no leverage, and no verdict on trust, changes. An index that is damaged, or would
    be left with nothing, is removed whole: it is derived, and the next `featurize` makes it again.
    A removal that was interrupted is finished by repeating it.
    """
    taken = 0
    for place in sorted((collection.path / "features").glob("*/header.json")):
        directory = place.parent
        taken += forget_rows(FeatureStore.open(directory), _turns(directory, pictures))
        references = directory / "references"
        if (references / HEADER).is_file():  # else its making was stopped before it began
            keys = sorted(_turns(references, pictures))
            taken += FeatureStore.open(references).forget(keys)
    return taken


def _turns(directory: Path, pictures: Sequence[tuple[str, str]]) -> set[int]:
    noise = FeatureStore.open(directory).header.spec.noise
    turns = range(noise.period if noise.mode == "cycle" else 1)
    return {key_of(sha, style, turn) for sha, style in pictures for turn in turns}


def forget_unowned(collection: Collection, store: FeatureStore, keys: set[int]) -> None:
    """Take out rows that no work of the collection has any more.

    Works that left, the kernel goes on knowing. Other rows are of works that are learnt under
    another label now, or have another turn of the noise: they are there by their new key, so
    nothing of the old one stays, and an index that held it is fitted again. Rows that do not say
    whose they are may be of any class that the collection has.
    """
    here = {picture_key(work.sha256) for work in collection.works}
    pictures = store.pictures()
    stale = {key for key in keys if pictures.get(key) in here}
    if keys - pictures.keys():
        labels = {work.sha256: {collection.label(work), work.style} for work in collection.works}
        before = [(sha, one) for sha, own in labels.items() for one in own | {*collection.styles}]
        stale |= keys & _turns(store.directory, before)
    if keys - stale:
        forget_rows(store, keys - stale)
    if stale:
        for head in sorted(store.directory.glob(f"index/*/{INDEX_HEAD}")):
            shutil.rmtree(head.parent)
        store.forget(sorted(stale))


def forget_rows(store: FeatureStore, keys: set[int]) -> int:
    """Take works out of a store and its indices; the number of rows taken from the store.

    The rows go last: whoever is interrupted, or reads meanwhile, still has what is needed.
    """
    leaving = sorted(keys & set(store.keys()))
    features: dict[int, Tensor | None] = dict.fromkeys(keys)
    if _has_kernel(store) and leaving:
        phi = store.load(leaving).phi
        features |= dict(zip(leaving, phi, strict=True))
        before, known = store.departed()
        fresh = [place for place, key in enumerate(leaving) if key not in set(known)]
        if fresh:
            together = torch.cat([before, phi[fresh]]) if known else phi[fresh]
            kept = outer_sum(together) @ together.double()
            store.keep_departed(kept, [*known, *(leaving[place] for place in fresh)])
    for head in sorted(store.directory.glob(f"index/*/{INDEX_HEAD}")):
        _shrink(head.parent, features)
    return store.forget(leaving)


def _has_kernel(store: FeatureStore) -> bool:
    """Whether a method needs the kernel of these features; else nothing of a work is kept."""
    kernels = {row.kernel for row in METHODS.values() if row.features == store.directory.name}
    return bool(kernels & {"ridge", "leverage"})


def departed_rows(store: FeatureStore, keys: Sequence[int]) -> Tensor | None:
    """Rows `[d, k]` for what the kernel of these works' features knows beside them: works that
    left, whether their own rows are still there or not. None where nobody left."""
    if not _has_kernel(store):
        return None
    phi, known = store.departed()
    leaving = sorted(set(store.keys()) - set(keys) - set(known))
    if leaving:
        still = store.load(leaving).phi
        phi = torch.cat([phi, still]) if known else still
    return phi if len(phi) else None


def _shrink(folder: Path, features: dict[int, Tensor | None]) -> None:
    keys = set(features)
    try:
        index = load_index(folder)
    except StoreError:  # damaged: what it holds of them must not stay
        shutil.rmtree(folder)
        return
    known = set(index.keys.tolist())
    if known <= keys:
        shutil.rmtree(folder)
    elif keys & known:
        try:
            smaller = shrunk(index, features)
        except UsageError:  # an earlier removal was interrupted: their features are gone already
            shutil.rmtree(folder)
        else:
            save_index(smaller, folder)
