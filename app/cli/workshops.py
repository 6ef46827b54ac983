"""`workshops`: the procedural painters, and the embedded collection made from scratch.

In: a painter's name, or two directories. Out: a picture; or progress, the collection again, and a
comparison with what ships, byte by byte.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from app.cli.options import AsJson, Device, group
from app.cli.output import run, say, show_json, table
from app.settings import EMBEDDED, read_settings
from core.errors import CollectionError
from core.files import write_bytes, write_text
from core.progress import Progress

STORAGE = "int8"  # half the size on the disk; ranks stay (see the benchmark of storage)
SHIPPED_INDICES = ("d-trak",)  # the others are built in a second when they are needed
EXAMPLE_RUN = ("ukiyo-e", 11)  # class and seed of the example on the first screen
EXAMPLE_ID, EXAMPLE_DAY = "example", "2026-11-23T12:00:00.000Z"

verbs = group("The painters of the embedded collection.")


@verbs.command("list")
def list_workshops(as_json: AsJson = False) -> None:
    """List the workshops whose works the embedded collection holds."""
    from app.services.serialize import WorkshopRecord
    from core.workshops.roster import COLLECTION_HANDS

    rows = [WorkshopRecord.model_validate(hand) for hand in COLLECTION_HANDS]
    if as_json:
        show_json(rows)
    else:
        table(("slug", "name", "style"), [(row.slug, row.name, row.style) for row in rows])


@verbs.command("paint")
def paint(
    workshop: Annotated[
        str, typer.Option(metavar="SLUG", help="Whose hand; see `workshops list`.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="PNG or JPEG.")],
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another work.")] = 0,
    size: Annotated[int, typer.Option(min=32, max=1024, help="Side in pixels.")] = 128,
    as_json: AsJson = False,
) -> None:
    """Paint one new work by a workshop's hand."""
    from app.services.picture_files import save_picture
    from app.services.serialize import PaintingRecord
    from core.workshops.hand import paint_work, work_title
    from core.workshops.roster import hand as hand_of

    hand = hand_of(workshop)
    save_picture(paint_work(hand, seed, size), output)
    title = work_title(hand, seed)
    if as_json:
        painting = PaintingRecord(
            workshop=hand.slug,
            name=hand.name,
            style=hand.style,
            title=title,
            seed=seed,
            file=output,
        )
        show_json(painting)
    else:
        say(f"{title}, {hand.name} ({hand.style}), seed {seed}: {output}")


@verbs.command("build")
def build(
    to: Annotated[
        Path, typer.Option("--to", metavar="DIR", help="Where the collection is built.")
    ] = Path("var/workshops"),
    scratch: Annotated[
        Path, typer.Option(metavar="DIR", help="Unfinished training; kept for resuming.")
    ] = Path("var/workshops-scratch"),
    device: Device = None,
    threads: Annotated[
        int,
        typer.Option(min=1, help="Parts of a batch side by side, each on its share of the cores."),
    ] = 1,
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Compare the result with the shipped files.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Paint, train and featurize the embedded collection again; compare it with what ships."""
    from app.services.serialize import RebuildRecord

    where = read_settings(device=device).device
    run(rebuild(to, scratch, device=where, threads=threads))
    if not check:
        say(f"Built in {to}.")
        return
    difference = compare(to, EMBEDDED)
    if as_json:
        show_json(RebuildRecord.model_validate(difference))
    else:
        say(difference.words)
    if not difference.same:
        raise CollectionError(
            f"The rebuilt collection differs from the shipped one in {len(difference.changed)} "
            f"files (the first: {difference.changed[0]}). Other versions or another processor "
            "round otherwise; pictures and tables must not differ."
        )


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


def rebuild(
    destination: Path,
    scratch: Path,
    *,
    device: str = "cpu",
    threads: int = 1,
) -> Iterator[Progress]:
    """Paint, train, featurize, and make the example run. Resumes where it was stopped."""
    from core.attribution.engine import choose_device
    from core.attribution.features.build import build_features
    from core.attribution.features.spec import SPECS
    from core.collection.store import load_collection
    from core.diffusion.pipeline_model import PipelineModel
    from core.diffusion.training.loop import Execution
    from core.workshops.build import build_model

    where, execution = choose_device(device), Execution("auto", threads=threads, folded=True)
    yield from build_model(destination, scratch, device=where, execution=execution)
    collection = load_collection(destination)
    model = PipelineModel.load(destination / "model", destination / "lora", device=where)
    for name, spec in SPECS.items():
        yield from build_features(
            model, collection, name, spec, storage=STORAGE, kept=SHIPPED_INDICES
        )
    yield Progress("Making the example", 0, 1)
    make_example(destination, scratch)
    yield Progress("Making the example", 1, 1)


def make_example(destination: Path, scratch: Path) -> None:
    """One generated and traced run, kept as `example.json` and `example.png`; booked nowhere."""
    from app.services.runs import GenerateRequest, RunFinished, generate_and_attribute
    from app.services.session import EXAMPLE, EXAMPLE_PICTURE, Studio
    from core.attribution.engine import Engine
    from core.collection.store import load_collection
    from core.ledger.ledger import open_ledger

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
    from app.services.report import REPORT

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
