"""What goes wrong outside: a full disk, a model file that vanishes, two servers, a clock set back.

Each ends in words that name the thing and a remedy, and leaves nothing half-done.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from app.services.runs import (
    Event,
    GenerateRequest,
    RunFinished,
    UploadRequest,
    generate_and_attribute,
    trace_upload,
)
from app.services.session import Studio, open_studio
from app.settings import Settings, read_settings
from core.collection.types import Collection
from core.errors import CollectionError, CreditlineError, LedgerError
from core.ledger.shares import DEFAULT_RULE, Shares
from tests.app.web.conftest import png
from tests.core.ledger.quickly import set_clock
from tests.runs import key, record


@pytest.fixture
def settings(ready: Collection, tmp_path: Path) -> Settings:
    return read_settings(home=tmp_path / "home", collection=ready.path, device="cpu")


@pytest.fixture
def studio(settings: Settings) -> Iterator[Studio]:
    opened = open_studio(settings)
    yield opened
    opened.ledger.close()


def painted(studio: Studio, seed: int = 3) -> Event:
    *_, last = generate_and_attribute(studio, GenerateRequest("cubism", seed, steps=2))
    return last


def traced(studio: Studio) -> Event:
    upload = studio.settings.home / "brought.png"
    upload.write_bytes(png(5))
    *_, last = trace_upload(studio, UploadRequest(upload, "brought.png", keep=True, book=True))
    return last


@pytest.mark.parametrize("act", [painted, traced])
def test_a_disk_that_is_full_when_a_picture_is_kept_records_nothing(
    studio: Studio, act: Callable[[Studio], Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def full(number: int) -> None:
        if os.readlink(f"/proc/self/fd/{number}").startswith(str(studio.outputs.resolve())):
            raise OSError(28, "No space left on device")
        real(number)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(CollectionError, match="no space left on device.*Free some space"):
            act(studio)
    assert studio.ledger.runs().total == studio.ledger.size() == 0
    assert list(studio.outputs.glob("*")) == []
    assert isinstance(act(studio), RunFinished)
    assert studio.ledger.size() == 1


def model_files(root: Path) -> list[str]:
    return sorted(
        file.relative_to(root).as_posix()
        for part in ("model", "lora")
        for file in (root / part).rglob("*")
        if file.suffix in (".safetensors", ".json") and file.is_file()
    )


def test_a_model_file_that_vanished_is_words_at_the_next_start(
    ready: Collection, settings: Settings, tmp_path: Path
) -> None:
    """Whichever it is: never a stack, never another model in its place."""
    whole = open_studio(settings)
    digest = whole.engine.model.digest
    whole.ledger.close()
    names = model_files(ready.path)
    assert len(names) > 5
    for name in names:
        place = tmp_path / "gone"
        shutil.copytree(ready.path, place)
        (place / name).unlink()
        try:
            opened = open_studio(settings.model_copy(update={"collection": place}))
        except CreditlineError as error:
            assert "." in error.message.rstrip("."), name  # the thing, and what to do
        else:  # a file that says nothing of the model
            assert opened.engine.model.digest == digest, name
            opened.ledger.close()
        shutil.rmtree(place)


def test_files_that_vanish_under_an_open_studio_change_no_answer(
    ready: Collection, tmp_path: Path
) -> None:
    place = tmp_path / "copy"
    shutil.copytree(ready.path, place)
    opened = open_studio(read_settings(home=tmp_path / "home", collection=place, device="cpu"))
    before = painted(opened, 4)
    shutil.rmtree(place / "model")
    shutil.rmtree(place / "lora")
    again = painted(opened, 4)
    assert isinstance(before, RunFinished) and isinstance(again, RunFinished)
    assert again.record.image_sha256 == before.record.image_sha256
    assert again.shares == before.shares
    assert opened.ledger.size() == 1  # the same picture is credited once
    assert opened.ledger.verify().ok
    opened.ledger.close()


def test_two_servers_on_one_home_book_once_and_one_of_two_disputes_wins(
    settings: Settings,
) -> None:
    studios = [open_studio(settings), open_studio(settings)]
    together = Barrier(2, timeout=60)

    def paint(one: Studio) -> Event:
        together.wait()
        return painted(one, 6)

    run, shares = record(1), Shares(DEFAULT_RULE, {"a": 600_000}, 400_000)

    def book(one: Studio) -> int | None:
        together.wait()
        return one.ledger.record(run, shares, key(run), {"a": "A"}).entry

    def dispute(one: Studio) -> str:
        together.wait()
        try:
            one.ledger.open_dispute(2, reason="mine", actor="bob")
        except LedgerError as error:
            return error.message
        return ""

    def reverse_or_resolve(one: Studio) -> str:
        together.wait()
        try:
            if one is studios[0]:
                one.ledger.reverse(2, reason="mistake", actor="ann")
            else:
                one.ledger.resolve_dispute(1, "rejected", reason="no", actor="ann")
        except LedgerError as error:
            return error.message
        return ""

    with ThreadPoolExecutor(2) as pool:
        assert all(isinstance(one, RunFinished) for one in pool.map(paint, studios))
        assert studios[0].ledger.size() == 1
        assert list(pool.map(book, studios)) == [2, 2]
        assert studios[1].ledger.size() == 2
        words = sorted(pool.map(dispute, studios))
        assert words[0] == "" and "Dispute 1 about entry 2 is open" in words[1]
        first = sorted(pool.map(reverse_or_resolve, studios))
    assert first[0] == "" and first[1] in ("", "Entry 2 is disputed. Resolve dispute 1 first.")
    for one in studios:
        assert one.ledger.verify().ok
        one.ledger.close()


def test_a_clock_that_is_set_back_changes_no_statement_and_no_order(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = studio.ledger
    ledger.know_artists({"a": "A", "b": "B"})

    def book(seed: int) -> None:
        run = record(seed)
        shares = Shares(DEFAULT_RULE, {"a": 600_000}, 400_000)
        ledger.record(run, shares, key(run), {"a": "A"})

    set_clock(monkeypatch, "2026-03-31T23:59:00.000Z")
    book(1)
    set_clock(monkeypatch, "2026-04-01T00:01:00.000Z")
    ledger.open_dispute(1, artist_id="a", reason="mine", actor="bob")
    march = ledger.artist_statement("a", "2026-03")
    set_clock(monkeypatch, "2026-03-15T12:00:00.000Z")  # set back
    book(2)
    ledger.comment_dispute(1, reason="really", actor="bob")
    ledger.resolve_dispute(1, "upheld", paid_to="b", reason="yes", actor="ann")
    assert ledger.artist_statement("a", "2026-03") == march
    april = ledger.artist_statement("a", "2026-04")
    assert (april.opening, april.closing) == (600_000, 600_000)
    dispute = ledger.dispute(1)
    assert dispute is not None
    days = [step.created_at[:10] for step in dispute.events]
    assert days == ["2026-04-01"] * 3
    assert ledger.verify().ok
