"""What disputes answer as JSON. In: the ledger's frozen values. Out: models as in `serialize`."""

from __future__ import annotations

from typing import Self

from pydantic import Field

from app.services.serialize import Record
from core.ledger.records import Dispute, Page


class DisputeEventRecord(Record):
    """One step of a dispute."""

    kind: str = Field(description="`opened`, `comment` or `resolved`")
    reason: str = Field(description="Why, or what was said")
    actor: str = Field(description="Who did it")
    created_at: str = Field(description="UTC, ISO 8601")
    adjustment: int | None = Field(description="The entry that moved credit; null: none")


class DisputeRecord(Record):
    """A dispute about the credit of an entry."""

    number: int = Field(description="Number of the dispute, from 1")
    entry: int = Field(description="Number of the entry that is disputed")
    run_id: str | None = Field(description="Id of its run; null: none")
    artist_id: str | None = Field(description="Whose credit; null: everybody's")
    artist: str | None = Field(description="Name of that artist")
    micro: int = Field(description="Micro-credits that are disputed")
    state: str = Field(description="`open`, `upheld` or `rejected`")
    paid_to: str | None = Field(description="Id of the artist it was paid to; null: nobody")
    paid_to_name: str | None = Field(description="Name of that artist")
    events: tuple[DisputeEventRecord, ...] = Field(description="Every step, oldest first")


class DisputesPage(Record):
    """A page of disputes."""

    disputes: tuple[DisputeRecord, ...] = Field(description="Newest first")
    page: int = Field(description="Which page, from 1")
    pages: int = Field(description="How many pages")
    total: int = Field(description="Disputes on all pages")

    @classmethod
    def of(cls, page: Page[Dispute]) -> Self:
        """Of the chosen disputes."""
        return cls(
            disputes=tuple(DisputeRecord.model_validate(one) for one in page.items),
            page=page.page,
            pages=page.pages,
            total=page.total,
        )
