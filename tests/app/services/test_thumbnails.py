"""Thumbnails: made once, small, of the picture that is there now, and swept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from app.services.thumbnails import SIDE, Thumbnails
from core.errors import CollectionError


def picture(path: Path, size: tuple[int, int], colour: str = "teal", mode: str = "RGB") -> Path:
    Image.new(mode, size, colour).save(path)
    return path


def test_a_large_picture_is_made_small_once(tmp_path: Path) -> None:
    thumbnails = Thumbnails(tmp_path / "kept")
    large = picture(tmp_path / "large.png", (2000, 1000))
    made = thumbnails.of(large)
    with Image.open(made) as image:
        assert (image.format, image.size) == ("WEBP", (SIDE, SIDE // 2))
    stamp = made.stat().st_mtime_ns
    assert thumbnails.of(large) == made and made.stat().st_mtime_ns == stamp


def test_a_small_picture_is_its_own_thumbnail(tmp_path: Path) -> None:
    small = picture(tmp_path / "small.png", (SIDE, 40))
    assert Thumbnails(tmp_path / "kept").of(small) == small
    assert not (tmp_path / "kept").exists()


def test_another_picture_under_the_same_name_gets_another_thumbnail(tmp_path: Path) -> None:
    thumbnails, place = Thumbnails(tmp_path / "kept"), tmp_path / "work.png"
    first = thumbnails.of(picture(place, (600, 600), "teal"))
    os.utime(picture(place, (600, 600), "red"), ns=(1, 1))
    second = thumbnails.of(place)
    assert first != second
    with Image.open(second) as image:
        red, green, _ = image.convert("RGB").getpixel((9, 9))  # type: ignore[misc]
        assert red > 200 > 60 > green


def test_what_is_see_through_stays_so(tmp_path: Path) -> None:
    clear = picture(tmp_path / "clear.png", (600, 600), "#00000000", "RGBA")
    with Image.open(Thumbnails(tmp_path / "kept").of(clear)) as image:
        assert image.mode == "RGBA" and image.getpixel((5, 5))[3] == 0  # type: ignore[index]


def test_a_damaged_picture_is_refused_in_words(tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"not a picture")
    with pytest.raises(CollectionError, match=r"broken\.png.*cannot be read"):
        Thumbnails(tmp_path / "kept").of(broken)


def test_where_nothing_can_be_kept_the_picture_itself_is_shown(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("a file where the folder should be")
    large = picture(tmp_path / "large.png", (600, 600))
    assert Thumbnails(tmp_path / "kept").of(large) == large


def test_old_ones_are_swept_and_made_again_when_they_are_wanted(tmp_path: Path) -> None:
    thumbnails = Thumbnails(tmp_path / "kept")
    places = [picture(tmp_path / f"{n}.png", (600, 600)) for n in (1, 2)]
    old, new = (thumbnails.of(place) for place in places)
    os.utime(old, (1_000, 1_000))
    os.utime(new, (1_000 + 20 * 86_400, 1_000 + 20 * 86_400))
    assert thumbnails.sweep(1_000 + 31 * 86_400) == 1
    assert not old.exists() and new.exists()
    assert thumbnails.of(places[0]) == old and old.is_file()
