"""The studio as one Gradio application of eight pages, and their look: theme, style, script.

Assembles; decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import gradio as gr
from gradio.context import Context

from app.services.errors import words_of
from app.services.jobs import Jobs
from app.services.session import Studio
from app.settings import ASSETS
from app.web.callers import Caller, Callers, caller_of
from app.web.formatting import render
from app.web.language import ENGLISH, LANGUAGES, Language
from app.web.language_choice import language_of
from app.web.localized_pages import LocalizedBlocks
from app.web.named_endpoints import NamedEndpoints
from app.web.pages.account import account_header
from app.web.pages.compare import compare_page
from app.web.pages.history import HistoryPage
from app.web.pages.importing import ImportPage
from app.web.pages.ledger import Query, artists_page, ledger_page
from app.web.pages.method import method_page
from app.web.pages.names import NamesPage
from app.web.pages.studio import StudioPage
from app.web.sentences import marked
from app.web.uploads import Budgets, Uploads
from core.accounts.roles import Action

TITLE = "Creditline"
SCRIPTS = ("studio.js", "looking.js")
SWEPT_EVERY = 600  # seconds between two looks for uploads that are too old
ENTRIES = marked("Who has been credited, entry by entry. Credit units, not money.")
ARTISTS = marked("Whose works this model has learnt from.")
RUNS = marked("Everything painted and traced on this machine.")
METHOD = marked("What the numbers mean, and what they do not.")
TWO_RUNS = marked("Two runs side by side: their pictures, their shares, and whom both credit.")


def build_studio(jobs: Jobs, callers: Callers, uploads: Uploads) -> gr.Blocks:
    """All pages over one opened studio: their events once, their words in every language."""
    first = Context.id
    blocks = _build(jobs, callers, uploads, ENGLISH)
    for language in LANGUAGES.values():
        Context.id = first  # the same component has the same number in every language
        if language is not ENGLISH:
            blocks.describe(language, _build(jobs, callers, uploads, language))
    return blocks


def _build(jobs: Jobs, callers: Callers, uploads: Uploads, language: Language) -> LocalizedBlocks:
    say, studio = language.say, jobs.studio
    with LocalizedBlocks(
        title=TITLE,
        analytics_enabled=False,
        fill_width=True,
        delete_cache=(SWEPT_EVERY, int(Budgets().kept_for)),
    ) as blocks:
        _navigation(blocks, callers, language)
        StudioPage(jobs, callers.access, uploads, language).load(blocks)
        NamedEndpoints(jobs, callers.access).offer()
    reading = partial(_reading, blocks, callers, language)
    reading(say("Ledger"), "ledger", say(ENTRIES), partial(_ledger, studio))
    reading(say("Artists"), "artists", say(ARTISTS), _for_all(artists_page, studio))
    with blocks.route(say("History"), "history"):
        _navigation(blocks, callers, language)
        gr.HTML(render("macros.title", words=say("History"), lead=say(RUNS)))
        HistoryPage(studio, language).load(blocks)
    reading(say("Method"), "method", say(METHOD), _for_all(method_page, studio))
    two_runs = _for_all(compare_page, studio)
    reading(say("Compare"), "compare", say(TWO_RUNS), two_runs, listed=False)
    # a keeper's pages: whoever may open them finds them at the top, the gate lets nobody else in
    with blocks.route(say("Import"), "import", show_in_navbar=False):
        _navigation(blocks, callers, language)
        ImportPage(studio.settings, language)
    with blocks.route(say("Names"), "names", show_in_navbar=False):
        _navigation(blocks, callers, language)
        NamesPage(studio, language).load(blocks)
    return blocks


def _for_all(
    show: Callable[[Studio, Query, Language], str], studio: Studio
) -> Callable[[Query, Caller, Language], str]:
    """A page that is the same whoever reads it."""
    return lambda query, caller, language: show(studio, query, language)


def _ledger(studio: Studio, query: Query, caller: Caller, language: Language) -> str:
    return ledger_page(studio, query, language, keeper=caller.may(Action.EXPORT))


def _navigation(blocks: gr.Blocks, callers: Callers, language: Language) -> None:
    """What stands on every page: the links to all that everybody may open, who is signed in, the
    choice of a language, and the dialogs that wait to be opened."""
    gr.Navbar(main_page_name=language.say("Studio"))
    account_header(blocks, required=callers.required)
    gr.HTML(
        render("languages.chooser", language) + render("looking.dialogs", language),
        elem_id="dialogs",
    )


def _reading(
    blocks: gr.Blocks,
    callers: Callers,
    language: Language,
    title: str,
    path: str,
    lead: str,
    show: Callable[[Query, Caller, Language], str],
    listed: bool = True,
) -> None:
    """A page of its title and what `show` makes of the address's query, whenever it is opened."""
    with blocks.route(title, path, show_in_navbar=listed):
        _navigation(blocks, callers, language)
        gr.HTML(render("macros.title", words=title, lead=lead))
        body = gr.HTML(elem_id=path, elem_classes=["cl-page"])

        def opened(request: gr.Request) -> str:
            reader = language_of(request.headers)
            try:
                return show(dict(request.query_params), caller_of(request), reader)
            except Exception as error:  # noqa: BLE001 - the edge: a person gets words, the log the story
                return render("notices.trouble", reader, words=words_of(error))

        blocks.load(
            opened,
            None,
            body,
            queue=False,
            api_name="read",
            api_visibility="private",
            show_progress="hidden",
        )


def theme() -> Any:
    """Bundled fonts only (regular and bold are whole); WCAG AA contrast in light and dark."""
    return gr.themes.Default(
        primary_hue="indigo",
        neutral_hue="stone",
        font=[
            gr.themes.LocalFont("Source Sans Pro", weights=(400, 700)),
            "ui-sans-serif",
            "system-ui",
            "sans-serif",
        ],
        font_mono=[
            gr.themes.LocalFont("IBM Plex Mono", weights=(400, 700)),
            "ui-monospace",
            "monospace",
        ],
    ).set(
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_600",
        button_primary_text_color="white",
        button_primary_text_color_dark="white",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
        block_label_text_color="*neutral_700",
        block_label_text_color_dark="*neutral_200",
        block_title_text_color="*neutral_700",
        block_title_text_color_dark="*neutral_200",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        button_cancel_background_fill="*neutral_200",
        button_cancel_text_color="*neutral_800",
        button_cancel_background_fill_dark="*neutral_700",
        button_cancel_text_color_dark="white",
        input_placeholder_color="*neutral_600",
        input_placeholder_color_dark="*neutral_300",
    )


def css() -> str:
    """The stylesheet, as text."""
    return (ASSETS / "studio.css").read_text(encoding="utf-8")


def head() -> str:
    """What paper looks like and the scripts, inline: no second request, nothing from elsewhere.

    Gradio would set every rule of its own stylesheet below a page's contents: paper has none.
    """
    scripts = ((ASSETS / name).read_text(encoding="utf-8") for name in SCRIPTS)
    paper = (ASSETS / "print.css").read_text(encoding="utf-8")
    styles = f'<style media="print">{paper}</style>'
    return styles + "".join(f"<script>{script}</script>" for script in scripts)
