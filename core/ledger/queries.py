"""Reading: runs, entries, totals, statements, from one connection. Changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select, true

from core.ledger import schema
from core.ledger.database import folded
from core.ledger.evidence import Evidence
from core.ledger.hashes import GENESIS
from core.ledger.records import (
    ARTIST,
    CREDIT,
    ESCROW,
    EVERYTHING,
    ISSUED,
    PROPONENT,
    UNATTRIBUTED,
    ArtistTotal,
    Entry,
    KnownArtist,
    LedgerFilter,
    Page,
    Posting,
    RunInfluence,
    RunRecord,
    RunSearch,
    RunView,
    Totals,
)
from core.ledger.shares import KNOWN_RULES, ShareRule, read_rule
from core.ledger.write import JSON_FIELDS, loads

txn, posting, run = schema.txn.c, schema.posting.c, schema.run.c
ACTIVE = "active"
LONGEST_NUMBER = 12  # digits of a run's number in a search
ROWS_AT_ONCE = 500  # that are fetched of a long answer; the rest waits in the database


def _chosen(selected: LedgerFilter, *columns: Any) -> Select[Any]:
    """`columns` of the entries that the filter lets through; joins only what a filter needs."""
    query = select(*columns).select_from(schema.txn)
    if selected.style is not None or selected.kind is not None:
        query = query.join(schema.run, txn.run_id == run.id)
    if selected.style is not None:
        query = query.where(run.style == selected.style)
    if selected.kind is not None:
        query = query.where(run.kind == selected.kind)
    if selected.since is not None:
        query = query.where(txn.created_at >= selected.since)
    if selected.until is not None:
        query = query.where(txn.created_at < selected.until)
    if selected.artist is not None:
        query = query.where(
            txn.id.in_(select(posting.txn_id).where(posting.artist_id == selected.artist))
        )
    return query


def totals(connection: Connection, selected: LedgerFilter) -> Totals:
    """Net credit per artist over the chosen entries; reversals take back what they reverse."""
    lines = select(
        posting.account,
        posting.artist_id,
        func.sum(posting.micro),
        func.count(func.distinct(posting.txn_id)).filter(
            posting.txn_id.not_in(select(txn.id).where(txn.kind != CREDIT))
        ),
    ).group_by(posting.account, posting.artist_id)
    if selected != EVERYTHING:
        lines = lines.where(posting.txn_id.in_(_chosen(selected, txn.id)))
    sums = connection.execute(lines).all()
    issued = -sum(micro for account, _, micro, _ in sums if account == ISSUED)
    unattributed = sum(micro for account, _, micro, _ in sums if account == UNATTRIBUTED)
    worked = _proponent_works(connection, selected)
    names = {one.id: one.name for one in artists(connection)}
    rows: dict[str, list[ArtistTotal]] = {ARTIST: [], ESCROW: []}
    for account, who, micro, credited in sums:
        if account in rows and selected.artist in (None, who):
            share = micro / issued if issued else 0.0
            one = ArtistTotal(who, names.get(who, who), micro, share, worked.get(who, 0), credited)
            rows[account].append(one)
    paid, kept = (
        tuple(sorted(each, key=lambda row: (-row.micro, row.name, row.artist_id)))
        for each in (rows[ARTIST], rows[ESCROW])
    )
    count = connection.execute(_chosen(selected, func.count())).scalar_one()
    return Totals(paid, unattributed, issued, count, head(connection), kept)


def _proponent_works(connection: Connection, selected: LedgerFilter) -> dict[str, int]:
    table = schema.influence.c
    chosen = and_(table.side == PROPONENT, table.run_id.in_(_chosen(selected, txn.run_id)))
    counts: dict[str, int] = dict(
        connection.execute(
            select(table.artist_id, func.count(func.distinct(table.work_id)))
            .where(chosen, table.makers.is_(None))
            .group_by(table.artist_id)
        ).all()
    )
    shared = connection.execute(
        select(table.work_id, table.makers).where(chosen, table.makers.is_not(None)).distinct()
    )
    works = {(work, who) for work, makers in shared for who, _, _ in json.loads(makers)}
    for _, who in works:
        counts[who] = counts.get(who, 0) + 1
    return counts


def head(connection: Connection) -> str:
    """The hash of the last entry."""
    last: str | None = connection.execute(
        select(txn.hash).order_by(txn.seq.desc()).limit(1)
    ).scalar()
    return last or GENESIS


def size(connection: Connection) -> int:
    """How many entries there are: their numbers have no gaps."""
    number: int | None = connection.execute(select(func.max(txn.seq))).scalar()
    return number or 0


def styles(connection: Connection) -> tuple[str, ...]:
    """The classes of the runs, each once, sorted."""
    return tuple(connection.execute(select(run.style).distinct().order_by(run.style)).scalars())


def rules(connection: Connection) -> tuple[ShareRule, ...]:
    """The share rules that entries name, the one of the newest entry first."""
    last = select(txn.rule_id, func.max(txn.seq).label("seq")).group_by(txn.rule_id).subquery()
    rows = connection.execute(
        select(schema.rule)
        .join(last, last.c.rule_id == schema.rule.c.id)
        .order_by(last.c.seq.desc())
    ).mappings()
    return tuple(read_rule(dict(row)) for row in rows)


def entries(
    connection: Connection, selected: LedgerFilter, page: int, per_page: int
) -> Page[Entry]:
    """The chosen entries, newest first."""
    total = connection.execute(_chosen(selected, func.count())).scalar_one()
    numbers = (
        _chosen(selected, txn.seq)
        .order_by(txn.seq.desc())
        .limit(per_page)
        .offset((page - 1) * per_page)
    )
    newest_first = reversed(list(_entries(connection, txn.seq.in_(numbers))))
    return Page(tuple(newest_first), page, per_page, total)


def every_entry(connection: Connection, selected: LedgerFilter) -> Iterator[Entry]:
    """The chosen entries, oldest first, read as they are taken: however many there are."""
    if selected == EVERYTHING:
        return _entries(connection, true())
    return _entries(connection, txn.seq.in_(_chosen(selected, txn.seq)))


def entry(connection: Connection, number: int) -> Entry | None:
    """One entry by its number."""
    return next(_entries(connection, txn.seq == number), None)


def entry_number(connection: Connection, entry_id: str) -> int | None:
    """The number of the entry with this id."""
    number: int | None = connection.execute(select(txn.seq).where(txn.id == entry_id)).scalar()
    return number


def _entries(connection: Connection, chosen: ColumnElement[bool]) -> Iterator[Entry]:
    """Entries, oldest first, each with its lines: two answers in the same order, side by side."""
    reversal = schema.txn.alias()
    heads = (
        select(
            schema.txn,
            run.kind.label("run_kind"),
            run.style,
            run.image_file,
            reversal.c.seq.label("reversed_by"),
        )
        .select_from(
            schema.txn.outerjoin(schema.run, txn.run_id == run.id).outerjoin(
                reversal, reversal.c.reverses == txn.seq
            )
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
            postings=tuple(Posting(*line[1:]) for line in postings.take(row["seq"])),
            run_kind=row["run_kind"] or "",
            style=row["style"] or "",
            image_file=row["image_file"] or "",
        )


def runs(
    connection: Connection, selected: LedgerFilter, search: RunSearch, page: int, per_page: int
) -> Page[RunView]:
    """Recorded runs, newest first, without their influences."""
    query = select(run.number)
    conditions = _searched(search)
    if selected.style is not None:
        conditions.append(run.style == selected.style)
    if selected.kind is not None:
        conditions.append(run.kind == selected.kind)
    if selected.since is not None:
        conditions.append(run.created_at >= selected.since)
    if selected.until is not None:
        conditions.append(run.created_at < selected.until)
    if selected.artist is not None:
        table = schema.influence.c
        conditions.append(
            run.id.in_(
                select(table.run_id).where(
                    or_(
                        table.artist_id == selected.artist,
                        table.makers.contains(json.dumps(selected.artist), autoescape=True),
                    ),
                    table.side == PROPONENT,
                )
            )
        )
    query = query.where(and_(True, *conditions))
    total = connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()
    numbers = connection.execute(
        query.order_by(run.number.desc()).limit(per_page).offset((page - 1) * per_page)
    ).scalars()
    views = [_run_view(connection, run.number == number, False) for number in numbers.all()]
    return Page(tuple(view for view in views if view is not None), page, per_page, total)


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
    return _run_view(connection, run.id == run_id, True)


def _run_view(connection: Connection, condition: Any, with_influences: bool) -> RunView | None:
    row = connection.execute(select(schema.run).where(condition)).mappings().first()
    if row is None:
        return None
    table = schema.influence
    influences: list[RunInfluence] = []
    if with_influences:
        for influence in connection.execute(
            select(table).where(table.c.run_id == row["id"]).order_by(table.c.side, table.c.rank)
        ).mappings():
            row_values = {key: influence[key] for key in influence if key != "run_id"}
            if influence["makers"] is not None:
                listed = json.loads(influence["makers"])
                row_values["makers"] = tuple((who, name, part) for who, name, part in listed)
            influences.append(RunInfluence(**row_values))
    values: dict[str, Any] = {
        name: loads(value) if name in JSON_FIELDS and value is not None else value
        for name, value in row.items()
        if name not in ("number", "digest", "entry_key")
    }
    number, entry_rule, date, entry_id, taken_back = None, "", "", "", False
    if row["entry_key"] is not None:
        booked = connection.execute(
            select(txn.seq, txn.rule_id, txn.created_at, txn.id).where(
                txn.idempotency_key == row["entry_key"]
            )
        ).first()
        number, entry_rule, date, entry_id = booked or (None, "", "", "")
        taken_back = (
            connection.execute(select(txn.seq).where(txn.reverses == number)).first() is not None
        )
    if values["evidence"] is not None:
        values["evidence"] = Evidence.from_plain(values["evidence"])
    record = RunRecord(**values, influences=tuple(influences))
    rule = _rule(connection, record.rule)
    given = dict(
        connection.execute(
            select(posting.artist_id, posting.micro).where(
                posting.txn_id == entry_id, posting.artist_id.is_not(None)
            )
        ).all()
    )
    return RunView(row["number"], record, number, taken_back, rule, entry_rule, given, date)


def _rule(connection: Connection, rule_id: str) -> ShareRule | None:
    """The share rule that a run names, from its row; runs of before have one only if booked."""
    row = connection.execute(select(schema.rule).where(schema.rule.c.id == rule_id)).mappings()
    values = row.first()
    return KNOWN_RULES.get(rule_id) if values is None else read_rule(dict(values))


def artists(connection: Connection) -> list[KnownArtist]:
    """Every artist the ledger knows, with the newest status."""
    status = dict(
        connection.execute(
            select(schema.artist_status.c.artist_id, schema.artist_status.c.status).order_by(
                schema.artist_status.c.seq
            )
        ).all()
    )
    rows = connection.execute(select(schema.artist).order_by(schema.artist.c.name)).all()
    return [KnownArtist(row[0], row[1], status.get(row[0], ACTIVE)) for row in rows]


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
