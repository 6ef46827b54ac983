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

TABLE = "file,title,artist,style\np/sea.png,From the table,Anna,Op Art\n"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    paint(tmp_path / "in/p/sea.png", 1)
    paint(tmp_path / "in/p/sky.png", 2)
    return tmp_path / "in"


def titles(source: Path, form: Form | None = None) -> list[str]:
    reading = read_source(source, form or Form())
    return [one.title for one in reading.rows if isinstance(one, Candidate)]


def test_a_folder_of_styles(pictures: Path) -> None:
    assert titles(pictures) == ["Sea", "Sky"]


def test_a_table_in_the_folder_comes_first_and_what_it_does_not_name_is_said(
    pictures: Path,
) -> None:
    (pictures / "metadata.csv").write_text(TABLE)
    assert titles(pictures) == ["From the table"]
    assert any("left out: 1 (the first: 'p/sky.png')" in one for one in read_source(pictures).notes)
    assert titles(pictures, Form("folder")) == ["Sea", "Sky"]
    alone = read_source(pictures / "metadata.csv")  # the folder was not named
    assert len(alone.rows) == 1 and not any("left out" in note for note in alone.notes)


def test_of_several_tables_the_kind_decides(pictures: Path) -> None:
    (pictures / "metadata.csv").write_text(TABLE)
    work = {"file": "p/sky.png", "title": "From JSON", "artist": "Bo", "style": "Op Art"}
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
    assert titles(tmp_path / "p.tar") == ["Sea", "Sky"]


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


def imagefolder(root: Path, table: str, text: str, *names: str) -> Path:
    for seed, name in enumerate(names):
        paint(root / name, seed)
    for split in sorted({name.split("/")[0] for name in names}):
        (root / split / table).write_text(text, encoding="utf-8")
    return root


LINES = '{"file_name": "0.png", "text": "a harbour", "artist": "Anna Ek", "style": "Cubism"}\n'


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ("metadata.jsonl", LINES),
        ("metadata.csv", "file_name,text,artist,style\n0.png,a harbour,Anna Ek,Cubism\n"),
    ],
)
@pytest.mark.parametrize(
    "splits",
    [("train",), ("train", "test"), ("validation",), ("train", "validation", "test"), ("val",)],
)
def test_a_table_in_each_split_names_the_pictures_beside_it(
    tmp_path: Path, table: str, text: str, splits: tuple[str, ...]
) -> None:
    imagefolder(tmp_path, table, text, *(f"{split}/0.png" for split in splits))
    (tmp_path / "README.md").write_text("# data")
    reading = read_source(tmp_path)
    pictures = [one for one in reading.rows if isinstance(one, Candidate)]
    assert {one.picture for one in pictures} == {tmp_path / f"{split}/0.png" for split in splits}
    assert len(reading.rows) == len(splits)
    assert {(one.title, one.artist, one.style) for one in pictures} == {
        ("a harbour", "Anna Ek", "Cubism")
    }
    assert sorted(one.row for one in pictures) == sorted(f"{split} 1: 0.png" for split in splits)
    assert sum("README.md" in note for note in reading.notes) == 1


def test_a_split_below_the_data_folder_is_one_too(tmp_path: Path) -> None:
    imagefolder(tmp_path / "data", "metadata.jsonl", LINES, "train/0.png")
    (row,) = read_source(tmp_path).rows
    assert isinstance(row, Candidate) and row.title == "a harbour"


def test_what_a_split_s_table_does_not_name_is_said(tmp_path: Path) -> None:
    imagefolder(tmp_path, "metadata.jsonl", LINES, "train/0.png", "train/1.png")
    paint(tmp_path / "test/2.png", 7)
    notes = read_source(tmp_path).notes
    assert any("'train/metadata.jsonl' names were left out: 1" in note for note in notes)
    assert any(
        "parts without a table were left out: 1 (the first: 'test/2.png')" in n for n in notes
    )


def test_the_label_folder_is_the_style_where_the_table_names_none(tmp_path: Path) -> None:
    text = '{"file_name": "cubism/0.png", "artist": "Anna Ek"}\n'
    imagefolder(tmp_path, "metadata.jsonl", text, "train/cubism/0.png")
    (row,) = read_source(tmp_path).rows
    assert isinstance(row, Candidate) and row.style == "cubism"


def test_else_the_style_is_what_the_user_says_of_all(tmp_path: Path) -> None:
    text = '{"file_name": "0.png", "artist": "Anna Ek"}\n'
    imagefolder(tmp_path, "metadata.jsonl", text, "train/0.png")
    with pytest.raises(CollectionError, match="lacks the column style"):
        read_source(tmp_path)
    (row,) = read_source(tmp_path, Form(columns={"style": "'Cubism'"})).rows
    assert isinstance(row, Candidate) and row.style == "Cubism"


def test_folders_take_what_is_said_of_all_pictures(pictures: Path) -> None:
    form = Form(columns={"style": '"Cubism"', "artist": "'Anna Ek'"})
    rows = [one for one in read_source(pictures, form).rows if isinstance(one, Candidate)]
    assert {(one.style, one.artist) for one in rows} == {("Cubism", "Anna Ek")}


def test_a_split_s_table_in_parquet_is_refused_by_name(tmp_path: Path) -> None:
    paint(tmp_path / "train/0.png", 1)
    (tmp_path / "train/metadata.parquet").write_bytes(b"PAR1")
    with pytest.raises(CollectionError, match=r"'train/metadata.parquet' is parquet"):
        read_source(tmp_path)


def test_what_cannot_be_said_of_a_folder_is_refused_and_not_passed_over(pictures: Path) -> None:
    with pytest.raises(UsageError, match="--map would do nothing"):
        read_source(pictures, Form(columns={"wikidata": "'Q5582'"}))
    with pytest.raises(CollectionError, match="is parquet"):
        (pictures / "metadata.parquet").write_bytes(b"PAR1")
        read_source(pictures)
