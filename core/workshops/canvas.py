"""Drawing by program: colours, soft skies, ridges, strokes and dots on a square of SIDE pixels.

In: numbers from a generator. Out: Pillow images. Knows no style and no workshop.
"""

from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

SIDE = 512

Colour = tuple[int, int, int]
Palette = Mapping[str, Colour]
Point = tuple[float, float]
Rng = np.random.Generator


def colours(**codes: str) -> dict[str, Colour]:
    """Named hex codes ("d8352a") as RGB colours."""
    return {name: hex_colour(code) for name, code in codes.items()}


def hex_colour(code: str) -> Colour:
    """ "d8352a" -> (216, 53, 42)."""
    red, green, blue = (int(code[place : place + 2], 16) for place in (0, 2, 4))
    return red, green, blue


def vary(colour: Colour, rng: Rng, amount: float = 0.025) -> Colour:
    """The colour with a little chance in hue, saturation and value."""
    hue, saturation, value = colorsys.rgb_to_hsv(*(part / 255 for part in colour))
    hue = (hue + rng.normal(0, amount * 0.5)) % 1.0
    saturation = min(1.0, max(0.0, saturation + rng.normal(0, amount)))
    value = min(1.0, max(0.0, value + rng.normal(0, amount)))
    red, green, blue = (round(255 * part) for part in colorsys.hsv_to_rgb(hue, saturation, value))
    return red, green, blue


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """`share` of the second colour in the first."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def gradient(stops: Sequence[tuple[float, Colour]]) -> Image.Image:
    """A vertical gradient through (place in [0, 1], colour) stops."""
    places = [place for place, _ in stops]
    table = np.array([colour for _, colour in stops], dtype=np.float64)
    rows = np.linspace(0, 1, SIDE)
    column = np.stack([np.interp(rows, places, table[:, part]) for part in range(3)], axis=1)
    return Image.fromarray(np.repeat(column[:, None, :], SIDE, 1).astype(np.uint8))


def cloud_noise(rng: Rng, cells: int, octaves: int = 3) -> NDArray[np.float64]:
    """Smooth noise in [0, 1], `[SIDE, SIDE]`; `cells` blobs along a side in the coarsest layer."""
    total = np.zeros((SIDE, SIDE))
    for octave in range(octaves):
        count = cells * 2**octave + 1
        grid = Image.fromarray((rng.random((count, count)) * 255).astype(np.uint8))
        layer = grid.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        total += np.asarray(layer, dtype=np.float64) / 255 / 2**octave
    low, high = total.min(), total.max()
    return (total - low) / (high - low + 1e-9)


def ridge(rng: Rng, base: float, height: float, waves: int = 3) -> list[Point]:
    """A hilly skyline around `base` (share of the side), left to right."""
    across = np.linspace(0, 1, 129)
    line = np.full(129, base)
    for wave in range(1, waves + 1):
        phase = rng.random()
        line += height / wave * np.sin(2 * np.pi * (wave * across * rng.uniform(0.6, 1.2) + phase))
    return [(float(x * SIDE), float(y * SIDE)) for x, y in zip(across, line, strict=True)]


def fill_below(draw: ImageDraw.ImageDraw, line: list[Point], colour: Colour) -> None:
    """Everything under a skyline."""
    draw.polygon([*line, (SIDE, SIDE + 10), (0, SIDE + 10)], fill=colour)


def disc(draw: ImageDraw.ImageDraw, x: float, y: float, radius: float, colour: Colour) -> None:
    """A filled circle."""
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)


def stroke(
    draw: ImageDraw.ImageDraw, points: Sequence[Point], width: float, colour: Colour
) -> None:
    """A line with round ends."""
    draw.line(list(points), fill=colour, width=round(width), joint="curve")
    for x, y in (points[0], points[-1]):
        disc(draw, x, y, width / 2, colour)


def curve(start: Point, first: Point, second: Point, end: Point, count: int = 40) -> list[Point]:
    """A cubic Bezier curve as points."""
    t = np.linspace(0, 1, count)[:, None]
    p = [np.array(point, dtype=np.float64) for point in (start, first, second, end)]
    line = (
        (1 - t) ** 3 * p[0] + 3 * (1 - t) ** 2 * t * p[1] + 3 * (1 - t) * t**2 * p[2] + t**3 * p[3]
    )
    return [(float(x), float(y)) for x, y in line]


def turned(points: Sequence[Point], angle: float, x: float, y: float) -> list[Point]:
    """Points around the origin, turned by `angle` and moved to (x, y)."""
    c, s = float(np.cos(angle)), float(np.sin(angle))
    return [(x + c * a - s * b, y + s * a + c * b) for a, b in points]


def bar(
    draw: ImageDraw.ImageDraw,
    x: float,
    y: float,
    length: float,
    width: float,
    angle: float,
    colour: Colour,
) -> None:
    """A turned rectangle around (x, y)."""
    half, thick = length / 2, width / 2
    corners = [(-half, -thick), (half, -thick), (half, thick), (-half, thick)]
    draw.polygon(turned(corners, angle, x, y), fill=colour)


def blend(
    under: NDArray[np.float64], over: Colour, mask: NDArray[np.float64]
) -> NDArray[np.float64]:
    """`over` laid on `under [h, w, 3]` where the mask `[h, w]` says."""
    return under * (1 - mask[..., None]) + np.array(over, dtype=np.float64) * mask[..., None]


def picture(pixels: NDArray[np.float64]) -> Image.Image:
    """`[h, w, 3]` in [0, 255] -> an image."""
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
