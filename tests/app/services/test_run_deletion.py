"""Deleting a run takes its pictures along; what the ledger keeps keeps its pictures too."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PIL import Image

from app.services.run_deletion import deletable, delete_run
from app.services.runs import settings_of
from app.services.session import Studio
from core.errors import LedgerError, UsageError
from core.files import write_bytes
from tests.app.services.test_runs import generated, studio

__all__ = ["studio"]


def test_an_unbooked_run_goes_with_its_picture_and_answers(studio: Studio) -> None:
    view = generated(studio, book=False).view
    assert view is not None and deletable(view)
    picture = studio.outputs / view.record.image_file
    answer = studio.outputs / f"{view.record.id}-without-artist-0-subtract.png"
    write_bytes(answer, b"x")
    Image.new("RGB", (600, 600)).save(picture)  # as large as others paint
    small = studio.thumbnails.of(picture)
    assert small != picture and small.is_file()
    other = generated(studio, 4, book=False).view
    assert other is not None and picture.is_file()
    delete_run(studio, view.record.id)
    assert studio.ledger.run(view.record.id) is None
    assert not picture.exists() and not answer.exists() and not small.exists()
    assert (studio.outputs / other.record.image_file).is_file()
    assert studio.ledger.verify().ok


def test_a_booked_run_keeps_everything(studio: Studio) -> None:
    view = generated(studio).view
    assert view is not None and not deletable(view)
    with pytest.raises(LedgerError, match="kept for ever"):
        delete_run(studio, view.record.id)
    assert (studio.outputs / view.record.image_file).is_file()
    assert studio.ledger.run(view.record.id) is not None


@pytest.mark.parametrize("run_id", ["", "nobody", "../x", "*"])
def test_a_run_that_is_not_there_deletes_nothing(studio: Studio, run_id: str) -> None:
    kept = generated(studio, book=False).view
    assert kept is not None
    with pytest.raises(LedgerError):
        delete_run(studio, run_id)
    assert (studio.outputs / kept.record.image_file).is_file()


def test_the_settings_of_a_run_paint_it_again(studio: Studio) -> None:
    view = generated(studio, 12, steps=3, guidance=1.5, method="trak").view
    assert settings_of(studio, view) == ("cubism", 12, 3, 1.5, "trak")


def test_settings_that_cannot_be_used_are_refused_in_words(studio: Studio) -> None:
    view = generated(studio, 5).view
    assert view is not None
    with pytest.raises(UsageError, match="deleted"):
        settings_of(studio, None)
    for change, words in (
        ({"seed": None}, "picture was brought"),
        ({"collection": "other"}, "'other'"),
        ({"style": "gone"}, "not the one that is open"),
        ({"method": "gone"}, "not at hand"),
    ):
        record = replace(view.record, **change)  # type: ignore[arg-type]
        with pytest.raises(UsageError, match=words):
            settings_of(studio, replace(view, record=record))
