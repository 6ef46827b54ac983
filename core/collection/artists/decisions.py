"""What people decided about names, once: kept in plain text, applied at every import, reversible.

In: a collection and an answer to a question of `review`. Out: `decisions.csv` with the answer, and
the collection as it is by it. Booked credit is never touched: a decision is about what comes.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from core.collection.artists.opt_outs import today
from core.collection.artists.register import DECIDED, UNKNOWN_NAME, contributors_of
from core.collection.importing.credit_lines.line import (
    QUALIFIED,
    CreditCells,
    CreditLine,
    Kind,
    NamedContributor,
)
from core.collection.importing.credit_lines.read import read_credit_lines
from core.collection.importing.destination import ImportLog, no_import_beside
from core.collection.importing.fields import plain_text, slug
from core.collection.store import save_collection, table_text
from core.collection.types import (
    BODY,
    NOBODY,
    PARTY,
    PERSON,
    UNDECIDED,
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
NO_NAMES: Mapping[str, str] = MappingProxyType({})
_LAST = 20  # works by which it is known which came later, though some may leave


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

    def joined(self) -> Iterator[tuple[Artist, str]]:
        """Artists who were joined to another, as they were known then, each with the other's id."""
        into = {one.answer: one.subject for one in self.standing if one.what == SAME}
        for row in self.standing:
            if row.what != SAME:
                continue
            kept_id, steps = row.subject, 0
            while kept_id in into and steps < len(into):
                kept_id, steps = into[kept_id], steps + 1
            for values in _kept(row)["artists"]:
                if values["id"] == row.answer:
                    yield _artist(values), kept_id

    def applied(
        self, line: CreditLine, written: str, known: Mapping[str, str] = NO_NAMES
    ) -> CreditLine:
        """The credit line as it was decided: as a whole, or name by name.

        `written`: the cell. `known`: artist id -> name; an answer may be an id, where a name fits
        two.
        """
        by_name = {_key(one.subject): one for one in self.standing if one.what in (MAKERS, NO_ONE)}
        if not by_name:
            return line
        ids = {one.subject: one for one in by_name.values() if one.subject == slug(one.subject)}

        def answer_about(name: str) -> NameDecision | None:
            return by_name.get(_key(name)) or ids.get(slug(name))

        if written.strip() and (whole := answer_about(written)) is not None:
            if len(line.contributors) == 1 and len(whole.names) == 1 and whole.answer in known:
                one = line.contributors[0]
                if one.kind is Kind.UNDECIDED:
                    one = NamedContributor(name=known[whole.answer], written=written)
                return replace(line, contributors=(_meant(one, whole.answer),), question="")
            return CreditLine(tuple(_decided(whole, written, known)), line.doubts)
        contributors: list[NamedContributor] = []
        changed = False
        for one in line.contributors:
            answer = answer_about(one.name) or answer_about(one.written or one.name)
            if answer is None or one.kind is Kind.NOBODY:
                contributors.append(one)
                continue
            changed = True
            contributors += (
                replace(each, role=one.role, attributed=one.attributed)
                for each in _decided(answer, one.written or one.name, known)
            )
        return replace(line, contributors=tuple(contributors)) if changed else line


def _key(text: str) -> str:
    """What a name is compared by. Where something divides names, it counts: who decided about
    'Komar, Melamid' did not decide about 'Komar; Melamid'."""
    line = " ".join(text.casefold().split())
    return line if re.search(r"[,;|&/+]| (?:and|und|et|en|e|y) ", line) else slug(line)


def _decided(
    decision: NameDecision, written: str, known: Mapping[str, str]
) -> Iterable[NamedContributor]:
    if decision.what == NO_ONE:
        return (NamedContributor(name=UNKNOWN_NAME, written=written, kind=Kind.NOBODY),)
    return (
        _meant(NamedContributor(name=known[name], written=known[name]), name)
        if name in known
        else NamedContributor(name=name, written=name)
        for name in decision.names
    )


def _meant(one: NamedContributor, artist_id: str) -> NamedContributor:
    """The contributor, with whom a person said it is."""
    return replace(one, identifiers=(*one.identifiers, (DECIDED, artist_id)))


def read_decisions(root: Path) -> Decisions:
    """The answers kept in the collection `root`. Raises `CollectionError` where they are damaged:
    without them names would be read as nobody decided."""
    try:
        text = (root / DECISIONS).read_text(encoding="utf-8-sig")
        # 'Unknown' may move thousands of works: a cell is as long as the file then
        with _cells_as_long_as(len(text)):
            rows = list(csv.DictReader(io.StringIO(text), strict=True))
        decisions = Decisions(tuple(NameDecision(**row) for row in rows))
        for one in decisions.rows:  # what a decision would be taken back by
            kept = _kept(one)
            dict(kept["works"])
            list(map(_artist, kept["artists"]))
        return decisions
    except FileNotFoundError:
        return Decisions()
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise CollectionError(
            f"'{DECISIONS}' of the collection '{root.name}' is damaged, so names would be read as "
            f"if nobody had decided. Its columns are: {', '.join(COLUMNS)}. Put it right first."
        ) from error


@contextlib.contextmanager
def _cells_as_long_as(length: int) -> Iterator[None]:
    usual = csv.field_size_limit()
    csv.field_size_limit(max(usual, length))
    try:
        yield
    finally:
        csv.field_size_limit(usual)


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
    if what == MAKERS:
        _check_names(collection, subject, answer)
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
        _check_kinds(collection.artist(subject), collection.artist(answer))
        changed = _joined(collection, subject, answer)
    elif what in (MAKERS, NO_ONE):
        changed = _renamed(collection, row)
    elif slug(subject) == slug(answer):
        raise UsageError(f"'{subject}' and '{answer}' are written alike: give their ids.")
    row = replace(row, before=_before(collection, changed))
    with no_import_beside(collection):
        save_decisions(collection.path, Decisions((*decisions.rows, row)))
        if changed != collection:
            save_collection(changed)
    return changed, row


def _check_names(collection: Collection, subject: str, answer: str) -> None:
    """Raises `UsageError` for an answer that names nobody, or only a party."""
    names = NameDecision(
        number="", what=MAKERS, subject=subject, answer=answer, by="", date=""
    ).names
    if not names:
        raise UsageError(f"The decision about '{subject}' lacks its answer.")
    known = {spelling for one in collection.artists for spelling in (one.id, one.name)}
    for name in names:
        line = read_credit_lines([CreditCells(name=name)])[0]
        if name in known - {UNKNOWN_MAKER, UNKNOWN_NAME} and name != subject:
            continue  # whom a curator has already
        if all(one.kind is Kind.NOBODY for one in line.contributors):
            raise UsageError(f"'{name}' names nobody. Decide so with `nobody`.")
        if any(one.role in QUALIFIED for one in line.contributors):
            raise UsageError(
                f"'{name}' names a party, not a maker. Let the source say so, and import again."
            )


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
        if _concerned(later) & _concerned(row):
            raise UsageError(
                f"Decision {later.number} rests on decision {number}: take that back first."
            )
    works = []
    for work in collection.works:
        outcome = kept.get("after", {}).get(work.id)
        # who made it may have been corrected since, by a source or by hand: that stays
        if work.id in kept["works"] and (outcome is None or outcome == _credit_of(work)):
            artist_id, listed = kept["works"][work.id]
            named = tuple(Contributor(who, role, part) for who, role, part in listed)
            work = replace(work, artist_id=artist_id, contributors=named)
        works.append(work)
    before = {one["id"]: _artist(one) for one in kept["artists"]}
    artists = [before.pop(one.id, one) for one in collection.artists] + list(before.values())
    # whom the decision made leaves again, unless something has become theirs since
    needed = {who for work in works for who in (work.artist_id, *_ids(work))}
    needed |= {one.of for one in artists}
    artists = [one for one in artists if one.id in needed or one.id not in kept.get("made", ())]
    changed = replace(collection, works=tuple(works), artists=tuple(artists))
    undone = f"{today()} by {plain_text(by)}"
    rows = tuple(replace(one, undone=undone) if one is row else one for one in decisions.rows)
    with no_import_beside(collection):
        save_collection(changed)
        save_decisions(collection.path, Decisions(rows))
        _read_again(changed, row)
    return changed, replace(row, undone=undone)


def _concerned(row: NameDecision) -> set[tuple[str, str]]:
    """The works and the artists that a decision changed."""
    kept = _kept(row)
    return {("work", one) for one in kept["works"]} | {
        ("artist", one["id"]) for one in kept["artists"]
    }


def _read_again(collection: Collection, row: NameDecision) -> None:
    """Works that came by the decision, after it, are read by the next import as if it were new: the
    source says whose they are."""
    kept = _kept(row)
    places = {work.id: place for place, work in enumerate(collection.works)}
    there = [places[one] for one in kept.get("last", ()) if one in places]
    if not there:
        return
    holders = {artist_id for artist_id, _ in kept.get("after", {}).values()} | {row.subject}
    holders |= {who for _, listed in kept["after"].values() for who, *_ in listed}
    holders |= {one.id for one in collection.artists if one.of in holders}  # their workshops
    newer = {
        work.id
        for work in collection.works[max(there) + 1 :]
        if any(work.is_by(who) for who in holders)
    }
    if newer:
        log = ImportLog(collection)
        log.forget_words(newer)
        log.save()


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
    outcome = {work_id: _credit_of(after[work_id]) for work_id in works if work_id in after}
    last = [work.id for work in old.works[-_LAST:]]
    ids = {one.id for one in old.artists}
    made = [one.id for one in new.artists if one.id not in ids]
    kept = {"works": works, "artists": artists, "after": outcome, "last": last, "made": made}
    return json.dumps(kept, ensure_ascii=False)


def _ids(work: Work) -> Iterator[str]:
    return (one.artist_id for one in work.contributors)


def _credit_of(work: Work) -> list[Any]:
    return [work.artist_id, [list(astuple(one)) for one in work.contributors]]


def party_role(artist: Artist) -> str:
    """How a party stands to its artist, "workshop of"; empty for a maker. Collections from before
    names were read have parties as persons: there the name tells."""
    line = read_credit_lines([CreditCells(name=artist.name)])[0]
    if len(line.contributors) == 1 and line.contributors[0].role in QUALIFIED:
        return line.contributors[0].role.value
    return "party" if artist.kind == PARTY else ""


def _check_kinds(kept: Artist, joined: Artist) -> None:
    """Raises `UsageError` where one is nobody in particular, or only one of them a party."""
    for one in (kept, joined):
        if not one.payable:
            raise UsageError(
                f"'{one.name}' ({one.id}) is not a person who could be somebody else. Say who is "
                "meant with `makers`, or in the source."
            )
    if party_role(kept) != party_role(joined):
        raise UsageError(
            f"'{kept.name}' and '{joined.name}' are not of one kind: a party is never its master."
        )


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
    days = (*kept.written_on, *[""] * (len(kept.written) - len(kept.written_on)))
    merged = replace(
        kept,
        written=(*kept.written, *new),
        written_on=(*days, *[day] * len(new)),
        identifiers=(
            *kept.identifiers,
            # a second number of a scheme too: a row, or a wish, may come with either
            *(pair for pair in joined.identifiers if pair not in kept.identifiers),
        ),
        born=kept.born or joined.born,
        died=kept.died or joined.died,
        nationality=kept.nationality or joined.nationality,
        # who said no is still the one who said no
        status=joined.status if joined.status != "active" else kept.status,
    )
    artists = tuple(
        merged
        if one is kept
        else (replace(one, of=kept_id) if one.of == joined_id else one)  # the workshop goes along
        for one in collection.artists
        if one is not joined
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
    about = written_so(collection.artists, row.subject)
    if not about:
        raise UsageError(
            f"Nobody is written '{row.subject}' in the collection '{collection.name}'. "
            "`artists review` lists what there is to decide."
        )
    if len(about) > 1:
        several = ", ".join(one.id for one in about)
        raise UsageError(f"'{row.subject}' is the name of several: {several}. Give the id.")
    old = about[0]
    if old.id == UNKNOWN_MAKER:
        raise UsageError(
            f"Works under '{old.name}' are not of one maker. Name the makers in the source, and "
            "import again."
        )
    if old.kind in (PERSON, BODY) and slug(row.subject) not in (old.id, slug(old.name)):
        raise UsageError(
            f"'{row.subject}' is a spelling of '{old.name}' ({old.id}), whose other works would go "
            f"along. Decide about '{old.name}', or take back what made them one."
        )
    namesakes = [
        one.id
        for one in collection.artists
        if one.kind in (PERSON, BODY) and slug(one.name) == slug(old.name) and one is not old
    ]
    if old.kind in (PERSON, BODY) and namesakes and row.names != (old.id,):
        raise UsageError(
            f"'{old.name}' is the name of {', '.join(namesakes)} too, and an import could not tell "
            "whom the decision means. Give them names of their own with `artists export` and "
            "`import`, or join them with `same`."
        )
    artists = {one.id: one for one in collection.artists}
    ids: list[str] = []
    for name in row.names if row.what == MAKERS else ():
        if old.kind in (PERSON, BODY) and slug(name) in map(slug, (old.name, *old.written)):
            ids.append(old.id)
            continue
        others = written_so([one for one in artists.values() if one.id != old.id], name)
        if len(others) > 1:
            several = ", ".join(one.id for one in others)
            raise UsageError(f"'{name}' is the name of several: {several}. Give the id.")
        known = others[0].id if others else slug(name)
        if not others:
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


def written_so(artists: Iterable[Artist], text: str) -> list[Artist]:
    """Who bears this very id; else whoever has to be decided about under this name; else all who
    are written so."""
    artists = list(artists)
    if same := [one for one in artists if one.id == text]:
        return same
    alike = [one for one in artists if slug(text) in map(slug, (one.name, *one.written))]
    return [one for one in alike if one.kind == UNDECIDED] or alike
