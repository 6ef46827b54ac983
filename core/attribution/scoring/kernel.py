"""From features to scores: W = Phi (Phi' Phi + lambda I)^-1, in float64.

`Phi [n, k]`; when n <= k by the dual, (Phi Phi' + lambda I)^-1 Phi, otherwise by the primal. One
eigendecomposition serves every lambda. Knows no model and no names.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from core.attribution.scoring.ridge import DEFAULT_RULE, LambdaRule
from core.errors import UsageError

Matrix = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Kernel:
    """The eigendecomposition of the smaller Gram matrix of `phi [n, k]`.

    A primal one knows no works but those it is `over`; `count` is the number it was fitted to.
    """

    phi: Matrix
    eigenvalues: Matrix
    eigenvectors: Matrix
    dual: bool
    count: int

    @classmethod
    def fit(cls, phi: Matrix, *, dual: bool | None = None) -> Kernel:
        """Decompose; `dual` None takes the smaller side. Raises `UsageError` on NaN or nothing."""
        values = np.asarray(phi, dtype=np.float64)
        if values.ndim != 2 or 0 in values.shape:
            raise UsageError(f"Features of shape {values.shape} are not an [n, k] table.")
        use_dual = values.shape[0] <= values.shape[1] if dual is None else dual
        return cls._of_gram(values, _products(values, use_dual), use_dual, len(values))

    @classmethod
    def of_blocks(cls, blocks: Iterable[Matrix]) -> Kernel:
        """The primal kernel of works that come `[m, k]` at a time and are not kept."""
        gram, count, width = None, 0, 0
        for block in blocks:
            values = np.asarray(block, dtype=np.float64)
            part = _products(values, dual=False)
            gram = part if gram is None else gram + part
            count, width = count + len(values), values.shape[1]
        if gram is None:
            raise UsageError("There is no kernel of no works: make features first.")
        return cls._of_gram(np.empty((0, width)), gram, False, count)

    @classmethod
    def _of_gram(cls, phi: Matrix, gram: Matrix, dual: bool, count: int) -> Kernel:
        eigenvalues, eigenvectors = np.linalg.eigh(gram)
        return cls(
            phi=phi,
            eigenvalues=eigenvalues.clip(min=0.0),
            eigenvectors=eigenvectors,
            dual=dual,
            count=count,
        )

    def over(self, phi: Matrix) -> Kernel:
        """The same kernel, answering for these works `[m, k]`. A dual one knows its own alone."""
        if self.dual:
            if phi.shape != self.phi.shape:
                raise UsageError("A dual kernel answers for the works it was fitted to, for all.")
            return self
        return replace(self, phi=np.asarray(phi, dtype=np.float64))

    def parts(self, blocks: Iterable[Matrix]) -> Iterator[Kernel]:
        """Itself over each block of works; a dual one over all of its own, at once."""
        return iter([self]) if self.dual else (self.over(block) for block in blocks)

    def lambda_(self, rule: LambdaRule = DEFAULT_RULE) -> float:
        """The ridge that a rule names; never an absolute number unless it is `fixed`.

        Raises `UsageError` for an unknown rule or a share outside (0, 1).
        """
        if rule.kind == "fixed":
            return rule.value
        if rule.kind == "mean-eigenvalue":
            return float(rule.value * self.eigenvalues.sum() / self.count)
        if rule.kind == "dof":
            if not 0.0 < rule.value < 1.0:
                raise UsageError(f"A share of directions lies between 0 and 1, not {rule.value:g}.")
            return self._by_degrees(rule.value * min(self.count, self.phi.shape[1]))
        raise UsageError(
            f"There is no lambda rule '{rule.kind}'. Choose: mean-eigenvalue, dof, fixed."
        )

    def degrees(self, lambda_: float) -> float:
        """Effective degrees of freedom, tr K (K + lambda)^-1."""
        return float((self.eigenvalues / (self.eigenvalues + lambda_)).sum())

    def _by_degrees(self, target: float) -> float:
        """The lambda with so many degrees of freedom, which fall as it grows; at either end of the
        range where none within has as many, or as few."""
        largest = float(self.eigenvalues.max())
        if not largest > 0:
            return 0.0  # of features that are all zero; whoever divides by it says so
        ends = math.log(1e-12 * largest), math.log(1e6 * largest)

        def excess(exponent: float) -> float:
            return self.degrees(math.exp(exponent)) - target

        if excess(ends[0]) <= 0 or excess(ends[1]) >= 0:
            return math.exp(ends[0] if excess(ends[0]) <= 0 else ends[1])
        root: float = brentq(excess, *ends, xtol=1e-14, rtol=1e-14)
        return math.exp(root)

    def weights(self, lambda_: float) -> Matrix:
        """W `[n, k]`: a query's scores are W phi(x). Raises `UsageError` unless lambda > 0."""
        scaled = self.eigenvectors / (self.eigenvalues + _checked(lambda_))
        inverse = scaled @ self.eigenvectors.T
        return inverse @ self.phi if self.dual else self.phi @ inverse

    def solve(self, queries: Matrix, lambda_: float) -> Matrix:
        """(Phi'Phi + lambda I)^-1 q for any queries `[m, k]` -> `[m, k]`."""
        shrunk = 1.0 / (self.eigenvalues + _checked(lambda_))
        if not self.dual:
            primal: Matrix = (queries @ self.eigenvectors * shrunk) @ self.eigenvectors.T
            return primal
        seen = (queries @ self.phi.T @ self.eigenvectors * shrunk) @ self.eigenvectors.T
        dual: Matrix = (queries - seen @ self.phi) / lambda_
        return dual

    @cached_property
    def loadings(self) -> Matrix:
        """Each work along the eigenvectors, `[n, r]`: V where dual, Phi V otherwise."""
        return self.eigenvectors if self.dual else self.phi @ self.eigenvectors

    def along(self, queries: Matrix) -> Matrix:
        """Queries `[m, k]` along the same, `[m, r]`: once, for every lambda."""
        seen = queries @ self.phi.T if self.dual else queries
        projected: Matrix = seen @ self.eigenvectors
        return projected

    def scores(self, along: Matrix, lambda_: float) -> Matrix:
        """q' (Phi'Phi + lambda I)^-1 phi_n from queries `along` the eigenvectors, `[m, n]`."""
        scores: Matrix = (along / (self.eigenvalues + _checked(lambda_))) @ self.loadings.T
        return scores

    def row_lengths(self, lambda_: float) -> Matrix:
        """||(Phi'Phi + lambda I)^-1 phi_n||, the lengths of `weights`' rows. `[n]`."""
        shrunk = 1.0 / (self.eigenvalues + _checked(lambda_)) ** 2
        return np.sqrt(self.loadings**2 @ (shrunk * self._own_scale))

    def self_influence(self, lambda_: float) -> Matrix:
        """phi_n' (Phi'Phi + lambda I)^-1 phi_n, a leverage in [0, 1). `[n]`."""
        shrunk = 1.0 / (self.eigenvalues + _checked(lambda_))
        leverages: Matrix = self.loadings**2 @ (shrunk * self._own_scale)
        return leverages

    @property
    def _own_scale(self) -> Matrix:
        """What a squared loading weighs along each eigenvector: dual ones are of length one."""
        return self.eigenvalues if self.dual else np.ones_like(self.eigenvalues)

    def leverage(self, queries: Matrix, lambda_: float) -> Matrix:
        """q' (Phi'Phi + lambda I)^-1 q for queries `[m, k]` -> `[m]`."""
        inside: Matrix = self.along(queries) ** 2 @ (1.0 / (self.eigenvalues + _checked(lambda_)))
        if not self.dual:
            return inside
        return (np.einsum("mk,mk->m", queries, queries) - inside) / lambda_


def _products(values: Matrix, dual: bool) -> Matrix:
    if not np.isfinite(values).all():
        raise UsageError("The features hold a number that is not finite: make them again.")
    with np.errstate(over="ignore", invalid="ignore"):
        gram: Matrix = values @ values.T if dual else values.T @ values
    if not np.isfinite(gram).all():
        raise UsageError("The features are so large that their products overflow: scale them.")
    return gram


def _checked(lambda_: float) -> float:
    if not lambda_ > 0:
        raise UsageError(f"lambda is {lambda_}; it must be greater than 0.")
    return lambda_
