"""Data sets of Hugging Face `datasets`, by a stand-in of the few things that are asked of one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from core.collection.importing.datasets_hub import is_dataset, read_dataset, read_split
from core.collection.importing.rows import Candidate, EmbeddedPicture, Reading, Refusal
from core.errors import CollectionError, ImageRefused
from tests.core.collection.painting import paint, png


@dataclass
class Image:
    """As `datasets.Image`."""

    decode: bool = True


@dataclass
class ClassLabel:
    """As `datasets.ClassLabel`."""

    names: list[str]


class Value:
    """As `datasets.Value`."""


@dataclass
class Split:
    """As `datasets.Dataset`: columns with kinds, and rows."""

    features: dict[str, Any]
    rows: list[dict[str, Any]]

    def cast_column(self, name: str, kind: Any) -> Split:
        return replace(self, features=self.features | {name: kind})

    def remove_columns(self, names: list[str]) -> Split:
        features = {name: kind for name, kind in self.features.items() if name not in names}
        return Split(features, [{name: row[name] for name in features} for row in self.rows])

    def __iter__(self) -> Iterator[dict[str, Any]]:
        assert not any(isinstance(kind, Image) for kind in self.features.values()), "all decoded"
        return iter(self.rows)

    def __getitem__(self, place: int) -> dict[str, Any]:
        assert all(not kind.decode for kind in self.features.values() if isinstance(kind, Image))
        return self.rows[place]


FEATURES = {"image": Image(), "style": ClassLabel(["cubism", "Ukiyo_e"]), "artist": Value()}


def row(seed: int, style: int | None = 0, artist: str | None = "Anna Ek") -> dict[str, Any]:
    return {"image": {"bytes": png(seed), "path": None}, "style": style, "artist": artist}


def taken(reading: Reading) -> list[Candidate]:
    return [one for one in reading.rows if isinstance(one, Candidate)]


def test_every_example_is_a_row_with_its_label_s_name() -> None:
    reading = read_split(Split(FEATURES, [row(1), row(2, 1), row(3, -1), row(4, None)]), "", {})
    assert [(one.row, one.style, one.artist) for one in taken(reading)] == [
        ("1", "cubism", "Anna Ek"),
        ("2", "Ukiyo e", "Anna Ek"),
    ]
    refused = [one for one in reading.rows if isinstance(one, Refusal)]
    assert [one.row for one in refused] == ["3", "4"]
    assert all("names no style" in one.reason for one in refused)


def test_pictures_are_read_when_they_are_asked_for(tmp_path: Path) -> None:
    here = paint(tmp_path / "a.png", 7)
    rows = [row(1), row(2), row(3), row(4)]
    rows[1]["image"] = {"bytes": None, "path": str(here)}
    rows[2]["image"] = {"bytes": None, "path": str(tmp_path / "gone.png")}
    rows[3]["image"] = None
    pictures = [one.picture for one in taken(read_split(Split(FEATURES, rows), "train", {}))]
    assert all(isinstance(one, EmbeddedPicture) for one in pictures)
    first, second, third, fourth = (one for one in pictures if isinstance(one, EmbeddedPicture))
    assert first.name == "train 1" and first.read() == png(1)
    assert second.read() == here.read_bytes()
    with pytest.raises(ImageRefused, match="not on this machine"):
        third.read()
    with pytest.raises(ImageRefused, match="no picture"):
        fourth.read()


def test_columns_may_be_named_and_what_is_not_read_is_said() -> None:
    features = {"photo": Image(), "other": Image(), "school": Value(), "size": Value()}
    rows = [{"photo": None, "other": None, "school": "Delft", "size": 4}]
    columns = {"file": "photo", "style": "school"}
    reading = read_split(Split(features, rows), "", columns)
    assert [one.style for one in taken(reading)] == ["Delft"]
    assert "style from 'school'" in reading.notes[0] and "not read: size" in reading.notes[0]
    with pytest.raises(CollectionError, match="no column of styles"):
        read_split(Split(features, rows), "", {"file": "photo"})
    rows = taken(read_split(Split(features, rows), "", {"file": "photo", "style": "'Interior'"}))
    assert [one.style for one in rows] == ["Interior"]


@pytest.mark.parametrize("column", ["text", "caption", "prompt"])
@pytest.mark.parametrize("title", [None, "Squares"])
def test_what_a_row_says_that_the_picture_shows_is_its_caption(
    column: str, title: str | None
) -> None:
    text = " ".join(["red squares on a table"] * 30)  # longer than a title may be
    features, one = FEATURES | {column: Value()}, row(1) | {column: text}
    if title is not None:
        features, one = features | {"title": Value()}, one | {"title": title}
    reading = read_split(Split(features, [one]), "", {})
    (read,) = taken(reading)
    assert read.caption == text and title in (None, read.title)
    assert not any("not read" in note for note in reading.notes)
    assert column == "caption" or f"caption from '{column}'" in reading.notes[0]


@pytest.mark.parametrize(
    ("features", "columns"), [({"style": Value()}, {}), (FEATURES, {"file": "artist"})]
)
def test_a_data_set_without_pictures_says_which_columns_it_has(
    features: dict[str, Any], columns: dict[str, str]
) -> None:
    with pytest.raises(CollectionError, match="no column of pictures.*style"):
        read_split(Split(features, []), "", columns)


def test_data_sets_are_known_by_what_lies_in_them(tmp_path: Path) -> None:
    assert not is_dataset(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/train.parquet").write_bytes(b"PAR1")
    assert is_dataset(tmp_path) and is_dataset(tmp_path / "data/train.parquet")
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved/dataset_info.json").write_text("{}")
    assert is_dataset(tmp_path / "saved")


def test_where_the_library_is_missing_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)  # importing it fails
    with pytest.raises(CollectionError, match=r"pip install -e '\.\[datasets\]'"):
        read_dataset(tmp_path / "train.parquet")


class Library:
    """As the module `datasets`; a name of the hub is never there."""

    class exceptions:
        DatasetsError = type("DatasetsError", (Exception,), {})

    names: tuple[str, ...] = ()
    parts: Any = None

    def load_dataset(self, name: str) -> Any:
        self.names += (name,)
        raise ConnectionError("offline")

    def load_from_disk(self, path: str) -> Any:
        if self.parts is None:
            raise FileNotFoundError(path)
        return self.parts


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    made = Library()
    monkeypatch.setitem(sys.modules, "datasets", made)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    return made


def test_splits_are_taken_together_and_that_is_said(library: Library, tmp_path: Path) -> None:
    library.parts = {"train": Split(FEATURES, [row(1)]), "test": Split(FEATURES, [row(2)])}
    reading = read_dataset(tmp_path)
    assert [one.row for one in taken(reading)] == ["train 1", "test 1"]
    assert reading.notes == ("The splits train, test were taken together.",)


def test_nothing_is_fetched_unasked(library: Library) -> None:
    with pytest.raises(CollectionError, match="HF_HUB_OFFLINE=0"):
        read_dataset(Path("somebody/paintings"))
    with pytest.raises(CollectionError, match="not a name of the hub"):
        read_dataset(Path("some/where/else"))
    assert library.names == ("somebody/paintings",)  # the library itself stays offline


def test_a_damaged_data_set_is_refused_by_name(library: Library, tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match="'saved' could not be opened"):
        (tmp_path / "saved").mkdir()
        read_dataset(tmp_path / "saved")
