"""The buttons of the first page: what they begin goes on by itself; cancelled or recorded, and the
page says which."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import gradio as gr
import pytest

from app.services.jobs import Jobs
from app.services.session import open_studio
from app.settings import Settings
from app.web.access import Access
from app.web.callers import CALLER, Caller
from app.web.pages.run import SHOWN
from app.web.pages.studio import StudioPage
from app.web.uploads import Budgets, Uploads
from core.accounts.roles import Action
from core.collection.types import Collection
from core.errors import LedgerError
from core.ledger.ledger import Ledger
from tests.small import picture

SELF = Caller(actions=frozenset(Action))
PLACE = {name: number for number, name in enumerate(SHOWN)}
Updates = list[list[Any]]


@pytest.fixture
def page(ready: Collection, tmp_path: Path) -> Iterator[StudioPage]:
    settings = Settings(collection=ready.path, home=tmp_path / "home", device="cpu")
    jobs = Jobs(open_studio(settings), at_once=1)
    with gr.Blocks():
        yield StudioPage(jobs, Access(settings), Uploads(settings.temporary, Budgets()))
    jobs.stop()


def browser(name: str, caller: Caller = SELF, address: str = "") -> gr.Request:
    headers = {"cookie": f"creditline_x={'v' * 24}"}
    client = SimpleNamespace(host=address)
    page_of = SimpleNamespace(
        session_hash=name, headers=headers, scope={CALLER: caller}, client=client
    )
    return cast(gr.Request, page_of)


def refuse(self: Ledger, *arguments: Any, **named: Any) -> Any:
    raise LedgerError("The ledger cannot be written just now.")


@pytest.fixture
def held(page: StudioPage, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Nothing is recorded before this is set."""
    release, real = threading.Event(), Ledger.record

    def waiting(self: Ledger, *arguments: Any, **named: Any) -> Any:
        release.wait(60)
        return real(self, *arguments, **named)

    monkeypatch.setattr(Ledger, "record", waiting)
    yield release
    release.set()


def status(updates: list[Any]) -> str:
    return str(updates[PLACE["status"]])


def all_of(updates: AsyncIterator[list[Any]]) -> Updates:
    async def collect() -> Updates:
        return [one async for one in updates]

    return asyncio.run(collect())


def painted(page: StudioPage, seed: int, who: str = "a", steps: int = 4) -> Updates:
    return all_of(page.runs.generate("cubism", seed, steps, 3.0, "d-trak", browser(who)))


def begun(page: StudioPage, seed: int, who: str = "a", steps: int = 4) -> str:
    """The first of a run, as the page draws it; then its connection is gone."""

    async def first() -> list[Any]:
        updates = page.runs.generate("cubism", seed, steps, 3.0, "d-trak", browser(who))
        return await anext(updates)

    return status(asyncio.run(first()))


def job_in(words: str) -> str:
    return words.partition('data-run="')[2].partition('"')[0]


def test_the_address_of_a_run_is_there_from_the_first_second(page: StudioPage) -> None:
    first, *_, last = painted(page, 3)
    assert len(job_in(status(first))) == 12
    assert last[PLACE["run_id"]] == job_in(status(first))
    assert "Recorded as #000001" in status(last)


def test_what_a_page_began_goes_on_without_it_and_is_picked_up(page: StudioPage) -> None:
    job = job_in(begun(page, 3))
    updates = all_of(page.runs.watch(job, browser("a page opened later")))
    assert "Recorded as #000001" in status(updates[-1])
    assert updates[-1][PLACE["run_id"]] == job


def test_of_a_run_that_was_deleted_nobody_hears_more(
    page: StudioPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = job_in(begun(page, 3))
    all_of(page.runs.watch(job, browser("a")))
    monkeypatch.setattr(Ledger, "run", lambda ledger, key: None)
    for answer in (
        all_of(page.runs.watch(job, browser("b")))[-1],
        page.runs.opened(job, browser("b")),
    ):
        if answer is not None:
            assert "deleted" in status(answer) and "Recorded" not in status(answer)


def test_a_page_that_opens_at_a_job_shows_how_far_it_is(
    page: StudioPage, held: threading.Event
) -> None:
    job = job_in(begun(page, 3))
    opened = page.runs.opened(job, browser("b"))
    assert opened is not None and job_in(status(opened)) == job
    assert (
        opened[PLACE["credit"]] == ""
    )  # nothing of another run, whether there is a preview or not
    assert page.runs.opened("nowhere", browser("b")) is None
    held.set()


def test_who_waits_reads_place_and_time(page: StudioPage) -> None:
    painted(page, 3)  # how long one takes is known from here on
    begun(page, 4, steps=100)
    behind = begun(page, 5)
    assert "Next in the queue" in behind and "Ready in about" in behind
    assert "Place 2 in the queue" in begun(page, 6)


def test_cancel_says_nothing_was_recorded_only_where_that_is_so(page: StudioPage) -> None:
    words = begun(page, 3, steps=100)
    assert "nothing was recorded" in status(page.runs.cancelled(browser("a")))
    assert "nothing was recorded" in status(
        all_of(page.runs.watch(job_in(words), browser("b")))[-1]
    )
    assert page.studio.ledger.runs().total == 0


def test_a_cancel_that_came_too_late_shows_what_was_recorded(page: StudioPage) -> None:
    """The page has not drawn the end yet, and its button can still be pressed."""
    painted(page, 3)
    words = status(page.runs.cancelled(browser("a")))
    assert "Recorded as #000001" in words
    assert "too late to cancel" in words
    assert page.studio.ledger.runs().total == 1


def test_a_cancel_while_the_ledger_is_written_says_what_was_written(
    page: StudioPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, release = threading.Event(), threading.Event()
    real = Ledger.record

    def slow(self: Ledger, *arguments: Any, **named: Any) -> Any:
        inside.set()
        release.wait(60)
        return real(self, *arguments, **named)

    monkeypatch.setattr(Ledger, "record", slow)
    begun(page, 3)
    assert inside.wait(60)
    threading.Timer(0.05, release.set).start()
    assert "Recorded as #000001" in status(page.runs.cancelled(browser("a")))


def test_cancel_is_for_ones_own_page_and_for_its_last_run(page: StudioPage) -> None:
    painted(page, 3)
    begun(page, 4, steps=100)
    theirs = job_in(begun(page, 5, "b"))
    assert "nothing was recorded" in status(page.runs.cancelled(browser("a")))
    assert "Recorded as #000002" in status(all_of(page.runs.watch(theirs, browser("b")))[-1])


def test_nobody_else_cancels_what_they_only_watch(
    page: StudioPage, held: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitors = {"a": "one", "b": "another"}
    monkeypatch.setattr(page.runs, "owner", lambda asked: visitors[asked.session_hash])
    job = job_in(begun(page, 3))

    async def first() -> list[Any]:
        return await anext(page.runs.watch(job, browser("b")))

    shown = asyncio.run(first())
    assert shown[PLACE["cancel"]] == gr.skip()  # it is not offered
    page.runs.cancelled(browser("b"))
    held.set()
    assert "Recorded as #000001" in status(all_of(page.runs.watch(job, browser("a")))[-1])


def test_a_cancelled_upload_is_not_recorded_either(
    page: StudioPage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture(9, 50).save(tmp_path / "mine.png")
    monkeypatch.setattr(page.runs.uploads, "owns", lambda visitor, path: True)
    begun(page, 3, "b", steps=100)  # so that it waits

    async def first() -> list[Any]:
        file = str(tmp_path / "mine.png")
        return await anext(page.runs.trace(file, "", "d-trak", True, browser("a")))

    asyncio.run(first())
    assert "nothing was recorded" in status(page.runs.cancelled(browser("a")))
    page.runs.cancelled(browser("b"))
    assert page.studio.ledger.runs().total == 0
    assert not list(page.studio.settings.jobs.rglob("*.upload"))


def test_a_new_picture_takes_away_what_was_said_of_the_one_before(page: StudioPage) -> None:
    painted(page, 3)
    previews = [one for one in painted(page, 4, steps=30) if "<img" in str(one[PLACE["picture"]])]
    first = previews[0]
    for name in ("credit", "proponents", "opponents", "memorised", "recipe", "answer"):
        assert first[PLACE[name]] == ""


def test_nobody_else_records_what_could_not_be_recorded(
    page: StudioPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever began it does, and who may record credit; knowing its address is not enough."""
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "record", refuse)
        first = browser("began", Caller(), "203.0.113.1")
        last = all_of(page.runs.generate("cubism", 3, 4, 3.0, "d-trak", first))[-1]
        job = last[PLACE["run_id"]]
        assert last[PLACE["retry"]]["visible"] and "kept" in status(last)
    stranger = browser("stranger", Caller(), "203.0.113.2")
    seen = all_of(page.runs.watch(job, stranger))[-1]
    assert not seen[PLACE["retry"]]["visible"]
    assert "Only whoever began" in status(page.runs.retry(job, stranger))
    assert page.studio.ledger.runs().total == 0
    assert "Recorded as #000001" in status(page.runs.retry(job, first))


def test_the_keeper_records_what_a_visitor_could_not(
    page: StudioPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "record", refuse)
        first = browser("began", Caller(), "203.0.113.1")
        job = all_of(page.runs.generate("cubism", 3, 4, 3.0, "d-trak", first))[-1][PLACE["run_id"]]
    keeper = browser("keeper", address="127.0.0.1")
    assert all_of(page.runs.watch(job, keeper))[-1][PLACE["retry"]]["visible"]
    assert "Recorded as #000001" in status(page.runs.retry(job, keeper))
