"""One run: its picture, how far to trust it, its recipe, its links."""

from __future__ import annotations

import base64
import io

from PIL import Image

from app.web.views.html import KINDS, VERDICTS, e, moment, run_address, run_picture, style_name
from core.ledger.records import EXAMPLE, UPLOAD, RunRecord, RunView

BLANK = "Choose a style and press Generate. The picture appears here."


def picture(record: RunRecord) -> str:
    """The finished picture with its alternative text and, for an example, its badge."""
    badge = '<span class="cl-badge">Example</span>' if record.kind == EXAMPLE else ""
    return _frame(run_picture(record.id), alt_of(record), badge)


def alt_of(record: RunRecord) -> str:
    """What a person who does not see the picture is told."""
    if record.kind == UPLOAD:
        return f"Uploaded picture {record.title}"
    return f"Generated {record.style.replace('_', ' ')} painting, seed {record.seed}"


def preview(image: Image.Image, words: str) -> str:
    """A picture that is not finished, inside the page itself."""
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=85)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return _frame(f"data:image/jpeg;base64,{data}", words, "")


def blank(words: str = BLANK) -> str:
    """Where the picture will be."""
    return f'<div class="cl-frame cl-blank"><p>{e(words)}</p></div>'


def _frame(source: str, alt: str, badge: str) -> str:
    return (
        f'<figure class="cl-frame" id="painting"><img src="{e(source)}" alt="{e(alt)}">{badge}'
        "</figure>"
    )


def trust(record: RunRecord) -> str:
    """The word on how far to trust the names; it stands before them."""
    verdict = VERDICTS.get(record.verdict, record.verdict)
    return (
        f'<div class="cl-trust cl-{e(record.verdict)}"><strong>{e(verdict)}.</strong> '
        f'{e(record.words)} <span class="cl-quiet">Familiarity {100 * record.familiarity:.0f} %'
        "</span></div>"
    )


def heading(view: RunView) -> str:
    """What the bars below belong to, and whether they are booked."""
    record = view.record
    if view.entry is not None:
        state = f"Booked as entry #{view.entry:06d}" + (", since reversed" if view.reversed else "")
    elif record.kind == EXAMPLE:
        state = "An example: shown, not booked"
    else:
        state = "Not booked: uploads credit nobody unless asked"
    what = "Credit for this image" if record.kind != UPLOAD else "What this image would credit"
    return (
        f'<h2 class="cl-h2">{what}</h2><p class="cl-lead">{e(state)}. '
        "Estimated by D-TRAK on this model: influence on what the model learnt, "
        "not likeness.</p>"
        if record.method == "d-trak"
        else f'<h2 class="cl-h2">{what}</h2><p class="cl-lead">{e(state)}. Measured by '
        f"{e(record.method)} on this model.</p>"
    )


def recipe(view: RunView) -> str:
    """Everything that makes the picture again, and where to take it."""
    record = view.record
    rows: list[tuple[str, object]] = [
        ("Run", f"#{view.number:06d}, {KINDS.get(record.kind, record.kind).lower()}"),
        ("When", moment(record.created_at)),
        ("Class", style_name(record.style)),
    ]
    if record.seed is not None:
        rows += [("Prompt", record.prompt), ("Seed", record.seed), ("Steps", record.steps),
                 ("Guidance", record.guidance)]  # fmt: skip
    else:
        rows += [("File", record.title), ("Size", f"{record.width} × {record.height}")]
    rows += [
        ("Collection", record.collection),
        ("Model", record.model_digest[:12]),
        ("Method", f"{record.method} · {record.spec_digest[:12]}"),
        ("Share rule", record.rule),
        ("Device", record.device),
    ]
    cells = "".join(f"<dt>{e(name)}</dt><dd>{e(value)}</dd>" for name, value in rows)
    return f'<h2 class="cl-h2">Recipe</h2><dl class="cl-recipe">{cells}</dl>{links(record)}'


def links(record: RunRecord) -> str:
    """Permalink and downloads."""
    run = e(record.id)
    return (
        f'<p class="cl-links" data-run="{run}">'
        f'<a href="{e(run_address(record.id))}" data-copy-link>Copy link</a>'
        f'<a href="{e(run_picture(record.id))}?download=1" download>PNG with its recipe</a>'
        f'<a href="/runs/{run}/evidence.zip" download>Evidence pack</a>'
        f'<a href="/runs/{run}.json" download>JSON</a></p>'
    )
