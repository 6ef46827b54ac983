"""At the top of every page: who is signed in, a keeper's pages, and the way in or out."""

from __future__ import annotations

import gradio as gr

from app.web.callers import Caller, caller_of
from app.web.formatting import render
from core.accounts.roles import Action

OF_KEEPERS = ((Action.IMPORT, "Import", "/import"), (Action.NAMES, "Names", "/names"))


def account_header(blocks: gr.Blocks, *, required: bool) -> None:
    """The line, filled in when the page opens."""
    line = gr.HTML(elem_id="account")

    def opened(request: gr.Request) -> str:
        return header(caller_of(request), required=required)

    blocks.load(
        opened,
        None,
        line,
        queue=False,
        api_name="account",
        api_visibility="private",
        show_progress="hidden",
    )


def header(caller: Caller, *, required: bool) -> str:
    """The line for whoever asks."""
    pages = [(label, address) for action, label, address in OF_KEEPERS if caller.may(action)]
    return render(
        "account.header",
        who=caller,
        required=required,
        pages=pages,
        keeper=caller.may(Action.REMOVE),  # links that only such a caller is shown
    )
