"""Files that are small and ask for much: what strangers may send to keep a decoder busy.

Each function makes one, of as many parts as it is told; the picture itself stays tiny.
"""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from PIL import Image


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def plain(kind: str, **options: Any) -> bytes:
    """An honest picture of 64 x 64 in one colour."""
    return saved(Image.new("RGB", (64, 64), (9, 99, 199)), kind, **options)


# --- GIF ------------------------------------------------------------------------------------------

_FRAME = b"\x2c" + struct.pack("<HHHHB", 0, 0, 64, 64, 0)


def _in_gif(part: bytes) -> bytes:
    """Before the first frame of a GIF without a global palette."""
    start = b"GIF89a" + struct.pack("<HHBBB", 64, 64, 0, 0, 0)
    return start + part + _gif_frame() + b";"


def _gif_frame() -> bytes:
    whole = saved(Image.new("L", (64, 64)), "GIF")
    palette = 3 << (whole[10] & 7) + 1
    stored = whole[whole.index(b"\x2c\0\0\0\0", 13 + palette) :]
    head = bytearray(stored[:10])
    if not head[9] & 0x80:  # the palette is the file's: make it the frame's
        head[9] |= 0x80 | whole[10] & 7
        return bytes(head) + whole[13 : 13 + palette] + stored[10:-1]
    return stored[:-1]


def gif_comment(blocks: int) -> bytes:
    return _in_gif(b"!\xfe" + b"\x01a" * blocks + b"\0")


def gif_comments(number: int) -> bytes:
    return _in_gif(b"!\xfe\x01a\0" * number)


def gif_extension(blocks: int) -> bytes:
    return _in_gif(b"!\xff" + b"\x01a" * blocks + b"\0")


def gif_stray(number: int) -> bytes:
    return _in_gif(b"!\xfe\x01a\0" + bytes(number))


def gif_comment_behind(blocks: int) -> bytes:
    return _in_gif(b"")[:-1] + b"!\xfe" + b"\x01a" * blocks + b"\0;"


def gif_tiny_blocks(blocks: int) -> bytes:
    start = b"GIF89a" + struct.pack("<HHBBB", 64, 64, 0x80, 0, 0) + bytes(6)
    return start + _FRAME + b"\x02" + b"\x01\x44" * blocks + b"\0;"


def gif_frames(number: int) -> bytes:
    return _in_gif(b"")[:-1] + (_FRAME + b"\x02\x01\x44\0") * number + b";"


# --- PNG ------------------------------------------------------------------------------------------


def png_chunk(name: bytes, body: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(name + body))
    return struct.pack(">I", len(body)) + name + body + checksum


def _in_png(part: bytes) -> bytes:
    whole = plain("PNG")
    at = whole.index(b"IDAT") - 4
    return whole[:at] + part + whole[at:]


def png_chunks(number: int, name: bytes = b"tEXt") -> bytes:
    return _in_png(png_chunk(name, b"") * number)


def png_exif(block: bytes) -> bytes:
    return _in_png(png_chunk(b"eXIf", block))


# --- JPEG -----------------------------------------------------------------------------------------


def in_jpeg(part: bytes) -> bytes:
    whole = plain("JPEG")
    return whole[:2] + part + whole[2:]


def jpeg_segments(number: int) -> bytes:
    return in_jpeg(b"\xff\xfe\0\2" * number)


def jpeg_segments_behind(number: int) -> bytes:
    whole = plain("JPEG")
    return whole[:-2] + b"\xff\xfe\0\2" * number + whole[-2:]


def jpeg_fill(number: int) -> bytes:
    return in_jpeg(b"\xff" * number)


def jpeg_exif(number: int, size: int = 6) -> bytes:
    body = b"Exif\0\0" + b"a" * size
    return in_jpeg((b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body) * number)


def jpeg_passes(number: int, side: int = 64) -> bytes:
    whole = saved(Image.new("RGB", (side, side)), "JPEG", progressive=True)
    scan = whole[whole.rindex(b"\xff\xda") : -2]
    return whole[:-2] + scan * (number - whole.count(b"\xff\xda")) + whole[-2:]


# --- TIFF -----------------------------------------------------------------------------------------

SHORT, LONG, RATIONAL, UNDEFINED = 3, 4, 5, 7


class Tiff:
    """A grey, uncompressed TIFF, classic or of 64 bits, in either order of bytes."""

    def __init__(self, order: str = "<", big: bool = False) -> None:
        self.order, self.big = order, big
        self.header = 16 if big else 8

    def start(self, directory: int) -> bytes:
        mark = b"II" if self.order == "<" else b"MM"
        if self.big:
            return mark + struct.pack(self.order + "HHHQ", 43, 8, 0, directory)
        return mark + struct.pack(self.order + "HI", 42, directory)

    def entry(self, tag: int, kind: int, count: int, value: int) -> bytes:
        wide = "Q" if self.big else "I"
        head = struct.pack(self.order + "HH" + wide, tag, kind, count)
        is_short = kind == SHORT and count == 1
        field = struct.pack(self.order + ("H" if is_short else wide), value)
        return head + field.ljust(8 if self.big else 4, b"\0")

    def directory(self, entries: list[bytes], following: int = 0) -> bytes:
        count = struct.pack(self.order + ("Q" if self.big else "H"), len(entries))
        return count + b"".join(entries) + struct.pack(self.order + "QI"[not self.big], following)

    def picture(self, height: int, width: int, strips: int, offsets: int) -> list[bytes]:
        """Tags of a picture whose strips all begin right behind the header."""
        lengths = offsets + 4 * strips
        return [
            self.entry(256, LONG, 1, width),
            self.entry(257, LONG, 1, height),
            self.entry(258, SHORT, 1, 8),
            self.entry(259, SHORT, 1, 1),
            self.entry(262, SHORT, 1, 1),
            self.entry(273, LONG, strips, self.header if strips == 1 else offsets),
            self.entry(277, SHORT, 1, 1),
            self.entry(278, LONG, 1, height // strips),
            self.entry(279, LONG, strips, width * height if strips == 1 else lengths),
        ]

    def strips(self, number: int, width: int = 64) -> bytes:
        """As many strips as rows; all of them the same bytes."""
        pixels = bytes(width)
        offsets = self.header + len(pixels)
        arrays = struct.pack(
            f"{self.order}{2 * number}I", *[self.header] * number, *[width] * number
        )
        tags = self.picture(number, width, number, offsets)
        return self.start(offsets + len(arrays)) + pixels + arrays + self.directory(tags)

    def one_strip(self, *more: bytes, pages: int = 0, behind: int = 0) -> bytes:
        """64 x 64, with more tags, empty pages after it, or bytes that nothing names."""
        pixels = bytes(64 * 64)
        at = self.header + len(pixels)
        tags = [*self.picture(64, 64, 1, 0), *more]
        end = at + len(self.directory(tags))
        size = len(self.directory([]))
        chain = [end + size * (page + 1) for page in range(pages - 1)] + [0]
        following = b"".join(self.directory([], place) for place in chain[: pages or 0])
        first = self.directory(tags, end if pages else 0)
        return self.start(at) + pixels + first + following + bytes(behind)

    def pages(self, number: int) -> bytes:
        """A picture and so many empty pages after it."""
        return self.one_strip(pages=number)

    def tags(self, number: int, size: int) -> bytes:
        """Tags that all hold the same `size` bytes of the file."""
        more = [self.entry(1000 + k, UNDEFINED, size, self.header) for k in range(number)]
        return self.one_strip(*more, behind=size)

    def values(self, number: int) -> bytes:
        return self.one_strip(self.entry(282, RATIONAL, number, self.header), behind=8 * number)


def exif_tags(number: int, size: int = 64) -> bytes:
    """An EXIF block whose tags all hold the same `size` bytes."""
    tiff = Tiff()
    entries = [tiff.entry(1 + k, UNDEFINED, size, 8) for k in range(number)]
    return tiff.start(8) + tiff.directory(entries) + bytes(size)


# --- WebP, AVIF, BMP ------------------------------------------------------------------------------


def _riff(body: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _extended(flags: int) -> bytes:
    return b"VP8X" + struct.pack("<I", 10) + bytes((flags, 0, 0, 0)) + (b"\x3f\0\0" * 2)


def webp_chunks(number: int) -> bytes:
    return _riff(_extended(0) + plain("WEBP")[12:] + (b"abcd" + bytes(4)) * number)


def webp_frames(number: int) -> bytes:
    picture = saved(Image.new("RGB", (8, 8)), "WEBP")[12:]
    body = bytes(6) + b"\x07\0\0" * 2 + b"\1\0\0\0" + picture
    frame = b"ANMF" + struct.pack("<I", len(body)) + body
    return _riff(_extended(2) + b"ANIM" + struct.pack("<I", 6) + bytes(6) + frame * number)


def box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + name + body


AVIF_START = box(b"ftyp", b"avif\0\0\0\0avifmif1miaf")


def avif_items(number: int) -> bytes:
    """Items without a picture; libavif looks each up among all that came before."""
    entries = b"".join(
        box(b"infe", b"\3\0\0\0" + struct.pack(">IH", k + 1, 0) + b"av01\0") for k in range(number)
    )
    listed = box(b"iinf", b"\1\0\0\0" + struct.pack(">I", number) + entries)
    handler = box(b"hdlr", bytes(8) + b"pict" + bytes(13))
    primary = box(b"pitm", bytes(4) + struct.pack(">H", 1))
    place = box(b"iloc", bytes(4) + b"\x44\0" + bytes(2))
    return AVIF_START + box(b"meta", bytes(4) + handler + primary + place + listed)


def avif_boxes(number: int) -> bytes:
    return AVIF_START + box(b"free", b"") * number


def avif_samples(number: int) -> bytes:
    table = box(b"stco", bytes(4) + struct.pack(">I", number) + bytes(4 * number))
    inner = table
    for name in (b"stbl", b"minf", b"mdia", b"trak", b"moov"):
        inner = box(name, inner)
    return AVIF_START + inner


def bmp_runs(width: int, height: int) -> bytes:
    """Honest in every number, but each run is of one pixel: Pillow takes each in Python."""
    body = b"\1\5" * (width * height) + b"\0\1"
    palette = b"".join(bytes((k, k // 2, 255 - k, 0)) for k in range(256))
    start = 54 + len(palette)
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(body), 2835, 2835, 256, 0)
    head = b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start)
    return head + info + palette + body
