"""The folder that an import fills: its own, one import at a time, never anybody else's."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from core.collection.images.near_duplicates import ALIKE
from core.collection.importing.destination import (
    IMPORTED,
    ImportLog,
    LogEntry,
    description_digest,
    opened_target,
    target_of,
)
from core.collection.importing.importer import import_collection
from core.collection.types import Collection
from core.errors import CollectionError
from tests.core.collection.painting import candidate, paint


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


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    for seed in range(3):
        paint(tmp_path / f"in/style/a-b_work-{seed}.png", seed)
    return import_collection(tmp_path / "in", tmp_path / "c", size=32).collection


def test_what_is_kept_is_read_again(collection: Collection) -> None:
    records = ImportLog(collection)
    records.keep("f" * 64, LogEntry("some-work", "said", "0f" * 8))
    records.save()
    again = ImportLog(collection)
    assert again.of("f" * 64) == LogEntry("some-work", "said", "0f" * 8)
    assert again.of("0" * 64) == LogEntry()


def test_a_look_is_remembered_or_seen_again(collection: Collection) -> None:
    work = collection.works[0]
    look = ImportLog(collection).look(work)
    assert len(look) == 16
    text = (collection.path / IMPORTED).read_text()
    (collection.path / IMPORTED).write_text(text.replace(look, ""))  # as older versions wrote it
    seen = ImportLog(collection).look(work)  # of the stored picture, which is a JPEG
    assert (int(seen, 16) ^ int(look, 16)).bit_count() <= ALIKE
    collection.image_path(work).write_bytes(b"no picture")
    assert ImportLog(collection).look(work) == ""


@pytest.mark.parametrize("damage", ["", "other,columns\n1,2\n", "\0\0", "source_sha256\n"])
def test_a_damaged_memory_costs_nothing_but_time(
    collection: Collection, tmp_path: Path, damage: str
) -> None:
    before = shutil.copytree(collection.path, tmp_path / "before")
    (collection.path / IMPORTED).write_text(damage)
    report = import_collection(tmp_path / "in", tmp_path / "c", size=32)
    assert (report.works, report.imported) == (3, 0)
    assert (collection.path / "works.csv").read_bytes() == (before / "works.csv").read_bytes()
    assert import_collection(tmp_path / "in", tmp_path / "c", size=32).works == 3


def test_the_digest_changes_with_every_word_that_is_said() -> None:
    one = candidate("1")
    changed = [
        *(replace(one, **{field: "other"}) for field in ("title", "artist", "style", "year")),
        *(replace(one, **{field: "other"}) for field in ("licence", "source")),
        replace(one, identifiers=(("viaf", "7"),)),
    ]
    digests = {description_digest(row) for row in (one, *changed)}
    assert len(digests) == 1 + len(changed)
    assert description_digest(replace(one, row="99", doubts=("so",))) == description_digest(one)
