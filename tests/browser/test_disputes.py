"""Whoever doubts a credit says so in Chromium, by keyboard; a keeper decides, and corrects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from core.collection.types import Collection
from core.ledger.ledger import open_ledger
from tests.browser.conftest import Server
from tests.browser.test_names import press_to
from tests.server import free_port

Open = Callable[..., Any]
API = "/api/v1"


@pytest.fixture(scope="module")
def booked(ready: Collection, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A studio with three pictures that credit every artist with something."""
    made = Server(
        ready.path, tmp_path_factory.mktemp("booked"), free_port(), rule="royalty-pool"
    ).start()
    for seed in (1, 2, 3):
        recipe = {"class": "cubism", "seed": seed, "steps": 2}
        job = httpx.post(f"{made.url}{API}/generations", json=recipe).raise_for_status().json()
        httpx.get(f"{made.url}{job['events']}", timeout=60).raise_for_status()
    yield made
    made.stop()


def credits_of(server: Server) -> dict[str, int]:
    """Net micro-credits of every artist."""
    ledger = open_ledger(server.home / "ledger.sqlite3")
    assert ledger.verify().ok
    rows = httpx.get(f"{server.url}{API}/ledger/totals").raise_for_status().json()["artists"]
    return {row["artist"]: row["micro"] for row in rows}


def newest_entries(server: Server) -> list[dict[str, Any]]:
    answer = httpx.get(f"{server.url}{API}/ledger/entries").raise_for_status()
    return list(answer.json()["entries"])


def paid(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """Its lines that credit artists."""
    return [line for line in entry["postings"] if line["artist_id"]]


def as_keeper(server: Server, open_page: Open, path: str, **options: Any) -> Any:
    page = open_page(server.keeper_url, **options)
    page.goto(f"{server.url}/{path}", wait_until="domcontentloaded")
    return page


def fill(page: Any, label: str, words: str) -> None:
    """Reach a field by Tab and write into it."""
    field = page.get_by_label(label, exact=True)
    press_to(page, field)
    page.keyboard.press("Control+A")
    page.keyboard.type(words)


def press(page: Any, name: str) -> None:
    press_to(page, page.get_by_role("button", name=name, exact=True))
    page.keyboard.press("Enter")


def test_a_credit_is_disputed_and_comes_back_by_keyboard(booked: Server, open_page: Open) -> None:
    before = credits_of(booked)
    entry = newest_entries(booked)[0]
    artist = paid(entry)[0]["artist"]
    page = as_keeper(booked, open_page, "disputes")
    fill(page, "Entry (its number in the ledger)", str(entry["entry"]))
    fill(page, "Artist (name or id; empty: everybody it credits)", artist)
    fill(page, "Reason", "It is nothing like hers")
    press(page, "Open the dispute")
    expect(page.get_by_role("main")).to_contain_text("It is nothing like hers")
    waiting = credits_of(booked)
    assert waiting[artist] < before[artist]
    assert {one: micro for one, micro in waiting.items() if one != artist} == {
        one: micro for one, micro in before.items() if one != artist
    }
    fill(page, "What is to be said", "Looked at with the artist")
    press(page, "Comment")
    expect(page.get_by_role("main")).to_contain_text("Looked at with the artist")
    page.get_by_label("Reason", exact=True).wait_for()
    fill(page, "Reason", "It is hers after all")
    press(page, "Decide")
    expect(page.get_by_role("main")).to_contain_text("It is hers after all")
    expect(page.get_by_role("button", name="Decide", exact=True)).to_have_count(0)
    assert credits_of(booked) == before


def test_a_keeper_reverses_an_entry_by_keyboard(booked: Server, open_page: Open) -> None:
    before = credits_of(booked)
    entry = newest_entries(booked)[-1]
    page = as_keeper(booked, open_page, "corrections")
    reversing = page.locator("form", has=page.get_by_role("button", name="Reverse", exact=True))
    press_to(page, reversing.get_by_label("Entry (its number in the ledger)", exact=True))
    page.keyboard.type(str(entry["entry"]))
    page.keyboard.press("Tab")
    page.keyboard.type("Booked by mistake")
    press(page, "Reverse")
    expect(page.get_by_role("status")).to_be_visible()
    after = credits_of(booked)
    for share in paid(entry):
        assert after[share["artist"]] == before[share["artist"]] - share["micro"]
    # once is once: the second time is refused in words, and nothing moves
    page.goto(f"{booked.url}/corrections", wait_until="domcontentloaded")
    press_to(page, reversing.get_by_label("Entry (its number in the ledger)", exact=True))
    page.keyboard.type(str(entry["entry"]))
    page.keyboard.press("Tab")
    page.keyboard.type("Again")
    press(page, "Reverse")
    expect(page.get_by_role("main")).to_contain_text("reversed")
    assert credits_of(booked) == after


def test_what_there_is_not_is_refused_in_words(booked: Server, open_page: Open) -> None:
    page = as_keeper(booked, open_page, "disputes")
    fill(page, "Entry (its number in the ledger)", "no such entry")
    fill(page, "Reason", "because")
    press(page, "Open the dispute")
    expect(page.get_by_role("main")).to_contain_text("no such entry")


def test_a_visitor_reads_disputes_and_corrects_nothing(booked: Server, open_page: Open) -> None:
    page = open_page(f"{booked.url}/corrections")
    expect(page.get_by_role("button", name="Reverse", exact=True)).to_have_count(0)


@pytest.mark.parametrize("path", ["disputes", "corrections"])
@pytest.mark.parametrize(("width", "dark"), [(1366, True), (390, False)])
def test_the_page_fits_its_screen(
    booked: Server, open_page: Open, path: str, width: int, dark: bool
) -> None:
    page = as_keeper(booked, open_page, path, width=width, dark=dark)
    page.get_by_role("heading", level=1).wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
