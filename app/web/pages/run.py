"""A run on the first page: painted or traced, cancelled, recorded, and what is shown of it.

In: what the form says, and whose page it is. Out: updates of the page's components by their names.
What is done is `services.runs`; what a part looks like, the templates say.
"""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from app.web.callers import Caller, caller_of
from app.web.events import NOT_YOURS
from app.web.formatting import number, numbered, render, run_page, style_name
from app.web.language import ENGLISH, Language
from app.web.language_choice import language_of
from app.web.sentences import marked
from app.web.uploads import Uploads
from app.web.views.credit import decided, run_bars, side_by_side, standing_entry
from app.web.views.disputes import dispute_lines
from core.accounts.roles import Action
from core.errors import LedgerError
from core.ledger.records import EXAMPLE, MEMORISED, OPPONENT, PROPONENT, Dispute, RunRecord, RunView
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
NOT_TO_RECORD = marked(
    "Recording credit for an upload needs a curator's account. Sign in at the top of the page, or "
    "trace it without recording."
)
BETWEEN_UPDATES = 0.4  # seconds between two drawings of the bar: drawing takes from painting


class RunEvents:
    """What the buttons of the page do to a run; it knows which are under way, and whose."""

    def __init__(self, studio: Studio, access: Access, uploads: Uploads) -> None:
        self.studio, self.access, self.uploads = studio, access, uploads
        self._unrecorded: dict[str, Unrecorded] = {}
        self._runs: dict[Cancellation[Event], str | None] = {}  # by page, oldest first

    def _cancellable(
        self,
        request: gr.Request,
        run: Callable[[Cancellation[Event], Language], Iterator[list[Any]]],
    ) -> Iterator[list[Any]]:
        """The updates of one run, known to Cancel until this page's next: a click may come late."""
        page, language = request.session_hash, language_of(request.headers)
        for earlier, whose in list(self._runs.items()):
            if (whose == page and earlier.ended) or len(self._runs) >= CANCELLABLE:
                self._runs.pop(earlier, None)
        cancellation: Cancellation[Event] = Cancellation()
        self._runs[cancellation] = page
        yield from guarded(run(cancellation, language), lambda words: trouble(words, language))

    def cancelled(self, request: gr.Request) -> list[Any]:
        """Cancel this page's runs; where that came too late, show what was recorded."""
        language = language_of(request.headers)
        late: list[Event | None] = []
        for cancellation, page in list(self._runs.items()):
            if page == request.session_hash:
                if not cancellation.cancel():
                    late.append(cancellation.outcome())
                self._runs.pop(cancellation, None)
        if not late:
            words = language.say("Cancelled. The last preview stays here; nothing was recorded.")
            return update(status=render("notices.waiting", words=words), **idle())
        event = late[-1]
        if event is None:
            words = language.say("It was too late to cancel; the ledger says what was recorded.")
            return trouble(words, language)
        if isinstance(event, RunFinished):
            words = language.say("It was too late to cancel.")
            return finished(self.studio, event, None, words, language)
        return self._lost(event, language)

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
        request = GenerateRequest(
            style,
            int(seed or 0),
            int(steps),
            float(guidance),
            method,
            actor=caller_of(page).actor,
        )
        yield from self._cancellable(
            page,
            lambda cancellation, language: self._paint(request, None, cancellation, language),
        )

    def again(self, run_id: str, page: gr.Request) -> Iterator[list[Any]]:
        """Paint a run from its own recipe, and say whether the picture is the same."""
        yield from self._cancellable(
            page,
            lambda cancellation, language: self._paint_again(
                run_id, caller_of(page).actor, cancellation, language
            ),
        )

    def _paint_again(
        self, run_id: str, actor: str, cancellation: Cancellation[Event], language: Language
    ) -> Iterator[list[Any]]:
        view = self.studio.ledger.run(run_id)
        if view is None or view.record.seed is None:
            words = language.say("This run cannot be painted again: its recipe is not at hand.")
            yield trouble(words, language)
            return
        record = view.record
        request = GenerateRequest(
            record.style,
            int(record.seed or 0),
            record.steps,
            record.guidance,
            record.method,
            actor=actor,
        )
        yield from self._paint(request, view, cancellation, language)

    def _paint(
        self,
        request: GenerateRequest,
        before: RunView | None,
        cancellation: Cancellation[Event],
        language: Language,
    ) -> Iterator[list[Any]]:
        phase = language.about("progress", "Painting")
        yield update(
            status=progress(phase, 0, request.steps or 0, language=language),
            **busy(),
            retry=gr.update(visible=False),
        )
        words, updated = (
            language.say(
                "%(style)s painting, not finished", style=style_name(request.style, language)
            ),
            0.0,
        )
        for event in generate_and_attribute(self.studio, request, cancellation):
            if isinstance(event, Painting):
                moment = time.monotonic()
                if event.preview is None and moment - updated < BETWEEN_UPDATES:
                    continue
                updated, replaced = moment, {}
                if event.preview is not None:
                    replaced = untraced(preview(event.preview, words))
                bar = progress(phase, event.done, event.total, event.seconds_left, language)
                yield update(status=bar, **replaced)
            elif isinstance(event, Tracing):
                yield update(
                    status=tracing(event, language), **untraced(preview(event.image, words))
                )
            elif isinstance(event, RunFinished):
                yield finished(self.studio, event, before, "", language)
            else:
                yield self._lost(event, language)

    def trace(
        self, file: str | None, style: str, method: str, book: bool, page: gr.Request
    ) -> Iterator[list[Any]]:
        """Trace a picture that was brought."""
        yield from self._cancellable(
            page,
            lambda cancellation, language: self._trace_file(
                file,
                UploadRequest(
                    Path(file or ""),
                    Path(file or "").name,
                    style or None,
                    method,
                    book=book,
                    actor=caller_of(page).actor,
                ),
                self.access.visitor(page.headers),
                caller_of(page),
                cancellation,
                language,
            ),
        )

    def _trace_file(
        self,
        file: str | None,
        request: UploadRequest,
        visitor: str,
        caller: Caller,
        cancellation: Cancellation[Event],
        language: Language,
    ) -> Iterator[list[Any]]:
        if not file:
            yield trouble(language.say("Choose a picture first."), language)
            return
        if not self.uploads.owns(visitor, file):
            yield trouble(NOT_YOURS, language)
            return
        if request.book and not caller.may(Action.RECORD):  # the page does not offer it
            yield trouble(NOT_TO_RECORD, language)
            return
        opening = language.say("Opening the picture")
        yield update(status=render("notices.waiting", words=opening), **busy())
        notes = ""
        words = language.say("Uploaded picture %(file)s", file=request.name)
        for event in trace_upload(self.studio, request, cancellation):
            if isinstance(event, Tracing):
                notes = " ".join(language.translated(note) for note in event.notes)
                yield update(
                    status=tracing(event, language), **untraced(preview(event.image, words))
                )
            elif isinstance(event, RunFinished):
                yield finished(self.studio, event, None, notes, language)
            else:
                yield self._lost(event, language)

    def _lost(self, event: Any, language: Language) -> list[Any]:
        """The picture is kept; tracing or recording failed."""
        if isinstance(event, Unrecorded):
            while len(self._unrecorded) >= KEPT_FOR_RETRY:
                self._unrecorded.pop(next(iter(self._unrecorded)))
            self._unrecorded[event.record.id] = event
            kept = language.say("The picture is kept; retry when the cause is gone.")
            return update(
                status=unrecorded(f"{language.translated(event.error.message)} {kept}", language),
                retry=gr.update(visible=True),
                run_id=event.record.id,
                **idle(),
            )
        kept = language.say(
            "The picture is kept (%(file)s); nothing was recorded.", file=event.file
        )
        words = f"{language.translated(event.error.message)} {kept}"
        title = language.say("It could not be traced")
        return update(
            status=render("notices.trouble", language, words=words, title=title),
            **idle(),
        )

    def retry(self, run_id: str, request: gr.Request) -> list[Any]:
        """Record what could not be recorded."""
        language = language_of(request.headers)
        left = self._unrecorded.get(run_id)
        if left is None:
            return trouble(language.say("There is nothing left to record."), language)
        try:
            view = book_again(self.studio, left)
        except LedgerError as error:
            return update(status=unrecorded(error.message, language))
        self._unrecorded.pop(run_id, None)
        words = language.say("Recorded as %(run)s.", run=numbered(view.number))
        return shown(self.studio, view, render("notices.done", words=words), language)


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


def trouble(words: str, language: Language) -> list[Any]:
    """What went wrong, in words; everything else stays."""
    return update(status=render("notices.trouble", language, words=words), **idle())


def unrecorded(words: str, language: Language) -> str:
    """The ledger could not be written, and why."""
    title = language.say("The credit is not recorded")
    return render("notices.trouble", language, words=words, title=title)


def tracing(event: Tracing, language: Language) -> str:
    """Among how many works influence is being traced."""
    words = language.count(
        "Tracing influence among %(number)s work",
        "Tracing influence among %(number)s works",
        event.works,
        number=number(event.works, language),
    )
    return render("notices.waiting", words=words)


def finished(
    studio: Studio,
    event: RunFinished,
    before: RunView | None,
    notes: str = "",
    language: Language = ENGLISH,
) -> list[Any]:
    """A run that has just been recorded; `before` is the one that it repeats."""
    view = event.view
    assert view is not None
    run = numbered(view.number)
    words = language.say("Recorded as %(run)s.", run=run)
    if view.entry is None:
        words = language.say("Traced as %(run)s; nothing was booked.", run=run)
    else:
        entry = studio.ledger.entry(view.entry)
        if entry is not None and entry.run_id != view.record.id:
            known = language.say(
                "An identical picture is already credited (entry %(entry)s).",
                entry=numbered(view.entry),
            )
            words = f"{words} {known}"
    if before is not None:
        same = before.record.image_sha256 == view.record.image_sha256
        repeated = (
            language.say("Run again gave the identical image ✓.")
            if same
            else language.say("Run again gave another image: model, library or device has changed.")
        )
        words = f"{repeated} {words}"
    if notes:
        words += f" {notes}"
    return shown(studio, view, render("notices.done", words=words), language)


def shown(studio: Studio, view: RunView, status: str, language: Language = ENGLISH) -> list[Any]:
    """All that the page says of a run."""
    record = view.record
    known = record.collection == studio.collection.name
    paintable = record.seed is not None and known
    if record.kind == EXAMPLE and not status:
        words = language.say("A finished example. Press Generate for your own.")
        status = render("notices.waiting", words=words)
    return update(
        picture=render("run.picture", language, record=record),
        status=status,
        credit=credit(
            view,
            studio.shown_names,
            studio.ledger.opted_out(),
            studio.collection.unpaid,
            language,
            _disputes(studio, view),
        ),
        proponents=_gallery(record, PROPONENT, language),
        opponents=_gallery(record, OPPONENT, language),
        memorised=_gallery(record, MEMORISED, language),
        why=render(
            "run.why",
            language,
            record=record,
            rules=side_by_side(record, studio.shown_names, studio.ledger.opted_out(), language),
        ),
        paper=paper(studio, view, language),
        recipe=render("run.recipe", language, view=view, deletable=deletable(view)),
        again=gr.update(visible=paintable),
        restore=gr.update(visible=paintable),
        retry=gr.update(visible=False),
        run_id=record.id,
        **_askable(studio, record, paintable, language),
        **idle(),
    )


def _askable(
    studio: Studio, record: RunRecord, paintable: bool, language: Language
) -> dict[str, Any]:
    """Artists of this run, the most credited first; and what was asked before."""
    credited = sorted(record.artist_micro, key=lambda name: -record.artist_micro[name])
    known = [name for name in credited if name in studio.shown_names]
    others = sorted(set(studio.shown_names) - set(known))
    names = studio.shown_names
    answers = kept_answers(studio, record.id) if paintable else []
    return {
        "without": gr.update(open=bool(answers)),
        "find_out": gr.update(interactive=paintable),
        "who": gr.update(
            choices=[(names[one], one) for one in [*known, *others]],
            value=next(iter([*known, *others]), None),
        ),
        "answer": render("artist_ablation.answers", language, answers=answers),
    }


def credit(
    view: RunView,
    names: Mapping[str, str],
    opted_out: frozenset[str] = frozenset(),
    unpaid: frozenset[str] = frozenset(),
    language: Language = ENGLISH,
    disputes: Sequence[Dispute] = (),
) -> str:
    """How far to trust a run, what is booked of it, and its shares; `names` by artist id."""
    return render(
        "run.credit",
        language,
        view=view,
        shares=run_bars(view.record, names, view.rule, unpaid, language),
        decided=decided(view.record, names, language),
        stands=standing_entry(view, names, opted_out, language),
        disputes=dispute_lines(disputes, language),
    )


def paper(studio: Studio, view: RunView, language: Language = ENGLISH) -> str:
    """The run as it is printed: all of the page as text and tables."""
    names, opted_out = studio.shown_names, studio.ledger.opted_out()
    return render(
        "paper.run",
        language,
        view=view,
        shares=run_bars(view.record, names, view.rule, studio.collection.unpaid, language),
        decided=decided(view.record, names, language),
        stands=standing_entry(view, names, opted_out, language),
        entry=None if view.entry is None else studio.ledger.entry(view.entry),
        address=run_page(view.record.id),
        as_of=now(),
        disputes=dispute_lines(_disputes(studio, view), language),
    )


def _disputes(studio: Studio, view: RunView) -> tuple[Dispute, ...]:
    """Those about the entry that credits the picture."""
    return () if view.entry is None else studio.ledger.disputes(entries=[view.entry]).items


def preview(image: Image.Image, words: str) -> str:
    """A picture that is not finished, inside the page itself."""
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=85)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return render("studio.frame", source=f"data:image/jpeg;base64,{data}", words=words)


def progress(
    phase: str,
    done: int,
    total: int,
    seconds_left: float | None = None,
    language: Language = ENGLISH,
) -> str:
    """The bar."""
    return render(
        "notices.progress", language, phase=phase, done=done, total=total, seconds_left=seconds_left
    )


def _gallery(record: RunRecord, side: str, language: Language) -> str:
    return render("works.gallery", language, side=side, rows=record.side(side))
