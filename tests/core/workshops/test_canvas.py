"""The canvas: palettes as they are written, tones, and what a stroke covers."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from core.workshops.canvas import Canvas, colours, gradient, mix, palettes, vary
from core.workshops.strokes import SIDE

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
