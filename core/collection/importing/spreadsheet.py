"""A spreadsheet becomes rows of text: XLSX, XLSM, XLSB, XLS or ODS.

In: a path. Out: the visible sheets, each with its rows of cells as a person reads them, or a
`CollectionError` by the file's name. A child process reads the file, within limits of memory and
time. Knows no column's meaning.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from core.collection.images.decoding_process import child_environment
from core.errors import CollectionError

SHEET_ENDINGS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
_COMMAND = (sys.executable, "-m", "core.collection.importing.spreadsheet_child")
_MIB = 1024 * 1024
_MAX_BYTES = 64 * _MIB
_SECONDS = 60.0


@dataclass(frozen=True)
class Sheet:
    """One sheet: rows of cells; `typed_years` are columns whose years the program shows as days."""

    name: str
    rows: tuple[tuple[str, ...], ...]
    typed_years: tuple[int, ...] = ()


def read_sheets(path: Path, seconds: float = _SECONDS) -> tuple[Sheet, ...]:
    """The visible sheets of `path`, in their order."""
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= _MAX_BYTES else b""
    except OSError as error:
        raise CollectionError(
            f"'{path.name}' could not be read. Check that you may open it."
        ) from error
    if not size:
        raise CollectionError(f"'{path.name}' is empty: it holds no bytes. Export it again.")
    if size > _MAX_BYTES:
        raise CollectionError(
            f"'{path.name}' is larger than {_MAX_BYTES // _MIB} MiB. Save its one sheet as 'CSV "
            "UTF-8', and pictures beside it as files."
        )
    answer = _answer(path, data, seconds)
    if "refused" in answer:
        raise CollectionError(f"'{path.name}' {answer['refused']}")
    return tuple(
        Sheet(one["name"], tuple(map(tuple, one["rows"])), tuple(one["typed"]))
        for one in answer["sheets"]
    )


def _answer(path: Path, data: bytes, seconds: float) -> dict:
    try:
        done = subprocess.run(
            _COMMAND,
            input=data,
            capture_output=True,
            timeout=seconds,
            cwd=Path(__file__).resolve().parents[3],
            env=child_environment(os.environ),
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise CollectionError(
            f"Reading '{path.name}' took more than {seconds:g} seconds, so it was stopped. Save "
            "its one sheet as 'CSV UTF-8'."
        ) from error
    if b"No module named 'python_calamine'" in done.stderr:
        raise CollectionError(
            f"'{path.name}' is a spreadsheet, and the library that reads it is not installed. "
            "Install it (pip install python-calamine), or save the sheet as 'CSV UTF-8'."
        )
    try:
        answer: dict = json.loads(done.stdout) if done.returncode == 0 else {}
    except ValueError:
        answer = {}
    if not answer:
        raise CollectionError(
            f"'{path.name}' is damaged, or its cells lie so far apart that they need too much "
            "memory. Save its one sheet as 'CSV UTF-8'."
        )
    return answer
