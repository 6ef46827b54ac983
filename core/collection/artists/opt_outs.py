"""Who does not want to be learnt from: wishes by person or by work, kept as a table of plain text.

In: a name and identifiers as a registry or a person writes them. Out: `opt_outs.csv`, and for a
contributor or a picture whether a wish covers it: surely, or perhaps, which a person must decide.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal

from core.collection.artists.name_comparison import may_be_one, name_key
from core.collection.importing.credit_lines.line import QUALIFIED, CreditCells, Kind
from core.collection.importing.credit_lines.read import read_credit_lines
from core.collection.importing.fields import LEFT_OUT, SCHEMES, identifier, plain_text, slug
from core.collection.store import table_text
from core.errors import CollectionError, UsageError
from core.files import write_text

OPT_OUTS = "opt_outs.csv"
COLUMNS = ("name", "identifiers", "also_written", "work", "source", "date")
Certainty = Literal["sure", "perhaps"]


@dataclass(frozen=True, kw_only=True)
class Wish:
    """One wish: of a person (`name`, `identifiers`, spellings `also_written`), or about one `work`:
    its title where a name stands beside it, else the sha256 of its file. `source`: who passed the
    wish on; `date`: when."""

    name: str = ""
    identifiers: tuple[tuple[str, str], ...] = ()
    also_written: tuple[str, ...] = ()
    work: str = ""
    source: str = ""
    date: str = ""

    @property
    def words(self) -> str:
        """Who wished it, since when and according to whom."""
        who = self.name or "this work's maker"
        since = f" on {self.date}" if self.date else ""
        source = f" ({self.source})" if self.source else ""
        return f"{who} opted out{since}{source}"


@dataclass(frozen=True)
class Covered:
    """A wish that covers something, and whether it surely does."""

    wish: Wish
    certainty: Certainty


@dataclass(frozen=True)
class OptOuts:
    """Every wish, looked up by identifier, by name and by nearness of names."""

    wishes: tuple[Wish, ...] = ()
    _by_identifier: dict[tuple[str, str], Wish] = field(init=False, repr=False, compare=False)
    _by_key: dict[str, list[Wish]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        people = [one for one in self.wishes if not one.work]  # a work's wish hides no person's
        by_identifier = {pair: one for one in reversed(people) for pair in one.identifiers}
        by_key: dict[str, list[Wish]] = {}
        for one in people:
            for spelling in filter(None, (one.name, *one.also_written)):
                by_key.setdefault(name_key(spelling), []).append(one)
        object.__setattr__(self, "_by_identifier", by_identifier)
        object.__setattr__(self, "_by_key", by_key)

    def of_person(
        self, names: Iterable[str], identifiers: Sequence[tuple[str, str]] = ()
    ) -> Covered | None:
        """The wish of the person of these spellings and identifiers, if there is one.

        Surely by an identifier, or by the same name where no identifier contradicts; perhaps by a
        near one. Where several wishes cover them, the surest; among equals, the first.
        """
        return next(self.all_of_person(names, identifiers), None)

    def all_of_person(
        self, names: Iterable[str], identifiers: Sequence[tuple[str, str]] = ()
    ) -> Iterator[Covered]:
        """Every wish that covers the person of these spellings and identifiers, each once: those
        that surely do first."""
        sure = [self._by_identifier[pair] for pair in identifiers if pair in self._by_identifier]
        spellings = [name for name in names if name]
        perhaps: list[Wish] = []
        for name in spellings:
            for wish in self._by_key.get(name_key(name), ()):
                slugs = map(slug, filter(None, (wish.name, *wish.also_written)))
                equal = slug(name) in slugs and not contradict(wish.identifiers, identifiers)
                (sure if equal else perhaps).append(wish)
        yield from (Covered(wish, "sure") for wish in dict.fromkeys(sure))
        yield from (Covered(wish, "perhaps") for wish in dict.fromkeys(perhaps) if wish not in sure)
        for wish in self.wishes:  # the slow part last: most questions are answered before
            if wish.work or wish in sure or wish in perhaps:
                continue
            if contradict(wish.identifiers, identifiers):
                continue
            written = (wish.name, *wish.also_written)
            if any(may_be_one(name, one) for name in spellings for one in written if one):
                yield Covered(wish, "perhaps")

    def of_work(self, sha256: str, title: str, names: Iterable[str]) -> Covered | None:
        """The wish about one work, by its file's digest or by its title beside its maker's name."""
        keys = {name_key(name) for name in names}
        for wish in self.wishes:
            if not wish.work:
                continue
            if wish.work.casefold() == sha256:
                return Covered(wish, "sure")
            same_title = name_key(wish.work) == name_key(title) != ""
            if same_title and wish.name and name_key(wish.name) in keys:
                return Covered(wish, "sure")
        return None


def contradict(one: Sequence[tuple[str, str]], other: Sequence[tuple[str, str]]) -> bool:
    """Whether two lists of identifiers name two persons: two numbers of a scheme, none equal."""
    if set(one) & set(other):
        return False
    values = dict(other)
    return any(values.get(scheme, value) != value for scheme, value in one)


def read_opt_outs(path: Path) -> OptOuts:
    """The wishes kept in `path`; none where there is no such file. Raises `CollectionError` for a
    damaged one: to go on without it would learn from who said no."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return OptOuts()
    except (OSError, UnicodeDecodeError) as error:
        raise _damaged(path) from error
    try:
        rows = list(csv.DictReader(io.StringIO(text), strict=True))
        wishes = tuple(
            Wish(
                name=row["name"],
                identifiers=tuple(
                    (str(scheme), str(value))
                    for scheme, value in json.loads(row["identifiers"] or "[]")
                ),
                also_written=tuple(map(str, json.loads(row["also_written"] or "[]"))),
                work=row["work"],
                source=row["source"],
                date=row["date"],
            )
            for row in rows
        )
    except (csv.Error, KeyError, TypeError, ValueError) as error:
        raise _damaged(path) from error
    return OptOuts(wishes)


def _damaged(path: Path) -> CollectionError:
    return CollectionError(
        f"'{path.name}', the list of who opted out, cannot be read, so people who said no could be "
        f"learnt from. Its columns are: {', '.join(COLUMNS)}. Put it right first."
    )


def save_opt_outs(path: Path, opt_outs: OptOuts) -> None:
    """Write the wishes, in their order."""
    rows = (
        (
            one.name,
            json.dumps(one.identifiers, ensure_ascii=False) if one.identifiers else "",
            json.dumps(one.also_written, ensure_ascii=False) if one.also_written else "",
            one.work,
            one.source,
            one.date,
        )
        for one in opt_outs.wishes
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, table_text(COLUMNS, rows))


def read_registry(path: Path, source: str, date: str = "") -> tuple[Wish, ...]:
    """Wishes as a registry lists them: a CSV with the columns `name` and, where known, `wikidata`,
    `ulan`, `isni`, `viaf`, `work`, `sha256`, `date`.

    Raises `CollectionError` for a table without any of them, `UsageError` for a row that names
    neither a person nor a work, or a number that is none.
    """
    from core.collection.importing.table import TableRow, read_table

    table = read_table(path, "csv")
    names = [column.casefold().strip() for column in table.header]
    if not {"name", "work", "sha256", *SCHEMES} & set(names):
        raise CollectionError(
            f"'{path.name}' names neither persons nor works. Its columns should be: name, "
            f"{', '.join(SCHEMES)}, work, sha256, date."
        )
    wishes = []
    for row in table.records:
        if not isinstance(row, TableRow):
            raise CollectionError(f"'{path.name}': {row.reason}")
        cells = dict(zip(names, map(plain_text, row.cells), strict=False))
        identifiers = []
        for scheme in SCHEMES:
            value, reason = identifier(scheme, cells.get(scheme, ""))
            if reason:
                raise UsageError(
                    f"'{path.name}', row {row.number}: {reason.removesuffix(LEFT_OUT)}. Correct it."
                )
            if value:
                identifiers.append((scheme, value))
        wish = Wish(
            name=cells.get("name", ""),
            identifiers=tuple(identifiers),
            work=cells.get("sha256", "") or cells.get("work", ""),
            source=cells.get("source", "") or source,
            date=day_of(cells.get("date", "") or date),
        )
        if not (wish.name or wish.identifiers or wish.work):
            raise UsageError(f"'{path.name}', row {row.number} names neither a person nor a work.")
        try:
            wishes.append(checked(wish))
        except UsageError as error:
            raise UsageError(f"'{path.name}', row {row.number}: {error.message}") from error
    return tuple(wishes)


def checked(wish: Wish) -> Wish:
    """The wish, with its name in natural order too where that is 'Surname, First'.

    Raises `UsageError` for a wish of nobody, of several, or about a work that no picture could
    ever be held against.
    """
    if wish.work and not wish.name and not re.fullmatch(r"[0-9a-fA-F]{64}", wish.work):
        raise UsageError(
            f"A work is known by its title beside its maker's name, or by its file's sha256; "
            f"'{plain_text(wish.work, 80)}' is a title alone. Name the maker too."
        )
    if not wish.name:
        return wish
    line = read_credit_lines([CreditCells(name=wish.name)])[0]
    if line.question:  # 'Komar, Melamid': every reading is theirs who said no
        return wish
    if len(line.contributors) > 1:
        raise UsageError(f"'{wish.name}' names several. Give each a wish of their own.")
    one = line.contributors[0]
    if one.kind is Kind.NOBODY:
        raise UsageError(f"'{wish.name}' names nobody who could say no. Name a person.")
    if one.role in QUALIFIED or slug(one.name) in map(slug, (wish.name, *wish.also_written)):
        return wish
    return replace(wish, also_written=(*wish.also_written, one.name))


def with_wishes(opt_outs: OptOuts, new: Iterable[Wish]) -> OptOuts:
    """The wishes and these; one that is there already, dates and sources aside, is not doubled: it
    gains the spellings that are new."""
    kept = {_core(one): one for one in opt_outs.wishes}
    for wish in new:
        there = kept.setdefault(_core(wish), wish)
        known = {slug(one) for one in (there.name, *there.also_written)}
        spellings = {slug(one): one for one in (wish.name, *wish.also_written) if one}
        more = tuple(one for key, one in spellings.items() if key not in known)
        if more:
            kept[_core(wish)] = replace(there, also_written=(*there.also_written, *more))
    return OptOuts(tuple(kept.values()))


def _core(wish: Wish) -> tuple[object, ...]:
    return (name_key(wish.name), frozenset(wish.identifiers), name_key(wish.work))


def day_of(text: str) -> str:
    """A day as written, today where none is. Raises `UsageError` for one that cannot be."""
    if not text:
        return today()
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise UsageError(
            f"There is no day '{plain_text(text, 40)}'. Write it as YYYY-MM-DD."
        ) from error


def today() -> str:
    """This day, UTC, as ISO 8601."""
    return datetime.now(UTC).date().isoformat()
