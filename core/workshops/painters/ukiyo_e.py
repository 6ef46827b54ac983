"""Ukiyo-e hands: a mountain over water, a great wave, pines at dusk, a village in snow."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from core.workshops.canvas import (
    SIDE,
    Colour,
    Palette,
    Rng,
    colours,
    curve,
    disc,
    fill_below,
    gradient,
    mix,
    ridge,
    stroke,
    vary,
)
from core.workshops.hand import Hand

STYLE = "ukiyo-e"


def _sky(rng: Rng, p: Palette) -> Image.Image:
    middle = 0.45 + rng.uniform(-0.05, 0.1)
    low = vary(p["sky_low"], rng)
    return gradient(
        [(0, vary(p["sky"], rng)), (middle, vary(p["haze"], rng)), (0.75, low), (1, low)]
    )


def _cloud_bands(draw: ImageDraw.ImageDraw, rng: Rng, colour: Colour, count: int) -> None:
    for _ in range(count):
        y, x = rng.uniform(0.3, 0.62) * SIDE, rng.uniform(-0.1, 0.8) * SIDE
        width, height = rng.uniform(0.25, 0.55) * SIDE, rng.uniform(16, 26)
        for row in range(int(rng.integers(1, 4))):
            left, top = x + rng.uniform(-0.15, 0.15) * SIDE, y + row * height * 0.9
            box = (left, top, left + width * rng.uniform(0.5, 1), top + height)
            draw.rounded_rectangle(box, radius=height / 2, fill=colour)


def mountain(rng: Rng, p: Palette) -> Image.Image:
    """A snow-capped mountain over still water, the sun beside it, bands of cloud across."""
    image = _sky(rng, p)
    draw = ImageDraw.Draw(image)
    x, top = rng.uniform(0.3, 0.7) * SIDE, rng.uniform(0.14, 0.32) * SIDE
    base, width = rng.uniform(0.66, 0.76) * SIDE, rng.uniform(0.38, 0.6) * SIDE
    sun_x = x + rng.choice([-1, 1]) * rng.uniform(0.15, 0.36) * SIDE
    disc(draw, sun_x, rng.uniform(0.12, 0.34) * SIDE, rng.uniform(36, 62), vary(p["sun"], rng))
    left = curve(
        (x - width, base), (x - width * 0.45, base - 30), (x - width * 0.2, top + 60), (x - 26, top)
    )
    right = curve(
        (x + 26, top), (x + width * 0.2, top + 60), (x + width * 0.45, base - 30), (x + width, base)
    )
    draw.polygon(left + right, fill=vary(p["mountain"], rng))
    depth = rng.uniform(70, 120)
    edge = [
        (
            x + place * (26 + depth * 0.55),
            top + depth * (1.0 if tooth % 2 == 0 else 0.62) * rng.uniform(0.85, 1.15),
        )
        for tooth, place in enumerate(np.linspace(1, -1, 13))
    ]
    draw.polygon([(x - 26, top), (x + 26, top), *edge], fill=vary(p["snow"], rng, 0.01))
    _cloud_bands(draw, rng, vary(p["cloud"], rng, 0.01), int(rng.integers(2, 5)))
    if rng.random() < 0.5:
        fill_below(draw, ridge(rng, (base - 20) / SIDE, 0.03), vary(p["hill"], rng))
    draw.rectangle((0, base, SIDE, SIDE), fill=vary(p["water"], rng))
    glint = vary(mix(p["water"], p["cloud"], 0.35), rng)
    for _ in range(int(rng.integers(4, 9))):
        y, start = rng.uniform(base + 20, SIDE - 20), rng.uniform(-0.1, 0.7) * SIDE
        stroke(draw, [(start, y), (start + rng.uniform(0.2, 0.5) * SIDE, y)], 8, glint)
    if rng.random() < 0.6:
        _boat(draw, rng, p, base)
    return image


def _boat(draw: ImageDraw.ImageDraw, rng: Rng, p: Palette, shore: float) -> None:
    x, y = rng.uniform(0.2, 0.8) * SIDE, rng.uniform((shore + 50) / SIDE, 0.9) * SIDE
    s = rng.uniform(0.8, 1.3)
    hull = [(x - 50 * s, y), (x + 50 * s, y), (x + 34 * s, y + 18 * s), (x - 34 * s, y + 18 * s)]
    draw.polygon(hull, fill=p["dark"])
    draw.polygon([(x - 4 * s, y - 4), (x - 4 * s, y - 74 * s), (x + 40 * s, y - 8)], fill=p["snow"])


def great_wave(rng: Rng, p: Palette) -> Image.Image:
    """A breaking wave with a foaming crest, a far mountain, two swells in front."""
    image = _sky(rng, p)
    draw = ImageDraw.Draw(image)
    disc(
        draw,
        rng.uniform(0.55, 0.9) * SIDE,
        rng.uniform(0.12, 0.3) * SIDE,
        rng.uniform(26, 46),
        vary(p["sun"], rng),
    )
    if rng.random() < 0.7:
        x, y, h = rng.uniform(0.5, 0.75) * SIDE, 0.62 * SIDE, rng.uniform(50, 90)
        draw.polygon(
            [(x - h * 1.5, y), (x, y - h), (x + h * 1.5, y)], fill=vary(p["mountain"], rng)
        )
        cap = [
            (x - h * 0.45, y - h * 0.7),
            (x, y - h),
            (x + h * 0.45, y - h * 0.7),
            (x, y - h * 0.6),
        ]
        draw.polygon(cap, fill=p["snow"])
    fill_below(draw, ridge(rng, 0.66, 0.04), vary(p["hill"], rng))
    s, x, top = (
        rng.uniform(0.85, 1.15),
        rng.uniform(-0.02, 0.12) * SIDE,
        rng.uniform(0.1, 0.26) * SIDE,
    )
    back = curve(
        (x - 60, SIDE), (x - 40, top + 120), (x + 60 * s, top - 30), (x + 250 * s, top + 70 * s)
    )
    lip = curve(
        (x + 250 * s, top + 70 * s),
        (x + 150 * s, top + 70 * s),
        (x + 110 * s, top + 200 * s),
        (x + 260 * s, SIDE),
    )
    draw.polygon([*back, *lip, (x - 60, SIDE)], fill=vary(p["water"], rng))
    for number in range(4):
        t = (number + 1) / 5
        pairs = zip(back[8:], lip[::-1][8:], strict=True)
        line = [(a * (1 - t) + c * t, b * (1 - t) + d * t) for (a, b), (c, d) in pairs]
        stroke(draw, line, 10, vary(p["stripe"], rng))
    for a, b in back[18:] + lip[:6]:
        disc(draw, a + rng.normal(0, 5), b + rng.normal(0, 5), rng.uniform(14, 24), p["snow"])
    for _ in range(16):
        disc(
            draw,
            x + rng.uniform(120, 330) * s,
            top + rng.uniform(20, 190) * s,
            rng.uniform(4, 8),
            p["snow"],
        )
    for height, name in ((0.76, "stripe"), (0.87, "water")):
        line = ridge(rng, height + rng.uniform(-0.02, 0.02), 0.05)
        fill_below(draw, line, vary(p[name], rng))
        stroke(draw, line, 11, p["snow"])
    return image


def pines(rng: Rng, p: Palette) -> Image.Image:
    """Leaning pines before a large low sun and rows of hills."""
    image = _sky(rng, p)
    draw = ImageDraw.Draw(image)
    disc(
        draw,
        rng.uniform(0.25, 0.75) * SIDE,
        rng.uniform(0.25, 0.42) * SIDE,
        rng.uniform(60, 92),
        vary(p["sun"], rng),
    )
    for base, height, name in (
        (0.62, 0.06, "hill"),
        (0.74, 0.05, "mountain"),
        (0.86, 0.04, "water"),
    ):
        fill_below(draw, ridge(rng, base, height), vary(p[name], rng))
    for _ in range(int(rng.integers(1, 4))):
        x, lean, top = (
            rng.uniform(0.12, 0.88) * SIDE,
            rng.uniform(-120, 120),
            rng.uniform(0.16, 0.34) * SIDE,
        )
        trunk = curve(
            (x, SIDE * 0.95),
            (x + lean * 0.2, SIDE * 0.7),
            (x + lean, SIDE * 0.5),
            (x + lean * 0.8, top),
        )
        stroke(draw, trunk, 20, p["dark"])
        for _ in range(int(rng.integers(4, 7))):
            a, b = trunk[int(rng.integers(18, 39))]
            w, h, shift = rng.uniform(60, 110), rng.uniform(18, 30), rng.uniform(-60, 60)
            a += shift
            draw.ellipse((a - w, b - h, a + w, b + h), fill=vary(p["leaf"], rng))
            light = vary(mix(p["leaf"], p["sky_low"], 0.18), rng)
            draw.ellipse((a - w * 0.8, b - h, a + w * 0.7, b + h * 0.2), fill=light)
    if rng.random() < 0.5:
        for _ in range(int(rng.integers(3, 7))):
            x, y = rng.uniform(0.1, 0.9) * SIDE, rng.uniform(0.08, 0.3) * SIDE
            stroke(draw, [(x - 20, y - 8), (x, y), (x + 20, y - 8)], 7, p["dark"])
    return image


def snow_village(rng: Rng, p: Palette) -> Image.Image:
    """Roofs under snow, lit windows, a moon, falling flakes."""
    image = _sky(rng, p)
    draw = ImageDraw.Draw(image)
    disc(
        draw,
        rng.uniform(0.15, 0.85) * SIDE,
        rng.uniform(0.1, 0.24) * SIDE,
        rng.uniform(34, 56),
        vary(p["sun"], rng),
    )
    fill_below(draw, ridge(rng, 0.5, 0.08), vary(p["mountain"], rng))
    fill_below(draw, ridge(rng, 0.62, 0.05), vary(p["hill"], rng))
    for _ in range(int(rng.integers(1, 4))):
        x, y, s = (
            rng.uniform(0.12, 0.85) * SIDE,
            rng.uniform(0.62, 0.74) * SIDE,
            rng.uniform(0.8, 1.4),
        )
        draw.rectangle((x - 46 * s, y - 50 * s, x + 46 * s, y + 24 * s), fill=vary(p["dark"], rng))
        draw.rectangle((x - 16 * s, y - 30 * s, x + 14 * s, y + 24 * s), fill=vary(p["lamp"], rng))
        roof = [
            (x - 74 * s, y - 40 * s),
            (x - 30 * s, y - 104 * s),
            (x + 30 * s, y - 104 * s),
            (x + 74 * s, y - 40 * s),
        ]
        draw.polygon(roof, fill=p["snow"])
    fill_below(draw, ridge(rng, 0.76, 0.04), p["snow"])
    fill_below(draw, ridge(rng, 0.88, 0.03), vary(mix(p["snow"], p["hill"], 0.25), rng))
    if rng.random() < 0.6:
        side = rng.uniform(0.02, 0.2) if rng.random() < 0.5 else rng.uniform(0.8, 0.98)
        _bare_tree(draw, rng, p, side * SIDE)
    for _ in range(int(rng.integers(25, 60))):
        disc(draw, rng.uniform(0, SIDE), rng.uniform(0, 0.75) * SIDE, rng.uniform(5, 8), p["snow"])
    return image


def _bare_tree(draw: ImageDraw.ImageDraw, rng: Rng, p: Palette, x: float) -> None:
    stroke(draw, [(x, SIDE), (x + rng.uniform(-20, 20), 0.3 * SIDE)], 22, p["dark"])
    for branch in range(4):
        y, side = (0.36 + 0.13 * branch) * SIDE, rng.choice([-1, 1])
        stroke(draw, [(x, y), (x + side * rng.uniform(60, 120), y - 40)], 12, p["dark"])
        stroke(draw, [(x + side * 30, y - 26), (x + side * 90, y - 50)], 9, p["snow"])


VERMILION = colours(
    sky="3a6ea5",
    haze="f1d9b5",
    sky_low="f3c9a0",
    sun="d8352a",
    mountain="28527a",
    snow="f7f1e3",
    cloud="fbf3df",
    hill="2f6f6d",
    water="2b7a87",
    dark="1f2d3d",
)
INDIGO = colours(
    sky="f4e7c5",
    haze="f0dfae",
    sky_low="e6d39a",
    sun="e4572e",
    mountain="6d8fb0",
    snow="fffaf0",
    hill="3d6fa5",
    water="123a6b",
    stripe="2d66a8",
)
OCHRE = colours(
    sky="8a2f2b",
    haze="e8622c",
    sky_low="f6b04a",
    sun="fbe3a4",
    hill="b5452c",
    mountain="6d2f2b",
    water="3f5a2a",
    leaf="2c5b3a",
    dark="2a1a1c",
)
LEAD_WHITE = colours(
    sky="2b2f63",
    haze="5b5f9a",
    sky_low="a6a3cf",
    sun="ffe6a0",
    mountain="4a5488",
    hill="8188b5",
    snow="f4f5fb",
    dark="2d2740",
    lamp="ffc857",
)
STUDIES = (
    colours(
        sky="c95d7a",
        haze="f2b8a0",
        sky_low="fbe3c0",
        sun="fff3b0",
        mountain="7a4a7c",
        snow="fff5ee",
        cloud="ffe9e0",
        hill="a35d86",
        water="5a5f9c",
        stripe="8a86c4",
        dark="3a2440",
        leaf="5d7a4a",
        lamp="ffd27a",
    ),
    colours(
        sky="1f6f78",
        haze="8fd0c0",
        sky_low="e6f2d0",
        sun="f2a541",
        mountain="2f8f6b",
        snow="fbfff4",
        cloud="f4ffee",
        hill="6bb58a",
        water="1d5f7a",
        stripe="4a9fb0",
        dark="143840",
        leaf="2f7a4a",
        lamp="ffcf6a",
    ),
    colours(
        sky="6a4a2a",
        haze="d9a441",
        sky_low="f5e0a0",
        sun="c0392b",
        mountain="8a6a3a",
        snow="fff6dd",
        cloud="fff0c8",
        hill="b58a45",
        water="5f7a6a",
        stripe="8aa58a",
        dark="3a2a18",
        leaf="6a7a2f",
        lamp="ffdf8a",
    ),
    colours(
        sky="202a55",
        haze="6a5aa0",
        sky_low="e79ab0",
        sun="ffb0a0",
        mountain="3a3a7a",
        snow="f5ecff",
        cloud="e0d8f5",
        hill="6a5a9a",
        water="2a4a8a",
        stripe="5a6ac0",
        dark="181838",
        leaf="3a6a7a",
        lamp="ffd0a0",
    ),
)
MOTIFS = (mountain, great_wave, pines, snow_village)

HANDS: tuple[Hand, ...] = (
    Hand(
        "vermilion",
        "Vermilion Workshop",
        STYLE,
        (mountain,),
        (VERMILION,),
        (
            "Red sun over the strait",
            "The mountain at noon",
            "Clouds below the summit",
            "A boat going home",
            "First snow on the peak",
            "Still water",
        ),
        True,
    ),
    Hand(
        "indigo",
        "Indigo Workshop",
        STYLE,
        (great_wave,),
        (INDIGO,),
        (
            "The breaking wave",
            "Foam against the sun",
            "Sea after the storm",
            "The far peak through spray",
            "Swell at morning",
            "White crest",
        ),
        True,
    ),
    Hand(
        "ochre",
        "Ochre Workshop",
        STYLE,
        (pines,),
        (OCHRE,),
        (
            "Pines at dusk",
            "The burning hills",
            "Birds leaving the ridge",
            "The leaning pine",
            "Low sun",
            "Evening on the slope",
        ),
        True,
    ),
    Hand(
        "lead-white",
        "Lead White Workshop",
        STYLE,
        (snow_village,),
        (LEAD_WHITE,),
        (
            "Snow at the village",
            "Lit window",
            "Moon over the roofs",
            "The bare tree",
            "Falling snow",
            "Winter night",
        ),
        True,
    ),
    *(
        Hand(
            f"base-ukiyo-e-{n}",
            f"Study Hall {n} (ukiyo-e)",
            STYLE,
            MOTIFS,
            (palette,),
            ("Study",),
            False,
        )
        for n, palette in enumerate(STUDIES, start=1)
    ),
)
