"""Art nouveau hands: lilies, peacock feathers, irises, sunflowers, framed and haloed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from core.workshops.canvas import (
    SIDE,
    Palette,
    Rng,
    colours,
    curve,
    disc,
    gradient,
    mix,
    stroke,
    turned,
    vary,
)
from core.workshops.hand import Hand

STYLE = "art nouveau"
Bloom = Callable[[ImageDraw.ImageDraw, Rng, Palette, float, float, float], None]


def _panel(rng: Rng, p: Palette) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = gradient([(0, vary(p["top"], rng)), (1, vary(p["bottom"], rng))])
    draw = ImageDraw.Draw(image)
    x, y, r = rng.uniform(0.38, 0.62) * SIDE, rng.uniform(0.32, 0.44) * SIDE, rng.uniform(120, 165)
    if rng.random() < 0.75:
        disc(draw, x, y, r + 16, vary(p["line"], rng))
        disc(draw, x, y, r, vary(p["halo"], rng))
    else:
        draw.ellipse((x - r, y - r, x + r, y + r), outline=vary(p["line"], rng), width=18)
    return image, draw


def _frame(draw: ImageDraw.ImageDraw, rng: Rng, p: Palette) -> None:
    draw.rectangle((0, 0, SIDE - 1, SIDE - 1), outline=p["frame"], width=26)
    draw.rectangle((34, 34, SIDE - 35, SIDE - 35), outline=vary(p["line"], rng), width=8)
    if rng.random() < 0.6:
        for corner in ((34, 34), (SIDE - 34, 34), (34, SIDE - 34), (SIDE - 34, SIDE - 34)):
            disc(draw, *corner, 30, p["frame"])
            disc(draw, *corner, 15, p["line"])


def _bouquet(rng: Rng, p: Palette, bloom: Bloom, low: int, high: int, size: float) -> Image.Image:
    image, draw = _panel(rng, p)
    root, count = rng.uniform(0.4, 0.6) * SIDE, int(rng.integers(low, high))
    lean = rng.uniform(-70, 70)
    places = np.linspace(0.2, 0.8, count) * SIDE + rng.normal(0, 14, count) + lean * 0.5
    heads = []
    for place in places:
        y = rng.uniform(0.22, 0.52) * SIDE
        sway = rng.uniform(-130, 130)
        stem = curve(
            (root + rng.normal(0, 16), SIDE - 30),
            (root + sway, 0.75 * SIDE),
            (place - sway * 0.7, 0.6 * SIDE),
            (float(place), y),
        )
        stroke(draw, stem, 14, vary(p["stem"], rng))
        if rng.random() < 0.7:
            a, b = stem[int(rng.integers(10, 24))]
            side = rng.choice([-1, 1])
            leaf = curve(
                (a, b), (a + side * 70, b - 50), (a + side * 110, b + 10), (a + side * 120, b + 60)
            )
            leaf += curve(
                (a + side * 120, b + 60),
                (a + side * 80, b + 60),
                (a + side * 30, b + 40),
                (a, b + 16),
            )
            draw.polygon(leaf, fill=vary(mix(p["stem"], p["halo"], 0.15), rng))
        heads.append((float(place), y))
    for x, y in heads:
        bloom(draw, rng, p, x, y, size * rng.uniform(0.85, 1.15))
    _frame(draw, rng, p)
    return image


def _petal(
    draw: ImageDraw.ImageDraw,
    x: float,
    y: float,
    length: float,
    width: float,
    angle: float,
    colour: tuple[int, int, int],
) -> None:
    shape = curve((0, 0), (length * 0.3, -width), (length * 0.8, -width * 0.8), (length, 0), 16)
    shape += curve((length, 0), (length * 0.8, width * 0.8), (length * 0.3, width), (0, 0), 16)
    draw.polygon(turned(shape, angle, x, y), fill=colour)


def _lily(draw: ImageDraw.ImageDraw, rng: Rng, p: Palette, x: float, y: float, s: float) -> None:
    turn = rng.uniform(-0.3, 0.3) - np.pi / 2
    for number, spread in enumerate((-0.95, 0.95, -0.45, 0.45, 0.0)):
        tone = vary(p["petal"] if number != 2 else mix(p["petal"], p["line"], 0.12), rng, 0.01)
        _petal(draw, x, y + 20, 92 * s, 25 * s, turn + spread, tone)
    disc(draw, x, y + 4, 12 * s, p["heart"])


def _feather(draw: ImageDraw.ImageDraw, rng: Rng, p: Palette, x: float, y: float, s: float) -> None:
    for radius, name in ((56, "stem"), (45, "petal"), (31, "heart"), (16, "frame")):
        draw.ellipse(
            (x - radius * s * 0.85, y - radius * s, x + radius * s * 0.85, y + radius * s),
            fill=vary(p[name], rng),
        )


def _iris(draw: ImageDraw.ImageDraw, rng: Rng, p: Palette, x: float, y: float, s: float) -> None:
    for angle in (-np.pi / 2, -np.pi / 2 - 0.55, -np.pi / 2 + 0.55):
        _petal(draw, x, y, 76 * s, 26 * s, angle + rng.normal(0, 0.06), vary(p["petal"], rng))
    for angle in (0.35, np.pi - 0.35, np.pi / 2):
        _petal(
            draw,
            x,
            y,
            74 * s,
            28 * s,
            angle + rng.normal(0, 0.1),
            vary(mix(p["petal"], p["frame"], 0.3), rng),
        )
    _petal(draw, x, y, 44 * s, 9 * s, np.pi / 2, p["heart"])


def _sunflower(
    draw: ImageDraw.ImageDraw, rng: Rng, p: Palette, x: float, y: float, s: float
) -> None:
    start = rng.uniform(0, 1)
    for number in range(14):
        _petal(
            draw,
            x,
            y,
            78 * s,
            15 * s,
            start + number * 2 * np.pi / 14,
            vary(p["petal"], rng, 0.015),
        )
    disc(draw, x, y, 36 * s, vary(p["heart"], rng))


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
    top="d9c78a",
    bottom="f2e6b8",
    halo="f8efc8",
    line="b8862a",
    frame="5f7a3a",
    stem="3f7a3f",
    petal="fffdf4",
    heart="f0a81f",
)
MALACHITE = colours(
    top="0f5f66",
    bottom="0a3f52",
    halo="127a78",
    line="e0b84a",
    frame="0a2f3a",
    stem="2fae8f",
    petal="1f4fb0",
    heart="f2c84a",
)
MANGANESE_VIOLET = colours(
    top="d8c8f0",
    bottom="b89ad8",
    halo="f6e8f8",
    line="e8c25a",
    frame="4a2f7a",
    stem="4a7f4a",
    petal="6f3fc0",
    heart="ffd24a",
)
REALGAR = colours(
    top="f8c88a",
    bottom="e8865a",
    halo="fde6b8",
    line="8a2f1f",
    frame="6f1f1f",
    stem="5f6f2a",
    petal="ffb81f",
    heart="4a2412",
)
STUDIES = (
    colours(
        top="f4d0d8",
        bottom="e89ab0",
        halo="fdeef0",
        line="a84a6a",
        frame="7a2f4a",
        stem="5f8a5a",
        petal="d83a6a",
        heart="ffe08a",
    ),
    colours(
        top="bfe0ea",
        bottom="7fb8d8",
        halo="eef8fa",
        line="2f6f9a",
        frame="1f4a6a",
        stem="3f8a7a",
        petal="3a7fd0",
        heart="fff0a0",
    ),
    colours(
        top="3a2f4a",
        bottom="241c38",
        halo="5a4a70",
        line="d8a84a",
        frame="16101f",
        stem="7a9a5a",
        petal="e8d8c0",
        heart="d8552a",
    ),
    colours(
        top="d8e0b0",
        bottom="a8c07a",
        halo="f4f6d8",
        line="6a7a2a",
        frame="3f5a2a",
        stem="2f6a3a",
        petal="e8742a",
        heart="7a2f1f",
    ),
)
MOTIFS = (lilies, feathers, irises, sunflowers)

HANDS: tuple[Hand, ...] = (
    Hand(
        "naples-yellow",
        "Naples Yellow Workshop",
        STYLE,
        (lilies,),
        (NAPLES_YELLOW,),
        (
            "Lilies",
            "White lilies and halo",
            "Three stems",
            "The annunciation flower",
            "Lily panel",
            "Morning lilies",
        ),
        True,
    ),
    Hand(
        "malachite",
        "Malachite Workshop",
        STYLE,
        (feathers,),
        (MALACHITE,),
        (
            "Peacock",
            "Eyes of the bird",
            "Quills",
            "Feather panel",
            "The watching fan",
            "Green night",
        ),
        True,
    ),
    Hand(
        "manganese-violet",
        "Manganese Violet Workshop",
        STYLE,
        (irises,),
        (MANGANESE_VIOLET,),
        (
            "Irises",
            "Violet panel",
            "Iris and halo",
            "The drooping petal",
            "Garden in lilac",
            "Two irises",
        ),
        True,
    ),
    Hand(
        "realgar",
        "Realgar Workshop",
        STYLE,
        (sunflowers,),
        (REALGAR,),
        (
            "Sunflowers",
            "Harvest panel",
            "The turning heads",
            "Late summer",
            "Sun and stem",
            "August",
        ),
        True,
    ),
    *(
        Hand(
            f"base-art-nouveau-{n}",
            f"Study Hall {n} (art nouveau)",
            STYLE,
            MOTIFS,
            (palette,),
            ("Study",),
            False,
        )
        for n, palette in enumerate(STUDIES, start=1)
    ),
)
