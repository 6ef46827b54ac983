"""A large ledger: pages, posting, start, memory; `make bench ONLY=ledger` (100,000 entries by
default, `ARGS="--entries 20000 --artists 2000"` for less).

Each page is set beside explicit sums of the same run, which is what pages did before there were
running totals.
"""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from sqlalchemy import func, select

from app.web.pages import ledger as pages
from app.web.pages.history import history_page
from core.collection.types import Artist
from core.ledger import schema
from core.ledger.ledger import Ledger, open_ledger
from core.ledger.shares import DEFAULT_RULE, Shares
from tests.benchmarks.bulk_ledger import artist_id, fill, names
from tests.benchmarks.conftest import Measure
from tests.runs import key, record

ROUNDS, CLIENTS, SECONDS = 20, 32, 30


@pytest.fixture(scope="module")
def large(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> tuple[Ledger, int]:
    """A ledger of so many entries, verified once, opened again as at a start."""
    entries = int(request.config.getoption("--entries"))
    artists = int(request.config.getoption("--artists"))
    path = tmp_path_factory.mktemp("large") / "ledger.sqlite3"
    ledger = open_ledger(path)
    fill(ledger, entries, artists)
    assert ledger.verify().ok
    ledger.close()
    return open_ledger(path), artists


def studio_of(ledger: Ledger, artists: int) -> Any:
    people = tuple(Artist(who, who, name) for who, name in names(artists).items())
    collection = SimpleNamespace(name="large", works=(), artists=people, styles=("style_00",))
    return SimpleNamespace(ledger=ledger, collection=collection, shown_collection=collection)


def views(studio: Any, rare: str) -> dict[str, Callable[[], str]]:
    """The pages whose time must not grow with the ledger, by what they show."""
    often = artist_id(0)
    return {
        "ledger": lambda: pages.ledger_page(studio, {}),
        "ledger_late": lambda: pages.ledger_page(studio, {"page": "100"}),
        "ledger_artist": lambda: pages.ledger_page(studio, {"artist": often}),
        "ledger_rare": lambda: pages.ledger_page(studio, {"artist": rare}),
        "ledger_style": lambda: pages.ledger_page(studio, {"style": "style_03"}),
        "ledger_month": lambda: pages.ledger_page(studio, {"period": "2025-05"}),
        "artists": lambda: pages.artists_page(studio, {}),
        "artist": lambda: pages.artists_page(studio, {"id": often}),
        "history": lambda: history_page(studio, {}),
    }


def p95(seconds: list[float]) -> float:
    return sorted(seconds)[int(0.95 * (len(seconds) - 1))]


def timed(job: Callable[[], object]) -> float:
    began = time.perf_counter()
    job()
    return time.perf_counter() - began


def explicit_sums(ledger: Ledger) -> None:
    """What the Ledger page summed before: every posting, by artist."""
    posting = schema.posting.c
    with ledger._reading() as connection:
        connection.execute(
            select(
                posting.account,
                posting.artist_id,
                func.sum(posting.micro),
                func.count(posting.txn_id.distinct()),
            ).group_by(posting.account, posting.artist_id)
        ).all()


def bench_pages(measure: Measure, large: tuple[Ledger, int]) -> None:
    ledger, artists = large
    studio = studio_of(ledger, artists)
    for name, view in views(studio, artist_id(artists - 1)).items():
        view()
        rows = [(timed(view), timed(lambda: explicit_sums(ledger))) for _ in range(ROUNDS)]
        page, sums = p95([row[0] for row in rows]), p95([row[1] for row in rows])
        measure(
            f"ledger_page_{name}",
            1000 * page,
            300,
            higher_is_better=False,
            detail=f"ms at the 95th of 100, {ledger.size()} entries; {page / sums:.2f} of the time "
            f"that explicit sums take in the same run ({1000 * sums:.0f} ms)",
        )


def bench_posting(measure: Measure, large: tuple[Ledger, int], tmp_path: Path) -> None:
    """Beside an empty ledger on the same disk: the ratio says whether posting slows down."""
    ledger, artists = large
    empty = open_ledger(tmp_path / "ledger.sqlite3")
    people, chance = names(artists), random.Random(1)

    def post(to: Ledger, seed: int) -> None:
        run = record(seed)
        who = [artist_id(number) for number in chance.sample(range(artists), 4)]
        shares = Shares(DEFAULT_RULE, dict.fromkeys(who, 150_000), 400_000)
        to.record(run, shares, key(run), people)

    rows = [
        (timed(partial(post, ledger, seed)), timed(partial(post, empty, seed)))
        for seed in range(10**9, 10**9 + 400)
    ]
    rates = [len(rows) / sum(row[place] for row in rows) for place in (0, 1)]
    measure(
        "ledger_posting",
        rates[0],
        200,
        higher_is_better=True,
        detail=f"entries a second, each on the disk when it returns; {rates[0] / rates[1]:.2f} of "
        f"an empty ledger's {rates[1]:.0f}",
    )


def bench_start(measure: Measure, large: tuple[Ledger, int]) -> None:
    ledger, artists = large

    def start() -> None:
        again = open_ledger(ledger.path)
        assert again.verify_new().ok
        pages.ledger_page(studio_of(again, artists), {})
        again.close()

    measure(
        "ledger_start",
        timed(start),
        2,
        higher_is_better=False,
        detail="seconds to open, verify what is new and show the first page",
    )


def bench_clients(measure: Measure, large: tuple[Ledger, int]) -> None:
    """Clients that look at a page every two seconds, in threads as the server answers them."""
    ledger, artists = large
    studio = studio_of(ledger, artists)
    jobs = list(views(studio, artist_id(artists - 1)).values())
    end = time.monotonic() + SECONDS

    def client(number: int) -> list[float]:
        chance, seconds = random.Random(number), []
        time.sleep(chance.uniform(0, 2))
        while time.monotonic() < end:
            seconds.append(timed(chance.choice(jobs)))
            time.sleep(2)
        return seconds

    process = psutil.Process()
    before = process.memory_info().rss
    with ThreadPoolExecutor(CLIENTS) as clients:
        seconds = [one for part in clients.map(client, range(CLIENTS)) for one in part]
    grown = (process.memory_info().rss - before) / 2**20
    measure(
        "ledger_clients",
        1000 * p95(seconds),
        300,
        higher_is_better=False,
        detail=f"ms at the 95th of 100, {CLIENTS} clients, {len(seconds)} pages in {SECONDS} s; "
        f"memory grew by {grown:.0f} MB",
    )


def bench_backup(measure: Measure, large: tuple[Ledger, int], tmp_path: Path) -> None:
    """A copy by SQLite's backup, beside a copy of the file."""
    from core.ledger.database import copy_database

    ledger, _ = large
    own = timed(lambda: copy_database(ledger.path, tmp_path / "one"))
    plain = timed(lambda: shutil.copyfile(ledger.path, tmp_path / "two"))
    measure(
        "ledger_backup",
        own,
        30,
        higher_is_better=False,
        detail=f"seconds to copy {ledger.path.stat().st_size / 2**20:.0f} MB while it is open; "
        f"{own / plain:.1f} times a copy of the file",
    )
