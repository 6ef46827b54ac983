"""What the ledger answers as JSON, one model per object: totals, entries, statements, runs.

In: the ledger's frozen values. Out: frozen models as in `serialize`. Sums nothing: the ledger does.
An exported entry is `core.ledger.export.ExportedEntry`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, field_validator

from app.services.serialize import Number, Record, RemainderRecord
from core.ledger.evidence import Evidence
from core.ledger.records import (
    ESCROW,
    Entry,
    LedgerFilter,
    Page,
    RunInfluence,
    RunRecord,
    RunView,
    Statement,
    Totals,
)
from core.ledger.statement import posted

if TYPE_CHECKING:
    from core.ledger.inclusion import InclusionProof
    from core.ledger.ledger import Ledger


class ArtistCredit(Record):
    """One artist's net credit."""

    artist: str = Field(description="Name of the artist")
    artist_id: str = Field(description="Id of the artist")
    micro: int = Field(description="Micro-credits")
    share: Number = Field(description="Part of the total, 0 to 1; 0 where reversals leave no whole")
    works: int = Field(description="Works that were proponents")
    entries: int = Field(description="Entries that credited them")


class LedgerTotals(Record):
    """Credit of every artist, and what is unattributed."""

    artists: tuple[ArtistCredit, ...] = Field(description="Highest credit first")
    unknown_micro: int = Field(description="In escrow (unknown makers, disputes), in micro-credits")
    unattributed_micro: int = Field(description="Micro-credits of no artist")
    total_micro: int = Field(description="Micro-credits altogether")
    entries: int = Field(description="How many entries")
    head_hash: str = Field(description="Hash of the newest entry")

    @classmethod
    def of(cls, totals: Totals) -> Self:
        """Of the chosen entries."""
        artists = [asdict(row) for row in totals.artists]
        return cls(
            artists=tuple(ArtistCredit(artist=row.pop("name"), **row) for row in artists),
            unknown_micro=totals.unknown_micro,
            unattributed_micro=totals.unattributed_micro,
            total_micro=totals.total_micro,
            entries=totals.entries,
            head_hash=totals.head_hash,
        )


class PostingRecord(Record):
    """One line of an entry."""

    account: str = Field(
        description="`issued`, `artist`, `escrow` (nobody knows the maker) or `unattributed`"
    )
    artist: str | None = Field(description="Name of the artist; null: none")
    artist_id: str | None = Field(description="Id of the artist; null: none")
    micro: int = Field(description="Micro-credits; an entry's sum to 0")


class EntryRecord(Record):
    """One entry with its lines."""

    entry: int = Field(description="Number, from 1")
    id: str = Field(description="Id of the entry")
    kind: str = Field(description="`credit`, `reversal` or `adjustment` (a dispute moved it)")
    created_at: str = Field(description="UTC, ISO 8601")
    run: str | None = Field(description="Id of the run; null: none")
    run_kind: str = Field(description="`generation`, `upload` or `example`; empty: no run")
    style: str = Field(
        validation_alias="class", serialization_alias="class", description="Class of the run"
    )
    rule: str = Field(description="Id of the share rule")
    dispute: int | None = Field(description="The dispute that made an adjustment; null: none")
    disputed: int | None = Field(description="The entry that dispute is about; null: none")
    reverses: int | None = Field(description="The entry it takes back; null: none")
    reversed_by: int | None = Field(description="The entry that takes it back; null: none")
    reason: str | None = Field(description="Of a reversal")
    actor: str | None = Field(description="Who asked for it, or reversed it; null: not known")
    credited: str = Field(description="Names of the artists, by comma, or `unattributed`")
    postings: tuple[PostingRecord, ...] = Field(description="Its lines")
    hash: str = Field(description="Of this entry and the one before")

    @classmethod
    def of(cls, entry: Entry) -> Self:
        """Of one entry."""
        credited = dict.fromkeys(
            one.artist
            for one in entry.postings
            # of a dispute's move: whom it comes to, not whose account it leaves
            if one.artist is not None and (entry.dispute is None or one.micro > 0)
        )
        return cls(
            entry=entry.number,
            id=entry.id,
            kind=entry.kind,
            created_at=entry.created_at,
            run=entry.run_id,
            run_kind=entry.run_kind,
            style=entry.style,
            rule=entry.rule_id,
            dispute=entry.dispute,
            disputed=entry.disputed,
            reverses=entry.reverses,
            reversed_by=entry.reversed_by,
            reason=entry.reason,
            actor=entry.actor,
            credited=", ".join(credited) or "unattributed",
            postings=tuple(PostingRecord.model_validate(line) for line in entry.postings),
            hash=entry.hash,
        )


class EntriesPage(Record):
    """A page of entries."""

    entries: tuple[EntryRecord, ...] = Field(description="Newest first")
    page: int = Field(description="Which page, from 1")
    pages: int = Field(description="How many pages")
    per_page: int = Field(description="Entries per page")
    total: int = Field(description="Entries on all pages")

    @classmethod
    def of(cls, page: Page[Entry]) -> Self:
        """Of the chosen entries."""
        return cls(
            entries=tuple(EntryRecord.of(entry) for entry in page.items),
            page=page.page,
            pages=page.pages,
            per_page=page.per_page,
            total=page.total,
        )


class StatusChangeRecord(Record):
    """One change of an artist's status."""

    artist_id: str = Field(description="Id of the artist")
    status: str = Field(description="`active` or `opted-out`")
    reason: str = Field(description="Why")
    actor: str = Field(description="Who changed it")
    created_at: str = Field(description="UTC, ISO 8601")
    masked: bool = Field(description="Whether the name is withheld since")


class ArtistRecord(Record):
    """One artist's status and credit."""

    artist: str = Field(description="Name of the artist")
    artist_id: str = Field(description="Id of the artist")
    status: str = Field(description="`active` or `opted-out`")
    micro: int = Field(description="Micro-credits")
    works: int = Field(description="Works that were proponents")
    entries: int = Field(description="Entries that credited them")
    changes: tuple[StatusChangeRecord, ...] = Field(description="Every change of status")

    @classmethod
    def of(cls, ledger: Ledger, artist_id: str) -> Self:
        """Of an artist the ledger knows, read in one moment."""
        with ledger.moment() as moment:
            statement = moment.artist_statement(artist_id, newest=0)
            totals = moment.totals(LedgerFilter(artist=artist_id))
        row = next((one for one in totals.artists if one.artist_id == artist_id), None)
        return cls(
            artist=statement.artist.name,
            artist_id=artist_id,
            status=statement.artist.status,
            micro=statement.micro,
            works=row.works if row else 0,
            entries=row.entries if row else 0,
            changes=tuple(StatusChangeRecord.model_validate(one) for one in statement.changes),
        )


class StatementLine(Record):
    """One entry of a statement."""

    entry: int = Field(description="Number of the entry")
    created_at: str = Field(description="UTC, ISO 8601")
    kind: str = Field(description="`credit`, `reversal` or `adjustment` (a dispute moved it)")
    run: str | None = Field(description="Id of the run; null: none")
    micro: int = Field(description="Micro-credits to the artist")
    escrow_micro: int = Field(description="Micro-credits to escrow, paid to nobody")
    rule: str = Field(description="Id of the share rule")
    dispute: int | None = Field(description="Number of the dispute that moved it; null: none")
    reason: str | None = Field(description="Of a reversal or an adjustment")


class StatementRecord(Record):
    """An artist's period: what it opens with, every entry, what it closes with."""

    artist: str = Field(description="Name of the artist")
    artist_id: str = Field(description="Id of the artist")
    period: str | None = Field(description="YYYY-MM; null: all time")
    since: str | None = Field(description="First day; null: from the beginning")
    until: str | None = Field(description="The day after the last one; null: no end")
    unit: str = Field(description="`credits`: one for each picture, not money")
    opening_micro: int = Field(description="Balance before, in micro-credits")
    micro: int = Field(description="Micro-credits, the sum of the lines")
    closing_micro: int = Field(description="Balance after: what the next period opens with")
    escrow_opening_micro: int = Field(description="In escrow before, paid to nobody")
    escrow_closing_micro: int = Field(description="In escrow after")
    head_before: str = Field(description="Hash of the last entry before the period")
    head_after: str = Field(description="Hash of the last entry up to its end")
    entries: tuple[StatementLine, ...] = Field(description="Oldest first")

    @classmethod
    def of(cls, statement: Statement) -> Self:
        """Of one artist."""
        lines = (
            StatementLine(
                entry=entry.number,
                created_at=entry.created_at,
                kind=entry.kind,
                run=entry.run_id,
                micro=micro,
                escrow_micro=posted(entry, ESCROW, statement.artist.id),
                rule=entry.rule_id,
                dispute=entry.dispute,
                reason=entry.reason,
            )
            for entry, micro in statement.lines
        )
        return cls(
            artist=statement.artist.name,
            artist_id=statement.artist.id,
            period=statement.period,
            since=statement.since,
            until=statement.until,
            unit="credits",
            opening_micro=statement.opening,
            micro=statement.micro,
            closing_micro=statement.closing,
            escrow_opening_micro=statement.escrow_opening,
            escrow_closing_micro=statement.escrow_closing,
            head_before=statement.head_before,
            head_after=statement.head_after,
            entries=tuple(lines),
        )


class FirstBadRecord(Record):
    """Where the proof fails."""

    entry: int = Field(description="Number of the entry; 0: the ledger as a whole")
    reason: str = Field(description="What is wrong")


class VerificationRecord(Record):
    """Whether every entry is as it was written, as far as it was looked at now."""

    ok: bool = Field(description="Whether the proof holds")
    entries: int = Field(description="Entries of the ledger")
    verified: int = Field(description="Entries recomputed now; those before were verified earlier")
    whole: bool = Field(description="Whether everything was recomputed, the running totals too")
    head_hash: str = Field(description="Hash of the newest entry")
    first_bad: FirstBadRecord | None = Field(description="null: none")


class PublicationRecord(Record):
    """A checkpoint that was signed, and where it lies."""

    number: int = Field(description="Of the checkpoint, from 1")
    published_at: str = Field(description="UTC, ISO 8601")
    entries: int = Field(description="Entries that it covers")
    head: str = Field(description="Hash of the last of them")
    entries_root: str = Field(description="Merkle root over their hashes (RFC 6962)")
    key: str = Field(description="Fingerprint of the public key")
    checkpoints: Path = Field(description="The file, to be copied to others")
    public_key: Path = Field(description="The public key, to be copied to others")


class ProofRecord(Record):
    """A proof that an entry is in the ledger."""

    entry: int = Field(description="Number of the entry")
    created_at: str = Field(description="When it was booked: UTC, ISO 8601")
    hash: str = Field(description="Of the entry")
    checkpoint: int = Field(description="Number of the checkpoint it is proved against")
    published_at: str = Field(description="When that was signed: UTC, ISO 8601")
    key: str = Field(description="Fingerprint of the public key")

    @classmethod
    def of(cls, proof: InclusionProof) -> Self:
        """Of a proof that holds."""
        return cls(
            entry=proof.entry["seq"],
            created_at=proof.entry["created_at"],
            hash=proof.entry["hash"],
            checkpoint=proof.head.number,
            published_at=proof.head.published_at,
            key=proof.head.key,
        )


class BackupRecord(Record):
    """A copy of the ledger, verified."""

    path: Path = Field(description="Where it lies")
    entries: int = Field(description="How many entries it has")
    head_hash: str = Field(description="Hash of the last of them")


class RestorationRecord(Record):
    """A backup that took the ledger's place."""

    entries: int = Field(description="How many entries there are now")
    head_hash: str = Field(description="Hash of the last of them")
    before: int | None = Field(description="How many there were; null: could not be read")
    kept: Path | None = Field(description="Where the ledger of before lies; null: there was none")


class MakerRecord(Record):
    """One of several makers of a work."""

    artist_id: str = Field(description="Id of the artist")
    artist: str = Field(description="Name of the artist")
    weight: int = Field(description="Parts of the work's credit that are theirs")


class RecordedInfluence(Record):
    """One work's part in a run, as it was said then."""

    side: str = Field(description="`proponent`, `opponent` or `memorised`")
    rank: int = Field(description="On its side, from 1")
    work_id: str = Field(description="Id of the work in its collection")
    title: str = Field(description="Title of the work")
    artist_id: str = Field(description="Id of its artist, of several the first")
    artist: str = Field(description="Who made it, as a label says it")
    style: str = Field(description="Class of the work")
    year: str = Field(description="Year of the work; empty: not known")
    licence: str = Field(description="Licence of the work; empty: not stated")
    file: str = Field(description="The picture, relative to the collection")
    score: Number = Field(description="Positive: proponent; negative: opponent")
    z: Number = Field(description="Standard deviations above the work's score on other pictures")
    self_influence: Number = Field(description="The work's influence on itself")
    part: Number | None = Field(description="How much of the picture is owed to it; null: unknown")
    makers: tuple[MakerRecord, ...] | None = Field(description="null: one maker, the artist")

    @field_validator("makers", mode="before")
    @classmethod
    def _named(cls, makers: Sequence[tuple[str, str, int]] | None) -> object:
        return makers and [
            {"artist_id": who, "artist": name, "weight": weight} for who, name, weight in makers
        ]


class ArtistEvidence(Record):
    """What a run measured for one artist, whichever rule shares by it."""

    artist_id: str = Field(description="Id of the artist")
    influence: Number = Field(description="Sum of the squared positive scores of their works")
    chance: Number = Field(description="How often an artist without a part reaches as much")
    joined_z: Number = Field(description="Their works' z, joined")


class RestRecord(Record):
    """In an evidence pack: what stands for the artists who are not listed."""

    artists: int = Field(description="How many they are")
    influence: tuple[Number, ...] = Field(description="Their influence is the exact sum of these")
    sha256: str = Field(description="Of the whole evidence, as the run's digest covers it")


class EvidenceRecord(Record):
    """What every share rule can be applied to again."""

    attributable: Number = Field(description="How much is owed to the collection, 0 to 1")
    artists: tuple[ArtistEvidence, ...] = Field(
        description="Every artist of the collection; in an evidence pack those who matter, if many"
    )
    signals: dict[str, Number] = Field(description="What `attributable` follows from")
    departed: Number = Field(description="Influence of works that left the collection")
    rest: RestRecord | None = Field(
        default=None,
        exclude_if=lambda rest: rest is None,
        description="absent: every artist is listed",
    )


class RecordedRun(Record):
    """A run as it was recorded."""

    number: int = Field(description="Number of the run, from 1")
    entry: int | None = Field(description="Number of the ledger's entry; null: nothing booked")
    reversed: bool = Field(description="Whether that entry was taken back")
    permalink: str = Field(description="Address of the run's page")
    id: str = Field(description="Id of the run")
    kind: str = Field(description="`generation`, `upload` or `example`")
    collection: str = Field(description="Name of the collection")
    style: str = Field(description="Class of the picture")
    prompt: str = Field(description="Prompt of the class")
    seed: int | None = Field(description="null: not painted")
    steps: int | None = Field(description="Denoising steps; null: not painted")
    guidance: Number | None = Field(description="Guidance scale; null: not painted")
    model_digest: str = Field(description="Digest of the model")
    works_digest: str = Field(description="Digest of the works")
    image_sha256: str = Field(description="Digest of size and pixels")
    image_file: str = Field(description="Name of the kept picture; empty: not kept")
    width: int = Field(description="Pixels")
    height: int = Field(description="Pixels")
    method: str = Field(description="Name of the method")
    spec_digest: str = Field(description="Digest of how the features were made")
    device: str = Field(description="Processor that traced it")
    versions: dict[str, str] = Field(description="Libraries and their versions")
    verdict: str = Field(description="`familiar`, `uncertain` or `unfamiliar`")
    familiarity: Number = Field(description="0 to 1")
    words: str = Field(description="The verdict as a sentence")
    query_leverage: Number = Field(description="How unlike the works' features the picture's are")
    seconds: dict[str, Number] = Field(description="How long each part took")
    rule: str = Field(description="Id of the share rule")
    artist_micro: dict[str, int] = Field(description="Micro-credits by artist id")
    unattributed_micro: int = Field(description="Micro-credits that no artist gets")
    created_at: str = Field(description="UTC, ISO 8601")
    influences: tuple[RecordedInfluence, ...] = Field(description="By side and rank")
    title: str = Field(description="File name of an upload")
    evidence: EvidenceRecord | None = Field(description="null: recorded before it was kept")
    remainder: RemainderRecord | None = Field(description="Why no artist gets the rest")
    actor: str | None = Field(description="Who asked; `visitor`: no account; null: not known")

    @classmethod
    def of(cls, view: RunView, permalink: str) -> Self:
        """`permalink`: the address of the run's page."""
        where = {"number": view.number, "entry": view.entry, "reversed": view.reversed}
        return cls.model_validate(where | {"permalink": permalink} | asdict(view.record))

    def record(self) -> RunRecord:
        """The run as the ledger takes it; of abridged evidence what is listed."""
        values = self.plain()
        for name in ("number", "entry", "reversed", "permalink"):
            values.pop(name, None)
        influences = tuple(
            RunInfluence(**row | {"makers": row["makers"] and _as_kept(row["makers"])})
            for row in values.pop("influences")
        )
        if values["evidence"] is not None:
            values["evidence"].pop("rest", None)
            values["evidence"] = Evidence.from_plain(values["evidence"])
        return RunRecord(**values, influences=influences)


def _as_kept(makers: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, str, int], ...]:
    return tuple((one["artist_id"], one["artist"], one["weight"]) for one in makers)
