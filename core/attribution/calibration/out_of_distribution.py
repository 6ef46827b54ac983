"""Pictures that no painting model has learnt: flat fields, gradients, noise, stripes, pages.

In: a number and a size. Out: a seeded picture. They show the trust verdict what "foreign" is; the
1/f noise has the statistics of a photograph.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.float64]
Rng = np.random.Generator


def foreign_picture(seed: int, size: int) -> Image.Image:
    """The `seed`-th foreign picture, `size` x `size`; its kind goes round with the seed."""
    rng = np.random.default_rng([20_231_101, seed])
    pixels = KINDS[seed % len(KINDS)](rng, size)
    return Image.fromarray((pixels.clip(0, 1) * 255).round().astype(np.uint8), "RGB")


def _colour(rng: Rng) -> Pixels:
    return rng.uniform(0, 1, 3)


def _plain(rng: Rng, size: int) -> Pixels:
    """One colour, without any grain."""
    return np.tile(_colour(rng), (size, size, 1))


def _flat(rng: Rng, size: int) -> Pixels:
    return np.broadcast_to(_colour(rng), (size, size, 3)) + rng.normal(0, 0.01, (size, size, 3))


def _gradient(rng: Rng, size: int) -> Pixels:
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[0 : 1 : size * 1j, 0 : 1 : size * 1j]
    along = (np.cos(angle) * x + np.sin(angle) * y)[..., None]
    along = (along - along.min()) / (along.max() - along.min())
    return (1 - along) * _colour(rng) + along * _colour(rng)


def _white_noise(rng: Rng, size: int) -> Pixels:
    return rng.uniform(0, 1, (size, size, 3))


def _spectrum(rng: Rng, size: int) -> Pixels:
    """1/f noise, its channels partly alike, as in photographs."""
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size)[None])
    frequency[0, 0] = 1.0 / size
    power = frequency ** -rng.uniform(0.9, 1.6)
    common, *own = (
        np.fft.ifft2(np.fft.fft2(rng.normal(size=(size, size))) * power).real for _ in range(4)
    )
    layers = [common / common.std() + 0.5 * part / part.std() for part in own]
    return np.stack(layers, axis=-1) * 0.16 + rng.uniform(0.3, 0.7)


def _stripes(rng: Rng, size: int) -> Pixels:
    period, angle = rng.uniform(5, size / 5), rng.uniform(0, np.pi)
    y, x = np.mgrid[0:size, 0:size]
    wave = np.sin(2 * np.pi * (np.cos(angle) * x + np.sin(angle) * y) / period) > 0
    return np.where(wave[..., None], _colour(rng), _colour(rng))


def _checks(rng: Rng, size: int) -> Pixels:
    cell = int(rng.integers(4, size // 4))
    y, x = np.mgrid[0:size, 0:size]
    even = ((x // cell + y // cell) % 2)[..., None]
    return np.where(even == 0, _colour(rng), _colour(rng))


def _page(rng: Rng, size: int) -> Pixels:
    """Dark words in rows on a light page, like a screenshot of text."""
    page = np.ones((size, size, 3)) * rng.uniform(0.85, 1.0)
    ink = rng.uniform(0, 0.3)
    for top in range(6, size - 6, int(rng.integers(6, 12))):
        left = 6
        while left < size - 10:
            word = int(rng.integers(3, 18))
            page[top : top + 2, left : min(left + word, size - 6)] = ink
            left += word + 3
    return page


def _patches(rng: Rng, size: int) -> Pixels:
    """Blocks of random colours: a mosaic without a motif."""
    cells = int(rng.integers(3, 14))
    grid = rng.uniform(0, 1, (cells, cells, 3))
    at = np.arange(size) * cells // size
    result: Pixels = grid[at][:, at]
    return result


KINDS: tuple[Callable[[Rng, int], Pixels], ...] = (
    _spectrum,
    _flat,
    _spectrum,
    _gradient,
    _white_noise,
    _spectrum,
    _stripes,
    _checks,
    _page,
    _patches,
    _plain,
    _plain,
)
