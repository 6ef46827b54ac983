"""What a file is, read from its first bytes: never from its name.

In: bytes. Out: a format Pillow may decode, or the sentence with which the file is refused, and
the size a header claims where a decoder would reserve memory before we could look. Decodes nothing.
"""

from __future__ import annotations

from core.errors import ImageRefused

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
ACCEPTED = "PNG, JPEG, WebP, GIF, BMP, TIFF or AVIF"
_EXPORT = f"Export it as {ACCEPTED} and choose it again."

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
)
_FOREIGN = (
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript (EPS) drawing"),
    (b"\xc5\xd0\xd3\xc6", "a PostScript (EPS) drawing"),
    (b"\x00\x00\x01\x00", "an icon (ICO)"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (b"8BPS", "a Photoshop document"),
    (b"\x1f\x8b", "a compressed archive"),
    (b"7z\xbc\xaf\x27\x1c", "a compressed archive"),
    (b"Rar!", "a compressed archive"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
)
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"})


def sniff(data: bytes) -> str:
    """The name of an allowed format; anything else is refused by what it is."""
    if not data:
        raise ImageRefused(
            "The file is empty: it holds no bytes. Copy or export the picture again."
        )
    for signature, name in _SIGNATURES:
        if data.startswith(signature):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp":
        return _container(data)
    for signature, what in _FOREIGN:
        if data.startswith(signature):
            raise ImageRefused(f"The file is {what}, which is not accepted here. {_EXPORT}")
    raise _unrecognised(data)


def webp_size(data: bytes) -> tuple[int, int] | None:
    """Width and height in a WebP header (Pillow reserves the canvas while it opens the file)."""
    chunk = data[12:16]
    if chunk == b"VP8X" and len(data) >= 30:
        width = int.from_bytes(data[24:27], "little") + 1
        return width, int.from_bytes(data[27:30], "little") + 1
    if chunk == b"VP8L" and len(data) >= 25:
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1
    if chunk == b"VP8 " and len(data) >= 30:
        width = int.from_bytes(data[26:28], "little") & 0x3FFF
        return width, int.from_bytes(data[28:30], "little") & 0x3FFF
    return None


def _container(data: bytes) -> str:
    length = min(int.from_bytes(data[:4], "big"), 256, len(data))
    brands = {data[8:12]} | {data[at : at + 4] for at in range(16, length, 4)}
    if brands & {b"avif", b"avis"}:
        return "AVIF"
    if brands & _HEIC_BRANDS:
        raise ImageRefused(
            "The file is a HEIC photograph, which is not supported. "
            "Export it as JPEG and choose it again."
        )
    raise ImageRefused(f"The file is a video or sound file, not a picture. {_EXPORT}")


def _unrecognised(data: bytes) -> ImageRefused:
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(b"version https://git-lfs"):
        return ImageRefused(
            "The file is not a recognised image but a Git LFS pointer that stands for one. "
            "Fetch the picture itself (git lfs pull) and choose it again."
        )
    if b"<svg" in start:
        return ImageRefused(f"The file is an SVG drawing, which is not supported. {_EXPORT}")
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<script")):
        return ImageRefused(
            "The file is not a recognised image: it is a web page, perhaps an error page saved "
            "in the picture's place. Download the picture again."
        )
    return ImageRefused(
        f"The file is not a recognised image, or its beginning is damaged. {_EXPORT}"
    )
