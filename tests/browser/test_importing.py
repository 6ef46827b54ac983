"""A keeper imports in Chromium: preview first, nothing written; then Import."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from tests.browser.conftest import Server
from tests.browser.test_names import press_to
from tests.core.collection.importing.test_crediting import by, table
from tests.small import picture

Open = Callable[..., Any]


def open_import(server: Server, open_page: Open) -> Any:
    """The page as the keeper opens it: by the printed address, then by the bar."""
    page = open_page(server.keeper_url)
    page.goto(f"{server.url}/import", wait_until="domcontentloaded")
    page.get_by_role("main").wait_for()
    return page


def test_a_folder_is_previewed_then_imported(
    server: Server, open_page: Open, tmp_path: Path
) -> None:
    (tmp_path / "pictures" / "cubism").mkdir(parents=True)
    for number in range(3):
        picture(number).save(tmp_path / "pictures" / "cubism" / f"anna-berg_study-{number}.png")
    made = server.home / "collections" / "browser-import"
    page = open_import(server, open_page)
    expect(page.get_by_role("button", name="Import", exact=True)).to_be_disabled()
    page.get_by_label("Folder or file").fill(str(tmp_path / "pictures"))
    page.get_by_label("Title of the collection").fill("Browser import")
    page.get_by_role("button", name="Preview").click()
    answer = page.locator("#import-answer")
    expect(answer).to_contain_text("Nothing is written yet. 3 works would be added")
    assert not made.exists()
    page.get_by_role("button", name="Import", exact=True).click()
    expect(answer).to_contain_text("3 works added")
    expect(answer).to_contain_text("--collection browser-import")
    assert (made / "works.csv").is_file()


def test_a_folder_that_is_not_there_is_told_in_words(server: Server, open_page: Open) -> None:
    page = open_import(server, open_page)
    page.get_by_label("Folder or file").fill("/nowhere/at-all")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#import-answer")).to_contain_text("There is no 'at-all' to import")
    expect(page.get_by_role("button", name="Import", exact=True)).to_be_disabled()


def test_who_has_no_key_is_told_where_to_get_one(server: Server, open_page: Open) -> None:
    page = open_page(f"{server.url}/import")
    expect(page.get_by_role("main")).to_contain_text("open to the studio's keeper alone")
    expect(page.get_by_label("Folder or file")).to_have_count(0)


def test_a_table_is_imported_by_keyboard_alone(
    server: Server, open_page: Open, tmp_path: Path
) -> None:
    """Preview by Enter, import by Tab and Enter; what waits for a decision is said."""
    source = table(
        tmp_path / "s", *by("Anna Berg", "Komar, Melamid", "Anna Berg; Carl Dorn", "n/a")
    )
    page = open_import(server, open_page)
    press_to(page, page.get_by_label("Folder or file"))
    page.keyboard.type(str(source))
    press_to(page, page.get_by_label("Title of the collection"))
    page.keyboard.type("By keyboard")
    press_to(page, page.get_by_role("button", name="Preview"))
    page.keyboard.press("Enter")
    answer = page.locator("#import-answer")
    expect(answer).to_contain_text("Nothing is written yet. 4 works would be added")
    expect(answer).to_contain_text("may be one maker or several")
    take = page.get_by_role("button", name="Import", exact=True)
    expect(take).to_be_enabled()
    press_to(page, take)
    page.keyboard.press("Enter")
    expect(answer).to_contain_text("4 works added")
    expect(answer).to_contain_text("1 work names no maker")
