"""Net credit per artist, from running totals: how long it takes does not grow with the entries.

In: a connection inside a transaction, and a filter. Out: `Totals`. Whole months come from the
running totals; days at either end of a range that are no whole month are summed entry by entry.
Changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Subquery,
    Table,
    case,
    exists,
    func,
    select,
    union_all,
)

from core.ledger import schema
from core.ledger.chain import head
from core.ledger.masks import masked
from core.ledger.records import (
    ARTIST,
    CREDIT,
    ESCROW,
    ISSUED,
    PROPONENT,
    UNATTRIBUTED,
    WITHHELD,
    ArtistTotal,
    LedgerFilter,
    Totals,
)

txn, posting, run = schema.txn.c, schema.posting.c, schema.run.c
EVERYONE = ""  # the id under which `entry_total` counts every entry
NAMED_AT_MOST = 500  # ids in one question; for more, everybody is asked for


@dataclass(frozen=True)
class Span:
    """A range of days: whole months [first, end) as YYYY-MM, and the days left at its ends.

    `months` None: no month is whole. A bound of None is no bound.
    """

    months: tuple[str | None, str | None] | None
    edges: tuple[tuple[str | None, str | None], ...] = ()


def span(since: str | None, until: str | None) -> Span:
    """[since, until) taken apart. What is no day is compared as it is, entry by entry."""
    day_by_day = Span(None, ((since, until),))
    try:
        first = None if since is None else _first_month(date.fromisoformat(since))
        end = None if until is None else f"{date.fromisoformat(until):%Y-%m}"
    except ValueError:
        return day_by_day
    if first is not None and end is not None and first >= end:
        return day_by_day
    edges: list[tuple[str | None, str | None]] = []
    if first is not None and since != f"{first}-01":
        edges.append((since, f"{first}-01"))
    if end is not None and until != f"{end}-01":
        edges.append((f"{end}-01", until))
    return Span((first, end), tuple(edges))


def _first_month(day: date) -> str:
    """The first month that begins on this day or later; `ValueError` where there is none."""
    if day.day == 1:
        return f"{day:%Y-%m}"
    return f"{date(day.year + day.month // 12, day.month % 12 + 1, 1):%Y-%m}"


def totals(connection: Connection, selected: LedgerFilter, most: int | None = None) -> Totals:
    """Net credit per artist over the chosen entries; reversals take back what they reverse.

    `most`: how many artists are listed, the highest first; the others are counted.
    """
    days = span(selected.since, selected.until)
    entries, issued, unattributed = counted(connection, selected)
    rows = connection.execute(_ranked(selected, days, most)).all()
    works = _works(connection, selected, days, {row.artist_id for row in rows})
    parts = [unattributed, *(row.micro for row in rows)]
    apportioned = all(0 <= part <= issued for part in parts)
    listed: dict[str, list[ArtistTotal]] = {ARTIST: [], ESCROW: []}
    credited = everybody = paid = 0
    hidden = masked(connection)
    for who, account, name, micro, credits, count, whole, above in rows:
        share = micro / issued if issued and apportioned else 0.0
        name = WITHHELD if who in hidden else name
        one = ArtistTotal(who, name, micro, share, works.get(who, 0), credits)
        listed[account].append(one)
        if account == ARTIST:
            everybody, paid, credited = count, whole, above
    artists = tuple(listed[ARTIST])
    return Totals(
        artists=artists,
        unattributed_micro=unattributed,
        total_micro=issued,
        entries=entries,
        head_hash=head(connection),
        unknown=tuple(listed[ESCROW]),
        credited=credited,
        more=everybody - len(artists),
        more_micro=paid - sum(row.micro for row in artists),
        apportioned=apportioned,
    )


def balances(connection: Connection) -> dict[tuple[str, str], int]:
    """(artist id, account) -> net micro-credits, of everybody whom an entry ever touched."""
    table = schema.artist_total.c
    rows = connection.execute(select(table.artist_id, table.account, table.micro))
    return {(who, account): micro for who, account, micro in rows}


def months(connection: Connection, artist_id: str) -> tuple[str, ...]:
    """The months (YYYY-MM) in which entries touched an artist, the newest first."""
    table = schema.entry_total.c
    query = select(table.month).where(table.artist_id == artist_id).distinct()
    return tuple(connection.execute(query.order_by(table.month.desc())).scalars())


def artist_sums(
    connection: Connection, artist_id: str, since: str | None, until: str | None
) -> tuple[int, int, int]:
    """Micro-credits paid to an artist, kept in escrow under the name, and how many entries."""
    selected = LedgerFilter(artist=artist_id, since=since, until=until)
    each = _credit(selected, span(since, until)).c
    micro = dict(connection.execute(select(each.account, each.micro)).all())
    return micro.get(ARTIST, 0), micro.get(ESCROW, 0), counted(connection, selected)[0]


def _ranked(selected: LedgerFilter, days: Span, most: int | None) -> Select[Any]:
    """Artists by account, the highest first, with how many there are, their sum, how many have any;
    of those who are paid the first `most`."""
    each = _credit(selected, days).c
    name = func.coalesce(schema.artist.c.name, each.artist_id)
    order = (each.micro.desc(), name, each.artist_id)
    rows = (
        select(
            each.artist_id,
            each.account,
            name.label("name"),
            each.micro,
            each.credits,
            func.count().over(partition_by=each.account).label("everybody"),
            func.sum(each.micro).over(partition_by=each.account).label("whole"),
            func.sum(case((each.micro > 0, 1), else_=0))
            .over(partition_by=each.account)
            .label("above"),
            func.row_number().over(partition_by=each.account, order_by=order).label("place"),
        )
        .select_from(
            each.artist_id.table.outerjoin(schema.artist, schema.artist.c.id == each.artist_id)
        )
        .subquery()
        .c
    )
    columns = [column for column in rows if column.name != "place"]
    query = select(*columns).order_by(rows.account, rows.place)
    return query if most is None else query.where((rows.place <= most) | (rows.account == ESCROW))


def _credit(selected: LedgerFilter, days: Span) -> Subquery:
    """artist_id, account, micro-credits, and how many credits among the entries."""
    parts = list(_credit_queries(selected, days))
    if len(parts) == 1:
        return parts[0].subquery()
    each = union_all(*parts).subquery().c
    return (
        select(
            each.artist_id,
            each.account,
            func.sum(each.micro).label("micro"),
            func.sum(each.credits).label("credits"),
        )
        .group_by(each.artist_id, each.account)
        .subquery()
    )


def _credit_queries(selected: LedgerFilter, days: Span) -> Iterator[Select[Any]]:
    plain = (selected.style, selected.kind, selected.since, selected.until) == (None,) * 4
    if plain:
        table = schema.artist_total.c
        query = select(table.artist_id, table.account, table.micro, table.entries.label("credits"))
        yield query if selected.artist is None else query.where(table.artist_id == selected.artist)
        return
    if days.months is not None:
        sums = schema.credit_total.c
        query = select(
            sums.artist_id,
            sums.account,
            func.sum(sums.micro).label("micro"),
            func.sum(sums.entries).label("credits"),
        )
        query = query.where(*_of_totals(schema.credit_total, selected, days.months))
        if selected.artist is not None:
            query = query.where(sums.artist_id == selected.artist)
        yield query.group_by(sums.artist_id, sums.account)
    for edge in days.edges:
        query = (
            select(
                posting.artist_id,
                posting.account,
                func.sum(posting.micro).label("micro"),
                func.count(case((txn.kind == CREDIT, txn.seq)).distinct()).label("credits"),
            )
            .select_from(schema.txn.join(schema.posting, posting.txn_id == txn.id))
            .where(posting.artist_id.is_not(None), *entry_conditions(selected, edge))
        )
        if selected.artist is not None:
            query = query.where(posting.artist_id == selected.artist)
        yield query.group_by(posting.artist_id, posting.account)


def counted(connection: Connection, selected: LedgerFilter) -> tuple[int, int, int]:
    """How many entries are chosen, what they issued, and what of it is unattributed."""
    days = span(selected.since, selected.until)
    queries: list[Select[Any, Any, Any]] = []
    if days.months is not None:
        sums = schema.entry_total.c
        queries.append(
            select(func.sum(sums.entries), func.sum(sums.issued), func.sum(sums.unattributed))
            .where(sums.artist_id == (selected.artist or EVERYONE))
            .where(*_of_totals(schema.entry_total, selected, days.months))
        )
    for edge in days.edges:
        queries.append(
            select(
                func.count(txn.seq.distinct()),
                func.sum(case((posting.account == ISSUED, -posting.micro), else_=0)),
                func.sum(case((posting.account == UNATTRIBUTED, posting.micro), else_=0)),
            )
            .select_from(schema.txn.join(schema.posting, posting.txn_id == txn.id))
            .where(*entry_conditions(selected, edge), *_touching(selected))
        )
    counts = [0, 0, 0]
    for query in queries:
        for place, value in enumerate(connection.execute(query).one()):
            counts[place] += value or 0
    return counts[0], counts[1], counts[2]


def _works(
    connection: Connection, selected: LedgerFilter, days: Span, ids: Collection[str]
) -> dict[str, int]:
    """How many works of each artist were proponents of the pictures that the entries are about."""
    table = schema.artist_work.c
    query = select(table.artist_id, table.work_id)
    if days.months is not None:
        query = query.where(*_of_totals(schema.artist_work, selected, days.months))
    if selected.artist is not None:
        query = query.where(table.credited == 1)
    if len(ids) <= NAMED_AT_MOST:
        query = query.where(table.artist_id.in_(ids))
    if not days.edges:
        each = query.subquery().c
        counts = select(each.artist_id, func.count(each.work_id.distinct()))
        return dict(connection.execute(counts.group_by(each.artist_id)).all())
    works: set[tuple[str, str]] = set()
    if days.months is not None:
        works.update(connection.execute(query.distinct()).all())
    rows = schema.influence.c
    for edge in days.edges:
        shaped = (
            select(rows.artist_id, rows.work_id, rows.makers)
            .select_from(schema.txn.join(schema.influence, rows.run_id == txn.run_id))
            .where(rows.side == PROPONENT, *entry_conditions(selected, edge), *_touching(selected))
        )
        if len(ids) <= NAMED_AT_MOST:
            shaped = shaped.where(rows.artist_id.in_(ids) | rows.makers.is_not(None))
        for who, work, makers in connection.execute(shaped):
            makers = [who] if makers is None else [one[0] for one in json.loads(makers)]
            works.update((maker, work) for maker in makers)
    of: dict[str, int] = {}
    for who, _ in works:
        of[who] = of.get(who, 0) + 1
    return of


def _of_totals(
    table: Table, selected: LedgerFilter, months: tuple[str | None, str | None]
) -> Iterator[ColumnElement[bool]]:
    first, end = months
    if selected.style is not None:
        yield table.c.style == selected.style
    if selected.kind is not None:
        yield table.c.kind == selected.kind
    if first is not None:
        yield table.c.month >= first
    if end is not None:
        yield table.c.month < end


def entry_conditions(
    selected: LedgerFilter, edge: tuple[str | None, str | None]
) -> Iterator[ColumnElement[bool]]:
    """What the filter asks of entries and their runs, between two moments; not whose they are."""
    since, until = edge
    if since is not None:
        yield txn.created_at >= since
    if until is not None:
        yield txn.created_at < until
    if selected.style is not None or selected.kind is not None:
        own = select(run.id).where(run.id == txn.run_id)
        if selected.style is not None:
            own = own.where(run.style == selected.style)
        if selected.kind is not None:
            own = own.where(run.kind == selected.kind)
        yield own.correlate(schema.txn).exists()


def _touching(selected: LedgerFilter) -> Iterator[ColumnElement[bool]]:
    """Entries with a line of the chosen artist."""
    if selected.artist is not None:
        account = schema.artist_entry.c
        yield exists().where(account.artist_id == selected.artist, account.seq == txn.seq)
