"""Cancelled or recorded, never both, whichever thread comes first."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import Any, cast

import gradio as gr
import pytest

from app.services.cancellation import Cancellation
from app.services.runs import (
    Event,
    GenerateRequest,
    Painting,
    Tracing,
    UploadRequest,
    generate_and_attribute,
    trace_upload,
)
from app.services.session import Studio, open_studio
from app.settings import Settings
from app.web.access import Access
from app.web.callers import CALLER, Caller
from app.web.pages.run import SHOWN
from app.web.pages.studio import StudioPage
from app.web.uploads import Budgets, Uploads
from core.accounts.roles import Action
from core.collection.types import Collection
from core.ledger.ledger import Ledger
from tests.core.collection.images.crafted import bmp_runs
from tests.small import picture


@pytest.fixture
def studio(ready: Collection, tmp_path: Any) -> Studio:
    return open_studio(Settings(collection=ready.path, home=tmp_path / "home", device="cpu"))


@pytest.fixture
def page(studio: Studio) -> StudioPage:
    with gr.Blocks():
        access = Access(studio.settings)
        return StudioPage(studio, access, Uploads(studio.settings.temporary, Budgets()))


SELF = Caller(actions=frozenset(Action))


def browser(name: str) -> gr.Request:
    return cast(gr.Request, SimpleNamespace(session_hash=name, headers={}, scope={CALLER: SELF}))


def status(updates: list[Any]) -> str:
    return str(updates[SHOWN.index("status")])


def test_who_comes_first_decides() -> None:
    early: Cancellation[str] = Cancellation()
    assert early.cancel()
    assert early.record(lambda: pytest.fail("it was cancelled")) is None
    late: Cancellation[str] = Cancellation()
    assert late.record(lambda: "booked") == "booked"
    assert not late.cancel()
    assert late.outcome() == "booked"


def test_of_two_threads_exactly_one_wins() -> None:
    for _ in range(300):
        one: Cancellation[str] = Cancellation()
        start = threading.Barrier(2)
        outcome: dict[str, str | None] = {}

        def record(one: Any = one, start: Any = start, outcome: Any = outcome) -> None:
            start.wait()
            outcome["recorded"] = one.record(lambda: "booked")

        thread = threading.Thread(target=record)
        thread.start()
        start.wait()
        cancelled = one.cancel()
        thread.join()
        assert cancelled == (outcome["recorded"] is None)
        assert one.cancel() == cancelled


def test_a_cancel_during_recording_waits_for_what_was_recorded() -> None:
    one: Cancellation[str] = Cancellation()
    inside, release = threading.Event(), threading.Event()

    def slow() -> str:
        inside.set()
        release.wait()
        return "entry 7"

    thread = threading.Thread(target=lambda: one.record(slow))
    thread.start()
    inside.wait()
    assert not one.cancel()
    threading.Timer(0.05, release.set).start()
    assert one.outcome() == "entry 7"
    thread.join()


def test_recording_that_failed_is_over_and_has_no_outcome() -> None:
    one: Cancellation[str] = Cancellation()

    def broken() -> str:
        raise RuntimeError("disk")

    with pytest.raises(RuntimeError):
        one.record(broken)
    assert one.ended
    assert one.outcome() is None


@pytest.mark.parametrize("moment", [Painting, Tracing])
def test_a_generation_cancelled_from_outside_ends_and_records_nothing(
    studio: Studio, moment: type[Event]
) -> None:
    cancellation: Cancellation[Event] = Cancellation()
    seen: list[Event] = []
    for event in generate_and_attribute(
        studio, GenerateRequest("cubism", 3, steps=4), cancellation
    ):
        seen.append(event)
        if isinstance(event, moment):
            assert cancellation.cancel()
    assert isinstance(seen[-1], moment)
    assert studio.ledger.runs().total == 0
    assert not list(studio.outputs.glob("*"))


def test_an_upload_cancelled_from_outside_keeps_and_records_nothing(
    studio: Studio, tmp_path: Any
) -> None:
    picture(9, 50).save(tmp_path / "mine.png")
    cancellation: Cancellation[Event] = Cancellation()
    request = UploadRequest(tmp_path / "mine.png", "mine.png", book=True)
    for _ in trace_upload(studio, request, cancellation):
        cancellation.cancel()
    assert studio.ledger.runs().total == 0
    assert not studio.outputs.exists()


def test_an_upload_cancelled_while_it_is_opened_ends_at_once(studio: Studio, tmp_path: Any) -> None:
    (tmp_path / "long.bmp").write_bytes(bmp_runs(3400, 3400))  # seconds of decoding
    cancellation: Cancellation[Event] = Cancellation()
    request = UploadRequest(tmp_path / "long.bmp", "long.bmp", book=True)
    threading.Timer(0.6, cancellation.cancel).start()
    began = time.monotonic()
    assert list(trace_upload(studio, request, cancellation)) == []
    assert time.monotonic() - began < 2.5
    assert studio.ledger.runs().total == 0
    picture(9, 50).save(tmp_path / "mine.png")
    assert list(trace_upload(studio, UploadRequest(tmp_path / "mine.png", "mine.png")))


def test_cancel_says_nothing_was_recorded_only_where_that_is_so(
    page: StudioPage, studio: Studio
) -> None:
    updates = page.runs.generate("cubism", 3, 4, 3.0, "d-trak", browser("a"))
    next(updates)
    assert "nothing was recorded" in status(page.runs.cancelled(browser("a")))
    assert list(updates) == []
    assert studio.ledger.runs().total == 0


def test_a_cancel_that_came_too_late_shows_what_was_recorded(
    page: StudioPage, studio: Studio
) -> None:
    """The page has not drawn the end yet, and its button can still be pressed."""
    list(page.runs.generate("cubism", 3, 4, 3.0, "d-trak", browser("a")))
    words = status(page.runs.cancelled(browser("a")))
    assert "Recorded as #000001" in words
    assert "too late to cancel" in words
    assert studio.ledger.runs().total == 1


def test_a_cancel_while_the_ledger_is_written_says_what_was_written(
    page: StudioPage, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, release = threading.Event(), threading.Event()
    real = Ledger.record

    def slow(self: Ledger, *arguments: Any, **named: Any) -> Any:
        inside.set()
        release.wait(60)
        return real(self, *arguments, **named)

    monkeypatch.setattr(Ledger, "record", slow)
    run = threading.Thread(
        target=lambda: list(page.runs.generate("cubism", 3, 4, 3.0, "d-trak", browser("a")))
    )
    run.start()
    assert inside.wait(60)
    threading.Timer(0.05, release.set).start()
    assert "Recorded as #000001" in status(page.runs.cancelled(browser("a")))
    run.join()


def test_cancel_is_for_ones_own_page_and_for_its_last_run(page: StudioPage, studio: Studio) -> None:
    list(page.runs.generate("cubism", 3, 4, 3.0, "d-trak", browser("a")))
    mine = page.runs.generate("cubism", 4, 4, 3.0, "d-trak", browser("a"))
    theirs = page.runs.generate("cubism", 5, 4, 3.0, "d-trak", browser("b"))
    next(mine)
    next(theirs)
    assert "nothing was recorded" in status(page.runs.cancelled(browser("a")))
    assert list(mine) == []
    assert "Recorded as #000002" in status(list(theirs)[-1])


def test_a_cancelled_upload_is_not_recorded_either(
    page: StudioPage, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture(9, 50).save(tmp_path / "mine.png")
    monkeypatch.setattr(page.runs.uploads, "owns", lambda visitor, path: True)
    updates = page.runs.trace(str(tmp_path / "mine.png"), "", "d-trak", True, browser("a"))
    next(updates)
    assert "nothing was recorded" in status(page.runs.cancelled(browser("a")))
    assert not any("ecorded" in status(update) for update in updates)
    assert page.studio.ledger.runs().total == 0


def test_a_new_picture_takes_away_what_was_said_of_the_one_before(page: StudioPage) -> None:
    list(page.runs.generate("cubism", 3, 4, 3.0, "d-trak", browser("a")))
    busy, first, *_ = page.runs.generate("cubism", 4, 4, 3.0, "d-trak", browser("a"))
    place = {name: number for number, name in enumerate(SHOWN)}
    assert busy[place["picture"]] == busy[place["credit"]] == gr.skip()
    assert "<img" in first[place["picture"]]
    for name in ("credit", "proponents", "opponents", "memorised", "recipe", "answer"):
        assert first[place[name]] == ""
