"""A work's credit line: what a row's cells say of its makers, and who that is.

In: cells as a table has them. Out: contributors by name, role and certainty; or a doubt that
asks a person to decide. Knows no table format and no collection.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """How somebody stands to a work; the words are those a statement shows before the name.

    `MAKER` is credited. `PRINTER` and `PUBLISHER` and `SOURCE` (the work after which another maker
    worked) are named and never credited. The others qualify a name: the work is by a party of its
    own, "Workshop of X", which is not X.
    """

    MAKER = "maker"
    WORKSHOP = "workshop of"
    CIRCLE = "circle of"
    FOLLOWER = "follower of"
    SCHOOL = "school of"
    PUPIL = "pupil of"
    MANNER = "manner of"
    AFTER = "after"
    COPY = "copy after"
    FORMERLY = "formerly attributed to"
    SOURCE = "source"
    PRINTER = "printed by"
    PUBLISHER = "published by"


QUALIFIED = frozenset(
    {
        Role.WORKSHOP,
        Role.CIRCLE,
        Role.FOLLOWER,
        Role.SCHOOL,
        Role.PUPIL,
        Role.MANNER,
        Role.AFTER,
        Role.COPY,
        Role.FORMERLY,
    }
)
UNCREDITED = frozenset({Role.SOURCE, Role.PRINTER, Role.PUBLISHER})


class Kind(StrEnum):
    """What a name names. `UNDECIDED`: a person has to say whether it is one maker or several."""

    PERSON = "person"
    BODY = "body"
    NOBODY = "nobody"
    UNDECIDED = "undecided"


@dataclass(frozen=True, kw_only=True)
class CreditCells:
    """What one row says of its makers, cell by cell, as written; several values in parallel, where
    a table writes them so ("A|B" beside "Q1|Q2"). `identifiers`: (scheme, cell)."""

    name: str
    sort_name: str = ""
    role: str = ""
    prefix: str = ""
    suffix: str = ""
    bio: str = ""
    born: str = ""
    died: str = ""
    nationality: str = ""
    identifiers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class NamedContributor:
    """One contributor as the row names them.

    `name` is clean and in natural order ("Hendrik van Rijnland"), without the role: for a
    qualified
    role it is the name of the master. `written` is what the cell had for this one. `attributed`:
    the maker is named with a doubt ("attributed to", "probably", "?"). `born`, `died`: years as
    text, "" where not given. `identifiers`: (scheme, checked value).
    """

    name: str
    written: str
    role: Role = Role.MAKER
    kind: Kind = Kind.PERSON
    attributed: bool = False
    born: str = ""
    died: str = ""
    nationality: str = ""
    identifiers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class CreditLine:
    """All contributors of a row, in its order; never empty (nobody known is `Kind.NOBODY`).

    `doubts`: sentences for the report, about what could not be taken as written. `question`: the
    sentence that asks for a decision; then the only contributor is of `Kind.UNDECIDED` and its
    name is the cell as written. `readings`: the names that the question offers, one tuple per
    possible answer.
    """

    contributors: tuple[NamedContributor, ...]
    doubts: tuple[str, ...] = ()
    question: str = ""
    readings: tuple[tuple[str, ...], ...] = ()


UNKNOWN_MAKER = "Unknown maker"  # the name of every contributor of `Kind.NOBODY`
