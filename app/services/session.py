"""The studio, opened: a collection, its engine, the ledger, and where files are kept.

In: settings. Out: one value that runs, pages and verbs share; and whoever does the work: this
process, or Ray workers, as the settings say. Knows no page and no verb.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

from app.services.collections import chosen_collection
from app.services.thumbnails import Thumbnails, thumbnails_of
from app.settings import Settings
from core.attribution.engine import Engine, SpreadIndex
from core.attribution.features.featurizer import Means
from core.attribution.features.shards import Spreader
from core.attribution.scoring.index import Index
from core.collection.types import Collection
from core.errors import CollectionError
from core.files import write_bytes
from core.ledger.evidence import Evidence
from core.ledger.ledger import Ledger, open_ledger
from core.ledger.records import WITHHELD, RunInfluence, RunRecord
from core.progress import Progress

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
    def thumbnails(self) -> Thumbnails:
        """Small pictures of works and runs."""
        return thumbnails_of(self.settings)

    @property
    def artist_names(self) -> Mapping[str, str]:
        """Artist id -> name, as the collection is now; made once for each collection."""
        return self.collection.artist_names

    @property
    def shown_collection(self) -> Collection:
        """The collection as people may see it: without the names that are withheld."""
        return self.collection.unnamed(self.ledger.masked(), WITHHELD)

    @property
    def shown_names(self) -> Mapping[str, str]:
        """Artist id -> name, as people may see them."""
        return self.shown_collection.artist_names

    @cached_property
    def versions(self) -> Mapping[str, str]:
        """What made the numbers, for the record."""
        return {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}


def open_studio(settings: Settings, *, spare_threads: int = 0) -> Studio:
    """Load the collection, its model and index; open the ledger and verify what is new in it."""
    collection = chosen_collection(settings)
    engine = Engine.open(
        collection,
        device=settings.device,
        spare_threads=spare_threads,
        spread=spread_index(settings),
    )
    ledger = open_ledger(settings.ledger_file, publishes=True)
    studio = Studio(settings, engine, ledger)
    if ledger.verify_new().ok:
        ledger.know_artists(studio.artist_names)
    return studio


def example_run(studio: Studio) -> str | None:
    """The id of the collection's finished example, recorded on first sight; None without one."""
    example = load_example(studio.collection)
    if example is None:
        return None
    record, picture = example
    if studio.ledger.run(record.id) is None:
        write_bytes(studio.outputs / record.image_file, picture)
        studio.ledger.record_once(record)  # another server may be as far as this one
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


def spread_index(settings: Settings) -> SpreadIndex | None:
    """Puts an index into workers; None where there are none. Raises `UsageError` without Ray."""
    if not settings.ray:
        return None
    from core.attribution.scoring.ray_backend import connect, spread

    ray = connect(settings.ray, settings.workers)

    def put(index: Index, kept: Path) -> Index:
        return spread(ray, index, kept, settings.workers)

    return put


def spread_features(
    settings: Settings, directory: Path, name: str, device: str, means: Means
) -> Spreader | None:
    """Has planned shards made by workers, which share the memory; None where there are none."""
    if not settings.ray:
        return None
    from core.attribution.scoring.ray_backend import connect, featurize_by

    ray, workers = connect(settings.ray, settings.workers), settings.workers
    if means.budget is not None:
        means = replace(means, budget=means.budget // workers)

    def make(planned: Sequence[tuple[int, list[int]]]) -> Iterator[Progress]:
        return featurize_by(ray, directory.resolve(), name, planned, workers, device, means)

    return make
