"""Ledger, Artists, History, Method: filters, exports, empty states; every width and both themes."""

from __future__ import annotations

import csv
import io
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from core.collection.types import Collection
from tests.server import Server

Open = Callable[..., Any]
PAGES = ("", "ledger", "artists", "artists?id=artist-0", "history", "method", "import", "names")

# WCAG 2.1, 1.4.3: the ratio of every visible text to what is painted behind it.
CONTRAST = """() => {
  const rgb = (text) => { const parts = text.match(/[\\d.]+/g).map(Number);
    return parts.length < 4 ? [...parts, 1] : parts; };
  const over = (front, back) => [0, 1, 2].map(i => front[i] * front[3] + back[i] * (1 - front[3]));
  const light = (colour) => { const [r, g, b] = colour.map(v => { v /= 255;
    return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
    return .2126 * r + .7152 * g + .0722 * b; };
  const behind = (node) => { const layers = [];
    for (let at = node; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (style.backgroundImage !== 'none') return null;
      layers.push(rgb(style.backgroundColor));
      if (layers.at(-1)[3] === 1) break;
    }
    const dark = document.body.classList.contains('dark');
    let colour = dark ? [11, 10, 9] : [255, 255, 255];
    for (const layer of layers.reverse()) colour = over(layer, colour);
    return colour; };
  const bad = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim()) continue;
    if (/^(SCRIPT|STYLE|OPTION|NOSCRIPT)$/.test(node.tagName)) continue;
    const box = node.getBoundingClientRect(), style = getComputedStyle(node);
    if (box.width < 2 || box.height < 2 || style.visibility === 'hidden' || style.opacity === '0')
      continue;
    if (node.closest('button:disabled, [aria-disabled=true]')) continue;
    const back = behind(node);
    if (!back) continue;
    const front = over(rgb(style.color), back);
    const [high, low] = [light(front), light(back)].sort((a, b) => b - a);
    const ratio = (high + .05) / (low + .05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5))
      bad.push(`${ratio.toFixed(2)} ${node.tagName}.${node.className} "${
        walker.currentNode.textContent.trim().slice(0, 40)}"`);
  }
  return bad; }"""


def fetched(url: str) -> str:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return str(answer.read().decode())


def test_the_ledger_filters_by_address_and_exports_what_it_shows(
    lived_in: Server, open_page: Open, ready: Collection
) -> None:
    page = open_page(f"{lived_in.url}/ledger")
    artist = ready.artist(ready.works[0].artist_id)
    expect(page.locator("#ledger")).to_contain_text("verified ✓")
    page.get_by_label("Kind").select_option("upload")
    page.get_by_role("button", name="Filter").click()
    page.wait_for_url("**kind=upload**")
    rows = page.locator("#ledger tbody tr")
    expect(rows.first).to_contain_text("Upload")
    expect(rows.first).to_contain_text(artist.name)
    with page.expect_download() as download:
        page.get_by_role("link", name="Export CSV").click()
    text = Path(download.value.path()).read_text()
    lines = list(csv.DictReader(io.StringIO(text)))
    assert {line["run_kind"] for line in lines} == {"upload"}
    assert sum(int(line["micro"]) for line in lines) == 0
    page.get_by_role("link", name="Clear").click()
    expect(page.locator("#ledger tbody tr").nth(1)).to_be_visible()


def test_a_filter_without_hits_offers_the_way_back(lived_in: Server, open_page: Open) -> None:
    page = open_page(f"{lived_in.url}/ledger?since=2999-01-01")
    expect(page.locator("#ledger")).to_contain_text("No entry matches")
    page.get_by_role("link", name="Clear the filters").click()
    expect(page.locator("#ledger tbody tr").first).to_be_visible()


def test_a_filter_that_is_nonsense_is_told(lived_in: Server, open_page: Open) -> None:
    page = open_page(f"{lived_in.url}/ledger?since=yesterday")
    expect(page.get_by_role("alert")).to_contain_text("YYYY-MM-DD")
    with pytest.raises(urllib.error.HTTPError, match="400"):
        fetched(f"{lived_in.url}/ledger.csv?since=yesterday")


def test_an_empty_ledger_invites(own_server: Callable[..., Server], open_page: Open) -> None:
    server = own_server()
    page = open_page(f"{server.url}/ledger")
    expect(page.locator("#ledger")).to_contain_text("The first painting writes line 1")
    page.get_by_role("link", name="Paint the first picture").click()
    expect(page.get_by_role("button", name="Generate", exact=True)).to_be_visible()
    page.goto(f"{server.url}/history")
    expect(page.locator("#history")).to_contain_text("No runs yet")


def test_an_artist_has_works_statement_and_a_way_from_the_bars(
    lived_in: Server, open_page: Open, ready: Collection
) -> None:
    page = open_page(f"{lived_in.url}/ledger")
    name = ready.artist(ready.works[0].artist_id).name
    page.get_by_role("link", name=name).first.click()
    page.wait_for_url("**/artists?id=*")
    expect(page.locator("#artists")).to_contain_text("Statement")
    expect(page.locator("#artists figure")).to_have_count(3)
    expect(page.locator("#artists tbody tr").first).to_be_visible()
    page.get_by_role("link", name="All artists").click()
    expect(page.locator("#artists .cl-artist")).to_have_count(4)


def test_history_leads_to_each_run(lived_in: Server, open_page: Open) -> None:
    page = open_page(f"{lived_in.url}/history")
    page.locator("#history a.cl-card").first.click()
    page.wait_for_url("**/?run=*")
    expect(page.locator("#credit")).to_contain_text("shared equally")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("path", PAGES)
def test_contrast_holds_and_nothing_runs_over_the_edge(
    lived_in: Server, open_page: Open, path: str, width: int, dark: bool
) -> None:
    keepers = path in ("import", "names")
    first = lived_in.keeper_url if keepers else f"{lived_in.url}/{path}"
    page = open_page(first, width=width, dark=dark)
    if keepers:
        page.goto(f"{lived_in.url}/{path}", wait_until="domcontentloaded")
    if path == "":
        history = fetched(f"{lived_in.url}/ledger.json")
        run = json.loads(history)[-1]["run_id"]
        page.goto(f"{lived_in.url}/?run={run}", wait_until="domcontentloaded")
        expect(page.locator("#credit")).to_contain_text("shared equally")
    elif path == "names":
        expect(page.locator("#names-question")).to_contain_text("No name waits")
    elif path == "import":
        expect(page.get_by_role("button", name="Preview")).to_be_visible()
    else:
        body = page.locator(f"#{path.partition('?')[0]}")
        expect(body.locator("dl, table, .cl-artists, .cl-cards").first).to_be_visible()
    page.wait_for_timeout(300)
    assert page.evaluate("document.body.classList.contains('dark')") is dark
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CONTRAST) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("path", ["sign-in", "import"])
def test_a_page_that_needs_no_script_holds_as_well(
    lived_in: Server, open_page: Open, path: str, dark: bool
) -> None:
    page = open_page(f"{lived_in.url}/{path}", width=390, dark=dark)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(CONTRAST) == []


def test_the_contrast_check_can_fail(lived_in: Server, open_page: Open) -> None:
    page = open_page(f"{lived_in.url}/method")
    expect(page.locator("#method p").first).to_be_visible()
    page.evaluate("document.querySelector('#method p').style.color = '#cccccc'")
    assert any("1.6" in line for line in page.evaluate(CONTRAST))


@pytest.mark.parametrize(
    "path",
    [
        "media/works/nobody",
        "media/works/..%2f..%2fworks.csv",
        "media/runs/nobody.png",
        "media/runs/..%2f..%2fledger.png",
        "runs/nobody.json",
        "gradio_api/file=/etc/passwd",
        "gradio_api/file=ledger.sqlite3",
        "redoc",
        "docs/oauth2-redirect",
    ],
)
def test_nothing_else_of_the_disk_is_served(lived_in: Server, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        fetched(f"{lived_in.url}/{path}")
    assert refused.value.code in (400, 403, 404)


def test_every_answer_forbids_framing_and_sniffing(lived_in: Server) -> None:
    with urllib.request.urlopen(f"{lived_in.url}/") as answer:
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    with urllib.request.urlopen(f"{lived_in.url}/healthz") as answer:
        assert json.loads(answer.read())["status"] == "ok"
