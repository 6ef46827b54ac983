"""What a path says of its picture: style, artist, title, year."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.collection.importing.containers import Folder
from core.collection.importing.folders import fields_of_path, has_wikiart_form, read_folders
from core.collection.importing.rows import Candidate, Refusal
from core.errors import CollectionError


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("Realism/ivan-shishkin_hut-1878.jpg", ("Realism", "Ivan Shishkin", "Hut", "1878")),
        ("Realism/a-b_view-1885-1.jpg", ("Realism", "A B", "View 1", "1885")),
        ("Realism/a-b_untitled-1885(2).jpg", ("Realism", "A B", "Untitled 2", "1885")),
        ("Art_Nouveau/x-z_the-12-months.jpg", ("Art Nouveau", "X Z", "The 12 months", "")),
        ("cubism/Anna Ek/The Kiss (1908).jpg", ("cubism", "Anna Ek", "The Kiss", "1908")),
        ("cubism/IMG001.jpg", ("cubism", "", "IMG001", "")),
        ("cubism/1907.jpg", ("cubism", "", "1907", "")),  # a year alone is a title
        ("cubism/a_b_c.jpg", ("cubism", "A", "B c", "")),
        ("loose.jpg", ("", "", "Loose", "")),
    ],
)
def test_a_path_tells(path: str, expected: tuple[str, str, str, str]) -> None:
    result = fields_of_path(PurePosixPath(path))
    assert (result.style, result.artist, result.title, result.year) == expected


@pytest.mark.parametrize(
    ("path", "tells"),
    [
        ("Realism/a_b.jpg", True),
        ("a_b.jpg", False),
        ("x/Realism/a_b.jpg", False),
        ("R/a.jpg", False),
    ],
)
def test_wikiart_s_form_is_recognised(path: str, tells: bool) -> None:
    assert has_wikiart_form(path) is tells


def rows(root: Path, *names: str) -> list[Candidate | Refusal]:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return list(read_folders(Folder(root)).rows)


@pytest.mark.parametrize(
    "outer", ["", "train/", "ArtBench-10/", "wikiart/images/", "my dataset/test/"]
)
def test_folders_around_the_styles_are_no_styles(tmp_path: Path, outer: str) -> None:
    result = rows(tmp_path, f"{outer}cubism/a_b.jpg", f"{outer}baroque/c_d.jpg")
    assert {one.style for one in result if isinstance(one, Candidate)} == {"cubism", "baroque"}


def test_train_and_test_are_taken_together_and_that_is_said(tmp_path: Path) -> None:
    result = rows(tmp_path, "train/cubism/a_b.jpg", "test/cubism/c_d.jpg")
    assert {one.style for one in result if isinstance(one, Candidate)} == {"cubism"}
    assert read_folders(Folder(tmp_path)).notes == ("The parts test, train were taken together.",)


def test_styles_that_hold_artists_are_not_taken_for_wrappers(tmp_path: Path) -> None:
    result = rows(tmp_path, "cubism/Anna Ek/One.jpg", "baroque/Bo Ask/Two.jpg")
    assert [(one.style, one.artist) for one in result if isinstance(one, Candidate)] == [
        ("baroque", "Bo Ask"),
        ("cubism", "Anna Ek"),
    ]


def test_loose_files_links_and_hidden_ones_are_accounted_for(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "x.jpg").write_bytes(b"x")
    rows(root, "cubism/a_b.jpg", "loose.jpg", "cubism/.hidden.jpg")
    (root / "cubism/out.jpg").symlink_to(elsewhere / "x.jpg")
    (root / "cubism/in").symlink_to(root / "cubism")
    reading = read_folders(Folder(root))
    reasons = {one.row: one.reason for one in reading.rows if isinstance(one, Refusal)}
    assert set(reasons) == {"loose.jpg", "cubism/out.jpg", "cubism/in"}
    assert "no style's folder" in reasons["loose.jpg"] and "outside" in reasons["cubism/out.jpg"]
    assert "link to a folder" in reasons["cubism/in"]
    assert reading.notes == ("Hidden files were left out: 1 (the first: 'cubism/.hidden.jpg').",)


def test_a_folder_of_hidden_files_alone_says_so(tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match=r"no pictures.*Hidden files were left out: 1"):
        rows(tmp_path, ".cache/a.jpg")


NAME = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=20)


@given(st.lists(NAME.filter(lambda one: one not in (".", "..")), min_size=1, max_size=4))
def test_any_path_tells_something_and_never_fails(parts: list[str]) -> None:
    result = fields_of_path(PurePosixPath(*parts))
    assert result.year == "" or result.year.isdecimal()
    assert "\n" not in result.title and "\n" not in result.artist
