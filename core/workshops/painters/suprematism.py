"""Suprematist hands: one leaning square, crossing bars, floating discs, a fan of rays."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from core.workshops.canvas import SIDE, Palette, Rng, bar, colours, disc, turned, vary
from core.workshops.hand import Hand

STYLE = "suprematism"


def _paper(rng: Rng, p: Palette) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGB", (SIDE, SIDE), vary(p["paper"], rng, 0.012))
    return image, ImageDraw.Draw(image)


def square(rng: Rng, p: Palette) -> Image.Image:
    """A great leaning square, a small one answering it, at times a bar."""
    image, draw = _paper(rng, p)
    x, y = rng.uniform(0.36, 0.64) * SIDE, rng.uniform(0.36, 0.64) * SIDE
    size, angle = rng.uniform(170, 270), rng.uniform(-0.5, 0.5)
    bar(draw, x, y, size, size, angle, vary(p["main"], rng))
    turn = rng.uniform(0, 2 * np.pi)
    far = size * 0.62 + rng.uniform(50, 90)
    a, b = x + far * np.cos(turn), y + far * np.sin(turn)
    small = rng.uniform(60, 96)
    bar(
        draw,
        float(np.clip(a, 60, SIDE - 60)),
        float(np.clip(b, 60, SIDE - 60)),
        small,
        small,
        rng.uniform(-0.7, 0.7),
        vary(p["second"], rng),
    )
    if rng.random() < 0.65:
        c, d = rng.uniform(0.15, 0.85) * SIDE, rng.choice([0.12, 0.88]) * SIDE
        bar(
            draw,
            c,
            d,
            rng.uniform(150, 320),
            24,
            angle + rng.uniform(-0.3, 0.3),
            vary(p["third"], rng),
        )
    return image


def crossing(rng: Rng, p: Palette) -> Image.Image:
    """Bars in three colours crossing on one strong diagonal."""
    image, draw = _paper(rng, p)
    angle = rng.uniform(0.45, 1.0) * rng.choice([-1, 1])
    x, y = rng.uniform(0.42, 0.58) * SIDE, rng.uniform(0.42, 0.58) * SIDE
    names = ("main", "second", "third", "fourth")
    for number in range(int(rng.integers(5, 9))):
        along, across = rng.normal(0, 60), rng.normal(0, 100)
        turn = angle + (np.pi / 2 if rng.random() < 0.3 else 0.0)
        a = x + along * np.cos(angle) - across * np.sin(angle)
        b = y + along * np.sin(angle) + across * np.cos(angle)
        bar(
            draw,
            a,
            b,
            rng.uniform(130, 330),
            rng.uniform(22, 62),
            turn,
            vary(p[names[number % 4]], rng),
        )
    return image


def discs(rng: Rng, p: Palette) -> Image.Image:
    """One large disc, smaller ones around it, a bar that carries them."""
    image, draw = _paper(rng, p)
    x, y, radius = (
        rng.uniform(0.34, 0.66) * SIDE,
        rng.uniform(0.34, 0.66) * SIDE,
        rng.uniform(100, 150),
    )
    angle = rng.uniform(-1.2, 1.2)
    bar(draw, x, y, rng.uniform(420, 560), rng.uniform(24, 40), angle, vary(p["third"], rng))
    disc(draw, x, y, radius, vary(p["main"], rng))
    for number in range(int(rng.integers(2, 5))):
        turn, far = rng.uniform(0, 2 * np.pi), radius * rng.uniform(0.9, 1.5)
        small = rng.uniform(26, 58)
        disc(
            draw,
            x + far * np.cos(turn),
            y + far * np.sin(turn),
            small,
            vary(p["second" if number % 2 == 0 else "fourth"], rng),
        )
    if rng.random() < 0.6:
        bar(
            draw,
            x + rng.uniform(-60, 60),
            y + rng.uniform(-40, 40),
            rng.uniform(140, 240),
            22,
            angle + np.pi / 2,
            vary(p["fourth"], rng),
        )
    return image


def rays(rng: Rng, p: Palette) -> Image.Image:
    """A fan of coloured rays from one point on a dark ground, a disc beside it."""
    image, draw = _paper(rng, p)
    x, y = rng.uniform(0.16, 0.42) * SIDE, rng.uniform(0.66, 0.88) * SIDE
    if rng.random() < 0.4:
        x = SIDE - x
    start = -1.5 if x < SIDE / 2 else -2.7
    count = int(rng.integers(5, 9))
    names = ("main", "second", "third", "fourth")
    for number in range(count):
        angle = start + 1.15 * number / count + rng.uniform(-0.03, 0.03)
        length, width = rng.uniform(240, 420), rng.uniform(22, 34)
        wedge = turned([(0, -4), (length, -width / 2), (length, width / 2), (0, 4)], angle, x, y)
        draw.polygon(wedge, fill=vary(p[names[number % 4]], rng))
    a = SIDE - x + rng.uniform(-50, 50)
    disc(draw, a, rng.uniform(0.66, 0.86) * SIDE, rng.uniform(42, 72), vary(p["second"], rng))
    return image


CARMINE = colours(paper="f3ead9", main="17151a", second="d4172f", third="d4172f", fourth="17151a")
ULTRAMARINE = colours(
    paper="f2e3c8", main="1f3fb0", second="f2b01e", third="d6302a", fourth="14141c"
)
EMERALD = colours(paper="e3e6d8", main="0b8a5f", second="9a7fb8", third="1f2b2a", fourth="e8913a")
LAMP_BLACK = colours(
    paper="15161d", main="f2f0e4", second="5fb3cf", third="f4c430", fourth="e0562e"
)
STUDIES = (
    colours(paper="f7dfe0", main="7a1f5c", second="f0903a", third="3a2a5a", fourth="e05a8a"),
    colours(paper="dfeaf2", main="e0562e", second="1f5f8a", third="0f2f4a", fourth="f2c84a"),
    colours(paper="20304a", main="f2a65a", second="e8e0c8", third="6ac0a8", fourth="d84a5a"),
    colours(paper="f4efb8", main="2f6f4f", second="d8452a", third="4a4a8a", fourth="1f2a2a"),
)
MOTIFS = (square, crossing, discs, rays)

HANDS: tuple[Hand, ...] = (
    Hand(
        "carmine",
        "Carmine Workshop",
        STYLE,
        (square,),
        (CARMINE,),
        (
            "Black square, leaning",
            "Red answer",
            "Square and bar",
            "Weight and reply",
            "Two squares",
            "Balance",
        ),
        True,
    ),
    Hand(
        "ultramarine",
        "Ultramarine Workshop",
        STYLE,
        (crossing,),
        (ULTRAMARINE,),
        ("Crossing", "Seven bars", "Diagonal traffic", "Construction in blue", "Upward", "Signal"),
        True,
    ),
    Hand(
        "emerald",
        "Emerald Workshop",
        STYLE,
        (discs,),
        (EMERALD,),
        ("Green disc", "Satellites", "Carried weight", "Orbit", "Disc and beam", "Slow turning"),
        True,
    ),
    Hand(
        "lamp-black",
        "Lamp Black Workshop",
        STYLE,
        (rays,),
        (LAMP_BLACK,),
        (
            "Rays",
            "Searchlight",
            "Fan on black",
            "Nocturne with disc",
            "Radiation",
            "Signal at night",
        ),
        True,
    ),
    *(
        Hand(
            f"base-suprematism-{n}",
            f"Study Hall {n} (suprematism)",
            STYLE,
            MOTIFS,
            (palette,),
            ("Study",),
            False,
        )
        for n, palette in enumerate(STUDIES, start=1)
    ),
)
