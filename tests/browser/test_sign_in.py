"""Signing in by keyboard alone in Chromium; without a script; and what a visitor is not offered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from core.accounts.roles import AccountRole
from core.accounts.store import Accounts
from core.collection.types import Collection
from tests.browser.test_names import press_to
from tests.server import Server, free_port

Open = Callable[..., Any]
PASSWORD = "a lantern on the quay"


@pytest.fixture(scope="module")
def reached(ready: Collection, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A studio that requires accounts, with a keeper and a curator."""
    home = tmp_path_factory.mktemp("home")
    accounts = Accounts(home / "accounts.sqlite3")
    accounts.add("kim", AccountRole.KEEPER, PASSWORD, by="tests")
    accounts.add("anna", AccountRole.CURATOR, PASSWORD, by="tests")
    settings = {"CREDITLINE_ACCOUNTS": "required"}
    made = Server(ready.path, home, free_port(), settings=settings).start()
    yield made
    made.stop()


def sign_in(page: Any, name: str) -> None:
    """By keyboard alone, from the page that is open."""
    expect(page.locator("#account")).to_contain_text("Sign in")
    press_to(page, page.get_by_role("link", name="Sign in"))
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name")).to_be_focused()
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#account")).to_contain_text(name)


def test_a_keeper_signs_in_and_out_by_keyboard(reached: Server, open_page: Open) -> None:
    page = open_page(reached.url)
    sign_in(page, "kim")
    press_to(page, page.get_by_role("link", name="Names"))
    page.keyboard.press("Enter")
    expect(page.locator("#names-question")).to_contain_text("No name waits")
    by = page.get_by_label("Your name")
    expect(by).to_have_value("kim")  # and nobody else's
    expect(by).to_be_disabled()
    press_to(page, page.get_by_role("button", name="Sign out"))
    page.keyboard.press("Enter")
    expect(page.locator("#account")).to_contain_text("Sign in")
    page.goto(f"{reached.url}/names")
    expect(page.get_by_role("main")).to_contain_text("needs a keeper's account")


def test_a_visitor_is_offered_what_a_visitor_may(reached: Server, open_page: Open) -> None:
    page = open_page(reached.url)
    expect(page.locator("#account")).to_contain_text("Sign in")
    expect(page.get_by_role("button", name="Generate", exact=True)).to_be_enabled()
    for name in ("Import", "Names"):
        expect(page.get_by_role("link", name=name, exact=True)).to_have_count(0)
    page.get_by_role("button", name="Or trace a picture of yours").click()
    expect(page.get_by_label("Ask as")).to_be_visible()
    expect(page.get_by_text("Record credit for it in the ledger")).to_be_hidden()
    page.get_by_role("button", name="What if this artist had not been there?").click()
    expect(page.get_by_role("button", name="Find out")).to_be_hidden()


def test_a_curator_is_offered_a_curators_part(reached: Server, open_page: Open) -> None:
    page = open_page(reached.url)
    sign_in(page, "anna")
    expect(page.get_by_role("link", name="Import", exact=True)).to_have_count(0)
    page.get_by_role("button", name="Or trace a picture of yours").click()
    expect(page.get_by_text("Record credit for it in the ledger")).to_be_visible()


def test_a_browser_without_scripts_signs_in(reached: Server, browser: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{reached.url}/sign-in")
    page.get_by_label("Name").fill("kim")
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("is not right")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.goto(f"{reached.url}/sign-in")
    expect(page.get_by_role("main")).to_contain_text("As kim, keeper")
    page.get_by_role("button", name="Sign out").click()
    page.goto(f"{reached.url}/sign-in")
    expect(page.get_by_label("Password")).to_be_visible()
    context.close()
