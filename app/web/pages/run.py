"""What is shown of a run on the first page, while it is made and when it is recorded.

In: a run, or how far a job is. Out: updates of the page's components by their names. What the
buttons do is `run_events`; what a part looks like, the templates say.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr
from PIL import Image

from app.services.artist_ablation import kept_answers
from app.services.jobs import WAITING, JobProgress
from app.services.run_deletion import deletable
from app.services.run_record import opted_out_now
from app.services.session import Studio
from app.web.formatting import number, numbered, render, run_page, style_name
from app.web.language import ENGLISH, Language
from app.web.views.credit import decided, run_bars, side_by_side, standing_entry
from app.web.views.disputes import dispute_lines
from core.ledger.records import (
    EXAMPLE,
    GENERATION,
    MEMORISED,
    OPPONENT,
    PROPONENT,
    Dispute,
    RunRecord,
    RunView,
)
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
BETWEEN_UPDATES = 0.4  # seconds between two drawings of the bar: drawing takes from painting


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


def under_way(
    job: JobProgress, language: Language = ENGLISH, *, own: bool = True, alone: bool = False
) -> list[Any]:
    """How far a job is; `own`: whoever reads may cancel it; `alone`: the page was opened for it, so
    no other run is shown until it has a picture."""
    status = progress_of(job, language)
    buttons = busy() if own else {"generate": gr.update(interactive=True)}
    if job.preview is None and alone:
        return update(
            status=status,
            retry=gr.update(visible=False),
            **untraced(render("studio.awaited", language)),
            **buttons,
        )
    if job.preview is None:
        return update(status=status, retry=gr.update(visible=False), **buttons)
    words = language.say("Uploaded picture %(file)s", file=job.name)
    if job.kind == GENERATION:
        style = style_name(job.style, language)
        words = language.say("%(style)s painting, not finished", style=style)
    return update(status=status, **untraced(preview(job.preview, words)), **buttons)


def progress_of(job: JobProgress, language: Language = ENGLISH) -> str:
    """Its place in the queue, its bar, or what is being done."""
    known = heard_of(job)
    if job.state == WAITING:
        place, left = job.position, job.seconds_left
        return render("notices.queued", language, place=place, seconds_left=left, **known)
    if job.works is not None:
        words = language.count(
            "Tracing influence among %(number)s work",
            "Tracing influence among %(number)s works",
            job.works,
            number=number(job.works, language),
        )
        return render("notices.waiting", words=words, **known)
    if job.kind == GENERATION:
        phase = language.about("progress", "Painting")
        done, total = job.steps or (0, 0)
        left = job.seconds_left if done else None
        return progress(phase, done, total, left, language, **known)
    return render("notices.waiting", words=language.say("Opening the picture"), **known)


def heard_of(job: JobProgress) -> dict[str, str]:
    """A job's run, and what is heard of it: by both the page's script notices a lost connection."""
    heard = f"{job.state} {job.position or ''} {job.steps[0] if job.steps else ''}"
    return {"run": job.id, "heard": heard}


def finished(
    studio: Studio,
    view: RunView,
    before: RunView | None,
    notes: str = "",
    language: Language = ENGLISH,
) -> list[Any]:
    """A run that has just been recorded; `before` is the one that it repeats."""
    run = numbered(view.number)
    words = language.say("Recorded as %(run)s.", run=run)
    if view.entry is None:
        words = language.say("Traced as %(run)s; nothing was booked.", run=run)
    else:
        entry = studio.ledger.entry(view.entry)
        if entry is not None and entry.run_id != view.record.id:
            known = (
                language.say(
                    "An identical picture was credited before (entry %(entry)s), and that was "
                    "taken back: nothing was booked.",
                    entry=numbered(view.entry),
                )
                if view.reversed
                else language.say(
                    "An identical picture is already credited (entry %(entry)s).",
                    entry=numbered(view.entry),
                )
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
            rules=side_by_side(
                record,
                studio.shown_names,
                opted_out_now(studio, studio.collection),
                language,
                own=view.rule,
            ),
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
    **job: str,
) -> str:
    """The bar; `job`: the run that it is of, and what is heard of it, for the page's script."""
    return render(
        "notices.progress",
        language,
        phase=phase,
        done=done,
        total=total,
        seconds_left=seconds_left,
        **job,
    )


def _gallery(record: RunRecord, side: str, language: Language) -> str:
    return render("works.gallery", language, side=side, rows=record.shown(side))
