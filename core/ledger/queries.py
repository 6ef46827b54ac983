"""Reading: runs, entries, artists, rules, from one connection. Changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, func, or_, select, true

from core.ledger import schema
from core.ledger.chain import size
from core.ledger.database import folded
from core.ledger.evidence import Evidence
from core.ledger.masks import masked
from core.ledger.records import (
    ALL_RUNS,
    EVERYTHING,
    WITHHELD,
    Entry,
    KnownArtist,
    LedgerFilter,
    Page,
    Posting,
    RunInfluence,
    RunRecord,
    RunSearch,
    RunView,
)
from core.ledger.shares import KNOWN_RULES, ShareRule, read_rule
from core.ledger.totals import counted, entry_conditions
from core.ledger.write import JSON_FIELDS, RULE, loads

txn, posting, run = schema.txn.c, schema.posting.c, schema.run.c
ACTIVE, OPTED_OUT = "active", "opted-out"
NAMED = (schema.artist.c.id, schema.artist.c.name)
# built once: a page of runs asks these for each
INFLUENCES = (
    select(schema.influence)
    .where(schema.influence.c.run_id == bindparam("run_id"))
    .order_by(schema.influence.c.side, schema.influence.c.rank)
)
_TAKING_BACK = schema.txn.alias()
BOOKED = select(
    txn.seq,
    txn.rule_id,
    txn.created_at,
    txn.id,
    select(_TAKING_BACK.c.seq).where(_TAKING_BACK.c.reverses == txn.seq).exists(),
).where(txn.idempotency_key == bindparam("key"))
GIVEN = select(posting.artist_id, posting.micro).where(
    posting.txn_id == bindparam("entry"), posting.artist_id.is_not(None)
)
RUN_BY_ID = select(schema.run).where(run.id == bindparam("key"))
RUN_BY_NUMBER = select(schema.run).where(run.number == bindparam("key"))
LONGEST_NUMBER = 12  # digits of a run's number in a search
ROWS_AT_ONCE = 500  # that are fetched of a long answer; the rest waits in the database


def _chosen(selected: LedgerFilter) -> Select[Any]:
    """The numbers of the entries that the filter lets through, in no order."""
    edge = (selected.since, selected.until)
    query = select(txn.seq).where(*entry_conditions(selected, edge))
    if selected.artist is not None:
        account = schema.artist_entry.c
        query = query.where(txn.seq == account.seq, account.artist_id == selected.artist)
    return query


def styles(connection: Connection) -> tuple[str, ...]:
    """The classes of the runs, each once, sorted."""
    table = schema.run_total.c
    return tuple(connection.execute(select(table.style).distinct().order_by(table.style)).scalars())


def rules(connection: Connection) -> tuple[ShareRule, ...]:
    """The share rules that entries name, the one of the newest entry first."""
    last = (
        select(func.max(txn.seq))
        .where(txn.rule_id == schema.rule.c.id)
        .correlate(schema.rule)
        .scalar_subquery()
    )
    rows = connection.execute(
        select(schema.rule).where(last.is_not(None)).order_by(last.desc())
    ).mappings()
    return tuple(read_rule(dict(row)) for row in rows)


def entries(
    connection: Connection, selected: LedgerFilter, page: int, per_page: int
) -> Page[Entry]:
    """The chosen entries, newest first."""
    if selected == EVERYTHING:  # numbered without gaps, so a page is a range of numbers
        total = size(connection)
        last = total - (page - 1) * per_page
        chosen = and_(txn.seq > last - per_page, txn.seq <= last)
    else:
        total = counted(connection, selected)[0]
        if not total:
            return Page((), page, per_page, 0)
        order = txn.seq if selected.artist is None else schema.artist_entry.c.seq
        numbers = _chosen(selected).order_by(order.desc()).limit(per_page)
        chosen = txn.seq.in_(
            connection.execute(numbers.offset((page - 1) * per_page)).scalars().all()
        )
    newest_first = reversed(list(_entries(connection, chosen)))
    return Page(tuple(newest_first), page, per_page, total)


def every_entry(connection: Connection, selected: LedgerFilter) -> Iterator[Entry]:
    """The chosen entries, oldest first, read as they are taken: however many there are."""
    if selected == EVERYTHING:
        return _entries(connection, true())
    return _entries(connection, txn.seq.in_(_chosen(selected).correlate(None)))


def entry(connection: Connection, number: int) -> Entry | None:
    """One entry by its number."""
    return next(_entries(connection, txn.seq == number), None)


def entry_number(connection: Connection, entry_id: str) -> int | None:
    """The number of the entry with this id."""
    number: int | None = connection.execute(select(txn.seq).where(txn.id == entry_id)).scalar()
    return number


def _entries(connection: Connection, chosen: ColumnElement[bool]) -> Iterator[Entry]:
    """Entries, oldest first, each with its lines: two answers in the same order, side by side."""
    reversal, moved, hidden = schema.txn.alias(), schema.dispute_event.c, masked(connection)
    heads = (
        select(
            schema.txn,
            run.kind.label("run_kind"),
            run.style,
            run.image_file,
            reversal.c.seq.label("reversed_by"),
            moved.dispute,
            moved.entry.label("disputed"),
        )
        .select_from(
            schema.txn.outerjoin(schema.run, txn.run_id == run.id)
            .outerjoin(reversal, reversal.c.reverses == txn.seq)
            .outerjoin(schema.dispute_event, moved.adjustment == txn.seq)
        )
        .where(chosen)
        .order_by(txn.seq)
    )
    lines = (
        select(txn.seq, posting.account, posting.artist_id, posting.artist, posting.micro)
        .select_from(schema.txn.join(schema.posting, posting.txn_id == txn.id))
        .where(chosen)
        .order_by(txn.seq, posting.line)
    )
    options = {"yield_per": ROWS_AT_ONCE}
    postings = OrderedGroups(connection.execute(lines, execution_options=options), itemgetter(0))
    for row in connection.execute(heads, execution_options=options).mappings():
        yield Entry(
            id=row["id"],
            number=row["seq"],
            kind=row["kind"],
            run_id=row["run_id"],
            rule_id=row["rule_id"],
            reverses=row["reverses"],
            reversed_by=row["reversed_by"],
            reason=row["reason"],
            actor=row["actor"],
            created_at=row["created_at"],
            hash=row["hash"],
            postings=tuple(_posting(*line[1:], hidden) for line in postings.take(row["seq"])),
            run_kind=row["run_kind"] or "",
            style=row["style"] or "",
            image_file=row["image_file"] or "",
            dispute=row["dispute"],
            disputed=row["disputed"],
        )


def _posting(
    account: str, who: str | None, name: str | None, micro: int, hidden: frozenset[str]
) -> Posting:
    return Posting(account, who, WITHHELD if who in hidden else name, micro)


def runs(
    connection: Connection, selected: LedgerFilter, search: RunSearch, page: int, per_page: int
) -> Page[RunView]:
    """Recorded runs, newest first, without their influences."""
    query = _of_runs(select(run.number), selected, search)
    total = _run_count(connection, selected, search)
    order = run.number if selected.artist is None else schema.artist_run.c.number
    numbers = connection.execute(
        query.order_by(order.desc()).limit(per_page).offset((page - 1) * per_page)
    ).scalars()
    views = [_run_view(connection, RUN_BY_NUMBER, number, False) for number in numbers.all()]
    return Page(tuple(view for view in views if view is not None), page, per_page, total)


def _of_runs(query: Select[Any], selected: LedgerFilter, search: RunSearch) -> Select[Any]:
    query = query.where(*_searched(search))
    if selected.style is not None:
        query = query.where(run.style == selected.style)
    if selected.kind is not None:
        query = query.where(run.kind == selected.kind)
    if selected.since is not None:
        query = query.where(run.created_at >= selected.since)
    if selected.until is not None:
        query = query.where(run.created_at < selected.until)
    if selected.artist is not None:
        shaped = schema.artist_run.c
        query = query.where(shaped.artist_id == selected.artist, shaped.number == run.number)
    return query


def _run_count(connection: Connection, selected: LedgerFilter, search: RunSearch) -> int:
    dated = (selected.since, selected.until) != (None, None)
    if search == ALL_RUNS and selected.artist is None and not dated:
        table = schema.run_total.c
        query = select(func.sum(table.runs))
        if selected.style is not None:
            query = query.where(table.style == selected.style)
        if selected.kind is not None:
            query = query.where(table.kind == selected.kind)
    elif search == ALL_RUNS and selected == LedgerFilter(artist=selected.artist):
        query = select(func.count()).where(schema.artist_run.c.artist_id == selected.artist)
    else:
        chosen = _of_runs(select(run.number), selected, search).subquery()
        query = select(func.count()).select_from(chosen)
    number: int | None = connection.execute(query).scalar()
    return number or 0


def _searched(search: RunSearch) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if search.verdict is not None:
        conditions.append(run.verdict == search.verdict)
    if search.text is not None:
        named = func.folded(run.title).contains(folded(search.text), autoescape=True)
        number = search.text.removeprefix("#")
        if number.isdecimal() and len(number) <= LONGEST_NUMBER:
            named = or_(named, run.number == int(number))
        conditions.append(named)
    return conditions


def run_view(connection: Connection, run_id: str) -> RunView | None:
    """One run by its id, with its influences."""
    return _run_view(connection, RUN_BY_ID, run_id, True)


def _run_view(
    connection: Connection, query: Select[Any], key: str | int, with_influences: bool
) -> RunView | None:
    row = connection.execute(query, {"key": key}).mappings().first()
    if row is None:
        return None
    influences: list[RunInfluence] = []
    if with_influences:
        hidden = masked(connection)
        for influence in connection.execute(INFLUENCES, {"run_id": row["id"]}).mappings():
            row_values = {key: influence[key] for key in influence if key != "run_id"}
            if influence["makers"] is not None:
                listed = json.loads(influence["makers"])
                row_values["makers"] = tuple((who, name, part) for who, name, part in listed)
            influences.append(unnamed(RunInfluence(**row_values), hidden))
    values: dict[str, Any] = {
        name: loads(value) if name in JSON_FIELDS and value is not None else value
        for name, value in row.items()
        if name not in ("number", "digest", "entry_key")
    }
    number, entry_rule, date, entry_id, taken_back = None, "", "", "", False
    if row["entry_key"] is not None:
        booked = connection.execute(BOOKED, {"key": row["entry_key"]}).first()
        number, entry_rule, date, entry_id, taken_back = booked or (None, "", "", "", False)
    if values["evidence"] is not None:
        values["evidence"] = Evidence.from_plain(values["evidence"])
    record = RunRecord(**values, influences=tuple(influences))
    rule = _rule(connection, record.rule)
    given = dict(connection.execute(GIVEN, {"entry": entry_id}).all())
    return RunView(row["number"], record, number, taken_back, rule, entry_rule, given, date)


def unnamed(row: RunInfluence, hidden: frozenset[str]) -> RunInfluence:
    """The influence without names that are withheld, its label too."""
    if hidden.isdisjoint(who for who, _ in row.made_by):
        return row
    makers = row.makers and tuple(
        (who, WITHHELD if who in hidden else name, part) for who, name, part in row.makers
    )
    return replace(row, artist=WITHHELD, makers=makers)


def _rule(connection: Connection, rule_id: str) -> ShareRule | None:
    """The share rule that a run names, from its row; runs of before have one only if booked."""
    values = connection.execute(RULE, {"id": rule_id}).mappings().first()
    return KNOWN_RULES.get(rule_id) if values is None else read_rule(dict(values))


def artists(connection: Connection) -> list[KnownArtist]:
    """Every artist the ledger knows, with the newest status, by name."""
    return _known(connection, select(*NAMED).order_by(schema.artist.c.name))


def true_names(connection: Connection) -> dict[str, str]:
    """Artist id -> name, withheld ones too."""
    return {row[0]: row[1] for row in connection.execute(select(*NAMED))}


def artist_count(connection: Connection) -> int:
    """How many artists the ledger knows."""
    return connection.execute(select(func.count()).select_from(schema.artist)).scalar_one()


def known_artist(connection: Connection, artist_id: str) -> KnownArtist | None:
    """The artist with this id."""
    same = _known(connection, select(*NAMED).where(schema.artist.c.id == artist_id))
    return same[0] if same else None


def _known(connection: Connection, query: Select[Any]) -> list[KnownArtist]:
    changes = schema.artist_status.c
    status = dict(
        connection.execute(select(changes.artist_id, changes.status).order_by(changes.seq)).all()
    )
    hidden = masked(connection)
    return [
        KnownArtist(
            who, WITHHELD if who in hidden else name, status.get(who, ACTIVE), who in hidden
        )
        for who, name in connection.execute(query)
    ]


def opted_out(connection: Connection) -> frozenset[str]:
    """The ids of artists whose newest status is `opted-out`."""
    changes = schema.artist_status.c
    last = select(func.max(changes.seq)).group_by(changes.artist_id)
    query = select(changes.artist_id).where(changes.seq.in_(last), changes.status == OPTED_OUT)
    return frozenset(connection.execute(query).scalars())


R = TypeVar("R")


class OrderedGroups(Generic[R]):
    """Rows ordered by `number`, taken number by number in that order."""

    def __init__(self, rows: Iterable[R], number: Callable[[R], int]) -> None:
        self._groups = groupby(rows, key=number)
        self._next = next(self._groups, None)

    def take(self, number: int) -> list[R]:
        """The rows of `number`, which is greater than every number taken before; may be none."""
        if self._next is None or self._next[0] != number:
            return []
        rows = list(self._next[1])
        self._next = next(self._groups, None)
        return rows
