"""A process to be killed: paints, books, packs evidence, exports and backs up, until it is ended.

Run by `soak`. A line is printed once what it says has been acknowledged: `booked SEED RUN ENTRY`.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from app.services.evidence_pack import evidence_pack
from app.services.pack_verification import verify_pack
from app.services.runs import GenerateRequest, RunFinished, generate_and_attribute
from app.services.session import open_studio
from app.settings import read_settings
from core.ledger.backup import backup


def main(home: str, collection: str, seed: str) -> None:
    """Work for ever; now and then a seed that was painted before, which must book nothing again."""
    settings = read_settings(home=Path(home), collection=Path(collection), device="cpu")
    studio, chance = open_studio(settings), random.Random(seed)
    print("ready", flush=True)
    while True:
        number = chance.randrange(400)
        request = GenerateRequest(studio.collection.styles[0], number, steps=2)
        for event in generate_and_attribute(studio, request):
            if isinstance(event, RunFinished) and event.view is not None:
                run = event.record.id
                print(f"booked {number} {run} {event.view.entry}", flush=True)
                _aside(settings.home, studio, run, chance)


def _aside(home: Path, studio: object, run: str, chance: random.Random) -> None:
    from app.services.session import Studio

    assert isinstance(studio, Studio)
    what = chance.randrange(4)
    if what == 0:
        answer = verify_pack(evidence_pack(studio, run, "").data, "p.zip")
        assert answer.ok, answer.faults
        print("packed", flush=True)
    elif what == 1:
        assert "".join(studio.ledger.export_csv()).count("\n") > 1
    elif what == 2:
        backup(studio.ledger, home / f"backup-{chance.randrange(3)}.sqlite3")
        print("backed-up", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
