"""The same words mean the same entries on the command line, on the page, in CSV and in JSON."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app import cli
from app.services.disputes import find_dispute
from app.services.ledger_filter import find_entry, read_filter
from app.services.session import Studio
from app.web.pages.history import history_page
from app.web.pages.ledger import artists_page, ledger_page
from app.web.routes import media
from core.collection.types import Collection
from core.errors import UsageError
from core.ledger.ledger import Ledger, open_ledger
from core.ledger.records import LedgerFilter
from core.ledger.shares import DEFAULT_RULE, WHOLE, Shares
from tests.core.ledger.quickly import set_clock
from tests.runs import NAMES, key, record

# when, class, kind of run, artist
BOOKED = [
    ("2026-01-31T23:59:59.999Z", "cubism", "generation", "indigo"),
    ("2026-02-01T00:00:00.000Z", "ukiyo_e", "generation", "ochre"),
    ("2026-02-14T12:00:00.000Z", "cubism", "upload", "indigo"),
    ("2026-02-28T23:59:59.999Z", "ukiyo_e", "upload", "indigo"),
    ("2026-03-01T00:00:00.000Z", "cubism", "generation", "ochre"),
    ("2026-12-31T23:00:00.000Z", "cubism", "generation", "ochre"),
]
WORDS: list[dict[str, str]] = [
    {},
    {"artist": "indigo"},
    {"artist": "Ochre Workshop"},
    {"artist": "oCHRE wORKSHOP"},
    {"style": "cubism"},
    {"style": "Ukiyo e"},
    {"kind": "upload"},
    {"kind": "example"},
    {"since": "2026-02-01"},
    {"until": "2026-02-01"},
    {"until": "2026-02-28"},
    {"since": "2026-02-28", "until": "2026-02-28"},
    {"since": "2026-03-02"},
    {"since": "2026-03-01", "until": "2026-02-01"},
    {"until": "9999-12-31"},
    {"period": "2026-02"},
    {"period": "2026-12"},
    {"period": "9999-12"},
    {"period": "2025-01"},
    {"artist": "indigo", "style": "cubism", "kind": "upload", "period": "2026-02"},
]
WRONG: list[dict[str, str]] = [
    {"artist": "vermeer"},
    {"style": "fauvism"},
    {"since": "2026-02-30"},
    {"until": "2026-13-01"},
    {"since": "yesterday"},
    {"until": "20260201"},
    {"since": "2026-W05-7"},
    {"until": "0000-01-01"},
    {"period": "2026-13"},
    {"period": "2026-2"},
    {"period": "0000-01"},
    {"period": "20 6-01"},
    {"period": "2026-02", "until": "2026-02-03"},
    {"kind": "painting"},
    {"artist": "x" * 5000},
]


def expected(words: dict[str, str]) -> list[int]:
    """The numbers of the entries by a plain reading of the words."""
    numbers = []
    for number, (when, style, kind, artist) in enumerate(BOOKED, start=1):
        day = when[:10]
        if (
            words.get("artist", artist).casefold() in (artist, NAMES[artist].casefold())
            and words.get("style", style).casefold().replace(" ", "_") == style
            and words.get("kind", kind) == kind
            and words.get("since", day) <= day <= words.get("until", day)
            and day.startswith(words.get("period", ""))
        ):
            numbers.append(number)
    return numbers


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    monkeypatch.setenv("CREDITLINE_HOME", str(tmp_path))
    opened = open_ledger(tmp_path / "ledger.sqlite3")
    for seed, (when, style, kind, artist) in enumerate(BOOKED):
        set_clock(monkeypatch, when)
        shares = Shares(DEFAULT_RULE, {artist: WHOLE}, 0)
        run = replace(record(seed, style=style, kind=kind, created_at=when), influences=())
        opened.record(run, shares, key(run), NAMES)
    yield opened
    opened.close()


@pytest.fixture
def studio(ledger: Ledger, ready: Collection, monkeypatch: pytest.MonkeyPatch) -> Studio:
    monkeypatch.setenv("CREDITLINE_COLLECTION", str(ready.path))
    return cast(Studio, SimpleNamespace(ledger=ledger, collection=ready, shown_collection=ready))


@pytest.fixture
def client(studio: Studio) -> TestClient:
    application = FastAPI()
    application.include_router(media(studio))
    return TestClient(application)


def options(words: dict[str, str]) -> list[str]:
    return [part for name, word in words.items() for part in (f"--{name}", word)]


def on_the_command_line(words: dict[str, str], capsys: pytest.CaptureFixture[str]) -> list[int]:
    capsys.readouterr()
    assert cli.main(["ledger", "entries", "--json", *options(words)]) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return sorted(entry["entry"] for entry in answer["entries"])


def on_the_page(words: dict[str, str], studio: Studio) -> list[int]:
    html = ledger_page(studio, dict(words))
    return sorted(int(number) for number in re.findall(r'<td class="cl-num">#(\d{6})', html))


def in_csv(text: str) -> list[int]:
    return sorted({int(row["entry"]) for row in csv.DictReader(io.StringIO(text))})


@pytest.mark.parametrize("words", WORDS, ids=str)
def test_the_same_words_give_the_same_entries_everywhere(
    words: dict[str, str], studio: Studio, client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    numbers = expected(words)
    assert on_the_command_line(words, capsys) == numbers
    assert on_the_page(words, studio) == numbers
    download = client.get("/ledger.csv", params=words).content
    assert download.startswith(b"\xef\xbb\xbf")  # a spreadsheet knows by it that this is UTF-8
    assert in_csv(download.decode("utf-8-sig")) == numbers
    exported = client.get("/ledger.json", params=words).json()
    assert [entry["number"] for entry in exported] == numbers
    assert cli.main(["ledger", "export", *options(words)]) == 0
    assert in_csv(capsys.readouterr().out) == numbers
    assert cli.main(["ledger", "totals", "--json", *options(words)]) == 0
    assert json.loads(capsys.readouterr().out)["entries"] == len(numbers)


@pytest.mark.parametrize("words", WRONG, ids=lambda words: str(words)[:40])
def test_words_that_mean_nothing_are_refused_everywhere_in_words(
    words: dict[str, str], studio: Studio, client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["ledger", "entries", *options(words)]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    for show in (ledger_page, history_page):
        with pytest.raises(UsageError) as refused:
            show(studio, dict(words))
        assert len(refused.value.message) < 400
    for form in ("csv", "json"):
        answer = client.get(f"/ledger.{form}", params=words)
        assert answer.status_code == 400
        assert answer.json()["detail"] == refused.value.message


def test_a_class_of_the_collection_without_a_run_is_no_mistake(
    ledger: Ledger,
) -> None:
    chosen = read_filter(ledger, {"style": "Pop art"}, lambda: ["pop_art"])
    assert chosen == LedgerFilter(style="pop_art")
    assert ledger.totals(chosen).entries == 0


def test_empty_words_choose_everything(ledger: Ledger) -> None:
    empty = dict.fromkeys(("artist", "style", "kind", "since", "until", "period"), " ")
    assert read_filter(ledger, {**empty, "verify": "1"}) == LedgerFilter()
    assert read_filter(ledger, dict.fromkeys(empty)) == LedgerFilter()


def test_a_statement_takes_the_same_months(
    studio: Studio, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["ledger", "statement", "indigo", "--period", "2026-02", "--json"]) == 0
    lines = json.loads(capsys.readouterr().out)["entries"]
    assert [line["entry"] for line in lines] == [3, 4]
    assert cli.main(["ledger", "statement", "indigo", "--period", "2026-00"]) == 2


def test_an_artist_who_joined_since_the_start_has_a_page(studio: Studio, ready: Collection) -> None:
    artist = ready.artists[0]
    assert artist.id not in {one.id for one in studio.ledger.artists()}
    assert artist.name in artists_page(studio, {"id": artist.id})


@pytest.mark.parametrize("name", ["²", "#²", "1²", "٢", "①", "1" * 5000, ""])
def test_what_only_looks_like_a_number_names_no_entry_and_no_dispute(
    ledger: Ledger, name: str
) -> None:
    """'²' is a digit to Python, and none to what reads numbers."""
    with pytest.raises(UsageError, match="no entry") as refused:
        find_entry(ledger, name)
    assert len(refused.value.message) < 200
    with pytest.raises(UsageError, match="no such dispute"):
        find_dispute(ledger, name)
