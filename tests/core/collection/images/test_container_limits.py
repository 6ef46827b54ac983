"""A container that asks for too much is refused at once and in words; an honest one never is."""

from __future__ import annotations

import io
import random
import struct
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core.collection.images.container_limits import LIMITS, check_container
from core.collection.images.file_types import FORMATS, sniff
from core.collection.images.open import open_image
from core.errors import ImageRefused
from tests.core.collection.images import crafted
from tests.core.collection.images.crafted import Tiff, plain, saved

TIFFS = [(order, big) for order in "<>" for big in (False, True)]

# a file of so many megabytes at most, and the word for what it has too many of
CRAFTED: dict[str, tuple[Callable[[], bytes], str]] = {
    "GIF comment": (lambda: crafted.gif_comment(1_300_000), "blocks of comment"),
    "GIF comments": (lambda: crafted.gif_comments(1_000_000), "blocks of comment"),
    "GIF comment behind": (lambda: crafted.gif_comment_behind(1_300_000), "blocks of comment"),
    "GIF extension": (lambda: crafted.gif_extension(12_000_000), "blocks"),
    "GIF data": (lambda: crafted.gif_tiny_blocks(12_000_000), "blocks"),
    "GIF stray": (lambda: crafted.gif_stray(24_000_000), "stray bytes"),
    "PNG text": (lambda: crafted.png_chunks(1_000_000), "chunks"),
    "PNG private": (lambda: crafted.png_chunks(1_000_000, b"prVt"), "chunks"),
    "PNG data": (lambda: crafted.png_chunks(1_000_000, b"IDAT"), "chunks"),
    "PNG EXIF": (lambda: crafted.png_exif(crafted.exif_tags(60_000, 20_000_000)), "tags"),
    "PNG EXIF overlap": (
        lambda: crafted.png_exif(crafted.exif_tags(4000, 20_000_000)),
        "bytes in its tags",
    ),
    "JPEG segments": (lambda: crafted.jpeg_segments(6_000_000), "segments"),
    "JPEG behind": (lambda: crafted.jpeg_segments_behind(6_000_000), "segments"),
    "JPEG fill": (lambda: crafted.jpeg_fill(24_000_000), "stray bytes"),
    "JPEG EXIF": (lambda: crafted.jpeg_exif(1_500_000), "EXIF blocks"),
    "JPEG EXIF large": (lambda: crafted.jpeg_exif(390, 65_000), "EXIF blocks"),
    "JPEG passes": (lambda: crafted.jpeg_passes(101), "passes"),
    "JPEG passes large": (lambda: crafted.jpeg_passes(60, 6320), "passes"),
    "WebP chunks": (lambda: crafted.webp_chunks(3_000_000), "chunks"),
    "WebP frames": (lambda: crafted.webp_frames(200_000), "chunks"),
    "AVIF items": (lambda: crafted.avif_items(100_000), "items"),
    "AVIF boxes": (lambda: crafted.avif_boxes(3_000_000), "boxes"),
    "AVIF samples": (lambda: crafted.avif_samples(1_000_000), "frames"),
}
for order, big in TIFFS:
    CRAFTED |= {
        f"TIFF {order} {big} {name}": (partial(make, *amounts), parts)
        for name, make, amounts, parts in (
            ("strips", Tiff(order, big).strips, (2_000_000,), "strips"),
            ("tags", Tiff(order, big).tags, (20_000, 9_000_000), "tags"),
            ("overlap", Tiff(order, big).tags, (4000, 9_000_000), "bytes in its tags"),
            ("values", Tiff(order, big).values, (2_000_000,), "values in one tag"),
            ("pages", Tiff(order, big).pages, (1_000_000,), "(pages|values in one tag)"),
        )
    }


@pytest.mark.parametrize("name", CRAFTED)
def test_what_asks_for_too_much_is_refused_at_once(name: str) -> None:
    make, parts = CRAFTED[name]
    data = make()
    assert len(data) <= LIMITS.max_bytes
    began = time.perf_counter()
    with pytest.raises(ImageRefused, match=f"far more {parts} than any picture needs. Export"):
        check_container(data, sniff(data))
    assert time.perf_counter() - began < 2.5  # 0.4 at most on an idle machine


def test_the_one_door_refuses_it_too() -> None:
    with pytest.raises(ImageRefused, match="far more blocks of comment"):
        open_image(crafted.gif_comment(1_300_000))


# the file of n parts, and the limit that counts them
COUNTED: dict[str, tuple[Callable[[int], bytes], str, int]] = {
    "GIF comment": (crafted.gif_comment, "max_comment_blocks", 1),  # and the comment itself
    "GIF comment behind": (crafted.gif_comment_behind, "max_comment_blocks", 1),
    "GIF stray": (crafted.gif_stray, "max_stray_bytes", 0),
    "PNG": (crafted.png_chunks, "max_chunks", 3),  # IHDR, IDAT, IEND
    "JPEG EXIF": (crafted.jpeg_exif, "max_exif_segments", 0),
    "JPEG passes": (crafted.jpeg_passes, "max_scans", 0),
    "JPEG fill": (crafted.jpeg_fill, "max_stray_bytes", 0),
    "WebP": (crafted.webp_chunks, "max_chunks", 2),  # VP8X, VP8
    "AVIF items": (crafted.avif_items, "max_items", 0),
    "AVIF samples": (crafted.avif_samples, "max_samples", 0),
    **{
        f"TIFF {order} {big} {what}": value
        for order, big in TIFFS
        for what, value in {
            "strips": (Tiff(order, big).strips, "max_strips", 0),
            "pages": (Tiff(order, big).pages, "max_pages", 1),
            "values": (Tiff(order, big).values, "max_values", 0),
            "tags": (partial(Tiff(order, big).tags, size=9), "max_tags", 9),
        }.items()
    },
}


@pytest.mark.parametrize("name", COUNTED)
def test_every_part_is_counted_once(name: str) -> None:
    make, limit, others = COUNTED[name]
    number = 40
    data = make(number)
    exact = number + others
    check_container(data, sniff(data), replace(LIMITS, **{limit: exact}))
    with pytest.raises(ImageRefused):
        check_container(data, sniff(data), replace(LIMITS, **{limit: exact - 1}))


@pytest.mark.parametrize("name", ["GIF comment", "GIF stray", "PNG", "JPEG fill", "WebP"])
def test_a_file_just_below_a_limit_still_opens(name: str) -> None:
    make, limit, others = COUNTED[name]
    opened = open_image(make(getattr(LIMITS, limit) - others))
    assert opened.image.size == (64, 64)


@pytest.mark.parametrize(("order", "big"), TIFFS)
def test_a_tiff_of_many_honest_strips_opens(order: str, big: bool) -> None:
    if order == ">" and big:
        pytest.skip("Pillow does not read it")
    assert open_image(Tiff(order, big).strips(1000)).image.size == (64, 1000)
    assert open_image(Tiff(order, big).one_strip(pages=1)).notes


def test_a_big_endian_bigtiff_is_counted_as_pillow_reads_it_too() -> None:
    # Pillow looks for the version in the other byte, so it takes the 8 of the header for an offset
    tiff = Tiff(">", big=True)
    start = tiff.one_strip().ljust(0x00080000, b"\0")
    hidden = Tiff(">").directory([bytes(12)] * 5000)
    with pytest.raises(ImageRefused, match="tags"):
        check_container(start + hidden, "TIFF")


def test_a_directory_inside_the_first_is_counted() -> None:
    tiff = Tiff()
    inner = tiff.directory([tiff.entry(1000 + k, 7, 1, 0) for k in range(5000)])
    outer = tiff.one_strip(tiff.entry(0x8769, crafted.LONG, 1, 0))
    outer = tiff.one_strip(tiff.entry(0x8769, crafted.LONG, 1, len(outer)))
    with pytest.raises(ImageRefused, match="tags"):
        check_container(outer + inner, "TIFF")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_broken_exif_block_that_claims_much_costs_nothing(kind: str) -> None:
    claim = b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\x01" * 90
    check_container(plain(kind, exif=claim), kind)


def honest() -> dict[str, bytes]:
    """Unusual files that people do have."""
    noise = Image.frombytes("RGB", (600, 400), random.Random(0).randbytes(720_000))
    frames = [Image.new("RGB", (16, 16), (k % 256, k // 256, 3)) for k in range(400)]
    rest = {"save_all": True, "append_images": frames[1:]}
    exif = Image.Exif()
    exif[0x010E] = "words " * 2000
    exif.get_ifd(0x8769)[0x927C] = bytes(30_000)
    return {
        "GIF of noise": saved(noise, "GIF"),
        "GIF of 400 frames": saved(frames[0], "GIF", **rest),
        "GIF with a comment": saved(noise, "GIF", comment="word " * 10_000),
        "PNG of 400 frames": saved(frames[0], "PNG", **rest),
        "WebP of 400 frames": saved(frames[0], "WEBP", lossless=True, **rest),
        "AVIF of 40 frames": saved(
            frames[0], "AVIF", save_all=True, append_images=frames[1:40], speed=10
        ),
        "TIFF of 400 pages": saved(frames[0], "TIFF", **rest),
        "TIFF of one-row strips": saved(noise, "TIFF", tiffinfo={278: 1}),
        "TIFF of 64 bits": saved(noise, "TIFF", big_tiff=True),
        "TIFF with a palette": saved(noise.quantize(256), "TIFF", compression="tiff_lzw"),
        "JPEG with thumbnails": crafted.in_jpeg(
            b"".join(b"\xff\xe1" + struct.pack(">H", 60_002) + b"\xff\xda" * 30_000 for _ in "1234")
        ),
        "JPEG with restarts": saved(noise, "JPEG", restart_marker_blocks=1),
        "JPEG, progressive": saved(noise, "JPEG", progressive=True, quality=100),
        **{f"{kind} with EXIF": saved(noise, kind, exif=exif) for kind in FORMATS[:3]},
        "AVIF with EXIF": saved(noise, "AVIF", exif=exif, speed=10),
    }


HONEST = honest()


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_file_is_never_refused_for_its_parts(name: str) -> None:
    assert open_image(HONEST[name]).image.mode == "RGB"


def test_the_largest_honest_gif_is_far_below_the_limit() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (3500, 3500), dtype=np.uint8)
    image = Image.fromarray(noise)
    image.putpalette(random.Random(0).randbytes(768))
    data = saved(image, "GIF")
    assert 15_000_000 < len(data) < LIMITS.max_bytes
    check_container(data, "GIF", replace(LIMITS, max_blocks=LIMITS.max_blocks // 2))


SEEDS = [
    *(plain(kind) for kind in FORMATS),
    *HONEST.values(),
    *(Tiff(order, big).one_strip(pages=3) for order, big in TIFFS),
    crafted.avif_items(3),
    crafted.avif_samples(3),
    crafted.gif_extension(0),
    crafted.png_exif(crafted.exif_tags(5)),
]


@settings(deadline=None, max_examples=400)
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=8),
    st.integers(0, 8000),
)
def test_no_damage_ever_ends_in_anything_but_words(
    seed: bytes, changes: list[tuple[int, int]], cut: int
) -> None:
    data = bytearray(seed)
    for place, value in changes:
        data[place % len(data)] = value
    if cut < len(data):
        del data[cut:]
    for kind in FORMATS:  # whatever the first bytes say
        try:
            check_container(bytes(data), kind)
        except ImageRefused as error:
            assert "far more" in error.message


@pytest.mark.parametrize("kind", FORMATS)
def test_offsets_beyond_every_number_are_left_to_the_decoder(kind: str) -> None:
    check_container(b"II+\0\x08\0\0\0" + b"\xff" * 100, kind)
    check_container(b"II*\0" + b"\xff" * 100, kind)
    check_container(io.BytesIO(b"\xff" * 3000).getvalue(), kind)


def test_what_pillow_reads_past_a_first_end_is_counted() -> None:
    # an extension whose first block is the end: Pillow goes on to the next end
    data = crafted._in_gif(b"!\xf9\0" + b"\x01a" * 2000 + b"\0")
    with pytest.raises(ImageRefused):
        check_container(data, "GIF", replace(LIMITS, max_blocks=1900))
    assert open_image(data).image.size == (64, 64)
