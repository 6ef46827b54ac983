"""Art nouveau hands: lilies, peacock feathers, irises, sunflowers, framed and haloed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

from core.workshops.canvas import (
    SIDE,
    Canvas,
    Colour,
    Palette,
    Point,
    Rng,
    colours,
    curve,
    mix,
    palettes,
    turned,
    vary,
)
from core.workshops.hand import Workshop, hands_of

STYLE = "art nouveau"
Bloom = Callable[[Canvas, float, float, float], None]


def _panel(rng: Rng, p: Palette) -> Canvas:
    """A graded panel with a halo: a full disc, or a ring."""
    c = Canvas.graded(rng, p, (0, "top"), (1, "bottom"))
    x, y, r = c.spot((0.38, 0.62), (0.32, 0.44), (120, 165))
    if c.often(0.75):
        c.disc(x, y, r + 16, c.tone("line"))
        c.disc(x, y, r, c.tone("halo"))
    else:
        c.draw.ellipse((x - r, y - r, x + r, y + r), outline=c.tone("line"), width=18)
    return c


def _frame(c: Canvas) -> None:
    c.draw.rectangle((0, 0, SIDE - 1, SIDE - 1), outline=c.pure("frame"), width=26)
    c.draw.rectangle((34, 34, SIDE - 35, SIDE - 35), outline=c.tone("line"), width=8)
    if c.often(0.6):
        for corner in ((34, 34), (SIDE - 34, 34), (34, SIDE - 34), (SIDE - 34, SIDE - 34)):
            c.disc(*corner, 30, c.pure("frame"))
            c.disc(*corner, 15, c.pure("line"))


def _bouquet(rng: Rng, p: Palette, bloom: Bloom, low: int, high: int, size: float) -> Image.Image:
    """Stems from one root, then the blooms over them, then the frame."""
    c = _panel(rng, p)
    root, count = c.place(0.4, 0.6), int(rng.integers(low, high))
    lean = rng.uniform(-70, 70)
    places = np.linspace(0.2, 0.8, count) * SIDE + rng.normal(0, 14, count) + lean * 0.5
    heads = [_stem(c, root, float(place)) for place in places]
    for x, y in heads:
        bloom(c, x, y, size * rng.uniform(0.85, 1.15))
    _frame(c)
    return c.image


def _stem(c: Canvas, root: float, x: float) -> Point:
    """A swaying stem, mostly with a leaf; gives the place of its head."""
    y, sway = c.place(0.22, 0.52), c.rng.uniform(-130, 130)
    foot = (root + c.rng.normal(0, 16), SIDE - 30)
    line = curve(foot, (root + sway, 0.75 * SIDE), (x - sway * 0.7, 0.6 * SIDE), (x, y))
    c.stroke(line, 14, c.tone("stem"))
    if c.often(0.7):
        _leaf(c, *line[int(c.rng.integers(10, 24))])
    return x, y


def _leaf(c: Canvas, x: float, y: float) -> None:
    side = c.rng.choice([-1, 1])
    tip = (x + side * 120, y + 60)
    above = curve((x, y), (x + side * 70, y - 50), (x + side * 110, y + 10), tip)
    below = curve(tip, (x + side * 80, y + 60), (x + side * 30, y + 40), (x, y + 16))
    c.polygon(above + below, c.between("stem", "halo", 0.15))


def _petal(
    c: Canvas, x: float, y: float, length: float, width: float, angle: float, colour: Colour
) -> None:
    shape = curve((0, 0), (length * 0.3, -width), (length * 0.8, -width * 0.8), (length, 0), 16)
    shape += curve((length, 0), (length * 0.8, width * 0.8), (length * 0.3, width), (0, 0), 16)
    c.polygon(turned(shape, angle, x, y), colour)


def _lily(c: Canvas, x: float, y: float, s: float) -> None:
    turn = c.rng.uniform(-0.3, 0.3) - np.pi / 2
    shaded = mix(c.pure("petal"), c.pure("line"), 0.12)
    for number, spread in enumerate((-0.95, 0.95, -0.45, 0.45, 0.0)):
        tone = vary(shaded if number == 2 else c.pure("petal"), c.rng, 0.01)
        _petal(c, x, y + 20, 92 * s, 25 * s, turn + spread, tone)
    c.disc(x, y + 4, 12 * s, c.pure("heart"))


def _feather(c: Canvas, x: float, y: float, s: float) -> None:
    for radius, name in ((56, "stem"), (45, "petal"), (31, "heart"), (16, "frame")):
        wide, high = radius * s * 0.85, radius * s
        c.oval(x - wide, y - high, x + wide, y + high, c.tone(name))


def _iris(c: Canvas, x: float, y: float, s: float) -> None:
    for angle in (-np.pi / 2, -np.pi / 2 - 0.55, -np.pi / 2 + 0.55):
        _petal(c, x, y, 76 * s, 26 * s, angle + c.rng.normal(0, 0.06), c.tone("petal"))
    for angle in (0.35, np.pi - 0.35, np.pi / 2):
        turn = angle + c.rng.normal(0, 0.1)
        _petal(c, x, y, 74 * s, 28 * s, turn, c.between("petal", "frame", 0.3))
    _petal(c, x, y, 44 * s, 9 * s, np.pi / 2, c.pure("heart"))


def _sunflower(c: Canvas, x: float, y: float, s: float) -> None:
    start = c.rng.uniform(0, 1)
    for number in range(14):
        angle = start + number * 2 * np.pi / 14
        _petal(c, x, y, 78 * s, 15 * s, angle, c.tone("petal", 0.015))
    c.disc(x, y, 36 * s, c.tone("heart"))


def lilies(rng: Rng, p: Palette) -> Image.Image:
    """White lilies rising through a halo."""
    return _bouquet(rng, p, _lily, 2, 5, 1.1)


def feathers(rng: Rng, p: Palette) -> Image.Image:
    """Peacock eyes on long curving quills."""
    return _bouquet(rng, p, _feather, 3, 6, 1.0)


def irises(rng: Rng, p: Palette) -> Image.Image:
    """Irises, upright and drooping."""
    return _bouquet(rng, p, _iris, 2, 5, 1.15)


def sunflowers(rng: Rng, p: Palette) -> Image.Image:
    """Sunflowers turned to the viewer."""
    return _bouquet(rng, p, _sunflower, 2, 4, 1.05)


NAPLES_YELLOW = colours(
    "top d9c78a, bottom f2e6b8, halo f8efc8, line b8862a, frame 5f7a3a, stem 3f7a3f, "
    "petal fffdf4, heart f0a81f"
)
MALACHITE = colours(
    "top 0f5f66, bottom 0a3f52, halo 127a78, line e0b84a, frame 0a2f3a, stem 2fae8f, "
    "petal 1f4fb0, heart f2c84a"
)
MANGANESE_VIOLET = colours(
    "top d8c8f0, bottom b89ad8, halo f6e8f8, line e8c25a, frame 4a2f7a, stem 4a7f4a, "
    "petal 6f3fc0, heart ffd24a"
)
REALGAR = colours(
    "top f8c88a, bottom e8865a, halo fde6b8, line 8a2f1f, frame 6f1f1f, stem 5f6f2a, "
    "petal ffb81f, heart 4a2412"
)
STUDIES = palettes(
    """
    top    bottom halo   line   frame  stem   petal  heart
    f4d0d8 e89ab0 fdeef0 a84a6a 7a2f4a 5f8a5a d83a6a ffe08a
    bfe0ea 7fb8d8 eef8fa 2f6f9a 1f4a6a 3f8a7a 3a7fd0 fff0a0
    3a2f4a 241c38 5a4a70 d8a84a 16101f 7a9a5a e8d8c0 d8552a
    d8e0b0 a8c07a f4f6d8 6a7a2a 3f5a2a 2f6a3a e8742a 7a2f1f
    """
)
HANDS = hands_of(
    STYLE,
    STUDIES,
    Workshop(
        slug="naples-yellow",
        name="Naples Yellow Workshop",
        motif=lilies,
        palette=NAPLES_YELLOW,
        titles="Lilies; White lilies and halo; Three stems; The annunciation flower; Lily panel; "
        "Morning lilies",
    ),
    Workshop(
        slug="malachite",
        name="Malachite Workshop",
        motif=feathers,
        palette=MALACHITE,
        titles="Peacock; Eyes of the bird; Quills; Feather panel; The watching fan; Green night",
    ),
    Workshop(
        slug="manganese-violet",
        name="Manganese Violet Workshop",
        motif=irises,
        palette=MANGANESE_VIOLET,
        titles="Irises; Violet panel; Iris and halo; The drooping petal; Garden in lilac; "
        "Two irises",
    ),
    Workshop(
        slug="realgar",
        name="Realgar Workshop",
        motif=sunflowers,
        palette=REALGAR,
        titles="Sunflowers; Harvest panel; The turning heads; Late summer; Sun and stem; August",
    ),
)
