"""How far the ledger was verified: a note beside the file, so that a start need not read it all.

In: the ledger's path. Out: the last verified head, or None. The note only saves time: one that is
missing, altered, or not of this ledger means that everything is verified again. It is not a proof:
whoever can write the ledger can write the note, so the whole is verified on request and behind a
running server.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from core.errors import CollectionError
from core.files import write_text
from core.ledger.hashes import GENESIS, canonical, digest


@dataclass(frozen=True)
class Checkpoint:
    """Entries 1 to `entries` (the last has hash `head`) and runs 1 to `runs` were verified.

    `run_digest` is that of the last of these runs, in hex.
    """

    entries: int = 0
    head: str = GENESIS
    runs: int = 0
    run_digest: str = ""


BEGINNING = Checkpoint()


def note_of(ledger: Path) -> Path:
    """Where the note of a ledger lies."""
    return ledger.with_name(f"{ledger.name}.verified.json")


def read_checkpoint(ledger: Path) -> Checkpoint | None:
    """The note as it was written, or None."""
    try:
        values = json.loads(note_of(ledger).read_text(encoding="ascii"))
        seal = values.pop("seal")
        checkpoint = Checkpoint(**values)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    counts = (checkpoint.entries, checkpoint.runs)
    whole = all(type(count) is int and count >= 0 for count in counts)
    return checkpoint if whole and seal == digest(asdict(checkpoint)) else None


def write_checkpoint(ledger: Path, checkpoint: Checkpoint) -> None:
    """Replace the note. Where it cannot be written, the next start verifies more than it need."""
    values = asdict(checkpoint)
    text = canonical({**values, "seal": digest(values)}) + "\n"
    with contextlib.suppress(CollectionError):
        write_text(note_of(ledger), text)
