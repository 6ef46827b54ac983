"""A keeper decides about names in Chromium, by keyboard alone; a visitor cannot."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from core.collection.importing.importer import import_collection
from core.collection.store import load_collection
from tests.browser.conftest import Server
from tests.core.collection.importing.test_crediting import by, table

Open = Callable[..., Any]


@pytest.fixture
def waiting(server: Server, tmp_path: Path) -> Path:
    """A collection of the home in which two names wait."""
    made = server.home / "collections" / "waiting"
    if not made.exists():
        names = by("Komar, Melamid", "Anna Berg", "Anne Berg")
        import_collection(table(tmp_path / "s", *names), made, size=32)
    return made


def open_names(server: Server, open_page: Open, **options: Any) -> Any:
    page = open_page(server.keeper_url, **options)
    page.goto(f"{server.url}/names", wait_until="domcontentloaded")
    page.get_by_role("main").wait_for()
    expect(page.locator("#names-question")).to_contain_text("No name waits")  # of the served one
    return page


def press_to(page: Any, what: Any, most: int = 40) -> None:
    """Tab until `what` has the focus: whoever uses no mouse reaches it."""
    for _ in range(most):
        if what.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError("the keyboard does not reach it")


def choose_collection(page: Any, name: str) -> None:
    field = page.locator("#names-collection input")
    press_to(page, field)
    options = page.get_by_role("option")
    expect(options.filter(has_text=name)).to_be_visible()
    names = [text.strip(" ✓") for text in options.all_text_contents()]
    active = re.compile(r"\bactive\b")
    expect(page.locator("[role=option].active")).to_have_count(1)
    start = names.index(page.locator("[role=option].active").inner_text().strip(" ✓\n"))
    for step in range(1, (names.index(name) - start) % len(names) + 1):
        page.keyboard.press("ArrowDown")
        expect(options.nth((start + step) % len(names))).to_have_class(active)
    page.keyboard.press("Enter")


def test_a_name_is_decided_and_taken_back_by_keyboard(
    server: Server, open_page: Open, waiting: Path
) -> None:
    page = open_names(server, open_page)
    choose_collection(page, "waiting")
    question = page.locator("#names-question")
    expect(question).to_contain_text("1 of 2")
    expect(question).to_contain_text("Komar, Melamid")
    press_to(page, page.locator("#names-by input, #names-by textarea").first)
    page.keyboard.type("Ann Keeper")
    second = page.locator("#names-answer input").nth(1)
    press_to(page, second)  # each answer is a stop of its own
    page.keyboard.press("Space")
    expect(second).to_be_checked()
    press_to(page, page.get_by_role("button", name="Decide", exact=True))
    page.keyboard.press("Enter")
    expect(question).to_contain_text("Decided: 2 makers: Komar and Melamid.")
    expect(question).to_contain_text("'Anna Berg' and 'Anne Berg'")
    collection = load_collection(waiting, check_files=False)
    assert collection.credit_line(collection.works[0]) == "Komar and Melamid"
    press_to(page, page.get_by_role("button", name="What was decided"))
    page.keyboard.press("Enter")
    expect(page.locator("#names-decided")).to_contain_text("Ann Keeper")
    press_to(page, page.locator("#names-number input, #names-number textarea").first)
    page.keyboard.type("1")
    press_to(page, page.get_by_role("button", name="Take back"))
    page.keyboard.press("Enter")
    expect(question).to_contain_text("Decision 1 is taken back.")
    collection = load_collection(waiting, check_files=False)
    assert collection.credit_line(collection.works[0]) == "Komar, Melamid"


def test_nothing_is_decided_without_an_answer_or_a_name(
    server: Server, open_page: Open, waiting: Path
) -> None:
    page = open_names(server, open_page)
    choose_collection(page, "waiting")
    question = page.locator("#names-question")
    expect(question).to_contain_text("of 2")
    page.get_by_role("button", name="Decide", exact=True).click()
    expect(question).to_contain_text("Choose an answer first")
    page.locator("#names-answer input").first.check()
    page.get_by_role("button", name="Decide", exact=True).click()
    expect(question).to_contain_text("needs the name of who decides")


def test_a_visitor_without_the_key_decides_nothing(
    server: Server, open_page: Open, waiting: Path
) -> None:
    page = open_page(f"{server.url}/names")
    expect(page.get_by_role("main")).to_contain_text("open to the studio's keeper alone")
    expect(page.get_by_role("button", name="Decide", exact=True)).to_have_count(0)


@pytest.mark.parametrize(("width", "dark"), [(1366, False), (390, True)])
def test_the_page_fits_its_screen(
    server: Server, open_page: Open, waiting: Path, width: int, dark: bool
) -> None:
    page = open_names(server, open_page, width=width, dark=dark)
    choose_collection(page, "waiting")
    expect(page.locator("#names-question")).to_contain_text("of 2")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
