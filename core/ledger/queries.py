"""Reading: runs, entries, totals, statements, from one connection. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Select, and_, func, select

from core.errors import LedgerError
from core.ledger import schema
from core.ledger.canonical import GENESIS
from core.ledger.records import (
    ARTIST,
    CREDIT,
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
    RunView,
    Statement,
    StatusChange,
    Totals,
)
from core.ledger.shares import Evidence
from core.ledger.write import JSON_FIELDS, loads

txn, posting, run = schema.txn.c, schema.posting.c, schema.run.c
ACTIVE = "active"


def _chosen(selected: LedgerFilter) -> Select[Any]:
    """Entries (joined to their runs) that the filter lets through: (seq, id)."""
    query = select(txn.seq, txn.id).select_from(
        schema.txn.outerjoin(schema.run, txn.run_id == run.id)
    )
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
    """Net credit an artist over the chosen entries; reversals take back what they reverse."""
    chosen = _chosen(selected).subquery()
    joined = schema.posting.join(chosen, posting.txn_id == chosen.c.id)
    sums = connection.execute(
        select(posting.account, posting.artist_id, func.sum(posting.micro))
        .select_from(joined)
        .group_by(posting.account, posting.artist_id)
    ).all()
    issued = -sum(micro for account, _, micro in sums if account == ISSUED)
    unattributed = sum(micro for account, _, micro in sums if account == UNATTRIBUTED)
    credited: dict[str, int] = dict(
        connection.execute(
            select(posting.artist_id, func.count(func.distinct(posting.txn_id)))
            .select_from(joined.join(schema.txn, txn.id == posting.txn_id))
            .where(posting.account == ARTIST, txn.kind == CREDIT)
            .group_by(posting.artist_id)
        ).all()
    )
    worked = _proponent_works(connection, selected)
    names = {one.id: one.name for one in artists(connection)}
    rows = [
        ArtistTotal(
            who, names.get(who, who), micro, micro / issued if issued else 0.0,
            worked.get(who, 0), credited.get(who, 0),
        )
        for account, who, micro in sums
        if account == ARTIST and (selected.artist in (None, who))
    ]  # fmt: skip
    rows.sort(key=lambda row: (-row.micro, row.name, row.artist_id))
    count = connection.execute(select(func.count()).select_from(chosen)).scalar_one()
    return Totals(tuple(rows), unattributed, issued, count, head(connection))


def _proponent_works(connection: Connection, selected: LedgerFilter) -> dict[str, int]:
    chosen = _chosen(selected).subquery()
    table = schema.influence.c
    return dict(
        connection.execute(
            select(table.artist_id, func.count(func.distinct(table.work_id)))
            .select_from(schema.influence.join(schema.txn, table.run_id == txn.run_id))
            .where(txn.seq.in_(select(chosen.c.seq)), table.side == PROPONENT)
            .group_by(table.artist_id)
        ).all()
    )


def head(connection: Connection) -> str:
    """The hash of the last entry."""
    found = connection.execute(select(txn.hash).order_by(txn.seq.desc()).limit(1)).scalar()
    return found or GENESIS


def entries(
    connection: Connection, selected: LedgerFilter, page: int, per_page: int
) -> Page[Entry]:
    """The chosen entries, newest first."""
    query = _chosen(selected)
    total = connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()
    numbers = connection.execute(
        query.order_by(txn.seq.desc()).limit(per_page).offset((page - 1) * per_page)
    ).all()
    return Page(tuple(_entries(connection, [row[0] for row in numbers])), page, per_page, total)


def entry(connection: Connection, number: int) -> Entry | None:
    """One entry by its number."""
    found = _entries(connection, [number])
    return found[0] if found else None


def entry_number(connection: Connection, entry_id: str) -> int | None:
    """The number of the entry with this id."""
    found: int | None = connection.execute(select(txn.seq).where(txn.id == entry_id)).scalar()
    return found


def _entries(connection: Connection, numbers: Iterable[int]) -> list[Entry]:
    wanted = list(numbers)
    rows = connection.execute(
        select(schema.txn, run.kind.label("run_kind"), run.style, run.image_file)
        .select_from(schema.txn.outerjoin(schema.run, txn.run_id == run.id))
        .where(txn.seq.in_(wanted))
        .order_by(txn.seq.desc())
    ).mappings().all()  # fmt: skip
    lines: dict[str, list[Posting]] = {}
    for row in connection.execute(
        select(schema.posting)
        .where(posting.txn_id.in_([row["id"] for row in rows]))
        .order_by(posting.txn_id, posting.line)
    ).mappings():
        lines.setdefault(row["txn_id"], []).append(
            Posting(row["account"], row["artist_id"], row["artist"], row["micro"])
        )
    reversals = dict(
        connection.execute(select(txn.reverses, txn.seq).where(txn.reverses.in_(wanted))).all()
    )
    return [
        Entry(
            row["id"], row["seq"], row["kind"], row["run_id"], row["rule_id"], row["reverses"],
            reversals.get(row["seq"]), row["reason"], row["actor"], row["created_at"],
            row["hash"], tuple(lines.get(row["id"], ())), row["run_kind"] or "",
            row["style"] or "", row["image_file"] or "",
        )
        for row in rows
    ]  # fmt: skip


def runs(connection: Connection, selected: LedgerFilter, page: int, per_page: int) -> Page[RunView]:
    """Recorded runs, newest first, without their influences."""
    query = select(run.number)
    conditions = []
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
                    table.artist_id == selected.artist, table.side == PROPONENT
                )
            )
        )
    query = query.where(and_(True, *conditions))
    total = connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()
    numbers = connection.execute(
        query.order_by(run.number.desc()).limit(per_page).offset((page - 1) * per_page)
    ).scalars()
    found = [_run_view(connection, run.number == number, False) for number in numbers.all()]
    return Page(tuple(view for view in found if view is not None), page, per_page, total)


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
        for found in connection.execute(
            select(table).where(table.c.run_id == row["id"]).order_by(table.c.side, table.c.rank)
        ).mappings():
            influences.append(RunInfluence(**{key: found[key] for key in found if key != "run_id"}))
    values: dict[str, Any] = {
        name: loads(value) if name in JSON_FIELDS and value is not None else value
        for name, value in row.items()
        if name not in ("number", "digest", "entry_key")
    }
    number, taken_back = None, False
    if row["entry_key"] is not None:
        number = connection.execute(
            select(txn.seq).where(txn.idempotency_key == row["entry_key"])
        ).scalar()
        taken_back = (
            connection.execute(select(txn.seq).where(txn.reverses == number)).first() is not None
        )
    if values["evidence"] is not None:
        values["evidence"] = Evidence.from_plain(values["evidence"])
    record = RunRecord(**values, influences=tuple(influences))
    return RunView(row["number"], record, number, taken_back)


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


def statement(connection: Connection, artist_id: str, period: str | None) -> Statement:
    """Every entry that touched an artist in a month (YYYY-MM), or ever, oldest first."""
    known = {one.id: one for one in artists(connection)}
    if artist_id not in known:
        raise LedgerError(f"The ledger knows no artist '{artist_id}'.")
    selected = LedgerFilter(artist=artist_id, since=period, until=_next_month(period))
    numbers = connection.execute(_chosen(selected).order_by(txn.seq)).all()
    found = sorted(_entries(connection, [row[0] for row in numbers]), key=lambda one: one.number)
    lines = tuple(
        (one, sum(line.micro for line in one.postings if line.artist_id == artist_id))
        for one in found
    )
    table = schema.artist_status
    changes = tuple(
        StatusChange(
            row["artist_id"], row["status"], row["reason"], row["actor"], row["created_at"]
        )
        for row in connection.execute(
            select(table).where(table.c.artist_id == artist_id).order_by(table.c.seq)
        ).mappings()
    )
    return Statement(known[artist_id], period, sum(m for _, m in lines), lines, changes)


def _next_month(period: str | None) -> str | None:
    if period is None:
        return None
    try:
        year, month = (int(part) for part in period.split("-"))
        if len(period) != 7 or not 1 <= month <= 12:
            raise ValueError(period)
    except ValueError as error:
        raise LedgerError(f"'{period}' is no month. Write it as YYYY-MM.") from error
    return f"{year + month // 12:04d}-{month % 12 + 1:02d}"
