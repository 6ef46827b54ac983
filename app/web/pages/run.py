"""A run on the first page: painted or traced, cancelled, recorded, and what is shown of it.

In: what the form says, and whose page it is. Out: updates of the page's components by their names.
What is done is `services.runs`; what a part looks like, the templates say.
"""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from app.services.artist_ablation import kept_answers
from app.services.cancellation import Cancellation
from app.services.errors import guarded
from app.services.run_deletion import deletable
from app.services.runs import (
    Event,
    GenerateRequest,
    Painting,
    RunFinished,
    Tracing,
    Unrecorded,
    UploadRequest,
    book_again,
    generate_and_attribute,
    trace_upload,
)
from app.services.session import Studio
from app.web.access import Access
from app.web.events import NOT_YOURS
from app.web.formatting import render, run_page, style_name
from app.web.uploads import Uploads
from app.web.views.credit import decided, run_bars, side_by_side, standing_entry
from core.errors import LedgerError
from core.ledger.records import EXAMPLE, MEMORISED, OPPONENT, PROPONENT, RunRecord, RunView
from core.ledger.write import now

# the components that an event may change
SHOWN = (
    "picture",
    "status",
    "credit",
    "why",
    "proponents",
    "opponents",
    "memorised",
    "recipe",
    "paper",
    "again",
    "restore",
    "retry",
    "run_id",
    "generate",
    "cancel",
    "without",
    "who",
    "answer",
    "find_out",
)
KEPT_FOR_RETRY = 50
CANCELLABLE = 1000  # runs that Cancel finds; far more than can be under way at once
BETWEEN_UPDATES = 0.4  # seconds between two drawings of the bar: drawing takes from painting


class RunEvents:
    """What the buttons of the page do to a run; it knows which are under way, and whose."""

    def __init__(self, studio: Studio, access: Access, uploads: Uploads) -> None:
        self.studio, self.access, self.uploads = studio, access, uploads
        self._unrecorded: dict[str, Unrecorded] = {}
        self._runs: dict[Cancellation[Event], str | None] = {}  # by page, oldest first

    def _cancellable(
        self, page: str | None, run: Callable[[Cancellation[Event]], Iterator[list[Any]]]
    ) -> Iterator[list[Any]]:
        """The updates of one run, known to Cancel until this page's next: a click may come late."""
        for earlier, whose in list(self._runs.items()):
            if (whose == page and earlier.ended) or len(self._runs) >= CANCELLABLE:
                self._runs.pop(earlier, None)
        cancellation: Cancellation[Event] = Cancellation()
        self._runs[cancellation] = page
        yield from guarded(run(cancellation), trouble)

    def cancelled(self, request: gr.Request) -> list[Any]:
        """Cancel this page's runs; where that came too late, show what was recorded."""
        late: list[Event | None] = []
        for cancellation, page in list(self._runs.items()):
            if page == request.session_hash:
                if not cancellation.cancel():
                    late.append(cancellation.outcome())
                self._runs.pop(cancellation, None)
        if not late:
            words = "Cancelled. The last preview stays here; nothing was recorded."
            return update(status=render("notices.waiting", words=words), **idle())
        event = late[-1]
        if event is None:
            return trouble("It was too late to cancel; the ledger says what was recorded.")
        if isinstance(event, RunFinished):
            return finished(self.studio, event, None, "It was too late to cancel.")
        return self._lost(event)

    def generate(
        self,
        style: str,
        seed: float | None,
        steps: float,
        guidance: float,
        method: str,
        page: gr.Request,
    ) -> Iterator[list[Any]]:
        """Paint, trace and book a picture."""
        request = GenerateRequest(style, int(seed or 0), int(steps), float(guidance), method)
        yield from self._cancellable(
            page.session_hash, lambda cancellation: self._paint(request, None, cancellation)
        )

    def again(self, run_id: str, page: gr.Request) -> Iterator[list[Any]]:
        """Paint a run from its own recipe, and say whether the picture is the same."""
        yield from self._cancellable(
            page.session_hash, lambda cancellation: self._paint_again(run_id, cancellation)
        )

    def _paint_again(self, run_id: str, cancellation: Cancellation[Event]) -> Iterator[list[Any]]:
        view = self.studio.ledger.run(run_id)
        if view is None or view.record.seed is None:
            yield trouble("This run cannot be painted again: its recipe is not at hand.")
            return
        record = view.record
        request = GenerateRequest(
            record.style, int(record.seed or 0), record.steps, record.guidance, record.method
        )
        yield from self._paint(request, view, cancellation)

    def _paint(
        self, request: GenerateRequest, before: RunView | None, cancellation: Cancellation[Event]
    ) -> Iterator[list[Any]]:
        yield update(
            status=progress("Painting", 0, request.steps or 0),
            **busy(),
            retry=gr.update(visible=False),
        )
        words, updated = f"{style_name(request.style)} painting, not finished", 0.0
        for event in generate_and_attribute(self.studio, request, cancellation):
            if isinstance(event, Painting):
                moment = time.monotonic()
                if event.preview is None and moment - updated < BETWEEN_UPDATES:
                    continue
                updated, replaced = moment, {}
                if event.preview is not None:
                    replaced = untraced(preview(event.preview, words))
                bar = progress("Painting", event.done, event.total, event.seconds_left)
                yield update(status=bar, **replaced)
            elif isinstance(event, Tracing):
                bar = render(
                    "notices.waiting", words=f"Tracing influence among {event.works:,} works"
                )
                yield update(status=bar, **untraced(preview(event.image, words)))
            elif isinstance(event, RunFinished):
                yield finished(self.studio, event, before)
            else:
                yield self._lost(event)

    def trace(
        self, file: str | None, style: str, method: str, book: bool, page: gr.Request
    ) -> Iterator[list[Any]]:
        """Trace a picture that was brought."""
        yield from self._cancellable(
            page.session_hash,
            lambda cancellation: self._trace_file(
                file, style, method, book, self.access.visitor(page.headers), cancellation
            ),
        )

    def _trace_file(
        self,
        file: str | None,
        style: str,
        method: str,
        book: bool,
        visitor: str,
        cancellation: Cancellation[Event],
    ) -> Iterator[list[Any]]:
        if not file:
            yield trouble("Choose a picture first.")
            return
        if not self.uploads.owns(visitor, file):
            yield trouble(NOT_YOURS)
            return
        yield update(status=render("notices.waiting", words="Opening the picture"), **busy())
        path, notes = Path(file), ""
        request = UploadRequest(path, path.name, style or None, method, book=book)
        for event in trace_upload(self.studio, request, cancellation):
            if isinstance(event, Tracing):
                notes = " ".join(event.notes)
                yield update(
                    status=render(
                        "notices.waiting", words=f"Tracing influence among {event.works:,} works"
                    ),
                    **untraced(preview(event.image, f"Uploaded picture {path.name}")),
                )
            elif isinstance(event, RunFinished):
                yield finished(self.studio, event, None, notes)
            else:
                yield self._lost(event)

    def _lost(self, event: Any) -> list[Any]:
        """The picture is kept; tracing or recording failed."""
        if isinstance(event, Unrecorded):
            while len(self._unrecorded) >= KEPT_FOR_RETRY:
                self._unrecorded.pop(next(iter(self._unrecorded)))
            self._unrecorded[event.record.id] = event
            words = f"{event.error.message} The picture is kept; retry when the cause is gone."
            return update(
                status=render("notices.trouble", words=words, title="The credit is not recorded"),
                retry=gr.update(visible=True),
                run_id=event.record.id,
                **idle(),
            )
        words = f"{event.error.message} The picture is kept ({event.file}); nothing was recorded."
        return update(
            status=render("notices.trouble", words=words, title="It could not be traced"),
            **idle(),
        )

    def retry(self, run_id: str) -> list[Any]:
        """Record what could not be recorded."""
        left = self._unrecorded.get(run_id)
        if left is None:
            return trouble("There is nothing left to record.")
        try:
            view = book_again(self.studio, left)
        except LedgerError as error:
            return update(
                status=render(
                    "notices.trouble", words=error.message, title="The credit is not recorded"
                )
            )
        self._unrecorded.pop(run_id, None)
        return shown(
            self.studio, view, render("notices.done", words=f"Recorded as #{view.number:06d}.")
        )


def update(**values: Any) -> list[Any]:
    """Updates by component name; all others stay as they are."""
    return [values.get(name, gr.skip()) for name in SHOWN]


def idle() -> dict[str, Any]:
    """Nothing is under way on this page."""
    return {"generate": gr.update(interactive=True), "cancel": gr.update(interactive=False)}


def busy() -> dict[str, Any]:
    """Something is."""
    return {"generate": gr.update(interactive=False), "cancel": gr.update(interactive=True)}


def untraced(picture: str) -> dict[str, Any]:
    """A picture that is not traced yet: nothing below it may speak of the one before."""
    return {
        "picture": picture,
        "credit": "",
        "proponents": "",
        "opponents": "",
        "memorised": "",
        "recipe": "",
        "paper": "",
        "again": gr.update(visible=False),
        "restore": gr.update(visible=False),
        "answer": "",
        "find_out": gr.update(interactive=False),
    }


def trouble(words: str) -> list[Any]:
    """What went wrong, in words; everything else stays."""
    return update(status=render("notices.trouble", words=words), **idle())


def finished(
    studio: Studio, event: RunFinished, before: RunView | None, notes: str = ""
) -> list[Any]:
    """A run that has just been recorded; `before` is the one that it repeats."""
    view = event.view
    assert view is not None
    words = f"Recorded as #{view.number:06d}."
    if view.entry is None:
        words = f"Traced as #{view.number:06d}; nothing was booked."
    else:
        entry = studio.ledger.entry(view.entry)
        if entry is not None and entry.run_id != view.record.id:
            words += f" An identical picture is already credited (entry #{view.entry:06d})."
    if before is not None:
        same = before.record.image_sha256 == view.record.image_sha256
        words = (
            "Run again gave the identical image ✓. "
            if same
            else "Run again gave another image: model, library or device has changed. "
        ) + words
    if notes:
        words += f" {notes}"
    return shown(studio, view, render("notices.done", words=words))


def shown(studio: Studio, view: RunView, status: str) -> list[Any]:
    """All that the page says of a run."""
    record = view.record
    known = record.collection == studio.collection.name
    paintable = record.seed is not None and known
    if record.kind == EXAMPLE:
        status = status or render(
            "notices.waiting", words="A finished example. Press Generate for your own."
        )
    return update(
        picture=render("run.picture", record=record),
        status=status,
        credit=credit(
            view, studio.artist_names, studio.ledger.opted_out(), studio.collection.unpaid
        ),
        proponents=_gallery(record, PROPONENT),
        opponents=_gallery(record, OPPONENT),
        memorised=_gallery(record, MEMORISED),
        why=render(
            "run.why",
            record=record,
            rules=side_by_side(record, studio.artist_names, studio.ledger.opted_out()),
        ),
        paper=paper(studio, view),
        recipe=render("run.recipe", view=view, deletable=deletable(view)),
        again=gr.update(visible=paintable),
        restore=gr.update(visible=paintable),
        retry=gr.update(visible=False),
        run_id=record.id,
        **_askable(studio, record, paintable),
        **idle(),
    )


def _askable(studio: Studio, record: RunRecord, paintable: bool) -> dict[str, Any]:
    """Artists of this run, the most credited first; and what was asked before."""
    credited = sorted(record.artist_micro, key=lambda name: -record.artist_micro[name])
    known = [name for name in credited if name in studio.artist_names]
    others = sorted(set(studio.artist_names) - set(known))
    names = studio.artist_names
    answers = kept_answers(studio, record.id) if paintable else []
    return {
        "without": gr.update(open=bool(answers)),
        "find_out": gr.update(interactive=paintable),
        "who": gr.update(
            choices=[(names[one], one) for one in [*known, *others]],
            value=next(iter([*known, *others]), None),
        ),
        "answer": render("artist_ablation.answers", answers=answers),
    }


def credit(
    view: RunView,
    names: Mapping[str, str],
    opted_out: frozenset[str] = frozenset(),
    unpaid: frozenset[str] = frozenset(),
) -> str:
    """How far to trust a run, what is booked of it, and its shares; `names` by artist id."""
    return render(
        "run.credit",
        view=view,
        shares=run_bars(view.record, names, view.rule, unpaid),
        decided=decided(view.record, names),
        stands=standing_entry(view, names, opted_out),
    )


def paper(studio: Studio, view: RunView) -> str:
    """The run as it is printed: all of the page as text and tables."""
    names, opted_out = studio.artist_names, studio.ledger.opted_out()
    return render(
        "paper.run",
        view=view,
        shares=run_bars(view.record, names, view.rule, studio.collection.unpaid),
        decided=decided(view.record, names),
        stands=standing_entry(view, names, opted_out),
        entry=None if view.entry is None else studio.ledger.entry(view.entry),
        address=run_page(view.record.id),
        as_of=now(),
    )


def preview(image: Image.Image, words: str) -> str:
    """A picture that is not finished, inside the page itself."""
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=85)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return render("studio.frame", source=f"data:image/jpeg;base64,{data}", words=words)


def progress(phase: str, done: int, total: int, seconds_left: float | None = None) -> str:
    """The bar."""
    return render(
        "notices.progress", phase=phase, done=done, total=total, seconds_left=seconds_left
    )


def _gallery(record: RunRecord, side: str) -> str:
    return render("works.gallery", side=side, rows=record.side(side))
