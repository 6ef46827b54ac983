"""History in Chromium: searched, compared, used again, deleted; and a run on paper."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from core.collection.types import Collection
from tests.browser.test_pages import CONTRAST
from tests.browser.test_studio import generate, upload
from tests.server import Server, free_port
from tests.small import picture

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def visited(
    browser: Any, ready: Collection, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server with two paintings, booked, and an upload, which is not."""
    home = tmp_path_factory.mktemp("history")
    picture(5, 60).save(home / "Übung eins.png")
    server = Server(ready.path, home, free_port(), rule="royalty-pool").start()
    page = browser.new_page()
    page.set_default_timeout(20_000)
    page.goto(server.url, wait_until="domcontentloaded")
    generate(page, 31)
    page.locator("#style input").nth(1).check()
    generate(page, 32)
    upload(page, home / "Übung eins.png")
    expect(page.locator("#status")).to_contain_text("nothing was booked")
    page.close()
    yield server
    server.stop()


def runs(page: Any) -> Any:
    return page.locator("#history .cl-run")


def test_a_search_stands_in_the_address_and_outlives_a_reload(
    visited: Server, open_page: Open
) -> None:
    page = open_page(f"{visited.url}/history")
    expect(runs(page)).to_have_count(3)
    page.get_by_label("File name or number").fill("übung")
    page.keyboard.press("Enter")
    page.wait_for_url("**text=*")
    expect(runs(page)).to_have_count(1)
    expect(runs(page)).to_contain_text("Übung eins.png")
    page.reload()
    expect(runs(page)).to_have_count(1)
    expect(page.get_by_label("File name or number")).to_have_value("übung")
    page.get_by_role("link", name="Clear").click()
    expect(runs(page)).to_have_count(3)
    page.get_by_label("Kind").select_option("generation")
    page.get_by_role("button", name="Search").click()
    page.wait_for_url("**kind=generation**")
    expect(runs(page)).to_have_count(2)
    page.goto(f"{visited.url}/history?text=nothing+like+it")
    page.get_by_role("link", name="Clear the search").click()
    expect(runs(page)).to_have_count(3)


def test_two_runs_are_chosen_and_compared_and_the_address_keeps_both(
    visited: Server, open_page: Open
) -> None:
    page = open_page(f"{visited.url}/history")
    runs(page).nth(1).get_by_role("link", name="Compare").click()
    expect(page.locator(".cl-chosen")).to_contain_text("Run #000002 is chosen")
    runs(page).nth(2).get_by_role("link", name="Compare with #000002").click()
    page.wait_for_url(re.compile(r"/compare\?a=\w+&b=\w+"))
    expect(page.locator("#compare figcaption").first).to_contain_text("Run #000002")
    expect(page.locator("#compare figcaption").nth(1)).to_contain_text("Run #000001")
    expect(page.locator("#compare .cl-both").first).to_be_visible()  # the pool credits everybody
    boxes = [one.bounding_box() for one in page.locator("#compare .cl-twin img").all()]
    assert boxes[0]["width"] == boxes[1]["width"] and boxes[0]["y"] == boxes[1]["y"]
    page.reload()
    expect(page.locator("#compare figcaption").first).to_contain_text("Run #000002")
    page.get_by_role("link", name="Swap sides").click()
    expect(page.locator("#compare figcaption").first).to_contain_text("Run #000001")


def test_the_settings_of_a_run_are_used_again(visited: Server, open_page: Open) -> None:
    page = open_page(f"{visited.url}/history")
    runs(page).nth(2).get_by_role("link", name="Use these settings again").click()
    expect(page.locator("#status")).to_contain_text("are set")
    expect(page.get_by_role("spinbutton", name="Seed")).to_have_value("31")
    expect(page.locator("#style input").first).to_be_checked()
    page.get_by_role("spinbutton", name="Seed").fill("99")
    page.locator("#style input").nth(1).check()
    page.get_by_role("button", name="Use these settings again").click()
    expect(page.get_by_role("spinbutton", name="Seed")).to_have_value("31")
    expect(page.locator("#style input").first).to_be_checked()


def test_a_visitor_deletes_nothing_and_what_is_booked_is_never_deleted(
    visited: Server, open_page: Open
) -> None:
    page = open_page(f"{visited.url}/history?text=eins")
    expect(runs(page)).to_have_count(1)
    expect(page.get_by_role("link", name="Delete")).to_have_count(0)  # not offered
    run_id = (runs(page).locator("a").first.get_attribute("href") or "").partition("run=")[2]
    page.goto(f"{visited.url}/history?delete={run_id}")
    expect(page.locator("#history-question")).to_contain_text("studio's keeper")
    expect(page.locator("#history-delete")).to_have_count(0)
    page.goto(f"{visited.url}/history?kind=generation")
    expect(runs(page)).to_have_count(2)
    expect(page.get_by_role("link", name="Delete")).to_have_count(0)
    page.locator("#history a.cl-card").first.click()
    expect(page.locator("#recipe")).to_contain_text("cannot be deleted")
    expect(page.get_by_role("link", name="Delete this run")).to_have_count(0)


def test_the_keeper_deletes_an_upload_after_being_asked(
    visited: Server, open_page: Open, tmp_path: Path
) -> None:
    page = open_page(visited.keeper_url)
    picture(6, 60).save(tmp_path / "to go.png")
    upload(page, tmp_path / "to go.png")
    expect(page.locator("#status")).to_contain_text("nothing was booked")
    address = page.url
    page.get_by_role("link", name="Delete this run").click()
    expect(page.get_by_role("alert")).to_contain_text("to go.png")
    page.get_by_role("link", name="Keep it").click()
    expect(runs(page)).to_have_count(4)
    runs(page).first.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.locator("#history-question")).to_contain_text("is deleted")
    expect(runs(page)).to_have_count(3)
    page.goto(address)
    expect(page.get_by_role("alert")).to_contain_text("no run with this link")
    page.goto(f"{visited.url}/ledger?verify=1")
    expect(page.locator("#ledger")).to_contain_text("verified ✓")


def test_a_run_is_taken_along_as_picture_tables_and_pack(visited: Server, open_page: Open) -> None:
    page = open_page(f"{visited.url}/history")
    page.locator("#history a.cl-card").nth(1).click()
    expect(page.get_by_role("link", name="PNG with its recipe")).to_be_visible()
    for name, column in (("Credit as CSV", "percent"), ("Works as CSV", "licence")):
        with page.expect_download() as download:
            page.get_by_role("link", name=name).click()
        assert re.fullmatch(r"creditline-\d{6}-\w+\.csv", download.value.suggested_filename)
        text = Path(download.value.path()).read_text(encoding="utf-8-sig")
        lines = list(csv.DictReader(io.StringIO(text)))
        assert lines and column in lines[0]
    with page.expect_download() as download:
        page.get_by_role("link", name="Evidence pack").click()
    with zipfile.ZipFile(download.value.path()) as pack:
        assert {"credit.csv", "works.csv", "picture.png"} <= set(pack.namelist())


PAPER = """() => [...document.querySelectorAll('body *')].filter(node => {
  const box = node.getBoundingClientRect(), style = getComputedStyle(node);
  return box.width > 1 && box.height > 1 && style.visibility !== 'hidden'
    && node.childNodes.length && [...node.childNodes].some(one =>
      one.nodeType === 3 && one.textContent.trim());
})"""


def colours(page: Any) -> set[str]:
    """Of every text that paper shows."""
    return set(page.evaluate(f"({PAPER})().map(node => getComputedStyle(node).color)"))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_run_on_paper_is_black_and_whole_and_has_no_controls(
    visited: Server, open_page: Open, dark: bool
) -> None:
    page = open_page(f"{visited.url}/history", dark=dark)
    page.locator("#history a.cl-card").nth(1).click()
    expect(page.locator("#proponents button.cl-card").first).to_be_visible()
    expect(page.locator("#paper")).to_be_hidden()
    page.evaluate("() => { window.print = () => { window.printed = true; }; }")
    page.get_by_role("button", name="Print this run").click()
    page.wait_for_function("window.printed")
    page.emulate_media(media="print")
    expect(page.locator("#paper")).to_be_visible()
    for words in ("Record of run #000002", "Hash of the entry"):
        expect(page.locator("#paper")).to_contain_text(words)
    # How little the test's model has learnt, and so which it is, differs between processors.
    heading = re.compile("Works that (come nearest|shaped it most)")
    expect(page.locator("#paper")).to_contain_text(heading)
    expect(page.locator("#paper [data-address]")).to_have_text(re.compile("^http.*run="))
    assert colours(page) == {"rgb(0, 0, 0)"}
    for control in ("button", "input", "nav", ".cl-links", "#first"):
        expect(page.locator(f"{control}:visible")).to_have_count(0)
    shares = page.locator("#paper table").first.locator("td:nth-child(2)").all_inner_texts()
    assert round(sum(float(share.rstrip(" %")) for share in shares), 2) == 100.00
    for image in page.locator("#paper img").all():
        assert image.evaluate("one => one.naturalWidth") > 0
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_an_artists_statement_on_paper_names_its_ledger(
    visited: Server, open_page: Open, ready: Collection
) -> None:
    page = open_page(f"{visited.url}/artists?id={ready.works[0].artist_id}", dark=True)
    expect(page.get_by_role("button", name="Print this statement")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="This statement as CSV").click()
    assert "artist_id" in Path(download.value.path()).read_text(encoding="utf-8-sig")
    page.emulate_media(media="print")
    body = page.locator("#artists")
    expect(body).to_contain_text("Ledger's newest entry")
    expect(body.locator("code")).to_have_text(re.compile("^[0-9a-f]{64}$"))
    assert colours(page) == {"rgb(0, 0, 0)"}
    for hidden in ("button", "nav", ".cl-cards", "h1"):
        expect(page.locator(f"{hidden}:visible")).to_have_count(0)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1366, 390])
def test_history_and_comparison_have_contrast_and_stay_within_the_edge(
    visited: Server, open_page: Open, width: int, dark: bool
) -> None:
    page = open_page(f"{visited.url}/history", width=width, dark=dark)
    for step in ("Compare", "Compare with"):
        expect(runs(page).first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(CONTRAST) == []
        page.locator("#history").get_by_role("link", name=step).first.click()
        expect(page.locator(".cl-chosen, #compare table").first).to_be_visible()
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CONTRAST) == []
