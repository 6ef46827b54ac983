"""Reference pictures: what an index and the trust verdict are calibrated against.

In: a collection and its model. Out: `references/` in the collection: pictures the model painted
(their scores are the null), pictures it never learnt (foreign), pictures that its base painted
without the LoRA, and a table of all; held-out works join from their own table. Painting resumes
where it stopped.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from core.attribution.calibration.out_of_distribution import foreign_picture
from core.attribution.features.shards import Picture, keys_of
from core.attribution.features.spec import DEFAULT
from core.attribution.features.store import FeatureStore
from core.collection.store import load_held_out, table_text
from core.collection.types import Collection
from core.diffusion.pipeline_model import PipelineModel
from core.diffusion.sampling import paint
from core.errors import StoreError
from core.files import checksum, write_bytes, write_text
from core.progress import Progress

GENERATED, HELD_OUT, FOREIGN, BASE = "generated", "held-out", "foreign", "base"
TABLE = "references.csv"
COLUMNS = ("kind", "file", "style", "sha256")
GENERATED_FIRST_SEED = 1_000_000  # far from the seeds that people choose
BASE_FIRST_SEED = 2_000_000
BY = "|"  # no artist's id holds it


@dataclass(frozen=True)
class ReferencePlan:
    """How many pictures of each kind; held-out works are taken in turn over the artists."""

    generated: int = 96
    foreign: int = 72
    held_out: int = 120
    base: int = 48


DEFAULT_PLAN = ReferencePlan()


@dataclass(frozen=True)
class Reference:
    """One picture: its kind, its file relative to the collection, the class it is asked as.

    `artist_id`: who made it, of a held-out work; several are divided by `BY`.
    """

    kind: str
    file: str
    style: str
    sha256: str
    artist_id: str = ""

    @property
    def made_by(self) -> tuple[str, ...]:
        """The artists who made it."""
        return tuple(self.artist_id.split(BY))


def paint_references(
    model: PipelineModel, collection: Collection, plan: ReferencePlan = DEFAULT_PLAN
) -> Iterator[Progress]:
    """Paint what is missing, then write the table, which names the model that painted."""
    folder = collection.path / "references"
    styles = collection.labels
    rows: list[Reference] = []
    painted = [(GENERATED, number) for number in range(plan.generated)]
    painted += [(BASE, number) for number in range(plan.base)]
    for done, (kind, number) in enumerate(painted, start=1):
        style = styles[number % len(styles)]
        mark = "" if kind == GENERATED else f"{BASE}-"
        path = folder / f"{model.digest[:12]}-{mark}{number:04d}.png"
        if not path.is_file():
            write_bytes(path, _png(_painted(model, collection, kind, style, number)))
        rows.append(_reference(kind, path, style, collection.path))
        yield Progress("Painting references", done, len(painted))
    for number in range(plan.foreign):
        path = folder / f"foreign-{number:04d}.png"
        write_bytes(path, _png(foreign_picture(number, collection.image_size)))
        rows.append(_reference(FOREIGN, path, styles[number % len(styles)], collection.path))
    table = table_text(COLUMNS, [(r.kind, r.file, r.style, r.sha256) for r in rows])
    write_text(folder / TABLE, table)


def _painted(
    model: PipelineModel, collection: Collection, kind: str, style: str, number: int
) -> Image.Image:
    first = GENERATED_FIRST_SEED if kind == GENERATED else BASE_FIRST_SEED
    with model.without_lora() if kind == BASE else nullcontext():
        return paint(
            model,
            collection.prompt(style),
            seed=first + number,
            steps=collection.default_steps,
            guidance=collection.default_guidance,
        )


def load_references(collection: Collection, plan: ReferencePlan = DEFAULT_PLAN) -> list[Reference]:
    """Generated and foreign pictures by the table, the held-out works, the base model's own.

    The base model's come last, so that the others keep the places they had without them.
    """
    try:
        text = (collection.path / "references" / TABLE).read_text(encoding="utf-8")
        rows = [Reference(**row) for row in csv.DictReader(io.StringIO(text))]
    except (OSError, TypeError, ValueError) as error:
        raise StoreError(
            f"The collection '{collection.name}' has no reference pictures. Make them with "
            "`python -m app featurize`."
        ) from error
    by_artist: dict[str, list[Reference]] = {}
    for work in load_held_out(collection):
        made_by = BY.join(who for who, _ in work.makers)
        row = Reference(HELD_OUT, work.file, collection.label(work), work.sha256, made_by)
        by_artist.setdefault(work.artist_id, []).append(row)
    base = [row for row in rows if row.kind == BASE]
    others = [row for row in rows if row.kind != BASE]
    return others + _in_turn(list(by_artist.values()), plan.held_out) + base


def _in_turn(groups: Sequence[Sequence[Reference]], count: int) -> list[Reference]:
    longest = max((len(group) for group in groups), default=0)
    turns = [group[at] for at in range(longest) for group in groups if at < len(group)]
    return turns[:count]


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _reference(kind: str, path: Path, style: str, root: Path) -> Reference:
    return Reference(kind, path.relative_to(root).as_posix(), style, checksum(path))


def references_for(name: str, collection: Collection, plan: ReferencePlan) -> list[Reference]:
    """All kinds for the default features; for others only what a null needs."""
    rows = load_references(collection, plan)
    return rows if name == DEFAULT else [row for row in rows if row.kind == GENERATED]


def picture_of(row: Reference) -> Picture:
    """File, style and sha256, as features are made of it."""
    return row.file, row.style, row.sha256


def traced_references(collection: Collection, directory: Path) -> list[Reference]:
    """The reference pictures of these features, whatever their number was when they were made."""
    store = FeatureStore.open(directory / "references")
    rows = references_for(directory.name, collection, DEFAULT_PLAN)
    have = set(store.keys())
    keys = keys_of([picture_of(row) for row in rows], store.header.spec)
    return [row for row, key in zip(rows, keys, strict=True) if key in have]
