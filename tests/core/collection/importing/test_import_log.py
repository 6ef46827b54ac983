"""What earlier imports took is remembered; a damaged memory only costs decoding again."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from core.collection.images.near_duplicates import ALIKE
from core.collection.importing.import_log import IMPORTED, ImportLog, LogEntry, description_digest
from core.collection.importing.importer import import_collection
from core.collection.types import Collection
from tests.core.collection.painting import candidate, paint


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
