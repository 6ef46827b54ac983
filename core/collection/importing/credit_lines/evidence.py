"""What a table's own cells prove about its names: who stands alone, and in which order it writes.

In: the texts of all name cells. Out: `TableEvidence`. Reads no role and decides nothing.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from core.collection.importing.credit_lines.folding import compared, flat
from core.collection.importing.credit_lines.given_names import GIVEN_NAMES
from core.collection.importing.credit_lines.names import (
    capitals_first,
    is_generation,
    is_honour,
    is_title,
    read_bio,
    without_life,
    without_titles,
)
from core.collection.importing.credit_lines.nobody import is_nobody
from core.collection.importing.credit_lines.roles import phrases
from core.collection.importing.fields import PARTICLES

_HARD = re.compile(r"[|;]| / ")
_JOINED = re.compile(r"\s(?:and|&|und|et|with|\+)\s", re.IGNORECASE)
_INITIAL = re.compile(r"(?:[^\W\d_]\.?-?){1,3}\.|[^\W\d_]|(?:[^\W\d_]{1,4}\.)")


@dataclass(frozen=True, eq=False)
class TableEvidence:
    """`alone`: names, folded, that are a whole cell's in natural order. `given`: first words that
    several of them share. `inverted`, `natural`: how many different cells surely write a person
    as "Surname, First", as "First Surname", and (`capitals`) as "SURNAME First"."""

    alone: frozenset[str] = frozenset()
    given: frozenset[str] = frozenset()
    inverted: int = 0
    natural: int = 0
    capitals: int = 0

    @property
    def inverts(self) -> bool:
        """Whether this column's habit is "Surname, First"."""
        return self.inverted >= 3 and self.inverted >= 4 * self.natural

    @property
    def mostly_inverts(self) -> bool:
        """Whether more cells are surely "Surname, First" than "First Surname"."""
        return self.inverted >= 3 and self.inverted > self.natural

    @property
    def is_natural(self) -> bool:
        """Whether this column's habit is "First Surname"."""
        return self.natural >= 5 and self.natural >= 4 * self.inverted

    def turned(self, name: str) -> str:
        """'RUBENS Pieter Paul' -> 'Pieter Paul Rubens', by the column's habit or at sight."""
        habit = self.capitals >= 3
        return capitals_first(name, (lambda word: word[:1].isupper()) if habit else self.is_given)

    def stands(self, name: str) -> bool:
        """Whether the name is a whole cell elsewhere."""
        return compared(name) in self.alone

    def is_given(self, word: str) -> bool:
        """Whether a word is a given name or an initial."""
        if _INITIAL.fullmatch(word):
            return True
        plain = flat(word).strip(".,'\"")
        return (
            plain in GIVEN_NAMES
            or plain in self.given
            or ("-" in plain and plain.split("-")[0] in GIVEN_NAMES)
        )

    def starts_given(self, name: str) -> bool:
        """Whether a name's first word, after titles, is a given name."""
        words = without_titles(name.split())
        return bool(words) and self.is_given(words[0])

    def all_given(self, name: str) -> bool:
        """Whether a name's words are given names, but for particles after them."""
        words = without_titles(name.split())
        while len(words) > 1 and (words[-1].casefold() in PARTICLES or words[-1].endswith("'")):
            words = words[:-1]
        return bool(words) and all(self.is_given(word) for word in words)


NO_EVIDENCE = TableEvidence()


def evidence_of(cells: Iterable[str]) -> TableEvidence:
    """What the different texts among `cells` prove."""
    alone: set[str] = set()
    surnames_of: dict[str, set[str]] = defaultdict(set)
    pairs: list[tuple[str, str]] = []
    single: list[str] = []
    for cell in dict.fromkeys(cells):
        for part in _HARD.split(cell):
            part = part.strip()
            if is_nobody(part) or any(phrases(part)):
                continue
            halves = _halves(part)
            if len(halves) == 2:
                pairs.append((halves[0], halves[1]))
            elif len(halves) == 1 and not _JOINED.search(part):
                alone.add(compared(halves[0]))
                single.append(halves[0])
                words = without_titles(halves[0].split())
                if len(words) > 1:
                    surnames_of[flat(words[0])].add(flat(words[-1]))
    given = frozenset(
        first for first, surnames in surnames_of.items() if len(surnames) > 1 and first.isalpha()
    )
    known = TableEvidence(frozenset(alone), given)
    capitals = sum(capitals_first(name, known.is_given) != name for name in single)
    natural = sum(len(surnames) for first, surnames in surnames_of.items() if known.is_given(first))
    # "Hans Haacke, Joseph Beuys" shows a column of natural names as well as one alone does
    natural += sum(_is_list(one, other, known) for one, other in pairs)
    inverted = sum(_is_inverted(surname, first, known) for surname, first in pairs)
    return TableEvidence(frozenset(alone), given, inverted, natural, capitals)


def _halves(part: str) -> list[str]:
    """The comma's parts, without those that are dates, titles and honours."""
    name, _ = without_life(part)
    first, *others = (piece.strip() for piece in name.split(","))
    kept = [
        piece
        for piece in others
        if piece
        and not is_generation(piece)
        and not is_honour(piece)
        and not is_title(piece)
        and read_bio(piece) is None
    ]
    return [first, *kept] if first else kept


def _is_list(one: str, other: str, known: TableEvidence) -> bool:
    """Whether both halves are whole names: a given one, and one that is none."""
    return all(
        " " in half and known.starts_given(half) and not known.all_given(half)
        for half in (one, other)
    )


def _is_inverted(surname: str, first: str, known: TableEvidence) -> bool:
    words = surname.split()
    particle = words[0].casefold() in PARTICLES
    return (
        (len(words) == 1 or particle) and not known.is_given(words[0]) and known.starts_given(first)
    )
