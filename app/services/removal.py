"""Works leave a collection: its tables, pictures, features and index, at once.

In: settings, a collection's folder, ids of works and artists. Out: what left. Credit that was
booked stays in the ledger; what the model has learnt it keeps until it is trained again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.services.artists import keep_away
from app.settings import Settings
from core.collection.removal import remove_works, works_of
from core.collection.store import load_collection


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
    """Take works out, and all works of `artists`, who do not come back by another import."""
    from core.attribution.removal import forget_works

    collection = load_collection(directory, check_files=False)
    ids = [*works, *works_of(collection, artists)]
    gone = remove_works(collection, ids, reason)
    keep_away(settings, collection, artists, reason)
    rows = forget_works(collection, [(one.sha256, one.style) for one in gone])
    left = len(load_collection(directory, check_files=False).works)
    return WorksTakenOut(removed=tuple(one.id for one in gone), features=rows, works=left)
