"""What somebody named is recognised for what it is, or refused by what it is instead."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from core.collection.importing.rows import Candidate
from core.collection.importing.sources import Form, Kind, read_source
from core.errors import CollectionError, UsageError
from tests.core.collection.painting import paint

TABLE = "file,title,artist,style\np/1.png,From the table,Anna,Op Art\n"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    paint(tmp_path / "in/p/1.png", 1)
    paint(tmp_path / "in/p/2.png", 2)
    return tmp_path / "in"


def titles(source: Path, form: Form | None = None) -> list[str]:
    reading = read_source(source, form or Form())
    return [one.title for one in reading.rows if isinstance(one, Candidate)]


def test_a_folder_of_styles(pictures: Path) -> None:
    assert titles(pictures) == ["1", "2"]


def test_a_table_in_the_folder_comes_first_and_what_it_does_not_name_is_said(
    pictures: Path,
) -> None:
    (pictures / "metadata.csv").write_text(TABLE)
    assert titles(pictures) == ["From the table"]
    assert any("left out: 1 (the first: 'p/2.png')" in one for one in read_source(pictures).notes)
    assert titles(pictures, Form("folder")) == ["1", "2"]
    alone = read_source(pictures / "metadata.csv")  # the folder was not named
    assert len(alone.rows) == 1 and not any("left out" in note for note in alone.notes)


def test_of_several_tables_the_kind_decides(pictures: Path) -> None:
    (pictures / "metadata.csv").write_text(TABLE)
    work = {"file": "p/2.png", "title": "From JSON", "artist": "Bo", "style": "Op Art"}
    (pictures / "works.json").write_text(json.dumps([work]))
    assert titles(pictures) == ["From the table"]
    assert titles(pictures, Form("json")) == ["From JSON"]


@pytest.mark.parametrize("packed", [False, True])
def test_pictures_may_lie_elsewhere(pictures: Path, tmp_path: Path, packed: bool) -> None:
    table = tmp_path / "tables/t.csv"
    table.parent.mkdir()
    table.write_text(TABLE)
    assert titles(table) == []
    where = pictures
    if packed:
        where = tmp_path / "p.tar"
        with tarfile.open(where, "w") as tar:
            tar.add(pictures, ".")
    reading = read_source(table, Form(pictures=where))
    assert [one.title for one in reading.rows if isinstance(one, Candidate)] == ["From the table"]
    assert any("left out: 1" in note for note in reading.notes)


def test_a_tar_is_a_folder_of_styles(pictures: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "p.tar", "w") as tar:
        tar.add(pictures, ".")
    assert titles(tmp_path / "p.tar") == ["1", "2"]


def test_an_npz_is_cifar(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", images=np.zeros((1, 8, 8, 3), np.uint8), labels=[4])
    assert titles(tmp_path / "t.npz") == ["4 1"]


@pytest.mark.parametrize(
    ("name", "data", "phrase"),
    [
        ("a.zip", b"PK\x03\x04", "compressed archive"),
        ("a.tgz", b"\x1f\x8b", "compressed archive"),
        ("a.jpg", b"\xff\xd8\xff", "not a source that is known"),
        ("a.csv", b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        ("a.npz", b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        ("a.csv", b"", "is empty"),
        ("a.tar", b"PK\x03\x04", "plain tar"),
    ],
)
def test_what_is_no_source_is_called_by_its_name(
    tmp_path: Path, name: str, data: bytes, phrase: str
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(CollectionError, match=phrase):
        read_source(tmp_path / name)


def test_what_is_missing_or_empty_is_said(tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match="There is no 'x'"):
        read_source(tmp_path / "x")
    with pytest.raises(CollectionError, match="is empty"):
        read_source(tmp_path)
    (tmp_path / ".hidden.png").write_bytes(b"x")
    with pytest.raises(CollectionError, match="Hidden files"):
        read_source(tmp_path)
    (tmp_path / "t.csv").write_text(TABLE)
    with pytest.raises(CollectionError, match="There is no 'gone'"):
        read_source(tmp_path / "t.csv", Form(pictures=tmp_path / "gone"))


@pytest.mark.parametrize(
    ("kind", "phrase"), [("csv", "no manifest"), ("json", "no manifest"), ("cifar", "no CIFAR npz")]
)
def test_a_kind_that_it_is_not_is_refused(pictures: Path, kind: Kind, phrase: str) -> None:
    with pytest.raises(CollectionError, match=phrase):
        read_source(pictures, Form(kind))


@pytest.mark.parametrize(
    ("form", "option"),
    [
        (Form(columns={"title": "x"}), "--map"),
        (Form(pictures=Path("elsewhere")), "--pictures"),
        (Form(encoding="utf-8"), "--encoding"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(
    pictures: Path, form: Form, option: str
) -> None:
    with pytest.raises(UsageError, match=f"{option} would do nothing"):
        read_source(pictures, form)
