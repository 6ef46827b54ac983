"""The studio as one Gradio application of six pages. Assembles; decides nothing."""

from __future__ import annotations

from functools import partial

import gradio as gr

from app.services.session import Studio
from app.web.access import Access
from app.web.pages.importing import ImportPage
from app.web.pages.reading import (
    artists_page,
    history_page,
    ledger_page,
    method_page,
    reading_page,
)
from app.web.pages.studio import StudioPage
from app.web.uploads import Budgets, Uploads

TITLE = "Creditline"
SWEPT_EVERY = 600  # seconds between two looks for uploads that are too old
READING = (
    (
        "Ledger",
        "ledger",
        "Who has been credited, entry by entry. Credit units, not money.",
        ledger_page,
    ),
    ("Artists", "artists", "Whose works this model has learnt from.", artists_page),
    ("History", "history", "Everything painted and traced on this machine.", history_page),
    ("Method", "method", "What the numbers mean, and what they do not.", method_page),
)


def build_studio(studio: Studio, access: Access, uploads: Uploads) -> gr.Blocks:
    """All pages over one opened studio."""
    with gr.Blocks(
        title=TITLE,
        analytics_enabled=False,
        fill_width=True,
        delete_cache=(SWEPT_EVERY, int(Budgets().kept_for)),
    ) as blocks:
        gr.Navbar(main_page_name="Studio")
        StudioPage(studio, access, uploads).load(blocks)
    for title, path, lead, show in READING:
        with blocks.route(title, path):
            gr.Navbar(main_page_name="Studio")
            reading_page(blocks, title, lead, path, partial(show, studio))
    with blocks.route("Import", "import"):
        gr.Navbar(main_page_name="Studio")
        ImportPage(studio.settings, access)
    return blocks
