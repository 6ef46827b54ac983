"""A collection as it was at one moment, with all that answers about it need.

In: a model and a collection. Out: featurizers, indices, the trust line, each opened when it is
first needed and then kept, whichever thread asks. Nothing in it changes when the collection on the
disk does: then there is another snapshot. Works on no picture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import TypeVar

import torch
from torch import Tensor

from core.attribution.calibration.artist_null import ArtistNull
from core.attribution.calibration.attributable import Attributable
from core.attribution.calibration.calibrate import (
    load_attributable,
    load_trust,
    make_null,
    ownership_of,
)
from core.attribution.calibration.trust import Familiarity, Trust
from core.attribution.features.featurizer import Featurizer
from core.attribution.features.quantization import Packed
from core.attribution.features.shards import keys_of_works
from core.attribution.features.spec import DEFAULT, FeatureSpec
from core.attribution.features.store import HEADER, FeatureStore, features_directory
from core.attribution.methods import D_TRAK, METHODS, Method, method
from core.attribution.scoring.index import HEAD, Index, Vector
from core.attribution.scoring.influence import Ownership
from core.attribution.scoring.nearest import Gallery
from core.attribution.scoring.works_index import make_index
from core.collection.types import LONGEST_PROMPT, Collection
from core.diffusion.protocol import DiffusionModel
from core.errors import StoreError, UsageError

T = TypeVar("T")
SpreadIndex = Callable[[Index, Path], Index]  # an index and where it is kept -> the same, elsewhere
LOOKS = 20  # at files that change while they are opened, before what they gave is taken as it is


@dataclass(frozen=True, eq=False)
class _Features:
    """What is kept of one directory of features."""

    featurizer: Featurizer
    trust: Familiarity | None
    attributable: Attributable | None


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What can be said of a collection and its default method, of one moment.

    `added`: works that joined the index after its kernel was fitted.
    """

    collection: Collection
    spec: FeatureSpec
    lambda_: float
    added: int
    methods_available: tuple[str, ...]


class Snapshot:
    """`collection` and everything opened for it. Safe to ask from several threads."""

    def __init__(
        self, model: DiffusionModel, collection: Collection, spread: SpreadIndex | None = None
    ) -> None:
        self.model = model
        self.collection = collection
        self._spread = spread
        self._opening = RLock()
        self._features: dict[str, _Features] = {}
        self._indices: dict[str, Index] = {}
        self._owners: dict[str, Ownership] = {}
        self._nulls: dict[str, ArtistNull] = {}
        self._phi: Packed | None = None  # of every row of the default method's index

    def require_style(self, style: str) -> None:
        """Raise `UsageError` for a class that the collection does not have, or for a prompt that is
        none."""
        if self.collection.by_caption and not self.collection.knows(style):
            raise UsageError(
                f"A prompt has 1 to {LONGEST_PROMPT} letters, this one {len(style.strip())}. Write "
                "what the picture is to show."
            )
        if not self.collection.knows(style):
            raise UsageError(
                f"The collection '{self.collection.name}' has no class '{style}'. "
                f"Choose one of: {', '.join(self.collection.styles)}."
            )

    @property
    def facts(self) -> Facts:
        """Of these works, all at once."""
        index = self.index(method(D_TRAK))
        return Facts(
            collection=self.collection,
            spec=self.spec,
            lambda_=index.lambda_,
            added=0 if index.added is None else len(index.added.rows),
            methods_available=self.methods_available,
        )

    @property
    def methods_available(self) -> tuple[str, ...]:
        """The methods whose features this collection has."""
        return tuple(
            row.name
            for row in METHODS.values()
            if row.served and (self._directory(row.features) / HEADER).is_file()
        )

    @property
    def spec(self) -> FeatureSpec:
        """The default features' spec."""
        return self.featurizer(DEFAULT).spec

    def featurizer(self, name: str) -> Featurizer:
        """Makes queries' vectors like the works' of `features/<name>`.

        Raises `StoreError` where there are none, or of another model.
        """
        return self._opened(name).featurizer

    def index(self, row: Method) -> Index:
        """A method's index. Raises `UsageError` where it needs what is not there."""
        if not row.served:
            raise UsageError(
                f"The method '{row.name}' cannot be answered from one model and one picture: it "
                f"needs {row.needs}. Compare it with `python -m app evaluate lds`."
            )
        with self._opening:
            if row.name not in self._indices:
                try:
                    self._opened(row.features)
                except StoreError as error:
                    if row.name == D_TRAK:
                        raise
                    raise UsageError(
                        f"The method '{row.name}' needs the features '{row.features}': "
                        f"{error.message}"
                    ) from error
                self._indices[row.name] = self._settled(row, lambda: self._make_index(row))
            return self._indices[row.name]

    def leverage(self, query: Tensor) -> float:
        """How far a query's default feature `[k]` lies in what the kernel knows, works that left
        included: q' (Phi'Phi + lambda I)^-1 q."""
        with self._opening:
            index, phi = self.index(method(D_TRAK)), self._phi
        assert phi is not None
        return index.leverage(query, phi)

    def trust(self, loss: float, leverage: float) -> Trust:
        """The verdict on a query."""
        line = self._opened(DEFAULT).trust
        assert line is not None
        return line.trust(loss, leverage)

    @property
    def attributable(self) -> Attributable | None:
        """What says how much of a query is owed to the collection; None in features of before."""
        return self._opened(DEFAULT).attributable

    def ownership(self, row: Method) -> Ownership:
        """Whose each work is, near-copies joined by a method's features."""
        with self._opening:
            if row.name not in self._owners:
                directory = self._directory(row.features)
                self._owners[row.name] = self._settled(
                    row, lambda: ownership_of(self.collection, directory)
                )
            return self._owners[row.name]

    def artists(
        self, row: Method, parts: Vector, departed: float = 0.0
    ) -> dict[str, tuple[float, float]]:
        """Artist -> influence by the works' `parts [n]`, and how often an artist who did not shape
        a picture has as much of it; `departed`: the influence of works that left."""
        owners, index = self.ownership(row), self.index(row)
        with self._opening:
            if row.name not in self._nulls:
                directory = self._directory(row.features)
                self._nulls[row.name] = self._settled(
                    row, lambda: make_null(self.collection, directory, index, owners)
                )
            null = self._nulls[row.name]
        sums = owners.sums(parts)
        rows = zip(
            owners.artists, sums.tolist(), null.chances(sums, departed).tolist(), strict=True
        )
        return {artist: (influence, chance) for artist, influence, chance in rows}

    @cached_property
    def gallery(self) -> Gallery:
        """The works by their latents."""
        store = self._store("latents")
        latents = store.load(keys_of_works(self.collection, store.header.spec)).phi
        return Gallery(torch.nn.functional.normalize(latents, dim=1))

    def _directory(self, name: str) -> Path:
        return features_directory(self.collection, name)

    def _store(self, name: str) -> FeatureStore:
        store = FeatureStore.open(self._directory(name))
        store.require(self.model.digest)
        return store

    def _opened(self, name: str) -> _Features:
        with self._opening:
            if name not in self._features:
                self._features[name] = self._read_features(name)
            return self._features[name]

    def _read_features(self, name: str) -> _Features:
        store = self._store(name)
        trust, attributable = None, None
        if name == DEFAULT:
            trust = load_trust(store.directory)
            attributable = load_attributable(store.directory)
        return _Features(Featurizer(self.model, store.header.spec), trust, attributable)

    def _make_index(self, row: Method) -> Index:
        directory = self._directory(row.features)
        index = make_index(self.collection, directory, row)
        if row.name == D_TRAK:  # read with it: a row that leaves the store later is here
            phi = self._store(DEFAULT).packed(index.keys_as_they_lie.tolist())
            self._phi = phi.to(self.model.device)
            # and so is the line by which what these rows explain becomes what is owed
            self._features[DEFAULT] = self._read_features(DEFAULT)
        kept = directory / "index" / row.name
        if self._spread is not None and (kept / HEAD).is_file():
            index = self._spread(index, kept)
        return index.to(self.model.device)

    def _settled(self, row: Method, opened: Callable[[], T]) -> T:
        """What `opened` gives of files that another process may be writing: it is opened again as
        long as they change meanwhile."""
        for look in range(LOOKS):
            before = self._state(row)
            try:
                value = opened()
            except StoreError:
                if self._state(row) == before or look + 1 == LOOKS:
                    raise
            else:
                if self._state(row) == before:
                    break
        return value

    def _state(self, row: Method) -> list[tuple[str, int, int]]:
        """Which files a method is made from, and when they were written."""
        directory, state = self._directory(row.features), []
        for path in (*directory.glob("*"), *directory.glob(f"index/{row.name}/*")):
            try:
                about = path.stat()
            except FileNotFoundError:
                continue  # it leaves at this moment: the next look shows it
            if not path.name.startswith("."):
                state.append((str(path), about.st_mtime_ns, about.st_ino))
        return sorted(state)
