"""Painting by program: colours, soft skies, clouds of noise, strokes, and the canvas they land on.

In: numbers from a generator, colours by name from a palette. Out: Pillow images of SIDE pixels;
lines and outlines as points. Knows no style and no workshop.
"""

from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
Palette = Mapping[str, Colour]
Range = tuple[float, float]


def colours(paints: str) -> dict[str, Colour]:
    """A palette written as names with hex codes: "sun d8352a, snow f7f1e3" -> RGB colours."""
    pairs = (paint.split() for paint in paints.split(","))
    return {name: hex_colour(code) for name, code in pairs}


def palettes(table: str) -> tuple[dict[str, Colour], ...]:
    """Palettes of the same names as the rows of a table, whose first row gives the names."""
    names, *rows = (line.split() for line in table.strip().splitlines())
    return tuple(
        {name: hex_colour(code) for name, code in zip(names, row, strict=True)} for row in rows
    )


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


def blend(
    under: NDArray[np.float64], over: Colour, mask: NDArray[np.float64]
) -> NDArray[np.float64]:
    """`over` laid on `under [h, w, 3]` where the mask `[h, w]` says."""
    return under * (1 - mask[..., None]) + np.array(over, dtype=np.float64) * mask[..., None]


def picture(pixels: NDArray[np.float64]) -> Image.Image:
    """`[h, w, 3]` in [0, 255] -> an image."""
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


class Canvas:
    """A picture being painted: its pen, its palette, and the chance that guides both.

    Every random number is taken in the order in which a painter's arguments are written, so a
    seed says the whole picture.
    """

    def __init__(self, image: Image.Image, rng: Rng, palette: Palette) -> None:
        self.image, self.rng, self.palette = image, rng, palette
        self.draw = ImageDraw.Draw(image)

    @classmethod
    def graded(cls, rng: Rng, palette: Palette, *stops: tuple[float, str]) -> Canvas:
        """A vertical gradient through (place in [0, 1], colour's name), each tone varied."""
        tones = [(place, vary(palette[name], rng)) for place, name in stops]
        return cls(gradient(tones), rng, palette)

    def often(self, share: float) -> bool:
        """Yes in this share of the pictures."""
        return bool(self.rng.random() < share)

    def times(self, low: int, high: int) -> range:
        """A loop of `low` to `high - 1` rounds."""
        return range(int(self.rng.integers(low, high)))

    def place(self, low: float, high: float) -> float:
        """A coordinate in pixels, between two shares of the side."""
        return self.rng.uniform(low, high) * SIDE

    def spot(self, across: Range, down: Range, size: Range) -> tuple[float, float, float]:
        """(x, y, size): a place between shares of the side, and a size between two numbers."""
        return self.place(*across), self.place(*down), self.rng.uniform(*size)

    def pure(self, name: str) -> Colour:
        """The palette's colour as it is."""
        return self.palette[name]

    def tone(self, name: str, amount: float = 0.025) -> Colour:
        """The palette's colour, a little varied."""
        return vary(self.palette[name], self.rng, amount)

    def between(self, first: str, second: str, share: float) -> Colour:
        """`share` of the second colour in the first, a little varied."""
        return vary(mix(self.palette[first], self.palette[second], share), self.rng)

    def polygon(self, points: Sequence[Point], colour: Colour) -> None:
        """A filled outline."""
        self.draw.polygon(list(points), fill=colour)

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """A filled upright rectangle."""
        self.draw.rectangle((left, top, right, bottom), fill=colour)

    def oval(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """A filled ellipse within these bounds."""
        self.draw.ellipse((left, top, right, bottom), fill=colour)

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        """A filled circle."""
        self.oval(x - radius, y - radius, x + radius, y + radius, colour)

    def stroke(self, points: Sequence[Point], width: float, colour: Colour) -> None:
        """A line with round ends."""
        self.draw.line(list(points), fill=colour, width=round(width), joint="curve")
        for x, y in (points[0], points[-1]):
            self.disc(x, y, width / 2, colour)

    def bar(
        self, x: float, y: float, length: float, width: float, angle: float, colour: Colour
    ) -> None:
        """A turned rectangle around (x, y)."""
        half, thick = length / 2, width / 2
        corners = [(-half, -thick), (half, -thick), (half, thick), (-half, thick)]
        self.polygon(turned(corners, angle, x, y), colour)

    def fill_below(self, line: Sequence[Point], colour: Colour) -> None:
        """Everything under a skyline."""
        self.polygon([*line, (SIDE, SIDE + 10), (0, SIDE + 10)], colour)

    def hill(self, base: float, height: float, name: str) -> None:
        """A range of hills to the lower edge, in a varied tone; both in shares of the side."""
        self.fill_below(ridge(self.rng, base, height), self.tone(name))


SIDE = 512

Point = tuple[float, float]
Rng = np.random.Generator


def ridge(rng: Rng, base: float, height: float, waves: int = 3) -> list[Point]:
    """A hilly skyline around `base` (share of the side), left to right."""
    across = np.linspace(0, 1, 129)
    line = np.full(129, base)
    for wave in range(1, waves + 1):
        phase = rng.random()
        line += height / wave * np.sin(2 * np.pi * (wave * across * rng.uniform(0.6, 1.2) + phase))
    return [(float(x * SIDE), float(y * SIDE)) for x, y in zip(across, line, strict=True)]


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


def trapezoid(x: float, top: float, upper: float, bottom: float, lower: float) -> list[Point]:
    """Four corners around the upright x: half as wide as `upper` at the top, `lower` below."""
    return [(x - upper, top), (x + upper, top), (x + lower, bottom), (x - lower, bottom)]
