"""Nothing outside a folder or archive is reached; nothing in it is passed over in silence."""

from __future__ import annotations

import io
import os
import tarfile
import unicodedata
from pathlib import Path

import pytest

from core.collection.importing.containers import Archive, Finder, Folder, open_container
from core.collection.importing.rows import EmbeddedPicture, picture_bytes
from core.errors import CollectionError, ImageRefused


def files(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())
    return root


def archive(path: Path, *names: str) -> Path:
    with tarfile.open(path, "w") as tar:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(name.encode())
            tar.addfile(member, io.BytesIO(name.encode()))
    return path


def test_a_folder_has_every_file_below_it_in_order(tmp_path: Path) -> None:
    files(tmp_path, "b/2.png", "b/10.png", "a/x/1.png", "a-b/1.png", "z.png")
    folder = Folder(tmp_path)
    assert folder.names == ("a/x/1.png", "a-b/1.png", "b/10.png", "b/2.png", "z.png")
    assert folder.hidden == () and folder.refused == ()
    assert picture_bytes(folder.picture("b/2.png")) == b"b/2.png"


def test_hidden_files_are_known_of_and_what_systems_leave_is_not(tmp_path: Path) -> None:
    files(tmp_path, "a/1.png", "a/.2.png", ".git/x", "a/Thumbs.db", ".DS_Store", "a/._1.png")
    folder = Folder(tmp_path)
    assert folder.names == ("a/1.png",)
    assert folder.hidden == (".git/x", "a/.2.png")


def test_links_to_folders_are_named_and_not_followed(tmp_path: Path) -> None:
    root = files(tmp_path / "root", "a/1.png")
    files(tmp_path / "other", "2.png")
    (root / "linked").symlink_to(tmp_path / "other")
    (root / "round").symlink_to(root)
    assert Folder(root).names == ("a/1.png", "linked", "round")
    assert not Folder(root).holds("linked/2.png")


def test_a_folder_that_may_not_be_opened_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files(tmp_path, "a/1.png", "shut/2.png")
    scandir = os.scandir

    def denied(path: str) -> object:  # tests may run as root, who may open everything
        if str(path).endswith("shut"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", denied)
    folder = Folder(tmp_path)
    assert folder.names == ("a/1.png",)
    (refusal,) = folder.refused
    assert refusal.row == "shut" and "permission" in refusal.reason


def test_no_name_leads_out_of_a_folder(tmp_path: Path) -> None:
    root = files(tmp_path / "root", "a/1.png")
    files(tmp_path, "secret.png")
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    folder = Folder(root)
    assert folder.holds("a/1.png")
    for name in ("../secret.png", str(tmp_path / "secret.png"), "link.png", "a/../../secret.png"):
        assert not folder.holds(name), name
    assert not folder.holds("a") and not folder.holds("x" * 5000) and not folder.holds("a\0b")


def test_an_archive_has_its_plain_members_and_says_what_else_is_in_it(tmp_path: Path) -> None:
    path = archive(tmp_path / "t.tar", "./b/1.png", "a/2.png", "../out.png", "/abs.png", ".h/3.png")
    with tarfile.open(path, "a") as tar:
        for name, kind in (("a/link.png", tarfile.SYMTYPE), ("a/pipe", tarfile.FIFOTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "2.png"
            tar.addfile(member)
    members = Archive(path)
    assert members.names == ("a/2.png", "b/1.png") and members.hidden == (".h/3.png",)
    assert {one.row for one in members.refused} == {
        *("../out.png", "/abs.png"),
        *("a/link.png", "a/pipe"),
    }
    picture = members.picture("b/1.png")
    assert isinstance(picture, EmbeddedPicture) and picture.read() == b"./b/1.png"
    assert not members.holds("../out.png") and not members.holds("a/link.png")


def test_an_archive_that_is_cut_off_says_so(tmp_path: Path) -> None:
    path = tmp_path / "t.tar"
    (tmp_path / "large").write_bytes(b"x" * 100_000)
    with tarfile.open(path, "w") as tar:
        tar.add(tmp_path / "large", "a/1.png")
    members = Archive(path)
    path.write_bytes(path.read_bytes()[:50_000])
    with pytest.raises(ImageRefused, match="cut off"):
        members.picture("a/1.png").read()
    with pytest.raises(CollectionError, match="Unpack it"):
        Archive(path)
    (tmp_path / "no.tar").write_bytes(b"PK\x03\x04 a zip")
    with pytest.raises(CollectionError, match="plain tar"):
        open_container(tmp_path / "no.tar")
    with pytest.raises(CollectionError, match="There is no 'missing'"):
        open_container(tmp_path / "missing")


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ImageRefused, match="pipe"):
        picture_bytes(tmp_path / "pipe.png")


@pytest.fixture(params=["folder", "archive"])
def finder(request: pytest.FixtureRequest, tmp_path: Path) -> Finder:
    names = (
        "train/cubism/one.jpg",
        "train/baroque/two.jpg",
        "test/cubism/two.jpg",
        "Ünder/Ábc.JPG",
        "numbered/17.png",
        "numbered/171.png",
    )
    if request.param == "archive":
        return Finder(Archive(archive(tmp_path / "t.tar", *names)))
    return Finder(Folder(files(tmp_path, *names)))


@pytest.mark.parametrize(
    ("cell", "style", "name"),
    [
        ("train/cubism/one.jpg", "", "train/cubism/one.jpg"),
        ("./train/cubism/one.jpg", "", "train/cubism/one.jpg"),
        ("one.jpg", "", "train/cubism/one.jpg"),  # ArtBench: a bare name
        ("cubism/one.jpg", "", "train/cubism/one.jpg"),
        ("two.jpg", "Cubism", "test/cubism/two.jpg"),  # of two, that in the style's folder
        ("baroque/two.jpg", "", "train/baroque/two.jpg"),
        ("ONE.JPG", "", "train/cubism/one.jpg"),  # a table from Windows
        (unicodedata.normalize("NFD", "ünder/ábc.jpg"), "", "Ünder/Ábc.JPG"),  # or from a Mac
        ("17", "", "numbered/17.png"),  # a number or an id
        ("numbered/171", "", "numbered/171.png"),
    ],
)
def test_a_cell_finds_its_picture(finder: Finder, cell: str, style: str, name: str) -> None:
    assert finder.find(cell, style) == name


@pytest.mark.parametrize(
    ("cell", "phrase"),
    [
        ("three.jpg", "no such file"),
        ("ne.jpg", "no such file"),  # part of a name is no name
        ("dadaism/one.jpg", "no such file"),
        ("two.jpg", "Several files"),
        ("7", "no such file"),
        ("x" * 5000, "no such file"),
    ],
)
def test_a_cell_that_finds_none_or_several_says_which(
    finder: Finder, cell: str, phrase: str
) -> None:
    with pytest.raises(ImageRefused, match=phrase):
        finder.find(cell, "pointillism")


def test_of_names_that_differ_only_in_capitals_the_one_as_written_is_taken(tmp_path: Path) -> None:
    finder = Finder(Folder(files(tmp_path, "a/One.png", "b/one.png")))
    assert finder.find("One.png", "") == "a/One.png"
    assert finder.find("one.png", "") == "b/one.png"
    with pytest.raises(ImageRefused, match="Several files"):
        finder.find("ONE.png", "")
