"""axe-core on every page, in both themes: nothing that shuts a person out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.test_pages import PAGES
from tests.browser.test_studio import generate
from tests.server import Server

Open = Callable[..., Any]
SERIOUS = ("serious", "critical")


def violations(page: Any) -> list[str]:
    """Serious ones and worse: which rule, and the first places where it is broken."""
    response = Axe().run(page).response
    return [
        f"{rule['id']}: {rule['help']}: {[node['html'][:160] for node in rule['nodes'][:3]]}"
        for rule in response["violations"]
        if rule["impact"] in SERIOUS
    ]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("path", [*PAGES, "compare", "sign-in", "verify"])
def test_no_page_shuts_anybody_out(
    lived_in: Server, open_page: Open, path: str, dark: bool
) -> None:
    page = open_page(lived_in.keeper_url, dark=dark)  # to whom every page is open
    page.goto(f"{lived_in.url}/{path}")
    page.wait_for_load_state("networkidle")
    assert violations(page) == []


@pytest.mark.parametrize(
    ("language", "dark"), [("de", False), ("fr", True), ("nl", False), ("es", True)]
)
def test_nor_does_one_in_another_language(
    lived_in: Server, open_page: Open, language: str, dark: bool
) -> None:
    """Words and their language change, not colours: one theme for each is enough."""
    page = open_page(lived_in.keeper_url, dark=dark, locale=language)
    for path in (*PAGES, "compare", "sign-in"):
        page.goto(f"{lived_in.url}/{path}")
        page.wait_for_load_state("networkidle")
        assert page.locator("html").get_attribute("lang") == language, path
        assert violations(page) == [], path


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nor_does_a_page_that_is_not_open(lived_in: Server, open_page: Open, dark: bool) -> None:
    page = open_page(f"{lived_in.url}/import", dark=dark)
    assert page.title().startswith("Not open") and violations(page) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_neither_does_a_traced_picture_nor_a_work_beside_it(
    server: Server, open_page: Open, dark: bool
) -> None:
    page = open_page(server.url, dark=dark)
    generate(page, 12)
    assert violations(page) == []
    page.locator("#works button.cl-card:visible").first.click()
    page.locator("dialog[open]").wait_for()
    assert violations(page) == []


def test_what_is_wrong_is_seen(server: Server, open_page: Open) -> None:
    """The check itself: a button without a name is serious."""
    page = open_page(f"{server.url}/method")
    page.evaluate("document.body.append(document.createElement('button'))")
    assert any(one.startswith("button-name") for one in violations(page))
