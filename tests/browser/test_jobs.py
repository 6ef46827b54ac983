"""A picture that is under way: its address from the first second, a reload, a lost connection."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from tests.browser.conftest import Server

Open = Callable[..., Any]
RECORDED = re.compile(r"Recorded as #\d{6}")


def begin(page: Any, seed: int, steps: int = 100) -> None:
    page.get_by_role("button", name="Advanced").click()
    page.locator("#steps input[type=number]").fill(str(steps))
    page.locator("#steps input[type=number]").press("Tab")
    page.get_by_role("spinbutton", name="Seed").fill(str(seed))
    page.get_by_role("button", name="Generate", exact=True).click()


def test_a_visitor_who_reloads_finds_the_run(server: Server, open_page: Open) -> None:
    page = open_page(server.url)
    begin(page, 501)
    page.wait_for_url(re.compile(r"\?run=[0-9a-f]{12}"))
    address = page.url
    assert not RECORDED.search(page.locator("#status").inner_text())  # it is under way
    page.reload()
    other = open_page(address)  # and whoever is given the address finds it too
    for one in (page, other):
        expect(one.locator("#credit")).to_contain_text("Credit for this image", timeout=60_000)
        expect(one.locator("#painting img")).to_have_attribute("alt", re.compile("seed 501$"))
        assert one.url == address


def test_who_waits_reads_place_and_time_wide_and_narrow(server: Server, open_page: Open) -> None:
    first = open_page(server.url)
    begin(first, 502, 2)
    expect(first.locator("#status")).to_contain_text(RECORDED, timeout=60_000)
    pages = [open_page(server.url, width=width) for width in (1280, 1280, 1280, 360)]
    for seed, page in enumerate(pages):
        begin(page, 510 + seed)
    waiting = pages[-1].locator("#status .cl-queued")
    expect(waiting).to_contain_text(re.compile(r"Next in the queue|Place \d in the queue"))
    expect(waiting).to_contain_text(re.compile(r"Ready in about \d+ s"))
    wide = pages[-1].evaluate("document.documentElement.scrollWidth")
    assert wide <= 360
    for seed, page in enumerate(pages):
        alt = re.compile(f"^Generated cubism painting, seed {510 + seed}$")
        expect(page.locator("#painting img")).to_have_attribute("alt", alt, timeout=120_000)


def test_a_page_whose_server_was_restarted_picks_its_run_up(
    own_server: Callable[..., Server], open_page: Open
) -> None:
    one = own_server()
    page = open_page(one.url)
    begin(page, 503)
    page.wait_for_url(re.compile(r"\?run=[0-9a-f]{12}"))
    address = page.url
    one.stop()
    one.start()
    expect(page.locator("#credit")).to_contain_text("Credit for this image", timeout=90_000)
    expect(page.locator("#painting img")).to_have_attribute("alt", re.compile("seed 503$"))
    assert page.url == address
