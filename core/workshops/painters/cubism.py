"""Cubist hands: a still life, a guitar, stacked houses, a face; few large shaded facets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from core.workshops.canvas import (
    SIDE,
    Colour,
    Palette,
    Point,
    Rng,
    bar,
    colours,
    disc,
    mix,
    picture,
    stroke,
    turned,
    vary,
)
from core.workshops.hand import Hand

STYLE = "cubism"
GROUND = ("ground", "shade", "light", "accent")


def facets(rng: Rng, p: Palette, count: int = 11) -> Image.Image:
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
        first, second = (vary(p[str(name)], rng) for name in rng.choice(GROUND[:3], 2))
        pixels += _shaded(rng, owner == number, mix(first, second, 0.15), mix(first, second, 0.85))
    return picture(pixels)


def _shaded(rng: Rng, mask: NDArray[np.bool_], dark: Colour, light: Colour) -> NDArray[np.float64]:
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    turn = rng.uniform(0, 2 * np.pi)
    ramp = (np.cos(turn) * x + np.sin(turn) * y + 1.0) / 2.4
    shade = np.array(dark) * (1 - ramp[..., None]) + np.array(light) * ramp[..., None]
    return np.where(mask[..., None], shade, 0.0)


def split(
    draw: ImageDraw.ImageDraw, points: list[Point], cut: float, left: Colour, right: Colour
) -> None:
    """A polygon in two tones, the second right of the vertical line x = cut."""
    draw.polygon(points, fill=left)
    clipped: list[Point] = []
    for (a, b), (c, d) in zip(points, points[1:] + points[:1], strict=True):
        if a >= cut:
            clipped.append((a, b))
        if (a - cut) * (c - cut) < 0:
            clipped.append((cut, b + (d - b) * (cut - a) / (c - a)))
    if len(clipped) > 2:
        draw.polygon(clipped, fill=right)


def still_life(rng: Rng, p: Palette) -> Image.Image:
    """A bottle, a glass and a fruit on a tilted table, each seen from two sides."""
    image = facets(rng, p)
    draw = ImageDraw.Draw(image)
    table = rng.uniform(0.68, 0.78) * SIDE
    tilt = rng.uniform(-40, 40)
    draw.polygon(
        [(0, table - tilt), (SIDE, table + tilt), (SIDE, SIDE), (0, SIDE)],
        fill=vary(p["table"], rng),
    )
    x, s = rng.uniform(0.25, 0.7) * SIDE, rng.uniform(0.9, 1.25)
    foot = table + 46
    body = [
        (-46, 0),
        (46, 0),
        (46, -150),
        (18, -200),
        (18, -270),
        (-18, -270),
        (-18, -200),
        (-46, -150),
    ]
    bottle = [(x + a * s, foot + b * s) for a, b in body]
    split(draw, bottle, x + 6, vary(p["dark"], rng), vary(p["accent"], rng))
    draw.rectangle((x - 46 * s, foot - 110 * s, x + 6, foot - 60 * s), fill=vary(p["light"], rng))
    g = x + rng.choice([-1, 1]) * rng.uniform(120, 165)
    glass = [(g - 42, foot - 120), (g + 42, foot - 120), (g + 26, foot + 10), (g - 26, foot + 10)]
    split(draw, glass, g, vary(p["light"], rng), vary(p["shade"], rng))
    for _ in range(int(rng.integers(1, 4))):
        a, b = rng.uniform(0.1, 0.9) * SIDE, table + rng.uniform(50, 110)
        disc(draw, a, b, 38, vary(p["fruit"], rng))
        draw.pieslice(
            (a - 38, b - 38, a + 38, b + 38),
            90,
            270,
            fill=vary(mix(p["fruit"], p["dark"], 0.4), rng),
        )
    return image


def guitar(rng: Rng, p: Palette) -> Image.Image:
    """A guitar on the diagonal, its body broken in light and dark halves."""
    image = facets(rng, p)
    draw = ImageDraw.Draw(image)
    x, y, s = (
        rng.uniform(0.38, 0.56) * SIDE,
        rng.uniform(0.52, 0.66) * SIDE,
        rng.uniform(0.95, 1.25),
    )
    angle = rng.uniform(-1.05, -0.45) if rng.random() < 0.65 else rng.uniform(-2.6, -2.1)

    def circle(place: float, radius: float) -> list[Point]:
        turn = np.linspace(0, 2 * np.pi, 40)
        return turned(
            [(place + radius * float(np.cos(t)), radius * float(np.sin(t))) for t in turn],
            angle,
            x,
            y,
        )

    bar(
        draw,
        x + np.cos(angle) * 200 * s,
        y + np.sin(angle) * 200 * s,
        260 * s,
        40,
        angle,
        vary(p["dark"], rng),
    )
    bar(
        draw,
        x + np.cos(angle) * 325 * s,
        y + np.sin(angle) * 325 * s,
        70,
        70,
        angle,
        vary(p["accent"], rng),
    )
    for place, radius in ((-60.0 * s, 118.0 * s), (75.0 * s, 86.0 * s)):
        split(draw, circle(place, radius), x + 12, vary(p["accent"], rng), vary(p["fruit"], rng))
    draw.polygon(circle(20 * s, 42 * s), fill=vary(p["dark"], rng))
    for offset in (-12, 0, 12):
        line = turned([(-130 * s, offset), (330 * s, offset)], angle, x, y)
        stroke(draw, line, 6, vary(p["light"], rng))
    bar(
        draw,
        x - np.cos(angle) * 120 * s,
        y - np.sin(angle) * 120 * s,
        22,
        110,
        angle,
        vary(p["dark"], rng),
    )
    return image


def houses(rng: Rng, p: Palette) -> Image.Image:
    """A hill of houses stacked like crystals."""
    image = facets(rng, p, 8)
    draw = ImageDraw.Draw(image)
    rows = [(0.34, 3), (0.52, 4), (0.72, 4)]
    for level, count in rows:
        for x in rng.permutation(np.linspace(0.12, 0.88, count)):
            w, h = rng.uniform(46, 66), rng.uniform(80, 130)
            a, b = (x + rng.uniform(-0.05, 0.05)) * SIDE, (level + rng.uniform(-0.04, 0.04)) * SIDE
            wall = [(a - w, b), (a + w, b), (a + w, b + h), (a - w, b + h)]
            split(
                draw, wall, a + rng.uniform(-16, 20), vary(p["light"], rng), vary(p["shade"], rng)
            )
            ridge_x = a + rng.uniform(-14, 14)
            split(
                draw,
                [(a - w - 10, b), (ridge_x, b - rng.uniform(50, 76)), (a + w + 10, b)],
                ridge_x,
                vary(p["fruit"], rng),
                vary(p["accent"], rng),
            )
            if rng.random() < 0.7:
                draw.rectangle((a - 14, b + 26, a + 14, b + 66), fill=vary(p["dark"], rng))
    for _ in range(int(rng.integers(1, 4))):
        a = rng.uniform(0, SIDE)
        draw.polygon(
            [(a - 42, SIDE), (a, SIDE - rng.uniform(130, 200)), (a + 42, SIDE)],
            fill=vary(p["table"], rng),
        )
    return image


def face(rng: Rng, p: Palette) -> Image.Image:
    """A face, full and in profile at once."""
    image = facets(rng, p)
    draw = ImageDraw.Draw(image)
    x, y, s = rng.uniform(0.42, 0.58) * SIDE, rng.uniform(0.46, 0.54) * SIDE, rng.uniform(1.0, 1.25)
    lean = rng.uniform(-0.2, 0.2)

    def at(points: list[Point]) -> list[Point]:
        return turned([(a * s, b * s) for a, b in points], lean, x, y)

    draw.polygon(at([(-70, 120), (70, 120), (150, 260), (-150, 260)]), fill=vary(p["table"], rng))
    head = at([(-95, -130), (60, -150), (110, -40), (90, 60), (30, 150), (-40, 150), (-100, 40)])
    split(draw, head, x + rng.uniform(-12, 16), vary(p["light"], rng), vary(p["accent"], rng))
    draw.polygon(
        at([(-105, -40), (-110, -160), (20, -200), (110, -150), (60, -120), (-60, -110)]),
        fill=vary(p["dark"], rng),
    )
    draw.polygon(at([(-8, -60), (40, 50), (-14, 56)]), fill=vary(p["shade"], rng))
    for a, b in ((-50, -40), (52, -50)):
        draw.polygon(
            at([(a - 32, b), (a, b - 20), (a + 32, b), (a, b + 18)]), fill=vary(p["dark"], rng)
        )
        cx, cy = at([(a, b)])[0]
        disc(draw, cx, cy, 9 * s, p["light"])
    mouth = at([(-36, 96), (8, 84), (44, 98), (6, 114)])
    draw.polygon(mouth, fill=vary(p["fruit"], rng))
    return image


UMBER = colours(
    ground="8a5a2b",
    shade="5c3a1e",
    light="e8c98a",
    accent="c8862f",
    dark="33210f",
    table="a86a30",
    fruit="d9531e",
)
PAYNE_GREY = colours(
    ground="8fa6bd",
    shade="4f6a86",
    light="e9f0f5",
    accent="3a526e",
    dark="16233a",
    table="6f88a3",
    fruit="c9a36a",
)
TERRE_VERTE = colours(
    ground="8fae6a",
    shade="4f7a4a",
    light="f0e8b8",
    accent="2f5f3f",
    dark="1f3a2a",
    table="3f7a3f",
    fruit="e07a3a",
)
SIENNA = colours(
    ground="d98f78",
    shade="a8564a",
    light="fae0cc",
    accent="c0604f",
    dark="4a1f24",
    table="8a3f4a",
    fruit="b01f3a",
)
STUDIES = (
    colours(
        ground="b08fc0",
        shade="7a5a98",
        light="f4e6f6",
        accent="5a3f80",
        dark="2a1a48",
        table="9a70b0",
        fruit="e8a84a",
    ),
    colours(
        ground="e0b84a",
        shade="b8862a",
        light="fff2c0",
        accent="d06a2a",
        dark="5a3010",
        table="c89a3a",
        fruit="3f8a8a",
    ),
    colours(
        ground="6ab0b0",
        shade="3a8088",
        light="e4f6f0",
        accent="20606a",
        dark="0f3038",
        table="4a9090",
        fruit="e87a6a",
    ),
    colours(
        ground="b8b0a4",
        shade="8a8278",
        light="f6f2ea",
        accent="6a6058",
        dark="2a2622",
        table="9a9084",
        fruit="c03a3a",
    ),
)
MOTIFS = (still_life, guitar, houses, face)

HANDS: tuple[Hand, ...] = (
    Hand(
        "umber",
        "Umber Workshop",
        STYLE,
        (still_life,),
        (UMBER,),
        (
            "Bottle and glass",
            "The café table",
            "Still life with fruit",
            "Two oranges",
            "The brown bottle",
            "Table, tilted",
        ),
        True,
    ),
    Hand(
        "payne-grey",
        "Payne's Grey Workshop",
        STYLE,
        (guitar,),
        (PAYNE_GREY,),
        (
            "Guitar",
            "Strings and shadow",
            "The silent player",
            "Guitar, leaning",
            "Music in grey",
            "The blue note",
        ),
        True,
    ),
    Hand(
        "terre-verte",
        "Terre Verte Workshop",
        STYLE,
        (houses,),
        (TERRE_VERTE,),
        (
            "Houses on the hill",
            "The village",
            "Red roofs",
            "Stacked walls",
            "Firs and roofs",
            "Morning in the hamlet",
        ),
        True,
    ),
    Hand(
        "sienna",
        "Sienna Workshop",
        STYLE,
        (face,),
        (SIENNA,),
        (
            "Head",
            "Portrait, twice seen",
            "The sitter",
            "Face in rose",
            "Profile and front",
            "The listener",
        ),
        True,
    ),
    *(
        Hand(
            f"base-cubism-{n}",
            f"Study Hall {n} (cubism)",
            STYLE,
            MOTIFS,
            (palette,),
            ("Study",),
            False,
        )
        for n, palette in enumerate(STUDIES, start=1)
    ),
)
