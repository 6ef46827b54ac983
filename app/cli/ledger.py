"""`ledger`: totals, entries, statements, reversals, proof, export. No SQL and no sums here."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from app.cli.options import AsJson, group, spread_options
from app.cli.output import say, show_json, table
from app.settings import read_settings
from core.errors import LedgerError, UsageError
from core.ledger.export import credits
from core.ledger.records import MOST_PAGES

verbs = group("Totals, entries, statements, proof of the ledger.")

if TYPE_CHECKING:
    from core.ledger.ledger import Ledger
    from core.ledger.records import LedgerFilter

ArtistName = Annotated[str, typer.Argument(metavar="ARTIST", help="An artist's slug or name.")]
Reason = Annotated[str, typer.Option(help="Why; kept for ever and shown.")]
Actor = Annotated[str | None, typer.Option(help="Who does it; your login name by default.")]


@dataclass(frozen=True, kw_only=True)
class FilterOptions:
    """Which entries a verb is about; None asks for all."""

    artist: Annotated[str | None, typer.Option("--artist", help="Only this artist.")] = None
    style: Annotated[str | None, typer.Option("--style", help="Only this class.")] = None
    since: Annotated[str | None, typer.Option(metavar="YYYY-MM-DD", help="From this day on.")] = (
        None
    )
    until: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help="Up to this day, all of it included.")
    ] = None
    period: Annotated[
        str | None, typer.Option("--period", metavar="YYYY-MM", help="Only this month.")
    ] = None
    kind: Annotated[
        Literal["generation", "upload", "example"] | None,
        typer.Option("--kind", help="Only this kind of run."),
    ] = None


def our_ledger() -> Ledger:
    """The ledger of CREDITLINE_HOME."""
    from core.ledger.ledger import open_ledger

    return open_ledger(read_settings().ledger_file, publishes=True)


def _selected(ledger: Ledger, filters: FilterOptions) -> LedgerFilter:
    """The filter of the options; a class may also be one of the chosen collection's."""
    from app.services.collections import chosen_collection
    from app.services.ledger_filter import read_filter

    return read_filter(ledger, vars(filters), lambda: chosen_collection(read_settings()).styles)


@verbs.command("totals")
@spread_options
def totals(
    filters: FilterOptions,
    as_json: AsJson = False,
) -> None:
    """Credit of every artist, and what could not be attributed."""
    from app.services.serialize_ledger import LedgerTotals

    ledger = our_ledger()
    record = LedgerTotals.of(ledger.totals(_selected(ledger, filters)))
    if as_json:
        show_json(record)
        return
    table(
        ("artist", "credit", "share", "works", "entries"),
        [
            (row.artist, credits(row.micro), f"{100 * row.share:.2f} %", row.works, row.entries)
            for row in record.artists
        ],
    )
    if record.unknown_micro:
        say(f"In escrow {credits(record.unknown_micro)}: unknown makers, disputes; paid to nobody")
    say(f"Unattributed {credits(record.unattributed_micro)} of {credits(record.total_micro)}")
    entries = "1 entry" if record.entries == 1 else f"{record.entries} entries"
    say(f"{entries}, head {record.head_hash}")


@verbs.command("entries")
@spread_options
def entries(
    filters: FilterOptions,
    page: Annotated[int, typer.Option(min=1, max=MOST_PAGES, help="Which page.")] = 1,
    per_page: Annotated[int, typer.Option(min=1, max=500, help="Entries per page.")] = 50,
    as_json: AsJson = False,
) -> None:
    """The entries, newest first."""
    from app.services.serialize_ledger import EntriesPage

    ledger = our_ledger()
    selected = _selected(ledger, filters)
    record = EntriesPage.of(ledger.entries(selected, page=page, per_page=per_page))
    if as_json:
        show_json(record)
        return
    table(
        ("entry", "date", "kind", "run", "credited to"),
        [
            (row.entry, row.created_at, row.kind, row.run or "", row.credited)
            for row in record.entries
        ],
    )
    say(f"Page {record.page} of {record.pages}, {record.total} entries")


@verbs.command("artist")
def artist(
    name: ArtistName,
    status: Annotated[
        Literal["active", "opted-out"] | None,
        typer.Option(help="Opt out (future shares go to unattributed) or back in."),
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why the status changes.")] = None,
    withhold_name: Annotated[
        bool | None,
        typer.Option(
            "--withhold-name/--show-name", help="Whether pages, exports and statements name them."
        ),
    ] = None,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """One artist: status and credit; with --status or --withhold-name, change it and say why."""
    from app.services.ledger_filter import find_artist
    from app.services.serialize_ledger import ArtistRecord

    ledger = our_ledger()
    known = find_artist(ledger, name)
    if status is not None or withhold_name is not None:
        if not reason:
            raise UsageError("A change of status needs its reason: add --reason.")
        if status == "active":
            _require_no_wish(ledger.true_names()[known.id])
        ledger.set_artist_status(
            known.id,
            status or known.status,
            reason=reason,
            actor=actor or getpass.getuser(),
            masked=withhold_name,
        )
    record = ArtistRecord.of(ledger, known.id)
    if as_json:
        show_json(record)
    else:
        say(
            f"{record.artist} ({record.status}): {credits(record.micro)} by "
            f"{record.works} works in {record.entries} entries"
        )


def _require_no_wish(name: str) -> None:
    """Who keeps a wish to be left out stays uncredited, whatever status they are given here."""
    from app.services.artists import opt_outs_file
    from core.collection.artists.opt_outs import read_opt_outs

    covered = read_opt_outs(opt_outs_file(read_settings())).of_person((name,))
    if covered is not None and covered.certainty == "sure":
        raise UsageError(
            f"{covered.wish.words}, and that wish stands. Take it back first: "
            f"python -m app artists opt-in '{name}' --reason WHY"
        )


@verbs.command("statement")
def statement(
    name: ArtistName,
    period: Annotated[
        str | None, typer.Option(metavar="YYYY-MM", help="The month; all time by default.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help="From this day on.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help="Up to this day, all of it included.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="As a file: .csv or .parquet."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """An artist's statement: the balance before, every entry of the period, the balance after.

    What one period closes with, the next opens with. `-o FILE.parquet` needs pyarrow.
    """
    from app.services.serialize_ledger import StatementRecord
    from app.services.statements import statement_file, statement_of
    from core.files import write_bytes

    ledger = our_ledger()
    kept = statement_of(ledger, name, period=period, since=since, until=until)
    disputed = ledger.disputes(artist_id=kept.artist.id).total
    if kept.escrow_closing and not (kept.closing or kept.entries == 0 or disputed):
        raise UsageError(
            f"'{kept.artist.name}' is nobody in particular: {credits(kept.escrow_closing)} are "
            "kept until somebody knows who made these works. `artists review` lists them."
        )
    record = StatementRecord.of(kept)
    if output is not None:
        write_bytes(output, statement_file(kept, output.suffix.lstrip(".").lower()))
    if as_json:
        show_json(record)
        return
    if output is not None:
        say(f"Written: {output} ({len(record.entries)} entries)")
        return
    days = f"{since or 'the beginning'} to {until or 'now'}" if since or until else "all time"
    say(f"{record.artist}, {record.period or days}: {credits(record.micro)}")
    say(f"Balance before {credits(record.opening_micro)}, after {credits(record.closing_micro)}")
    if record.escrow_closing_micro or record.escrow_opening_micro:
        say(
            f"In escrow before {credits(record.escrow_opening_micro)}, after "
            f"{credits(record.escrow_closing_micro)}"
        )
    table(
        ("entry", "date", "kind", "credit"),
        [(row.entry, row.created_at, row.kind, credits(row.micro)) for row in record.entries],
    )


@verbs.command("reverse")
def reverse(
    entry: Annotated[str, typer.Argument(metavar="ENTRY", help="The entry's number or id.")],
    reason: Reason,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Take an entry back by a counter-entry; both stay visible for ever."""
    from app.services.ledger_filter import find_entry
    from app.services.serialize_ledger import EntryRecord

    ledger = our_ledger()
    number = find_entry(ledger, entry).number
    reversal = ledger.reverse(number, reason=reason, actor=actor or getpass.getuser())
    if as_json:
        show_json(EntryRecord.of(reversal))
    else:
        say(f"Entry {number} is reversed by entry {reversal.number}: {reason}")


@verbs.command("verify")
def verify(
    against: Annotated[
        Path | None,
        typer.Option(metavar="CHECKPOINTS", help="Also against checkpoints that somebody kept."),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(metavar="KEY.PEM", help="The public key that came with them; ours if none."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Recompute the chain from the first entry on; find any tampering."""
    from app.services.ledger_proofs import losses, verified
    from app.services.serialize_ledger import VerificationRecord

    proof = verified(our_ledger(), against, key)
    if as_json:
        show_json(VerificationRecord.model_validate(proof))
    elif proof.ok:
        count = "1 entry" if proof.entries == 1 else f"{proof.entries} entries"
        say(f"The ledger is whole: {count} verified.")
        if against is not None:
            say(f"It is the ledger of which '{against.name}' was published.")
            for words in losses(against):
                say(words)
    bad = proof.first_bad
    if bad is not None:
        raise LedgerError(
            f"The ledger was changed: entry {bad.entry}: {bad.reason}. Restore the database "
            "from a backup; nothing more should be booked on it."
        )


@verbs.command("publish")
def publish(as_json: AsJson = False) -> None:
    """Sign a checkpoint of the ledger now; give it, and the public key, to others to keep."""
    from app.services.ledger_proofs import published
    from app.services.serialize_ledger import PublicationRecord

    record = PublicationRecord.model_validate(published(our_ledger()))
    if as_json:
        show_json(record)
        return
    say(f"Checkpoint {record.number}: {record.entries} entries, head {record.head}")
    say(f"Checkpoints to give away: {record.checkpoints}")
    say(f"Public key, {record.key}: {record.public_key}")


@verbs.command("prove")
def prove(
    entry: Annotated[str, typer.Argument(metavar="ENTRY", help="The entry's number or id.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="Where the proof is written.")
    ],
    as_json: AsJson = False,
) -> None:
    """Write a proof that an entry is in the ledger, for somebody who has no ledger."""
    from app.services.ledger_filter import find_entry
    from app.services.ledger_proofs import write_proof
    from app.services.serialize_ledger import ProofRecord

    ledger = our_ledger()
    proof = write_proof(ledger, find_entry(ledger, entry).number, output)
    record = ProofRecord.of(proof)
    if as_json:
        show_json(record)
    else:
        say(f"Written: {output} (entry {record.entry}, checkpoint {record.checkpoint})")


@verbs.command("check")
def check(
    proof: Annotated[Path, typer.Argument(metavar="PROOF", help="What `ledger prove` wrote.")],
    key: Annotated[Path, typer.Option(metavar="KEY.PEM", help="The studio's public key.")],
    against: Annotated[
        Path | None,
        typer.Option(metavar="CHECKPOINTS", help="Checkpoints that you kept yourself."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check such a proof; needs no ledger, only the proof and the studio's public key."""
    from app.services.ledger_proofs import checked
    from app.services.serialize_ledger import ProofRecord

    record = ProofRecord.of(checked(proof, key, against))
    if as_json:
        show_json(record)
        return
    say(
        f"Entry {record.entry} of {record.created_at[:10]} is in the ledger of which checkpoint "
        f"{record.checkpoint} was signed on {record.published_at[:10]} by key {record.key}."
    )


@verbs.command("backup")
def backup(
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="Where the copy is written.")
    ],
    as_json: AsJson = False,
) -> None:
    """Copy the ledger while the studio runs, and verify the copy."""
    from app.services.serialize_ledger import BackupRecord
    from core.ledger.backup import backup as make

    record = BackupRecord.model_validate(make(our_ledger(), output))
    if as_json:
        show_json(record)
    else:
        say(f"Written: {record.path} ({record.entries} entries, head {record.head_hash})")


@verbs.command("restore")
def restore(
    source: Annotated[Path, typer.Argument(metavar="BACKUP", help="What `ledger backup` wrote.")],
    reason: Reason,
    actor: Actor = None,
    lose_newer: Annotated[
        bool, typer.Option("--lose-newer", help="Although entries are lost; published as such.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put a backup in the ledger's place, verified first; what was there is kept beside."""
    from app.services.serialize_ledger import RestorationRecord
    from core.ledger.backup import restore as put_back

    done = put_back(
        read_settings().ledger_file,
        source,
        reason=reason,
        actor=actor or getpass.getuser(),
        lose_newer=lose_newer,
    )
    record = RestorationRecord.model_validate(done)
    if as_json:
        show_json(record)
    else:
        say(
            f"Restored: {record.entries} entries. What was there before: {record.kept or 'nothing'}"
        )


@verbs.command("export")
@spread_options
def export(
    kind_of_file: Annotated[
        Literal["csv", "json"], typer.Option("--format", help="CSV for spreadsheets, or JSON.")
    ] = "csv",
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Default: the terminal.")
    ] = None,
    *,
    filters: FilterOptions,
    as_json: Annotated[bool, typer.Option("--json", help="Same as --format json.")] = False,
) -> None:
    """Every entry with its lines; spreadsheet formulas are neutralised."""
    ledger = our_ledger()
    selected = _selected(ledger, filters)
    wants_json = as_json or kind_of_file == "json"
    parts = ledger.export_json(selected) if wants_json else ledger.export_csv(selected)
    _deliver(parts, output)


def _deliver(parts: Iterable[str], output: Path | None) -> None:
    if output is None:
        for part in parts:
            sys.stdout.write(part)
        return
    from core.files import write_text

    write_text(output, "".join(parts))
    say(f"Written: {output}")
