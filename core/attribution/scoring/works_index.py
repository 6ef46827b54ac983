"""The index of one method over a collection's works: read, grown or fitted again.

In: finished features. Out: an `Index` that answers for the works there are now.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from torch import Tensor

from core.attribution.calibration.references import (
    GENERATED,
    Reference,
    picture_of,
    traced_references,
)
from core.attribution.features.featurizer import Features
from core.attribution.features.shards import keys_of, keys_of_works
from core.attribution.features.store import FeatureStore
from core.attribution.methods import Method
from core.attribution.removal import departed_rows
from core.attribution.scoring.incremental_update import can_grow, grown
from core.attribution.scoring.index import Index, Works, build_index, load_index, save_index
from core.attribution.scoring.ridge import DEFAULT_RULE, LambdaRule
from core.collection.types import Collection
from core.errors import StoreError


def index_sources(
    works: FeatureStore, references: Sequence[int], method: Method, rule: LambdaRule
) -> str:
    """sha256 over what an index is made from, but for the works themselves."""
    text = json.dumps([works.header.digest, list(references), method.name, asdict(rule)])
    return hashlib.sha256(text.encode()).hexdigest()


def make_index(
    collection: Collection,
    directory: Path,
    method: Method,
    rule: LambdaRule = DEFAULT_RULE,
    rows: Sequence[Reference] | None = None,
    *,
    keep: bool = False,
) -> Index:
    """The index of one method from finished features, answering for the collection's works.

    Read if it is there; grown if works have joined and it can grow (`incremental_update`);
    else fitted again. `keep` writes what was made; a studio that only serves changes nothing in a
    collection.
    """
    store = FeatureStore.open(directory)
    references = FeatureStore.open(directory / "references")
    keys = keys_of_works(collection, store.header.spec)
    if rows is None:
        rows = traced_references(collection, directory)
    painted = keys_of(
        [picture_of(row) for row in rows if row.kind == GENERATED], references.header.spec
    )
    sources = index_sources(store, painted, method, rule)
    folder = directory / "index" / method.name
    index = None
    with suppress(
        StoreError
    ):  # absent, damaged or of other features: it is derived, and made again
        index = load_index(folder, sources)
    if index is not None and set(keys) <= set(index.keys.tolist()):
        # works that left are not answered for; their rows go when features are made again
        if keep and len(index.keys) > len(set(keys)):
            index = None
        else:
            return index.of_works(keys)
    store.require_rows(keys)
    phi = references.load(painted).phi
    made = None if index is None else _grown(index, store, keys, method, phi)
    if made is None:
        left = departed_rows(store, keys)
        made = build_index(method, works_of(store, keys), phi, sources, rule, keys, left)
    if keep and method.kernel != "identity":  # the others are their features, and need no keeping
        save_index(made, folder)
    return made.of_works(keys)


def works_of(store: FeatureStore, keys: Sequence[int]) -> Works:
    def read(start: int, stop: int) -> Features:
        return store.load(keys[start:stop])

    return Works(len(keys), store.load(keys[:1]).phi.shape[1], read)


def _grown(
    index: Index, store: FeatureStore, keys: Sequence[int], method: Method, references: Tensor
) -> Index | None:
    """The index with the works that joined, where all it knows are still there; else None."""
    fitted = index.keys[: sum(map(len, index.rows))].tolist()
    known, present = set(fitted), set(keys)
    new = [key for key in dict.fromkeys(keys) if key not in known]
    if not known <= present or not can_grow(method, len(fitted), len(new)):
        return None
    works = works_of(store, fitted)
    left = index.departed
    kernel = (works if left is None else works.with_rows(left.phi)).kernel()
    return grown(index, kernel, works, works_of(store, new), new, references)
