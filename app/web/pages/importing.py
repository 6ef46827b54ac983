"""Import: a keeper names a folder on this machine, sees what would happen, and then presses Import.

Layout, events, and what is shown of a report: figures, artists, every row that was refused or is
twice. What is done is `app.services.importing`. Open to the keeper's browser alone.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from app.services.errors import guarded
from app.services.importing import ELSEWHERE, SIZES, ImportRequest, imported, previewed
from app.settings import Settings
from app.web.callers import caller_of
from app.web.formatting import number, render, style_name
from app.web.language import ENGLISH, Language
from app.web.language_choice import language_of
from app.web.sentences import marked
from core.accounts.roles import Action
from core.collection.importing.importer import Duplicate, ImportReport, NothingImported
from core.errors import UsageError
from core.progress import Progress

LEAD = marked(
    "A collection of your own: name a folder on this machine, look at what would be taken, then "
    "import. Nothing is written before you press Import, and the source is never changed."
)
KINDS = marked(
    "A folder of styles, or a table (CSV, TSV, JSON, XLSX, ODS) with its pictures beside it, an "
    "imagefolder, a tar archive, or CIFAR."
)
BETWEEN_UPDATES = 0.4  # seconds between two drawings of the bar
Text = str | None  # a field that nobody has touched holds nothing at all
Events = Generator[Progress | ImportReport, None, None]
Work = Callable[[Settings, ImportRequest], Events]


class ImportPage:
    """The page's components and their events."""

    def __init__(self, settings: Settings, language: Language = ENGLISH) -> None:
        self.settings = settings
        say = language.say
        gr.HTML(render("macros.title", words=say("Import"), lead=say(LEAD)))
        self.source = gr.Textbox(
            label=say("Folder or file"),
            info=say(KINDS),
            placeholder=say("/pictures/my-collection"),
            elem_id="import-source",
            max_lines=1,
        )
        with gr.Row():
            self.title = gr.Textbox(
                label=say("Title of the collection"),
                elem_id="import-title",
                placeholder=say("as the folder"),
                max_lines=1,
                scale=3,
            )
            self.size = gr.Dropdown(
                [(f"{side} × {side}", side) for side in SIZES],
                value=128,
                label=say("Pixels kept"),
                elem_id="import-size",
                filterable=False,
                scale=2,
            )
        with gr.Accordion(say("If the table needs help"), open=False):
            self.columns = gr.Textbox(
                label=say("Columns"),
                placeholder=say("title=Work Title, artist=Maker"),
                max_lines=1,
                info=say(
                    "Which column says what, where it is not recognised; in quotes, what all rows "
                    "say: %(example)s",
                    example='style="Photograph".',
                ),
                elem_id="import-columns",
            )
            self.pictures = gr.Textbox(
                label=say("Where the table's pictures are"),
                placeholder=say("beside the table"),
                max_lines=1,
                elem_id="import-pictures",
            )
        with gr.Accordion(say("If files say no to being learnt from"), open=False):
            self.permission = gr.Textbox(
                label=say("By whose word they are taken all the same"),
                placeholder=say("letter of 3 May"),
                max_lines=1,
                info=say(
                    "Kept with each of these works and shown. Without it none of them is taken."
                ),
                elem_id="import-permission",
            )
        with gr.Row():
            self.look = gr.Button(say("Preview"), variant="primary", elem_id="import-look")
            self.take = gr.Button(say("Import"), interactive=False, elem_id="import-take")
            self.stop = gr.Button(say("Cancel"), interactive=False, elem_id="import-stop")
        self.answer = gr.HTML(elem_id="import-answer", elem_classes=["cl-page"])
        self._connect()

    def _connect(self) -> None:
        private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        form = [self.source, self.title, self.size, self.columns, self.pictures, self.permission]
        shown = [self.answer, self.look, self.take, self.stop]
        one: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "import"}
        look, take = self._answering(previewed), self._answering(imported)
        looking = self.look.click(look, form, shown, api_name="import_preview", **one, **private)
        entered = self.source.submit(look, form, shown, api_name="import_preview", **one, **private)
        taking = self.take.click(take, form, shown, api_name="import_take", **one, **private)
        self.stop.click(
            None,
            None,
            None,
            cancels=[looking, entered, taking],
            queue=False,
            api_name="import_stop",
            **private,
        ).then(self._stopped, None, shown, queue=False, api_name="import_stopped", **private)
        for field in form:  # what was previewed is no longer what the form says
            field.change(
                lambda: gr.update(interactive=False),
                None,
                self.take,
                queue=False,
                api_name="import_changed",
                **private,
            )

    def _answering(self, work: Work) -> Callable[..., Iterator[list[Any]]]:
        """An event that does `work` for what the form says."""

        def answer(
            source: Text,
            title: Text,
            size: int,
            columns: Text,
            pictures: Text,
            permission: Text,
            request: gr.Request,
        ) -> Iterator[list[Any]]:
            wish = ImportRequest(
                source or "",
                title or "",
                int(size),
                columns or "",
                pictures or "",
                permission or "",
            )
            language = language_of(request.headers)
            yield from guarded(
                self._run(work, wish, request, language),
                lambda words: self._trouble(words, language),
            )

        return answer

    def _run(
        self, work: Work, wish: ImportRequest, request: gr.Request, language: Language
    ) -> Iterator[list[Any]]:
        if not caller_of(request).may(Action.IMPORT):
            raise UsageError(ELSEWHERE)
        yield self._busy(render("notices.waiting", words=language.say("Reading the source")))
        shown = 0.0
        try:
            for event in work(self.settings, wish):
                if isinstance(event, ImportReport):
                    page = (result if event.written else preview)(event, language)
                    yield self._idle(page, ready=not event.written and event.works > 0)
                elif time.monotonic() - shown >= BETWEEN_UPDATES:
                    shown = time.monotonic()
                    phase = language.translated(event.phase)
                    bar = render(
                        "notices.progress",
                        language,
                        phase=phase,
                        done=event.done,
                        total=event.total,
                    )
                    yield self._busy(bar)
        except NothingImported as error:
            yield self._idle(refused(error.message, error.report, language))

    def _busy(self, page: str) -> list[Any]:
        off = gr.update(interactive=False)
        return [page, off, off, gr.update(interactive=True)]

    def _idle(self, page: str, ready: bool = False) -> list[Any]:
        off, on = gr.update(interactive=False), gr.update(interactive=True)
        return [page, on, on if ready else off, off]

    def _trouble(self, words: str, language: Language) -> list[Any]:
        return self._idle(render("notices.trouble", language, words=words))

    def _stopped(self, request: gr.Request) -> list[Any]:
        words = language_of(request.headers).say(
            "Stopped. Nothing is half-imported: Preview says what is there now."
        )
        return self._idle(render("notices.waiting", words=words))


@dataclass(frozen=True)
class Listing:
    """A table under its title; the template folds what is long."""

    title: str
    heads: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def preview(report: ImportReport, language: Language = ENGLISH) -> str:
    """Before anything is written."""
    return render("importing.preview", language, report=report, lists=_lists(report, language))


def result(report: ImportReport, language: Language = ENGLISH) -> str:
    """After an import; and what comes next."""
    return render("importing.result", language, report=report, lists=_lists(report, language))


def refused(words: str, report: ImportReport, language: Language = ENGLISH) -> str:
    """Nothing could be taken: why, row by row."""
    lists = _lists(report, language)
    return render("importing.refused", language, words=words, report=report, lists=lists)


def _lists(report: ImportReport, language: Language) -> tuple[Listing, ...]:
    say, known = language.say, language.translated
    titles = {work.id: work.title for work in report.collection.works}
    return (
        Listing(
            say("Refused"),
            (say("Row"), say("Reason")),
            [(one.row, known(one.reason)) for one in report.refused],
        ),
        Listing(
            say("Twice"),
            (say("Row"), say("Why")),
            [
                (one.row, _same(one, titles.get(one.work_id, one.work_id), language))
                for one in report.duplicates
            ],
        ),
        Listing(
            say("Taken, but not all as written"),
            (say("Row"), say("What")),
            [(one.row, known(one.reason)) for one in report.remarks],
        ),
        Listing(
            say("To decide, on the page Names"),
            (say("Name"), say("Question")),
            [(one.subject, known(one.words)) for one in report.questions],
        ),
        Listing(
            say("Artists"),
            (say("Artist"), say("Works"), say("Styles"), say("Also written")),
            _artists(report, language),
        ),
    )


def _same(duplicate: Duplicate, title: str, language: Language) -> str:
    if duplicate.by == "content":
        return language.say("The same picture as '%(title)s'; taken once.", title=title)
    return language.say(
        "Taken, but it looks like '%(title)s' (%(distance)s of 64 bits differ).",
        title=title,
        distance=duplicate.distance,
    )


def _artists(report: ImportReport, language: Language) -> list[tuple[str, ...]]:
    works = Counter(who for work in report.collection.works for who, _ in work.makers)
    styles: dict[str, set[str]] = {}
    for work in report.collection.works:
        for artist_id, _ in work.makers:
            styles.setdefault(artist_id, set()).add(style_name(work.style, language))
    return [
        (
            artist.name,
            number(works[artist.id], language),
            ", ".join(sorted(styles.get(artist.id, ()))),
            "; ".join(artist.written),
        )
        for artist in sorted(report.collection.artists, key=lambda artist: -works[artist.id])
    ]
