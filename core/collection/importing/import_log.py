"""What earlier imports took: a picture's source, the work it became, what was said, how it looks.

In: a collection. Out: `imported.csv` beside its tables. A missing or damaged record only costs
decoding again. Knows no source.
"""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import dataclass, replace

from core.collection.images.near_duplicates import look_of
from core.collection.images.open import open_image
from core.collection.importing.rows import Candidate
from core.collection.store import table_text
from core.collection.types import Collection, Work
from core.errors import ImageRefused
from core.files import write_text

IMPORTED = "imported.csv"
_COLUMNS = ("source_sha256", "work_id", "said_sha256", "look")


@dataclass(frozen=True)
class Record:
    """The work that a source picture became, a digest of what was said of it, and its look."""

    work_id: str = ""
    said: str = ""
    look: str = ""


class Records:
    """Records by the digest of the source picture."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection
        self._by_source = self._read()
        self._looks = {one.work_id: one.look for one in self._by_source.values()}

    def of(self, source_sha: str) -> Record:
        """What is known of a source picture; an empty record for a new one."""
        return self._by_source.get(source_sha, Record())

    def keep(self, source_sha: str, record: Record) -> None:
        """Remember, in place of what was known."""
        self._by_source[source_sha] = record
        self._looks[record.work_id] = record.look

    def look(self, work: Work) -> str:
        """How a work looks: from the record, or from its picture."""
        if not self._looks.get(work.id):
            try:
                picture = open_image(self.collection.image_path(work)).image
            except ImageRefused:  # lost or damaged: it looks like nothing
                return ""
            self._looks[work.id] = look_of(picture)
        return self._looks[work.id]

    def save(self) -> None:
        """Write imported.csv."""
        kept = {
            sha: replace(one, look=one.look or self._looks.get(one.work_id, ""))
            for sha, one in self._by_source.items()
        }
        rows = ((sha, one.work_id, one.said, one.look) for sha, one in kept.items())
        write_text(self.collection.path / IMPORTED, table_text(_COLUMNS, rows))

    def _read(self) -> dict[str, Record]:
        try:
            with (self.collection.path / IMPORTED).open(encoding="utf-8", newline="") as stream:
                rows = list(csv.DictReader(stream))
            return {
                row["source_sha256"]: Record(
                    row["work_id"], row["said_sha256"], row.get("look") or ""
                )
                for row in rows
            }
        except (OSError, KeyError, csv.Error, UnicodeDecodeError):
            return {}


def digest_of_said(row: Candidate) -> str:
    """Changes when the source says something else of the picture."""
    text = json.dumps(row.said, ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
