"""Pointillist hands: an avenue, an orchard, a harbour, an evening park, told in dots."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from core.workshops.canvas import (
    SIDE,
    Palette,
    Rng,
    colours,
    disc,
    fill_below,
    gradient,
    mix,
    ridge,
    stroke,
    vary,
)
from core.workshops.hand import Hand

STYLE = "pointillism"


def dotted(under: Image.Image, rng: Rng, radius: float = 14.0) -> Image.Image:
    """The drawing told again in dots of its own colours, each a little off."""
    table = np.asarray(under.convert("RGB"), dtype=np.float64)
    ground = mix((255, 250, 235), (200, 195, 190), 0.3)
    soft = under.resize((SIDE // 16, SIDE // 16)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    image = Image.blend(soft, Image.new("RGB", (SIDE, SIDE), ground), 0.35)
    draw = ImageDraw.Draw(image)
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
        disc(draw, x, y, radius * 0.5 * (0.85 + 0.3 * rng.random()) * 1.3, (red, green, blue))
    return image


def avenue(rng: Rng, p: Palette) -> Image.Image:
    """Round trees along a path that narrows into the distance."""
    image = gradient(
        [(0, vary(p["sky"], rng)), (0.5, vary(p["haze"], rng)), (1, vary(p["haze"], rng))]
    )
    draw = ImageDraw.Draw(image)
    horizon, goal = rng.uniform(0.42, 0.54) * SIDE, rng.uniform(0.35, 0.65) * SIDE
    disc(
        draw,
        rng.uniform(0.15, 0.85) * SIDE,
        rng.uniform(0.1, 0.24) * SIDE,
        rng.uniform(36, 54),
        vary(p["sun"], rng),
    )
    draw.rectangle((0, horizon, SIDE, SIDE), fill=vary(p["field"], rng))
    wide = rng.uniform(0.22, 0.34) * SIDE
    foot = rng.uniform(0.35, 0.65) * SIDE
    draw.polygon(
        [(goal - 10, horizon), (goal + 10, horizon), (foot + wide, SIDE), (foot - wide, SIDE)],
        fill=vary(p["path"], rng),
    )
    for depth in np.linspace(0.12, 0.85, int(rng.integers(3, 5))):
        y = horizon + depth * (SIDE - horizon) * 0.75
        for side in (-1, 1):
            x = goal + (foot - goal) * depth + side * (34 + wide * 1.35 * depth)
            size = 26 + 84 * depth
            stroke(draw, [(x, y), (x, y - size * 1.2)], 8 + 14 * depth, p["trunk"])
            disc(draw, x, y - size * 1.7, size, vary(p["leaf"], rng))
            disc(draw, x - size * 0.25, y - size * 1.95, size * 0.6, vary(p["light"], rng))
    return dotted(image, rng)


def orchard(rng: Rng, p: Palette) -> Image.Image:
    """One great blossoming tree, sometimes two, on a flowering meadow."""
    image = gradient(
        [(0, vary(p["sky"], rng)), (0.6, vary(p["haze"], rng)), (1, vary(p["haze"], rng))]
    )
    draw = ImageDraw.Draw(image)
    fill_below(draw, ridge(rng, 0.6, 0.05), vary(p["far"], rng))
    fill_below(draw, ridge(rng, 0.72, 0.03), vary(p["field"], rng))
    for _ in range(int(rng.integers(1, 3))):
        x, y, size = (
            rng.uniform(0.25, 0.75) * SIDE,
            rng.uniform(0.34, 0.46) * SIDE,
            rng.uniform(80, 120),
        )
        stroke(draw, [(x, 0.86 * SIDE), (x + rng.uniform(-20, 20), y)], 30, p["trunk"])
        for _ in range(11):
            a, b = x + rng.normal(0, size * 0.75), y + rng.normal(0, size * 0.42)
            disc(
                draw,
                a,
                b,
                size * rng.uniform(0.3, 0.52),
                vary(p["leaf"] if rng.random() < 0.5 else p["light"], rng),
            )
        for _ in range(22):
            disc(
                draw,
                x + rng.normal(0, size * 0.8),
                y + rng.normal(0, size * 0.5),
                rng.uniform(13, 20),
                vary(p["bloom"], rng),
            )
    for _ in range(int(rng.integers(8, 20))):
        disc(
            draw,
            rng.uniform(0, SIDE),
            rng.uniform(0.78, 1) * SIDE,
            rng.uniform(12, 18),
            vary(p["bloom"], rng),
        )
    return dotted(image, rng)


def harbour(rng: Rng, p: Palette) -> Image.Image:
    """Sails on bright water with their reflections, a strand in front."""
    horizon = rng.uniform(0.42, 0.54)
    image = gradient(
        [(0, vary(p["sky"], rng)), (horizon, vary(p["haze"], rng)), (1, vary(p["haze"], rng))]
    )
    draw = ImageDraw.Draw(image)
    if rng.random() < 0.6:
        fill_below(draw, ridge(rng, horizon - 0.03, 0.03), vary(p["far"], rng))
    draw.rectangle((0, horizon * SIDE, SIDE, SIDE), fill=vary(p["field"], rng))
    for _ in range(int(rng.integers(1, 4))):
        x, y, s = (
            rng.uniform(0.15, 0.85) * SIDE,
            (horizon + rng.uniform(0.04, 0.2)) * SIDE,
            rng.uniform(0.8, 1.5),
        )
        hull = [
            (x - 64 * s, y),
            (x + 64 * s, y),
            (x + 44 * s, y + 24 * s),
            (x - 44 * s, y + 24 * s),
        ]
        draw.polygon(hull, fill=vary(p["trunk"], rng))
        draw.polygon(
            [(x - 6, y - 8), (x - 6, y - 150 * s), (x + 62 * s, y - 10)], fill=vary(p["light"], rng)
        )
        draw.polygon(
            [(x - 16, y - 10), (x - 16, y - 120 * s), (x - 56 * s, y - 12)],
            fill=vary(p["bloom"], rng),
        )
        draw.rectangle((x - 34 * s, y + 34 * s, x + 34 * s, y + 48 * s), fill=vary(p["light"], rng))
        draw.rectangle((x - 20 * s, y + 60 * s, x + 20 * s, y + 74 * s), fill=vary(p["bloom"], rng))
    fill_below(draw, ridge(rng, rng.uniform(0.84, 0.92), 0.02), vary(p["path"], rng))
    return dotted(image, rng)


def evening_park(rng: Rng, p: Palette) -> Image.Image:
    """Lamps among dark trees at evening, their light on a pond."""
    image = gradient(
        [(0, vary(p["sky"], rng)), (0.55, vary(p["haze"], rng)), (1, vary(p["haze"], rng))]
    )
    draw = ImageDraw.Draw(image)
    fill_below(draw, ridge(rng, 0.5, 0.09), vary(p["leaf"], rng))
    pond = rng.uniform(0.64, 0.74)
    draw.rectangle((0, pond * SIDE, SIDE, SIDE), fill=vary(p["field"], rng))
    for _ in range(int(rng.integers(2, 5))):
        x, y, size = rng.uniform(0, SIDE), rng.uniform(0.3, 0.44) * SIDE, rng.uniform(50, 90)
        stroke(draw, [(x, pond * SIDE), (x, y)], 18, p["trunk"])
        disc(draw, x, y, size, vary(p["far"], rng))
    for _ in range(int(rng.integers(2, 5))):
        x, y = rng.uniform(0.1, 0.9) * SIDE, rng.uniform(0.34, 0.5) * SIDE
        stroke(draw, [(x, pond * SIDE), (x, y)], 9, p["trunk"])
        disc(draw, x, y, 58, vary(mix(p["sun"], p["far"], 0.55), rng))
        disc(draw, x, y, 34, vary(p["sun"], rng))
        for row in range(4):
            top, half = pond * SIDE + 14 + row * 36, 30 - 5 * row
            draw.rectangle((x - half, top, x + half, top + 16), fill=vary(p["sun"], rng))
    return dotted(image, rng)


COBALT = colours(
    sky="3f7fe0",
    haze="a9d4f5",
    sun="fff0b0",
    field="f0c24a",
    path="3fa7b5",
    trunk="3a3f8a",
    leaf="2f7d4a",
    light="7cc06a",
)
ROSE_MADDER = colours(
    sky="c8e4f7",
    haze="f6dcef",
    far="8fcf8a",
    field="b6e05a",
    trunk="7a5566",
    leaf="5aa84a",
    light="9ad06a",
    bloom="e8407a",
)
VIRIDIAN = colours(
    sky="8fe0e8",
    haze="e0f7ee",
    far="6aa8c0",
    field="17a3a0",
    path="f7e2ae",
    trunk="0f5560",
    light="fffbe8",
    bloom="ff8a5a",
)
CADMIUM = colours(
    sky="2c1f5c",
    haze="8a3f7a",
    far="43306e",
    field="2a2a66",
    trunk="20183f",
    leaf="3a2a5e",
    sun="ffb31f",
)
STUDIES = (
    colours(
        sky="f7c59f",
        haze="fde9c9",
        sun="ff7f50",
        field="c98f5a",
        path="f4e1b8",
        trunk="7a4a2a",
        leaf="a8682f",
        light="e0a84a",
        far="b58a6a",
        bloom="fff0d8",
    ),
    colours(
        sky="5fa8a0",
        haze="cfe8cf",
        sun="fff7c0",
        field="7fb069",
        path="e8dcb0",
        trunk="4a5a3a",
        leaf="3f7f5f",
        light="a8cf7f",
        far="5f9f8f",
        bloom="f2d34f",
    ),
    colours(
        sky="8a7fd0",
        haze="e4d4f4",
        sun="ffe0f0",
        field="a88fd8",
        path="f0d8e8",
        trunk="5a3f7a",
        leaf="6f5fb0",
        light="c8a8e8",
        far="8a80c0",
        bloom="ff9fc8",
    ),
    colours(
        sky="27496d",
        haze="7fa8c8",
        sun="ffe08a",
        field="355f8a",
        path="b8c8d8",
        trunk="1f2f4f",
        leaf="2f5f6f",
        light="8fc0c8",
        far="3f6f8f",
        bloom="f08a5f",
    ),
)
MOTIFS = (avenue, orchard, harbour, evening_park)

HANDS: tuple[Hand, ...] = (
    Hand(
        "cobalt",
        "Cobalt Workshop",
        STYLE,
        (avenue,),
        (COBALT,),
        (
            "The avenue at noon",
            "Path between trees",
            "Summer road",
            "Toward the horizon",
            "Blue shade",
            "Yellow fields",
        ),
        True,
    ),
    Hand(
        "rose-madder",
        "Rose Madder Workshop",
        STYLE,
        (orchard,),
        (ROSE_MADDER,),
        (
            "Orchard in May",
            "The blossoming tree",
            "Rose meadow",
            "Garden after rain",
            "Two trees",
            "Spring light",
        ),
        True,
    ),
    Hand(
        "viridian",
        "Viridian Workshop",
        STYLE,
        (harbour,),
        (VIRIDIAN,),
        (
            "Sails in the bay",
            "Harbour, calm",
            "White sail",
            "Boats at the strand",
            "Reflections",
            "Sea breeze",
        ),
        True,
    ),
    Hand(
        "cadmium",
        "Cadmium Workshop",
        STYLE,
        (evening_park,),
        (CADMIUM,),
        (
            "Lamps in the park",
            "Evening pond",
            "Night walk",
            "Lights on water",
            "The last concert",
            "Summer night",
        ),
        True,
    ),
    *(
        Hand(
            f"base-pointillism-{n}",
            f"Study Hall {n} (pointillism)",
            STYLE,
            MOTIFS,
            (palette,),
            ("Study",),
            False,
        )
        for n, palette in enumerate(STUDIES, start=1)
    ),
)
