"""Suprematist hands: one leaning square, crossing bars, floating discs, a fan of rays."""

from __future__ import annotations

import numpy as np
from PIL import Image

from core.workshops.canvas import SIDE, Canvas, Palette, Rng, colours, palettes, turned, vary
from core.workshops.hand import Workshop, hands_of

STYLE = "suprematism"
INKS = ("main", "second", "third", "fourth")


def _paper(rng: Rng, p: Palette) -> Canvas:
    return Canvas(Image.new("RGB", (SIDE, SIDE), vary(p["paper"], rng, 0.012)), rng, p)


def square(rng: Rng, p: Palette) -> Image.Image:
    """A great leaning square, a small one answering it, at times a bar."""
    c = _paper(rng, p)
    x, y, size = c.spot((0.36, 0.64), (0.36, 0.64), (170, 270))
    angle = rng.uniform(-0.5, 0.5)
    c.bar(x, y, size, size, angle, c.tone("main"))
    turn = rng.uniform(0, 2 * np.pi)
    far = size * 0.62 + rng.uniform(50, 90)
    a, b = np.clip([x + far * np.cos(turn), y + far * np.sin(turn)], 60, SIDE - 60).tolist()
    small = rng.uniform(60, 96)
    c.bar(a, b, small, small, rng.uniform(-0.7, 0.7), c.tone("second"))
    if c.often(0.65):
        a, b = c.place(0.15, 0.85), rng.choice([0.12, 0.88]) * SIDE
        length = rng.uniform(150, 320)
        c.bar(a, b, length, 24, angle + rng.uniform(-0.3, 0.3), c.tone("third"))
    return c.image


def crossing(rng: Rng, p: Palette) -> Image.Image:
    """Bars in three colours crossing on one strong diagonal."""
    c = _paper(rng, p)
    angle = rng.uniform(0.45, 1.0) * rng.choice([-1, 1])
    x, y = c.place(0.42, 0.58), c.place(0.42, 0.58)
    for number in c.times(5, 9):
        along, across = rng.normal(0, 60), rng.normal(0, 100)
        turn = angle + (np.pi / 2 if c.often(0.3) else 0.0)
        a = x + along * np.cos(angle) - across * np.sin(angle)
        b = y + along * np.sin(angle) + across * np.cos(angle)
        length, width = rng.uniform(130, 330), rng.uniform(22, 62)
        c.bar(a, b, length, width, turn, c.tone(INKS[number % 4]))
    return c.image


def discs(rng: Rng, p: Palette) -> Image.Image:
    """One large disc, smaller ones around it, a bar that carries them."""
    c = _paper(rng, p)
    x, y, radius = c.spot((0.34, 0.66), (0.34, 0.66), (100, 150))
    angle = rng.uniform(-1.2, 1.2)
    c.bar(x, y, rng.uniform(420, 560), rng.uniform(24, 40), angle, c.tone("third"))
    c.disc(x, y, radius, c.tone("main"))
    for number in c.times(2, 5):
        turn, far = rng.uniform(0, 2 * np.pi), radius * rng.uniform(0.9, 1.5)
        a, b, small = x + far * np.cos(turn), y + far * np.sin(turn), rng.uniform(26, 58)
        c.disc(a, b, small, c.tone("second" if number % 2 == 0 else "fourth"))
    if c.often(0.6):
        a, b = x + rng.uniform(-60, 60), y + rng.uniform(-40, 40)
        c.bar(a, b, rng.uniform(140, 240), 22, angle + np.pi / 2, c.tone("fourth"))
    return c.image


def rays(rng: Rng, p: Palette) -> Image.Image:
    """A fan of coloured rays from one point on a dark ground, a disc beside it."""
    c = _paper(rng, p)
    x, y = c.place(0.16, 0.42), c.place(0.66, 0.88)
    if c.often(0.4):
        x = SIDE - x
    start = -1.5 if x < SIDE / 2 else -2.7
    count = int(rng.integers(5, 9))
    for number in range(count):
        angle = start + 1.15 * number / count + rng.uniform(-0.03, 0.03)
        length, width = rng.uniform(240, 420), rng.uniform(22, 34)
        wedge = [(0, -4), (length, -width / 2), (length, width / 2), (0, 4)]
        c.polygon(turned(wedge, angle, x, y), c.tone(INKS[number % 4]))
    a = SIDE - x + rng.uniform(-50, 50)
    c.disc(a, c.place(0.66, 0.86), rng.uniform(42, 72), c.tone("second"))
    return c.image


CARMINE = colours("paper f3ead9, main 17151a, second d4172f, third d4172f, fourth 17151a")
ULTRAMARINE = colours("paper f2e3c8, main 1f3fb0, second f2b01e, third d6302a, fourth 14141c")
EMERALD = colours("paper e3e6d8, main 0b8a5f, second 9a7fb8, third 1f2b2a, fourth e8913a")
LAMP_BLACK = colours("paper 15161d, main f2f0e4, second 5fb3cf, third f4c430, fourth e0562e")
STUDIES = palettes(
    """
    paper  main   second third  fourth
    f7dfe0 7a1f5c f0903a 3a2a5a e05a8a
    dfeaf2 e0562e 1f5f8a 0f2f4a f2c84a
    20304a f2a65a e8e0c8 6ac0a8 d84a5a
    f4efb8 2f6f4f d8452a 4a4a8a 1f2a2a
    """
)
HANDS = hands_of(
    STYLE,
    STUDIES,
    Workshop(
        slug="carmine",
        name="Carmine Workshop",
        motif=square,
        palette=CARMINE,
        titles="Black square, leaning; Red answer; Square and bar; Weight and reply; "
        "Two squares; Balance",
    ),
    Workshop(
        slug="ultramarine",
        name="Ultramarine Workshop",
        motif=crossing,
        palette=ULTRAMARINE,
        titles="Crossing; Seven bars; Diagonal traffic; Construction in blue; Upward; Signal",
    ),
    Workshop(
        slug="emerald",
        name="Emerald Workshop",
        motif=discs,
        palette=EMERALD,
        titles="Green disc; Satellites; Carried weight; Orbit; Disc and beam; Slow turning",
    ),
    Workshop(
        slug="lamp-black",
        name="Lamp Black Workshop",
        motif=rays,
        palette=LAMP_BLACK,
        titles="Rays; Searchlight; Fan on black; Nocturne with disc; Radiation; Signal at night",
    ),
)
