"""Deleting a run that was not booked: from the ledger first, then its pictures.

In: a studio and the run's id. Out: what the run was. Where the ledger refuses, nothing is deleted.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from app.services.session import Studio
from core.ledger.records import EXAMPLE, RunView


def deletable(view: RunView) -> bool:
    """Whether the ledger lets this run go: nothing was booked for it, and it is not an example."""
    return view.entry is None and view.record.kind != EXAMPLE


def delete_run(studio: Studio, run_id: str, *, actor: str | None = None) -> RunView:
    """Delete the run, its picture, and what was painted again without an artist; `actor`: by whom.

    Raises `LedgerError` for no run, a booked one, and an example.
    """
    view = studio.ledger.delete_run(run_id, actor=actor)
    files = list(studio.outputs.glob(f"{view.record.id}-without-*"))
    if view.record.image_file:
        files.append(studio.outputs / Path(view.record.image_file).name)
    for file in files:
        studio.thumbnails.drop(file)
        with contextlib.suppress(OSError):  # no page leads to it any more
            file.unlink(missing_ok=True)
    return view
