"""A credit line as one line of text, to compare readings at a glance.

"Jan Prent + source: Rubens"; a doubtful maker bears "?", a body "(body)".
"""

from __future__ import annotations

from core.collection.importing.credit_lines.line import (
    UNKNOWN_MAKER,
    CreditCells,
    CreditLine,
    Kind,
    NamedContributor,
    Role,
)
from core.collection.importing.credit_lines.read import read_credit_lines


def shown(line: CreditLine) -> str:
    """The contributors of a line, in its order."""
    return " + ".join(map(_one, line.contributors))


def _one(one: NamedContributor) -> str:
    if one.kind is Kind.NOBODY:
        assert (one.name, one.role, one.attributed) == (UNKNOWN_MAKER, Role.MAKER, False)
        return "nobody"
    if one.kind is Kind.UNDECIDED:
        return "undecided"
    name = one.name + ("?" if one.attributed else "") + (" (body)" if one.kind is Kind.BODY else "")
    return name if one.role is Role.MAKER else f"{one.role.value}: {name}"


def line_of(name: str, beside: tuple[str, ...] = (), **cells: str) -> CreditLine:
    """The line of a row with this name; `beside`: names of other rows of the table. Cells named
    as a scheme (local, ulan, wikidata) are identifiers."""
    identifiers = tuple(
        (key, cells.pop(key)) for key in ("local", "ulan", "wikidata", "viaf") if key in cells
    )
    row = CreditCells(name=name, identifiers=identifiers, **cells)  # type: ignore[arg-type]
    return read_credit_lines([row, *(CreditCells(name=other) for other in beside)])[0]


def reading(name: str, beside: tuple[str, ...] = (), **cells: str) -> str:
    """The same, as `shown` writes it."""
    return shown(line_of(name, beside, **cells))
