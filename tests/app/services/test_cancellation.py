"""Cancelled or recorded, never both, whichever thread comes first."""

from __future__ import annotations

import threading
import time
from typing import Any

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
from core.collection.types import Collection
from tests.core.collection.images.crafted import bmp_runs
from tests.small import picture


@pytest.fixture
def studio(ready: Collection, tmp_path: Any) -> Studio:
    return open_studio(Settings(collection=ready.path, home=tmp_path / "home", device="cpu"))


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
