"""Scores against explicit loops; dual equals primal; laws of lambda."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.attribution.scoring.kernel import Kernel
from core.attribution.scoring.ridge import LambdaRule
from core.errors import UsageError


def solved(matrix: list[list[float]], right: list[float]) -> list[float]:
    """Gauss with pivots, by hand."""
    size = len(right)
    rows = [[*matrix[i], right[i]] for i in range(size)]
    for i in range(size):
        pivot = max(range(i, size), key=lambda r: abs(rows[r][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for r in range(i + 1, size):
            factor = rows[r][i] / rows[i][i]
            for c in range(i, size + 1):
                rows[r][c] -= factor * rows[i][c]
    x = [0.0] * size
    for i in reversed(range(size)):
        x[i] = (rows[i][size] - sum(rows[i][c] * x[c] for c in range(i + 1, size))) / rows[i][i]
    return x


def scores_by_hand(phi: np.ndarray, query: np.ndarray, lambda_: float) -> list[float]:
    """q' (Phi'Phi + lambda I)^-1 phi_n with nothing but loops."""
    n, k = phi.shape
    gram = [
        [
            sum(phi[i, a] * phi[i, b] for i in range(n)) + (lambda_ if a == b else 0.0)
            for b in range(k)
        ]
        for a in range(k)
    ]
    whitened = solved(gram, list(query))
    return [sum(whitened[a] * phi[i, a] for a in range(k)) for i in range(n)]


@pytest.mark.parametrize("shape", [(5, 8), (9, 4), (6, 6)])
def test_scores_equal_explicit_loops(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    phi, query = rng.normal(size=shape), rng.normal(size=shape[1])
    kernel = Kernel.fit(phi)
    lambda_ = kernel.lambda_()
    expected = scores_by_hand(phi, query, lambda_)
    np.testing.assert_allclose(kernel.weights(lambda_) @ query, expected, rtol=1e-9)


small = arrays(
    np.float64, st.tuples(st.integers(1, 7), st.integers(1, 7)), elements=st.floats(-3, 3)
)


@settings(deadline=None)
@given(small, st.floats(0.01, 100))
def test_dual_equals_primal(phi: np.ndarray, lambda_: float) -> None:
    dual = Kernel.fit(phi, dual=True).weights(lambda_)
    primal = Kernel.fit(phi, dual=False).weights(lambda_)
    np.testing.assert_allclose(dual, primal, atol=1e-8)


@settings(deadline=None)
@given(small, st.floats(0.01, 10), st.floats(0.1, 10))
def test_scaling_features_scales_lambda_by_the_square(
    phi: np.ndarray, lambda_: float, factor: float
) -> None:
    plain = Kernel.fit(phi).weights(lambda_) @ phi.T
    scaled = Kernel.fit(factor * phi).weights(factor**2 * lambda_) @ (factor * phi).T
    np.testing.assert_allclose(plain, scaled, atol=1e-7)


def test_a_large_lambda_gives_the_order_of_the_gradient_dot() -> None:
    rng = np.random.default_rng(1)
    phi, query = rng.normal(size=(12, 20)), rng.normal(size=20)
    scores = Kernel.fit(phi).weights(1e9) @ query
    assert np.argsort(scores).tolist() == np.argsort(phi @ query).tolist()


def test_self_influence_is_a_leverage() -> None:
    rng = np.random.default_rng(2)
    kernel = Kernel.fit(rng.normal(size=(10, 30)))
    own = kernel.self_influence(0.5)
    assert ((own > 0) & (own < 1)).all()
    assert own.sum() == pytest.approx(kernel.degrees(0.5))
    np.testing.assert_allclose(kernel.leverage(kernel.phi, 0.5), own, atol=1e-9)


@pytest.mark.parametrize("shape", [(5, 9), (9, 5)])
def test_leverage_equals_its_definition(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(3)
    phi, queries = rng.normal(size=shape), rng.normal(size=(3, shape[1]))
    inverse = np.linalg.inv(phi.T @ phi + 0.7 * np.eye(shape[1]))
    expected = [query @ inverse @ query for query in queries]
    np.testing.assert_allclose(Kernel.fit(phi).leverage(queries, 0.7), expected)


def test_the_rules_for_lambda_do_what_they_say() -> None:
    rng = np.random.default_rng(4)
    phi = rng.normal(size=(20, 50)) * 1e-4
    kernel = Kernel.fit(phi)
    trace = float((phi * phi).sum())
    assert kernel.lambda_(LambdaRule("mean-eigenvalue", 0.1)) == pytest.approx(0.1 * trace / 20)
    by_degrees = kernel.lambda_(LambdaRule("dof", 0.2))
    assert kernel.degrees(by_degrees) == pytest.approx(0.2 * 20, rel=1e-6)
    assert kernel.lambda_(LambdaRule("fixed", 3.5)) == 3.5


def test_a_small_lambda_does_not_collapse() -> None:
    """The reference's float32 inverse loses all scores here; float64 keeps the work first."""
    rng = np.random.default_rng(5)
    phi = rng.normal(size=(40, 400))
    kernel = Kernel.fit(phi)
    scores = kernel.weights(1e-9 * kernel.lambda_()) @ phi.T
    assert (scores.argmax(axis=0) == np.arange(40)).all()
    assert 0 < kernel.degrees(1e-9 * kernel.lambda_()) <= 40


@pytest.mark.parametrize("phi", [np.zeros((0, 4)), np.array([[1.0, np.nan]]), np.zeros(3)])
def test_features_that_are_none_are_refused(phi: np.ndarray) -> None:
    with pytest.raises(UsageError, match=r"features|Features"):
        Kernel.fit(phi)


def test_a_lambda_of_nothing_and_an_unknown_rule_are_refused() -> None:
    kernel = Kernel.fit(np.eye(3))
    with pytest.raises(UsageError, match="greater than 0"):
        kernel.weights(0.0)
    with pytest.raises(UsageError, match="mean-eigenvalue"):
        kernel.lambda_(LambdaRule("best", 1.0))
    with pytest.raises(UsageError, match="between 0 and 1, not 1"):
        kernel.lambda_(LambdaRule("dof", 1.0))


@pytest.mark.parametrize("shape", [(30, 8), (8, 30)])
def test_degrees_of_freedom_are_a_share_of_the_directions(shape: tuple[int, int]) -> None:
    """With more works than features too, where n shares of the directions would be too many."""
    kernel = Kernel.fit(np.random.default_rng(0).normal(size=shape))
    assert kernel.degrees(kernel.lambda_(LambdaRule("dof", 0.3))) == pytest.approx(0.3 * 8)


@pytest.mark.parametrize("dual", [True, False])
def test_what_is_read_off_the_eigenvectors_is_what_the_rows_give(dual: bool) -> None:
    rng = np.random.default_rng(3)
    phi, queries = rng.normal(size=(6, 9)), rng.normal(size=(4, 9))
    kernel = Kernel.fit(phi, dual=dual)
    for lambda_ in (1e-3, 0.7, 50.0):
        rows = kernel.weights(lambda_)
        assert np.allclose(kernel.scores(kernel.along(queries), lambda_), queries @ rows.T)
        assert np.allclose(kernel.row_lengths(lambda_), np.linalg.norm(rows, axis=1))
        assert np.allclose(kernel.self_influence(lambda_), np.einsum("nk,nk->n", rows, phi))


@pytest.mark.parametrize("dual", [True, False])
def test_leverage_is_the_quadratic_form_in_every_digit(dual: bool) -> None:
    rng = np.random.default_rng(8)
    phi, queries = rng.normal(size=(40, 30)), rng.normal(size=(25, 30))
    kernel = Kernel.fit(phi, dual=dual)
    for lambda_ in (1e-2, 3.0, 1e4):
        inverse = np.linalg.inv(phi.T @ phi + lambda_ * np.eye(30))
        expected = np.einsum("mk,kl,ml->m", queries, inverse, queries)
        np.testing.assert_allclose(kernel.leverage(queries, lambda_), expected, rtol=1e-10)


def test_leverage_is_as_quick_as_its_products() -> None:
    """As one contraction of three operands it took fifty times as long."""
    rng = np.random.default_rng(9)
    kernel, queries = Kernel.fit(rng.normal(size=(1200, 1024))), rng.normal(size=(200, 1024))

    def seconds(work: Callable[[], object]) -> float:
        times = []
        for _ in range(3):
            began = time.perf_counter()
            work()
            times.append(time.perf_counter() - began)
        return min(times)

    product = seconds(lambda: queries @ kernel.eigenvectors)
    assert seconds(lambda: kernel.leverage(queries, 1.0)) < 8 * product + 0.01


@pytest.mark.parametrize("shape", [(12, 40), (60, 20), (5, 5), (1, 3)])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.99])
@pytest.mark.parametrize("scale", [1e-6, 1e5])
def test_lambda_by_degrees_is_what_halving_an_interval_finds(
    shape: tuple[int, int], share: float, scale: float
) -> None:
    kernel = Kernel.fit(np.random.default_rng(0).normal(size=shape) * scale)
    low, high = 1e-12 * kernel.eigenvalues.max(), 1e6 * kernel.eigenvalues.max()
    for _ in range(200):
        middle = float(np.sqrt(low * high))
        enough = kernel.degrees(middle) > share * min(shape)
        low, high = (middle, high) if enough else (low, middle)
    assert kernel.lambda_(LambdaRule("dof", share)) == pytest.approx(low, rel=1e-10)


def test_features_of_one_direction_have_few_degrees_and_zero_ones_no_lambda() -> None:
    one = Kernel.fit(np.ones((5, 3)))  # half of three directions: it has only one
    assert one.lambda_(LambdaRule("dof", 0.5)) == pytest.approx(1e-12 * 15)
    with pytest.raises(UsageError, match="greater than 0"):
        none = Kernel.fit(np.zeros((4, 3)))
        none.weights(none.lambda_())
