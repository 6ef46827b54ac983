"""Any file a person offers is shown right or refused in words; nothing is trusted but the bytes.

Every case is made here, from Pillow or by hand; expected colours are computed beside it.
"""

from __future__ import annotations

import hashlib
import os
import random
import struct
import tracemalloc
import warnings
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageFile, PngImagePlugin

from core.collection.images.container_limits import ImageLimits
from core.collection.images.decoding_process import DecodingLimits
from core.collection.images.file_types import FORMATS
from core.collection.images.open import (
    decode_image,
    open_image,
    read_regular,
    safe_filename,
    to_square,
)
from core.errors import ImageRefused

PNG_START = b"\x89PNG\r\n\x1a\n"


def picture(width: int = 64, height: int = 48) -> Image.Image:
    """Four flat quarters: red, green / blue, grey. Survives JPEG and tells its orientation."""
    image = Image.new("RGB", (width, height))
    for x, y, colour in (
        (0, 0, "#d02020"),
        (1, 0, "#20b020"),
        (0, 1, "#2020d0"),
        (1, 1, "#808080"),
    ):
        box = (x * width // 2, y * height // 2, (x + 1) * width // 2, (y + 1) * height // 2)
        image.paste(colour, box)
    return image


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(name: bytes, body: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(name + body))
    return struct.pack(">I", len(body)) + name + body + checksum


def png(width: int, height: int, depth: int, colour: int, body: bytes, *more: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    data = chunk(b"IHDR", header) + b"".join(more) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    return PNG_START + data


def corners(image: Image.Image) -> list[tuple[int, int, int]]:
    """The colours in the middle of the four quarters, row by row."""
    values = np.asarray(image.convert("RGB"))
    width, height = image.size
    places = ((0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75))
    pixels = (values[int(height * y), int(width * x)] for x, y in places)
    return [(int(red), int(green), int(blue)) for red, green, blue in pixels]


def near(one: Image.Image, other: Image.Image, tolerance: int) -> bool:
    assert one.size == other.size
    pairs = zip(corners(one), corners(other), strict=True)
    return all(abs(a - b) <= tolerance for p, q in pairs for a, b in zip(p, q, strict=True))


def refusal(data: bytes | Path, **options: Any) -> str:
    with pytest.raises(ImageRefused) as caught:
        open_image(data, **options)
    return caught.value.message


# --- taken ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "options", "tolerance"),
    [
        ("PNG", {}, 0),
        ("BMP", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("GIF", {}, 4),
        ("JPEG", {"quality": 95}, 6),
        ("JPEG", {"quality": 95, "progressive": True}, 6),
        ("WEBP", {"quality": 95}, 12),
        ("AVIF", {"quality": 95}, 12),
    ],
)
def test_every_accepted_format_shows_the_same_picture(
    kind: str, options: dict[str, Any], tolerance: int
) -> None:
    data = saved(picture(), kind, **options)
    opened = open_image(data)
    assert near(opened.image, picture(), tolerance)
    assert (opened.width, opened.height) == (64, 48)
    assert opened.sha256 == hashlib.sha256(data).hexdigest()
    assert opened.notes == ()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_camera_s_orientation_is_applied(kind: str, orientation: int) -> None:
    # what a viewer must do to the stored pixels, as (transposed first, flip x, flip y)
    rows_to_upright = {
        1: (False, 0, 0),
        2: (False, 1, 0),
        3: (False, 1, 1),
        4: (False, 0, 1),
        5: (True, 0, 0),
        6: (True, 1, 0),
        7: (True, 1, 1),
        8: (True, 0, 1),
    }
    swap, flip_x, flip_y = rows_to_upright[orientation]
    expected = np.asarray(picture())
    stored = expected[:: -1 if flip_y else 1, :: -1 if flip_x else 1]
    stored = stored.transpose(1, 0, 2) if swap else stored
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x8825] = {1: "N", 2: (59.0, 20.0, 0.0)}
    data = saved(Image.fromarray(np.ascontiguousarray(stored)), kind, exif=exif, quality=95)
    opened = open_image(data)
    assert near(opened.image, picture(), 14)
    assert bool(opened.notes) == (orientation != 1)
    assert not opened.image.info and not opened.image.getexif()  # place and camera are forgotten


def test_a_broken_exif_block_costs_nothing() -> None:
    data = saved(
        picture(), "JPEG", quality=95, exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\x01" * 9
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert near(open_image(data).image, picture(), 6)


def test_sixteen_bit_grey_is_scaled_not_clipped() -> None:
    ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    opened = open_image(saved(Image.fromarray(ramp), "PNG"))
    shown = np.asarray(opened.image)[..., 0].astype(float)
    assert np.abs(shown - ramp / 65535 * 255).max() <= 1.0
    assert "16 bits" in opened.notes[0]


def test_sixteen_bit_colour_and_grey_with_alpha_are_reduced() -> None:
    row = b"\0" + struct.pack(">HHH", 65535, 32768, 0) * 32
    red = open_image(png(32, 32, 16, 2, zlib.compress(row * 32)))
    assert set(corners(red.image)) <= {(255, 127, 0), (255, 128, 0)}
    row = b"\0" + struct.pack(">HH", 0, 32768) * 32
    grey = open_image(png(32, 32, 16, 4, zlib.compress(row * 32)))
    assert set(corners(grey.image)) <= {(n, n, n) for n in (126, 127, 128)}


@pytest.mark.parametrize("top", [1.0, 255.0, 65535.0, 1e6])
def test_floating_point_grey_is_scaled(top: float) -> None:
    ramp = np.linspace(0, top, 64 * 64, dtype=np.float32).reshape(64, 64)
    ramp[0, 0] = np.nan
    shown = np.asarray(open_image(saved(Image.fromarray(ramp), "TIFF")).image)[..., 0]
    assert abs(int(shown[-1, -1]) - 255) <= 1 and abs(int(shown[32, 0]) - 128) <= 2


def test_32_bit_whole_number_grey_is_scaled() -> None:
    for top in (65535, 2**31 - 1):
        ramp = np.linspace(0, top, 64 * 64).reshape(64, 64).astype(np.int32)
        shown = np.asarray(open_image(saved(Image.fromarray(ramp), "TIFF")).image)[..., 0]
        assert int(shown[-1, -1]) == 255 and abs(int(shown[32, 0]) - 128) <= 2


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "AVIF", "TIFF"])
def test_transparent_parts_are_laid_on_white(kind: str) -> None:
    coverage = Image.new("L", (64, 48), 255)
    coverage.paste(0, (0, 0, 32, 48))
    image = picture()
    image.putalpha(coverage)
    opened = open_image(saved(image, kind, **({"lossless": True} if kind == "WEBP" else {})))
    assert corners(opened.image)[0] == corners(opened.image)[2] == (255, 255, 255)
    assert abs(corners(opened.image)[1][1] - 0xB0) < 12
    assert "laid on white" in opened.notes[0]


def test_half_covered_is_half_white_by_hand() -> None:
    image = Image.new("RGBA", (32, 32), (0, 100, 200, 128))
    shown = corners(open_image(saved(image, "PNG")).image)[0]
    expected = [value * 128 / 255 + 255 * 127 / 255 for value in (0, 100, 200)]
    assert all(abs(a - b) <= 1 for a, b in zip(shown, expected, strict=True))


def test_palette_grey_and_colour_key_transparency() -> None:
    palette = picture().quantize(8)
    first = palette.getpixel((0, 0))
    opened = open_image(saved(palette, "PNG", transparency=first))
    assert corners(opened.image)[0] == (255, 255, 255)
    assert abs(corners(opened.image)[2][2] - 0xD0) < 8
    keyed = open_image(saved(picture(), "PNG", transparency=(0x20, 0x20, 0xD0)))
    assert corners(keyed.image)[2] == (255, 255, 255)
    grey = Image.new("LA", (40, 40), (10, 0))
    assert corners(open_image(saved(grey, "PNG")).image)[0] == (255, 255, 255)


def test_a_wholly_transparent_picture_says_so() -> None:
    opened = open_image(saved(Image.new("RGBA", (64, 64), (9, 9, 9, 0)), "PNG"))
    assert corners(opened.image)[0] == (255, 255, 255)
    assert "wholly transparent" in opened.notes[0]


def test_an_opaque_alpha_channel_changes_nothing_and_says_nothing() -> None:
    opened = open_image(saved(picture().convert("RGBA"), "PNG"))
    assert near(opened.image, picture(), 0) and opened.notes == ()


def test_printing_colours_look_natural_not_negative() -> None:
    cmyk = Image.new("CMYK", (64, 48), (0, 200, 200, 20))  # printed: red
    for kind in ("JPEG", "TIFF"):
        red, green, blue = corners(open_image(saved(cmyk, kind)).image)[0]
        assert red > 180 and green < 90 and blue < 90


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_fewer_channels_become_three(mode: str) -> None:
    image = picture().convert(mode)
    opened = open_image(saved(image, "PNG"))
    assert opened.image.mode == "RGB" and near(opened.image, image.convert("RGB"), 0)


def test_a_colour_profile_is_converted_to_srgb() -> None:
    # a profile of sRGB with the red and blue axes exchanged shows red bytes as blue
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack_from(">I", profile, 128)[0]
    for at in range(132, 132 + 12 * count, 12):
        name = bytes(profile[at : at + 4])
        if name in (b"rXYZ", b"bXYZ"):
            profile[at : at + 4] = b"bXYZ" if name == b"rXYZ" else b"rXYZ"
        if name == b"desc":
            place, length = struct.unpack_from(">II", profile, at + 4)
            text = "sRGB built-in".encode("utf-16-be")
            pixels = bytes(profile[place : place + length]).replace(text, text[::-1])
            profile[place : place + length] = pixels
    opened = open_image(saved(Image.new("RGB", (40, 40), (255, 0, 0)), "PNG", icc_profile=profile))
    red, _, blue = corners(opened.image)[0]
    assert blue > 240 and red < 15 and "profile" in opened.notes[0]


@pytest.mark.parametrize("profile", [b"", b"rubbish" * 40, b"\0" * 128])
def test_a_broken_or_foreign_profile_is_ignored(profile: bytes) -> None:
    assert near(open_image(saved(picture(), "PNG", icc_profile=profile)).image, picture(), 0)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    opened = open_image(saved(picture().convert("L"), "PNG", icc_profile=srgb))
    assert near(opened.image, picture().convert("L").convert("RGB"), 0) and opened.notes == ()


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_many_frames_the_first_is_shown_and_said(kind: str) -> None:
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("#c01010", "#10c010", "#1010c0")]
    options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {}
    data = saved(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    opened = open_image(data)
    assert near(opened.image, frames[0], 4)
    assert "the first one is used" in opened.notes[0]


def test_content_counts_not_the_name() -> None:
    data = saved(picture(), "WEBP", lossless=True)
    assert "says PNG, the content is WEBP" in open_image(data, name="a.png").notes[0]
    for name in ("a.webp", "A.WEBP", "noending", "", "a.unknown"):
        assert open_image(data, name=name).notes == ()


def test_bytes_after_the_picture_never_reach_the_result() -> None:
    opened = open_image(saved(picture(), "JPEG", quality=95) + b"<script>alert(1)</script>")
    assert near(opened.image, picture(), 6)
    assert b"script" not in saved(opened.image, "PNG")


def test_text_chunks_are_forgotten() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("comment", "secret" * 8000)
    assert not open_image(saved(picture(), "PNG", pnginfo=info)).image.info


def test_a_very_small_picture_is_taken_with_a_word_of_warning() -> None:
    assert "very small" in open_image(saved(picture(8, 8), "PNG")).notes[0]


def test_a_panorama_is_taken_and_the_squaring_rule_holds() -> None:
    image = Image.new("RGB", (1600, 160), "white")
    image.paste("black", (720, 0, 880, 160))
    opened = open_image(saved(image, "PNG"))
    assert to_square(opened.image, 32).getextrema() == ((0, 0),) * 3


# --- refused --------------------------------------------------------------------------------------


FOREIGN = {
    "empty": b"",
    "Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n",
    "web page": b"<!DOCTYPE html><html><body>404</body></html>",
    "SVG": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script/></svg>',
    "PDF": b"%PDF-1.4\n%%EOF",
    "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "ICO": struct.pack("<HHHBBBBHHII", 0, 1, 1, 16, 16, 0, 0, 1, 32, 40, 22) + bytes(40),
    "ZIP": b"PK\x03\x04" + bytes(40),
    "JPEG 2000": b"\x00\x00\x00\x0cjP  \r\n\x87\n" + bytes(40),
    "HEIC": b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(40),
    "video": b"\x00\x00\x00\x18ftypisom\x00\x00\x00\x00isommp42" + bytes(40),
    "not a recognised image": b"Dear diary, today I renamed a text to .jpg. " * 9,
    "beginning is damaged": b"\0\0" + saved(picture(), "JPEG")[2:],
}


@pytest.mark.parametrize("phrase", FOREIGN)
def test_what_is_no_picture_is_called_by_its_name(phrase: str) -> None:
    assert phrase in refusal(FOREIGN[phrase], name="picture.jpg")


def webp_header(width: int, height: int) -> bytes:
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + size
    body += b"ANIM" + struct.pack("<I", 6) + bytes(6)
    return b"RIFF" + struct.pack("<I", len(body)) + body


BOMBS = {
    "900 MP, 1 bit": png(30000, 30000, 1, 0, zlib.compress(bytes(3751 * 3000), 9)),
    "144 MP, colour": png(12000, 12000, 8, 2, zlib.compress(bytes(36001 * 100), 9)),
    "header only": png(65500, 65500, 8, 6, b""),
    "just over": png(8000, 5001, 8, 0, b""),
    "GIF screen": b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b"\x2c" + bytes(20),
    "WebP canvas": webp_header(16384, 16384),
    "BMP": b"BM"
    + struct.pack("<IHHIIiiHHIIiiII", 60, 0, 0, 54, 40, 60000, 60000, *(1, 24), *[0] * 6),
}


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_bomb_is_refused_from_its_header_in_bounded_memory(
    bomb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decode(_: object) -> None:
        raise AssertionError("decoding was tried")

    monkeypatch.setattr(ImageFile.ImageFile, "load", decode)
    tracemalloc.start()
    with pytest.raises(ImageRefused) as caught:  # in this process, which can be measured
        decode_image(BOMBS[bomb])
    phrase = caught.value.message
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "too many pixels" in phrase and "40 million" in phrase
    assert peak < 8_000_000


def test_a_bomb_in_a_text_chunk_is_refused_in_bounded_memory() -> None:
    text = chunk(b"zTXt", b"comment\0\0" + zlib.compress(bytes(80_000_000), 9))
    data = png(64, 64, 8, 0, zlib.compress(bytes(65 * 64)), text)
    tracemalloc.start()
    with pytest.raises(ImageRefused, match="damaged"):
        decode_image(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8_000_000


def test_a_jpeg_of_countless_passes_is_refused() -> None:
    data = saved(picture(), "JPEG", progressive=True)
    scan = data[data.rindex(b"\xff\xda") : -2]
    assert "passes" in refusal(data[:-2] + scan * 101 + data[-2:])


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_file_cut_short_is_never_shown_half(kind: str, share: float) -> None:
    noise = Image.frombytes("RGB", (64, 64), random.Random(0).randbytes(64 * 64 * 3))
    data = saved(noise, kind)
    assert "damaged" in refusal(data[: int(len(data) * share)])


@pytest.mark.parametrize(
    ("width", "height", "phrase"),
    [
        (1, 1, "too small"),
        (4000, 1, "too small or too narrow"),
        (3, 3000, "too small or too narrow"),
        (7, 64, "at least 8"),
        (8, 200, "at most 20 times"),
    ],
)
def test_shapes_that_cannot_be_traced_are_refused(width: int, height: int, phrase: str) -> None:
    assert phrase in refusal(saved(Image.new("RGB", (width, height)), "PNG"))


def test_a_wrong_checksum_or_a_width_of_nothing_is_damage() -> None:
    good = bytearray(saved(picture(), "PNG"))
    bad_sum = bytes(good[:29]) + b"\0\0\0\0" + bytes(good[33:])
    assert "damaged" in refusal(bad_sum)
    assert "damaged" in refusal(png(0, 64, 8, 0, b""))


def test_size_of_file_is_limited_before_reading_it_all(tmp_path: Path) -> None:
    limits = ImageLimits(max_bytes=1000)
    large = tmp_path / "large.png"
    large.write_bytes(bytes(1001))
    assert "larger than" in refusal(large, limits=limits)
    assert "larger than" in refusal(bytes(1001), limits=limits)
    assert "25 MiB" in refusal(bytes(25 * 1024 * 1024 + 1))


def test_what_is_no_readable_file_is_refused(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "missing.png")
    assert "no such file" in refusal(tmp_path)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "no such file" in refusal(pipe)  # and does not wait for a writer
    assert refusal(tmp_path / ("a" * 300))
    assert "no such file" in refusal(Path(os.devnull))
    assert "no such file" in refusal(tmp_path / "pipe" / "below")


def test_a_name_that_becomes_a_pipe_between_two_looks_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest, pipe = tmp_path / "honest.png", tmp_path / "pipe"
    honest.write_bytes(saved(picture(), "PNG"))
    os.mkfifo(pipe)
    before = honest.stat()
    monkeypatch.setattr(Path, "stat", lambda _: before)
    assert read_regular(pipe, 1000) is None
    assert read_regular(honest, 10) == honest.read_bytes()[:10]


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_no_refusal_shows_a_path_or_a_name(tmp_path: Path) -> None:
    for place, data in enumerate((*FOREIGN.values(), *BOMBS.values(), PNG_START)):
        path = tmp_path / f"secretname{place}.png"
        path.write_bytes(data)
        phrase = refusal(path)
        assert "secretname" not in phrase and str(tmp_path) not in phrase and "Error" not in phrase
        assert phrase.endswith(".") and ". " in phrase  # reason, then remedy


SEEDS = [
    *(
        saved(picture(32, 32), kind)
        for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
    ),
    FOREIGN["HEIC"],
]


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=6),
    st.integers(0, 4000),
)
def test_no_damage_ever_crashes(seed: bytes, changes: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(seed)
    for place, value in changes:
        data[place % len(data)] = value
    if cut < len(data):
        del data[cut:]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            opened = open_image(bytes(data))
        except ImageRefused as error:
            assert error.message
        else:
            assert opened.image.mode == "RGB" and min(opened.image.size) >= 8


# --- the square, and names ------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(60, 40), (40, 60), (50, 50), (9, 100)])
def test_a_square_is_cut_from_the_centre_unstretched(size: tuple[int, int]) -> None:
    width, height = size
    side = min(size)
    image = Image.new("RGB", size, "black")
    left, top = int((width - side) / 2), int((height - side) / 2)
    image.paste("white", (left, top, left + side, top + side))
    square = np.asarray(to_square(image, 16)).astype(int)
    assert square.shape == (16, 16, 3)
    assert square.min() == 255


def test_a_square_of_its_own_size_is_left_alone() -> None:
    image = picture(32, 32)
    assert to_square(image, 32).tobytes() == image.tobytes()


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("sunset.jpg", "sunset.jpg"),
        ("../../etc/passwd", "passwd"),
        ("..%2F..%2Fetc%2Fpasswd.jpg", "passwd.jpg"),
        ("C:\\Users\\me\\cat.png", "cat.png"),
        ("<img src=x onerror=alert(1)>.jpg", "_img src_x onerror_alert(1)_.jpg"),
        ("名所江戸百景 (1857) — “Ōhashi”.jpg", "名所江戸百景 (1857) — “Ōhashi”.jpg"),
        ("a\u202egpj.exe", "agpj.exe"),
        ("line\nbreak\x00.png", "line break.png"),
        ("con.png", "_con.png"),
        (".htaccess", "htaccess"),
        ("", "picture"),
        ("...", "picture"),
    ],
)
def test_names_made_safe(name: str, safe: str) -> None:
    assert safe_filename(name) == safe


@given(st.text(st.characters(exclude_categories=()), max_size=400))
def test_a_safe_name_is_one_short_plain_file_anywhere(name: str) -> None:
    safe = safe_filename(name)
    assert 0 < len(safe) <= 100 and len(safe.encode("utf-8")) <= 200
    assert not set(safe) & set("/\\<>:\"|?*&%'`$") and safe not in (".", "..")
    assert not safe.startswith((".", " ")) and not safe.endswith((".", " "))
    assert all(letter.isprintable() for letter in safe)
    assert safe_filename(safe) == safe


def test_a_long_name_keeps_its_ending() -> None:
    assert safe_filename("a" * 300 + ".jpg") == "a" * 96 + ".jpg"
    assert safe_filename("画" * 300 + ".jpg").endswith("画.jpg")


# --- phones ---------------------------------------------------------------------------------------


def film(size: int, brand: bytes = b"mp42") -> bytes:
    """What stands for an MP4; in random bytes the marks of a JPEG occur by chance."""
    return b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0isommp42" + random.Random(1).randbytes(size)


PATIENT = DecodingLimits(seconds=30.0)  # other tests may keep the processors busy
PHONE = picture(2400, 1800)


@pytest.mark.parametrize(
    "options",
    [{}, {"progressive": True}, {"restart_marker_blocks": 8}, {"quality": 60}],
    ids=["baseline", "progressive", "restarts", "small"],
)
@pytest.mark.parametrize("brand", [b"mp42", b"isom", b"qt  "])
@pytest.mark.parametrize("between", [b"", bytes(4096), b"\xff" * 4096], ids=["", "zeros", "fill"])
def test_a_motion_photo_shows_its_still(
    options: dict[str, Any], brand: bytes, between: bytes
) -> None:
    still = saved(PHONE, "JPEG", **{"quality": 95} | options)
    data = still + between + film(6_000_000, brand)
    assert data.count(b"\xff\xda") > 60  # passes, if they were taken for some
    opened = open_image(data, decoding=PATIENT)
    assert near(opened.image, PHONE, 8) and opened.sha256 == hashlib.sha256(data).hexdigest()


def test_a_film_beyond_the_limit_of_bytes_does_not_cost_the_still(tmp_path: Path) -> None:
    data = saved(PHONE, "JPEG", quality=95) + film(ImageLimits().max_bytes)
    (tmp_path / "motion.jpg").write_bytes(data)
    for source in (data, tmp_path / "motion.jpg"):
        assert near(open_image(source, decoding=PATIENT).image, PHONE, 8)
    assert "larger than" in refusal(saved(PHONE, "JPEG") + bytes(ImageLimits().max_bytes))
    assert "larger than" in refusal(bytes(3) + data)


def test_an_mpo_shows_its_first_picture() -> None:
    data = saved(picture(), "MPO", save_all=True, append_images=[picture(32, 24)], quality=95)
    opened = open_image(data + film(500_000), name="a.mpo")
    assert near(opened.image, picture(), 8) and "several frames" in opened.notes[0]
