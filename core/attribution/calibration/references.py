"""Reference pictures: what an index and the trust verdict are calibrated against.

In: a collection and its model. Out: `references/` in the collection: pictures the model painted
(their scores are the null), pictures it never learnt (foreign), and a table of both; held-out works
join from their own table. Painting resumes where it stopped.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.attribution.calibration.out_of_distribution import foreign_picture
from core.collection.store import load_held_out, table_text
from core.collection.types import Collection, class_prompt
from core.diffusion.protocol import DiffusionModel
from core.diffusion.sampling import paint
from core.errors import StoreError
from core.files import checksum, write_bytes, write_text
from core.progress import Progress

GENERATED, HELD_OUT, FOREIGN = "generated", "held-out", "foreign"
TABLE = "references.csv"
COLUMNS = ("kind", "file", "style", "sha256")
GENERATED_FIRST_SEED = 1_000_000  # far from the seeds that people choose


@dataclass(frozen=True)
class ReferencePlan:
    """How many pictures of each kind; held-out works are taken in turn over the artists."""

    generated: int = 96
    foreign: int = 60
    held_out: int = 120


DEFAULT_PLAN = ReferencePlan()


@dataclass(frozen=True)
class Reference:
    """One picture: its kind, its file relative to the collection, the class it is asked as."""

    kind: str
    file: str
    style: str
    sha256: str


def paint_references(
    model: DiffusionModel, collection: Collection, plan: ReferencePlan = DEFAULT_PLAN
) -> Iterator[Progress]:
    """Paint what is missing, then write the table, which names the model that painted."""
    folder = collection.path / "references"
    styles = collection.styles
    rows: list[Reference] = []
    for number in range(plan.generated):
        style = styles[number % len(styles)]
        seed = GENERATED_FIRST_SEED + number
        path = folder / f"{model.digest[:12]}-{number:04d}.png"
        if not path.is_file():
            image = paint(
                model,
                class_prompt(style),
                seed=seed,
                steps=collection.default_steps,
                guidance=collection.default_guidance,
            )
            write_bytes(path, _png(image))
        rows.append(_reference(GENERATED, path, style, collection.path))
        yield Progress("Painting references", number + 1, plan.generated)
    for number in range(plan.foreign):
        path = folder / f"foreign-{number:04d}.png"
        write_bytes(path, _png(foreign_picture(number, collection.image_size)))
        rows.append(_reference(FOREIGN, path, styles[number % len(styles)], collection.path))
    table = table_text(COLUMNS, [(r.kind, r.file, r.style, r.sha256) for r in rows])
    write_text(folder / TABLE, table)


def load_references(collection: Collection, plan: ReferencePlan = DEFAULT_PLAN) -> list[Reference]:
    """Generated and foreign pictures by the table, then the held-out works."""
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
        row = Reference(HELD_OUT, work.file, work.style, work.sha256)
        by_artist.setdefault(work.artist_id, []).append(row)
    return rows + _in_turn(list(by_artist.values()), plan.held_out)


def _in_turn(groups: Sequence[Sequence[Reference]], count: int) -> list[Reference]:
    longest = max((len(group) for group in groups), default=0)
    turns = [group[at] for at in range(longest) for group in groups if at < len(group)]
    return turns[:count]


def _png(image: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)  # type: ignore[attr-defined]
    return buffer.getvalue()


def _reference(kind: str, path: Path, style: str, root: Path) -> Reference:
    return Reference(kind, path.relative_to(root).as_posix(), style, checksum(path))
