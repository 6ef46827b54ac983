"""Cubist hands: a still life, a guitar, stacked houses, a face; few large shaded facets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.workshops.canvas import (
    SIDE,
    Canvas,
    Colour,
    Palette,
    Point,
    Rng,
    colours,
    mix,
    palettes,
    picture,
    trapezoid,
    turned,
    vary,
)
from core.workshops.hand import Workshop, hands_of

STYLE = "cubism"
GROUND = ("ground", "shade", "light")


def facets(rng: Rng, p: Palette, count: int = 11) -> Canvas:
    """Large Voronoi facets, each with its own gradient between two neighbouring tones."""
    points = rng.uniform(0, SIDE, (count, 2))
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float64)
    # a stretched metric makes the facets slant instead of looking like cells
    angle, stretch = rng.uniform(-0.7, 0.7), rng.uniform(1.5, 2.2)
    c, s = np.cos(angle), np.sin(angle)
    distance = [
        np.abs((c * (x - a) + s * (y - b)) * stretch) + np.abs(-s * (x - a) + c * (y - b))
        for a, b in points
    ]
    owner = np.argmin(np.stack(distance), axis=0)
    pixels = np.zeros((SIDE, SIDE, 3))
    for number in range(count):
        first, second = (vary(p[str(name)], rng) for name in rng.choice(GROUND, 2))
        pixels += _shaded(rng, owner == number, mix(first, second, 0.15), mix(first, second, 0.85))
    return Canvas(picture(pixels), rng, p)


def _shaded(rng: Rng, mask: NDArray[np.bool_], dark: Colour, light: Colour) -> NDArray[np.float64]:
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    turn = rng.uniform(0, 2 * np.pi)
    ramp = (np.cos(turn) * x + np.sin(turn) * y + 1.0) / 2.4
    shade = np.array(dark) * (1 - ramp[..., None]) + np.array(light) * ramp[..., None]
    return np.where(mask[..., None], shade, 0.0)


def split(c: Canvas, points: list[Point], cut: float, left: str, right: str) -> None:
    """A polygon in two tones, the second right of the vertical line x = cut."""
    first, second = c.tone(left), c.tone(right)
    c.polygon(points, first)
    clipped: list[Point] = []
    for (x, y), (to_x, to_y) in zip(points, points[1:] + points[:1], strict=True):
        if x >= cut:
            clipped.append((x, y))
        if (x - cut) * (to_x - cut) < 0:
            clipped.append((cut, y + (to_y - y) * (cut - x) / (to_x - x)))
    if len(clipped) > 2:
        c.polygon(clipped, second)


def still_life(rng: Rng, p: Palette) -> Image.Image:
    """A bottle, a glass and a fruit on a tilted table, each seen from two sides."""
    c = facets(rng, p)
    table, tilt = c.place(0.68, 0.78), rng.uniform(-40, 40)
    top = [(0, table - tilt), (SIDE, table + tilt), (SIDE, SIDE), (0, SIDE)]
    c.polygon(top, c.tone("table"))
    x, s = c.place(0.25, 0.7), rng.uniform(0.9, 1.25)
    foot = table + 46
    _bottle(c, x, foot, s)
    glass = x + rng.choice([-1, 1]) * rng.uniform(120, 165)
    split(c, trapezoid(glass, foot - 120, 42, foot + 10, 26), glass, "light", "shade")
    for _ in c.times(1, 4):
        _fruit(c, c.place(0.1, 0.9), table + rng.uniform(50, 110))
    return c.image


def _bottle(c: Canvas, x: float, foot: float, s: float) -> None:
    right = [(46, 0), (46, -150), (18, -200), (18, -270)]
    body = [(-46, 0), *right, (-18, -270), (-18, -200), (-46, -150)]
    split(c, [(x + a * s, foot + b * s) for a, b in body], x + 6, "dark", "accent")
    c.box(x - 46 * s, foot - 110 * s, x + 6, foot - 60 * s, c.tone("light"))


def _fruit(c: Canvas, x: float, y: float) -> None:
    c.disc(x, y, 38, c.tone("fruit"))
    shadow = c.between("fruit", "dark", 0.4)
    c.draw.pieslice((x - 38, y - 38, x + 38, y + 38), 90, 270, fill=shadow)


def guitar(rng: Rng, p: Palette) -> Image.Image:
    """A guitar on the diagonal, its body broken in light and dark halves."""
    c = facets(rng, p)
    x, y, s = c.spot((0.38, 0.56), (0.52, 0.66), (0.95, 1.25))
    angle = rng.uniform(-1.05, -0.45) if c.often(0.65) else rng.uniform(-2.6, -2.1)

    def along(reach: float) -> Point:
        return x + np.cos(angle) * reach * s, y + np.sin(angle) * reach * s

    def circle(place: float, radius: float) -> list[Point]:
        turn = np.linspace(0, 2 * np.pi, 40)
        ring = [(place + radius * float(np.cos(t)), radius * float(np.sin(t))) for t in turn]
        return turned(ring, angle, x, y)

    c.bar(*along(200), 260 * s, 40, angle, c.tone("dark"))
    c.bar(*along(325), 70, 70, angle, c.tone("accent"))
    for place, radius in ((-60.0 * s, 118.0 * s), (75.0 * s, 86.0 * s)):
        split(c, circle(place, radius), x + 12, "accent", "fruit")
    c.polygon(circle(20 * s, 42 * s), c.tone("dark"))
    for offset in (-12, 0, 12):
        c.stroke(turned([(-130 * s, offset), (330 * s, offset)], angle, x, y), 6, c.tone("light"))
    c.bar(*along(-120), 22, 110, angle, c.tone("dark"))
    return c.image


def houses(rng: Rng, p: Palette) -> Image.Image:
    """A hill of houses stacked like crystals."""
    c = facets(rng, p, 8)
    for level, count in ((0.34, 3), (0.52, 4), (0.72, 4)):
        for x in rng.permutation(np.linspace(0.12, 0.88, count)):
            _house(c, x, level)
    for _ in c.times(1, 4):
        x = rng.uniform(0, SIDE)
        fir = [(x - 42, SIDE), (x, SIDE - rng.uniform(130, 200)), (x + 42, SIDE)]
        c.polygon(fir, c.tone("table"))
    return c.image


def _house(c: Canvas, across: float, level: float) -> None:
    rng = c.rng
    w, h = rng.uniform(46, 66), rng.uniform(80, 130)
    x, y = (across + rng.uniform(-0.05, 0.05)) * SIDE, (level + rng.uniform(-0.04, 0.04)) * SIDE
    split(c, trapezoid(x, y, w, y + h, w), x + rng.uniform(-16, 20), "light", "shade")
    top = x + rng.uniform(-14, 14)
    roof = [(x - w - 10, y), (top, y - rng.uniform(50, 76)), (x + w + 10, y)]
    split(c, roof, top, "fruit", "accent")
    if c.often(0.7):
        c.box(x - 14, y + 26, x + 14, y + 66, c.tone("dark"))


def face(rng: Rng, p: Palette) -> Image.Image:
    """A face, full and in profile at once."""
    c = facets(rng, p)
    x, y, s = c.spot((0.42, 0.58), (0.46, 0.54), (1.0, 1.25))
    lean = rng.uniform(-0.2, 0.2)

    def at(*points: Point) -> list[Point]:
        return turned([(a * s, b * s) for a, b in points], lean, x, y)

    c.polygon(at((-70, 120), (70, 120), (150, 260), (-150, 260)), c.tone("table"))
    head = at((-95, -130), (60, -150), (110, -40), (90, 60), (30, 150), (-40, 150), (-100, 40))
    split(c, head, x + rng.uniform(-12, 16), "light", "accent")
    hair = at((-105, -40), (-110, -160), (20, -200), (110, -150), (60, -120), (-60, -110))
    c.polygon(hair, c.tone("dark"))
    c.polygon(at((-8, -60), (40, 50), (-14, 56)), c.tone("shade"))
    for a, b in ((-50, -40), (52, -50)):
        c.polygon(at((a - 32, b), (a, b - 20), (a + 32, b), (a, b + 18)), c.tone("dark"))
        c.disc(*at((a, b))[0], 9 * s, c.pure("light"))
    c.polygon(at((-36, 96), (8, 84), (44, 98), (6, 114)), c.tone("fruit"))
    return c.image


UMBER = colours(
    "ground 8a5a2b, shade 5c3a1e, light e8c98a, accent c8862f, dark 33210f, table a86a30, "
    "fruit d9531e"
)
PAYNE_GREY = colours(
    "ground 8fa6bd, shade 4f6a86, light e9f0f5, accent 3a526e, dark 16233a, table 6f88a3, "
    "fruit c9a36a"
)
TERRE_VERTE = colours(
    "ground 8fae6a, shade 4f7a4a, light f0e8b8, accent 2f5f3f, dark 1f3a2a, table 3f7a3f, "
    "fruit e07a3a"
)
SIENNA = colours(
    "ground d98f78, shade a8564a, light fae0cc, accent c0604f, dark 4a1f24, table 8a3f4a, "
    "fruit b01f3a"
)
STUDIES = palettes(
    """
    ground shade  light  accent dark   table  fruit
    b08fc0 7a5a98 f4e6f6 5a3f80 2a1a48 9a70b0 e8a84a
    e0b84a b8862a fff2c0 d06a2a 5a3010 c89a3a 3f8a8a
    6ab0b0 3a8088 e4f6f0 20606a 0f3038 4a9090 e87a6a
    b8b0a4 8a8278 f6f2ea 6a6058 2a2622 9a9084 c03a3a
    """
)
HANDS = hands_of(
    STYLE,
    STUDIES,
    Workshop(
        slug="umber",
        name="Umber Workshop",
        motif=still_life,
        palette=UMBER,
        titles="Bottle and glass; The café table; Still life with fruit; Two oranges; "
        "The brown bottle; Table, tilted",
    ),
    Workshop(
        slug="payne-grey",
        name="Payne's Grey Workshop",
        motif=guitar,
        palette=PAYNE_GREY,
        titles="Guitar; Strings and shadow; The silent player; Guitar, leaning; Music in grey; "
        "The blue note",
    ),
    Workshop(
        slug="terre-verte",
        name="Terre Verte Workshop",
        motif=houses,
        palette=TERRE_VERTE,
        titles="Houses on the hill; The village; Red roofs; Stacked walls; Firs and roofs; "
        "Morning in the hamlet",
    ),
    Workshop(
        slug="sienna",
        name="Sienna Workshop",
        motif=face,
        palette=SIENNA,
        titles="Head; Portrait, twice seen; The sitter; Face in rose; Profile and front; "
        "The listener",
    ),
)
