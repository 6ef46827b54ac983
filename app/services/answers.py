"""What `generate`, `attribute` and `methods` do: ask the studio's flows, tell the answer.

In: settings and a wish or a question. Out: records and lines. The flows do the work; the browser
consumes the same ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.services.collections import asked_style, chosen_collection, chosen_style
from app.settings import Settings
from core.errors import CreditlineError, ImageRefused, UsageError


@dataclass(frozen=True)
class Wish:
    """A picture to paint. One of `style` and `prompt`; None elsewhere: the collection's own."""

    style: str | None
    prompt: str | None
    seed: int
    steps: int | None
    guidance: float | None
    method: str
    book: bool
    top: int
    output: Path | None


@dataclass(frozen=True)
class Question:
    """Pictures to trace, in this order."""

    images: tuple[Path, ...]
    style: str | None
    method: str
    top: int
    record: bool


@dataclass(frozen=True)
class Told:
    """One answer: as JSON, as lines, or the reason why there is none."""

    record: dict[str, Any]
    lines: tuple[str, ...] = ()
    error: CreditlineError | None = None


def paint_and_trace(settings: Settings, wish: Wish) -> Told:
    """Paint, trace, credit; write the picture where it was asked for."""
    from app.cli.output import watch
    from app.services.picture_files import check_ending, save_picture
    from app.services.runs import (
        Finished,
        GenerateRequest,
        Unrecorded,
        Untraced,
        generate_and_attribute,
    )
    from app.services.serialize import attribution_lines, attribution_record
    from app.services.session import open_studio

    if wish.output is not None:
        check_ending(wish.output)
    style = asked_style(chosen_collection(settings), wish.style, wish.prompt)
    studio = open_studio(settings)
    request = GenerateRequest(
        style, wish.seed, wish.steps, wish.guidance, wish.method, book=wish.book
    )
    for event in watch(_with_bar(generate_and_attribute(studio, request))):
        if isinstance(event, Unrecorded | Untraced):
            raise event.error
        if isinstance(event, Finished):
            record = attribution_record(
                event.attribution, event.shares, studio.collection, wish.top
            )
            if wish.output is not None:
                save_picture(event.image, wish.output)
            assert event.view is not None
            record |= {
                "run": event.record.id, "seed": wish.seed, "steps": event.record.steps,
                "guidance": event.record.guidance, "entry": event.view.entry,
                "image_sha256": event.record.image_sha256,
                "file": wish.output or studio.outputs / event.record.image_file,
            }  # fmt: skip
            where = f"Recorded as run {event.view.number}"
            where += f", entry {event.view.entry}." if event.view.entry else "; nothing booked."
            told = attribution_lines(record)
            return Told(record, (f"Painted: {record['file']}", *told, where))
    raise AssertionError("the flow ends with an answer")


def trace(settings: Settings, question: Question) -> Iterator[Told]:
    """One answer a picture, in the order given; a refused one does not stop the others."""
    from app.services.runs import Finished, Unrecorded, UploadRequest, trace_upload
    from app.services.serialize import attribution_lines, attribution_record, refusal_record
    from app.services.session import open_studio

    collection = chosen_collection(settings)
    style = None if question.style is None else chosen_style(collection, question.style)
    studio = open_studio(settings)
    if question.method not in studio.engine.methods_available:
        raise UsageError(
            f"The method '{question.method}' is not at hand for this collection. Choose one of: "
            f"{', '.join(studio.engine.methods_available)}."
        )
    for path in question.images:
        request = UploadRequest(
            path, path.name, style, question.method, keep=question.record, book=question.record
        )
        try:
            for event in trace_upload(studio, request):
                if isinstance(event, Unrecorded):
                    raise event.error
                if isinstance(event, Finished):
                    record = {"file": path.as_posix()} | attribution_record(
                        event.attribution, event.shares, studio.collection, question.top
                    )
                    if event.view is not None:
                        record |= {"run": event.record.id, "entry": event.view.entry}
                    yield Told(record, (f"{path}:", *attribution_lines(record)))
        except (CreditlineError, OSError) as error:
            known = error if isinstance(error, CreditlineError) else _unreadable(path, error)
            given = {"collection": collection.name, "method": question.method}
            yield Told(refusal_record(path.as_posix(), known, given), error=known)


def _unreadable(path: Path, error: OSError) -> ImageRefused:
    return ImageRefused(
        f"'{path.name}' cannot be read ({error.strerror or error}). Check the path and its rights."
    )


def _with_bar(events: Iterator[Any]) -> Iterator[Any]:
    """The flow's own events, and a `Progress` for each step that a bar can draw."""
    from app.services.runs import Painting, Tracing
    from core.progress import Progress

    for event in events:
        if isinstance(event, Painting):
            yield Progress("Painting", event.done, event.total)
        elif isinstance(event, Tracing):
            yield Progress("Tracing influence", 0, event.works)
        else:
            yield event


def method_rows() -> list[dict[str, Any]]:
    """Every method with its choices and what it needs."""
    from core.attribution.methods import METHODS

    return [
        {
            "name": row.name, "title": row.title, "representation": row.representation,
            "kernel": row.kernel, "works_scale": row.works_scale, "query_scale": row.query_scale,
            "stack": row.stack, "query": row.query, "served": row.served,
            "formula": row.formula, "cost": row.cost, "needs": row.needs,
        }
        for row in METHODS.values()
    ]  # fmt: skip
