"""What people decided about names, once: kept in plain text, applied at every import, reversible.

In: a collection and an answer to a question of `review`. Out: `decisions.csv` with the answer, and
the collection as it is by it. Booked credit is never touched: a decision is about what comes.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import Any

from core.collection.artists.opt_outs import today
from core.collection.artists.register import UNKNOWN_NAME, contributors_of
from core.collection.importing.credit_lines.line import (
    CreditLine,
    Kind,
    NamedContributor,
)
from core.collection.importing.fields import plain_text, slug
from core.collection.store import save_collection, table_text
from core.collection.types import (
    BODY,
    NOBODY,
    PERSON,
    UNKNOWN_MAKER,
    Artist,
    Collection,
    Contributor,
    Work,
)
from core.errors import CollectionError, UsageError
from core.files import write_text

DECISIONS = "decisions.csv"
# what may be decided: of a name as written, or of two artists
MAKERS, NO_ONE, SAME, DIFFERENT = "makers", "nobody", "same", "different"
KINDS = (MAKERS, NO_ONE, SAME, DIFFERENT)
DIVIDER = " | "  # between names in an answer


@dataclass(frozen=True, kw_only=True)
class NameDecision:
    """One answer. `what`: `makers` (the name `subject`, as sources write it, stands for those in
    `answer`), `nobody` (it names nobody), `same` (the artist `answer` is the artist `subject`) or
    `different` (they are two). `before`: whose the moved works were, by which it is taken back;
    `undone`: the day on which that was done."""

    number: str
    what: str
    subject: str
    answer: str
    by: str
    date: str
    undone: str = ""
    before: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The names in the answer."""
        return tuple(filter(None, (name.strip() for name in self.answer.split(DIVIDER.strip()))))


COLUMNS = tuple(field.name for field in fields(NameDecision))


@dataclass(frozen=True)
class Decisions:
    """All answers, the oldest first; those that were taken back among them."""

    rows: tuple[NameDecision, ...] = ()

    @property
    def standing(self) -> tuple[NameDecision, ...]:
        """Those in force."""
        return tuple(one for one in self.rows if not one.undone)

    def are_different(self, one: str, other: str) -> bool:
        """Whether somebody decided that these two names, or ids, are two persons."""
        pair = {slug(one), slug(other)}
        return any(
            {slug(each.subject), slug(each.answer)} == pair
            for each in self.standing
            if each.what == DIFFERENT
        )

    def applied(self, line: CreditLine, written: str) -> CreditLine:
        """The credit line as it was decided: as a whole, or name by name. `written`: the cell."""
        by_name = {slug(one.subject): one for one in self.standing if one.what in (MAKERS, NO_ONE)}
        if not by_name:
            return line
        if (whole := by_name.get(slug(written))) is not None and written.strip():
            return CreditLine(tuple(_decided(whole, written)), line.doubts)
        contributors: list[NamedContributor] = []
        changed = False
        for one in line.contributors:
            answer = by_name.get(slug(one.name)) or by_name.get(slug(one.written or one.name))
            if answer is None or one.kind is Kind.NOBODY:
                contributors.append(one)
                continue
            changed = True
            contributors += (
                replace(each, role=one.role, attributed=one.attributed)
                for each in _decided(answer, one.written or one.name)
            )
        return replace(line, contributors=tuple(contributors)) if changed else line


def _decided(decision: NameDecision, written: str) -> Iterable[NamedContributor]:
    if decision.what == NO_ONE:
        return (NamedContributor(name=UNKNOWN_NAME, written=written, kind=Kind.NOBODY),)
    return (NamedContributor(name=name, written=name) for name in decision.names)


def read_decisions(root: Path) -> Decisions:
    """The answers kept in the collection `root`. Raises `CollectionError` where they are damaged:
    without them names would be read as nobody decided."""
    try:
        text = (root / DECISIONS).read_text(encoding="utf-8-sig")
        rows = csv.DictReader(io.StringIO(text), strict=True)
        return Decisions(tuple(NameDecision(**row) for row in rows))
    except FileNotFoundError:
        return Decisions()
    except (OSError, TypeError, ValueError, csv.Error) as error:
        raise CollectionError(
            f"'{DECISIONS}' of the collection '{root.name}' is damaged, so names would be read as "
            f"if nobody had decided. Its columns are: {', '.join(COLUMNS)}. Put it right first."
        ) from error


def save_decisions(root: Path, decisions: Decisions) -> None:
    """Write the answers, in their order."""
    write_text(root / DECISIONS, table_text(COLUMNS, map(astuple, decisions.rows)))


def decide(
    collection: Collection, what: str, subject: str, answer: str = "", *, by: str
) -> tuple[Collection, NameDecision]:
    """Answer once, and bring the collection into line; both are written.

    `subject` and `answer` of `same` and `different` are artist ids (of `different` they may be
    names); those of `makers` and `nobody` a name as written, and names divided by '|'. Raises
    `UsageError` for a question that does not arise.
    """
    subject, answer, by = plain_text(subject), plain_text(answer), plain_text(by)
    if what not in KINDS:
        raise UsageError(f"Nothing can be decided as '{what}'. Choose one of: {', '.join(KINDS)}.")
    if not by:
        raise UsageError("A decision needs the name of who decides; it is kept.")
    if what in (MAKERS, SAME, DIFFERENT) and not answer:
        raise UsageError(f"The decision about '{subject}' lacks its answer.")
    decisions = read_decisions(collection.path)
    row = NameDecision(
        number=str(len(decisions.rows) + 1),
        what=what,
        subject=subject,
        answer=answer,
        by=by,
        date=today(),
    )
    changed = collection
    if what == SAME:
        changed = _joined(collection, subject, answer)
    elif what in (MAKERS, NO_ONE):
        changed = _renamed(collection, row)
    elif slug(subject) == slug(answer):
        raise UsageError(f"'{subject}' and '{answer}' are written alike: give their ids.")
    row = replace(row, before=_before(collection, changed))
    save_decisions(collection.path, Decisions((*decisions.rows, row)))
    if changed != collection:
        save_collection(changed)
    return changed, row


def undo(collection: Collection, number: str, *, by: str) -> tuple[Collection, NameDecision]:
    """Take a decision back: the works it moved are again whose they were. Raises `UsageError` for
    one that does not stand, or on whose outcome a later one rests."""
    decisions = read_decisions(collection.path)
    row = next((one for one in decisions.standing if one.number == number), None)
    if row is None:
        numbers = ", ".join(one.number for one in decisions.standing) or "none"
        raise UsageError(f"No decision '{number}' stands here. There are: {numbers}.")
    if not plain_text(by):
        raise UsageError("Taking a decision back needs the name of who does it.")
    kept = _kept(row)
    for later in decisions.standing[decisions.standing.index(row) + 1 :]:
        if set(_kept(later)["works"]) & set(kept["works"]):
            raise UsageError(
                f"Decision {later.number} rests on decision {number}: take that back first."
            )
    works = []
    for work in collection.works:
        if work.id in kept["works"]:
            artist_id, listed = kept["works"][work.id]
            named = tuple(Contributor(who, role, part) for who, role, part in listed)
            work = replace(work, artist_id=artist_id, contributors=named)
        works.append(work)
    before = {one["id"]: _artist(one) for one in kept["artists"]}
    artists = [before.pop(one.id, one) for one in collection.artists] + list(before.values())
    changed = replace(collection, works=tuple(works), artists=tuple(artists))
    undone = f"{today()} by {plain_text(by)}"
    rows = tuple(replace(one, undone=undone) if one is row else one for one in decisions.rows)
    save_collection(changed)
    save_decisions(collection.path, Decisions(rows))
    return changed, replace(row, undone=undone)


def _kept(row: NameDecision) -> dict[str, Any]:
    kept: dict[str, Any] = json.loads(row.before) if row.before else {"works": {}, "artists": []}
    return kept


def _artist(values: dict[str, Any]) -> Artist:
    values = values | {name: tuple(values[name]) for name in ("written", "written_on")}
    return Artist(**values | {"identifiers": tuple((s, v) for s, v in values["identifiers"])})


def _before(old: Collection, new: Collection) -> str:
    """Whose the works were that change hands, and the artists that change."""
    after = {work.id: work for work in new.works}
    works = {
        work.id: [work.artist_id, [astuple(one) for one in work.contributors]]
        for work in old.works
        if work != after.get(work.id)
    }
    stay = set(new.artists)
    artists = [vars(one) for one in old.artists if one not in stay]
    return json.dumps({"works": works, "artists": artists}, ensure_ascii=False)


def _joined(collection: Collection, kept_id: str, joined_id: str) -> Collection:
    """`joined_id` becomes a spelling of `kept_id`; their works are the latter's."""
    kept, joined = collection.artist(kept_id), collection.artist(joined_id)
    if kept_id == joined_id:
        raise UsageError(f"'{kept_id}' is one artist already.")
    day = today()
    new = [
        spelling
        for spelling in (joined.name, *joined.written)
        if spelling != kept.name and spelling not in kept.written
    ]
    schemes = dict(kept.identifiers)
    days = (*kept.written_on, *[""] * (len(kept.written) - len(kept.written_on)))
    merged = replace(
        kept,
        written=(*kept.written, *new),
        written_on=(*days, *[day] * len(new)),
        identifiers=(
            *kept.identifiers,
            *(pair for pair in joined.identifiers if pair[0] not in schemes),
        ),
        born=kept.born or joined.born,
        died=kept.died or joined.died,
        nationality=kept.nationality or joined.nationality,
        # who said no is still the one who said no
        status=joined.status if joined.status != "active" else kept.status,
    )
    artists = tuple(
        merged if one is kept else one for one in collection.artists if one is not joined
    )
    works = tuple(_of(work, {joined_id: kept_id}) for work in collection.works)
    return replace(collection, artists=artists, works=works)


def _of(work: Work, named: dict[str, str]) -> Work:
    return replace(
        work,
        artist_id=named.get(work.artist_id, work.artist_id),
        contributors=tuple(contributors_of(named, work.contributors)),
    )


def _renamed(collection: Collection, row: NameDecision) -> Collection:
    """Works under the name that was decided about go to its makers, or to nobody."""
    about = [
        one
        for one in collection.artists
        if row.subject == one.id or slug(row.subject) in map(slug, (one.name, *one.written))
    ]
    if not about:
        raise UsageError(
            f"Nobody is written '{row.subject}' in the collection '{collection.name}'. "
            "`artists review` lists what there is to decide."
        )
    if len(about) > 1:
        several = ", ".join(one.id for one in about)
        raise UsageError(f"'{row.subject}' is the name of several: {several}. Give the id.")
    old = about[0]
    artists = {one.id: one for one in collection.artists}
    ids: list[str] = []
    for name in row.names if row.what == MAKERS else ():
        if old.kind in (PERSON, BODY) and slug(name) in map(slug, (old.name, *old.written)):
            ids.append(old.id)
            continue
        known = next(
            (
                one.id
                for one in artists.values()
                if slug(name) in map(slug, (one.name, *one.written)) and one.id != old.id
            ),
            None,
        )
        if known is None:
            known = slug(name)
            if known in artists and known != old.id:
                raise UsageError(f"'{name}' would get the id '{known}' of somebody else.")
            artists[known] = Artist(known, known, name, kind=PERSON)
        ids.append(known)
    if row.what == NO_ONE:
        artists.setdefault(
            UNKNOWN_MAKER, Artist(UNKNOWN_MAKER, UNKNOWN_MAKER, UNKNOWN_NAME, kind=NOBODY)
        )
        ids = [UNKNOWN_MAKER]
    works = []
    for work in collection.works:
        if old.id != work.artist_id and all(one.artist_id != old.id for one in work.contributors):
            works.append(work)
            continue
        named = work.contributors or (Contributor(work.artist_id),)
        spread: list[Contributor] = []
        for one in named:
            if one.artist_id != old.id:
                spread.append(one)
            else:
                spread += [replace(one, artist_id=who) for who in ids]
        unique = tuple(contributors_of({}, spread))
        makers = [one for one in unique if one.weight]
        alone = len(unique) == 1 and unique[0] == Contributor(unique[0].artist_id)
        works.append(
            replace(work, artist_id=makers[0].artist_id, contributors=() if alone else unique)
        )
    if old.id not in ids:
        del artists[old.id]
    return replace(collection, artists=tuple(artists.values()), works=tuple(works))
