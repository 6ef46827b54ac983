"""How much work a picture's container asks for, counted before any library reads it.

In: the bytes of a file and its format. Out: nothing, or `ImageRefused` where a few megabytes ask
for minutes: a GIF comment in a million pieces, a TIFF of three million strips, a JPEG of a
thousand passes. Time is linear in the bytes and stops at the first limit. Judges amounts only:
what is malformed ends the count and is left to the decoder. Decodes nothing.
"""

from __future__ import annotations

import contextlib
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from core.errors import ImageRefused

_MIB = 1024 * 1024
_CUT_OFF = (struct.error, IndexError, OverflowError)  # an offset lies beyond the bytes


@dataclass(frozen=True, kw_only=True)
class ImageLimits:
    """What is taken at most and at least; sides and pixels as stored in the file."""

    max_bytes: int = 25 * _MIB
    max_pixels: int = 40_000_000
    min_side: int = 8
    small_side: int = 32  # below this the picture is taken, with a note
    max_aspect: float = 20.0
    # of the container; an honest file of `max_bytes` stays far below each
    max_scans: int = 100  # of a progressive JPEG: each costs a pass over the whole picture
    max_scan_pixels: int = 2_000_000_000  # passes times pixels: 50 passes over the largest picture
    max_segments: int = 10_000  # of a JPEG
    max_exif_segments: int = 256  # of a JPEG: Pillow copies all that came before for each
    max_stray_bytes: int = _MIB  # between the parts of a JPEG or GIF, skipped one by one
    max_blocks: int = 250_000  # of a GIF up to its second frame; 25 MiB need 103,000
    max_comment_blocks: int = 4096  # of a GIF: Pillow copies the whole comment for each
    max_chunks: int = 100_000  # of a PNG or WebP, boxes of an AVIF
    max_strips: int = 150_000  # strips or tiles of a TIFF
    max_pages: int = 50_000  # of a TIFF
    max_tags: int = 4096  # of one directory of a TIFF or EXIF block
    max_values: int = 250_000  # of one tag; the largest palette has 196,608
    max_items: int = 10_000  # of an AVIF: 40 million pixels in the smallest tiles
    max_samples: int = 20_000  # of an AVIF's sequence


LIMITS = ImageLimits()


def check_container(data: bytes, kind: str, limits: ImageLimits = LIMITS) -> None:
    """Refuse a file whose container asks for more work than any picture needs.

    `kind` is a format as `sniff` names it; a BMP has no parts to count.
    """
    walk = _WALKS.get(kind)
    if walk is None:
        return
    with contextlib.suppress(*_CUT_OFF):  # or contradictory: the decoder says so
        walk(data, limits)


def _require(amount: int, most: int, kind: str, parts: str) -> None:
    if amount > most:
        raise ImageRefused(
            f"The {kind} has far more {parts} than any picture needs. Export it again and try that."
        )


# --- GIF ------------------------------------------------------------------------------------------

_GIF_BLOCK = re.compile(rb"[!,;]")
_COMMENT = 0xFE


def _walk_gif(data: bytes, limits: ImageLimits) -> None:
    """Up to the second frame: nothing reads on from there."""
    at = 13 + _palette_bytes(data[10])
    blocks = comments = stray = frames = 0
    while (start := _GIF_BLOCK.search(data, at)) is not None:
        stray += start.start() - at
        _require(stray, limits.max_stray_bytes, "GIF", "stray bytes")
        at = start.end()
        if start[0] == b";":
            return
        if start[0] == b",":
            frames += 1
            if frames == 2:
                return
            at += 9 + _palette_bytes(data[at + 8]) + 1
            at, count = _sub_blocks(data, at, limits)
        else:
            is_comment = data[at] == _COMMENT
            at, count = _sub_blocks(data, at + 1, limits)
            if count == 0 and not is_comment:  # Pillow reads on past an end that comes first
                at, count = _sub_blocks(data, at, limits)
            comments += (count + 1) * is_comment
            _require(comments, limits.max_comment_blocks, "GIF", "blocks of comment")
        blocks += count + 1
        _require(blocks, limits.max_blocks, "GIF", "blocks")


def _palette_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _sub_blocks(data: bytes, at: int, limits: ImageLimits) -> tuple[int, int]:
    """Where a run of sub-blocks ends, and how many there were (counted one beyond the limit)."""
    count, end = 0, len(data)
    while at < end and data[at] and count <= limits.max_blocks:
        at += 1 + data[at]
        count += 1
    return at + 1, count


# --- PNG and WebP ---------------------------------------------------------------------------------


_Chunks = Iterator[tuple[bytes, int, int]]  # name, where its data begin, how many bytes they claim


def _walk_png(data: bytes, limits: ImageLimits) -> None:
    _check_chunks(data, _png_chunks(data), b"eXIf", "PNG", limits)


def _walk_webp(data: bytes, limits: ImageLimits) -> None:
    _check_chunks(data, _webp_chunks(data), b"EXIF", "WebP", limits)


def _png_chunks(data: bytes) -> _Chunks:
    at, name = 8, b""
    while at + 8 <= len(data) and name != b"IEND":
        length, name = struct.unpack_from(">I4s", data, at)
        yield name, at + 8, length
        at += 12 + length


def _webp_chunks(data: bytes) -> _Chunks:
    at = 12
    while at + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, at)
        yield name, at + 8, length
        at += 8 + length + (length & 1)


def _check_chunks(
    data: bytes, chunks: _Chunks, exif: bytes, kind: str, limits: ImageLimits
) -> None:
    for count, (name, at, length) in enumerate(chunks, start=1):
        _require(count, limits.max_chunks, kind, "chunks")
        if name == exif:
            _check_exif(data[at : at + length], kind, limits)


# --- JPEG -----------------------------------------------------------------------------------------

_MARKER = re.compile(rb"\xff([\x01-\xfe])")
_MARKER_AFTER_DATA = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")  # restarts belong to the data
_FILM = re.compile(rb"ftyp(?:mp4|isom|iso[2-6]|avc1|qt  |MSNV|heic|M4V|3gp)")
_SOS, _EOI, _APP1 = 0xDA, 0xD9, 0xE1
_WITHOUT_LENGTH = frozenset({0xC8, *range(0xD0, 0xDA), *range(0xF0, 0xFE)})
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def still_of(data: bytes, limits: ImageLimits = LIMITS) -> bytes | None:
    """The JPEG of a motion photo, without the film behind it; None where `data` is not one.

    Phones write the still first and an MP4 after its end. Raises `ImageRefused` as
    `check_container` does; `data` may be cut off within the film.
    """
    if not data.startswith(b"\xff\xd8\xff"):
        return None
    end = 0
    with contextlib.suppress(*_CUT_OFF):
        end = _walk_jpeg(data, limits)
    return data[:end] if end and _FILM.search(data, end, end + _MIB) else None


def _walk_jpeg(data: bytes, limits: ImageLimits) -> int:
    """Where the picture ends; 0 where its end is not found."""
    at, end, segments, scans, stray, pixels = 2, 0, 0, 0, 0, 0
    exif: list[bytes] = []
    while (marker := (_MARKER_AFTER_DATA if scans else _MARKER).search(data, at)) is not None:
        code, segments = marker[1][0], segments + 1
        _require(segments, limits.max_segments, "JPEG", "segments")
        if not scans:
            stray += marker.start() - at
            _require(stray, limits.max_stray_bytes, "JPEG", "stray bytes")
        at = marker.end()
        if code == _EOI and scans:
            end = at
        if code < 0xC0 or end:
            break
        if code in _WITHOUT_LENGTH:
            continue
        body, at = at + 2, at + max(2, int.from_bytes(data[at : at + 2], "big"))
        if code in _FRAMES:
            height, width = struct.unpack_from(">HH", data, body + 1)
            pixels = max(pixels, height * width)
        elif code == _APP1 and data.startswith(b"Exif\0\0", body):
            exif.append(data[body + 6 : at])
            _require(len(exif), limits.max_exif_segments, "JPEG", "EXIF blocks")
        elif code == _SOS:
            scans += 1
            _require(scans, limits.max_scans, "JPEG", "passes")
            _require(scans * pixels, limits.max_scan_pixels, "JPEG", "passes")
    _check_exif(b"".join(exif), "JPEG", limits)
    return end


# --- TIFF, and the EXIF blocks of others ----------------------------------------------------------

_UNIT = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}
_BYTES = frozenset({1, 2, 7})  # types that stay a string of bytes
_OFFSETS = frozenset({273, 279, 324, 325})  # of strips and tiles, and their lengths
_SUBDIRECTORIES = frozenset({0x8769, 0x8825, 0xA005})  # EXIF, place, interoperability


@dataclass(frozen=True)
class _Layout:
    """How numbers and directories are written: classic TIFF, or the 64 bits of BigTIFF."""

    order: str
    big: bool

    @property
    def entry(self) -> struct.Struct:
        return struct.Struct(self.order + ("HHQ8s" if self.big else "HHL4s"))

    def number(self, data: bytes, at: int = 0) -> int:
        """An offset."""
        number: int = struct.unpack_from(self.order + ("Q" if self.big else "L"), data, at)[0]
        return number

    def entries(self, data: bytes, at: int) -> tuple[int, int]:
        """How many entries the directory at `at` says it has, and where they begin."""
        count: int = struct.unpack_from(self.order + ("Q" if self.big else "H"), data, at)[0]
        return count, at + (8 if self.big else 2)


def _walk_tiff(data: bytes, limits: ImageLimits) -> None:
    order = "<" if data[:2] == b"II" else ">"
    is_big = 43 in data[2:4]
    if not is_big or order == ">":  # Pillow takes the latter for a classic one, libtiff does not
        with contextlib.suppress(*_CUT_OFF):
            _check_directories(data, 4, _Layout(order, False), "TIFF", limits)
    if is_big:
        _check_directories(data, 8, _Layout(order, True), "TIFF", limits)


def _check_exif(block: bytes, kind: str, limits: ImageLimits) -> None:
    while block.startswith(b"Exif\0\0"):
        block = block[6:]
    if block[:4] in (b"II*\0", b"MM\0*"):
        layout = _Layout("<" if block[:2] == b"II" else ">", False)
        with contextlib.suppress(*_CUT_OFF):  # a malformed block never costs the picture
            _check_directories(block, 4, layout, kind, limits)


def _check_directories(
    data: bytes, header: int, layout: _Layout, kind: str, limits: ImageLimits
) -> None:
    """The first directory and those inside it in full; of the pages after it only their number."""
    at = layout.number(data, header)
    _check_pages(data, at, layout, kind, limits)
    for inner in _check_directory(data, at, layout, kind, limits):
        with contextlib.suppress(*_CUT_OFF):  # the first counts, whatever those inside it are
            for innermost in _check_directory(data, inner, layout, kind, limits):
                list(_check_directory(data, innermost, layout, kind, limits))


def _check_pages(data: bytes, at: int, layout: _Layout, kind: str, limits: ImageLimits) -> None:
    seen: set[int] = set()
    while 0 < at < len(data) and at not in seen:
        seen.add(at)
        _require(len(seen), limits.max_pages, kind, "pages")
        try:
            count, start = layout.entries(data, at)
            at = layout.number(data, start + count * layout.entry.size)
        except _CUT_OFF:
            return


def _check_directory(
    data: bytes, at: int, layout: _Layout, kind: str, limits: ImageLimits
) -> Iterator[int]:
    """Count what the entries ask for; yields where the directories inside this one stand."""
    count, start = layout.entries(data, at)
    entry, total = layout.entry, 0
    count = min(count, (len(data) - start) // entry.size)  # a broken block may claim any number
    _require(count, limits.max_tags, kind, "tags")
    for place in range(start, start + count * entry.size, entry.size):
        tag, form, values, field = entry.unpack_from(data, place)
        size = values * _UNIT.get(form, 0)
        if not 0 < size <= len(data):  # damage: nobody can read it
            continue
        if tag in _OFFSETS:
            _require(values, limits.max_strips, kind, "strips")
        elif form not in _BYTES:
            _require(values, limits.max_values, kind, "values in one tag")
        if size > len(field):
            total += size
            # honest values share no bytes; overlapping ones are copied once for every tag
            _require(total, 2 * len(data), kind, "bytes in its tags")
        elif tag in _SUBDIRECTORIES and form in (4, 13):
            yield layout.number(field.ljust(8, b"\0"))


# --- AVIF (ISO base media) ------------------------------------------------------------------------

_PLAIN_BOXES = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"iprp", b"ipco"})
_FULL_BOXES = frozenset({b"meta", b"iref"})  # begin with four bytes of version and flags
_TABLES = frozenset({b"stts", b"stsc", b"stco", b"co64", b"stss", b"stsz"})


def _walk_avif(data: bytes, limits: ImageLimits) -> None:
    count = references = 0
    open_boxes = [(0, len(data), b"")]
    while open_boxes:
        at, end, outer = open_boxes.pop()
        while at + 8 <= end:
            length, name = struct.unpack_from(">I4s", data, at)
            body = at + 8
            if length == 1:
                length, body = int.from_bytes(data[at + 8 : at + 16], "big"), at + 16
            stop = end if length == 0 else min(at + length, end)
            if stop < body:
                break
            count += 1
            references += outer == b"iref"
            _require(count, limits.max_chunks, "AVIF", "boxes")
            _require(references, limits.max_items, "AVIF", "items")
            _require(_items(data, body, name), limits.max_items, "AVIF", "items")
            if name in _TABLES:
                _require(_samples(data, body, name), limits.max_samples, "AVIF", "frames")
            if name in _PLAIN_BOXES or name in _FULL_BOXES:
                open_boxes.append((body + 4 * (name in _FULL_BOXES), stop, name))
            at = stop


def _items(data: bytes, body: int, name: bytes) -> int:
    """How many items a box of `meta` says it lists."""
    version = data[body] if body < len(data) else 0
    if name == b"ipma":
        return int.from_bytes(data[body + 4 : body + 8], "big")
    if name == b"iinf":
        return int.from_bytes(data[body + 4 : body + (6 if version == 0 else 8)], "big")
    if name == b"iloc":
        return int.from_bytes(data[body + 6 : body + (8 if version < 2 else 10)], "big")
    return 0


def _samples(data: bytes, body: int, name: bytes) -> int:
    """How many entries a table of a sequence says it has."""
    at = body + (8 if name == b"stsz" else 4)
    return int.from_bytes(data[at : at + 4], "big")


_WALKS: dict[str, Callable[[bytes, ImageLimits], object]] = {
    "GIF": _walk_gif,
    "PNG": _walk_png,
    "WEBP": _walk_webp,
    "JPEG": _walk_jpeg,
    "TIFF": _walk_tiff,
    "AVIF": _walk_avif,
}
