"""The studio's parts that need more than a record: credit with its bars, an unfinished picture."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping

from PIL import Image

from app.web.formatting import render
from app.web.views.credit import run_bars
from core.ledger.records import RunView


def credit(view: RunView, names: Mapping[str, str]) -> str:
    """How far to trust a run, what is booked of it, and its shares; `names` by artist id."""
    return render("run.credit", view=view, shares=run_bars(view.record, names, view.rule))


def preview(image: Image.Image, words: str) -> str:
    """A picture that is not finished, inside the page itself."""
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=85)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return render("studio.frame", source=f"data:image/jpeg;base64,{data}", words=words)
