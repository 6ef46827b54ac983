"""The folder that an import fills: its own, one import at a time, never anybody else's."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.collection.importing.destination import opened_target, target_of
from core.collection.importing.importer import import_collection
from core.errors import CollectionError
from tests.core.collection.painting import paint


@pytest.fixture
def source(tmp_path: Path) -> Path:
    paint(tmp_path / "in/style/a-b_work.png")
    return tmp_path / "in"


def test_a_new_folder_is_named_as_the_collection(source: Path, tmp_path: Path) -> None:
    target = target_of(source, tmp_path / "my_paintings", 32, None)
    assert (target.title, target.name, target.works) == ("My Paintings", "my-paintings", ())
    assert target_of(source, tmp_path / "x", 32, "Übung 1").name == "ubung-1"
    assert not (tmp_path / "my_paintings").exists()  # nothing is made by looking


def test_a_title_given_later_renames_and_none_keeps(source: Path, tmp_path: Path) -> None:
    import_collection(source, tmp_path / "c", size=32, name="First")
    assert target_of(source, tmp_path / "c", 32, None).title == "First"
    assert target_of(source, tmp_path / "c", 32, "Second").title == "Second"


def test_two_imports_never_fill_one_folder(source: Path, tmp_path: Path) -> None:
    with (
        opened_target(source, tmp_path / "c", 32, None),
        pytest.raises(CollectionError, match="Another import is filling 'c'"),
        opened_target(source, tmp_path / "c", 32, None),
    ):
        pass
    with opened_target(source, tmp_path / "c", 32, None):  # and then it is free again
        pass


def test_a_folder_that_stays_empty_is_taken_away_with_its_parents(
    source: Path, tmp_path: Path
) -> None:
    with opened_target(source, tmp_path / "deep/down/c", 32, None) as target:
        assert target.path.is_dir()
    assert not (tmp_path / "deep").exists()


def test_halves_of_files_are_swept_and_pictures_are_not(source: Path, tmp_path: Path) -> None:
    images = tmp_path / "c/images"
    images.mkdir(parents=True)
    (images / ".x.part").write_bytes(b"half")
    (images / "whole.jpg").write_bytes(b"whole")
    with opened_target(source, tmp_path / "c", 32, None):
        assert [path.name for path in images.iterdir()] == ["whole.jpg"]


def test_a_folder_that_cannot_be_written_is_said(source: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with (
        pytest.raises(CollectionError, match="cannot be written"),
        opened_target(source, tmp_path / "file/c", 32, None),
    ):
        pass
