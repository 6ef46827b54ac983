"""By keyboard alone in Chromium: paint, take the evidence along, verify it; without scripts too."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import TimeoutError, expect

from core.provenance.pack import read_pack, write_pack
from tests.browser.test_names import press_to
from tests.server import Server

Open = Callable[..., Any]


def drop(page: Any, file: Path) -> None:
    """The form's file field and button, by keyboard."""
    page.wait_for_load_state("load")
    field = page.locator("input[type=file]")
    press_to(page, field)
    key = "Space" if sys.platform == "darwin" else "Enter"
    for last in (False, False, True):  # a busy Chromium without a screen loses a key now and then
        try:
            with page.expect_file_chooser(timeout=10_000) as chooser:
                field.press(key)
            break
        except TimeoutError:
            if last:
                raise
    chooser.value.set_files(file)
    press_to(page, page.locator("button[type=submit]"))
    page.keyboard.press("Enter")


def test_evidence_is_taken_along_and_verified_by_keyboard(
    server: Server, open_page: Open, tmp_path: Path
) -> None:
    page = open_page(server.url)
    expect(page.get_by_role("button", name="Generate", exact=True)).to_be_enabled()
    page.keyboard.press("Control+Enter")
    expect(page.locator("#status")).to_contain_text("Recorded as")
    link = page.get_by_role("link", name="Evidence pack")
    press_to(page, link, most=200)
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    file = tmp_path / "pack.zip"
    download.value.save_as(file)
    press_to(page, page.get_by_role("link", name="Verify a pack"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Verify an evidence pack")).to_be_visible()
    drop(page, file)
    expect(page.get_by_role("status")).to_contain_text("Valid, not trusted")
    expect(page.get_by_role("main")).to_contain_text("The shares follow from the numbers")
    files = {**read_pack(file.read_bytes()).files, "works.csv": b"others"}
    file.write_bytes(write_pack(files))
    drop(page, file)
    expect(page.get_by_role("status")).to_contain_text("Not valid")
    expect(
        page.get_by_role("listitem").filter(has_text="works.csv: it was changed")
    ).to_be_visible()


def test_the_page_needs_no_script_and_speaks_the_browsers_language(
    server: Server, browser: Any
) -> None:
    context = browser.new_context(java_script_enabled=False, locale="de-DE")
    page = context.new_page()
    page.goto(f"{server.url}/verify")
    expect(page.get_by_role("heading", name="Ein Beweispaket prüfen")).to_be_visible()
    page.locator("input[type=file]").set_input_files(
        {"name": "x.zip", "mimeType": "application/zip", "buffer": b"no zip"}
    )
    page.get_by_role("button", name="Prüfen").click()
    expect(page.get_by_role("alert")).to_contain_text("kein Beweispaket")
    context.close()
