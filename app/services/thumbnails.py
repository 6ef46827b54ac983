"""Small pictures for galleries: made once, kept as WebP, read from then on.

In: a picture's file and what it is known by. Out: the file to send, the picture itself where it is
small already. Kept below CREDITLINE_HOME; the folder can be deleted at any time.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from app.settings import Settings
from core.errors import CollectionError
from core.files import write_bytes

SIDE = 256  # pixels: a card is 128 wide, and screens show two pixels per point
QUALITY = 82
DAYS = 30


def thumbnails_of(settings: Settings) -> Thumbnails:
    """Those of a home."""
    return Thumbnails(settings.home / "thumbnails")


@dataclass(frozen=True)
class Thumbnails:
    """The `folder` they are kept in."""

    folder: Path

    def of(self, picture: Path) -> Path:
        """The thumbnail of `picture`, at most `SIDE` wide and high.

        Known by the picture's path, size and time of change, so that another picture under the
        same name gets another. Raises `CollectionError` where the file is no picture any more.
        """
        kept = self._kept(picture)
        if kept.is_file():
            return kept
        try:
            with Image.open(picture) as image:
                if max(image.size) <= SIDE:
                    return picture
                small = image.convert("RGBA" if image.has_transparency_data else "RGB")
                small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        except (OSError, ValueError) as error:
            raise CollectionError(
                f"The picture '{picture.name}' cannot be read any more ({type(error).__name__}). "
                "Put it back, or import the collection again."
            ) from error
        buffer = io.BytesIO()
        small.save(buffer, "WEBP", quality=QUALITY, method=4)
        try:
            write_bytes(kept, buffer.getvalue())
        except (CollectionError, OSError):
            return picture  # a full disk costs speed, not the gallery
        return kept

    def drop(self, picture: Path) -> None:
        """Delete the thumbnail of a picture that is about to go."""
        with contextlib.suppress(OSError):  # it has none, or is gone already
            self._kept(picture).unlink(missing_ok=True)

    def _kept(self, picture: Path) -> Path:
        state = picture.stat()
        known_by = f"{picture.resolve()}\n{state.st_size}\n{state.st_mtime_ns}"
        name = hashlib.sha256(known_by.encode()).hexdigest()
        return self.folder / name[:2] / f"{name}.webp"

    def sweep(self, now: float, days: int = DAYS) -> int:
        """Delete those made more than `days` before `now` (seconds since 1970), so that the small
        picture of a work that was removed does not outlive it for long. Returns how many."""
        old = [
            path
            for path in self.folder.glob("??/*.webp")
            if now - path.stat().st_mtime > days * 86_400
        ]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)
