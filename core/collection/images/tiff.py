"""TIFF as scanners write it: what Pillow reads wrongly or not at all, by its first directory.

In: the bytes of a TIFF. Out: how its samples are stored, and the same file with another directory
that Pillow reads right: grey whose white is zero as grey whose black is, one plane of several as a
picture of its own. The samples are not touched. Decodes nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from PIL import TiffImagePlugin

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_STRIPS, _SAMPLES, _PLANAR, _FORMAT = 273, 277, 284, 339
_LENGTHS, _TILES, _TILE_LENGTHS, _EXTRA = 279, 324, 325, 338
_SHORTS = frozenset({_BITS, _COMPRESSION, _PHOTOMETRIC, 266, 274, _SAMPLES, _PLANAR, 317, _FORMAT})
_LONGS = frozenset({_WIDTH, _HEIGHT, _STRIPS, 278, _LENGTHS, 322, 323, _TILES, _TILE_LENGTHS})
_BYTES = frozenset({347, 34675})  # tables of a JPEG, a colour profile
PROFILE = 34675
_MOST_CHANNELS = 64  # beyond it the directory is damaged
_COLOURS = {
    0: "grey",
    1: "grey",
    2: "RGB",
    3: "a palette",
    5: "CMYK",
    6: "YCbCr",
    8: "CIE Lab",
    9: "ICC Lab",
    10: "ITU Lab",
    32803: "a sensor's raw mosaic",
    34892: "linear raw",
}
_FORMATS = {1: "", 2: "signed ", 3: "floating-point ", 4: "untyped ", 5: "complex ", 6: "complex "}


@dataclass(frozen=True, kw_only=True)
class TiffForm:
    """How the first picture of a TIFF stores its samples; `tags` are those of its directory."""

    bits: int
    samples: int
    photometric: int
    sample_format: int
    is_planar: bool
    compression: int
    order: str
    tags: Mapping[int, Any]

    @property
    def is_deep(self) -> bool:
        """More than eight bits, or numbers that are not whole."""
        return self.bits > 8 or self.sample_format == 3

    @property
    def is_white_zero(self) -> bool:
        """Grey of which zero is white, in a depth in which Pillow takes zero for black."""
        return self.photometric == 0 and self.samples == 1 and self.is_deep

    @property
    def is_planar_colour(self) -> bool:
        """Colours in planes that Pillow reads as if they were mixed (16 bits), or not (alpha)."""
        known = self.is_planar and self.samples >= 3 and self.sample_format == 1
        return known and (self.bits == 16 or (self.bits == 8 and self.samples > 3))

    @property
    def alpha(self) -> int:
        """0: the channels are colours alone; 1: coverage is in them already; 2: it is apart."""
        extra = _all(self.tags.get(_EXTRA, (0,)))
        return extra[0] if self.samples > 3 and extra else 0

    @property
    def colours(self) -> str:
        """For people: 'RGB of 3 channels with floating-point 32 bits'."""
        name = _COLOURS.get(self.photometric, f"colours of kind {self.photometric}")
        kind = _FORMATS.get(self.sample_format, "untyped ")
        return f"{name} of {self.samples} x {kind}{self.bits} bits, compression {self.compression}"


def tiff_form(data: bytes) -> TiffForm | None:
    """How the samples are stored; None where the directory cannot be read."""
    try:
        header = data[:16] if data[2:4] in (b"+\0", b"\0+") else data[:8]
        directory = TiffImagePlugin.ImageFileDirectory_v2(header)
        stream = BytesIO(data)
        stream.seek(directory.next)
        directory.load(stream)
        tags = {
            tag: directory[tag] for tag in _SHORTS | _LONGS | _BYTES | {_EXTRA} if tag in directory
        }
        samples = int(tags.get(_SAMPLES, 1))
        bits = _all(tags.get(_BITS, (1,)))
        formats = _all(tags.get(_FORMAT, (1,)))
    except (OSError, ValueError, TypeError, KeyError, IndexError, SyntaxError, struct.error):
        return None
    except (OverflowError, RuntimeError, EOFError, AttributeError):  # of malformed entries
        return None
    if (
        not 1 <= samples <= _MOST_CHANNELS
        or not bits
        or len(set(bits)) != 1
        or len(set(formats)) != 1
        or _PHOTOMETRIC not in tags
    ):
        return None
    return TiffForm(
        bits=bits[0],
        samples=samples,
        photometric=int(tags[_PHOTOMETRIC]),
        sample_format=formats[0],
        is_planar=tags.get(_PLANAR, 1) == 2,
        compression=int(tags.get(_COMPRESSION, 1)),
        order="<" if data[:2] == b"II" else ">",
        tags=tags,
    )


def with_black_zero(data: bytes, form: TiffForm) -> bytes:
    """The same file, its grey called one whose black is zero: what is decoded is the negative."""
    return _with_directory(data, form, {_PHOTOMETRIC: 1})


def plane(data: bytes, form: TiffForm, number: int) -> bytes:
    """The file of which one plane is a grey picture. Raises ValueError where there is none."""
    changes: dict[int, Any] = {
        _PHOTOMETRIC: 1,
        _SAMPLES: 1,
        _PLANAR: 1,
        _BITS: form.bits,
        _FORMAT: form.sample_format,
    }
    for tag in (_STRIPS, _LENGTHS, _TILES, _TILE_LENGTHS):
        if tag in form.tags:
            whole = _all(form.tags[tag])
            count = len(whole) // form.samples
            if not count or count * form.samples != len(whole):
                raise ValueError("planes of unequal length")
            changes[tag] = whole[number * count : (number + 1) * count]
    return _with_directory(data, form, changes)


def _with_directory(data: bytes, form: TiffForm, changes: Mapping[int, Any]) -> bytes:
    """`data` with a directory behind it that counts, in the classic form; one picture only."""
    tags = {tag: value for tag, value in form.tags.items() if tag != _EXTRA} | dict(changes)
    start = len(data) + len(data) % 2
    behind = start + 2 + 12 * len(tags) + 4
    entries, values = b"", b""
    for tag, value in sorted(tags.items()):
        kind, content = _packed(tag, value, form.order)
        count = len(content) // {3: 2, 4: 4, 7: 1}[kind]
        if len(content) > 4:
            place = struct.pack(form.order + "I", behind + len(values))
            values += content + b"\0" * (len(content) % 2)
        else:
            place = content.ljust(4, b"\0")
        entries += struct.pack(form.order + "HHI", tag, kind, count) + place
    mark = (b"II*\0" if form.order == "<" else b"MM\0*") + struct.pack(form.order + "I", start)
    directory = struct.pack(form.order + "H", len(tags)) + entries + bytes(4) + values
    return mark + data[8:].ljust(start - 8, b"\0") + directory


def _packed(tag: int, value: Any, order: str) -> tuple[int, bytes]:
    if tag in _BYTES:
        return 7, bytes(value)
    numbers = _all(value)
    if tag in _SHORTS:
        return 3, struct.pack(f"{order}{len(numbers)}H", *numbers)
    return 4, struct.pack(f"{order}{len(numbers)}I", *numbers)


def _all(value: Any) -> tuple[int, ...]:
    return tuple(int(one) for one in value) if isinstance(value, tuple) else (int(value),)
