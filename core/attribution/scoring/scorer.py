"""From vectors to scores, for every method of the table; plain arrays in, plain arrays out.

Knows no model and no file. The studio's index holds the same rows W, packed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from numbers import Real

import numpy as np
from numpy.typing import NDArray

from core.attribution.methods import Method
from core.attribution.scoring.datamodels import difference_rows, regression_scores
from core.attribution.scoring.kernel import Kernel
from core.attribution.scoring.ridge import DEFAULT_RULE, LambdaRule
from core.errors import UsageError

Matrix = NDArray[np.float64]
TINY = float(np.finfo(np.float64).tiny)
REGRESSIONS = ("regression", "regression-lasso")


@dataclass(frozen=True, eq=False)
class Scorer:
    """One method over one model's works: `phi [n, k]`, `residuals [n]` where the method weighs.

    For outcome methods `phi [n, s]` says which of s models were trained with work n. `fitted`: a
    kernel that is there already, over these works.
    """

    method: Method
    phi: Matrix
    residuals: Matrix | None = None
    fitted: Kernel | None = None

    @cached_property
    def kernel(self) -> Kernel:
        """The decomposed Gram matrix; one serves every lambda."""
        return Kernel.fit(self.phi) if self.fitted is None else self.fitted

    @property
    def has_lambda(self) -> bool:
        """Whether a ridge plays a part."""
        return self.method.kernel in ("ridge", "leverage", *REGRESSIONS)

    def chosen(self, lambda_: float | LambdaRule | None) -> float | None:
        """The number that stands for `lambda_`: itself, by a rule, or by the default rule."""
        if isinstance(lambda_, Real):  # of numpy too
            if not (math.isfinite(lambda_) and lambda_ > 0):
                raise UsageError(f"lambda is {lambda_}; it must be a number greater than 0.")
            return float(lambda_)
        if not self.has_lambda:
            return None
        if self.method.kernel in REGRESSIONS:
            return None  # chosen by cross-validation
        assert lambda_ is None or isinstance(lambda_, LambdaRule)
        return self.kernel.lambda_(lambda_ or DEFAULT_RULE)

    def rows(self, lambda_: float | None) -> Matrix:
        """W `[n, k]`. Raises `UsageError` where a method has no rows or lacks its residuals."""
        if self.method.kernel == "identity":
            rows = self.phi
        elif self.method.kernel == "difference":
            rows = difference_rows(self.phi)
        elif self.method.kernel == "gaussian":
            raise UsageError(
                f"The method '{self.method.name}' is no product with rows: score queries with it."
            )
        elif lambda_ is None or self.method.kernel in REGRESSIONS:
            raise UsageError(f"The method '{self.method.name}' has no rows without a lambda.")
        else:
            rows = self.kernel.weights(lambda_)
        return rows * self._work_weights(lambda_)[:, None]

    def _work_weights(self, lambda_: float | None) -> Matrix:
        """What multiplies each work's row of the kernel, `[n]`."""
        weights = np.ones(len(self.phi))
        if self.method.kernel == "leverage":
            weights = self._residual_weights(lambda_)
        if self.method.works_scale == "feature":
            return weights / _lengths(self.phi)[:, 0]
        if self.method.works_scale == "row":
            assert lambda_ is not None
            return weights / np.maximum(self.kernel.row_lengths(lambda_), TINY)
        return weights

    def _residual_weights(self, lambda_: float | None) -> Matrix:
        """r_n / (1 - h_n): how far a work is from fitted, corrected for its pull on its own fit
        (DAS's weight). `[n]`."""
        if self.residuals is None or lambda_ is None:
            raise UsageError(
                f"The method '{self.method.name}' weighs works by their residuals: give an array "
                "`residuals [n]` (the root of each work's L_Simple) beside the features."
            )
        if self.residuals.shape != self.phi.shape[:1]:
            raise UsageError(
                f"{self.residuals.shape} residuals do not fit {len(self.phi)} works: give one each."
            )
        return self.residuals / (1.0 - self.kernel.self_influence(lambda_))

    def scores(self, queries: Matrix, lambda_: float | LambdaRule | None = None) -> Matrix:
        """`queries [m, k]` -> `[m, n]`; positive: proponent. Raises as `prepare` does."""
        return self.prepare(queries).scores(lambda_)

    def prepare(self, queries: Matrix) -> PreparedQueries:
        """`queries [m, k]`, with what does not depend on lambda done once.

        Raises `UsageError` where they do not fit the features.
        """
        values = np.asarray(queries, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != self.phi.shape[1]:
            raise UsageError(
                f"Queries of shape {values.shape} do not fit features of {self.phi.shape}: "
                "both need the same last dimension."
            )
        if self.method.kernel in ("ridge", "leverage"):
            return PreparedQueries(self, self.kernel.along(self._scaled(values)))
        if self.method.kernel in REGRESSIONS:
            return PreparedQueries(self, values)
        if self.method.kernel == "gaussian":
            return PreparedQueries(self, self._closeness(values))
        return PreparedQueries(self, self._scaled(values) @ self.rows(None).T)

    def _closeness(self, queries: Matrix) -> Matrix:
        """exp(-d^2 / 4) over that of the nearest work, `[m, n]`: alone it would be 0 for all works
        wherever vectors are long."""
        own, other = np.square(self.phi).sum(1), np.square(queries).sum(1)
        squares = other[:, None] - 2.0 * queries @ self.phi.T + own[None, :]
        nearness: Matrix = np.exp((squares.min(axis=1, keepdims=True) - squares) / 4.0)
        return nearness

    def _answer(self, made: Matrix, lambda_: float | LambdaRule | None) -> Matrix:
        number = self.chosen(lambda_)
        if self.method.kernel in REGRESSIONS:
            lasso = self.method.kernel == "regression-lasso"
            return regression_scores(self.phi, made, number, lasso=lasso)
        scores = made
        if self.method.kernel in ("ridge", "leverage"):
            assert number is not None
            scores = self.kernel.scores(made, number) * self._work_weights(number)
        return scores**2 if self.method.squared else scores

    def self_influence(self, lambda_: float | None) -> Matrix:
        """Each work's score for itself as the query, `[n]`; for the ridge, its leverage."""
        own: Matrix = np.einsum("nk,nk->n", self.rows(lambda_), self._scaled(self.phi))
        return own**2 if self.method.squared else own

    def _scaled(self, queries: Matrix) -> Matrix:
        return queries / _lengths(queries) if self.method.query_scale == "unit" else queries


@dataclass(frozen=True, eq=False)
class PreparedQueries:
    """Queries of a scorer, ready for any lambda."""

    scorer: Scorer
    made: Matrix

    def scores(self, lambda_: float | LambdaRule | None = None) -> Matrix:
        """`[m, n]`."""
        return self.scorer._answer(self.made, lambda_)


def _lengths(rows: Matrix) -> Matrix:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.maximum(lengths, TINY)


def score(
    method: Method,
    features: Matrix,
    queries: Matrix,
    lambda_: float | LambdaRule | None = None,
    residuals: Matrix | None = None,
) -> Matrix:
    """Any method over plain arrays: `[n, k]` and `[m, k]`, or stacks `[c, n, k]` and `[c, m, k]`.

    A stack (checkpoints, or members of an ensemble) is scored model by model, each with its own
    ridge where none is given, and averaged. Returns `[m, n]`. Raises `UsageError` for shapes that
    do not fit, numbers that are not finite, and what the method lacks.
    """
    works, vectors = np.asarray(features, np.float64), np.asarray(queries, np.float64)
    for name, values in (("features", works), ("queries", vectors)):
        if values.ndim not in (2, 3) or 0 in values.shape:
            raise UsageError(f"The {name} have the shape {values.shape}, not [n, k] or [c, n, k].")
        if not np.isfinite(values).all():
            raise UsageError(f"The {name} hold a number that is not finite: make them again.")
    if works.ndim != vectors.ndim or (works.ndim == 3 and len(works) != len(vectors)):
        raise UsageError(
            f"Features {works.shape} and queries {vectors.shape} must be stacked alike."
        )
    if works.ndim == 2:
        works, vectors = works[None], vectors[None]
    elif method.stack == "final":
        raise UsageError(
            f"The method '{method.name}' takes one model: give features [n, k] and queries [m, k]."
        )
    own = None if residuals is None else np.asarray(residuals, np.float64)
    if own is not None and not (np.isfinite(own).all() and (own >= 0).all()):
        raise UsageError("The residuals hold a number that is negative or not finite.")
    parts = [
        Scorer(method, phi, own).scores(vectors[number], lambda_)
        for number, phi in enumerate(works)
    ]
    scores: Matrix = np.mean(parts, axis=0)
    if not np.isfinite(scores).all():
        raise UsageError(
            f"The method '{method.name}' gives numbers that are not finite here: take a larger "
            "lambda, or scale the features."
        )
    return scores
