"""`provenance`: who signs pictures here, by Content Credentials (C2PA)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import AsJson, group
from app.cli.output import say, show_json
from app.settings import read_settings

if TYPE_CHECKING:
    from app.services.serialize_provenance import AuthorityRecord

verbs = group("Who signs pictures here (Content Credentials, C2PA).")


@verbs.command("init")
def init(
    name: Annotated[
        str, typer.Option(help="The signer, as every picture will name it.")
    ] = "Creditline development",
    as_json: AsJson = False,
) -> None:
    """Make a development authority: what it signs is valid, and on no list that programs trust."""
    from app.services.signing_authority import new_authority

    record = new_authority(read_settings(), name)
    if as_json:
        show_json(record)
        return
    _show(record)
    say("The private key stays there; the root's key was thrown away once it had certified it.")


@verbs.command("show")
def show(as_json: AsJson = False) -> None:
    """Who signs, and until when."""
    from app.services.signing_authority import authority_of

    record = authority_of(read_settings())
    if as_json:
        show_json(record)
    else:
        _show(record)


def _show(record: AuthorityRecord) -> None:
    say(f"Signs pictures: {record.name}, certified by its {record.issuer.lower()}.")
    say(f"From {record.since[:10]} until {record.until[:10]}{' (over)' if record.ended else ''}.")
    say(f"Certificate, sha256: {record.fingerprint}")
    say(f"Key and certificates: {record.folder}")
    say(f"Root to give away: {record.root}")
    say("Valid, not trusted: no list that programs trust names this signer.")
    if not record.installed:
        say("Nothing is signed yet: the extra is missing (pip install -e '.[provenance]').")
