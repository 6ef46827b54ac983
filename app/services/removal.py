"""Works leave a collection: its tables, pictures, features and index, at once.

In: settings, a collection's folder, ids of works and artists. Out: what left. Credit that was
booked stays in the ledger; what the model has learnt it keeps until it is trained again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.services.artists import keep_away
from app.services.thumbnails import thumbnails_of
from app.settings import Settings
from core.collection.importing.destination import no_import_beside
from core.collection.removal import (
    delete_pictures,
    forget_captions,
    remove_works,
    removed_works,
    works_of,
)
from core.collection.store import load_collection, load_held_out


@dataclass(frozen=True, kw_only=True)
class WorksTakenOut:
    """Ids of the works that left, rows of their features, and how many works stay."""

    removed: tuple[str, ...]
    features: int
    works: int


def take_out(
    settings: Settings,
    directory: Path,
    *,
    works: Sequence[str] = (),
    artists: Sequence[str] = (),
    reason: str = "",
) -> WorksTakenOut:
    """Take works out, and all works of `artists`, who do not come back by another import.

    What an earlier removal that was killed left behind goes too. Raises `CollectionError` where an
    import is at work.
    """
    from core.attribution.removal import forget_works

    with no_import_beside(load_collection(directory, check_files=False)) as collection:
        ids = [*works, *works_of(collection, artists)]
        for one in (*collection.works, *load_held_out(collection)):
            if one.id in ids:
                thumbnails_of(settings).drop(collection.image_path(one))
        # of an artist whose works have left already, the rest is finished
        gone = remove_works(collection, ids, reason) if ids or not artists else ()
        keep_away(settings, collection, artists, reason)
        delete_pictures(directory)
        ever = removed_works(directory)
        rows = forget_works(collection, [(one.sha256, one.label) for one in ever])
        forget_captions(directory)
        left = len(load_collection(directory, check_files=False).works)
    return WorksTakenOut(removed=tuple(one.id for one in gone), features=rows, works=left)
