"""An index: for one method, every work's row W, ready to score a query in one product.

In: features of the works and of reference queries. Out: scores, z against the null, sums per
artist, self-influence. The rows lie in whole files that are mapped, not read; works that came
later stand in a file of their own, and so does what the kernel keeps of works that left. Knows no
model and no picture.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor

from core.attribution.features.batch_size import free_bytes
from core.attribution.features.featurizer import Features
from core.attribution.features.quantization import Packed, Rows
from core.attribution.features.store import checksum
from core.attribution.methods import Method, method
from core.attribution.scoring.kernel import Kernel
from core.attribution.scoring.ridge import DEFAULT_RULE, LambdaRule
from core.attribution.scoring.scorer import Scorer
from core.diffusion.tensors import float64_device, read_tensors, save_tensors, undamaged
from core.errors import StoreError, UsageError

Vector = NDArray[np.float64]
HEAD = "index.safetensors"
ROWS = "rows-{:05d}.safetensors"
ADDED = "added.safetensors"
DEPARTED = "departed.safetensors"
KERNELS_HELD = 3  # Gram matrix, eigenvectors, and the room to find them
BLOCK = 16_384  # works whose features are in memory at a time while an index is made


@dataclass(frozen=True, eq=False)
class Works:
    """Features that are read when they are needed: `read(start, stop)` gives rows of n x k."""

    count: int
    dimension: int
    read: Callable[[int, int], Features]

    @classmethod
    def of(cls, phi: Tensor, losses: Tensor | None = None) -> Works:
        """Features that are in memory, `phi [n, k]` and `losses [n]`."""
        kept = torch.zeros(len(phi), dtype=torch.float64) if losses is None else losses
        return cls(len(phi), phi.shape[1], lambda a, b: Features(phi[a:b], kept[a:b]))

    def blocks(self) -> Iterator[Features]:
        """All of them, `BLOCK` at a time."""
        for start in range(0, self.count, BLOCK):
            yield self.read(start, min(start + BLOCK, self.count))

    def with_rows(self, phi: Tensor) -> Works:
        """These works and then the rows `phi [d, k]` of works that are known no other way."""
        count, losses = self.count, torch.zeros(len(phi), dtype=torch.float64)

        def read(start: int, stop: int) -> Features:
            own = slice(max(0, start - count), max(0, stop - count))
            parts = [Features(phi[own], losses[own])]
            if start < count:
                parts.insert(0, self.read(start, min(stop, count)))
            return Features(
                torch.cat([part.phi for part in parts]), torch.cat([part.losses for part in parts])
            )

        return Works(count + len(phi), self.dimension, read)

    def kernel(self) -> Kernel:
        """The kernel of all works, without holding all of them where n > k.

        Raises `UsageError` where its side, min(n, k), is too large for this machine's memory.
        """
        side = min(self.count, self.dimension)
        needed, free = KERNELS_HELD * 8 * side**2, free_bytes(torch.device("cpu"))
        if needed > free:
            raise UsageError(
                f"A kernel of {side:,} x {side:,} takes about {needed / 1e9:.0f} GB, and "
                f"{free / 1e9:.0f} GB are free. Make features with --dimension "
                f"{2 ** int(math.log2(math.sqrt(free / 8 / KERNELS_HELD)))} or fewer."
            )
        if self.count <= self.dimension:
            return Kernel.fit(self.read(0, self.count).phi.double().numpy())
        return Kernel.of_blocks(block.phi.double().numpy() for block in self.blocks())


@dataclass(frozen=True, eq=False)
class Added:
    """Works that came after the kernel was fitted: their rows, and what they take off the others.

    `rows [m, k]`; `correction [n, m]`: an earlier work's score falls by `correction @ (rows @ q)`.
    """

    rows: Packed
    correction: Tensor


@dataclass(frozen=True, eq=False)
class Departed:
    """What a kernel keeps of works that left, since the model has learnt them: `phi [d, k]` and
    `rows = phi A^-1 [d, k]`, float32, with A = Phi'Phi + lambda I of all works that were fitted.

    Only their sums phi' phi and phi' rows have a meaning: no row is the feature of one work, unless
    one work alone has left. d <= k.
    """

    phi: Tensor
    rows: Tensor

    @classmethod
    def of(cls, phi: Tensor, rows: Tensor) -> Departed:
        """Features and kernel rows of works, `[m, k]` each, turned into rows of no work alone."""
        turned = outer_sum(phi)
        return cls((turned @ phi.double()).float(), (turned @ rows.double()).float())

    def joined(self, other: Departed) -> Departed:
        """What two departures leave behind together."""
        return Departed.of(torch.cat([self.phi, other.phi]), torch.cat([self.rows, other.rows]))

    def fitted(self, query: Tensor) -> float:
        """Sum over the works that left of (phi q)(rows q), for a query `[k]`."""
        vector = query.detach().cpu().double()
        return float((self.phi.double() @ vector) @ (self.rows.double() @ vector))

    def influence(self, query: Tensor) -> float:
        """Sum over the works that left of their squared scores, opponents' too: of single works
        nothing is known any more, and a rotation keeps this sum."""
        return float((self.rows.double() @ query.detach().cpu().double()).square().sum())


def outer_sum(phi: Tensor) -> Tensor:
    """The rotation `[d, m]` that keeps phi' phi of `phi [m, k]` in d = min(m, k) orthogonal
    rows."""
    rows = phi.double()
    _, directions = torch.linalg.eigh(rows @ rows.T)
    kept: Tensor = directions.flip(1)[:, : rows.shape[1]].T
    return kept


@dataclass(frozen=True, kw_only=True, eq=False)
class Index:
    """`rows`: W `[n, k]` in one or several parts; per work: key, self-influence and null `[n + m]`.

    `unit`: queries are brought to length one; `squared`: products are squared (DAS). `lambda_` is
    0 for methods without a ridge. `sources` names the digests it was made from. `places`: the order
    in which works are answered for (None: as they lie), and `lying`: the keys of the rows as they
    lie. `departed`: of works that the kernel knows and nobody is answered for.
    """

    method: str
    unit: bool
    squared: bool
    lambda_: float
    rows: tuple[Rows, ...]
    added: Added | None
    keys: NDArray[np.int64]
    self_influence: Vector
    null_mean: Vector
    null_spread: Vector
    sources: str
    places: NDArray[np.int64] | None = None
    lying: NDArray[np.int64] | None = None
    departed: Departed | None = None

    def __len__(self) -> int:
        return len(self.self_influence)

    def to(self, device: torch.device) -> Index:
        """The same index with its rows on `device`, where that has float64."""
        added = self.added
        if added is not None:
            added = Added(added.rows.to(device), added.correction.to(float64_device(device)))
        return replace(self, rows=tuple(part.to(device) for part in self.rows), added=added)

    def of_works(self, keys: Sequence[int]) -> Index:
        """Answering for these works alone, in this order; the rows stay where they lie.

        Raises `StoreError` where one of them has no row.
        """
        assert self.places is None
        requested = np.asarray(keys, dtype=np.int64)
        if np.array_equal(requested, self.keys):
            return self
        order = np.argsort(self.keys, kind="stable")
        hits = np.searchsorted(self.keys, requested, sorter=order)
        places = order[np.minimum(hits, len(order) - 1)]
        missing = int((self.keys[places] != requested).sum())
        if missing:
            raise StoreError(
                f"The index '{self.method}' lacks {missing} of {len(requested)} works. "
                "Run `python -m app featurize`: only what is missing is made."
            )
        return replace(
            self,
            keys=requested,
            places=places,
            lying=self.keys,
            self_influence=self.self_influence[places],
            null_mean=self.null_mean[places],
            null_spread=self.null_spread[places],
        )

    @property
    def own_leverage(self) -> Vector | None:
        """Each work's leverage `[n]` where a plain ridge fits them; None where scores simply add
        up, or are scaled so that a work's influence on itself is no leverage."""
        return self.self_influence if method(self.method).plain_ridge else None

    def scaled_query(self, query: Tensor) -> Tensor:
        """A query's feature `[k]` as the rows meet it."""
        vector = query.float()
        return vector / vector.norm().clamp_min(1e-30) if self.unit else vector

    @property
    def packed(self) -> tuple[Packed, ...]:
        """The rows, where they lie in this process. Raises `UsageError` where they do not."""
        here = tuple(part for part in self.rows if isinstance(part, Packed))
        if len(here) != len(self.rows):
            raise UsageError(f"The rows of '{self.method}' lie in other processes: read the index.")
        return here

    @property
    def keys_as_they_lie(self) -> NDArray[np.int64]:
        """The key of every row, those of works that are not answered for too."""
        return self.keys if self.lying is None else self.lying

    def products(self, query: Tensor) -> Vector:
        """W phi(x) for every work, `[n]`."""
        products = self.products_as_they_lie(query)
        return products if self.places is None else products[self.places]

    def products_as_they_lie(self, query: Tensor) -> Vector:
        """The same for every row, in the order of `keys_as_they_lie`."""
        vector = self.scaled_query(query)
        total = torch.cat([part.products(vector) for part in self.rows])
        if self.added is not None:
            later = self.added.rows.products(vector)
            total = torch.cat([total - self.added.correction.double() @ later, later])
        products: Vector = total.cpu().numpy()
        return products

    def leverage(self, query: Tensor, phi: Rows) -> float:
        """q' A^-1 q = (|q|^2 - (Phi q) . (W q)) / lambda, for a query's feature `[k]`.

        The sums go over everything that the kernel knows, whether it is still answered for or not:
        `phi` holds the features of `keys_as_they_lie`. For plain ridges, W = Phi A^-1, alone.
        """
        fitted = float(phi.products(query).cpu().numpy() @ self.products_as_they_lie(query))
        if self.departed is not None:
            fitted += self.departed.fitted(query)
        vector = query.detach().cpu().double()
        return max(0.0, (float(vector @ vector) - fitted) / self.lambda_)

    def explained(self, query: Tensor, leverage: float) -> float:
        """q'Hq / |q|^2 = 1 - lambda leverage / |q|^2: how much of a query's feature `[k]` the hat
        matrix H of the works keeps, in [0, 1]."""
        vector = query.detach().cpu().double()
        length = float(vector @ vector)
        return min(1.0, max(0.0, 1.0 - self.lambda_ * leverage / length)) if length else 0.0

    def departed_influence(self, query: Tensor) -> float:
        """What works that left have of a query, as `influence` counts it: squared scores, also of
        those whose rows still lie here. Known of plain ridges, 0 for all others."""
        if not method(self.method).plain_ridge:
            return 0.0
        gone = 0.0 if self.departed is None else self.departed.influence(query)
        if self.places is not None:
            products = np.delete(self.products_as_they_lie(query), self.places)
            gone += float(np.square(products).sum())
        return gone

    def scores(self, query: Tensor) -> Vector:
        """A query's feature `[k]` -> its score against every work, `[n]`; positive: proponent."""
        products = self.products(query)
        return products**2 if self.squared else products

    def z(self, scores: Vector) -> Vector:
        """How far each score stands above that work's usual score, in its own spread. `[n]`."""
        return (scores - self.null_mean) / self.null_spread


@dataclass(frozen=True, eq=False)
class ArtistRows:
    """`rows [a, k]`: each artist's sum of the index's rows, so that sums per artist are exact."""

    artists: tuple[str, ...]
    rows: Tensor

    @classmethod
    def of(cls, index: Index, artist_ids: Sequence[str]) -> ArtistRows:
        """Sum the rows of each artist's works, in float64. Raises `UsageError` for squares."""
        if index.squared:
            raise UsageError(f"'{index.method}' squares each score: an artist's sum has no row.")
        artists = tuple(sorted(set(artist_ids)))
        place = {artist: number for number, artist in enumerate(artists)}
        belongs = torch.tensor([place[artist] for artist in artist_ids])
        lying = sum(map(len, index.rows)) + (len(index.added.rows) if index.added else 0)
        where = torch.arange(lying) if index.places is None else torch.from_numpy(index.places)
        # a work that is not answered for belongs to one more artist, who is left out at the end
        owner = torch.full((lying,), len(artists)).index_copy_(0, where, belongs)
        rows = torch.zeros(len(artists) + 1, index.packed[0].dimension, dtype=torch.float64)
        start = 0
        for part in index.packed:
            for begin in range(0, len(part), BLOCK):
                block = part.floats(begin, begin + BLOCK).double().cpu()
                rows.index_add_(0, owner[start : start + len(block)], block)
                start += len(block)
        if index.added is not None:
            later = index.added.rows.floats().double().cpu()
            taken = torch.zeros(len(artists) + 1, len(later), dtype=torch.float64)
            taken.index_add_(0, owner[:start], index.added.correction.double().cpu())
            rows.index_add_(0, owner[start:], later)
            rows -= taken @ later
        return cls(artists, rows[:-1])

    def sums(self, query: Tensor) -> dict[str, float]:
        """Artist -> the sum of the query's scores against their works (query already unit)."""
        totals = self.rows @ query.double().cpu()
        return dict(zip(self.artists, totals.tolist(), strict=True))


def build_index(
    method: Method,
    works: Works,
    references: Tensor,
    sources: str,
    rule: LambdaRule = DEFAULT_RULE,
    keys: Sequence[int] | None = None,
    departed: Tensor | None = None,
) -> Index:
    """From features of the works and of reference queries `[m, k]`, and of works that left and are
    still part of the kernel, `departed [d, k]`.

    The null of a work is the mean and standard deviation of its scores over the references. The
    rows are kept as int8 with a scale each, and every later number is computed from those.
    """
    ridge = method.kernel in ("ridge", "leverage")
    fitted = works if departed is None else works.with_rows(departed)
    kernel = fitted.kernel() if ridge else None
    lambda_ = kernel.lambda_(rule) if kernel is not None else None
    count = works.count
    parts, own = [], []
    for block in _fitted_blocks(works, fitted, kernel):
        phi, residuals = block.phi.double().numpy(), block.losses.double().sqrt().numpy()
        scorer = Scorer(method, phi, residuals, None if kernel is None else kernel.over(phi))
        parts.append(Packed.of(torch.from_numpy(scorer.rows(lambda_)[:count]), "int8"))
        own.append(scorer.self_influence(lambda_)[:count])
    left = None
    if departed is not None and kernel is not None and method.plain_ridge:
        assert lambda_ is not None
        rows = kernel.solve(departed.double().numpy(), lambda_)
        left = Departed.of(departed, torch.from_numpy(rows))
    named = np.arange(count, dtype=np.int64) if keys is None else np.asarray(keys, dtype=np.int64)
    plain = Index(
        method=method.name,
        unit=method.query_scale == "unit",
        squared=method.squared,
        lambda_=lambda_ or 0.0,
        rows=tuple(parts),
        added=None,
        keys=named,
        self_influence=np.concatenate(own),
        null_mean=np.zeros(count),
        null_spread=np.ones(count),
        sources=sources,
        departed=left,
    )
    return with_null(plain, references)


def _fitted_blocks(works: Works, fitted: Works, kernel: Kernel | None) -> Iterator[Features]:
    """A dual kernel's rows need all that was fitted at once (it is little then); others go by
    blocks."""
    if kernel is not None and kernel.dual:
        return iter([fitted.read(0, fitted.count)])
    return works.blocks()


def with_null(index: Index, references: Tensor) -> Index:
    """The same index with its null from reference queries `[m, k]`: per work, the mean and standard
    deviation of its scores over them.
    """
    null = np.stack([index.scores(reference) for reference in references])
    spread = np.maximum(null.std(axis=0, ddof=1), 1e-30)
    return replace(index, null_mean=null.mean(axis=0), null_spread=spread)


def save_index(index: Index, directory: Path) -> None:
    """int8 rows with scales in files of their own, then the head that names them.

    The head comes last: what it does not name is not part of the index.
    """
    named = {}
    for number, part in enumerate(index.packed):
        named[ROWS.format(number)] = _save(directory / ROWS.format(number), part.tensors())
    if index.added is not None:
        tensors = {**index.added.rows.tensors(), "correction": index.added.correction}
        named[ADDED] = _save(directory / ADDED, tensors)
    tensors = {
        "keys": torch.from_numpy(index.keys),
        "self_influence": torch.from_numpy(index.self_influence),
        "null_mean": torch.from_numpy(index.null_mean),
        "null_spread": torch.from_numpy(index.null_spread),
    }
    about = {
        "method": index.method,
        "unit": index.unit,
        "squared": index.squared,
        "lambda": index.lambda_,
        "sources": index.sources,
        "files": named,
    }
    kept = {HEAD, *named}
    if index.departed is not None:  # beside `files`, which are the rows of works
        left = {"phi": index.departed.phi, "rows": index.departed.rows}
        about["departed"] = _save(directory / DEPARTED, left)
        kept.add(DEPARTED)
    marks = {"about": json.dumps(about, sort_keys=True), "checksum": checksum(tensors)}
    save_tensors(directory / HEAD, tensors, marks)
    for path in directory.glob("*.safetensors"):
        if path.name not in kept:
            path.unlink()


def _save(path: Path, tensors: dict[str, Tensor]) -> str:
    mark = checksum(tensors)
    if not _holds(path, mark):
        save_tensors(path, tensors, {"checksum": mark})
    return mark


def _holds(path: Path, mark: str) -> bool:
    """Whether these very numbers are there already, undamaged: then the file stays untouched."""
    try:
        return checksum(read_tensors(path)[0]) == mark
    except (SafetensorError, OSError, ValueError):
        return False


def load_index(directory: Path, sources: str | None = None) -> Index:
    """Read it back, its rows mapped.

    Raises `StoreError` where there is none, where it is damaged, and where it was made from other
    `sources`, naming both digests.
    """
    remedy = "Make it again with `python -m app featurize`."
    tensors, marks = _read(directory, HEAD)
    try:
        about: dict[str, Any] = json.loads(marks["about"])
        files = about["files"]
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"The index '{directory.name}' was made by another version of this program. {remedy}"
        ) from error
    if sources not in (None, about["sources"]):
        raise StoreError(
            f"The index '{directory.name}' was made from other features (digest "
            f"{str(about['sources'])[:12]}, and here it is {str(sources)[:12]}). {remedy}"
        )
    tables = {name: _read(directory, name, mark)[0] for name, mark in files.items()}
    added = tables.pop(ADDED, None)
    left = None
    if "departed" in about:
        left = Departed(**_read(directory, DEPARTED, about["departed"])[0])
    return Index(
        method=about["method"],
        unit=about["unit"],
        squared=about["squared"],
        lambda_=about["lambda"],
        rows=tuple(Packed.read(tables[name]) for name in sorted(tables)),
        added=None if added is None else Added(Packed.read(added), added["correction"]),
        keys=tensors["keys"].numpy(),
        self_influence=tensors["self_influence"].numpy(),
        null_mean=tensors["null_mean"].numpy(),
        null_spread=tensors["null_spread"].numpy(),
        sources=about["sources"],
        departed=left,
    )


def kept_lambda(directory: Path) -> float:
    """The ridge of a kept index, from its head alone. Raises `StoreError` where there is none."""
    try:
        return float(json.loads(_read(directory, HEAD)[1]["about"])["lambda"])
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"The index '{directory.name}' was made by another version of this program. "
            "Make it again with `python -m app featurize`."
        ) from error


def _read(
    directory: Path, name: str, mark: str | None = None
) -> tuple[dict[str, Tensor], dict[str, str]]:
    remedy = "Make it again with `python -m app featurize`."
    try:
        tensors, marks = undamaged(
            lambda: read_tensors(directory / name),
            f"The index '{directory.name}'",
            remedy,
            StoreError,
        )
    except FileNotFoundError as error:
        raise StoreError(f"There is no index '{directory.name}' yet. {remedy}") from error
    digest = checksum(tensors)
    if marks.get("checksum") != digest or mark not in (None, digest):
        raise StoreError(f"The index '{directory.name}' was changed after it was written. {remedy}")
    return tensors, marks
