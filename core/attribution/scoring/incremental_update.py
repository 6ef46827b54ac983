"""Works that join an index after its kernel was fitted, or leave it: no rebuilding.

With A = Phi'Phi + lambda I of the fitted works and Psi the features of the new ones, Woodbury gives
for A' = A + Psi'Psi:  Psi A'^-1 = (I + Psi A^-1 Psi')^-1 Psi A^-1,  the new works' rows, and
Phi A'^-1 q = Phi A^-1 q - (Phi A^-1 Psi') (Psi A'^-1 q),  what they take off the others' scores.
Lambda stays what it was until the kernel is fitted again. A work that leaves is no longer answered
for; the kernel keeps it, as the model does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from core.attribution.features.quantization import Packed
from core.attribution.methods import Method, method
from core.attribution.scoring.index import BLOCK, Added, Departed, Index, Works, with_null
from core.attribution.scoring.kernel import Kernel, Matrix
from core.errors import UsageError

MOST_ADDED = 0.1  # of the fitted works; beyond, the kernel is to be fitted again


def can_grow(method: Method, fitted: int, added: int) -> bool:
    """Whether `added` new works are added to an index instead of fitting it again.

    Methods that weigh works by leverage or length change every row: they are always fitted again.
    """
    return method.plain_ridge and added <= MOST_ADDED * fitted


def grown(
    index: Index,
    kernel: Kernel,
    fitted: Works,
    new: Works,
    keys: Sequence[int],
    references: Tensor,
) -> Index:
    """`index` of the `fitted` works with all of the `new` ones (`keys [m]`) added.

    `kernel` is that of the fitted works and of those that left: whatever was added before is added
    again. Raises `UsageError` for a method without rows of a ridge.
    """
    if index.squared or not index.lambda_ > 0:
        raise UsageError(f"An index of '{index.method}' cannot grow: make it again.")
    psi = new.read(0, new.count).phi.double().numpy()
    solved = kernel.solve(psi, index.lambda_)
    own = psi @ solved.T
    inner = np.linalg.inv(np.eye(len(psi)) + own)
    correction = np.concatenate([phi @ solved.T for phi in _tables(fitted)])
    taken = ((correction @ inner) * correction).sum(axis=1)
    first = np.concatenate(
        [part.self_influence(index.lambda_) for part in kernel.parts(_tables(fitted))]
    )[: fitted.count]  # a dual kernel speaks for those that left too
    left = index.departed
    if left is not None:
        phi = left.phi.double().numpy()
        fresh = kernel.solve(phi, index.lambda_) - (phi @ solved.T) @ (inner @ solved)
        left = replace(left, rows=torch.from_numpy(fresh).float())
    rows = Packed.of(torch.from_numpy(inner @ solved), "int8")
    bigger = replace(
        index,
        added=Added(rows, torch.from_numpy(correction).float()),
        keys=np.concatenate([index.keys[: fitted.count], np.asarray(keys, dtype=np.int64)]),
        self_influence=np.concatenate([first - taken, np.diag(inner @ own)]),
        departed=left,
    )
    return with_null(bigger, references)


def shrunk(index: Index, features: Mapping[int, Tensor | None]) -> Index:
    """`index` without the rows of these works (key -> feature `[k]`); the kernel, which the model
    learnt, stays, and so does every leverage.

    Works that were added are brought into the rows first, which then take twice the room. Raises
    `UsageError` where nothing would be left, or where a plain ridge misses a feature.
    """
    whole = _folded(index)
    leaving = np.array([key in features for key in whole.keys.tolist()])
    places, parts, gone, start = np.flatnonzero(~leaving), [], [], 0
    for part in whole.packed:
        own = torch.from_numpy(leaving[start : start + len(part)])
        start += len(part)
        if not own.any():
            parts.append(part)
            continue
        gone.append(part.of_rows(own.nonzero()[:, 0]).floats())
        if not own.all():
            parts.append(part.of_rows((~own).nonzero()[:, 0]))
    if not parts:
        raise UsageError(f"Nothing would be left of the index of '{index.method}': make it again.")
    left = whole.departed
    if gone and method(index.method).plain_ridge:
        phi = [features[key] for key in whole.keys[leaving].tolist()]
        known = [row for row in phi if row is not None]
        if len(known) < len(phi):
            raise UsageError(
                f"The index of '{index.method}' holds works without features: make it again."
            )
        more = Departed.of(torch.stack(known), torch.cat(gone))
        left = more if left is None else left.joined(more)
    return replace(
        whole,
        rows=tuple(parts),
        keys=whole.keys[places],
        self_influence=whole.self_influence[places],
        null_mean=whole.null_mean[places],
        null_spread=whole.null_spread[places],
        departed=left,
    )


def _folded(index: Index) -> Index:
    """The same index with what was added among its rows: W - C R, and R.

    In float16, since a second rounding to int8 would move scores and verdicts.
    """
    if index.added is None:
        return index
    later, parts, start = index.added.rows.floats(), [], 0
    for part in index.packed:
        for begin in range(0, len(part), BLOCK):
            block = part.floats(begin, begin + BLOCK)
            taken = index.added.correction[start : start + len(block)] @ later
            parts.append(Packed.of(block - taken, "float16"))
            start += len(block)
    return replace(index, rows=(*parts, index.added.rows), added=None)


def _tables(works: Works) -> Iterator[Matrix]:
    return (block.phi.double().numpy() for block in works.blocks())
