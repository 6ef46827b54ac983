"""Sharpening is an odd power: it keeps signs and order, and is nothing at exponent one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.attribution.scoring.sharpening import PLAIN, SHARPENINGS, Sharpening
from core.errors import UsageError

SCORES = st.lists(st.floats(-50, 50), min_size=1, max_size=12)


@given(SCORES, st.sampled_from(SHARPENINGS))
def test_it_equals_an_explicit_loop(scores: list[float], shape: Sharpening) -> None:
    expected = []
    for score in scores:
        size = math.pow(abs(score), shape.exponent)
        expected.append(size if score > 0 else 0.0 if shape.positive else -size)
    np.testing.assert_allclose(shape.of(np.array(scores)), expected)


@given(SCORES, st.sampled_from(SHARPENINGS))
def test_no_order_is_turned_round(scores: list[float], shape: Sharpening) -> None:
    ordered = np.sort(np.array(scores))
    assert (np.diff(shape.of(ordered)) >= 0).all()


@given(SCORES)
def test_exponent_one_changes_nothing(scores: list[float]) -> None:
    np.testing.assert_array_equal(PLAIN.of(np.array(scores)), np.array(scores))


@given(SCORES, st.floats(0.1, 10.0))
def test_shares_of_sharpened_scores_do_not_depend_on_their_unit(
    scores: list[float], unit: float
) -> None:
    shape = Sharpening(2.0, positive=True)
    values = np.array([*scores, 1.0])
    one, other = shape.of(values), shape.of(unit * values)
    np.testing.assert_allclose(one / one.sum(), other / other.sum(), atol=1e-9)


@pytest.mark.parametrize("exponent", [0.0, -1.0, float("nan"), float("inf")])
def test_an_exponent_that_is_no_shape_is_refused(exponent: float) -> None:
    with pytest.raises(UsageError, match="exponent"):
        Sharpening(exponent)
