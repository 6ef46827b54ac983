"""An index: for one method, every work's row W, ready to score a query in one product.

In: features of the works and of reference queries. Out: scores, z against the null, sums an
artist, self-influence. Knows no model and no picture.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor

from core.attribution.kernel import DEFAULT_RULE, LambdaRule
from core.attribution.methods import Method
from core.attribution.packing import pack, unpack
from core.attribution.scoring import Scorer
from core.attribution.store import checksum, read_tensors
from core.diffusion.weights import save_tensors
from core.errors import StoreError, UsageError

Vector = NDArray[np.float64]
FILE = "index.safetensors"


@dataclass(frozen=True, eq=False)
class Index:
    """`weights [n, k]` float32 on the serving device; per work: self-influence and null `[n]`.

    `unit`: queries are brought to length one; `squared`: products are squared (DAS). `lambda_` is
    0 for methods without a ridge. `sources` names the digests it was made from.
    """

    method: str
    unit: bool
    squared: bool
    lambda_: float
    weights: Tensor
    self_influence: Vector
    null_mean: Vector
    null_spread: Vector
    sources: str

    def to(self, device: torch.device) -> Index:
        """The same index with its rows on `device`."""
        values = {**self.__dict__, "weights": self.weights.to(device)}
        return Index(**values)

    def scores(self, query: Tensor) -> Vector:
        """A query's feature `[k]` -> its score against every work, `[n]`; positive: proponent."""
        vector = query.to(self.weights)
        if self.unit:
            vector = vector / vector.norm().clamp_min(1e-30)
        found: Vector = (self.weights @ vector).double().cpu().numpy()
        return found**2 if self.squared else found

    def z(self, scores: Vector) -> Vector:
        """How far each score stands above that work's usual score, in its own spread. `[n]`."""
        return (scores - self.null_mean) / self.null_spread


@dataclass(frozen=True, eq=False)
class ArtistRows:
    """`rows [a, k]`: each artist's sum of the index's rows, so that sums an artist are exact."""

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
        rows = torch.zeros(len(artists), index.weights.shape[1], dtype=torch.float64)
        rows.index_add_(0, belongs, index.weights.double().cpu())
        return cls(artists, rows)

    def sums(self, query: Tensor) -> dict[str, float]:
        """Artist -> the sum of the query's scores against their works (query already unit)."""
        totals = self.rows @ query.double().cpu()
        return dict(zip(self.artists, totals.tolist(), strict=True))


def build_index(
    method: Method,
    works: Tensor,
    references: Tensor,
    sources: str,
    rule: LambdaRule = DEFAULT_RULE,
    losses: Tensor | None = None,
) -> Index:
    """From features of the works `[n, k]` and of reference queries `[m, k]`.

    `losses [n]`, each work's L_Simple, are needed where a method weighs works by their residuals.

    The null of a work is the mean and standard deviation of its scores over the references. The
    rows are kept as int8 with a scale each, and every later number is computed from those.
    """
    scorer = Scorer(
        method, works.double().numpy(), None if losses is None else losses.double().sqrt().numpy()
    )
    lambda_ = scorer.chosen(rule)
    rows = unpack(pack(torch.from_numpy(scorer.rows(lambda_)), "int8"))
    count = len(works)
    plain = Index(
        method.name, method.query_scale == "unit", method.kernel == "leverage", lambda_ or 0.0,
        rows, scorer.self_influence(lambda_), np.zeros(count), np.ones(count), sources,
    )  # fmt: skip
    null = np.stack([plain.scores(reference) for reference in references])
    spread = np.maximum(null.std(axis=0, ddof=1), 1e-30)
    return Index(**{**plain.__dict__, "null_mean": null.mean(axis=0), "null_spread": spread})


def save_index(index: Index, directory: Path) -> None:
    """One safetensors file: int8 rows with scales, null, self-influence, digests."""
    tensors = {
        **pack(index.weights, "int8"),
        "self_influence": torch.from_numpy(index.self_influence),
        "null_mean": torch.from_numpy(index.null_mean),
        "null_spread": torch.from_numpy(index.null_spread),
    }
    about = {
        "method": index.method, "unit": index.unit, "squared": index.squared,
        "lambda": index.lambda_, "sources": index.sources,
    }  # fmt: skip
    marks = {"about": json.dumps(about, sort_keys=True), "checksum": checksum(tensors)}
    save_tensors(directory / FILE, tensors, marks)


def load_index(directory: Path, sources: str) -> Index:
    """Read it back; one made from other features, model or works is refused by name."""
    remedy = "Make it again with `python -m app featurize`."
    try:
        tensors, marks = read_tensors(directory / FILE)
        about: dict[str, Any] = json.loads(marks["about"])
    except FileNotFoundError as error:
        raise StoreError(f"There is no index '{directory.name}' yet. {remedy}") from error
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise StoreError(
            f"The index '{directory.name}' is truncated or damaged. {remedy}"
        ) from error
    if marks.get("checksum") != checksum(tensors):
        raise StoreError(f"The index '{directory.name}' was changed after it was written. {remedy}")
    if about["sources"] != sources:
        raise StoreError(
            f"The index '{directory.name}' was made from other features (digest "
            f"{str(about['sources'])[:12]}, and here it is {sources[:12]}). {remedy}"
        )
    return Index(
        about["method"], about["unit"], about.get("squared", False), about["lambda"],
        unpack(tensors),
        tensors["self_influence"].numpy(), tensors["null_mean"].numpy(),
        tensors["null_spread"].numpy(), about["sources"],
    )  # fmt: skip
