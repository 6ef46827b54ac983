"""Files that are either the old or the new, never half of one.

In: a destination and bytes. Out: the file, complete and on disk. Knows no format.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

from core.errors import CollectionError

DRAFT = re.compile(r"\.[a-z0-9_]{8}\.part")  # as mkstemp names them


def write_bytes(path: Path, data: bytes) -> None:
    """Write beside `path`, flush to disk, then rename over it. Parents are created."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    except OSError as error:
        raise _cannot_write(path, error) from error
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        Path(temporary).unlink(missing_ok=True)
        raise _cannot_write(path, error) from error
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def sweep(folder: Path) -> None:
    """Remove drafts of `write_bytes` that a killed process left right in `folder`."""
    for path in folder.glob(".*.part"):
        if DRAFT.fullmatch(path.name):
            path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """UTF-8, line ends as given."""
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise CollectionError(
            f"'{path.name}' was not written: a text holds half a character (a lone surrogate). "
            "Correct the text, then try again."
        ) from error
    write_bytes(path, data)


def _cannot_write(path: Path, error: OSError) -> CollectionError:
    cause = error.strerror or "unknown cause"
    return CollectionError(
        f"'{path.name}' could not be written ({cause.lower()}); an old file is untouched. "
        "Free some space or choose a folder you may write to, then try again."
    )
