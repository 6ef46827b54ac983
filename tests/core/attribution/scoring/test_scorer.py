"""Every method of the table against explicit loops in float64, and the laws that bind them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Lasso, LassoCV, Ridge, RidgeCV

from app.cli import main
from app.cli.attribute import score_files
from core.attribution.methods import METHODS, method
from core.attribution.scoring.scorer import score
from core.errors import UsageError
from tests.core.attribution.scoring.test_kernel import scores_by_hand, solved

RNG = np.random.default_rng(4)
LAMBDA = 0.7
PHI = RNG.normal(size=(3, 7, 5))  # [c, n, k]
QUERIES = RNG.normal(size=(3, 4, 5))  # [c, m, k]
RESIDUALS = RNG.uniform(0.5, 2.0, size=7)
INSIDE = np.array([[(n * 7 + s * 3) % 5 % 2 for s in range(12)] for n in range(7)], float)
LOSSES = RNG.normal(size=(4, 12))
GRADIENTS = [
    name for name, row in METHODS.items() if row.representation != "outcomes" and name != "das"
]


def dot(a: np.ndarray, b: np.ndarray) -> float:
    return sum(float(x) * float(y) for x, y in zip(a, b, strict=True))


def length(a: np.ndarray) -> float:
    return float(dot(a, a) ** 0.5)


def whitened(phi: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """(Phi'Phi + lambda I)^-1 v, by loops and Gauss."""
    k = phi.shape[1]
    gram = [
        [dot(phi[:, a], phi[:, b]) + (LAMBDA if a == b else 0.0) for b in range(k)]
        for a in range(k)
    ]
    return np.array(solved(gram, list(vector)))


def by_hand(name: str, phi: np.ndarray, query: np.ndarray) -> list[float]:
    """One model, one query: the formula of the row, as its text says it."""
    products = ("gradient-dot", "raw-pixel-dot", "clip-dot", "tracin-cp")
    if name in (*products, "ek-fac", "ek-fac-square", "ek-fac-avg"):
        return [dot(query, work) for work in phi]
    if name in ("gradient-cosine", "raw-pixel-cosine", "clip-cosine", "gas"):
        return [dot(query, work) / length(query) / length(work) for work in phi]
    ridge = scores_by_hand(phi, query, LAMBDA)
    if name == "relative-influence":
        return [s / length(whitened(phi, w)) for s, w in zip(ridge, phi, strict=True)]
    if name == "renormalised-influence":
        return [s / length(w) for s, w in zip(ridge, phi, strict=True)]
    if name == "l-avg-squared":
        return [value * value for value in ridge]
    if name == "raw-pixel-gaussian":
        squares = [
            sum((float(a) - float(b)) ** 2 for a, b in zip(query, w, strict=True)) for w in phi
        ]
        return [math.exp(-square / 4) / math.exp(-min(squares) / 4) for square in squares]
    if name == "das":
        leverages = [dot(work, whitened(phi, work)) for work in phi]
        return [(s * r / (1 - h)) ** 2 for s, r, h in zip(ridge, RESIDUALS, leverages, strict=True)]
    return ridge


@pytest.mark.parametrize("name", [*GRADIENTS, "das"])
def test_one_model_equals_explicit_loops(name: str) -> None:
    scores = score(method(name), PHI[0], QUERIES[0], LAMBDA, RESIDUALS)
    expected = [by_hand(name, PHI[0], query) for query in QUERIES[0]]
    np.testing.assert_allclose(scores, expected, rtol=1e-9)


@pytest.mark.parametrize(
    "name", [name for name in GRADIENTS if METHODS[name].stack in ("checkpoints", "members")]
)
def test_a_stack_is_the_mean_over_its_models(name: str) -> None:
    scores = score(method(name), PHI, QUERIES, LAMBDA)
    expected = [
        [sum(by_hand(name, PHI[c], QUERIES[c, m])[n] for c in range(3)) / 3 for n in range(7)]
        for m in range(4)
    ]
    np.testing.assert_allclose(scores, expected, rtol=1e-9)


def test_empirical_influence_is_a_difference_of_two_means() -> None:
    scores = score(method("empirical-influence"), INSIDE, LOSSES)
    for m in range(4):
        for n in range(7):
            with_n = [LOSSES[m, s] for s in range(12) if INSIDE[n, s] == 1]
            without = [LOSSES[m, s] for s in range(12) if INSIDE[n, s] == 0]
            expected = sum(without) / len(without) - sum(with_n) / len(with_n)
            assert scores[m, n] == pytest.approx(expected, rel=1e-12)


def test_datamodels_are_scikit_learns() -> None:
    for name, lambda_, fitted in (
        ("datamodel", None, RidgeCV(alphas=(0.1, 1.0, 10.0), cv=5)),
        ("datamodel", 2.0, Ridge(alpha=2.0)),
        ("datamodel-lasso", 0.05, Lasso(alpha=0.05)),
        ("datamodel-lasso", None, LassoCV(cv=5)),
    ):
        scores = score(method(name), INSIDE, LOSSES, lambda_)
        for m in range(4):
            np.testing.assert_allclose(scores[m], -fitted.fit(INSIDE.T, LOSSES[m]).coef_, rtol=1e-9)


RIDGES = [
    name for name in GRADIENTS if METHODS[name].kernel == "ridge" and not METHODS[name].squared
]


@settings(deadline=None, max_examples=25)
@given(st.sampled_from(RIDGES), st.floats(0.1, 30.0))
def test_features_times_c_want_lambda_times_c_squared(name: str, c: float) -> None:
    row = method(name)
    plain = score(row, PHI[0], QUERIES[0], LAMBDA)
    scaled = score(row, c * PHI[0], c * QUERIES[0], LAMBDA * c * c)
    # relative influence divides by a length that shrinks with c, the other two do not
    factor = {"relative-influence": c, "renormalised-influence": 1 / c}.get(name, 1.0)
    np.testing.assert_allclose(scaled, plain * factor, rtol=1e-7)
    # and the default rule finds that lambda by itself
    np.testing.assert_allclose(
        score(row, c * PHI[0], c * QUERIES[0]), score(row, PHI[0], QUERIES[0]) * factor, rtol=1e-7
    )


def test_lambda_to_infinity_is_the_gradient_dot_product() -> None:
    large = 1e9
    scores = score(method("trak"), PHI[0], QUERIES[0], large) * large
    np.testing.assert_allclose(scores, score(method("gradient-dot"), PHI[0], QUERIES[0]), rtol=1e-6)


def test_gas_is_scale_free_and_tracin_is_not() -> None:
    scales = np.array([1.0, 10.0, 0.1])[:, None, None]
    np.testing.assert_allclose(
        score(method("gas"), PHI * scales, QUERIES), score(method("gas"), PHI, QUERIES), rtol=1e-12
    )
    assert not np.allclose(
        score(method("tracin-cp"), PHI * scales, QUERIES), score(method("tracin-cp"), PHI, QUERIES)
    )


@pytest.mark.parametrize("name", ["trak-ensemble", "d-trak-ensemble"])
def test_an_ensemble_of_one_is_the_single_model(name: str) -> None:
    single = score(method(name.removesuffix("-ensemble")), PHI[0], QUERIES[0], LAMBDA)
    np.testing.assert_array_equal(score(method(name), PHI[:1], QUERIES[:1], LAMBDA), single)


def test_l_avg_squared_is_das_without_residual_and_leverage() -> None:
    """Residuals that undo 1 / (1 - h) leave the square alone."""
    phi = PHI[0]
    leverages = np.array([dot(work, whitened(phi, work)) for work in phi])
    das = score(method("das"), phi, QUERIES[0], LAMBDA, 1.0 - leverages)
    np.testing.assert_allclose(score(method("l-avg-squared"), phi, QUERIES[0], LAMBDA), das)
    plain = score(method("d-trak-avg"), phi, QUERIES[0], LAMBDA)
    np.testing.assert_allclose(score(method("l-avg-squared"), phi, QUERIES[0], LAMBDA), plain**2)


def test_closeness_outlives_long_vectors() -> None:
    """exp(-d^2 / 4) alone is 0 for every work there; over the nearest work's it ranks them."""
    found = score(method("raw-pixel-gaussian"), 100.0 * PHI[0], 100.0 * QUERIES[0])
    assert (found.max(axis=1) == 1.0).all() and np.isfinite(found).all()


def test_das_is_never_negative_and_needs_residuals() -> None:
    assert (score(method("das"), PHI[0], QUERIES[0], LAMBDA, RESIDUALS) >= 0).all()
    with pytest.raises(UsageError, match="residuals"):
        score(method("das"), PHI[0], QUERIES[0], LAMBDA)


@pytest.mark.parametrize(
    ("features", "queries", "words"),
    [
        (PHI[0], QUERIES[0, :, :4], "last dimension"),
        (PHI, QUERIES[0], "stacked alike"),
        (PHI, QUERIES, "one model"),
        (PHI[0] * np.nan, QUERIES[0], "finite"),
        (PHI[0, 0], QUERIES[0], "shape"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    features: np.ndarray, queries: np.ndarray, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        score(method("trak"), features, queries)


def test_a_work_in_every_training_has_no_empirical_influence() -> None:
    with pytest.raises(UsageError, match="more subsets"):
        score(method("empirical-influence"), np.ones((2, 6)), np.ones((1, 6)))


def test_the_verb_scores_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "f.npz", features=PHI[0], residuals=RESIDUALS)
    np.savez(tmp_path / "q.npz", queries=QUERIES[0])
    command = ["score", "--features", str(tmp_path / "f.npz"), "--queries", str(tmp_path / "q.npz")]
    out = str(tmp_path / "s.npz")
    assert main([*command, "--method", "das", "--lambda", "0.7", "-o", out]) == 0
    with np.load(out) as written:
        expected = score(method("das"), PHI[0], QUERIES[0], 0.7, RESIDUALS)
        np.testing.assert_array_equal(written["scores"], expected)
    assert main([*command, "--method", "magic", "-o", out]) == 2
    np.savez(tmp_path / "q.npz", other=QUERIES[0])
    assert main([*command, "-o", out]) == 2
    assert "no array 'queries'" in capsys.readouterr().err
    (tmp_path / "q.npz").write_bytes(b"PK no zip")
    assert main([*command, "-o", out]) == 2


@pytest.mark.parametrize("lambda_", [0.0, -1.0, float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["d-trak", "datamodel"])
def test_a_lambda_that_is_no_ridge_is_refused(name: str, lambda_: float) -> None:
    with pytest.raises(UsageError, match="lambda is"):
        score(method(name), np.eye(6), np.ones((2, 6)), lambda_)


def test_a_whole_number_is_a_lambda_too() -> None:
    phi, queries = np.eye(3), np.ones((2, 3))
    assert np.array_equal(
        score(method("trak"), phi, queries, 1), score(method("trak"), phi, queries, np.float32(1.0))
    )


def test_numbers_that_break_the_arithmetic_are_refused_by_name() -> None:
    with pytest.raises(UsageError, match="overflow"):
        score(method("trak"), np.full((2, 3), 1e200), np.ones((1, 3)))
    with pytest.raises(UsageError, match="residuals"):
        score(method("das"), np.eye(3), np.ones((1, 3)), 1.0, np.array([1.0, np.nan, 1.0]))
    with pytest.raises(UsageError, match="not finite"), np.errstate(all="ignore"):
        score(method("das"), np.eye(3, 5), np.ones((1, 5)), 1e-300, np.ones(3))


def test_files_that_are_not_tables_are_refused_by_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "good.npz", queries=np.eye(3))
    np.save(tmp_path / "one.npy", np.eye(3))
    (tmp_path / "empty.npz").write_bytes(b"")
    (tmp_path / "text.npz").write_text("features")
    np.savez(tmp_path / "complex.npz", features=np.eye(3) * 1j)
    whole = (tmp_path / "good.npz").read_bytes()
    (tmp_path / "damaged.npz").write_bytes(whole[:60] + bytes(30) + whole[90:])
    for name in ("one.npy", "empty.npz", "text.npz", "complex.npz", "damaged.npz"):
        with pytest.raises(UsageError, match=name.replace(".", r"\.")):
            score_files(tmp_path / name, tmp_path / "good.npz", tmp_path / "o.npz", "trak", 1.0)
