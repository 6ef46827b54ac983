"""Outlines as points: where they begin and end, and what turning leaves as it was."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.workshops.strokes import SIDE, curve, ridge, trapezoid, turned


def test_a_curve_goes_from_its_first_point_to_its_last() -> None:
    line = curve((0, 0), (10, 50), (90, 50), (100, 0), 21)
    assert len(line) == 21
    assert line[0] == (0, 0) and line[-1] == (100, 0)
    assert line[10] == pytest.approx((50, 37.5))


def test_a_curve_through_equal_steps_is_a_straight_line() -> None:
    line = curve((0, 0), (10, 20), (20, 40), (30, 60))
    assert [y for _, y in line] == pytest.approx([2 * x for x, _ in line])


def test_turning_keeps_distances_and_a_quarter_swaps_the_axes() -> None:
    shape = [(0.0, 0.0), (30.0, 0.0), (30.0, 40.0)]
    moved = turned(shape, 0.7, 100, 200)
    assert math.dist(moved[0], moved[2]) == pytest.approx(50)
    assert turned([(10, 0)], math.pi / 2, 5, 6)[0] == pytest.approx((5, 16))


def test_a_trapezoid_is_as_wide_as_its_halves_say_and_even_around_its_middle() -> None:
    a, b, c, d = trapezoid(100, 20, 30, 80, 10)
    assert (a[1], b[1], c[1], d[1]) == (20, 20, 80, 80)
    assert (b[0] - a[0], c[0] - d[0]) == (60, 20)
    assert (a[0] + b[0]) / 2 == (c[0] + d[0]) / 2 == 100


def test_a_ridge_spans_the_side_around_its_base() -> None:
    line = ridge(np.random.default_rng(1), 0.6, 0.05)
    assert line[0][0] == 0 and line[-1][0] == SIDE
    limit = 0.05 * (1 + 1 / 2 + 1 / 3) * SIDE
    assert all(abs(y - 0.6 * SIDE) <= limit for _, y in line)
