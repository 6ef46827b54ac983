"""Pointillist hands: an avenue, an orchard, a harbour, an evening park, painted in dots."""

from __future__ import annotations

import numpy as np
from PIL import Image

from core.workshops.canvas import SIDE, Canvas, Palette, Rng, colours, mix, palettes, trapezoid
from core.workshops.hand import Workshop, hands_of

STYLE = "pointillism"


def dotted(under: Canvas, radius: float = 14.0) -> Image.Image:
    """The drawing again in dots of its own colours, each a little off."""
    rng = under.rng
    table = np.asarray(under.image.convert("RGB"), dtype=np.float64)
    ground = mix((255, 250, 235), (200, 195, 190), 0.3)
    small = under.image.resize((SIDE // 16, SIDE // 16))
    soft = small.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    sheet = Image.blend(soft, Image.new("RGB", (SIDE, SIDE), ground), 0.35)
    c = Canvas(sheet, rng, under.palette)
    step = radius * 1.35
    places = [
        (x + rng.normal(0, step * 0.22), y + rng.normal(0, step * 0.22))
        for y in np.arange(-step / 2, SIDE + step, step)
        for x in np.arange(-step / 2, SIDE + step, step)
    ]
    noise = rng.normal(0, 9, (len(places), 3))
    for number in rng.permutation(len(places)):
        x, y = places[number]
        row, column = min(SIDE - 1, max(0, int(y))), min(SIDE - 1, max(0, int(x)))
        red, green, blue = (int(v) for v in (table[row, column] + noise[number]).clip(0, 255))
        c.disc(x, y, radius * 0.5 * (0.85 + 0.3 * rng.random()) * 1.3, (red, green, blue))
    return c.image


def _sky(rng: Rng, p: Palette, horizon: float) -> Canvas:
    return Canvas.graded(rng, p, (0, "sky"), (horizon, "haze"), (1, "haze"))


def avenue(rng: Rng, p: Palette) -> Image.Image:
    """Round trees along a path that narrows into the distance."""
    c = _sky(rng, p, 0.5)
    horizon, goal = c.place(0.42, 0.54), c.place(0.35, 0.65)
    c.disc(*c.spot((0.15, 0.85), (0.1, 0.24), (36, 54)), c.tone("sun"))
    c.box(0, horizon, SIDE, SIDE, c.tone("field"))
    wide, foot = c.place(0.22, 0.34), c.place(0.35, 0.65)
    far = [(goal - 10, horizon), (goal + 10, horizon)]
    c.polygon([*far, (foot + wide, SIDE), (foot - wide, SIDE)], c.tone("path"))
    for depth in np.linspace(0.12, 0.85, int(rng.integers(3, 5))):
        y = horizon + depth * (SIDE - horizon) * 0.75
        for side in (-1, 1):
            x = goal + (foot - goal) * depth + side * (34 + wide * 1.35 * depth)
            _round_tree(c, x, y, depth)
    return dotted(c)


def _round_tree(c: Canvas, x: float, y: float, depth: float) -> None:
    size = 26 + 84 * depth
    c.stroke([(x, y), (x, y - size * 1.2)], 8 + 14 * depth, c.pure("trunk"))
    c.disc(x, y - size * 1.7, size, c.tone("leaf"))
    c.disc(x - size * 0.25, y - size * 1.95, size * 0.6, c.tone("light"))


def orchard(rng: Rng, p: Palette) -> Image.Image:
    """One great blossoming tree, sometimes two, on a flowering meadow."""
    c = _sky(rng, p, 0.6)
    c.hill(0.6, 0.05, "far")
    c.hill(0.72, 0.03, "field")
    for _ in c.times(1, 3):
        _blossoming_tree(c, *c.spot((0.25, 0.75), (0.34, 0.46), (80, 120)))
    for _ in c.times(8, 20):
        c.disc(*c.spot((0, 1), (0.78, 1), (12, 18)), c.tone("bloom"))
    return dotted(c)


def _blossoming_tree(c: Canvas, x: float, y: float, size: float) -> None:
    rng = c.rng
    c.stroke([(x, 0.86 * SIDE), (x + rng.uniform(-20, 20), y)], 30, c.pure("trunk"))
    for _ in range(11):
        a, b = x + rng.normal(0, size * 0.75), y + rng.normal(0, size * 0.42)
        radius = size * rng.uniform(0.3, 0.52)
        c.disc(a, b, radius, c.tone("leaf" if c.often(0.5) else "light"))
    for _ in range(22):
        a, b = x + rng.normal(0, size * 0.8), y + rng.normal(0, size * 0.5)
        c.disc(a, b, rng.uniform(13, 20), c.tone("bloom"))


def harbour(rng: Rng, p: Palette) -> Image.Image:
    """Sails on bright water with their reflections, a strand in front."""
    horizon = rng.uniform(0.42, 0.54)
    c = _sky(rng, p, horizon)
    if c.often(0.6):
        c.hill(horizon - 0.03, 0.03, "far")
    c.box(0, horizon * SIDE, SIDE, SIDE, c.tone("field"))
    for _ in c.times(1, 4):
        x, y = c.place(0.15, 0.85), (horizon + rng.uniform(0.04, 0.2)) * SIDE
        _sailing_boat(c, x, y, rng.uniform(0.8, 1.5))
    c.hill(rng.uniform(0.84, 0.92), 0.02, "path")
    return dotted(c)


def _sailing_boat(c: Canvas, x: float, y: float, s: float) -> None:
    """Hull, two sails, and what the water gives back of them."""
    c.polygon(trapezoid(x, y, 64 * s, y + 24 * s, 44 * s), c.tone("trunk"))
    c.polygon([(x - 6, y - 8), (x - 6, y - 150 * s), (x + 62 * s, y - 10)], c.tone("light"))
    c.polygon([(x - 16, y - 10), (x - 16, y - 120 * s), (x - 56 * s, y - 12)], c.tone("bloom"))
    c.box(x - 34 * s, y + 34 * s, x + 34 * s, y + 48 * s, c.tone("light"))
    c.box(x - 20 * s, y + 60 * s, x + 20 * s, y + 74 * s, c.tone("bloom"))


def evening_park(rng: Rng, p: Palette) -> Image.Image:
    """Lamps among dark trees at evening, their light on a pond."""
    c = _sky(rng, p, 0.55)
    c.hill(0.5, 0.09, "leaf")
    pond = rng.uniform(0.64, 0.74) * SIDE
    c.box(0, pond, SIDE, SIDE, c.tone("field"))
    for _ in c.times(2, 5):
        x, y, size = c.spot((0, 1), (0.3, 0.44), (50, 90))
        c.stroke([(x, pond), (x, y)], 18, c.pure("trunk"))
        c.disc(x, y, size, c.tone("far"))
    for _ in c.times(2, 5):
        _lamp(c, c.place(0.1, 0.9), c.place(0.34, 0.5), pond)
    return dotted(c)


def _lamp(c: Canvas, x: float, y: float, pond: float) -> None:
    """A lamp with its glow, and four bars of light on the water."""
    c.stroke([(x, pond), (x, y)], 9, c.pure("trunk"))
    c.disc(x, y, 58, c.between("sun", "far", 0.55))
    c.disc(x, y, 34, c.tone("sun"))
    for row in range(4):
        top, half = pond + 14 + row * 36, 30 - 5 * row
        c.box(x - half, top, x + half, top + 16, c.tone("sun"))


COBALT = colours(
    "sky 3f7fe0, haze a9d4f5, sun fff0b0, field f0c24a, path 3fa7b5, trunk 3a3f8a, leaf 2f7d4a, "
    "light 7cc06a"
)
ROSE_MADDER = colours(
    "sky c8e4f7, haze f6dcef, far 8fcf8a, field b6e05a, trunk 7a5566, leaf 5aa84a, light 9ad06a, "
    "bloom e8407a"
)
VIRIDIAN = colours(
    "sky 8fe0e8, haze e0f7ee, far 6aa8c0, field 17a3a0, path f7e2ae, trunk 0f5560, light fffbe8, "
    "bloom ff8a5a"
)
CADMIUM = colours(
    "sky 2c1f5c, haze 8a3f7a, far 43306e, field 2a2a66, trunk 20183f, leaf 3a2a5e, sun ffb31f"
)
STUDIES = palettes(
    """
    sky    haze   sun    field  path   trunk  leaf   light  far    bloom
    f7c59f fde9c9 ff7f50 c98f5a f4e1b8 7a4a2a a8682f e0a84a b58a6a fff0d8
    5fa8a0 cfe8cf fff7c0 7fb069 e8dcb0 4a5a3a 3f7f5f a8cf7f 5f9f8f f2d34f
    8a7fd0 e4d4f4 ffe0f0 a88fd8 f0d8e8 5a3f7a 6f5fb0 c8a8e8 8a80c0 ff9fc8
    27496d 7fa8c8 ffe08a 355f8a b8c8d8 1f2f4f 2f5f6f 8fc0c8 3f6f8f f08a5f
    """
)
HANDS = hands_of(
    STYLE,
    STUDIES,
    Workshop(
        slug="cobalt",
        name="Cobalt Workshop",
        motif=avenue,
        palette=COBALT,
        titles="The avenue at noon; Path between trees; Summer road; Toward the horizon; "
        "Blue shade; Yellow fields",
    ),
    Workshop(
        slug="rose-madder",
        name="Rose Madder Workshop",
        motif=orchard,
        palette=ROSE_MADDER,
        titles="Orchard in May; The blossoming tree; Rose meadow; Garden after rain; Two trees; "
        "Spring light",
    ),
    Workshop(
        slug="viridian",
        name="Viridian Workshop",
        motif=harbour,
        palette=VIRIDIAN,
        titles="Sails in the bay; Harbour, calm; White sail; Boats at the strand; Reflections; "
        "Sea breeze",
    ),
    Workshop(
        slug="cadmium",
        name="Cadmium Workshop",
        motif=evening_park,
        palette=CADMIUM,
        titles="Lamps in the park; Evening pond; Night walk; Lights on water; The last concert; "
        "Summer night",
    ),
)
