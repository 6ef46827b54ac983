"""At the top of every page: who is signed in, a keeper's pages, and the way in or out."""

from __future__ import annotations

import gradio as gr

from app.web.callers import Caller, caller_of
from app.web.formatting import render
from app.web.language import ENGLISH, Language
from app.web.language_choice import language_of
from app.web.sentences import marked
from core.accounts.roles import Action

OF_KEEPERS = (
    (Action.IMPORT, marked("Import"), "/import"),
    (Action.NAMES, marked("Names"), "/names"),
    (Action.REVERSE, marked("Corrections"), "/corrections"),
)


def account_header(blocks: gr.Blocks, *, required: bool) -> None:
    """The line, filled in when the page opens."""
    line = gr.HTML(elem_id="account")

    def opened(request: gr.Request) -> str:
        language = language_of(request.headers)
        return header(caller_of(request), required=required, language=language)

    blocks.load(
        opened,
        None,
        line,
        queue=False,
        api_name="account",
        api_visibility="private",
        show_progress="hidden",
    )


def header(caller: Caller, *, required: bool, language: Language = ENGLISH) -> str:
    """The line for whoever asks."""
    pages = [
        (language.say(label), address)
        for action, label, address in OF_KEEPERS
        if caller.may(action)
    ]
    return render(
        "account.header",
        language,
        who=caller,
        required=required,
        pages=pages,
        keeper=caller.may(Action.REMOVE),  # links that only such a caller is shown
    )
