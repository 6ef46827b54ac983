"""What `provenance` and `verify` answer as JSON, one model per object; the page shows the same.

In: an authority; what is known of a pack. Out: frozen models as in `serialize`. Verifies nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field

from app.services.serialize import Record
from core.ledger.inclusion import InclusionProof
from core.provenance.authority import Authority


class AuthorityRecord(Record):
    """Who signs pictures here."""

    name: str = Field(description="The signer, as it stands in every picture")
    issuer: str = Field(description="Who certified the signer")
    since: str = Field(description="From when on: UTC, ISO 8601")
    until: str = Field(description="Until when: UTC, ISO 8601")
    ended: bool = Field(description="Whether that is over, so that nothing is signed any more")
    fingerprint: str = Field(description="sha256 of the signer's certificate")
    folder: Path = Field(description="Where the key and the certificates lie")
    root: Path = Field(description="The root's certificate, to be copied to others")
    installed: bool = Field(description="Whether the extra `provenance` is installed")

    @classmethod
    def of(cls, authority: Authority, folder: Path, root: Path, *, installed: bool) -> Self:
        """Of the authority in a folder."""
        return cls(
            name=authority.name,
            issuer=authority.issuer,
            since=authority.since.isoformat(),
            until=authority.until.isoformat(),
            ended=authority.has_ended,
            fingerprint=authority.fingerprint,
            folder=folder,
            root=root,
            installed=installed,
        )


class PackFaultRecord(Record):
    """What is wrong with one file of a pack."""

    file: str = Field(description="Name of the file")
    reason: str = Field(description="What is wrong")


class SealRecord(Record):
    """The signature over the pack's MANIFEST."""

    key: str = Field(description="Fingerprint of the key that signed")
    known: bool = Field(description="Whether it is the key that you gave with `--key`")
    made_at: str = Field(description="When, as the studio says: UTC, ISO 8601")


class PackRunRecord(Record):
    """The run that the pack is about, as its record says."""

    number: int = Field(description="Number of the run, from 1")
    id: str = Field(description="Id of the run")
    kind: str = Field(description="`generation`, `upload` or `example`")
    collection: str = Field(description="Name of the collection")
    prompt: str = Field(description="Prompt of the class")
    created_at: str = Field(description="UTC, ISO 8601")
    model_digest: str = Field(description="Digest of the model")
    method: str = Field(description="Name of the method")
    rule: str = Field(description="Id of the share rule")
    words: str = Field(description="How far to trust the names, as a sentence")


class PackShareRecord(Record):
    """One artist's share of the picture's credit."""

    artist_id: str = Field(description="Id of the artist")
    artist: str = Field(description="Name of the artist")
    micro: int = Field(description="Micro-credits; 1,000,000 per picture")


class PackEntryRecord(Record):
    """The ledger's entry, and the checkpoint by which it is proved."""

    number: int = Field(description="Number of the entry")
    created_at: str = Field(description="When it was booked: UTC, ISO 8601")
    hash: str = Field(description="Of the entry")
    checkpoint: int = Field(description="Number of the checkpoint")
    published_at: str = Field(description="When that was signed: UTC, ISO 8601")

    @classmethod
    def of(cls, proof: InclusionProof) -> Self:
        """Of a proof."""
        return cls(
            number=proof.entry["seq"],
            created_at=proof.entry["created_at"],
            hash=proof.entry["hash"],
            checkpoint=proof.head.number,
            published_at=proof.head.published_at,
        )


class PictureSignatureRecord(Record):
    """What the picture itself carries: Content Credentials (C2PA)."""

    state: str = Field(
        description="`trusted` (by the authority given with `--authority`), `valid` (on no trust "
        "list), `ended`, `invalid`, `unsigned`, or `unread` (the extra is not installed)"
    )
    signer: str = Field(description="Who signed; empty: not known")
    codes: tuple[str, ...] = Field(description="What C2PA's reader found wrong, as it names it")


class PackRecord(Record):
    """An evidence pack, verified."""

    file: str = Field(description="Name of the pack")
    ok: bool = Field(description="Whether every file is as it was signed, and all of it fits")
    verdict: str = Field(description="`valid`, `valid, not trusted` or `not valid`")
    words: str = Field(description="The verdict as a sentence")
    faults: tuple[PackFaultRecord, ...] = Field(description="Every file that is not as signed")
    files: tuple[str, ...] = Field(description="The files that could be read")
    repacked: bool = Field(description="Whether the ZIP around the files is another's")
    seal: SealRecord | None = Field(description="Who signed the pack; null: not known")
    run: PackRunRecord | None = Field(description="null: its record is not as it was signed")
    shares: tuple[PackShareRecord, ...] = Field(description="Highest first")
    unattributed_micro: int | None = Field(description="Micro-credits that no artist gets")
    entry: PackEntryRecord | None = Field(description="null: none, or not as it was signed")
    picture: PictureSignatureRecord | None = Field(description="null: there is no picture to read")
    proves: tuple[str, ...] = Field(description="What the pack proves, a sentence each")
    leaves_open: tuple[str, ...] = Field(description="What it does not prove")
