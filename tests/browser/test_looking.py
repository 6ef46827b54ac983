"""Looking in Chromium: a work beside the painting, the slider, the arrows, Esc, the keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.test_pages import CONTRAST
from tests.browser.test_studio import RECORDED, generate
from tests.server import Server

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def run(server: Server, browser: Any) -> str:
    """The address of a painting."""
    page = browser.new_page()
    page.goto(server.url, wait_until="domcontentloaded")
    generate(page, 81)
    page.wait_for_url("**/?run=*")
    address = str(page.url)
    page.close()
    return address


def looked_at(page: Any, place: int = 0) -> Any:
    """The dialog of the `place`th work that shaped the painting."""
    card = page.locator("#proponents button.cl-card").nth(place)
    expect(card).to_be_visible()
    card.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    return dialog


def box(node: Any) -> dict[str, float]:
    bounds = node.bounding_box()
    assert bounds is not None
    return dict(bounds)


@pytest.mark.parametrize("width", [1366, 390])
def test_a_work_stands_beside_the_painting_as_large_as_it(
    run: str, open_page: Open, width: int
) -> None:
    page = open_page(run, width=width, height=768 if width > 390 else 844)
    dialog = looked_at(page)
    painting, work = (box(one) for one in dialog.locator(".cl-stage img").all())
    assert painting["width"] == pytest.approx(work["width"], abs=1)
    assert painting["height"] == pytest.approx(work["height"], abs=1)
    assert painting["y"] == pytest.approx(work["y"], abs=1)
    assert painting["x"] + painting["width"] <= work["x"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for image in dialog.locator(".cl-stage img").all():
        assert image.get_attribute("alt")
        assert image.evaluate("one => one.decode().then(() => one.naturalWidth)") > 0


def test_it_says_who_when_under_which_licence_and_how_much(run: str, open_page: Open) -> None:
    page = open_page(run)
    dialog = looked_at(page)
    # How little the test's model has learnt, and so which it is, differs between processors.
    distant = page.locator("#proponents .cl-lead", has_text="No work has a part").count() > 0
    place = "come nearest" if distant else "shaped this picture"
    for words in (f"No. 1 of the works that {place}", "Year", "Licence", "1 of "):
        expect(dialog).to_contain_text(words)
    title = page.locator("#proponents button.cl-card").first.get_attribute("data-title")
    expect(page.get_by_role("dialog", name=title)).to_be_visible()
    link = dialog.locator(".cl-facts a").first
    name = link.inner_text()
    link.click()
    page.wait_for_url("**/artists?id=*")
    expect(page.locator("#artists h2")).to_have_text(name)


def test_arrows_go_round_the_row_and_esc_gives_the_focus_back(run: str, open_page: Open) -> None:
    page = open_page(run)
    dialog = looked_at(page)
    cards = page.locator("#proponents button.cl-card:not([hidden])")
    titles = cards.evaluate_all("all => all.map(one => one.dataset.title)")
    heading = dialog.locator("h2")
    expect(heading).to_have_text(titles[0])
    page.keyboard.press("ArrowRight")
    expect(heading).to_have_text(titles[1])
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(heading).to_have_text(titles[-1])
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(cards.last).to_be_focused()


def test_the_focus_stays_in_the_dialog(run: str, open_page: Open) -> None:
    page = open_page(run)
    dialog = looked_at(page)
    inside = "document.querySelector('dialog[open]').contains(document.activeElement)"
    stops = set()
    for key in ["Tab"] * 12 + ["Shift+Tab"] * 12:
        page.keyboard.press(key)
        assert page.evaluate(inside)
        stops.add(page.evaluate("document.activeElement.outerHTML.slice(0, 80)"))
    assert len(stops) >= 7  # close, two views, artist, figures, previous, next, close
    expect(dialog).to_be_visible()


def test_the_slider_is_moved_by_keys_and_by_dragging_and_stays_for_the_next_work(
    run: str, open_page: Open
) -> None:
    page = open_page(run, width=1366, height=768)
    dialog = looked_at(page)
    dialog.get_by_role("button", name="Slider").click()
    painting, work = (box(one) for one in dialog.locator(".cl-stage img").all())
    assert painting == work  # one over the other
    slider = dialog.get_by_role("slider")
    clipped = "getComputedStyle(document.querySelector('[data-work] img')).clipPath"
    assert page.evaluate(clipped) == "inset(0px 0px 0px 50%)"
    slider.focus()
    title = dialog.locator("h2").inner_text()
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(clipped) == "inset(0px 0px 0px 48%)"
    assert dialog.locator("h2").inner_text() == title
    page.mouse.move(painting["x"] + painting["width"] / 2, painting["y"] + 100)
    page.mouse.down()
    page.mouse.move(painting["x"] + painting["width"] * 0.8, painting["y"] + 100)
    page.mouse.up()
    assert page.evaluate(clipped) == "inset(0px 0px 0px 80%)"
    dialog.get_by_role("button", name="Next").click()
    assert dialog.locator("h2").inner_text() != title
    assert dialog.locator(".cl-stage").get_attribute("data-showing") == "over"
    page.keyboard.press("s")
    assert dialog.locator(".cl-stage").get_attribute("data-showing") == "beside"


@pytest.mark.parametrize("tab", ["Looks alike", "Pulled away", "Self-influence"])
def test_works_of_the_other_rows_open_too(run: str, open_page: Open, tab: str) -> None:
    page = open_page(run)
    expect(page.locator("#proponents button.cl-card").first).to_be_visible()
    page.get_by_role("tab", name=tab).click()
    card = page.locator("#works button.cl-card:visible").first
    card.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("h2")).to_have_text(str(card.get_attribute("data-title")))
    expect(dialog.locator(".cl-influence")).not_to_be_empty()


def test_arrows_walk_along_a_row_of_pictures(run: str, open_page: Open) -> None:
    page = open_page(run)
    cards = page.locator("#proponents button.cl-card")
    expect(cards.first).to_be_visible()
    cards.first.focus()
    page.keyboard.press("ArrowRight")
    expect(cards.nth(1)).to_be_focused()
    outline = cards.nth(1).evaluate("one => getComputedStyle(one).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(cards.first).to_be_focused()


@pytest.mark.parametrize("path", ["", "ledger", "history", "method"])
def test_a_question_mark_opens_the_keys_on_every_page(
    server: Server, open_page: Open, path: str
) -> None:
    page = open_page(f"{server.url}/{path}")
    expect(page.locator("template#cl-keys")).to_be_attached()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("Ctrl + Enter")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Keys").click()
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()


def test_a_question_mark_that_is_written_is_a_letter(server: Server, open_page: Open) -> None:
    page = open_page(f"{server.url}/history")
    field = (
        page.get_by_role("searchbox")
        .or_(page.locator("#history input[type=text], #history input[name=text]"))
        .first
    )
    field.click()
    page.keyboard.type("what?")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(field).to_have_value("what?")


def test_nothing_is_painted_behind_an_open_dialog(run: str, open_page: Open) -> None:
    page = open_page(run)
    dialog = looked_at(page)
    page.keyboard.press("Control+Enter")
    page.wait_for_timeout(500)
    expect(page.locator("#status")).not_to_contain_text(RECORDED)
    expect(dialog).to_be_visible()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1366, 390])
def test_an_open_dialog_has_contrast(run: str, open_page: Open, width: int, dark: bool) -> None:
    page = open_page(run, width=width, dark=dark)
    dialog = looked_at(page)
    dialog.get_by_text("Figures").click()
    assert [line for line in page.evaluate(CONTRAST) if "cl-" in line] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


FOCUS_SHOWN = """() => {
  const node = document.activeElement;
  if (!node || node === document.body) return true;
  return [node, node.closest("label")].filter(Boolean).some(one => {
    const style = getComputedStyle(one);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  }) || node.outerHTML.slice(0, 120);
}"""


@pytest.mark.parametrize("path", ["", "ledger", "artists", "history"])
def test_whoever_walks_by_keyboard_sees_where_they_are(
    server: Server, run: str, open_page: Open, path: str
) -> None:
    page = open_page(run if not path else f"{server.url}/{path}")
    expect(page.locator(".cl-card, .cl-artist, table").first).to_be_visible()
    for _ in range(30):
        page.keyboard.press("Tab")
        assert page.evaluate(FOCUS_SHOWN) is True
