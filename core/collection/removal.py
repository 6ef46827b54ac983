"""Works leave a collection: out of its tables at once, their pictures deleted, for good.

In: a collection and work ids. Out: the tables without them, and `removed.csv`, which importing
reads. A removal that was interrupted is finished by repeating it. What a model has learnt is
not unlearnt by this: train it again.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path

from core.collection.store import load_held_out, save_collection, save_held_out, table_text
from core.collection.types import Collection, Work
from core.errors import CollectionError, UsageError
from core.files import write_text

REMOVED = "removed.csv"


@dataclass(frozen=True)
class RemovedWork:
    """A work that left: enough to know its picture again, and nothing of what it showed.

    `caption`: what it was learnt under, where that was no class, until its features are gone too.
    """

    id: str
    sha256: str
    file: str
    style: str
    reason: str
    date: str
    caption: str = ""

    @property
    def label(self) -> str:
        """What its features were made under."""
        return self.caption or self.style


COLUMNS = tuple(field.name for field in fields(RemovedWork))


def removed_works(root: Path) -> tuple[RemovedWork, ...]:
    """What left the collection in `root`. Raises `CollectionError` where the table is damaged."""
    try:
        text = (root / REMOVED).read_text(encoding="utf-8")
        return tuple(RemovedWork(**row) for row in csv.DictReader(io.StringIO(text), strict=True))
    except FileNotFoundError:
        return ()
    except (OSError, TypeError, ValueError, csv.Error) as error:
        raise CollectionError(
            f"'{REMOVED}' of the collection '{root.name}' is damaged, so works that were taken out "
            f"could come back. Its columns are: {', '.join(COLUMNS)}. Put it right first."
        ) from error


def remove_works(
    collection: Collection, ids: Sequence[str], reason: str
) -> tuple[RemovedWork, ...]:
    """Take works (and held-out works) out; an id that left already is finished, not refused.

    Raises `CollectionError` for an id that was never here, `UsageError` for a removal of nothing or
    of everything.
    """
    if not ids:
        raise UsageError("Say what shall leave: --work ID or --artist ID, repeatable.")
    held_out = load_held_out(collection)
    before = {one.id: one for one in removed_works(collection.path)}
    here = {work.id: work for work in (*collection.works, *held_out)}
    leaving = [_record(collection, here[one], reason) for one in dict.fromkeys(ids) if one in here]
    for name in ids:
        if name not in here and name not in before:
            collection.work(name)  # says that there is none
    gone = {one.id for one in leaving}
    rest = tuple(work for work in collection.works if work.id not in gone)
    if not rest:
        raise UsageError(
            f"That is all of the collection '{collection.name}'. Delete its folder instead."
        )
    rows = (*before.values(), *(one for one in leaving if one.id not in before))
    write_text(collection.path / REMOVED, table_text(COLUMNS, map(astuple, rows)))
    if gone & {work.id for work in held_out}:
        save_held_out(collection, [work for work in held_out if work.id not in gone])
    if len(rest) < len(collection.works):
        save_collection(replace(collection, works=rest))
    delete_pictures(collection.path)
    return tuple(one for one in rows if one.id in set(ids))


def delete_pictures(root: Path) -> None:
    """Delete the files of all works that ever left; those of a killed removal may lie there."""
    for one in removed_works(root):
        (root / one.file).unlink(missing_ok=True)


def forget_captions(root: Path) -> None:
    """Once their features are gone, nothing of what works that left showed is kept."""
    rows = removed_works(root)
    if any(one.caption for one in rows):
        bare = (astuple(replace(one, caption="")) for one in rows)
        write_text(root / REMOVED, table_text(COLUMNS, bare))


def _record(collection: Collection, work: Work, reason: str) -> RemovedWork:
    today = datetime.now(UTC).date().isoformat()
    caption = collection.label(work) if collection.by_caption else ""
    return RemovedWork(work.id, work.sha256, work.file, work.style, reason, today, caption)


def works_of(collection: Collection, artist_ids: Sequence[str]) -> list[str]:
    """The ids of all works by these artists, held-out ones too."""
    for artist_id in artist_ids:
        collection.artist(artist_id)
    works = (*collection.works, *load_held_out(collection))
    return [work.id for work in works if any(map(work.is_by, artist_ids))]
