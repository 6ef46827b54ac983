"""`verify`: an evidence pack, without the studio, its ledger or the network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import AsJson
from app.cli.output import say, show_json, table
from core.errors import ProvenanceError
from core.ledger.export import credits

if TYPE_CHECKING:
    from app.services.serialize_provenance import PackRecord


def verify(
    pack: Annotated[Path, typer.Argument(metavar="PACK", help="The ZIP from a run's page.")],
    key: Annotated[
        Path | None,
        typer.Option(metavar="KEY.PEM", help="The studio's public key, got by another way."),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(metavar="CHECKPOINTS", help="Checkpoints that you kept yourself."),
    ] = None,
    authority: Annotated[
        Path | None,
        typer.Option(metavar="ROOT.PEM", help="Whoever certifies the signer of pictures."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What an evidence pack proves, and what it does not; every changed file is named."""
    from app.services.pack_verification import Known, verify_pack
    from core.provenance.pack import read_pack_file

    known = Known(key=key, checkpoints=against, authority=authority)
    record = verify_pack(read_pack_file(pack), pack.name, known)
    if as_json:
        show_json(record)
    else:
        _show(record)
    if not record.ok:
        files = sorted({fault.file for fault in record.faults})
        raise ProvenanceError(
            f"'{pack.name}' is not what was signed ({', '.join(files)}). Ask for it again."
        )


def _show(record: PackRecord) -> None:
    say(record.words)
    for fault in record.faults:
        say(f"  {fault.file}: {fault.reason}")
    if record.repacked:
        say("  (The ZIP around the files was packed again; what counts are the files.)")
    if record.seal is not None:
        say(f"Signed by the key {record.seal.key} on {record.seal.made_at}.")
    if record.run is not None:
        run = record.run
        say(f"Run {run.number} ({run.id}), {run.kind}: {run.prompt}, {run.created_at}.")
        rows = [(one.artist, credits(one.micro)) for one in record.shares]
        table(("artist", "credit"), [*rows, ("nobody", credits(record.unattributed_micro or 0))])
    for title, sentences in (
        ("What it proves:", record.proves),
        ("What it does not prove:", record.leaves_open),
    ):
        if sentences:
            say(title)
        for sentence in sentences:
            say(f"  - {sentence}")
