"""`collections`: what the studio has learnt from, or could."""

from __future__ import annotations

from app.cli.options import AsJson
from app.cli.output import complain, say, show_json, table
from app.settings import read_settings


def collections(as_json: AsJson = False) -> None:
    """List the collections at hand."""
    from app.services.collections import readable_collections
    from app.services.serialize import CollectionRecord

    readable, unreadable = readable_collections(read_settings())
    for sentence in unreadable:
        complain(sentence)
    if as_json:
        show_json([CollectionRecord.of(one) for one in readable])
    elif readable:
        table(
            ("name", "works", "artists", "classes", "path"),
            [
                (one.name, len(one.works), len(one.artists), ", ".join(one.styles), one.path)
                for one in readable
            ],
        )
    else:
        say("No collections at hand. Make one: python -m app import PICTURES --to DIR")
