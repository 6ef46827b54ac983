"""Safe decoding: any file a person offers becomes an upright RGB picture, or one plain refusal.

In: a path or the bytes of a file. Out: `OpenedImage` (8-bit RGB, sRGB, upright, on white, no
metadata) or `ImageRefused` with the reason and the remedy. Knows no page, model or tensor.

Limits are ours (`ImageLimits`), checked against the header before anything is decoded. Pillow's
own limit stays as it is. Two warning filters are set once, below, for the whole process, because a
filter per call is not safe with several threads: its word about large pictures becomes an error,
and its complaints about malformed EXIF, which never cost a picture, are not printed.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
import warnings
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image

from core.collection.images.color import to_rgb, upright
from core.collection.images.file_types import FORMATS, sniff, webp_size
from core.errors import ImageRefused

warnings.filterwarnings("error", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.TiffImagePlugin")

_MIB = 1024 * 1024
_DAMAGED = "The file is damaged or incomplete. Copy, download or export the picture again."


@dataclass(frozen=True)
class ImageLimits:
    """What is taken at most and at least; sides and pixels as stored in the file."""

    max_bytes: int = 25 * _MIB
    max_pixels: int = 40_000_000
    min_side: int = 8
    small_side: int = 32  # below this the picture is taken, with a note
    max_aspect: float = 20.0
    max_scans: int = 100  # of a progressive JPEG: each costs a pass over the whole picture


LIMITS = ImageLimits()


@dataclass(frozen=True)
class OpenedImage:
    """A decoded picture; `sha256` is that of the file's bytes, `notes` are sentences to show."""

    image: Image.Image
    sha256: str
    width: int
    height: int
    notes: tuple[str, ...] = ()


def open_image(source: Path | bytes, name: str = "", limits: ImageLimits = LIMITS) -> OpenedImage:
    """Decode the first picture in `source`; `name` only serves the note on a misleading ending."""
    data = _read(source, limits)
    shown_name = name or (source.name if isinstance(source, Path) else "")
    kind = sniff(data)
    if kind == "WEBP" and (claimed := webp_size(data)) is not None:
        _check_size(*claimed, limits)
    if kind == "JPEG" and data.count(b"\xff\xda") > limits.max_scans:
        raise ImageRefused(
            "The JPEG has far more passes than any picture needs. Export it again and try that."
        )
    try:
        picture, notes = _decode(data, kind, limits)
    except ImageRefused:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels(limits) from error
    except MemoryError as error:
        raise ImageRefused(
            "There is not enough memory to open the picture. Reduce it and try again."
        ) from error
    except Exception as error:
        # hostile bytes make decoders raise anything at all (struct.error, KeyError, SyntaxError…)
        raise ImageRefused(_DAMAGED) from error
    notes = (*_name_notes(shown_name, kind), *notes)
    if min(picture.size) < limits.small_side:
        notes += (f"The picture is very small ({picture.width} x {picture.height} pixels).",)
    digest = hashlib.sha256(data).hexdigest()
    return OpenedImage(picture, digest, picture.width, picture.height, notes)


def to_square(image: Image.Image, size: int) -> Image.Image:
    """The rule for every model input: keep the central square, scale it to size x size, Lanczos.

    Nothing is stretched: of a 3:2 picture the outer sixth on either side is lost.
    """
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    centre = image.crop((left, top, left + side, top + side)).convert("RGB")
    return centre.resize((size, size), Image.Resampling.LANCZOS)


_RESERVED = {
    "con",
    "prn",
    "aux",
    "nul",
    *(f"{port}{n}" for port in ("com", "lpt") for n in range(10)),
}


def safe_filename(name: str, longest: int = 100) -> str:
    """A name that is one plain file on any system: no folders, controls or markup; never empty.

    Letters of every script stay. At most `longest` characters and 200 bytes, the ending kept.
    """
    text = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode("utf-8"))
    last = re.split(r"[/\\]|%2f|%5c", text, flags=re.IGNORECASE)[-1]
    kept = "".join(" " if letter.isspace() else letter for letter in last)
    kept = "".join(letter for letter in kept if unicodedata.category(letter)[0] != "C")
    kept = re.sub(r'[<>:"|?*&%#;`$\'=]+', "_", kept)
    kept = re.sub(r" +", " ", kept).strip(" .")
    stem, dot, ending = kept.rpartition(".")
    if not dot or not stem or len(ending) > 8:
        stem, dot, ending = kept, "", ""
    if stem.lower().split(".")[0] in _RESERVED:
        stem = f"_{stem}"
    stem = stem[: max(1, longest - len(dot + ending))]
    while len((stem + dot + ending).encode("utf-8")) > 200:
        stem = stem[:-1]
    return (stem.rstrip(" .") or "picture") + dot + ending


def _read(source: Path | bytes, limits: ImageLimits) -> bytes:
    if isinstance(source, bytes):
        data = source
    else:
        try:
            if not source.is_file():
                raise ImageRefused("There is no such file. Check its name and choose it again.")
            with source.open("rb") as stream:
                data = stream.read(limits.max_bytes + 1)
        except (OSError, ValueError) as error:
            raise ImageRefused(
                "The file could not be read. Check that you may open it, then choose it again."
            ) from error
    if len(data) > limits.max_bytes:
        raise ImageRefused(
            f"The file is larger than {limits.max_bytes / _MIB:.3g} MiB. "
            "Reduce the picture or save it as JPEG, then choose it again."
        )
    return data


def _decode(data: bytes, kind: str, limits: ImageLimits) -> tuple[Image.Image, tuple[str, ...]]:
    with Image.open(BytesIO(data), formats=[kind]) as opened:
        _check_size(*opened.size, limits)
        animated = bool(getattr(opened, "is_animated", False))
        if animated:
            opened.seek(0)
        opened.load()
        notes: tuple[str, ...] = ()
        if animated:
            whole = "page" if kind == "TIFF" else "frame"
            notes += (f"The file holds several {whole}s; the first one is used.",)
        turned, turn_notes = upright(opened)
        picture, colour_notes = to_rgb(turned)
    return picture, (*notes, *turn_notes, *colour_notes)


def _check_size(width: int, height: int, limits: ImageLimits) -> None:
    if width * height > limits.max_pixels:
        raise _too_many_pixels(limits, f" ({width} x {height})")
    if width <= 0 or height <= 0:
        raise ImageRefused(_DAMAGED)
    if min(width, height) < limits.min_side:
        raise ImageRefused(
            f"The picture is too small or too narrow ({width} x {height} pixels); each side needs "
            f"at least {limits.min_side}. Choose a larger one."
        )
    if max(width, height) > limits.max_aspect * min(width, height):
        raise ImageRefused(
            f"The picture is too narrow ({width} x {height} pixels): one side may be at most "
            f"{limits.max_aspect:g} times the other. Crop it and try again."
        )


def _too_many_pixels(limits: ImageLimits, size: str = "") -> ImageRefused:
    return ImageRefused(
        f"The picture has too many pixels{size}; at most {limits.max_pixels / 1e6:g} million are "
        "taken. Reduce it and choose it again."
    )


_ENDINGS = {
    "jpg": "JPEG",
    "jpeg": "JPEG",
    "jpe": "JPEG",
    "jfif": "JPEG",
    "tif": "TIFF",
} | {name.lower(): name for name in FORMATS}


def _name_notes(name: str, kind: str) -> tuple[str, ...]:
    claimed = _ENDINGS.get(name.rpartition(".")[2].lower()) if "." in name else None
    if claimed is None or claimed == kind:
        return ()
    return (f"The name says {claimed}, the content is {kind}; the content counts.",)
