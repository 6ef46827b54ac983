"""What is booked: once, in order of time, into the file of that name, in readable words."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event

from core.errors import LedgerError
from core.ledger.ledger import Ledger, open_ledger
from core.ledger.records import LedgerFilter
from core.ledger.shares import DEFAULT_RULE, WHOLE, ShareRule, Shares
from tests.core.ledger.quickly import book_many, set_clock
from tests.runs import NAMES, SHARES, key, record


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(tmp_path / "ledger.sqlite3")
    yield opened
    opened.close()


def test_dates_never_go_back_though_the_clock_does(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    for moment in ("2026-03-01T10:00:00.000Z", "2026-02-01T10:00:00.000Z"):
        set_clock(monkeypatch, moment)
        run = record(len(moment) + int(moment[6]))
        ledger.record(run, SHARES, key(run), NAMES)
        ledger.set_artist_status("indigo", "opted-out", reason="Asked", actor="ann")
        ledger.reverse(ledger.totals().entries, reason="mistake", actor="ann")
    dates = [entry.created_at for entry in reversed(ledger.entries().items)]
    assert dates == ["2026-03-01T10:00:00.000Z"] * 4
    changes = ledger.artist_statement("indigo").changes
    assert [change.created_at for change in changes] == ["2026-03-01T10:00:00.000Z"] * 2
    assert ledger.verify().ok
    set_clock(monkeypatch, "2026-03-02T00:00:00.000Z")
    book_many(ledger, [99])
    assert ledger.entries().items[0].created_at == "2026-03-02T00:00:00.000Z"


def test_nothing_is_booked_into_a_file_that_was_moved_away(ledger: Ledger) -> None:
    book_many(ledger, [1])
    away = ledger.path.with_name("away")
    ledger.path.rename(away)
    run = record(2)
    with pytest.raises(LedgerError, match="replaced or moved.*Nothing was booked"):
        ledger.record(run, SHARES, key(run), NAMES)
    assert not ledger.path.exists()
    away.rename(ledger.path)
    assert ledger.record(run, SHARES, key(run), NAMES).entry == 2
    assert ledger.verify().ok


@pytest.mark.parametrize("write", ["record", "reverse", "status", "artists"])
def test_nothing_is_booked_once_another_file_has_the_name(
    ledger: Ledger, tmp_path: Path, write: str
) -> None:
    book_many(ledger, [1])
    ledger.engine.dispose()
    shutil.copyfile(ledger.path, tmp_path / "backup")
    (tmp_path / "backup").replace(ledger.path)
    with pytest.raises(LedgerError, match="replaced or moved"):
        if write == "record":
            ledger.record(record(2))
        elif write == "reverse":
            ledger.reverse(1, reason="mistake", actor="ann")
        elif write == "status":
            ledger.set_artist_status("indigo", "opted-out", reason="Asked", actor="ann")
        else:
            ledger.know_artists({"new": "New"})
    assert open_ledger(ledger.path).totals().entries == 1


def test_a_booking_writes_only_the_artists_it_credits(ledger: Ledger) -> None:
    everyone = {f"artist-{number}": f"Artist {number}" for number in range(50)} | NAMES
    run = record()
    ledger.record(run, SHARES, key(run), everyone)
    assert {one.id for one in ledger.artists()} == set(SHARES.artist_micro)


def test_a_new_name_is_written_when_its_artist_is_credited(ledger: Ledger) -> None:
    book_many(ledger, [1])
    run = record(2)
    ledger.record(run, SHARES, key(run), {**NAMES, "indigo": "Indigo Workshop, Kyoto"})
    assert {one.name for one in ledger.artists()} == {"Indigo Workshop, Kyoto", "Ochre Workshop"}


def test_artists_that_are_known_need_no_writing(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path / "ledger.sqlite3", busy_ms=100)
    ledger.know_artists(NAMES)
    holder = sqlite3.connect(ledger.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    ledger.know_artists(NAMES)
    holder.close()


def test_a_run_recorded_again_is_the_same_run(ledger: Ledger) -> None:
    run = record()
    with ThreadPoolExecutor(4) as pool:
        views = list(pool.map(lambda _: ledger.record(run, SHARES, key(run), NAMES), range(8)))
    assert {(view.number, view.entry) for view in views} == {(1, 1)}
    assert ledger.runs().total == ledger.totals().entries == 1
    with pytest.raises(LedgerError, match="Another run"):
        ledger.record(replace(run, title="another"), SHARES, key(run), NAMES)


def test_a_run_recorded_once_stays_what_it_was(ledger: Ledger) -> None:
    first = replace(record(kind="example"), id="example")
    ledger.record_once(first)
    view = ledger.record_once(replace(first, title="a newer example"))
    assert view.record == first
    assert ledger.runs().total == 1


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("one\ntwo\r\n\tthree", "one two three"),
        ("\x1b[31mred\x07", "[31mred"),
        ("a\u202eb\u2066c", "abc"),
        ("half \ud800 a letter", "half a letter"),
        ("  Žofie 北斎 👩‍🎨 ", "Žofie 北斎 👩‍🎨"),
    ],
)
def test_reasons_and_names_are_kept_as_one_readable_line(
    ledger: Ledger, given: str, kept: str
) -> None:
    book_many(ledger, [1])
    entry = ledger.reverse(1, reason=given, actor=given)
    assert (entry.reason, entry.actor) == (kept, kept)
    ledger.set_artist_status("indigo", "opted-out", reason=given, actor=given)
    (change,) = ledger.artist_statement("indigo").changes
    assert (change.reason, change.actor) == (kept, kept)
    assert ledger.verify().ok


@pytest.mark.parametrize("empty", ["", " ", "\n\t", "\x00", "\u202e"])
def test_a_reason_or_a_name_of_nothing_is_refused(ledger: Ledger, empty: str) -> None:
    book_many(ledger, [1])
    for words in ({"reason": empty, "actor": "ann"}, {"reason": "mistake", "actor": empty}):
        with pytest.raises(LedgerError, match="kept for ever"):
            ledger.reverse(1, **words)
        with pytest.raises(LedgerError, match="kept for ever"):
            ledger.set_artist_status("indigo", "opted-out", **words)
    assert ledger.totals().entries == 1


# --- sums and rules --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "selected",
    [
        LedgerFilter(),
        LedgerFilter(style="cubism"),
        LedgerFilter(kind="upload"),
        LedgerFilter(kind="generation", style="ukiyo_e"),
        LedgerFilter(artist="ochre"),
        LedgerFilter(artist="indigo", style="cubism"),
        LedgerFilter(since="2026-02-01"),
        LedgerFilter(until="2026-02-01"),
        LedgerFilter(since="2026-02-01", until="2026-02-02"),
    ],
    ids=str,
)
def test_totals_are_what_the_exported_entries_sum_to(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, selected: LedgerFilter
) -> None:
    for day in range(1, 4):
        set_clock(monkeypatch, f"2026-02-0{day}T00:00:00.000Z" if day > 1 else "2026-01-31T23:59Z")
        book_many(ledger, range(10 * day, 10 * day + 4))
        run = record(100 + day, kind="upload")
        only = Shares(DEFAULT_RULE, {"ochre": WHOLE - 7}, 7)
        ledger.record(run, only, key(run), NAMES)
        ledger.record(record(200 + day, kind="upload"))
    ledger.reverse(2, reason="mistake", actor="ann")
    totals = ledger.totals(selected)
    entries = ledger.entries(selected, per_page=500).items
    lines = [(entry, line) for entry in entries for line in entry.postings]
    assert totals.entries == len(entries)
    assert totals.total_micro == -sum(one.micro for _, one in lines if one.account == "issued")
    assert totals.unattributed_micro == sum(
        one.micro for _, one in lines if one.account == "unattributed"
    )
    for row in totals.artists:
        own = [(entry, one) for entry, one in lines if one.artist_id == row.artist_id]
        assert row.micro == sum(one.micro for _, one in own)
        assert row.entries == len({entry.id for entry, _ in own if entry.kind == "credit"})
        runs = [ledger.run(entry.run_id or "") for entry in entries]
        works = {
            influence.work_id
            for view in runs
            if view is not None
            for influence in view.record.side("proponent")
            if influence.artist_id == row.artist_id
        }
        assert row.works == len(works)


def test_totals_without_a_filter_join_no_runs(ledger: Ledger) -> None:
    book_many(ledger, range(3))
    statements: list[str] = []
    event.listen(
        ledger.engine,
        "before_cursor_execute",
        lambda *arguments: statements.append(str(arguments[2])),
    )
    ledger.totals()
    assert statements
    assert not [query for query in statements if "run.id" in query or " run " in query]


def test_readings_of_one_moment_do_not_see_what_is_booked_meanwhile(ledger: Ledger) -> None:
    book_many(ledger, range(3))
    with ledger.moment() as moment:
        totals = moment.totals()
        book_many(ledger, range(10, 12))
        assert moment.entries().total == totals.entries == moment.size() == 3
        assert moment.artist_statement("indigo").micro == totals.artists[0].micro
    assert ledger.size() == 5


def test_a_run_names_the_rule_it_was_credited_by(ledger: Ledger) -> None:
    strict = ShareRule("top-k-positive", 2, (("top_k", 3), ("z_floor", 3.5)))
    run = replace(record(), rule=strict.id)
    view = ledger.record(run, Shares(strict), key(run), NAMES)
    assert view.rule == strict
    upload = ledger.record(record(8, kind="upload"))
    assert upload.rule == DEFAULT_RULE
    assert ledger.record(replace(record(9), rule="gone@1:0")).rule is None
    assert ledger.rules() == (strict,)
    book_many(ledger, [20])
    assert ledger.rules() == (DEFAULT_RULE, strict)
    assert ledger.verify().ok


@pytest.mark.parametrize("guidance", [2, -0.0, True])
def test_a_number_is_hashed_as_the_database_keeps_it(ledger: Ledger, guidance: float) -> None:
    """2 comes back as 2.0, and -0.0 as 0.0: neither is a change."""
    run = replace(record(3), guidance=guidance, query_leverage=1)
    run = replace(run, influences=tuple(replace(one, z=-0.0, score=3) for one in run.influences))
    ledger.record(run, SHARES, key(run), NAMES)
    assert ledger.verify().ok
    ledger.record(run, SHARES, key(run), NAMES)  # the same again is no other run
    assert ledger.size() == 1
