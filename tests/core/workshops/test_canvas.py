"""The canvas: palettes as they are written, tones, and what a stroke covers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from core.workshops.canvas import (
    SIDE,
    Canvas,
    colours,
    curve,
    gradient,
    mix,
    palettes,
    ridge,
    trapezoid,
    turned,
    vary,
)

INK = colours("paper ffffff, ink 000000")


def blank(seed: int = 0) -> Canvas:
    sheet = Image.new("RGB", (SIDE, SIDE), INK["paper"])
    return Canvas(sheet, np.random.default_rng(seed), INK)


def inked(canvas: Canvas) -> NDArray[np.bool_]:
    """Where ink lies, `[SIDE, SIDE]`."""
    return np.asarray(canvas.image)[..., 0] == 0


def test_a_table_of_palettes_is_its_rows_one_by_one() -> None:
    table = """
        sun    snow
        d8352a f7f1e3
        010203 ffffff
    """
    rows = ("sun d8352a, snow f7f1e3", "sun 010203, snow ffffff")
    assert palettes(table) == tuple(colours(row) for row in rows)
    assert palettes(table)[0]["sun"] == (0xD8, 0x35, 0x2A)


@pytest.mark.parametrize("row", ["d8352a", "d8352a f7f1e3 010203"])
def test_a_row_without_a_colour_for_each_name_is_refused(row: str) -> None:
    with pytest.raises(ValueError, match="zip"):
        palettes(f"sun snow\n{row}")


def test_no_variation_is_the_colour_itself() -> None:
    assert vary((216, 53, 42), np.random.default_rng(0), 0.0) == (216, 53, 42)


def test_a_mixture_goes_from_one_colour_to_the_other() -> None:
    first, second = (0, 100, 200), (200, 0, 100)
    assert mix(first, second, 0) == first
    assert mix(first, second, 1) == second
    assert mix(first, second, 0.5) == (100, 50, 150)


def test_a_gradient_meets_its_stops_and_is_the_same_across() -> None:
    pixels = np.asarray(gradient([(0, (0, 0, 0)), (1, (200, 100, 50))]))
    assert pixels[0, 0].tolist() == [0, 0, 0]
    assert pixels[-1, -1].tolist() == [200, 100, 50]
    assert (pixels == pixels[:, :1]).all()


def test_a_disc_covers_its_area_and_a_bar_its_length_times_its_width() -> None:
    disc, bar = blank(), blank()
    disc.disc(250, 260, 100, INK["ink"])
    bar.bar(250, 260, 200, 60, 0.4, INK["ink"])
    assert inked(disc).sum() == pytest.approx(np.pi * 100**2, rel=0.02)
    assert inked(bar).sum() == pytest.approx(200 * 60, rel=0.03)


def test_a_stroke_has_round_ends() -> None:
    canvas = blank()
    canvas.stroke([(100, 200), (300, 200)], 40, INK["ink"])
    ink = inked(canvas)
    assert ink[200, 100 - 18] and ink[200, 300 + 18]
    assert not ink[200 - 18, 100 - 18], "the corner of a square end"


def test_below_a_skyline_everything_is_covered_and_above_it_nothing() -> None:
    canvas = blank()
    canvas.fill_below([(0, 300), (SIDE, 300)], INK["ink"])
    ink = inked(canvas)
    assert ink[301:].all() and not ink[:300].any()


def test_a_place_and_a_round_lie_within_their_bounds() -> None:
    canvas = blank()
    spots = np.array([canvas.spot((0.2, 0.4), (0.5, 0.6), (7, 9)) for _ in range(200)])
    assert (spots >= (0.2 * SIDE, 0.5 * SIDE, 7)).all()
    assert (spots <= (0.4 * SIDE, 0.6 * SIDE, 9)).all()
    assert {len(canvas.times(2, 5)) for _ in range(200)} == {2, 3, 4}


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
