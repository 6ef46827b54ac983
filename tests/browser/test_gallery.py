"""A gallery of thousands: only what is seen is fetched, and small."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from app.web.formatting import environment
from core.collection.types import Collection
from tests.server import Server

Open = Callable[..., Any]
WORKS = 5_000
AT_ONCE = 400  # pictures on and around a screen, as the browser sees it


def test_five_thousand_works_are_fetched_as_they_are_scrolled_to(
    server: Server, open_page: Open, ready: Collection
) -> None:
    page = open_page(f"{server.url}/artists?id={ready.artists[0].id}")
    fetched: list[str] = []
    # the whole gallery's pictures, without a disk behind them
    page.route(
        "**/media/thumbnails/**",
        lambda route: (fetched.append(route.request.url), route.fulfill(status=204))[1],
    )
    works = [replace(ready.works[0], id=f"work-{number:05d}") for number in range(WORKS)]
    template = environment.get_template("works.html").make_module({})
    html = str(template.of_artist(works, "Somebody"))  # type: ignore[attr-defined]
    page.locator("#artists").wait_for()
    page.evaluate("html => { document.querySelector('#artists').innerHTML = html; }", html)
    page.locator("#artists .cl-card").nth(WORKS - 1).wait_for(state="attached")
    page.wait_for_timeout(1_000)
    assert 0 < len(fetched) < AT_ONCE
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    page.wait_for_timeout(1_000)
    assert len(set(fetched)) < 2 * AT_ONCE
    assert any(url.endswith(f"work-{WORKS - 1:05d}") for url in fetched)
