"""How long a person waits: first preview, generate and attribute, attribution alone, a first start.

Seconds against the bars of the product; they hold for two cores that do nothing else.
"""

from __future__ import annotations

import statistics
import time

import pytest
from PIL import Image

from app.settings import EMBEDDED
from core.attribution.engine import Engine
from core.collection.types import Collection
from tests.benchmarks.conftest import Measure
from tests.browser.conftest import ARGUMENTS, CHROMIUM, Server, free_port

sync_api = pytest.importorskip("playwright.sync_api")


def bench_waiting_in_the_browser(
    measure: Measure, tmp_path_factory: pytest.TempPathFactory
) -> None:
    server = Server(EMBEDDED, tmp_path_factory.mktemp("home"), free_port())
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        began = time.perf_counter()
        server.start()
        page = browser.new_page()
        page.set_default_timeout(60_000)
        page.goto(server.url, wait_until="domcontentloaded")
        totals, previews = [], []
        for seed in range(6):
            page.get_by_role("spinbutton", name="Seed").fill(str(9000 + seed))
            opened = time.perf_counter()
            page.get_by_role("button", name="Generate", exact=True).click()
            page.locator("#painting img[src^='data:']").wait_for()
            previews.append(time.perf_counter() - opened)
            page.locator(f"#painting img[alt$='seed {9000 + seed}']").wait_for()
            totals.append(time.perf_counter() - opened)
            if seed == 0:
                first = time.perf_counter() - began
        browser.close()
    server.stop()
    warm, seen = statistics.median(totals[1:]), statistics.median(previews[1:])
    measure(
        "first_image_after_start_s",
        first,
        60,
        higher_is_better=False,
        detail="start the server, open the page, paint, trace, book",
    )
    measure(
        "generate_and_attribute_s",
        warm,
        5,
        higher_is_better=False,
        detail="in the browser, warm, defaults, median of 5",
    )
    measure(
        "first_preview_s",
        seen,
        0.5,
        higher_is_better=False,
        detail="in the browser, warm, median of 5",
    )


def bench_attribution_alone(engine: Engine, embedded: Collection, measure: Measure) -> None:
    work = embedded.works[3]
    with Image.open(embedded.image_path(work)) as file:
        image = file.convert("RGB")
    engine.attribute(image, style=work.style)
    seconds = [engine.attribute(image, style=work.style).seconds.total for _ in range(9)]
    measure(
        "attribution_s",
        statistics.median(seconds),
        0.5,
        higher_is_better=False,
        detail="one picture, warm, median of 9",
    )
