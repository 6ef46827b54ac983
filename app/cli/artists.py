"""`artists`: who is meant by the names of a collection, and who said no.

In: answers, lists, tables. Out: what is to decide, what was decided, and the same as JSON. What is
decided is `app.services.artists`.
"""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import AsJson, CollectionOption, group
from app.cli.output import complain, say, show_json, table
from app.settings import Settings, read_settings
from core.errors import UsageError

if TYPE_CHECKING:
    from app.services.artists import OptedOut
    from core.collection.artists.review import Proposal
    from core.collection.types import Collection

verbs = group("Who is meant by the names of a collection, and who said no.")
By = Annotated[str | None, typer.Option("--by", help="Who decides; the user of this machine.")]
Reason = Annotated[str, typer.Option(help="Why; kept for ever.")]


def _opened(chosen: Path | None) -> tuple[Settings, Collection]:
    from app.services.artists import opened_for_names
    from app.services.collections import chosen_path

    settings = read_settings(collection=chosen)
    return settings, opened_for_names(chosen_path(settings))


@verbs.command("review")
def review(
    collection: CollectionOption = None,
    by: By = None,
    ask: Annotated[
        bool | None, typer.Option("--ask/--list", help="Ask one by one (in a terminal: yes).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What is to decide about names: whom they mean, who is one person, who is nobody.

    Each is decided once, kept in decisions.csv, applied at every import, and can be taken back.
    Booked credit is never touched.
    """
    from app.services.serialize_artists import ProposalRecord
    from core.collection.artists.review import proposals

    settings, opened = _opened(collection)
    waiting = proposals(opened)
    if as_json:
        show_json([ProposalRecord.model_validate(one) for one in waiting])
        return
    if not waiting:
        say(f"Nothing is to decide about the names of '{opened.title}'.")
        return
    asking = sys.stdin.isatty() if ask is None else ask
    for number, one in enumerate(waiting, start=1):
        _show(one, f"{number} of {len(waiting)}")
        if asking and not _answered(settings, one, by or getpass.getuser(), collection):
            return
    if not asking:
        say("Answer with: python -m app artists answer KEY NUMBER")


def _show(one: Proposal, place: str) -> None:
    say(f"{place} [{one.key}] {one.words}")
    for line in one.evidence:
        say(f"    {line}")
    if one.works:
        more = f" and {len(one.works) - 6} more" if len(one.works) > 6 else ""
        say(f"    works: {', '.join(one.works[:6])}{more}")
    for number, choice in enumerate(one.choices, start=1):
        say(f"  {number}  {choice.words}")


def _answered(settings: Settings, one: Proposal, by: str, collection: Path | None) -> bool:
    """Ask until there is an answer; False where the keeper stops."""
    from app.services.artists import answered

    while True:
        text = typer.prompt("Number, s to skip, q to stop", default="s", show_default=False)
        if text in ("s", "q"):
            return bool(text == "s")
        if text.isdecimal() and len(text) < 6 and 1 <= int(text) <= len(one.choices):
            _, opened = _opened(collection)
            answered(settings, opened, one.key, int(text), by=by)
            say(f"Decided: {one.choices[int(text) - 1].words}.")
            return True
        complain(f"'{text}' is none of the answers.")


@verbs.command("answer")
def answer(
    key: Annotated[str, typer.Argument(metavar="KEY", help="As `artists review` shows it.")],
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="Which of its answers.")],
    collection: CollectionOption = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Answer one question of `artists review`."""
    from app.services.artists import answered
    from app.services.serialize_artists import AnswerRecord

    settings, opened = _opened(collection)
    who = by or getpass.getuser()
    proposal, choice = answered(settings, opened, key, number, by=who)
    if as_json:
        show_json(AnswerRecord(key=proposal.key, decided=choice.words, by=who))
    else:
        say(f"Decided: {choice.words}.")


@verbs.command("decide")
def decide(
    what: Annotated[str, typer.Argument(metavar="WHAT", help="makers, nobody, same or different.")],
    subject: Annotated[str, typer.Argument(metavar="NAME", help="As written, or an artist's id.")],
    answer: Annotated[
        str, typer.Argument(metavar="ANSWER", help="Names divided by '|', or an artist's id.")
    ] = "",
    collection: CollectionOption = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Decide what nobody asked: a name's makers, that it is nobody, or who is one person.

    `makers 'A & B' 'A | B'`: two made it. `nobody 'Various'`: no one in particular. `same a b`: the
    artist b is the artist a. `different a b`: they are two.
    """
    from app.services.artists import decided
    from app.services.serialize_artists import DecisionRecord

    settings, opened = _opened(collection)
    row = decided(settings, opened, what, subject, answer, by=by or getpass.getuser())
    if as_json:
        show_json(DecisionRecord.model_validate(row))
    else:
        say(f"Decision {row.number} is kept; `artists undo {row.number}` takes it back.")


@verbs.command("decisions")
def decisions(collection: CollectionOption = None, as_json: AsJson = False) -> None:
    """What was decided, by whom and when."""
    from app.services.serialize_artists import DecisionRecord
    from core.collection.artists.decisions import read_decisions

    _, opened = _opened(collection)
    rows = read_decisions(opened.path).rows
    if as_json:
        show_json([DecisionRecord.model_validate(one) for one in rows])
        return
    table(
        ("number", "what", "name", "answer", "by", "date", "taken back"),
        [
            (one.number, one.what, one.subject, one.answer, one.by, one.date, one.undone)
            for one in rows
        ],
    )


@verbs.command("undo")
def undo(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="See `artists decisions`.")],
    collection: CollectionOption = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Take a decision back: works are again whose they were.

    Works that came since are read again by the next import of their source.
    """
    from app.services.serialize_artists import DecisionRecord
    from core.collection.artists.decisions import undo

    _, opened = _opened(collection)
    _, row = undo(opened, number, by=by or getpass.getuser())
    if as_json:
        show_json(DecisionRecord.model_validate(row))
    else:
        say(f"Decision {row.number} is taken back.")
        if row.what != "different":
            say("Works that came by it since are read again by the next import of their source.")


@verbs.command("export")
def export(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="A CSV.")],
    collection: CollectionOption = None,
) -> None:
    """Every artist as a table for a spreadsheet: names, numbers, years, spellings."""
    from app.services.artists import artists_table
    from core.files import write_text

    _, opened = _opened(collection)
    write_text(output, artists_table(opened))
    say(f"{len(opened.artists)} artists: {output}")


@verbs.command("import")
def import_table(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A table of `artists export`.")],
    collection: CollectionOption = None,
    preview: Annotated[bool, typer.Option("--preview", help="Say what would change.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring the table back: changed names, numbers, years. All of it or nothing."""
    from app.services.artists import import_artists
    from app.services.serialize_artists import ChangeRecord

    _, opened = _opened(collection)
    changes = import_artists(opened, file, write=not preview)
    if as_json:
        show_json([ChangeRecord.model_validate(one) for one in changes])
        return
    table(
        ("artist", "what", "before", "after"),
        [(one.artist_id, one.field, one.before, one.after) for one in changes],
    )
    say(f"{len(changes)} cells {'would change' if preview else 'changed'}.")


@verbs.command("opt-out")
def opt_out(
    name: Annotated[
        list[str] | None, typer.Option("--name", help="Who said no; repeatable.")
    ] = None,
    work: Annotated[
        str,
        typer.Option(help="Only this work: its title (with --name), or its file's sha256."),
    ] = "",
    wikidata: Annotated[str, typer.Option(help="Their Wikidata number.")] = "",
    ulan: Annotated[str, typer.Option(help="Their ULAN number.")] = "",
    isni: Annotated[str, typer.Option(help="Their ISNI.")] = "",
    viaf: Annotated[str, typer.Option(help="Their VIAF number.")] = "",
    registry: Annotated[
        Path | None,
        typer.Option(
            "--list", metavar="FILE", help="A CSV: name, wikidata, …, work, sha256, date."
        ),
    ] = None,
    source: Annotated[str, typer.Option(help="Who passed the wish on.")] = "",
    date: Annotated[str, typer.Option(metavar="YYYY-MM-DD", help="When; today.")] = "",
    withhold_name: Annotated[
        bool, typer.Option("--withhold-name", help="Name them nowhere; they are still paid.")
    ] = False,
    collection: CollectionOption = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Keep a wish to be left out, or a registry's list of them.

    Whoever is surely meant gets no new credit, and no import learns from them again, under whatever
    spelling; near names are stopped and shown. Works that are here leave by `remove`.
    """
    from app.services.artists import opt_out, wish_of
    from core.collection.artists.opt_outs import read_registry
    from core.ledger.ledger import open_ledger

    settings, opened = _opened(collection)
    numbers = {"wikidata": wikidata, "ulan": ulan, "isni": isni, "viaf": viaf}
    wishes = [] if registry is None else list(read_registry(registry, source, date))
    if name or work or any(numbers.values()):
        for one in name or [""]:
            wishes.append(wish_of(one, numbers, work, source, date))
    if not wishes:
        raise UsageError("Say who said no: --name, a number, --work, or a --list of them.")
    ledger = open_ledger(settings.ledger_file, publishes=True)
    who = by or getpass.getuser()
    result = opt_out(settings, opened, ledger, wishes, actor=who, masked=withhold_name)
    _say_opted(result, as_json)


@verbs.command("opt-in")
def opt_in(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose wish is taken back.")],
    reason: Reason,
    collection: CollectionOption = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Take a wish back: somebody wants to be learnt from and credited again."""
    from app.services.artists import opt_in
    from core.ledger.ledger import open_ledger

    settings, opened = _opened(collection)
    ledger = open_ledger(settings.ledger_file, publishes=True)
    who = by or getpass.getuser()
    _say_opted(opt_in(settings, opened, ledger, name, actor=who, reason=reason), as_json)


def _say_opted(result: OptedOut, as_json: bool) -> None:
    from app.services.serialize_artists import OptedOutRecord

    if as_json:
        show_json(OptedOutRecord.of(result))
        return
    count = abs(result.wishes)
    kept = "kept" if result.wishes >= 0 else "taken back"
    say(f"{count} {'wish' if count == 1 else 'wishes'} {kept}.")
    for artist in result.artists:
        say(f"{artist.name} ({artist.id}): {'opted out' if result.wishes >= 0 else 'active again'}")
    for artist, wished in result.near:
        complain(f"'{artist.name}' ({artist.id}) is near to '{wished}': is it the same person?")


@verbs.command("opt-outs")
def opt_outs(as_json: AsJson = False) -> None:
    """Every wish that is kept, with its source and date."""
    from app.services.artists import opt_outs_file
    from app.services.serialize_artists import WishRecord
    from core.collection.artists.opt_outs import read_opt_outs

    wishes = read_opt_outs(opt_outs_file(read_settings())).wishes
    if as_json:
        show_json([WishRecord.model_validate(one) for one in wishes])
        return
    table(
        ("name", "numbers", "work", "source", "date"),
        [
            (
                one.name,
                ", ".join(f"{scheme} {value}" for scheme, value in one.identifiers),
                one.work,
                one.source,
                one.date,
            )
            for one in wishes
        ],
    )
