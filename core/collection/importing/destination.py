"""The folder that an import fills: empty, new, or a collection to which works are added.

In: paths and the size of pictures. Out: the collection that is there, or an empty one. One import
at a time fills a folder; what a killed one left half-written is swept away.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from filelock import FileLock, Timeout

from core.collection.importing.import_log import IMPORTED
from core.collection.importing.slugs import plain_text, readable, slug
from core.collection.store import MANIFEST, load_collection
from core.collection.types import Collection
from core.errors import CollectionError
from core.files import sweep
from core.work_queue import give_up

_LOCK = ".import.lock"
_OURS = frozenset({"images", IMPORTED, "works.csv", "artists.csv"})


def target_of(source: Path, destination: Path | None, size: int, name: str | None) -> Collection:
    """The collection already in `destination`, or an empty one; raises where neither can be."""
    if not 8 <= size <= 1024:
        raise CollectionError(f"A picture size of {size} is not possible. Choose 8 to 1024.")
    if destination is None:
        title = plain_text(name or readable(source.resolve().stem)) or "Collection"
        return Collection(Path(".preview"), slug(title), title, "", size, (), ())
    if destination.resolve() == source.resolve():
        raise CollectionError(
            "The pictures and the new collection would share one folder. Choose another target."
        )
    if (destination / MANIFEST).is_file():
        existing = load_collection(destination, check_files=False)
        if existing.image_size != size:
            raise CollectionError(
                f"The collection '{existing.name}' holds pictures of {existing.image_size} pixels, "
                f"not {size}. Import with that size, or into another folder."
            )
        return existing if name is None else replace(existing, title=name, name=slug(name))
    if destination.exists():
        _check_ours(destination)
    title = plain_text(name or readable(destination.resolve().name)) or "Collection"
    return Collection(destination, slug(title), title, "", size, (), ())


@contextlib.contextmanager
def opened_target(
    source: Path, destination: Path, size: int, name: str | None
) -> Iterator[Collection]:
    """The folder, for this import alone; one that stays empty is taken away again."""
    made = [path for path in (destination, *destination.parents) if not path.exists()]
    try:
        destination.mkdir(parents=True, exist_ok=True)
        lock = FileLock(destination / _LOCK, timeout=0)
        lock.acquire()
    except Timeout as error:
        raise CollectionError(
            f"Another import is filling '{destination.name}'. Wait until it has ended."
        ) from error
    except OSError as error:
        raise CollectionError(
            f"'{destination.name}' cannot be written ({error.strerror or error}). Choose a folder "
            "you may write to."
        ) from error
    try:
        for folder in (destination, destination / "images"):
            sweep(folder)
        yield target_of(source, destination, size, name)
    finally:
        give_up(lock)
        for path in made:
            with contextlib.suppress(OSError):  # not empty: it holds the collection
                path.rmdir()


def _check_ours(destination: Path) -> None:
    if not destination.is_dir():
        raise CollectionError(f"'{destination.name}' is a file. Choose a folder.")
    strangers = [
        entry.name
        for entry in destination.iterdir()
        if entry.name not in _OURS and not entry.name.startswith(".")
    ]
    if strangers:
        raise CollectionError(
            f"The folder '{destination.name}' holds other things (such as '{strangers[0]}'). "
            "Choose an empty or a new folder."
        )
