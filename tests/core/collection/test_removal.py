"""Works leave: tables, pictures, and the way back in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.collection.importing.importer import ImportReport, import_collection, iter_preview
from core.collection.removal import REMOVED, remove_works, removed_works, works_of
from core.collection.store import load_collection, load_held_out, save_collection
from core.collection.types import Collection
from core.errors import CollectionError, UsageError
from tests.small import picture, small_collection


@pytest.fixture
def own(tmp_path: Path) -> Collection:
    return small_collection(tmp_path / "own")


def test_a_work_leaves_its_table_and_its_file(own: Collection) -> None:
    first, second = own.works[:2]
    removed = remove_works(own, [first.id], "asked for by the artist")
    assert [(one.id, one.reason) for one in removed] == [(first.id, "asked for by the artist")]
    left = load_collection(own.path)
    assert [work.id for work in left.works] == [work.id for work in own.works[1:]]
    assert not own.image_path(first).exists() and own.image_path(second).exists()


def test_an_artist_leaves_with_held_out_works_too(own: Collection) -> None:
    ids = works_of(own, ["artist-2"])
    assert len(ids) == 4
    remove_works(own, ids, "")
    left = load_collection(own.path)
    everything = (*left.works, *load_held_out(left))
    assert len(everything) == 12
    assert "artist-2" not in {work.artist_id for work in everything}


def test_what_was_interrupted_is_finished_by_asking_again(own: Collection) -> None:
    first = own.works[0]
    content = own.image_path(first).read_bytes()
    remove_works(own, [first.id], "once")
    own.image_path(first).write_bytes(content)  # killed before the file went
    again = remove_works(load_collection(own.path, check_files=False), [first.id], "twice")
    assert [one.reason for one in again] == ["once"]
    assert not own.image_path(first).exists()
    save_collection(own)  # killed before the table was written: removed.csv alone knows
    remove_works(load_collection(own.path, check_files=False), [first.id], "")
    assert first.id not in {work.id for work in load_collection(own.path).works}
    assert len(removed_works(own.path)) == 1


def test_what_left_is_not_imported_again(tmp_path: Path) -> None:
    for number in range(3):
        path = tmp_path / "source" / "cubism" / f"some-artist_study-{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(number, 64).save(path)
    target = tmp_path / "own"
    import_collection(tmp_path / "source", target, size=32)
    gone = load_collection(target).works[1]
    remove_works(load_collection(target), [gone.id], "")
    report = import_collection(tmp_path / "source", target, size=32)
    assert report.unchanged == 2 and report.imported == 0
    assert [refusal.reason.split(" on ")[0] for refusal in report.refused] == [
        "was taken out of this collection"
    ]
    looked = list(iter_preview(tmp_path / "source", target, size=32))[-1]
    assert isinstance(looked, ImportReport) and len(looked.refused) == 1


def test_what_cannot_leave_is_named_and_nothing_changes(own: Collection) -> None:
    with pytest.raises(CollectionError, match="nobody"):
        remove_works(own, [own.works[0].id, "nobody"], "")
    with pytest.raises(CollectionError, match="artist-9"):
        works_of(own, ["artist-9"])
    with pytest.raises(UsageError, match="--work ID"):
        remove_works(own, [], "")
    with pytest.raises(UsageError, match="all of the collection"):
        remove_works(own, [work.id for work in own.works], "")
    assert load_collection(own.path) == replace(own)
    assert not (own.path / REMOVED).exists()


def test_a_damaged_record_stops_an_import_instead_of_letting_works_back(own: Collection) -> None:
    (own.path / REMOVED).write_text("id,something\nx,y\n")
    with pytest.raises(CollectionError, match="removed.csv.*damaged"):
        removed_works(own.path)
