"""Names, decisions and wishes as JSON: the shapes of `artists … --json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field

from app.services.serialize import Record

if TYPE_CHECKING:
    from app.services.artists import OptedOut


class ChoiceRecord(Record):
    """One possible answer."""

    what: str = Field(description="`makers`, `nobody`, `same` or `different`")
    answer: str = Field(description="Names, divided by ' | ', or an artist's id; empty: nobody")
    words: str = Field(description="The answer as a sentence")


class ProposalRecord(Record):
    """One thing to decide."""

    key: str = Field(description="What `artists answer` is given")
    what: str = Field(description="`opt-out`, `name`, `reading` or `merge`")
    subject: str = Field(description="The name as written, or an artist's id")
    words: str = Field(description="The question")
    evidence: tuple[str, ...] = Field(description="What speaks for an answer")
    works: tuple[str, ...] = Field(description="Ids of the works it concerns")
    rows: tuple[str, ...] = Field(description="Rows of the last import that wait for it")
    choices: tuple[ChoiceRecord, ...] = Field(description="The answers, numbered from 1")


class AnswerRecord(Record):
    """A question and its answer."""

    key: str = Field(description="Of the question")
    decided: str = Field(description="The answer as a sentence")
    by: str = Field(description="Who decided")


class DecisionRecord(Record):
    """One decision."""

    number: str = Field(description="From 1")
    what: str = Field(description="`makers`, `nobody`, `same` or `different`")
    subject: str = Field(description="The name as written, or an artist's id")
    answer: str = Field(description="Names, divided by ' | ', or an artist's id")
    by: str = Field(description="Who decided")
    date: str = Field(description="YYYY-MM-DD")
    undone: str = Field(description="When it was taken back and by whom; empty: it stands")


class ChangeRecord(Record):
    """One cell of the registrar's table that changes."""

    artist_id: str = Field(description="Id of the artist")
    field: str = Field(description="Which column")
    before: str = Field(description="As it was")
    after: str = Field(description="As it is")


class WishRecord(Record):
    """One wish to be left out."""

    name: str = Field(description="Who; empty: known by number, or a work alone")
    identifiers: tuple[tuple[str, str], ...] = Field(description="(scheme, number)")
    also_written: tuple[str, ...] = Field(description="Other spellings")
    work: str = Field(description="Title or sha256 of a single work; empty: all")
    source: str = Field(description="Who passed it on")
    date: str = Field(description="YYYY-MM-DD")


class OptedArtist(Record):
    """An artist whom a wish names."""

    artist_id: str = Field(description="Id of the artist")
    artist: str = Field(description="Name of the artist")
    wish: str = Field(description="Name in the wish")


class OptedOutRecord(Record):
    """What wishes met."""

    wishes: int = Field(description="How many are new; negative: taken back")
    artists: tuple[OptedArtist, ...] = Field(description="Surely meant")
    near: tuple[OptedArtist, ...] = Field(description="Perhaps meant: a person has to look")

    @classmethod
    def of(cls, result: OptedOut) -> Self:
        """Of wishes that were kept."""
        sure = [OptedArtist(artist_id=a.id, artist=a.name, wish=a.name) for a in result.artists]
        near = [OptedArtist(artist_id=a.id, artist=a.name, wish=name) for a, name in result.near]
        return cls(wishes=result.wishes, artists=tuple(sure), near=tuple(near))
