"""Scores from retrained models: who was in, and how large the loss of each query became.

`inclusion [n, s]` is 1 where work n was in the training of model s; `losses [m, s]` are the
outcomes of the queries. Positive: with the work in, the loss is smaller. After Ilyas et al.
(2022) and Feldman and Zhang (2020).
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from core.errors import UsageError

Matrix = NDArray[np.float64]
RIDGE_GRID = (0.1, 1.0, 10.0)
FOLDS = 5


def _checked(inclusion: Matrix) -> Matrix:
    values = np.asarray(inclusion, dtype=np.float64)
    if not np.isin(values, (0.0, 1.0)).all():
        raise UsageError(
            "Who was in each training is not 0 or 1 everywhere: outcome methods take features "
            "[n, s] of zeros and ones, and queries [m, s] of losses."
        )
    return values


def difference_rows(inclusion: Matrix) -> Matrix:
    """W `[n, s]`: W losses = mean loss without n, minus mean loss with n (empirical influence).

    Raises `UsageError` where a work was in all trainings or in none.
    """
    inside = _checked(inclusion)
    count = inside.sum(axis=1, keepdims=True)
    without = inside.shape[1] - count
    if (count == 0).any() or (without == 0).any():
        raise UsageError(
            "A work was in all of the trainings, or in none: its influence cannot be seen. "
            "Retrain on more subsets."
        )
    return (1.0 - inside) / without - inside / count


def regression_scores(
    inclusion: Matrix, losses: Matrix, lambda_: float | None, *, lasso: bool = False
) -> Matrix:
    """Datamodel: minus the coefficients of `loss ~ inclusion`, one fit per query, `[m, n]`.

    `lambda_` None chooses it by 5-fold cross-validation, as the reference does (ridge: among 0.1,
    1, 10; LASSO: along its own path). Raises `UsageError` where the models are too few for that.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import Lasso, LassoCV, Ridge, RidgeCV

    inside = _checked(inclusion).T
    if lambda_ is None and len(inside) < FOLDS:
        raise UsageError(
            f"{len(inside)} models are too few to choose lambda by {FOLDS} folds: give --lambda."
        )
    coefficients = []
    with warnings.catch_warnings():
        # a path that runs to very small penalties does not converge there, and is not chosen there
        warnings.simplefilter("ignore", ConvergenceWarning)
        for outcome in np.asarray(losses, dtype=np.float64):
            if lambda_ is None:
                model = LassoCV(cv=FOLDS) if lasso else RidgeCV(alphas=RIDGE_GRID, cv=FOLDS)
            else:
                model = Lasso(alpha=lambda_) if lasso else Ridge(alpha=lambda_)
            model.fit(inside, outcome)
            coefficients.append(-model.coef_)
    return np.stack(coefficients)
