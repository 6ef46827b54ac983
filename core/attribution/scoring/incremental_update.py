"""Works that join an index after its kernel was fitted: an exact low-rank update, no rebuilding.

With A = Phi'Phi + lambda I of the fitted works and Psi the features of the new ones, Woodbury gives
for A' = A + Psi'Psi:  Psi A'^-1 = (I + Psi A^-1 Psi')^-1 Psi A^-1,  the new works' rows, and
Phi A'^-1 q = Phi A^-1 q - (Phi A^-1 Psi') (Psi A'^-1 q),  what they take off the others' scores.
Lambda stays what it was until the kernel is fitted anew.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from core.attribution.features.quantization import Packed
from core.attribution.methods import Method
from core.attribution.scoring.index import Added, Index, Works, with_null
from core.attribution.scoring.kernel import Kernel, Matrix
from core.errors import UsageError

MOST_ADDED = 0.1  # of the fitted works; beyond, fitting anew is due


def can_grow(method: Method, fitted: int, added: int) -> bool:
    """Whether so many new works are added to an index instead of fitting it anew.

    Methods that weigh works by leverage or length change every row: they are always made anew.
    """
    plain = method.kernel == "ridge" and method.works_scale == method.query_scale == "none"
    plain = plain and not method.squared
    return plain and added <= MOST_ADDED * fitted


def grown(
    index: Index,
    kernel: Kernel,
    fitted: Works,
    new: Works,
    keys: Sequence[int],
    references: Tensor,
) -> Index:
    """`index` of the `fitted` works with all of the `new` ones (`keys [m]`) added.

    `kernel` is that of the fitted works alone: whatever was added before is added again. Raises
    `UsageError` for a method without rows of a ridge.
    """
    if index.squared or not index.lambda_ > 0:
        raise UsageError(f"An index of '{index.method}' cannot grow: make it anew.")
    psi = new.read(0, new.count).phi.double().numpy()
    solved = kernel.solve(psi, index.lambda_)
    own = psi @ solved.T
    inner = np.linalg.inv(np.eye(len(psi)) + own)
    correction = np.concatenate([phi @ solved.T for phi in _tables(fitted)])
    taken = np.einsum("nm,ml,nl->n", correction, inner, correction)
    first = np.concatenate(
        [part.self_influence(index.lambda_) for part in kernel.parts(_tables(fitted))]
    )
    rows = Packed.of(torch.from_numpy(inner @ solved), "int8")
    bigger = replace(
        index,
        added=Added(rows, torch.from_numpy(correction).float()),
        keys=np.concatenate([index.keys[: fitted.count], np.asarray(keys, dtype=np.int64)]),
        self_influence=np.concatenate([first - taken, np.diag(inner @ own)]),
    )
    return with_null(bigger, references)


def shrunk(index: Index, keys: Container[int]) -> Index:
    """`index` without the rows of these works; the kernel, which the model learnt, stays.

    Raises `UsageError` where that leaves nothing, or where works were added: their rows correct
    the others.
    """
    if index.added is not None:
        raise UsageError(f"The index of '{index.method}' has grown: make it anew.")
    kept = np.array([key not in keys for key in index.keys.tolist()])
    places, parts, start = np.flatnonzero(kept), [], 0
    for part in index.packed:
        own = torch.from_numpy(np.flatnonzero(kept[start : start + len(part)]))
        start += len(part)
        if len(own):
            parts.append(part if len(own) == len(part) else part.of_rows(own))
    if not parts:
        raise UsageError(f"Nothing would be left of the index of '{index.method}': make it anew.")
    return replace(
        index, rows=tuple(parts), keys=index.keys[places],
        self_influence=index.self_influence[places], null_mean=index.null_mean[places],
        null_spread=index.null_spread[places],
    )  # fmt: skip


def _tables(works: Works) -> Iterator[Matrix]:
    return (block.phi.double().numpy() for block in works.blocks())
