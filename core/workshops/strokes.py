"""Lines and outlines as points, before any colour: skylines, curves, turned shapes, trapezoids.

In: numbers, and a generator where chance has a say. Out: lists of points on a square of SIDE
pixels. Draws nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

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
