"""Who is meant, and who said no: what a keeper decides, and the tables of it for a registrar.

In: settings, a collection, answers. Out: proposals, the collection and the lists as they are by the
answer. Wishes to be left out hold for every collection of this home; decisions for their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from app.settings import Settings
from core.collection.artists.decisions import (
    DIFFERENT,
    MAKERS,
    NameDecision,
    decide,
    written_so,
)
from core.collection.artists.opt_outs import (
    OPT_OUTS,
    OptOuts,
    Wish,
    checked,
    day_of,
    read_opt_outs,
    save_opt_outs,
    today,
    with_wishes,
)
from core.collection.artists.questions import (
    QUESTIONS,
    WISH,
    Question,
    read_questions,
    save_questions,
)
from core.collection.artists.review import Choice, Proposal, proposals
from core.collection.importing.credit_lines.line import QUALIFIED, CreditCells, Kind
from core.collection.importing.credit_lines.read import read_credit_lines
from core.collection.importing.destination import no_import_beside
from core.collection.importing.fields import (
    LEFT_OUT,
    SCHEMES,
    identifier,
    plain_text,
    readable,
    slug,
)
from core.collection.importing.table import TableRow, read_table
from core.collection.store import MANIFEST, load_collection, save_collection, table_text
from core.collection.types import OPTED_OUT, PARTY, Artist, Collection
from core.errors import CollectionError, UsageError
from core.ledger.export import neutral
from core.ledger.ledger import Ledger

SPREADSHEET = (
    "id",
    "name",
    "kind",
    "status",
    *SCHEMES,
    "born",
    "died",
    "nationality",
    "also_written",
    "works",
)
UNNAMED_WISH = "opted out; the name is withheld on request"  # a reason is public, for ever
CHANGEABLE = ("name", *SCHEMES, "born", "died", "nationality")


def opened_for_names(path: Path) -> Collection:
    """The collection in `path`; an empty one where an import took nothing because all its rows wait
    for answers."""
    if not (path / MANIFEST).is_file() and (path / QUESTIONS).is_file():
        return Collection(path, slug(path.name), readable(path.name), "", 0, (), ())
    return load_collection(path, check_files=False)


def opt_outs_file(settings: Settings) -> Path:
    """Where the wishes of this home are kept."""
    return settings.home / OPT_OUTS


def standing_opt_outs(settings: Settings, ledger: Ledger | None = None) -> OptOuts:
    """The wishes of this home, and whom the ledger has as opted out."""
    kept = read_opt_outs(opt_outs_file(settings))
    if ledger is None:
        return kept
    names = ledger.true_names()
    return with_wishes(
        kept,
        (Wish(name=names[one.id]) for one in ledger.artists() if one.status == OPTED_OUT),
    )


def opted_out_ids(collection: Collection, opt_outs: OptOuts) -> frozenset[str]:
    """The artists of a collection whose wish is sure: nothing new is booked to them."""
    if not opt_outs.wishes:
        return frozenset()
    return frozenset(
        artist.id
        for artist in collection.artists
        if (covered := opt_outs.of_person((artist.name, *artist.written), artist.identifiers))
        and covered.certainty == "sure"
    )


def opted_out_here(settings: Settings, collection: Collection) -> frozenset[str]:
    """The artists of a collection who get nothing new, whatever the ledger has of them: by the
    collection's table and by the wishes that this home keeps."""
    by_table = frozenset(one.id for one in collection.artists if one.status == OPTED_OUT)
    return by_table | opted_out_ids(collection, read_opt_outs(opt_outs_file(settings)))


@dataclass(frozen=True)
class OptedOut:
    """What a wish, or a list of them, met: artists who are opted out now, and near names that a
    person has to look at, each with the wish's name."""

    wishes: int
    artists: tuple[Artist, ...]
    near: tuple[tuple[Artist, str], ...]


def opt_out(
    settings: Settings,
    collection: Collection,
    ledger: Ledger,
    wishes: Sequence[Wish],
    *,
    actor: str,
    masked: bool = False,
) -> OptedOut:
    """Keep the wishes and opt out whom they surely name, in the ledger as well; `masked`: their
    names are withheld from then on."""
    file = opt_outs_file(settings)
    before = read_opt_outs(file)
    # spellings that the collection knows hold later too, under whatever name they come again
    known = [_with_spellings(wish, collection) for wish in wishes]
    after = with_wishes(before, known)
    save_opt_outs(file, after)
    sure, near = [], []
    new = OptOuts(tuple(known))
    ledger.know_artists(collection.artist_names)
    standing, hidden = ledger.opted_out(), ledger.masked()
    for artist in collection.artists:
        covered = new.of_person((artist.name, *artist.written), artist.identifiers)
        if covered is None or not artist.payable:
            continue
        if covered.certainty == "perhaps":
            near.append((artist, covered.wish.name))
            continue
        sure.append(artist)
        if artist.id not in standing or (masked and artist.id not in hidden):
            ledger.set_artist_status(
                artist.id,
                OPTED_OUT,
                reason=UNNAMED_WISH if masked else covered.wish.words,
                actor=actor,
                masked=masked or None,
            )
    _ask_about(collection, near)
    return OptedOut(len(after.wishes) - len(before.wishes), tuple(sure), tuple(near))


def _ask_about(collection: Collection, near: Sequence[tuple[Artist, str]]) -> None:
    """Keep the questions whether artists who are here are those of near wishes."""
    if not near or not collection.path.is_dir():
        return
    kept = {one.key: one for one in read_questions(collection.path)}
    for artist, wished in near:
        words = f"'{artist.name}' may be {wished}, who opted out, and is still credited."
        question = Question.of_wish(artist.name, wished, words)
        kept.setdefault(question.key, question)
    save_questions(collection.path, kept.values())


def keep_away(
    settings: Settings, collection: Collection, artist_ids: Sequence[str], reason: str
) -> None:
    """An artist whose works were all taken out does not come back under another spelling."""
    wishes = [
        Wish(
            name=artist.name,
            identifiers=artist.identifiers,
            also_written=artist.written,
            source=f"taken out of '{collection.title}'{': ' if reason else ''}{reason}",
            date=today(),
        )
        for artist in map(collection.artist, artist_ids)
        if artist.payable
    ]
    if wishes:
        file = opt_outs_file(settings)
        save_opt_outs(file, with_wishes(read_opt_outs(file), wishes))


def _with_spellings(wish: Wish, collection: Collection) -> Wish:
    if wish.work:
        return wish
    lone = OptOuts((wish,))
    for artist in collection.artists:
        covered = lone.of_person((artist.name, *artist.written), artist.identifiers)
        if covered is not None and covered.certainty == "sure":
            spellings = dict.fromkeys((*wish.also_written, artist.name, *artist.written))
            schemes = dict(wish.identifiers)
            return replace(
                wish,
                name=wish.name or artist.name,
                also_written=tuple(name for name in spellings if name != wish.name),
                identifiers=(
                    *wish.identifiers,
                    *(pair for pair in artist.identifiers if pair[0] not in schemes),
                ),
            )
    return wish


def opt_in(
    settings: Settings,
    collection: Collection,
    ledger: Ledger,
    name: str,
    *,
    actor: str,
    reason: str,
) -> OptedOut:
    """Take wishes back: all those of a person, by name or number; or that for a work, by its title
    or its file's sha256. Raises `UsageError` where there is none."""
    file = opt_outs_file(settings)
    kept = read_opt_outs(file)
    taken = [one for one in kept.wishes if not one.work and _names_person(one, name)]
    taken = taken or [one for one in kept.wishes if one.work and slug(one.work) == slug(name)]
    if not taken:
        raise UsageError(
            f"Nobody of the name '{name}' has opted out here, nor is it a wish's number or work. "
            "See `artists opt-outs`."
        )
    left = OptOuts(tuple(one for one in kept.wishes if one not in taken))
    save_opt_outs(file, left)
    if collection.path.is_dir():  # nothing is asked about a wish that is gone
        gone = {one.name or one.words for one in taken} - {one.name for one in left.wishes}
        there = read_questions(collection.path)
        staying = [one for one in there if one.what != WISH or one.other not in gone]
        if len(staying) < len(there):
            save_questions(collection.path, staying)
    back, still = OptOuts(tuple(taken)), opted_out_ids(collection, left)
    artists = []
    for artist in collection.artists:
        own = back.of_person((artist.name, *artist.written), artist.identifiers)
        if own is None or own.certainty != "sure" or artist.id in still:
            continue
        if artist.id in ledger.opted_out():
            ledger.set_artist_status(artist.id, "active", reason=reason, actor=actor)
            artists.append(artist)
    return OptedOut(-len(taken), tuple(artists), ())


def _names_person(wish: Wish, text: str) -> bool:
    if slug(text) in map(slug, filter(None, (wish.name, *wish.also_written))):
        return True
    return any(identifier(scheme, text)[0] == value for scheme, value in wish.identifiers)


def decided(
    settings: Settings, collection: Collection, what: str, subject: str, answer: str, *, by: str
) -> NameDecision:
    """Decide about a name. Raises `UsageError` where works of somebody who opted out would become
    others', who are paid: no decision takes a wish away."""
    if what == MAKERS:
        refused = opted_out_ids(collection, standing_opt_outs(settings))
        for artist in written_so(collection.artists, subject):
            if artist.id in refused and slug(answer) not in (artist.id, slug(artist.name)):
                raise UsageError(
                    f"'{artist.name}' ({artist.id}) opted out, and works of theirs are not "
                    "given to others. If the wish was not theirs: artists opt-in."
                )
    return decide(collection, what, subject, answer, by=by)[1]


def answered(
    settings: Settings, collection: Collection, key: str, number: int, *, by: str
) -> tuple[Proposal, Choice]:
    """Answer a proposal by the number of its choice, from 1. Raises `UsageError` for an answer to
    something that is not asked (any more)."""
    proposal = next((one for one in proposals(collection) if one.key == key), None)
    if proposal is None:
        raise UsageError("That was decided meanwhile, or is not asked here. Read the list again.")
    if not 1 <= number <= len(proposal.choices):
        raise UsageError(f"There is no answer {number}. Choose 1 to {len(proposal.choices)}.")
    choice = proposal.choices[number - 1]
    if proposal.what == WISH:
        _answer_wish(settings, collection, proposal, choice, by)
    else:
        decided(settings, collection, choice.what, proposal.subject, choice.answer, by=by)
    return proposal, choice


def _answer_wish(
    settings: Settings, collection: Collection, proposal: Proposal, choice: Choice, by: str
) -> None:
    if choice.what == DIFFERENT:
        decide(collection, DIFFERENT, proposal.subject, choice.answer, by=by)
        return
    file = opt_outs_file(settings)
    kept = read_opt_outs(file)
    wishes = list(kept.wishes)
    # the very wish that was asked about, not one of a near name
    wish = next((one for one in wishes if not one.work and _is_wish_of(one, choice.answer)), None)
    if wish is None:  # opted out in the collection's table or the ledger alone
        wish = Wish(name=choice.answer, source=f"decided by {by}", date=today())
        wishes.append(wish)
    spelt = replace(wish, also_written=(*wish.also_written, proposal.subject))
    save_opt_outs(file, OptOuts(tuple(spelt if one is wish else one for one in wishes)))
    # answered: the spelling is the person's now, and the next import refuses it as theirs
    questions = read_questions(collection.path)
    save_questions(collection.path, (one for one in questions if one.subject != proposal.subject))


def _is_wish_of(wish: Wish, answer: str) -> bool:
    return (wish.name or wish.words) == answer


# --- the registrar's table ------------------------------------------------------------------------


def artists_table(collection: Collection) -> str:
    """Every artist as a CSV that a spreadsheet opens, umlauts and all; no cell is a formula."""
    works: dict[str, int] = {}
    for work in collection.works:
        for who, _ in work.makers:
            works[who] = works.get(who, 0) + 1
    rows = (
        (
            one.id,
            neutral(one.name),
            one.kind,
            one.status,
            *(dict(one.identifiers).get(scheme, "") for scheme in SCHEMES),
            neutral(one.born),
            neutral(one.died),
            neutral(one.nationality),
            neutral("; ".join(one.written)),
            str(works.get(one.id, 0)),
        )
        for one in collection.artists
    )
    return "\ufeff" + table_text(SPREADSHEET, rows)


@dataclass(frozen=True)
class Change:
    """One cell that a registrar changed."""

    artist_id: str
    field: str
    before: str
    after: str


def import_artists(collection: Collection, file: Path, *, write: bool = True) -> tuple[Change, ...]:
    """Bring a registrar's table back: names, numbers, years of life, nationality. All or nothing.

    An old name stays as a spelling. Status, kind and works are changed by decisions and opt-outs,
    never here. Raises `UsageError` naming every row that cannot be taken.
    """
    table = read_table(file, "csv")
    names = [column.casefold().strip() for column in table.header]
    if "id" not in names:
        raise CollectionError(
            f"'{file.name}' has no column 'id'. Export the table again with `artists export`."
        )
    artists = {one.id: one for one in collection.artists}
    faults: list[str] = []
    changes: list[Change] = []
    rows: dict[str, int] = {}  # artist id -> its row
    for row in table.records:
        if not isinstance(row, TableRow):
            faults.append(row.reason)
            continue
        cells = {
            name: _as_exported(plain_text(cell))
            for name, cell in zip(names, row.cells, strict=False)
        }
        artist = artists.get(cells.get("id", ""))
        if artist is None:
            faults.append(f"row {row.number}: there is no artist '{cells.get('id', '')}'")
            continue
        if artist.id in rows:
            faults.append(f"row {row.number}: '{artist.id}' stands in row {rows[artist.id]} too")
            continue
        rows[artist.id] = row.number
        changed, fault = _changed(artist, cells)
        faults += [f"row {row.number}: {words}" for words in fault]
        changes += _differences(artist, changed, cells)
        artists[artist.id] = changed
    holders: dict[tuple[str, str], str] = {}
    for artist in artists.values():
        for pair in artist.identifiers:
            if holders.setdefault(pair, artist.id) != artist.id:
                faults.append(
                    f"{pair[0]} {pair[1]} would be that of '{holders[pair]}' and of '{artist.id}'; "
                    "if they are one person, decide so in `artists review`"
                )
    if faults:
        words = "; ".join(fault.rstrip(".") for fault in faults[:20])
        raise UsageError(f"Nothing was changed. {words}. Correct the table.")
    if write and changes:
        with no_import_beside(collection) as current:
            if current.artists != collection.artists:
                raise UsageError(
                    "The artists were changed by somebody else meanwhile. Nothing was changed: "
                    "look at them again first."
                )
            save_collection(replace(current, artists=tuple(artists.values())))
    return tuple(changes)


def _changed(artist: Artist, cells: Mapping[str, str]) -> tuple[Artist, list[str]]:
    faults = []
    pairs, numbers = list(artist.identifiers), dict(artist.identifiers)
    for scheme in SCHEMES:
        if scheme in cells and cells[scheme] != numbers.get(scheme, ""):
            value, reason = identifier(scheme, cells[scheme])
            if reason:
                faults.append(reason.removesuffix(LEFT_OUT))
            pairs = [pair for pair in pairs if pair[0] != scheme]
            if value:
                pairs.append((scheme, value))
    name = cells.get("name", artist.name)
    if name != artist.name and (fault := _name_fault(artist, name)):
        faults.append(fault)
    for column, verb in (("status", "opt-out` or `artists opt-in"), ("kind", "decide")):
        if cells.get(column) and cells[column] != getattr(artist, column):
            faults.append(f"the {column} of '{artist.id}' is changed by `artists {verb}`, not here")
    years = {}
    for column in ("born", "died"):
        years[column] = re.sub(r"\.0$", "", cells.get(column, getattr(artist, column)))
        if years[column] != getattr(artist, column) and not re.search("[0-9]|^$", years[column]):
            faults.append(f"'{years[column]}' is not a year")
    written, days = artist.written, artist.written_on
    if name != artist.name and artist.name not in written:
        days = (*days, *[""] * (len(written) - len(days)), today())
        written = (*written, artist.name)
    return (
        replace(
            artist,
            name=name,
            written=written,
            written_on=days,
            identifiers=tuple(pairs),
            born=years["born"],
            died=years["died"],
            nationality=cells.get("nationality", artist.nationality),
        ),
        faults,
    )


def _as_exported(cell: str) -> str:
    """The cell without the mark that the export put before what looks like a formula."""
    return cell[1:] if cell[:1] == "'" and neutral(cell[1:]) == cell else cell


def _name_fault(artist: Artist, name: str) -> str:
    """Why an artist cannot get this name; empty where they can."""
    if not name:
        return f"'{artist.id}' has no name"
    if not artist.payable:
        return f"'{artist.id}' is not a person; who is meant is decided in `artists review`"
    if re.match(r"=|#(?:NAME|REF|VALUE|N/A|NULL|DIV/0|NUM)\b", name):
        return f"'{name}' is a formula or a spreadsheet's error, not a name"
    if artist.kind == PARTY:
        return ""
    line = read_credit_lines([CreditCells(name=name)])[0]
    if len(line.contributors) != 1 or line.question:
        return f"'{name}' may name several; that is decided by `artists decide makers`"
    one = line.contributors[0]
    if one.kind is Kind.NOBODY:
        return f"'{name}' names nobody; that is decided by `artists decide nobody`"
    if one.role in QUALIFIED:
        return f"'{name}' names a party, not a maker"
    return ""


def _differences(old: Artist, new: Artist, cells: Mapping[str, str]) -> Iterable[Change]:
    for field in CHANGEABLE:
        if field not in cells:
            continue
        if field in SCHEMES:
            before, after = (dict(one.identifiers).get(field, "") for one in (old, new))
        else:
            before, after = getattr(old, field), getattr(new, field)
        if before != after:
            yield Change(old.id, field, before, after)


def wish_of(name: str, numbers: Mapping[str, str], work: str, source: str, date: str) -> Wish:
    """A wish as it is typed. Raises `UsageError` for a number that is none, or a day that cannot
    be."""
    identifiers = []
    for scheme, text in numbers.items():
        value, reason = identifier(scheme, text)
        if reason:
            raise UsageError(f"{reason.removesuffix(LEFT_OUT)}. Correct --{scheme}.")
        if value:
            identifiers.append((scheme, value))
    wish = Wish(
        name=plain_text(name),
        identifiers=tuple(identifiers),
        work=plain_text(work),
        source=plain_text(source),
        date=day_of(date),
    )
    return checked(wish)
