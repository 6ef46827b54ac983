"""The first page: choose, paint, watch, see who shaped it; or drop a picture and trace it.

Layout and events only. What is shown is made by the views; what is done is `services.runs`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from app.services.artist_ablation import ArtistAblationResult, kept_answers, leave_out
from app.services.cancellation import Cancellation
from app.services.errors import guarded, words_of
from app.services.runs import (
    MAX_GUIDANCE,
    MAX_SEED,
    MAX_STEPS,
    Event,
    GenerateRequest,
    Painting,
    RunFinished,
    Tracing,
    Unrecorded,
    UploadRequest,
    book_again,
    generate_and_attribute,
    looks_alike,
    trace_upload,
)
from app.services.session import Studio, example_run
from app.web.access import Access
from app.web.events import NOT_YOURS
from app.web.formatting import render, style_name
from app.web.uploads import Uploads
from app.web.views.studio import credit, preview
from core.attribution.methods import METHODS
from core.errors import CreditlineError, LedgerError, UsageError
from core.ledger.records import EXAMPLE, MEMORISED, OPPONENT, PROPONENT, RunRecord, RunView

INTRO = "Generate a painting, see which training works shaped it, and who is credited."
ASK_THE_MODEL = ""  # the class of an upload: let the model say
# the components that an event may change
SHOWN = (
    "picture",
    "status",
    "credit",
    "proponents",
    "opponents",
    "memorised",
    "recipe",
    "again",
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
ALIKE = 12  # works in the tab "Looks alike"
BETWEEN_UPDATES = 0.4  # seconds between two drawings of the bar: drawing takes from painting


class StudioPage:
    """The page's components and their events, over one opened studio."""

    def __init__(self, studio: Studio, access: Access, uploads: Uploads) -> None:
        self.studio, self.access, self.uploads = studio, access, uploads
        self._unrecorded: dict[str, Unrecorded] = {}
        self._runs: dict[Cancellation[Event], str | None] = {}  # by page, oldest first
        self._build()
        self._connect()

    # --- layout ------------------------------------------------------------------------------

    def _build(self) -> None:
        styles = self.studio.collection.styles
        gr.HTML(render("macros.title", words="Creditline", lead=INTRO))
        with gr.Row(equal_height=False):
            with gr.Column(scale=5, min_width=300):
                self.style = gr.Dropdown(
                    [(style_name(style), style) for style in styles],
                    value=styles[0],
                    label="Style",
                    elem_id="style",
                    filterable=False,
                )
                with gr.Row():
                    self.seed = gr.Number(
                        7,
                        label="Seed",
                        precision=0,
                        minimum=0,
                        maximum=MAX_SEED,
                        scale=3,
                        elem_id="seed",
                        min_width=120,
                    )
                    self.dice = gr.Button("New seed", scale=2, elem_id="dice", min_width=110)
                with gr.Accordion("Advanced", open=False):
                    self.steps = gr.Slider(
                        1,
                        MAX_STEPS,
                        self.studio.collection.default_steps,
                        step=1,
                        label="Steps",
                        elem_id="steps",
                    )
                    self.guidance = gr.Slider(
                        0,
                        MAX_GUIDANCE,
                        self.studio.collection.default_guidance,
                        step=0.5,
                        label="Guidance",
                        elem_id="guidance",
                    )
                    at_hand = self.studio.engine.methods_available
                    self.method = gr.Dropdown(
                        [(METHODS[name].title, name) for name in at_hand],
                        value="d-trak",
                        label="Measured by",
                        elem_id="method",
                        filterable=False,
                    )
                with gr.Row():
                    self.generate = gr.Button(
                        "Generate",
                        variant="primary",
                        elem_id="generate",
                        min_width=130,
                        interactive=False,  # until the page has opened: nothing overtakes it
                    )
                    self.cancel = gr.Button(
                        "Cancel", interactive=False, elem_id="cancel", min_width=90
                    )
                with gr.Accordion("Or trace a picture of yours", open=False):
                    self.upload = gr.File(
                        label="Picture (PNG, JPEG, WebP, GIF, BMP, TIFF, AVIF; at most 25 MB)",
                        elem_id="upload",
                        height=110,
                    )
                    self.as_style = gr.Dropdown(
                        [
                            ("Let the model say", ASK_THE_MODEL),
                            *((style_name(style), style) for style in styles),
                        ],
                        value=ASK_THE_MODEL,
                        label="Ask as",
                        elem_id="as-style",
                        filterable=False,
                    )
                    self.book_upload = gr.Checkbox(
                        False, label="Record credit for it in the ledger", elem_id="book-upload"
                    )
                    self.trace = gr.Button("Trace", elem_id="trace")
            with gr.Column(scale=6, min_width=300):
                self.picture = gr.HTML(render("studio.blank"), elem_id="picture")
                self.status = gr.HTML(elem_id="status", min_height=60)
                self.retry = gr.Button("Retry recording", visible=False, elem_id="retry")
        with gr.Row(equal_height=False):
            with gr.Column(scale=8, min_width=300):
                self.credit = gr.HTML(elem_id="credit")
            with gr.Column(scale=4, min_width=280):
                self.recipe = gr.HTML(elem_id="recipe")
                self.again = gr.Button("Run again", visible=False, elem_id="again")
        with gr.Accordion(
            "What if this artist had not been there?", open=False, elem_id="without"
        ) as self.without:
            gr.HTML(render("artist_ablation.question"))
            with gr.Row(equal_height=True):
                self.who = gr.Dropdown([], label="Artist", elem_id="who", scale=3, min_width=200)
                self.find_out = gr.Button("Find out", elem_id="find-out", scale=1, min_width=120)
            self.answer = gr.HTML(elem_id="answer")
        with gr.Tabs(elem_id="works"):
            with gr.Tab("Shaped it most", elem_id="tab-proponents"):
                self.proponents = gr.HTML(elem_id="proponents")
            with gr.Tab("Looks alike", elem_id="tab-alike"):
                self.alike = gr.HTML(elem_id="alike")
            with gr.Tab("Pulled away", elem_id="tab-opponents"):
                self.opponents = gr.HTML(elem_id="opponents")
            with gr.Tab("Self-influence", elem_id="tab-memorised"):
                self.memorised = gr.HTML(elem_id="memorised")
        self.run_id = gr.Textbox(visible=False, label="Run")
        self.shown = [getattr(self, name) for name in SHOWN]

    # --- events ------------------------------------------------------------------------------

    def _connect(self) -> None:
        # one place keeps time, not every output: each would redraw itself at every frame
        private: dict[str, Any] = {
            "api_visibility": "private",
            "show_progress": "hidden",
            "show_progress_on": [self.run_id],
        }
        painting = self.generate.click(
            self._generate,
            [self.style, self.seed, self.steps, self.guidance, self.method],
            self.shown,
            concurrency_limit=2,
            concurrency_id="paint",
            **private,
        )
        again = self.again.click(
            self._again,
            [self.run_id],
            self.shown,
            concurrency_limit=2,
            concurrency_id="paint",
            **private,
        )
        tracing = self.trace.click(
            self._trace,
            [self.upload, self.as_style, self.method, self.book_upload],
            self.shown,
            concurrency_limit=2,
            concurrency_id="paint",
            **private,
        )
        dropped = self.upload.upload(
            self._trace,
            [self.upload, self.as_style, self.method, self.book_upload],
            self.shown,
            concurrency_limit=2,
            concurrency_id="paint",
            **private,
        )
        # words only after the stream has ended: its last update would overwrite them
        self.cancel.click(
            None, None, None, cancels=[painting, again, tracing, dropped], queue=False, **private
        ).then(self._cancelled, None, self.shown, queue=False, **private)
        self.dice.click(
            lambda: random.SystemRandom().randrange(1_000_000),
            None,
            self.seed,
            queue=False,
            **private,
        )
        self.find_out.click(
            self._without,
            [self.run_id, self.who],
            [self.answer, self.find_out],
            concurrency_limit=1,
            concurrency_id="without",
            preprocess=False,  # its choices change with the run: `_without` knows the artists
            **private,
        )
        # outside the queue, as the page itself: it takes one look at one picture
        self.run_id.change(self._alike, [self.run_id], self.alike, queue=False, **private)
        self.retry.click(self._retry, [self.run_id], self.shown, queue=False, **private)

    def load(self, blocks: gr.Blocks) -> None:
        """Show the run that the address names, else the example, when the page opens."""
        blocks.load(
            self._opened,
            None,
            self.shown,
            queue=False,
            api_visibility="private",
            show_progress="hidden",
        )

    # --- what the events do ------------------------------------------------------------------

    def _update(self, **values: Any) -> list[Any]:
        """Updates by component name; all others stay as they are."""
        return [values.get(name, gr.skip()) for name in SHOWN]

    def _untraced(self, picture: str) -> dict[str, Any]:
        """A picture that is not traced yet: nothing below it may speak of the one before."""
        return {
            "picture": picture,
            "credit": "",
            "proponents": "",
            "opponents": "",
            "memorised": "",
            "recipe": "",
            "again": gr.update(visible=False),
            "answer": "",
            "find_out": gr.update(interactive=False),
        }

    def _idle(self) -> dict[str, Any]:
        return {"generate": gr.update(interactive=True), "cancel": gr.update(interactive=False)}

    def _busy(self) -> dict[str, Any]:
        return {"generate": gr.update(interactive=False), "cancel": gr.update(interactive=True)}

    def _trouble(self, words: str) -> list[Any]:
        return self._update(status=render("notices.trouble", words=words), **self._idle())

    def _cancellable(
        self, page: str | None, run: Callable[[Cancellation[Event]], Iterator[list[Any]]]
    ) -> Iterator[list[Any]]:
        """The updates of one run, known to Cancel until this page's next: a click may come late."""
        for earlier, whose in list(self._runs.items()):
            if (whose == page and earlier.ended) or len(self._runs) >= CANCELLABLE:
                self._runs.pop(earlier, None)
        cancellation: Cancellation[Event] = Cancellation()
        self._runs[cancellation] = page
        yield from guarded(run(cancellation), self._trouble)

    def _cancelled(self, request: gr.Request) -> list[Any]:
        """Cancel this page's runs; where that came too late, show what was recorded."""
        late: list[Event | None] = []
        for cancellation, page in list(self._runs.items()):
            if page == request.session_hash:
                if not cancellation.cancel():
                    late.append(cancellation.outcome())
                self._runs.pop(cancellation, None)
        if not late:
            words = "Cancelled. The last preview stays here; nothing was recorded."
            return self._update(status=render("notices.waiting", words=words), **self._idle())
        event = late[-1]
        if event is None:
            return self._trouble("It was too late to cancel; the ledger says what was recorded.")
        if isinstance(event, RunFinished):
            return self._finished(event, None, "It was too late to cancel.")
        return self._lost(event)

    def _generate(
        self,
        style: str,
        seed: float | None,
        steps: float,
        guidance: float,
        method: str,
        page: gr.Request,
    ) -> Iterator[list[Any]]:
        request = GenerateRequest(style, int(seed or 0), int(steps), float(guidance), method)
        yield from self._cancellable(
            page.session_hash, lambda cancellation: self._paint(request, None, cancellation)
        )

    def _again(self, run_id: str, page: gr.Request) -> Iterator[list[Any]]:
        yield from self._cancellable(
            page.session_hash, lambda cancellation: self._paint_again(run_id, cancellation)
        )

    def _paint_again(self, run_id: str, cancellation: Cancellation[Event]) -> Iterator[list[Any]]:
        view = self.studio.ledger.run(run_id)
        if view is None or view.record.seed is None:
            yield self._trouble("This run cannot be painted again: its recipe is not at hand.")
            return
        record = view.record
        request = GenerateRequest(
            record.style, int(record.seed or 0), record.steps, record.guidance, record.method
        )
        yield from self._paint(request, view, cancellation)

    def _paint(
        self, request: GenerateRequest, before: RunView | None, cancellation: Cancellation[Event]
    ) -> Iterator[list[Any]]:
        yield self._update(
            status=_progress("Painting", 0, request.steps or 0),
            **self._busy(),
            retry=gr.update(visible=False),
        )
        words, shown = f"{style_name(request.style)} painting, not finished", 0.0
        for event in generate_and_attribute(self.studio, request, cancellation):
            if isinstance(event, Painting):
                moment = time.monotonic()
                if event.preview is None and moment - shown < BETWEEN_UPDATES:
                    continue
                shown, replaced = moment, {}
                if event.preview is not None:
                    replaced = self._untraced(preview(event.preview, words))
                bar = _progress("Painting", event.done, event.total, event.seconds_left)
                yield self._update(status=bar, **replaced)
            elif isinstance(event, Tracing):
                bar = render(
                    "notices.waiting", words=f"Tracing influence among {event.works:,} works"
                )
                yield self._update(status=bar, **self._untraced(preview(event.image, words)))
            elif isinstance(event, RunFinished):
                yield self._finished(event, before)
            else:
                yield self._lost(event)

    def _trace(
        self, file: str | None, style: str, method: str, book: bool, page: gr.Request
    ) -> Iterator[list[Any]]:
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
            yield self._trouble("Choose a picture first.")
            return
        if not self.uploads.owns(visitor, file):
            yield self._trouble(NOT_YOURS)
            return
        yield self._update(
            status=render("notices.waiting", words="Opening the picture"), **self._busy()
        )
        path, notes = Path(file), ""
        request = UploadRequest(path, path.name, style or None, method, book=book)
        for event in trace_upload(self.studio, request, cancellation):
            if isinstance(event, Tracing):
                notes = " ".join(event.notes)
                yield self._update(
                    status=render(
                        "notices.waiting", words=f"Tracing influence among {event.works:,} works"
                    ),
                    **self._untraced(preview(event.image, f"Uploaded picture {path.name}")),
                )
            elif isinstance(event, RunFinished):
                yield self._finished(event, None, notes)
            else:
                yield self._lost(event)

    def _finished(self, event: RunFinished, before: RunView | None, notes: str = "") -> list[Any]:
        view = event.view
        assert view is not None
        words = f"Recorded as #{view.number:06d}."
        if view.entry is None:
            words = f"Traced as #{view.number:06d}; nothing was booked."
        else:
            entry = self.studio.ledger.entry(view.entry)
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
        return self._shown(view, render("notices.done", words=words))

    def _lost(self, event: Any) -> list[Any]:
        """The picture is kept; tracing or recording failed."""
        if isinstance(event, Unrecorded):
            while len(self._unrecorded) >= KEPT_FOR_RETRY:
                self._unrecorded.pop(next(iter(self._unrecorded)))
            self._unrecorded[event.record.id] = event
            words = f"{event.error.message} The picture is kept; retry when the cause is gone."
            return self._update(
                status=render("notices.trouble", words=words, title="The credit is not recorded"),
                retry=gr.update(visible=True),
                run_id=event.record.id,
                **self._idle(),
            )
        words = f"{event.error.message} The picture is kept ({event.file}); nothing was recorded."
        return self._update(
            status=render("notices.trouble", words=words, title="It could not be traced"),
            **self._idle(),
        )

    def _retry(self, run_id: str) -> list[Any]:
        left = self._unrecorded.get(run_id)
        if left is None:
            return self._trouble("There is nothing left to record.")
        try:
            view = book_again(self.studio, left)
        except LedgerError as error:
            return self._update(
                status=render(
                    "notices.trouble", words=error.message, title="The credit is not recorded"
                )
            )
        self._unrecorded.pop(run_id, None)
        return self._shown(view, render("notices.done", words=f"Recorded as #{view.number:06d}."))

    def _alike(self, run_id: str | None) -> str:
        """Works that look like the picture, whether or not they shaped it."""
        try:
            view = self.studio.ledger.run(run_id) if run_id else None
            if view is None:
                return ""
            pairs = looks_alike(self.studio, view.record, ALIKE)
        except CreditlineError as error:
            return render("notices.empty", words=error.message)
        except Exception as error:  # noqa: BLE001 - the edge: a person gets words
            return render("notices.empty", words=words_of(error))
        names = self.studio.artist_names
        rows = [(work, names.get(work.artist_id, work.artist_id), cosine) for work, cosine in pairs]
        return render("works.alike", rows=rows)

    def _without(self, run_id: str, artist_id: str | None) -> Iterator[list[Any]]:
        """Forget, paint, compare; what is finished is kept, and a stopped job goes on."""
        ready = gr.update(interactive=True)
        yield from guarded(
            self._leave_out(run_id, artist_id),
            lambda words: [render("notices.trouble", words=words), ready],
        )

    def _leave_out(self, run_id: str, artist_id: str | None) -> Iterator[list[Any]]:
        if not artist_id:
            raise UsageError("Choose an artist first.")
        waiting, shown = gr.update(interactive=False), 0.0
        yield [render("notices.waiting", words="Reading the works"), waiting]
        started = time.monotonic()
        for event in leave_out(self.studio, run_id, artist_id):
            if isinstance(event, ArtistAblationResult):
                answers = kept_answers(self.studio, run_id)
                # the one that was asked comes first
                answers.sort(key=lambda one: one.figures.artist_id != artist_id)
                yield [
                    render("artist_ablation.answers", answers=answers),
                    gr.update(interactive=True),
                ]
                return
            moment = time.monotonic()
            if moment - shown >= BETWEEN_UPDATES:
                shown = moment
                left = (moment - started) * (event.total - event.done) / max(1, event.done)
                yield [_progress(event.phase, event.done, event.total, left), waiting]

    def _opened(self, request: gr.Request) -> list[Any]:
        run_id = dict(request.query_params).get("run")
        try:
            shown_id = run_id or example_run(self.studio)
            view = self.studio.ledger.run(shown_id) if shown_id else None
        except CreditlineError as error:
            return self._trouble(error.message)
        except Exception as error:  # noqa: BLE001 - the edge: a person gets words
            return self._trouble(words_of(error))
        if run_id and view is None:
            return self._trouble("There is no run with this link on this machine.")
        if view is None:
            return self._update(picture=render("studio.blank"), **self._idle())
        return self._shown(view, "")

    def _shown(self, view: RunView, status: str) -> list[Any]:
        record = view.record
        known = record.collection == self.studio.collection.name
        paintable = record.seed is not None and known
        if record.kind == EXAMPLE:
            status = status or render(
                "notices.waiting", words="A finished example. Press Generate for your own."
            )
        return self._update(
            picture=render("run.picture", record=record),
            status=status,
            credit=credit(view, self.studio.artist_names),
            proponents=_gallery(record, PROPONENT),
            opponents=_gallery(record, OPPONENT),
            memorised=_gallery(record, MEMORISED),
            recipe=render("run.recipe", view=view),
            again=gr.update(visible=paintable),
            retry=gr.update(visible=False),
            run_id=record.id,
            **self._askable(record, paintable),
            **self._idle(),
        )

    def _askable(self, record: RunRecord, paintable: bool) -> dict[str, Any]:
        """Artists of this run, the most credited first; and what was asked before."""
        credited = sorted(record.artist_micro, key=lambda name: -record.artist_micro[name])
        known = [name for name in credited if name in self.studio.artist_names]
        others = sorted(set(self.studio.artist_names) - set(known))
        names = self.studio.artist_names
        answers = kept_answers(self.studio, record.id) if paintable else []
        return {
            "without": gr.update(open=bool(answers)),
            "find_out": gr.update(interactive=paintable),
            "who": gr.update(
                choices=[(names[one], one) for one in [*known, *others]],
                value=next(iter([*known, *others]), None),
            ),
            "answer": render("artist_ablation.answers", answers=answers),
        }


def _progress(phase: str, done: int, total: int, seconds_left: float | None = None) -> str:
    return render(
        "notices.progress", phase=phase, done=done, total=total, seconds_left=seconds_left
    )


def _gallery(record: RunRecord, side: str) -> str:
    return render("works.gallery", side=side, rows=record.side(side))
