"""`workshops build`: the embedded collection again, from scratch, and compared with what ships.

In: two directories. Out: progress, the collection, and a comparison byte by byte.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from app.services.report import REPORT
from app.services.runs import GenerateRequest, RunFinished, generate_and_attribute
from app.services.session import EXAMPLE, EXAMPLE_PICTURE, Studio
from app.settings import read_settings
from core.attribution.engine import Engine
from core.attribution.features.build import build_features
from core.attribution.features.spec import SPECS
from core.collection.store import load_collection
from core.diffusion.stable import StableDiffusion
from core.files import write_bytes, write_text
from core.ledger.ledger import open_ledger
from core.progress import Progress
from core.workshops.build import DEFAULT_PLAN, BuildPlan, build_model

STORAGE = "int8"  # half the size on the disk; ranks stay (see the benchmark of storage)
SHIPPED_INDICES = ("d-trak",)  # the others are built in a second when they are needed
EXAMPLE_RUN = ("ukiyo-e", 7)  # class and seed of the example on the first screen
EXAMPLE_ID, EXAMPLE_DAY = "example", "2026-11-23T12:00:00.000Z"


@dataclass(frozen=True)
class Difference:
    """Files that differ, by path; empty when the two collections are the same."""

    compared: int
    changed: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether every file is the same, byte for byte."""
        return not self.changed

    @property
    def words(self) -> str:
        """For people."""
        if self.same:
            return f"All {self.compared} files are the same as the shipped ones."
        return f"{len(self.changed)} of {self.compared} files differ from the shipped ones."


def rebuild(destination: Path, scratch: Path, plan: BuildPlan = DEFAULT_PLAN) -> Iterator[Progress]:
    """Paint, train, featurize, and make the example run. Resumes where it was stopped."""
    yield from build_model(destination, scratch, plan)
    collection = load_collection(destination)
    model = StableDiffusion.load(destination / "model", destination / "lora")
    for name, spec in SPECS.items():
        yield from build_features(
            model, collection, name, spec, storage=STORAGE, kept=SHIPPED_INDICES
        )
    yield Progress("Making the example", 0, 1)
    make_example(destination, scratch)
    yield Progress("Making the example", 1, 1)


def make_example(destination: Path, scratch: Path) -> None:
    """One generated and traced run, kept as `example.json` and `example.png`; booked nowhere."""
    collection = load_collection(destination)
    settings = read_settings(home=scratch / "example-home", collection=destination)
    studio = Studio(
        settings,
        Engine.open(collection, device="cpu"),
        open_ledger(settings.ledger_file),
    )
    style, seed = EXAMPLE_RUN
    style = style if style in collection.styles else collection.styles[0]
    for event in generate_and_attribute(studio, GenerateRequest(style, seed, book=False)):
        if isinstance(event, RunFinished):
            values = asdict(event.record)
            picture = (studio.outputs / event.record.image_file).read_bytes()
            values |= {
                "id": EXAMPLE_ID,
                "kind": "example",
                "image_file": "example.png",
                "created_at": EXAMPLE_DAY,
                "seconds": {},
            }
            text = json.dumps(values, indent=1, sort_keys=True, ensure_ascii=False)
            write_text(destination / EXAMPLE, text + "\n")
            write_bytes(destination / EXAMPLE_PICTURE, picture)


def compare(built: Path, shipped: Path) -> Difference:
    """Every file of both, by its bytes; but for the report, which benchmarks make."""
    files = {
        path.relative_to(root).as_posix()
        for root in (built, shipped)
        for path in root.rglob("*")
        if path.is_file() and path != root / REPORT
    }
    changed = [name for name in sorted(files) if _bytes(built / name) != _bytes(shipped / name)]
    return Difference(len(files), tuple(changed))


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
