"""Tiny made-up pictures and rows for the tests of importing."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from core.collection.importing.rows import Candidate, EmbeddedPicture


def paint(path: Path, seed: int = 0) -> Path:
    """A seeded picture, saved by its name's ending; folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soft(seed).save(path)
    return path


def soft(seed: int, size: tuple[int, int] = (40, 30)) -> Image.Image:
    """Soft colours that no other seed has."""
    values = np.random.default_rng(seed).integers(0, 255, (3, 4, 3), dtype=np.uint8)
    return Image.fromarray(values).resize(size, Image.Resampling.BICUBIC)


def png(seed: int) -> bytes:
    """A seeded picture as a file's bytes."""
    buffer = io.BytesIO()
    soft(seed).save(buffer, "PNG")
    return buffer.getvalue()


def candidate(
    row: str = "1", artist: str = "Anna Ek", style: str = "Op Art", **more: str
) -> Candidate:
    """A row whose picture is made from the digits of its name."""
    seed = int("".join(filter(str.isdigit, row)) or "0")
    picture = EmbeddedPicture(f"{row}.png", lambda: png(seed))
    fields = {"title": "T", "year": "1900", "licence": "CC0", "source": "here"} | more
    return Candidate(row=row, picture=picture, artist=artist, style=style, **fields)
