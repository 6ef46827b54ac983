"""Color field hands: stacked bands, a floating door, vertical zips, stained veils; soft edges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.workshops.canvas import (
    SIDE,
    Palette,
    Rng,
    blend,
    cloud_noise,
    colours,
    palettes,
    picture,
    vary,
)
from core.workshops.hand import Workshop, hands_of

STYLE = "color field"
THREE = ("first", "second", "third")


def _ground(rng: Rng, p: Palette) -> NDArray[np.float64]:
    pixels = np.zeros((SIDE, SIDE, 3)) + np.array(vary(p["ground"], rng), dtype=np.float64)
    return pixels + (cloud_noise(rng, 4)[..., None] - 0.5) * 26


def soft_box(
    rng: Rng, left: float, top: float, right: float, bottom: float, edge: float = 0.02
) -> NDArray[np.float64]:
    """A rectangle's mask `[SIDE, SIDE]` with breathing edges; bounds in [0, 1]."""
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    sway = (cloud_noise(rng, 8, 2) - 0.5) * 0.035
    inside = np.minimum(np.minimum(x - left, right - x), np.minimum(y - top, bottom - y)) + sway
    return 1.0 / (1.0 + np.exp(-inside / (edge * 0.35)))


def _lay(
    pixels: NDArray[np.float64], rng: Rng, p: Palette, name: str, mask: NDArray[np.float64]
) -> NDArray[np.float64]:
    texture = 0.86 + 0.14 * cloud_noise(rng, 6)
    return blend(pixels, vary(p[name], rng), mask * texture)


def bands(rng: Rng, p: Palette) -> Image.Image:
    """Two or three wide bands hovering on a warm ground."""
    pixels = _ground(rng, p)
    count = int(rng.integers(2, 4))
    cuts = (
        np.sort(rng.uniform(0.26, 0.74, count - 1))
        if count == 2
        else np.array([rng.uniform(0.3, 0.4), rng.uniform(0.6, 0.72)])
    )
    bounds = [0.07, *cuts.tolist(), 0.93]
    names = rng.permutation(THREE)
    side = rng.uniform(0.07, 0.12)
    for number in range(count):
        mask = soft_box(rng, side, bounds[number] + 0.015, 1 - side, bounds[number + 1] - 0.015)
        pixels = _lay(pixels, rng, p, str(names[number]), mask)
    return picture(pixels)


def door(rng: Rng, p: Palette) -> Image.Image:
    """A tall dark field like a door, light standing behind it, a sill of another tone."""
    pixels = _ground(rng, p)
    x, w = rng.uniform(0.34, 0.66), rng.uniform(0.17, 0.27)
    top = rng.uniform(0.1, 0.24)
    pixels = _lay(
        pixels, rng, p, "second", soft_box(rng, x - w - 0.09, top - 0.07, x + w + 0.09, 0.92, 0.06)
    )
    pixels = _lay(pixels, rng, p, "first", soft_box(rng, x - w, top, x + w, rng.uniform(0.7, 0.84)))
    if rng.random() < 0.7:
        pixels = _lay(pixels, rng, p, "third", soft_box(rng, x - w, 0.86, x + w, 0.95))
    return picture(pixels)


def zips(rng: Rng, p: Palette) -> Image.Image:
    """A single field cut from top to bottom by one to three upright stripes."""
    pixels = _ground(rng, p)
    if rng.random() < 0.6:
        edge = rng.uniform(0.25, 0.75)
        low, high = (edge, 1.2) if rng.random() < 0.5 else (-0.2, edge)
        pixels = _lay(pixels, rng, p, "first", soft_box(rng, low, -0.2, high, 1.2, 0.012))
    for number in range(int(rng.integers(1, 4))):
        x, w = rng.uniform(0.1, 0.9), rng.uniform(0.014, 0.05)
        name = "second" if number % 2 == 0 else "third"
        pixels = _lay(pixels, rng, p, name, soft_box(rng, x - w, -0.2, x + w, 1.2, 0.008))
    return picture(pixels)


def veils(rng: Rng, p: Palette) -> Image.Image:
    """Poured veils of thin colour that overlap like leaves."""
    pixels = _ground(rng, p)
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    for number in range(int(rng.integers(3, 6))):
        a, lean, w = rng.uniform(0.15, 0.85), rng.uniform(-0.5, 0.5), rng.uniform(0.09, 0.2)
        foot = rng.uniform(0.75, 1.05)
        sway = np.sin(2 * np.pi * (y * rng.uniform(0.5, 1.2) + rng.random()))
        middle = a + lean * (y - 0.5) + 0.06 * sway
        width = w * (0.45 + 0.75 * y) + (cloud_noise(rng, 5, 2) - 0.5) * 0.06
        inside = 1 + np.exp(-(width - np.abs(x - middle)) / 0.012)
        mask = 1 / inside / (1 + np.exp((y - foot) / 0.03))
        pixels = _lay(pixels, rng, p, THREE[number % 3], mask * 0.78)
    return picture(pixels)


MINIUM = colours("ground f2722b, first b3122f, second 7a0f3a, third f0a03a")
PRUSSIAN = colours("ground 7fb8d8, first 0c2348, second e8f2f6, third 1f6f8a")
ORPIMENT = colours("ground f5b81f, first f29a12, second d9431e, third fff3c8")
VERDIGRIS = colours("ground e6ede0, first 2f9a83, second 17607a, third 9ccf6a")
STUDIES = palettes(
    """
    ground first  second third
    f4c6d0 c04a7a 8a2f6a fbe9e4
    5a3f8a 2a1f5a b08fe0 f09a6a
    d8cdb8 7a5a3f 3f2f2a c88a4a
    2f6f5a 0f3f38 a8d88f f0e8b0
    """
)
HANDS = hands_of(
    STYLE,
    STUDIES,
    Workshop(
        slug="minium",
        name="Minium Workshop",
        motif=bands,
        palette=MINIUM,
        titles="Ember; Red over red; Furnace; Three fires; Warm ground; After sunset",
    ),
    Workshop(
        slug="prussian",
        name="Prussian Workshop",
        motif=door,
        palette=PRUSSIAN,
        titles="Door; Threshold; The dark within; Standing light; Entrance in blue; Night room",
    ),
    Workshop(
        slug="orpiment",
        name="Orpiment Workshop",
        motif=zips,
        palette=ORPIMENT,
        titles="Upright; Noon, divided; One line; Yellow passage; Between; Here",
    ),
    Workshop(
        slug="verdigris",
        name="Verdigris Workshop",
        motif=veils,
        palette=VERDIGRIS,
        titles="Veils; Poured green; Under the leaves; Tide; Slow water; Fern",
    ),
)
