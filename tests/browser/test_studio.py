"""The studio in Chromium: generate, cancel, upload, permalink, run again, keys, eight tabs."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import expect

from app.settings import EMBEDDED
from core.collection.types import Collection
from tests.browser.conftest import Server
from tests.small import picture

RECORDED = re.compile(r"Recorded as #\d{6}")
Open = Callable[..., Any]


def generate(page: Any, seed: int) -> None:
    page.get_by_role("spinbutton", name="Seed").fill(str(seed))
    page.get_by_role("button", name="Generate", exact=True).click()
    expect(page.locator("#status")).to_contain_text(RECORDED)


def upload(page: Any, path: Path, ask_as: str = "") -> None:
    page.get_by_role("button", name="Or trace a picture of yours").click()
    if ask_as:
        page.get_by_role("combobox", name="Ask as").click()
        page.get_by_role("option", name=ask_as).click()
    page.locator("#upload input[type=file]").set_input_files(path)


def test_a_picture_is_painted_traced_and_booked(server: Server, open_page: Open) -> None:
    page = open_page(server.url)
    generate(page, 11)
    expect(page.locator("#painting img")).to_have_attribute(
        "alt", "Generated cubism painting, seed 11"
    )
    expect(page.locator("#credit")).to_contain_text("Credit for this image")
    expect(page.locator("#credit")).to_contain_text("Too weak to tell")
    expect(page.locator("#proponents button.cl-card").first).to_be_visible()
    shares = page.locator("#credit .cl-bar-share").all_inner_texts()
    assert round(sum(float(share.rstrip(" %")) for share in shares), 2) == 100.00
    page.get_by_role("tab", name="Pulled away").click()
    expect(page.locator("#opponents .cl-card, #opponents .cl-empty").first).to_be_visible()
    page.get_by_role("tab", name="Self-influence").click()
    expect(page.locator("#memorised button.cl-card").first).to_be_visible()


def test_what_looks_alike_stands_beside_what_shaped_it(server: Server, open_page: Open) -> None:
    page = open_page(server.url)
    generate(page, 14)
    page.get_by_role("tab", name="Looks alike").click()
    expect(page.locator("#alike")).to_contain_text("Looking alike is not influence")
    expect(page.locator("#alike .cl-card")).to_have_count(12)
    alike = page.locator("#alike img").evaluate_all("all => all.map(one => one.alt)")
    cosines = [int(re.findall(r"(-?\d+) % alike", alt)[0]) for alt in alike]
    assert cosines == sorted(cosines, reverse=True) and cosines[0] <= 100


def test_every_picture_has_words_for_who_does_not_see_it(server: Server, open_page: Open) -> None:
    page = open_page(server.url)
    generate(page, 12)
    alts = page.locator("main img").evaluate_all("all => all.map(one => one.alt)")
    assert len(alts) > 10
    assert all(alts)
    expect(page.locator("#proponents img").first).to_have_attribute(
        "alt", re.compile(r"Study .*, by Atelier \d, rank 1, its part of this picture \d+\.\d %")
    )


def test_the_address_follows_the_run_and_survives_a_restart(
    own_server: Callable[..., Server], open_page: Open
) -> None:
    first = own_server()
    page = open_page(first.url)
    generate(page, 13)
    page.wait_for_url("**/?run=*")
    address, shown = page.url, page.locator("#credit").inner_text()
    first.stop()
    first.start()
    again = open_page(address)
    expect(again.locator("#credit")).to_contain_text("Credit for this image")
    assert again.locator("#credit").inner_text() == shown
    expect(again.locator("#painting img")).to_have_attribute("alt", re.compile("seed 13"))
    loaded = again.locator("#painting img").evaluate("one => one.complete && one.naturalWidth")
    assert loaded == 32


def test_run_again_proves_that_the_picture_is_the_same(server: Server, open_page: Open) -> None:
    page = open_page(server.url)
    generate(page, 14)
    page.get_by_role("button", name="Run again").click()
    expect(page.locator("#status")).to_contain_text("identical image ✓")
    expect(page.locator("#status")).to_contain_text("already credited")


def test_what_if_an_artist_had_not_been_there(server: Server, open_page: Open) -> None:
    page = open_page(server.url)
    generate(page, 61)
    page.locator("#without").get_by_text("What if this artist").click()
    page.locator("#find-out").click()
    twins = page.locator("#answer .cl-twin img")
    expect(twins).to_have_count(2, timeout=120_000)
    expect(page.locator("#answer h3")).to_contain_text("Without Atelier")
    twins.last.scroll_into_view_if_needed()  # they are fetched when they come into sight
    page.wait_for_function(
        "[...document.querySelectorAll('#answer .cl-twin img')].every(one => one.naturalWidth)"
    )
    widths = twins.evaluate_all("all => all.map(one => one.naturalWidth)")
    assert widths == [32, 32]
    page.reload()
    expect(twins.last).to_be_visible(timeout=20_000)


def test_cancelling_stops_and_records_nothing(server: Server, open_page: Open) -> None:
    """The tiny model may be faster than the click: then the page must say that it was too late."""
    generate(open_page(server.url), 18)
    history = open_page(f"{server.url}/ledger")
    page = open_page(server.url)
    page.get_by_role("button", name="Advanced").click()
    page.locator("#steps input[type=number]").fill("100")
    page.locator("#steps input[type=number]").press("Tab")
    cancel = page.get_by_role("button", name="Cancel", exact=True)
    status = page.locator("#status")
    for seed in range(70, 80):
        history.reload()
        expect(history.locator("#ledger")).to_contain_text("verified")
        before = history.locator("#ledger").inner_text()
        expect(cancel).to_be_disabled()
        said = status.inner_text()
        page.get_by_role("spinbutton", name="Seed").fill(str(seed))
        page.get_by_role("button", name="Generate", exact=True).click()
        expect(status).not_to_have_text(said)
        expect(page.locator("#painting img")).to_be_visible()
        cancel.evaluate("one => one.click()")
        expect(status).to_contain_text(re.compile("nothing was recorded|Recorded as"))
        expect(page.locator("#painting img")).to_be_visible()
        expect(page.get_by_role("button", name="Generate", exact=True)).to_be_enabled()
        stopped = "nothing was recorded" in status.inner_text()
        if stopped:  # what stands below a picture is about that picture
            expect(page.locator("#credit")).to_be_empty()
            expect(page.locator(".cl-card:visible")).to_have_count(0)
        history.reload()
        expect(history.locator("#ledger")).to_contain_text("verified")
        assert (history.locator("#ledger").inner_text() == before) == stopped
        if stopped:
            break
    else:
        raise AssertionError("no run could be cancelled before it ended")
    page.locator("#steps input[type=number]").fill("2")
    page.locator("#steps input[type=number]").press("Tab")
    generate(page, 15)


def test_an_upload_is_traced_with_its_trust_first_and_books_nothing(
    server: Server, open_page: Open, tmp_path: Path
) -> None:
    picture(3, 60).save(tmp_path / "<img src=x onerror=alert(1)>.png")
    page = open_page(server.url)
    upload(page, tmp_path / "<img src=x onerror=alert(1)>.png")
    expect(page.locator("#status")).to_contain_text("nothing was booked")
    text = page.locator("#credit").inner_text()
    assert "This model" in text
    assert text.index("This model") < text.index("What this image would credit")
    # Gradio takes the angle brackets out of a file's name; what is left is shown as text
    expect(page.locator("#recipe")).to_contain_text("img src=x onerror=alert(1)")
    assert page.locator("#recipe img").count() == 0
    expect(page.locator("#credit")).to_contain_text("Not booked")


def test_a_training_work_as_an_upload_finds_itself(
    server: Server, open_page: Open, ready: Collection
) -> None:
    work = ready.works[5]
    page = open_page(server.url)
    upload(page, ready.image_path(work))
    expect(page.locator("#status")).to_contain_text("nothing was booked")
    first = page.locator("#proponents button.cl-card").first
    expect(first).to_have_attribute("data-id", work.id)


def test_a_bad_upload_is_refused_in_words(server: Server, open_page: Open, tmp_path: Path) -> None:
    bad = tmp_path / "note.png"
    bad.write_text("this is no picture")
    page = open_page(server.url)
    upload(page, bad)
    alert = page.get_by_role("alert")
    expect(alert).to_be_visible()
    text = alert.inner_text()
    assert "Traceback" not in text
    assert str(tmp_path) not in text
    assert "/" not in text.replace("and/or", "")
    expect(page.get_by_role("button", name="Generate", exact=True)).to_be_enabled()


def test_a_click_on_a_bar_filters_the_works_and_a_card_opens_its_details(
    own_server: Callable[..., Server], open_page: Open
) -> None:
    page = open_page(own_server(EMBEDDED).url)  # its example credits an artist
    bar = page.locator("button.cl-bar").first
    shown = page.locator("#proponents button.cl-card:not([hidden])")
    expect(shown.first).to_be_visible()
    at_first = shown.count()
    bar.click()
    expect(bar).to_have_attribute("aria-pressed", "true")
    artists = set(shown.evaluate_all("all => all.map(one => one.dataset.makers)"))
    assert artists == {bar.get_attribute("data-filter")}
    assert shown.count() > 0
    bar.click()
    expect(shown).to_have_count(at_first)
    assert at_first <= 12
    page.locator("#proponents button.cl-card").first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Raw score")
    first = dialog.inner_text()
    page.keyboard.press("ArrowRight")
    assert dialog.inner_text() != first
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_the_keyboard_is_enough(server: Server, open_page: Open) -> None:
    page = open_page(server.url)
    page.get_by_role("spinbutton", name="Seed").fill("16")
    expect(page.get_by_role("button", name="Generate", exact=True)).to_be_enabled()
    page.keyboard.press("Control+Enter")
    expect(page.locator("#status")).to_contain_text(RECORDED)
    page.locator("#proponents button.cl-card").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Ctrl + Enter")


def test_downloads_carry_the_recipe_and_the_evidence(
    server: Server, open_page: Open, tmp_path: Path
) -> None:
    page = open_page(server.url)
    generate(page, 17)
    with page.expect_download() as download:
        page.get_by_role("link", name="PNG with its recipe").click()
    download.value.save_as(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert "Seed: 17" in image.text["parameters"]
    with page.expect_download() as download:
        page.get_by_role("link", name="Evidence pack").click()
    download.value.save_as(tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip") as pack:
        assert {"picture.png", "run.json", "entry.json", "MANIFEST"} <= set(pack.namelist())


def test_an_unknown_link_says_so(server: Server, open_page: Open) -> None:
    page = open_page(f"{server.url}/?run=<script>alert(1)</script>")
    expect(page.get_by_role("alert")).to_contain_text("no run with this link")


def test_eight_tabs_open(server: Server, browser: Any) -> None:
    context = browser.new_context()
    for _ in range(8):
        page = context.new_page()
        page.goto(server.url, wait_until="domcontentloaded", timeout=20_000)
        expect(page.get_by_role("button", name="Generate", exact=True)).to_be_enabled()
    context.close()


def test_two_people_paint_at_once(server: Server, open_page: Open) -> None:
    pages = [open_page(server.url), open_page(server.url)]
    for page, seed in zip(pages, (21, 22), strict=True):
        page.get_by_role("spinbutton", name="Seed").fill(str(seed))
        page.get_by_role("button", name="Generate", exact=True).click()
    for page, seed in zip(pages, (21, 22), strict=True):
        expect(page.locator("#status")).to_contain_text(RECORDED)
        expect(page.locator("#painting img")).to_have_attribute("alt", re.compile(f"seed {seed}$"))


def box(page: Any, selector: str) -> dict[str, float]:
    element = page.locator(selector).first
    expect(element).to_be_visible()
    bounds = element.bounding_box()
    assert bounds is not None
    return dict(bounds)


def test_the_first_screen_shows_picture_credit_and_works(
    own_server: Callable[..., Server], open_page: Open
) -> None:
    """At 1366 x 768 nothing of it needs scrolling; on a phone two screens hold it."""
    url = own_server(EMBEDDED).url
    page = open_page(url, width=1366, height=768)
    for selector in ("#painting", "#credit .cl-trust", "#credit .cl-bars"):
        bounds = box(page, selector)
        assert bounds["y"] + bounds["height"] <= 768, selector
    for card in page.locator("#proponents .cl-card img").all()[:6]:
        bounds = card.bounding_box()
        assert bounds is not None and bounds["y"] + bounds["height"] <= 768
    phone = open_page(url, width=390, height=844)
    for selector in ("#painting", "#credit .cl-bars", "#proponents .cl-card img"):
        bounds = box(phone, selector)
        assert bounds["y"] + bounds["height"] <= 2 * 844, selector


def test_a_style_is_chosen_by_its_picture_and_by_keyboard(
    own_server: Callable[..., Server], open_page: Open
) -> None:
    page = open_page(own_server(EMBEDDED).url, width=1366, height=768)
    tiles = page.locator("#style label")
    expect(tiles).to_have_count(6)
    image = tiles.nth(2).evaluate("tile => getComputedStyle(tile, '::before').backgroundImage")
    assert "/media/thumbnails/works/" in image
    address = re.search(r'url\("([^"]+)"\)', image)
    assert address is not None and page.request.get(address[1]).status == 200
    tiles.nth(2).click()
    radio = page.locator("#style input").nth(2)
    expect(radio).to_be_checked()
    page.locator("#style input").nth(4).focus()
    page.keyboard.press("Space")
    expect(page.locator("#style input").nth(4)).to_be_checked()
