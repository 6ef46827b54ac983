"""Running totals are the explicit sums, after whatever was booked, and nothing edited passes."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from core.ledger import schema, write
from core.ledger.ledger import Ledger, open_ledger
from core.ledger.records import (
    ARTIST,
    CREDIT,
    ESCROW,
    ISSUED,
    PROPONENT,
    UNATTRIBUTED,
    Entry,
    LedgerFilter,
    RunInfluence,
)
from core.ledger.shares import DEFAULT_RULE, WHOLE, Shares
from core.ledger.totals import Span, span
from tests.core.ledger.quickly import book_many, tamper
from tests.runs import influence, key, record

PEOPLE = "abcde"
STYLES, KINDS = ("cubism", "ukiyo_e"), ("generation", "upload")
DAYS = ("2026-01-31", "2026-02-01", "2026-02-14", "2026-03-01", "2026-03-31")
MOMENTS = [f"{day}T{hour}.000Z" for day in DAYS for hour in ("00:00:00", "12:34:56")]
BOUNDS = [None, *DAYS, "2026-02-28", "2026-04-01"]


def in_filter(entry: Entry, chosen: LedgerFilter) -> bool:
    return (
        (chosen.style is None or entry.style == chosen.style)
        and (chosen.kind is None or entry.run_kind == chosen.kind)
        and (chosen.since is None or entry.created_at >= chosen.since)
        and (chosen.until is None or entry.created_at < chosen.until)
        and (chosen.artist is None or chosen.artist in {p.artist_id for p in entry.postings})
    )


def summed(ledger: Ledger, chosen: LedgerFilter) -> dict[str, object]:
    """What the totals must say, from the entries one by one."""
    entries = [
        entry
        for page in range(1, 1 + ledger.entries(per_page=50).pages)
        for entry in ledger.entries(page=page, per_page=50).items
        if in_filter(entry, chosen)
    ]
    lines = [(entry, line) for entry in entries for line in entry.postings]
    micro: dict[tuple[str, str], int] = {}
    credits: dict[tuple[str, str], set[int]] = {}
    works: dict[str, set[str]] = {}
    for entry, line in lines:
        if line.artist_id is not None and chosen.artist in (None, line.artist_id):
            place = (line.artist_id, line.account)
            micro[place] = micro.get(place, 0) + line.micro
            credits.setdefault(place, set()).update({entry.number} if entry.kind == CREDIT else ())
    for run_id in {entry.run_id for entry in entries if entry.run_id is not None}:
        view = ledger.run(run_id)
        assert view is not None
        for row in view.record.side(PROPONENT):
            for who, _ in row.made_by:
                works.setdefault(who, set()).add(row.work_id)
    return {
        "issued": -sum(line.micro for _, line in lines if line.account == ISSUED),
        "unattributed": sum(line.micro for _, line in lines if line.account == UNATTRIBUTED),
        "entries": len(entries),
        "each": {
            place: (value, len(credits[place]), len(works.get(place[0], ())))
            for place, value in micro.items()
        },
    }


def kept(ledger: Ledger, chosen: LedgerFilter) -> dict[str, object]:
    totals = ledger.totals(chosen)
    rows = [(ARTIST, row) for row in totals.artists] + [(ESCROW, row) for row in totals.unknown]
    return {
        "issued": totals.total_micro,
        "unattributed": totals.unattributed_micro,
        "entries": totals.entries,
        "each": {
            (row.artist_id, account): (row.micro, row.entries, row.works) for account, row in rows
        },
    }


def worked(rank: int, who: str, work: int, others: str) -> RunInfluence:
    makers = tuple((one, one.upper(), 1) for one in dict.fromkeys(who + others))
    return replace(
        influence(rank, who), work_id=f"{who}-{work}", makers=makers if len(makers) > 1 else None
    )


credited = st.dictionaries(st.sampled_from(PEOPLE), st.integers(1, 150_000), max_size=5)
influences = st.lists(
    st.tuples(st.sampled_from(PEOPLE), st.integers(0, 2), st.sampled_from(["", "", "a", "bc"])),
    max_size=4,
)
filters = st.builds(
    LedgerFilter,
    artist=st.sampled_from([None, None, *PEOPLE]),
    style=st.sampled_from([None, *STYLES]),
    kind=st.sampled_from([None, *KINDS]),
    since=st.sampled_from(BOUNDS),
    until=st.sampled_from(BOUNDS),
)


class Bookkeeping(RuleBasedStateMachine):
    """Any sequence of postings, repeated postings and reversals, at any time, under any class."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.ledger = open_ledger(Path(self.folder.name) / "ledger.sqlite3")
        self.clock = write.now
        self.seed = 0
        self.standing: list[int] = []

    def teardown(self) -> None:
        write.now = self.clock
        self.ledger.close()
        self.folder.cleanup()

    @rule(moment=st.sampled_from(MOMENTS))
    def time_passes(self, moment: str) -> None:
        write.now = lambda: moment

    @rule(
        shares=credited,
        works=influences,
        style=st.sampled_from(STYLES),
        kind=st.sampled_from(KINDS),
        unpaid=st.frozensets(st.sampled_from(PEOPLE)),
        again=st.booleans(),
    )
    def book(
        self,
        shares: dict[str, int],
        works: list[tuple[str, int, str]],
        style: str,
        kind: str,
        unpaid: frozenset[str],
        again: bool,
    ) -> None:
        self.seed += not again or not self.seed
        run = replace(
            record(self.seed, style=style, kind=kind),
            influences=tuple(worked(rank, *one) for rank, one in enumerate(works, start=1)),
        )
        credit = Shares(DEFAULT_RULE, shares, WHOLE - sum(shares.values()))
        names = {who: who.upper() for who in shares}
        view = self.ledger.record(run, credit, key(run), names, unpaid=unpaid)
        assert view.entry is not None
        if view.entry not in self.standing and not view.reversed:
            self.standing.append(view.entry)

    @rule(works=influences, style=st.sampled_from(STYLES))
    def record_only(self, works: list[tuple[str, int, str]], style: str) -> None:
        rows = tuple(worked(rank, *one) for rank, one in enumerate(works, start=1))
        self.ledger.record(replace(record(style=style, kind="upload"), influences=rows))

    @rule(place=st.integers(0, 99))
    def delete(self, place: int) -> None:
        free = [view for view in self.ledger.runs(per_page=500).items if view.entry is None]
        if free:
            self.ledger.delete_run(free[place % len(free)].record.id)

    @precondition(lambda self: self.standing)
    @rule(place=st.integers(0, 99))
    def reverse(self, place: int) -> None:
        number = self.standing.pop(place % len(self.standing))
        self.ledger.reverse(number, reason="mistake", actor="ann")

    @rule(chosen=filters)
    def totals_are_the_sums(self, chosen: LedgerFilter) -> None:
        assert kept(self.ledger, chosen) == summed(self.ledger, chosen)
        assert self.ledger.entries(chosen).total == summed(self.ledger, chosen)["entries"]

    @rule(chosen=filters)
    def the_listed_and_the_rest_are_everybody(self, chosen: LedgerFilter) -> None:
        whole, some = self.ledger.totals(chosen), self.ledger.totals(chosen, most=2)
        assert some.artists == whole.artists[:2]
        assert some.more == len(whole.artists[2:])
        assert some.more_micro == sum(row.micro for row in whole.artists[2:])
        if some.artists:
            assert some.credited == sum(row.micro > 0 for row in whole.artists)

    @rule(who=st.sampled_from(PEOPLE), period=st.sampled_from([None, "2026-01", "2026-03"]))
    def statements_are_the_sums(self, who: str, period: str | None) -> None:
        if self.ledger.artist(who) is None:
            return
        full = self.ledger.artist_statement(who, period)
        assert full.micro == sum(micro for _, micro in full.lines)
        assert full.entries == len(full.lines)
        newest = self.ledger.artist_statement(who, period, newest=2)
        assert newest == replace(full, lines=full.lines[-2:])
        months = {entry.created_at[:7] for entry, _ in self.ledger.artist_statement(who).lines}
        assert set(self.ledger.artist_months(who)) == months

    @rule(who=st.sampled_from([None, *PEOPLE]), style=st.sampled_from([None, *STYLES]))
    def runs_are_those_that_are_recorded(self, who: str | None, style: str | None) -> None:
        chosen = LedgerFilter(artist=who, style=style)
        page = self.ledger.runs(chosen, per_page=500)
        expected = []
        for view in self.ledger.runs(per_page=500).items:
            full = self.ledger.run(view.record.id)
            assert full is not None
            makers = {one for row in full.record.side(PROPONENT) for one, _ in row.made_by}
            if (who is None or who in makers) and style in (None, full.record.style):
                expected.append(view.number)
        assert [view.number for view in page.items] == expected
        assert page.total == len(expected)

    @invariant()
    def the_ledger_verifies(self) -> None:
        assert self.ledger.verify().ok


TestBookkeeping = Bookkeeping.TestCase
TestBookkeeping.settings = settings(
    max_examples=20,
    stateful_step_count=14,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@pytest.mark.parametrize(
    ("since", "until", "months", "edges"),
    [
        (None, None, (None, None), ()),
        ("2026-02-01", "2026-04-01", ("2026-02", "2026-04"), ()),
        ("2026-01-31", None, ("2026-02", None), (("2026-01-31", "2026-02-01"),)),
        (None, "2026-02-14", (None, "2026-02"), (("2026-02-01", "2026-02-14"),)),
        ("2025-12-02", "2026-02-02", ("2026-01", "2026-02"), None),
        ("2026-02-02", "2026-02-20", None, (("2026-02-02", "2026-02-20"),)),
        ("2026-02-02", "2026-03-01", None, (("2026-02-02", "2026-03-01"),)),
        ("2026-03-01", "2026-02-01", None, (("2026-03-01", "2026-02-01"),)),
        ("9999-12-02", None, None, (("9999-12-02", None),)),
        ("long ago", None, None, (("long ago", None),)),
    ],
)
def test_a_range_is_whole_months_and_what_is_left(
    since: str | None, until: str | None, months: object, edges: object
) -> None:
    if edges is None:
        edges = ((since, "2026-01-01"), ("2026-02-01", until))
    assert span(since, until) == Span(months, edges)  # type: ignore[arg-type]


# --- tampering -------------------------------------------------------------------------------


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(tmp_path / "ledger.sqlite3")
    book_many(opened, range(4))
    opened.reverse(2, reason="mistake", actor="ann")
    assert opened.verify().ok
    yield opened
    opened.close()


CELLS = [(table.name, column.name) for table in schema.TOTALS for column in table.columns]


def last_row(path: Path, table: str) -> str:
    """A condition that only the last row of a table meets."""
    keys = [column.name for column in schema.metadata.tables[table].primary_key]
    with sqlite3.connect(path) as raw:
        order = ", ".join(f"{name} DESC" for name in keys)
        row = raw.execute(f"SELECT {', '.join(keys)} FROM {table} ORDER BY {order}").fetchone()
    return " AND ".join(f"{name} = {value!r}" for name, value in zip(keys, row, strict=True))


@pytest.mark.parametrize(("table", "column"), CELLS)
def test_an_edited_total_is_named(ledger: Ledger, table: str, column: str) -> None:
    kind = str(schema.metadata.tables[table].c[column].type)
    change = f"{column} + 1" if kind != "TEXT" else f"{column} || 'x'"
    where = last_row(ledger.path, table)
    tamper(ledger.path, f"UPDATE {table} SET {column} = {change} WHERE {where}")
    bad = ledger.verify().first_bad
    assert bad is not None
    assert "is not the sum of what was booked" in bad.reason


@pytest.mark.parametrize("table", [table.name for table in schema.TOTALS])
def test_a_total_that_was_removed_is_named(ledger: Ledger, table: str) -> None:
    where = last_row(ledger.path, table)
    tamper(ledger.path, f"DELETE FROM {table} WHERE {where}")
    bad = ledger.verify().first_bad
    assert bad is not None
    assert "is not the sum" in bad.reason


def test_the_artist_whose_total_was_edited_is_named(ledger: Ledger) -> None:
    tamper(ledger.path, "UPDATE artist_total SET micro = micro + 1 WHERE artist_id = 'ochre'")
    bad = ledger.verify().first_bad
    assert bad is not None
    assert "'ochre'" in bad.reason
