"""The studio in other languages: the browser's, or the one that its reader chose; and it fits."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from app.settings import EMBEDDED
from tests.browser.conftest import Server
from tests.browser.test_studio import box

Open = Callable[..., Any]
GENERATE = {"de": "Malen", "fr": "Peindre", "nl": "Schilderen", "es": "Pintar"}
PAGES = ("/", "/ledger", "/artists", "/history", "/method", "/compare")


def test_a_german_browser_paints_in_german(server: Server, open_page: Open) -> None:
    page = open_page(server.url, locale="de-AT")
    assert page.evaluate("document.documentElement.lang") == "de"
    page.get_by_role("spinbutton", name="Startwert").fill("81")
    page.get_by_role("button", name="Malen", exact=True).click()
    expect(page.locator("#status")).to_contain_text(re.compile(r"Aufgezeichnet als #\d{6}"))
    expect(page.locator("#credit")).to_contain_text("Gutschrift für dieses Bild")
    expect(page.locator("#painting img")).to_have_attribute("alt", re.compile("Startwert 81"))
    shares = page.locator("#credit .cl-bar-share").all_inner_texts()
    assert all(re.fullmatch(r"\d+,\d\d\u00a0%", share) for share in shares)
    page.get_by_role("tab", name="Sehen ähnlich aus").click()
    expect(page.locator("#alike")).to_contain_text("Ähnlichkeit ist nicht Einfluss")
    page.get_by_role("button", name="Oder ein eigenes Bild untersuchen").click()
    expect(page.locator("#upload")).to_contain_text("Datei hier ablegen")  # Gradio's own words


def test_words_of_the_scripts_are_the_pages(server: Server, open_page: Open) -> None:
    page = open_page(server.url, locale="fr")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Peindre", exact=True).click()
    expect(page.locator("#status")).to_contain_text("Enregistrée")
    page.get_by_role("link", name="Copier le lien").click()
    expect(page.get_by_role("link", name="Lien copié")).to_be_visible()
    page.locator("#proponents button.cl-card").first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(re.compile(r"1 sur \d+"))
    expect(dialog).to_contain_text("Côte à côte")


def test_a_reader_chooses_another_language_and_it_stays(server: Server, open_page: Open) -> None:
    page = open_page(f"{server.url}/ledger", locale="en-US")
    expect(page.get_by_role("heading", name="Ledger")).to_be_visible()
    page.get_by_role("combobox", name="Language").select_option("nl")
    expect(page.get_by_role("heading", name="Grootboek")).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == "nl"
    page.goto(server.url)
    expect(page.get_by_role("button", name="Schilderen", exact=True)).to_be_visible()
    expect(page.get_by_role("combobox", name="Taal")).to_have_value("nl")
    other = open_page(server.url, locale="en-US")  # another reader is not asked
    expect(other.get_by_role("button", name="Generate", exact=True)).to_be_visible()


@pytest.mark.parametrize("language", GENERATE)
def test_the_first_screen_holds_in_every_language(
    own_server: Callable[..., Server], open_page: Open, language: str
) -> None:
    """As in English: at 1366 x 768 nothing of it needs scrolling; a phone holds it in two screens,
    and no page of it scrolls sideways."""
    url = own_server(EMBEDDED).url
    page = open_page(url, width=1366, height=768, locale=language)
    for selector in ("#painting", "#credit .cl-trust", "#credit .cl-bars"):
        bounds = box(page, selector)
        assert bounds["y"] + bounds["height"] <= 768, selector
    for card in page.locator("#proponents .cl-card img").all()[:6]:
        bounds = card.bounding_box()
        assert bounds is not None and bounds["y"] + bounds["height"] <= 768
    for button in (GENERATE[language],):
        inside = page.get_by_role("button", name=button, exact=True)
        assert inside.evaluate("one => one.scrollWidth <= one.clientWidth + 1")
    phone = open_page(url, width=390, height=844, locale=language)
    for selector in ("#painting", "#credit .cl-bars", "#proponents .cl-card img"):
        bounds = box(phone, selector)
        assert bounds["y"] + bounds["height"] <= 2 * 844, selector
    for path in PAGES:
        phone.goto(f"{url}{path}", wait_until="domcontentloaded")
        phone.get_by_role("main").wait_for()
        title, chooser = box(phone, "h1"), box(phone, ".cl-language")
        assert phone.evaluate("document.documentElement.scrollWidth") <= 390, path
        words = phone.locator("h1").first.evaluate(
            "one => { const range = document.createRange(); range.selectNodeContents(one);"
            " return range.getBoundingClientRect().right; }"
        )
        assert words <= chooser["x"] or title["y"] >= chooser["y"] + chooser["height"], path
