"""A real server and a real browser. Watched: nothing from outside, no script error."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.collection.types import Collection
from tests.server import Server, free_port

sync_api = pytest.importorskip("playwright.sync_api")

sync_api.expect.set_options(timeout=20_000)

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def server(ready: Collection, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the tests that only add to it."""
    made = Server(ready.path, tmp_path_factory.mktemp("home"), free_port()).start()
    yield made
    made.stop()


@pytest.fixture
def own_server(ready: Collection, tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Servers with a new home, for tests about beginnings and restarts."""
    servers: list[Server] = []

    def make(collection: Path | None = None) -> Server:
        servers.append(Server(collection or ready.path, tmp_path / "home", free_port()))
        return servers[-1].start()

    yield make
    for one in servers:
        one.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's Chromium; without it these tests cannot be run."""
    if not Path(CHROMIUM).exists():
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def lived_in(
    browser: Any, ready: Collection, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server after a painting and a traced work; its rule credits every artist with something."""
    home = tmp_path_factory.mktemp("lived-in")
    from tests.browser.test_studio import generate, upload

    server = Server(ready.path, home, free_port(), rule="royalty-pool").start()
    page = browser.new_page()
    page.set_default_timeout(20_000)
    page.goto(server.url, wait_until="domcontentloaded")
    generate(page, 31)
    upload(page, ready.image_path(ready.works[0]), "Cubism")
    sync_api.expect(page.locator("#status")).to_contain_text("nothing was booked")
    page.get_by_label("Record credit for it in the ledger").check()
    page.get_by_role("button", name="Trace", exact=True).click()
    sync_api.expect(page.locator("#status")).to_contain_text("Recorded as")
    page.close()
    yield server
    server.stop()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Open an address in a context of its own. Guards: no other host, no script error."""
    contexts, outside, errors = [], [], []

    def visit(
        url: str,
        *,
        width: int = 1280,
        height: int = 900,
        dark: bool = False,
        locale: str = "en-US",
    ) -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            reduced_motion="reduce",
            color_scheme="dark" if dark else "light",
            accept_downloads=True,
            locale=locale,
        )
        contexts.append(context)
        home = "/".join(url.split("/")[:3])

        def route(asked: Any) -> None:
            if asked.request.url.startswith((home, "data:", "blob:")):
                asked.continue_()
            else:
                outside.append(asked.request.url)
                asked.abort()

        context.route("**/*", route)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(url, wait_until="domcontentloaded")
        page.get_by_role("main").wait_for()
        return page

    yield visit
    for context in contexts:
        context.close()
    assert outside == []
    assert errors == []
