"""Credit lines of a table: who made each row's work, in what role, and how surely.

In: the cells of all rows, because a table tells much about its own names. Out: one `CreditLine`
per row. Opens no file, writes nothing, and knows no artist of the collection.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import lru_cache

from core.collection.importing.credit_lines.bodies import is_tail
from core.collection.importing.credit_lines.clauses import Clause, clauses_of
from core.collection.importing.credit_lines.evidence import (
    NO_EVIDENCE,
    TableEvidence,
    evidence_of,
)
from core.collection.importing.credit_lines.folding import compared, flat, one_line, words
from core.collection.importing.credit_lines.identifiers import (
    Pair,
    checked,
    listed,
    of_json,
    of_name,
    positions,
)
from core.collection.importing.credit_lines.line import (
    QUALIFIED,
    UNCREDITED,
    UNKNOWN_MAKER,
    CreditCells,
    CreditLine,
    Kind,
    NamedContributor,
    Role,
)
from core.collection.importing.credit_lines.names import (
    Bio,
    bio_of,
    is_generation,
    read_bio,
    year_of,
)
from core.collection.importing.credit_lines.places import is_people, is_place
from core.collection.importing.credit_lines.roles import (
    Standing,
    is_role_word,
    may_hold_roles,
    stacked,
    standing_of,
)
from core.collection.importing.credit_lines.several import Named, names_in

_LONGEST = 2_000  # letters of a cell; more is not a name but a text


def read_credit_lines(rows: Sequence[CreditCells]) -> tuple[CreditLine, ...]:
    """One line per row of `rows`, in their order.

    What other rows write decides what one row alone leaves open: who stands alone elsewhere, in
    which order the column writes names, which name an identifier has.
    """
    evidence = _evidence(rows)
    lines: dict[CreditCells, CreditLine] = {}
    nameless: list[CreditCells] = []
    table = _WholeTable(evidence)
    for row in dict.fromkeys(rows):
        if any(of_name(part) for part in _parts(row.name)[0]):
            nameless.append(row)
        else:
            lines[row] = _line(row, table)
    if nameless:
        table = _WholeTable(evidence, _names_by_identifier(lines.values()))
    lines |= {row: _line(row, table) for row in nameless}
    return tuple(lines[row] for row in rows)


def _evidence(rows: Sequence[CreditCells]) -> TableEvidence:
    cells = dict.fromkeys(one_line(row.name[:_LONGEST]) for row in rows)
    natural = (
        one_line(row.sort_name)
        for row in rows
        # a second column in natural order tells how the first is to be turned
        if row.sort_name and "," not in row.sort_name and "," in row.name
    )
    return evidence_of([*cells, *dict.fromkeys(natural)])


def _names_by_identifier(lines: Iterable[CreditLine]) -> dict[Pair, str]:
    names: dict[Pair, str] = {}
    for line in lines:
        for one in line.contributors:
            if one.kind in (Kind.PERSON, Kind.BODY):
                for pair in one.identifiers:
                    names.setdefault(pair, one.name)
    return names


# --- the parts of a row ------------------------------------------------------------------------


@lru_cache(maxsize=50_000)
def _parts(cell: str) -> tuple[list[str], str]:
    """The names that hard marks divide, and the mark; brackets are not looked into."""
    values = of_json(cell)
    if values is not None:
        return [one_line(value) for value in values] or [""], "|"
    text = one_line(re.sub(r"[\r\n]+", ";", cell[:_LONGEST].strip()))
    pieces, used = [text], ""
    for mark in ("|", ";", " / "):
        divided = [
            part for piece in pieces for part in _rejoined(_outside_brackets(piece, mark), mark)
        ]
        if len(divided) > len(pieces):
            pieces, used = divided, used or mark
    return pieces, used


def _outside_brackets(text: str, mark: str) -> list[str]:
    pieces, depth, start, place = [], 0, 0, 0
    closed = sum(map(text.count, "([")) == sum(map(text.count, ")]"))
    while place < len(text):
        letter = text[place]
        if letter in "([" and closed:
            depth += 1
        elif letter in ")]" and closed:
            depth = max(0, depth - 1)
        elif text.startswith(mark, place) and (not depth or mark == "|"):
            pieces.append(text[start:place].strip())
            start = place + len(mark)
            place = start - 1
        place += 1
    return [*pieces, text[start:].strip()]


def _rejoined(pieces: list[str], mark: str) -> list[str]:
    """'Smith, John; 1850-1900': a piece that is only a life belongs to the name before it."""
    if mark == "|":
        return pieces
    kept: list[str] = []
    for piece in pieces:
        if kept and piece and read_bio(piece) is not None:
            kept[-1] = f"{kept[-1]}, {piece}"
        elif piece:
            kept.append(piece)
    return kept or [""]


def _parallel(cell: str, count: int, mark: str) -> list[str] | None:
    """The cell's values for `count` names; None where it has another number of them."""
    text = one_line(cell[:_LONGEST]) if cell else ""
    if not text.strip("|; "):
        return [""] * count
    values = of_json(cell)
    if values is None:
        marks = [one for one in ("|", ";") if one in text] or ([","] if count > 1 else [])
        values = [piece.strip() for piece in text.split(marks[0])] if marks else [text]
    if len(values) == count:
        return values
    if len(values) == 1:
        return values * count
    if count == 1:
        return [text] if "|" not in text else None
    same = {flat(value) for value in values}
    return [values[0]] * count if len(same) == 1 else None


_GROUP = re.compile(r"\(([^()]*)\)")


def _lives(cell: str, count: int) -> list[str]:
    """A biography's cell, one per name: 'A|B', '(A) (B)'; "" where the numbers differ."""
    text = one_line(cell[:_LONGEST])
    if count == 1:
        return [text.replace("|", " ")]
    for values in (text.split("|"), _GROUP.findall(text), text.split(";")):
        if len(values) == count:
            return [value.strip() for value in values]
    return [""] * count


# --- one row --------------------------------------------------------------------------------


@dataclass
class _Party:
    """A name as it was read, before the row as a whole decides on its role."""

    named: Named
    standing: Standing
    entry: int
    also: tuple[Role, ...] = ()
    identifiers: tuple[Pair, ...] = ()
    bio: Bio = field(default_factory=Bio)


class _Undecided(Exception):
    def __init__(self, reason: str, readings: tuple[tuple[str, ...], ...], role: Role) -> None:
        super().__init__(reason)
        self.reason, self.readings, self.role = reason, readings, role


@dataclass(frozen=True)
class _WholeTable:
    """What is known of the whole table, and the rows that were read, by all but their numbers."""

    evidence: TableEvidence
    names: Mapping[Pair, str] = field(default_factory=dict)
    read: dict[tuple[CreditCells, int | None], tuple[list[_Party], list[str]]] = field(
        default_factory=dict
    )


def _line(row: CreditCells, table: _WholeTable) -> CreditLine:
    doubts: list[str] = []
    key = (replace(row, identifiers=()), positions(row.identifiers))
    try:
        if key not in table.read:
            parties = _parties(row, table.evidence, table.names, doubts)
            table.read[key] = parties, doubts
        known, said = table.read[key]
        parties, doubts = [copy(one) for one in known], [*said]
        _give_identifiers(row, len(_parts(row.name)[0]), parties, doubts)
    except _Undecided as open_question:
        written = one_line(row.name[:_LONGEST])
        only = NamedContributor(
            name=written, written=written, role=open_question.role, kind=Kind.UNDECIDED
        )
        return CreditLine((only,), tuple(doubts), open_question.reason, open_question.readings)
    contributors = _settled(row, parties, doubts)
    return CreditLine(contributors, tuple(dict.fromkeys(doubts)))


def _parties(
    row: CreditCells, evidence: TableEvidence, names: Mapping[Pair, str], doubts: list[str]
) -> list[_Party]:
    parts, mark = _parts(row.name)
    count = positions(row.identifiers)
    if count in (None, 1) and len(parts) == 1 and ";" in row.sort_name:
        count = len(listed(row.sort_name))
    read: list[tuple[int, Clause, Named]] = []
    for entry, part in enumerate(parts):
        if not part and len(parts) > 1:
            continue
        clauses = clauses_of(part) if of_name(part) is None else (Clause(part, Standing()),)
        for clause in clauses:
            beside = None
            if len(clauses) == 1:
                beside = count if len(parts) == 1 else (1 if count == len(parts) else None)
            try:
                for named in _named(clause, beside, evidence, names, row, doubts):
                    read.append((entry, clause, named))
            except _Undecided as question:
                if len(clauses) == 1:
                    question.readings = _whole_readings(parts, entry, question.readings, evidence)
                raise
    if not read:
        read = [(0, Clause("", Standing()), Named("", row.name, Kind.NOBODY))]
    return _with_cells(row, parts, mark, read, doubts)


def _whole_readings(
    parts: Sequence[str],
    place: int,
    readings: Sequence[tuple[str, ...]],
    evidence: TableEvidence,
) -> tuple[tuple[str, ...], ...]:
    """The readings of one part of a cell with the names of its other parts, whom an answer would
    else leave out."""

    def plain(part: str) -> tuple[str, ...]:
        named = names_in(part, 1, evidence).names
        return tuple(one.name for one in named) or (one_line(part),)

    before = tuple(name for part in parts[:place] if part for name in plain(part))
    after = tuple(name for part in parts[place + 1 :] if part for name in plain(part))
    return tuple((*before, *names, *after) for names in readings)


def _named(
    clause: Clause,
    count: int | None,
    evidence: TableEvidence,
    names: Mapping[Pair, str],
    row: CreditCells,
    doubts: list[str],
) -> tuple[Named, ...]:
    pair = of_name(clause.names)
    if pair is not None:
        return (_by_identifier(clause.names, pair, names, doubts),)
    role = clause.standing.role
    if role in QUALIFIED and (is_place(clause.names) or is_people(clause.names)):
        return (Named("", clause.names, Kind.NOBODY),)  # "School of Fontainebleau"
    reading = names_in(clause.names, count, evidence)
    if not reading.names:
        written = one_line(row.name[:_LONGEST])
        options = "; or ".join(" and ".join(one) for one in reading.readings)
        raise _Undecided(
            f"'{written}' may be one maker or several: {options}. Say which it is; a semicolon "
            "between the names makes them several.",
            reading.readings,
            role,
        )
    if clause.others:
        doubts.append(
            f"'{one_line(row.name[:200])}' has others beside the names, whom it does not name; "
            "they are not credited."
        )
    settled = tuple(map(_settled_name, reading.names))
    for one in settled:
        if (
            one.kind is Kind.PERSON
            and _JOINING & set(flat(one.name).split())
            and not _alone(one.name)
        ):
            written = one_line(row.name[:_LONGEST])
            raise _Undecided(
                f"'{written}' is not written as names are. Say who is meant.", ((one.name,),), role
            )
    return settled


# Names of which nothing more can be taken off: words, none of which joins or qualifies.
_PLAIN = re.compile(r"(?:[^\W\d_]|['’-]){2,}(?: (?:[^\W\d_]|['’-]){2,})*")
_JOINING = words("and und et with mit avec by the e y en i con met")


def _settled_name(named: Named) -> Named:
    """The name as it reads when it stands alone, so that one maker has one name in every table."""
    plain = _PLAIN.fullmatch(named.name) and not may_hold_roles(named.name)
    if named.kind is Kind.NOBODY or (plain and _JOINING.isdisjoint(flat(named.name).split())):
        return named
    for _ in range(5):
        again = _alone(named.name)
        if again is None or again.name == named.name:
            break
        if again.kind is Kind.NOBODY:
            return replace(named, name="", kind=Kind.NOBODY)
        named = replace(named, name=again.name)
    return named


def _alone(name: str) -> Named | None:
    """The one name that a cell with this text alone would be read as; None where it is several."""
    if of_name(name):
        return Named("", name, Kind.NOBODY)
    parts, _ = _parts(name)
    clauses = clauses_of(parts[0])
    names = names_in(clauses[0].names, None, NO_EVIDENCE).names
    names = tuple(one for one in names if one.kind is not Kind.NOBODY) or names[:1]
    return names[0] if len(parts) == len(clauses) == len(names) == 1 else None


def _by_identifier(text: str, pair: Pair, names: Mapping[Pair, str], doubts: list[str]) -> Named:
    """A name that is only an identifier: the name that the table gives it elsewhere."""
    name = names.get(pair, "")
    if name:
        return Named(name, text)
    doubts.append(
        f"'{text[:120]}' is an address or a number and not a name: the maker's name is missing. "
        "Write it in the table."
    )
    return Named("", text, Kind.NOBODY)


def _with_cells(
    row: CreditCells,
    parts: list[str],
    mark: str,
    read: list[tuple[int, Clause, Named]],
    doubts: list[str],
) -> list[_Party]:
    """The names with what the other cells say of each."""
    entries, total = len(parts), len(read)
    cells: dict[str, list[str]] = {}
    for kind, cell in (("prefix", row.prefix), ("role", row.role), ("suffix", row.suffix)):
        values = _parallel(cell, entries, mark)
        if entries == 1 and total > 1 and "," in cell:
            by_name = _parallel(cell, total, mark)
            if by_name is not None and all(map(is_role_word, by_name)):
                cells[kind] = by_name
                continue
        if values is not None and (entries > 1 or total == 1 or not _is_list(cell)):
            cells[kind] = [values[entry] for entry, _, _ in read]
            continue
        values = _parallel(cell, total, mark)
        if values is None:
            raise _Undecided(
                f"'{one_line(row.name[:200])}' stands beside '{one_line(cell[:200])}', which is "
                "not one word per name. Say who has which role.",
                (tuple(named.name for _, _, named in read if named.name),),
                Role.MAKER,
            )
        cells[kind] = values
    lives = _lives_of(row, entries, [entry for entry, _, _ in read])
    parties = []
    for place, (entry, clause, named) in enumerate(read):
        said = {kind: values[place] for kind, values in cells.items()}
        standing, also, tail = _standing(said, clause, row, doubts)
        if tail and named.name:
            named = replace(named, name=f"{named.name} {tail}")
        parties.append(
            _Party(
                named, standing, entry, (*clause.also, *also), bio=lives[place].or_else(named.bio)
            )
        )
    return parties


def _is_list(cell: str) -> bool:
    return "|" in cell or ";" in cell


def _lives_of(row: CreditCells, entries: int, of_entry: list[int]) -> list[Bio]:
    """Years and nationality per name, from the row's other cells."""
    total = len(of_entry)

    def per_name(cell: str) -> list[str]:
        if not cell:
            return [""] * total
        if total == 1:
            return _lives(cell, 1)
        direct = _lives(cell, total)
        if any(direct) or entries == total:
            return direct
        by_entry = _lives(cell, entries) if entries > 1 else [""]
        # a life is one person's: an entry of several names has none
        return [by_entry[one] if of_entry.count(one) == 1 else "" for one in of_entry]

    bios, born = per_name(row.bio), per_name(row.born)
    died, nations = per_name(row.died), per_name(row.nationality)
    return [
        Bio(year_of(born[n]), year_of(died[n]), _nation(nations[n])).or_else(
            bio_of(bios[n]) if bios[n] else Bio()
        )
        for n in range(total)
    ]


_NO_NATION = frozenset(
    {
        "",
        "null",
        "none",
        "nan",
        "unknown",
        "nationality unknown",
        "n a",
        "unbekannt",
        "undetermined",
        "various",
    }
)


def _nation(cell: str) -> str:
    text = cell.strip(" ()")
    return "" if compared(text) in _NO_NATION else text


_WITH_WORKSHOP = re.compile(r"^[\s(\[]*(?:and|&|und|et|e|y|en|with|mit|avec|con|met)\s+(.+)$")


def _standing(
    said: Mapping[str, str], clause: Clause, row: CreditCells, doubts: list[str]
) -> tuple[Standing, tuple[Role, ...], str]:
    """The role that all cells together say; roles beside it; what the suffix adds to the name."""
    standings = [clause.standing]
    also: tuple[Role, ...] = ()
    tail = ""
    prefix, role, suffix = said["prefix"], said["role"], said["suffix"]
    if prefix.strip():
        standing = standing_of(prefix)
        if not standing.known:
            raise _Undecided(
                f"'{prefix}' before '{one_line(row.name[:200])}' is not a role that is known. Say "
                "whether the work is by them.",
                ((clause.names,),),
                Role.MAKER,
            )
        standings.append(standing)
    if suffix.strip():
        beside = _WITH_WORKSHOP.match(flat(suffix))
        standing = standing_of(suffix)
        if beside and standing_of(beside[1]).role in QUALIFIED:
            also = (standing_of(beside[1]).role,)
        elif is_generation(suffix) or is_tail(suffix):
            tail = suffix.strip()
        elif standing.known:
            standings.append(standing)
        else:
            doubts.append(f"'{suffix}' after '{clause.names}' was not understood and was left out.")
    if role.strip():
        standing = standing_of(role)
        if not standing.known:
            doubts.append(
                f"'{role[:80]}' is no known role; '{clause.names}' was taken for a maker."
            )
        standings.append(standing)
    return stacked([one for one in standings if one != Standing()]), also, tail


def _give_identifiers(
    row: CreditCells, entries: int, parties: list[_Party], doubts: list[str]
) -> None:
    """To each name its identifiers: by entry, by name, or by the names that are somebody's."""
    somebody = [one for one in parties if one.named.kind is not Kind.NOBODY]
    for one in parties:
        pair = of_name(one.named.written)
        if pair and pair[0]:
            one.identifiers = (pair,)
    for scheme, cell in row.identifiers:
        values = listed(cell)
        if not any(values):
            continue
        whose: list[list[_Party]]
        if len(values) == entries and entries > 1:
            whose = [[one for one in parties if one.entry == n] for n in range(entries)]
        elif len(values) == len(parties):
            whose = [[one] for one in parties]
        elif len(values) == len(somebody):
            whose = [[one] for one in somebody]
        else:
            doubts.append(
                f"{len(values)} {scheme} numbers stand beside {len(parties)} names in "
                f"'{one_line(row.name[:200])}'; whose they are is open, and they were left out."
            )
            continue
        for value, owners in zip(values, whose, strict=True):
            good, reason = checked(scheme, value)
            if reason:
                doubts.append(reason)
            if not good or len(owners) != 1:
                continue
            owner = owners[0]
            if scheme not in dict(owner.identifiers):
                owner.identifiers = (*owner.identifiers, (scheme, good))


# --- the row as a whole ------------------------------------------------------------------------


def _settled(
    row: CreditCells, parties: list[_Party], doubts: list[str]
) -> tuple[NamedContributor, ...]:
    """The contributors, their roles weighed against each other; never empty, somebody credited."""
    kept = []
    for one in parties:
        if one.standing.bystander:
            if one.named.name:
                doubts.append(
                    f"'{one.named.name}' is named in '{one_line(row.name[:200])}' without a hand "
                    "in the making, and is not credited."
                )
        else:
            kept.append(one)
    makers = [one for one in kept if _is_by_own_hand(one)]
    engraved = any(one.standing.engraves for one in makers)
    contributors: list[NamedContributor] = []
    for one in kept:
        role = one.standing.role
        others = [other for other in makers if other is not one]
        if one.named.kind is Kind.NOBODY:
            if role in UNCREDITED or not _keeps_nobody(one, kept):
                continue
            role = Role.MAKER
        elif (role in (Role.AFTER, Role.COPY) or (one.standing.designs and engraved)) and others:
            role = Role.SOURCE
        elif role is Role.FORMERLY and others:
            doubts.append(
                f"'{one.named.name}' was once taken for the maker of '{one_line(row.name[:200])}' "
                "and is not credited."
            )
            continue
        contributors.append(_contributor(one, role))
        contributors += [
            replace(contributors[-1], role=beside, attributed=False)
            for beside in one.also
            if role is Role.MAKER and one.named.name
        ]
    unique = list(
        {(one.role, compared(one.name) or one.name): one for one in reversed(contributors)}.values()
    )[::-1]
    if not any(one.role not in UNCREDITED for one in unique):
        unique.insert(
            0,
            NamedContributor(
                name=UNKNOWN_MAKER, written=one_line(row.name[:_LONGEST]), kind=Kind.NOBODY
            ),
        )
    return tuple(unique)


def _is_by_own_hand(one: _Party) -> bool:
    """Whether the party is somebody who made this work, and is not only its source."""
    return one.named.kind is not Kind.NOBODY and one.standing.role not in (
        *UNCREDITED,
        Role.AFTER,
        Role.COPY,
        Role.FORMERLY,
    )


def _keeps_nobody(nobody: _Party, kept: list[_Party]) -> bool:
    """Whether an unknown hand is a party: not in "Anonymous, after Rubens", where Rubens's is."""
    for one in kept:
        if one is nobody or one.standing.role in UNCREDITED or one.named.kind is Kind.NOBODY:
            continue
        if one.entry == nobody.entry or not _is_by_own_hand(one):
            return False
    first = next(one for one in kept if one.named.kind is Kind.NOBODY)
    return first is nobody or first.standing.role in UNCREDITED


def _contributor(one: _Party, role: Role) -> NamedContributor:
    nobody = one.named.kind is Kind.NOBODY
    kind = Kind.BODY if one.bio.body and one.named.kind is Kind.PERSON else one.named.kind
    return NamedContributor(
        name=UNKNOWN_MAKER if nobody else one.named.name,
        written=one.named.written,
        role=role,
        kind=kind,
        attributed=one.standing.attributed and role is Role.MAKER and not nobody,
        born="" if nobody else one.bio.born,
        died="" if nobody else one.bio.died,
        nationality=one.bio.nationality,
        identifiers=one.identifiers,
    )
