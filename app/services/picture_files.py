"""Pictures that a command writes where a person asked for them.

In: a picture and a file name. Out: the file, whole or not at all. Knows no metadata.
"""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from core.errors import UsageError
from core.files import write_bytes

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}


def check_ending(file: Path) -> str:
    """The format that a file's ending names; refused before any work is done."""
    found = FORMATS.get(file.suffix.lower())
    if found is None:
        raise UsageError(f"'{file.name}' must end in one of: {', '.join(FORMATS)}.")
    return found


def save_picture(image: Image.Image, file: Path) -> None:
    """Write the picture as its ending says; JPEG without chroma subsampling, WebP lossless."""
    kind = check_ending(file)
    buffer = io.BytesIO()
    if kind == "JPEG":
        image.save(buffer, kind, quality=95, subsampling=0)
    else:
        image.save(buffer, kind, **({"lossless": True} if kind == "WEBP" else {}))
    file.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(file, buffer.getvalue())
