"""However a program writes which file it means, that file is found, and never one outside."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.collection.importing.containers import Finder, Folder
from core.collection.importing.file_cells import is_address, named_file, places_of
from core.collection.importing.manifest import read_manifest
from core.collection.importing.rows import Candidate, Refusal
from core.collection.importing.table import read_table
from core.errors import ImageRefused

NAMES = ("pics/sea one.jpg", "pics/Über.JPG", "other/sky.png", "100%25.png", "a(1).jpg")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    for name in NAMES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    (tmp_path / "secret.png").write_bytes(b"x")
    return folder


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("sea one.jpg (https://v5.airtableusercontent.com/v3/u/9/a?x=1)", "pics/sea one.jpg"),
        ("sky.png (https://dl.example.org/a),b.png (https://dl.example.org/b)", "other/sky.png"),
        ("sky.png (http://x.org/a_(1).png)", "other/sky.png"),
        ("a(1).jpg (https://x.org/a)", "a(1).jpg"),
        ("sky.png, sea one.jpg", "other/sky.png"),
        ("sky.png;sea one.jpg", "other/sky.png"),
        (r"C:\Users\Anna\data\pics\sea one.jpg", "pics/sea one.jpg"),
        (r"c:\sky.png", "other/sky.png"),
        ('"D:\\scans\\other\\sky.png"', "other/sky.png"),
        (r"\\server\share\pics\sea one.jpg", "pics/sea one.jpg"),
        (r"pics\sea one.jpg", "pics/sea one.jpg"),
        (r".\pics\sea one.jpg", "pics/sea one.jpg"),
        ("/srv/anna/bilder/pics/sea one.jpg", "pics/sea one.jpg"),
        ("~/Bilder/other/sky.png", "other/sky.png"),
        ("file:///srv/anna/pics/sea%20one.jpg", "pics/sea one.jpg"),
        ("file:///C:/Bilder/Anna/other/sky.png", "other/sky.png"),
        ("file://localhost/x/other/sky.png", "other/sky.png"),
        ("file:C:\\x\\other\\sky.png", "other/sky.png"),
        ("pics/sea%20one.jpg", "pics/sea one.jpg"),
        ("pics/%C3%9Cber.JPG", "pics/Über.JPG"),
        ("100%25.png", "100%25.png"),  # as written comes first
        ("./pics/sea one.jpg", "pics/sea one.jpg"),
        ("PICS/SEA ONE.JPG", "pics/sea one.jpg"),
        (unicodedata.normalize("NFD", "pics/über.jpg"), "pics/Über.JPG"),
        ("/x/y/" + unicodedata.normalize("NFD", "ÜBER.jpg"), "pics/Über.JPG"),
        ("![[pics/sea one.jpg]]", "pics/sea one.jpg"),
        ("![a sea](other/sky.png)", "other/sky.png"),
        ("  sky.png  ", "other/sky.png"),
    ],
)
def test_a_file_is_found_however_it_is_written(root: Path, cell: str, name: str) -> None:
    assert not is_address(cell)
    assert Finder(Folder(root)).find(named_file(cell), "") == name


@pytest.mark.parametrize(
    "cell",
    [
        "../secret.png",
        "..%2Fsecret.png",
        r"..\secret.png",
        r"C:\pics\..\..\secret.png",
        "/secret.png",
        "secret.png",
        "file:///etc/passwd",
        "file:///../secret.png",
        "pics/../../secret.png",
        "~/secret.png",
        "%2Fetc%2Fpasswd",
        "/",
        "C:\\",
        "//",
    ],
)
def test_nothing_outside_is_reached(root: Path, cell: str) -> None:
    with pytest.raises(ImageRefused):
        Finder(Folder(root)).find(named_file(cell), "")


def test_an_absolute_path_into_the_folder_itself_is_found(root: Path) -> None:
    finder = Finder(Folder(root))
    assert finder.find(str(root / "other/sky.png"), "") == "other/sky.png"


def test_the_longest_tail_counts(tmp_path: Path) -> None:
    for name in ("b/sea.jpg", "a/b/sea.jpg", "sea.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    finder = Finder(Folder(tmp_path))
    assert finder.find("/x/a/b/sea.jpg", "") == "a/b/sea.jpg"
    assert finder.find("/x/y/b/sea.jpg", "") == "b/sea.jpg"
    assert finder.find("C:/y/sea.jpg", "") == "sea.jpg"


@pytest.mark.parametrize("cell", ["https://x.org/sea.jpg", "http://x.org/a,b", "s3://bucket/a.png"])
def test_a_web_address_stays_one(cell: str) -> None:
    assert is_address(cell)


def test_a_table_of_attachments_and_windows_paths_names_its_pictures(root: Path) -> None:
    (root / "t.csv").write_text(
        "Attachments,artist,style\n"
        '"sea one.jpg (https://dl.example.org/1)",Anna Ek,oil\n'
        '"C:\\Users\\Anna\\other\\sky.png",Anna Ek,oil\n'
        '"gone.jpg (https://dl.example.org/2)",Anna Ek,oil\n',
        encoding="utf-8",
    )
    first, second, third = read_manifest(read_table(root / "t.csv"), Folder(root)).rows
    assert isinstance(first, Candidate) and first.picture == root / "pics/sea one.jpg"
    assert isinstance(second, Candidate) and second.picture == root / "other/sky.png"
    assert isinstance(third, Refusal) and "no such file" in third.reason


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.text(st.sampled_from("./\\~C:%2Fabsecret png-()"), max_size=40))
def test_any_cell_finds_a_file_inside_or_is_refused(root: Path, cell: str) -> None:
    folder = Folder(root)
    assert all(isinstance(place, str) for place in places_of(named_file(cell)))
    try:
        name = Finder(folder).find(named_file(cell), "")
    except ImageRefused:
        return
    assert (root / name).resolve().is_relative_to(root.resolve())
