"""History: every run of this machine, searched by the address; a run chosen to compare or delete.

In: a studio and the query of the page's address, so that a search, a choice and a question survive
a reload and can be sent on. Out: HTML. What deleting does is `services.run_deletion`; it is the
keeper's, as importing is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from app.services.errors import words_of
from app.services.ledger_filter import read_filter, read_search
from app.services.run_deletion import deletable, delete_run
from app.services.session import Studio
from app.web.callers import caller_of
from app.web.formatting import numbered, render, style_name
from app.web.language import ENGLISH, Language
from app.web.language_choice import language_of
from app.web.pages.ledger import Query, artist_choices, page_number
from app.web.sentences import marked
from core.accounts.roles import Action
from core.errors import UsageError
from core.ledger.deletion import BOOKED, NO_RUN, OF_THE_COLLECTION
from core.ledger.records import RunView

RUNS_PER_PAGE = 36
SEARCHED = ("text", "style", "artist", "verdict", "kind")
COMPARED, DELETED = "compare", "delete"  # the address names a run by these
NOT_THE_KEEPER = marked(
    "Runs are deleted by the studio's keeper. Sign in as one, or, on your own machine, open the "
    "studio at the address with a key that it printed when it started."
)


@dataclass(frozen=True, kw_only=True)
class RunCard:
    """A run in the history: `again`: its settings can be used again; `deletable`: nothing was
    booked for it."""

    view: RunView
    again: bool
    deletable: bool


class HistoryPage:
    """The page's components and its one event, over one opened studio."""

    def __init__(self, studio: Studio, language: Language = ENGLISH) -> None:
        self.studio = studio
        self.question = gr.HTML(elem_id="history-question", visible=False)
        self.delete = gr.Button(
            language.say("Delete for good"),
            variant="stop",
            visible=False,
            elem_id="history-delete",
            min_width=0,
        )
        self.body = gr.HTML(elem_id="history", elem_classes=["cl-page"])
        self.shown = [self.question, self.delete, self.body]

    def load(self, blocks: gr.Blocks) -> None:
        """Show what the address asks for, when the page opens; delete when the button says so."""
        private: dict[str, Any] = {
            "queue": False,
            "api_visibility": "private",
            "show_progress": "hidden",
        }
        blocks.load(self._opened, None, self.shown, api_name="history", **private)
        self.delete.click(self._delete, None, self.shown, api_name="history_delete", **private)

    def _opened(self, request: gr.Request) -> list[Any]:
        query, language = dict(request.query_params), language_of(request.headers)
        hidden = gr.update(visible=False)
        try:
            deleting = caller_of(request).may(Action.REMOVE)
            body = history_page(self.studio, query, language, deleting=deleting)
            question, sure = self._question(query, request)
        except Exception as error:  # noqa: BLE001 - the edge: a person gets words
            words = words_of(error)
            refused = gr.update(
                value=render("choosing.refused", language, words=words), visible=True
            )
            return [refused, hidden, ""]
        above = gr.update(value=question, visible=bool(question))
        return [above, gr.update(visible=sure), body]

    def _question(self, query: Query, request: gr.Request) -> tuple[str, bool]:
        """What is asked about the run that the address names for deletion; whether it may go."""
        run_id, language = query.get(DELETED), language_of(request.headers)
        if not run_id:
            return "", False
        view, back = self.studio.ledger.run(run_id), searched(query)
        words = self._obstacle(view, request)
        if view is None or words:
            return render("choosing.kept", language, words=words, query=back), False
        return render("choosing.question", language, view=view, query=back), True

    def _obstacle(self, view: RunView | None, request: gr.Request) -> str:
        """Why the run stays; nothing where it may go."""
        if view is None:
            return NO_RUN
        if view.entry is not None:
            return BOOKED.format(run=view.number, entry=view.entry)
        if not deletable(view):
            return OF_THE_COLLECTION
        return "" if caller_of(request).may(Action.REMOVE) else NOT_THE_KEEPER

    def _delete(self, request: gr.Request) -> list[Any]:
        query, caller = dict(request.query_params), caller_of(request)
        language = language_of(request.headers)
        try:
            if not caller.may(Action.REMOVE):
                raise UsageError(NOT_THE_KEEPER)
            view = delete_run(self.studio, query.get(DELETED, ""), actor=caller.actor)
            words = language.say("Run %(run)s is deleted.", run=numbered(view.number))
            question = render("notices.done", words=words)
            body = history_page(self.studio, query, language)
        except Exception as error:  # noqa: BLE001 - the edge: a person gets words
            words = render("notices.trouble", language, words=words_of(error))
            return [words, gr.update(visible=False), gr.skip()]
        return [question, gr.update(visible=False), body]


def history_page(
    studio: Studio, query: Query, language: Language = ENGLISH, *, deleting: bool = True
) -> str:
    """The runs that the search lets through, newest first; one of them may be chosen to compare.

    `deleting`: whether whoever reads it may delete what was not booked.
    """
    with studio.ledger.moment() as moment:
        selected = read_filter(moment, query, lambda: studio.collection.styles)
        runs = moment.runs(
            selected, read_search(query), page=page_number(query), per_page=RUNS_PER_PAGE
        )
        chosen = moment.run(query.get(COMPARED, "")) if query.get(COMPARED) else None
        styles = sorted({*studio.collection.styles, *moment.styles()})
        artists = artist_choices(moment)
    return render(
        "history",
        language,
        runs=runs,
        cards=[card_of(studio, view, deleting) for view in runs.items],
        chosen=chosen,
        query=searched(query),
        styles=[(style, style_name(style, language)) for style in styles],
        artists=None if artists is None else [(one.id, one.name) for one in artists],
    )


def card_of(studio: Studio, view: RunView, deleting: bool = True) -> RunCard:
    """What can be done with a run."""
    return RunCard(
        view=view,
        again=view.record.seed is not None and view.record.collection == studio.collection.name,
        deletable=deleting and deletable(view),
    )


def searched(query: Query) -> dict[str, str]:
    """The search of an address, without what else it says."""
    return {name: query.get(name, "") for name in SEARCHED}
