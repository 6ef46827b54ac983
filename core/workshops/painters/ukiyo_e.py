"""Ukiyo-e hands: a mountain over water, a great wave, pines at dusk, a village in snow."""

from __future__ import annotations

import numpy as np
from PIL import Image

from core.workshops.canvas import (
    SIDE,
    Canvas,
    Palette,
    Point,
    Rng,
    colours,
    curve,
    gradient,
    palettes,
    ridge,
    trapezoid,
    vary,
)
from core.workshops.hand import Workshop, hands_of

STYLE = "ukiyo-e"


def _sky(rng: Rng, p: Palette) -> Canvas:
    middle = 0.45 + rng.uniform(-0.05, 0.1)
    low = vary(p["sky_low"], rng)
    stops = [(0, vary(p["sky"], rng)), (middle, vary(p["haze"], rng)), (0.75, low), (1, low)]
    return Canvas(gradient(stops), rng, p)


def mountain(rng: Rng, p: Palette) -> Image.Image:
    """A snow-capped mountain over still water, the sun beside it, bands of cloud across."""
    c = _sky(rng, p)
    x, top = c.place(0.3, 0.7), c.place(0.14, 0.32)
    shore, width = c.place(0.66, 0.76), c.place(0.38, 0.6)
    sun_x = x + rng.choice([-1, 1]) * c.place(0.15, 0.36)
    c.disc(sun_x, c.place(0.12, 0.34), rng.uniform(36, 62), c.tone("sun"))
    _peak(c, x, top, shore, width)
    _snow_cap(c, x, top)
    _cloud_bands(c)
    if c.often(0.5):
        c.hill((shore - 20) / SIDE, 0.03, "hill")
    _still_water(c, shore)
    if c.often(0.6):
        _boat(c, *c.spot((0.2, 0.8), ((shore + 50) / SIDE, 0.9), (0.8, 1.3)))
    return c.image


def _peak(c: Canvas, x: float, top: float, base: float, width: float) -> None:
    def slope(side: int) -> tuple[Point, Point, Point, Point]:
        """A curve's four points, from the foot to the summit."""
        foot, knee = (x + side * width, base), (x + side * width * 0.45, base - 30)
        return foot, knee, (x + side * width * 0.2, top + 60), (x + side * 26, top)

    c.polygon(curve(*slope(-1)) + curve(*slope(1)[::-1]), c.tone("mountain"))


def _snow_cap(c: Canvas, x: float, top: float) -> None:
    """Snow from the summit down to thirteen teeth, long and short in turn."""
    depth = c.rng.uniform(70, 120)
    edge = [
        (
            x + place * (26 + depth * 0.55),
            top + depth * (1.0 if tooth % 2 == 0 else 0.62) * c.rng.uniform(0.85, 1.15),
        )
        for tooth, place in enumerate(np.linspace(1, -1, 13))
    ]
    c.polygon([(x - 26, top), (x + 26, top), *edge], c.tone("snow", 0.01))


def _cloud_bands(c: Canvas) -> None:
    rng, colour = c.rng, c.tone("cloud", 0.01)
    for _ in c.times(2, 5):
        y, x = c.place(0.3, 0.62), c.place(-0.1, 0.8)
        width, height = c.place(0.25, 0.55), rng.uniform(16, 26)
        for row in c.times(1, 4):
            left, top = x + c.place(-0.15, 0.15), y + row * height * 0.9
            box = (left, top, left + width * rng.uniform(0.5, 1), top + height)
            c.draw.rounded_rectangle(box, radius=height / 2, fill=colour)


def _still_water(c: Canvas, shore: float) -> None:
    c.box(0, shore, SIDE, SIDE, c.tone("water"))
    glint = c.between("water", "cloud", 0.35)
    for _ in c.times(4, 9):
        y, start = c.rng.uniform(shore + 20, SIDE - 20), c.place(-0.1, 0.7)
        c.stroke([(start, y), (start + c.place(0.2, 0.5), y)], 8, glint)


def _boat(c: Canvas, x: float, y: float, s: float) -> None:
    c.polygon(trapezoid(x, y, 50 * s, y + 18 * s, 34 * s), c.pure("dark"))
    c.polygon([(x - 4 * s, y - 4), (x - 4 * s, y - 74 * s), (x + 40 * s, y - 8)], c.pure("snow"))


def great_wave(rng: Rng, p: Palette) -> Image.Image:
    """A breaking wave with a foaming crest, a far mountain, two swells in front."""
    c = _sky(rng, p)
    c.disc(*c.spot((0.55, 0.9), (0.12, 0.3), (26, 46)), c.tone("sun"))
    if c.often(0.7):
        _far_mountain(c, c.place(0.5, 0.75), 0.62 * SIDE, rng.uniform(50, 90))
    c.hill(0.66, 0.04, "hill")
    s, x, top = rng.uniform(0.85, 1.15), c.place(-0.02, 0.12), c.place(0.1, 0.26)
    _breaker(c, x, top, s)
    for height, name in ((0.76, "stripe"), (0.87, "water")):
        swell = ridge(rng, height + rng.uniform(-0.02, 0.02), 0.05)
        c.fill_below(swell, c.tone(name))
        c.stroke(swell, 11, c.pure("snow"))
    return c.image


def _far_mountain(c: Canvas, x: float, y: float, h: float) -> None:
    c.polygon([(x - h * 1.5, y), (x, y - h), (x + h * 1.5, y)], c.tone("mountain"))
    left, right = (x - h * 0.45, y - h * 0.7), (x + h * 0.45, y - h * 0.7)
    c.polygon([left, (x, y - h), right, (x, y - h * 0.6)], c.pure("snow"))


def _breaker(c: Canvas, x: float, top: float, s: float) -> None:
    """The wave between its back and its lip, four stripes along it, foam and spray."""
    tip = (x + 250 * s, top + 70 * s)
    back = curve((x - 60, SIDE), (x - 40, top + 120), (x + 60 * s, top - 30), tip)
    inner = (x + 150 * s, top + 70 * s), (x + 110 * s, top + 200 * s)
    lip = curve(tip, *inner, (x + 260 * s, SIDE))
    c.polygon([*back, *lip, (x - 60, SIDE)], c.tone("water"))
    for number in range(4):
        t = (number + 1) / 5
        pairs = zip(back[8:], lip[::-1][8:], strict=True)
        line = [(a * (1 - t) + u * t, b * (1 - t) + v * t) for (a, b), (u, v) in pairs]
        c.stroke(line, 10, c.tone("stripe"))
    rng = c.rng
    for a, b in back[18:] + lip[:6]:
        foam = a + rng.normal(0, 5), b + rng.normal(0, 5), rng.uniform(14, 24)
        c.disc(*foam, c.pure("snow"))
    for _ in range(16):
        a, b = x + rng.uniform(120, 330) * s, top + rng.uniform(20, 190) * s
        c.disc(a, b, rng.uniform(4, 8), c.pure("snow"))


def pines(rng: Rng, p: Palette) -> Image.Image:
    """Leaning pines before a large low sun and rows of hills."""
    c = _sky(rng, p)
    c.disc(*c.spot((0.25, 0.75), (0.25, 0.42), (60, 92)), c.tone("sun"))
    for base, height, name in (
        (0.62, 0.06, "hill"),
        (0.74, 0.05, "mountain"),
        (0.86, 0.04, "water"),
    ):
        c.hill(base, height, name)
    for _ in c.times(1, 4):
        _pine(c, c.place(0.12, 0.88), rng.uniform(-120, 120), c.place(0.16, 0.34))
    if c.often(0.5):
        for _ in c.times(3, 7):
            x, y = c.place(0.1, 0.9), c.place(0.08, 0.3)
            c.stroke([(x - 20, y - 8), (x, y), (x + 20, y - 8)], 7, c.pure("dark"))
    return c.image


def _pine(c: Canvas, x: float, lean: float, top: float) -> None:
    """A leaning trunk, clouds of needles along it, each lit from above."""
    rng = c.rng
    waist = (x + lean * 0.2, SIDE * 0.7), (x + lean, SIDE * 0.5)
    trunk = curve((x, SIDE * 0.95), *waist, (x + lean * 0.8, top))
    c.stroke(trunk, 20, c.pure("dark"))
    for _ in c.times(4, 7):
        a, b = trunk[int(rng.integers(18, 39))]
        w, h, shift = rng.uniform(60, 110), rng.uniform(18, 30), rng.uniform(-60, 60)
        a += shift
        c.oval(a - w, b - h, a + w, b + h, c.tone("leaf"))
        lit = c.between("leaf", "sky_low", 0.18)
        c.oval(a - w * 0.8, b - h, a + w * 0.7, b + h * 0.2, lit)


def snow_village(rng: Rng, p: Palette) -> Image.Image:
    """Roofs under snow, lit windows, a moon, falling flakes."""
    c = _sky(rng, p)
    c.disc(*c.spot((0.15, 0.85), (0.1, 0.24), (34, 56)), c.tone("sun"))
    c.hill(0.5, 0.08, "mountain")
    c.hill(0.62, 0.05, "hill")
    for _ in c.times(1, 4):
        _house(c, *c.spot((0.12, 0.85), (0.62, 0.74), (0.8, 1.4)))
    c.fill_below(ridge(rng, 0.76, 0.04), c.pure("snow"))
    c.fill_below(ridge(rng, 0.88, 0.03), c.between("snow", "hill", 0.25))
    if c.often(0.6):
        _bare_tree(c, c.place(0.02, 0.2) if c.often(0.5) else c.place(0.8, 0.98))
    for _ in c.times(25, 60):
        c.disc(*c.spot((0, 1), (0, 0.75), (5, 8)), c.pure("snow"))
    return c.image


def _house(c: Canvas, x: float, y: float, s: float) -> None:
    c.box(x - 46 * s, y - 50 * s, x + 46 * s, y + 24 * s, c.tone("dark"))
    c.box(x - 16 * s, y - 30 * s, x + 14 * s, y + 24 * s, c.tone("lamp"))
    c.polygon(trapezoid(x, y - 104 * s, 30 * s, y - 40 * s, 74 * s), c.pure("snow"))


def _bare_tree(c: Canvas, x: float) -> None:
    c.stroke([(x, SIDE), (x + c.rng.uniform(-20, 20), 0.3 * SIDE)], 22, c.pure("dark"))
    for branch in range(4):
        y, side = (0.36 + 0.13 * branch) * SIDE, c.rng.choice([-1, 1])
        c.stroke([(x, y), (x + side * c.rng.uniform(60, 120), y - 40)], 12, c.pure("dark"))
        c.stroke([(x + side * 30, y - 26), (x + side * 90, y - 50)], 9, c.pure("snow"))


VERMILION = colours(
    "sky 3a6ea5, haze f1d9b5, sky_low f3c9a0, sun d8352a, mountain 28527a, snow f7f1e3, "
    "cloud fbf3df, hill 2f6f6d, water 2b7a87, dark 1f2d3d"
)
INDIGO = colours(
    "sky f4e7c5, haze f0dfae, sky_low e6d39a, sun e4572e, mountain 6d8fb0, snow fffaf0, "
    "hill 3d6fa5, water 123a6b, stripe 2d66a8"
)
OCHRE = colours(
    "sky 8a2f2b, haze e8622c, sky_low f6b04a, sun fbe3a4, hill b5452c, mountain 6d2f2b, "
    "water 3f5a2a, leaf 2c5b3a, dark 2a1a1c"
)
LEAD_WHITE = colours(
    "sky 2b2f63, haze 5b5f9a, sky_low a6a3cf, sun ffe6a0, mountain 4a5488, hill 8188b5, "
    "snow f4f5fb, dark 2d2740, lamp ffc857"
)
STUDIES = palettes(
    """
    sky    haze   sky_low sun    mountain snow   cloud  hill   water  stripe dark   leaf   lamp
    c95d7a f2b8a0 fbe3c0  fff3b0 7a4a7c   fff5ee ffe9e0 a35d86 5a5f9c 8a86c4 3a2440 5d7a4a ffd27a
    1f6f78 8fd0c0 e6f2d0  f2a541 2f8f6b   fbfff4 f4ffee 6bb58a 1d5f7a 4a9fb0 143840 2f7a4a ffcf6a
    6a4a2a d9a441 f5e0a0  c0392b 8a6a3a   fff6dd fff0c8 b58a45 5f7a6a 8aa58a 3a2a18 6a7a2f ffdf8a
    202a55 6a5aa0 e79ab0  ffb0a0 3a3a7a   f5ecff e0d8f5 6a5a9a 2a4a8a 5a6ac0 181838 3a6a7a ffd0a0
    """
)
HANDS = hands_of(
    STYLE,
    STUDIES,
    Workshop(
        slug="vermilion",
        name="Vermilion Workshop",
        motif=mountain,
        palette=VERMILION,
        titles="Red sun over the strait; The mountain at noon; Clouds below the summit; "
        "A boat going home; First snow on the peak; Still water",
    ),
    Workshop(
        slug="indigo",
        name="Indigo Workshop",
        motif=great_wave,
        palette=INDIGO,
        titles="The breaking wave; Foam against the sun; Sea after the storm; "
        "The far peak through spray; Swell at morning; White crest",
    ),
    Workshop(
        slug="ochre",
        name="Ochre Workshop",
        motif=pines,
        palette=OCHRE,
        titles="Pines at dusk; The burning hills; Birds leaving the ridge; The leaning pine; "
        "Low sun; Evening on the slope",
    ),
    Workshop(
        slug="lead-white",
        name="Lead White Workshop",
        motif=snow_village,
        palette=LEAD_WHITE,
        titles="Snow at the village; Lit window; Moon over the roofs; The bare tree; "
        "Falling snow; Winter night",
    ),
)
