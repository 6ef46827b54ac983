"""Scanners' TIFFs are decoded as an oracle array says, or refused by their cause; never wrong."""

from __future__ import annotations

import struct
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.collection.images.open import open_image
from core.collection.images.tiff import tiff_form
from core.errors import ImageRefused

HEIGHT, WIDTH = 32, 48
Y, X = np.mgrid[0:HEIGHT, 0:WIDTH]
RAMP = X / (WIDTH - 1)
RGB = np.stack([X / (WIDTH - 1), Y / (HEIGHT - 1), 1 - X / (WIDTH - 1)], -1)
CMYK = np.stack([X / (WIDTH - 1), Y / (HEIGHT - 1), 0 * X, 0 * X], -1)
HALF = np.full((HEIGHT, WIDTH, 1), 0.5)


def whole(values: np.ndarray, kind: Any) -> np.ndarray:
    return np.round(values * np.iinfo(kind).max).astype(kind)


def packed_bits(values: np.ndarray, bits: int) -> bytes:
    """Rows of whole numbers of any number of bits, each row to a full byte."""
    rows = ("".join(f"{value:0{bits}b}" for value in row) for row in values)
    return b"".join(
        int(row.ljust(-(-len(row) // 8) * 8, "0"), 2).to_bytes(-(-len(row) // 8), "big")
        for row in rows
    )


def tiff(
    values: np.ndarray,
    photometric: int,
    *,
    order: str = "<",
    planar: bool = False,
    bits: int = 0,
    sample_format: int = 1,
    **tags: int,
) -> bytes:
    """An uncompressed TIFF, made by hand: (H, W) or (H, W, channels) samples."""
    height, width, *rest = values.shape
    channels = rest[0] if rest else 1
    stored = values.astype(values.dtype.newbyteorder(order))
    if bits:
        strips = [packed_bits(values, bits)]
    elif planar:
        strips = [np.ascontiguousarray(stored[..., n]).tobytes() for n in range(channels)]
    else:
        strips = [stored.tobytes()]
    known: dict[int, tuple[str, list[int]]] = {
        256: ("I", [width]),
        257: ("I", [height]),
        258: ("H", [bits or values.dtype.itemsize * 8] * channels),
        259: ("H", [1]),
        262: ("H", [photometric]),
        273: ("I", [0] * len(strips)),
        277: ("H", [channels]),
        278: ("I", [height]),
        279: ("I", [len(strip) for strip in strips]),
        284: ("H", [2 if planar else 1]),
        339: ("H", [sample_format] * channels),
        **{int(tag[1:]): ("H", [value]) for tag, value in tags.items()},
    }
    size = {"I": 4, "H": 2}
    behind = 8 + 2 + 12 * len(known) + 4
    first = behind + sum(
        len(numbers) * size[kind]
        for kind, numbers in known.values()
        if len(numbers) * size[kind] > 4
    )
    known[273] = ("I", [first + sum(map(len, strips[:n])) for n in range(len(strips))])
    entries, values_behind = b"", b""
    for tag, (kind, numbers) in sorted(known.items()):
        content = struct.pack(f"{order}{len(numbers)}{kind}", *numbers)
        place = content.ljust(4, b"\0")
        if len(content) > 4:
            place = struct.pack(f"{order}I", behind + len(values_behind))
            values_behind += content
        entries += struct.pack(f"{order}HHI", tag, {"I": 4, "H": 3}[kind], len(numbers)) + place
    mark = b"II*\0" if order == "<" else b"MM\0*"
    head = mark + struct.pack(f"{order}I", 8) + struct.pack(f"{order}H", len(known))
    return head + entries + bytes(4) + values_behind + b"".join(strips)


def shown(data: bytes) -> np.ndarray:
    return np.asarray(open_image(data).image).astype(float) / 255


def largest_error(data: bytes, expected: np.ndarray) -> float:
    """In steps of 8 bits."""
    expected = expected[..., None] if expected.ndim == 2 else expected
    return float(np.abs(shown(data) - expected).max() * 255)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("is_white_zero", [False, True])
def test_grey_of_either_polarity(order: str, kind: Any, is_white_zero: bool) -> None:
    data = tiff(whole(RAMP, kind), 0 if is_white_zero else 1, order=order)
    assert largest_error(data, 1 - RAMP if is_white_zero else RAMP) <= 1


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("is_white_zero", [False, True])
def test_floating_point_grey_of_either_polarity(order: str, is_white_zero: bool) -> None:
    data = tiff(RAMP.astype(np.float32), 0 if is_white_zero else 1, order=order, sample_format=3)
    assert largest_error(data, 1 - RAMP if is_white_zero else RAMP) <= 1.1


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("is_white_zero", [False, True])
@pytest.mark.parametrize("bits", [1, 2, 4, 12])
def test_grey_of_other_depths(order: str, is_white_zero: bool, bits: int) -> None:
    most = 2**bits - 1
    values = np.round(RAMP * most).astype(np.uint16)
    data = tiff(values, 0 if is_white_zero else 1, order=order, bits=bits)
    expected = values / most
    try:
        error = largest_error(data, 1 - expected if is_white_zero else expected)
    except ImageRefused as refused:
        assert bits == 12 and "not supported" in refused.message
    else:
        assert error <= 1.1


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    ("values", "photometric", "alpha", "expected"),
    [
        (RGB, 2, None, RGB),
        (CMYK, 5, None, 1 - CMYK[..., :3]),
        (np.concatenate([RGB, HALF], -1), 2, 2, RGB / 2 + 0.5),
        (np.concatenate([RGB / 2, HALF], -1), 2, 1, RGB / 2 + 0.5),
        (np.concatenate([RGB, HALF], -1), 2, 0, RGB),
    ],
    ids=["RGB", "CMYK", "alpha apart", "alpha multiplied", "no alpha"],
)
def test_colours_mixed_or_in_planes(
    order: str,
    planar: bool,
    kind: Any,
    values: np.ndarray,
    photometric: int,
    alpha: int | None,
    expected: np.ndarray,
) -> None:
    tags = {} if alpha is None else {"t338": alpha}
    data = tiff(whole(values, kind), photometric, order=order, planar=planar, **tags)
    assert largest_error(data, expected) <= 2


@pytest.mark.parametrize("order", ["<", ">"])
def test_signed_and_very_deep_grey_is_right_or_refused(order: str) -> None:
    for values, sample_format in ((whole(RAMP, np.int16), 2), (whole(RAMP, np.uint32), 1)):
        data = tiff(values, 1, order=order, sample_format=sample_format)
        try:
            error = largest_error(data, RAMP)
        except ImageRefused as refused:
            assert "not supported (grey of 1 x 32 bits" in refused.message
        else:
            assert error <= 1.1


def test_lab_is_shown_by_its_lightness() -> None:
    lab = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    lab[..., 0] = whole(RAMP, np.uint8)
    lightness = 100 * RAMP
    light = np.where(lightness > 8, ((lightness + 16) / 116) ** 3, lightness / 903.3)
    srgb = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    assert largest_error(tiff(lab, 8), srgb) <= 3


LAB = np.zeros((HEIGHT, WIDTH, 3))


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (tiff(RGB.astype(np.float32), 2, sample_format=3), "RGB of 3 x floating-point 32 bits"),
        (tiff(RAMP.astype(np.float64), 1, sample_format=3), "grey of 1 x floating-point 64 bits"),
        (tiff(RAMP.astype(np.float16), 1, sample_format=3), "grey of 1 x floating-point 16 bits"),
        (tiff(whole(LAB, np.uint16), 8), "CIE Lab of 3 x 16 bits"),
        (tiff(whole(LAB, np.uint8), 9), "ICC Lab of 3 x 8 bits"),
        (tiff(whole(RAMP, np.uint8), 32803), "a sensor's raw mosaic"),
        (tiff(whole(LAB, np.uint16), 8, planar=True), "CIE Lab of 3 x 16 bits"),
        (tiff(whole(RGB, np.uint8), 2, t259=34712), "compression 34712"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_supported_is_refused_by_its_cause(data: bytes, cause: str) -> None:
    with pytest.raises(ImageRefused, match="not supported") as caught:
        open_image(data)
    assert cause in caught.value.message and "Export it" in caught.value.message


def saved(image: Image.Image, **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "TIFF", **options)
    return buffer.getvalue()


def white_zero(data: bytes) -> bytes:
    """The same samples, called white where they are zero."""
    form = tiff_form(data)
    assert form is not None
    entry = struct.pack(f"{form.order}HHI", 262, 3, 1)
    at = data.index(entry) + len(entry)
    return data[:at] + struct.pack(f"{form.order}H", 0) + data[at + 2 :]


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits", "raw"])
def test_packed_grey_of_16_bits_of_either_polarity(compression: str) -> None:
    data = saved(Image.fromarray(whole(RAMP, np.uint16)), compression=compression)
    assert largest_error(data, RAMP) <= 1
    assert largest_error(white_zero(data), 1 - RAMP) <= 1


def test_a_turned_scan_of_white_zero_is_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    data = white_zero(saved(Image.fromarray(whole(RAMP, np.uint16)), exif=exif))
    assert largest_error(data, 1 - RAMP[::-1, ::-1]) <= 1


@pytest.mark.parametrize(
    ("make", "tolerance"),
    [
        (lambda image: saved(image, compression="jpeg", quality=95), 24),
        (lambda image: saved(image, compression="tiff_lzw"), 1),
        (lambda image: saved(image, compression="tiff_adobe_deflate"), 1),
        (lambda image: saved(image, save_all=True, append_images=[Image.new("RGB", (9, 9))]), 1),
    ],
    ids=["JPEG inside", "LZW", "deflate", "first of two pages"],
)
def test_other_containers_show_the_same(
    make: Callable[[Image.Image], bytes], tolerance: float
) -> None:
    assert largest_error(make(Image.fromarray(whole(RGB, np.uint8))), RGB) <= tolerance


@pytest.mark.parametrize("compression", ["group3", "group4", "packbits"])
def test_faxes_of_either_polarity(compression: str) -> None:
    black = Image.fromarray(RAMP > 0.5)
    data = saved(black, compression=compression)
    assert largest_error(data, (RAMP > 0.5).astype(float)) == 0


def test_any_cut_of_a_scan_is_right_or_refused() -> None:
    data = tiff(whole(RGB, np.uint16), 2, planar=True)
    for end in range(8, len(data), 997):
        with pytest.raises(ImageRefused):
            open_image(data[:end])
