"""The studio, opened: a collection, its engine, the ledger, and where files are kept.

In: settings. Out: one value that flows, pages and verbs share. Knows no page and no verb.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

from app.services.collections import chosen_collection
from app.services.ray_workers import spread_index
from app.settings import Settings
from core.attribution.engine import Engine
from core.collection.atomic import write_bytes
from core.collection.types import Collection
from core.errors import CollectionError
from core.ledger.ledger import Ledger, open_ledger
from core.ledger.records import RunInfluence, RunRecord
from core.ledger.shares import Evidence

EXAMPLE = "example.json"
EXAMPLE_PICTURE = "example.png"
LIBRARIES = ("torch", "diffusers", "peft", "transformers")


@dataclass(frozen=True)
class Studio:
    """Everything that answers a person; safe to share between threads."""

    settings: Settings
    engine: Engine
    ledger: Ledger

    @property
    def collection(self) -> Collection:
        """As the engine knows it now: works may leave while the studio is open."""
        return self.engine.collection

    @property
    def outputs(self) -> Path:
        """Where pictures are kept."""
        return self.settings.outputs

    @property
    def artist_names(self) -> dict[str, str]:
        """Artist id -> name."""
        return {artist.id: artist.name for artist in self.collection.artists}

    @cached_property
    def versions(self) -> Mapping[str, str]:
        """What made the numbers, for the record."""
        return {
            "python": platform.python_version(), **{name: version(name) for name in LIBRARIES}
        }  # fmt: skip


def open_studio(settings: Settings, *, spare_threads: int = 0) -> Studio:
    """Load the collection, its model and index; open the ledger; put the example there."""
    collection = chosen_collection(settings)
    engine = Engine.open(
        collection, device=settings.device, spare_threads=spare_threads,
        spread=spread_index(settings),
    )  # fmt: skip
    ledger = open_ledger(settings.ledger_file)
    studio = Studio(settings, engine, ledger)
    if ledger.verify().ok:
        ledger.know_artists(studio.artist_names)
    return studio


def example_run(studio: Studio) -> str | None:
    """The id of the collection's finished example, recorded on first sight; None without one."""
    found = load_example(studio.collection)
    if found is None:
        return None
    record, picture = found
    if studio.ledger.run(record.id) is None:
        write_bytes(studio.outputs / record.image_file, picture)
        studio.ledger.record(record)
    return record.id


def load_example(collection: Collection) -> tuple[RunRecord, bytes] | None:
    """The example that a collection carries: its run and its picture."""
    file = collection.path / EXAMPLE
    if not file.is_file():
        return None
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        influences = tuple(RunInfluence(**row) for row in values.pop("influences"))
        if values.get("evidence") is not None:
            values["evidence"] = Evidence.from_plain(values["evidence"])
        record = RunRecord(**values, influences=influences)
        return record, (collection.path / EXAMPLE_PICTURE).read_bytes()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CollectionError(
            f"The example run of the collection '{collection.name}' is damaged. Remove {EXAMPLE}; "
            "the studio works without it."
        ) from error
