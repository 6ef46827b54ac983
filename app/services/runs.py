"""A person's request: paint, trace, credit; or take a picture and trace it.

In: a studio and a request. Out: a stream of typed events that the command line and the browser both
consume. A picture is kept before it is traced, and traced before it is booked: whatever fails
later loses nothing that was made earlier, and nothing is ever half-booked.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from app.services.artists import opted_out_here
from app.services.cancellation import Cancellation
from app.services.collections import chosen_collection, chosen_style
from app.services.run_record import (
    kept_copy,
    opted_out_now,
    run_record,
    shared_again,
    shares_of,
    with_shares,
    without_names,
)
from app.services.session import Studio, open_studio
from app.settings import Settings
from core.attribution.result import Attribution
from core.collection.images.open import open_image
from core.collection.types import Collection, Work
from core.diffusion.sampling import Painted
from core.errors import (
    CreditlineError,
    DecodingCancelled,
    ImageRefused,
    LedgerError,
    UsageError,
)
from core.files import write_bytes
from core.ledger.idempotency import idempotency_key
from core.ledger.records import GENERATION, UPLOAD, RunRecord, RunView
from core.ledger.shares import Shares
from core.ledger.write import new_id
from core.progress import Progress
from core.provenance.picture import pixels_digest, png_with_facts

PREVIEW_EVERY = 3
MAX_SEED = 2**31 - 1
MAX_STEPS = 100
MAX_GUIDANCE = 20.0


@dataclass(frozen=True)
class GenerateRequest:
    """None stands for the collection's own default. `actor`: who asks, as the ledger keeps it.
    `run_id`: of the run that it becomes, where that was promised before."""

    style: str
    seed: int
    steps: int | None = None
    guidance: float | None = None
    method: str = "d-trak"
    book: bool = True
    actor: str | None = None
    run_id: str | None = None


@dataclass(frozen=True)
class UploadRequest:
    """A file to trace. `style` None: the model says which class it takes it for. `actor`: who asks,
    as the ledger keeps it; `run_id`: of the run that it becomes, where that was promised before.
    `named`: the run keeps the file's name, which everybody reads who reads the run."""

    source: Path
    name: str
    style: str | None = None
    method: str = "d-trak"
    keep: bool = True
    book: bool = False
    actor: str | None = None
    run_id: str | None = None
    named: bool = True


@dataclass(frozen=True)
class Painting:
    """Step `done` of `total`; `seconds_left` as it looks now; a preview where one was drawn."""

    done: int
    total: int
    seconds_left: float
    preview: Image.Image | None


@dataclass(frozen=True)
class Tracing:
    """The picture is there, and its influence is being traced among `works` works."""

    image: Image.Image
    works: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unrecorded:
    """The picture is kept and traced, but the ledger could not be read or written: it can be
    retried, by the `collection` that was traced. `key` None: it is not to be booked.

    `shares` are what was known then: a retry draws them again.
    """

    record: RunRecord
    shares: Shares
    key: str | None
    error: LedgerError
    collection: Collection


@dataclass(frozen=True)
class Untraced:
    """The picture is kept, but it could not be traced; nothing was recorded."""

    image: Image.Image
    file: str
    error: CreditlineError


@dataclass(frozen=True, eq=False)
class RunFinished:
    """The answer. `view` is None when the run was not to be kept."""

    record: RunRecord
    shares: Shares
    attribution: Attribution
    view: RunView | None
    image: Image.Image


Event = Painting | Tracing | Unrecorded | Untraced | RunFinished


@dataclass(frozen=True, eq=False, kw_only=True)
class Traced:
    """What became of one file: a run, or the error with which it was refused."""

    path: Path
    collection: str
    method: str
    run: RunFinished | None = None
    error: CreditlineError | None = None


def generate_and_attribute(
    studio: Studio, request: GenerateRequest, cancellation: Cancellation[Event] | None = None
) -> Iterator[Event]:
    """Paint, keep, trace, share, record and book. Closing it before the end records nothing.

    `cancellation` stops it from another thread, up to the moment in which it is recorded.
    """
    cancellation = cancellation or Cancellation()
    if studio.collection.by_caption:
        request = replace(request, style=" ".join(request.style.split()))
    steps, guidance = recipe_of(studio, request)
    began, image = time.perf_counter(), None
    events = studio.engine.paint(
        request.style,
        seed=request.seed,
        steps=steps,
        guidance=guidance,
        preview_every=PREVIEW_EVERY,
    )
    for event in events:
        if cancellation.cancelled:
            return
        if isinstance(event, Painted):
            image = event.image
        else:
            each = (time.perf_counter() - began) / event.index
            yield Painting(event.index, steps, each * (steps - event.index), event.preview)
    assert image is not None
    run_id = request.run_id or new_id()
    facts = {
        "run": run_id,
        "prompt": studio.collection.prompt(request.style),
        "class": request.style,
        "seed": request.seed,
        "steps": steps,
        "guidance": guidance,
        "collection": studio.collection.name,
        "model_digest": studio.engine.model.digest,
    }
    file = f"{run_id}.png"
    write_bytes(studio.outputs / file, png_with_facts(image, facts))
    try:
        yield Tracing(image, len(studio.collection.works))
        attribution = studio.engine.attribute(
            image,
            style=request.style,
            method_name=request.method,
            query_sha256=pixels_digest(image),
        )
    except CreditlineError as error:
        yield Untraced(image, file, error)
        return
    except (GeneratorExit, KeyboardInterrupt):  # the caller has left: nothing is recorded
        (studio.outputs / file).unlink(missing_ok=True)
        raise
    credited, unread = _shared(studio, attribution)
    record = run_record(
        studio, attribution, credited, image, run_id=run_id, kind=GENERATION, file=file
    )
    record = replace(record, seed=request.seed, steps=steps, guidance=guidance, actor=request.actor)
    ended = cancellation.record(
        lambda: _booked(
            studio,
            record,
            credited,
            attribution,
            image,
            book=request.book,
            keep=True,
            unread=unread,
        )
    )
    if ended is None:
        (studio.outputs / file).unlink(missing_ok=True)
    else:
        yield ended


def trace_upload(
    studio: Studio, request: UploadRequest, cancellation: Cancellation[Event] | None = None
) -> Iterator[Event]:
    """Open safely, trace, and keep as the request says. Books nothing unless `book`.

    `cancellation` stops it from another thread, up to the moment in which it is recorded.
    """
    cancellation = cancellation or Cancellation()
    require_method(studio, request.method)
    try:
        opened = open_image(request.source, request.name, cancelled=lambda: cancellation.cancelled)
    except DecodingCancelled:
        return
    yield Tracing(opened.image, len(studio.collection.works), opened.notes)
    attribution = studio.engine.attribute(
        opened.image, style=request.style, method_name=request.method, query_sha256=opened.sha256
    )
    credited, unread = _shared(studio, attribution)
    run_id = request.run_id or new_id()
    file = f"{run_id}.png" if request.keep or request.book else ""
    record = run_record(
        studio, attribution, credited, opened.image, run_id=run_id, kind=UPLOAD, file=file
    )
    title = Path(request.name).name[:200] if request.named else ""
    record = replace(record, title=title, actor=request.actor)

    def recorded() -> Event:
        if file:
            write_bytes(studio.outputs / file, kept_copy(opened.image))
        return _booked(
            studio,
            record,
            credited,
            attribution,
            opened.image,
            book=request.book,
            keep=bool(file),
            unread=unread,
        )

    ended = cancellation.record(recorded)
    if ended is not None:
        yield ended


def looks_alike(studio: Studio, record: RunRecord, count: int) -> tuple[tuple[Work, float], ...]:
    """The works that look most like a run's kept picture, with the cosine of their latents.

    Raises `UsageError` where the picture is no longer kept, `StoreError` without such features.
    """
    try:
        with Image.open(studio.outputs / Path(record.image_file).name) as image:
            picture = image.convert("RGB")
    except OSError as error:
        raise UsageError("The picture of this run is no longer kept.") from error
    return studio.engine.similar(picture, count)


def settings_of(studio: Studio, view: RunView | None) -> tuple[str, int, int, float, str]:
    """Style, seed, steps, guidance and method by which a run was painted.

    Raises `UsageError` where this studio cannot paint by them.
    """
    if view is None:
        raise UsageError("There is no such run; it may have been deleted.")
    record = view.record
    if record.seed is None or record.steps is None or record.guidance is None:
        raise UsageError("This run was not painted: a picture was brought. Bring it again.")
    if record.collection != studio.collection.name or not studio.collection.knows(record.style):
        raise UsageError(
            f"This run was painted from the collection '{record.collection}', which is not the one "
            "that is open. Start the studio with that collection."
        )
    require_method(studio, record.method)
    return record.style, record.seed, record.steps, record.guidance, record.method


def book_again(studio: Studio, left: Unrecorded) -> RunView:
    """Try once more what the ledger could not take; a second success books nothing twice.

    Who opted out since then, or whose opting out could not be read then, gets nothing. A server
    that was stopped while it recorded may have booked it after all: then that stands.
    """
    recorded = studio.ledger.run(left.record.id)
    if recorded is not None:
        return recorded
    opted_out = opted_out_now(studio, left.collection)
    opted_out |= opted_out_here(studio.settings, studio.collection)  # the tables may differ by now
    credited = shared_again(left.record, left.shares.rule, opted_out)
    return studio.ledger.record(
        with_shares(left.record, credited, studio.ledger.masked()),
        None if left.key is None else credited,
        left.key,
        left.collection.artist_names,
        rule=credited.rule,
        unpaid=left.collection.unpaid,
    )


def trace_files(
    settings: Settings,
    images: Sequence[Path],
    style: str | None,
    method: str,
    *,
    record: bool,
    actor: str | None = None,
) -> Iterator[Progress | Traced]:
    """Trace files of this machine in the order given; a refused one does not stop the others.

    `style` is a class as a person writes it. With `record`, every picture is kept and booked.
    """
    collection = chosen_collection(settings)
    known = None if style is None else chosen_style(collection, style)
    studio = open_studio(settings)
    require_method(studio, method)
    for path in images:
        request = UploadRequest(path, path.name, known, method, record, record, actor)
        traced = Traced(path=path, collection=collection.name, method=method)
        try:
            for event in to_the_end(trace_upload(studio, request)):
                yield replace(traced, run=event) if isinstance(event, RunFinished) else event
        except CreditlineError as error:
            yield replace(traced, error=error)
        except OSError as error:
            cause = error.strerror or error
            words = f"'{path.name}' cannot be read ({cause}). Check the path and its rights."
            yield replace(traced, error=ImageRefused(words))


def to_the_end(events: Iterator[Event]) -> Iterator[Progress | RunFinished]:
    """The events for whoever wants a bar and the answer; a run that failed raises its error."""
    for event in events:
        if isinstance(event, Painting):
            yield Progress("Painting", event.done, event.total)
        elif isinstance(event, Tracing):
            yield Progress("Tracing influence", 0, event.works)
        elif isinstance(event, Unrecorded | Untraced):
            raise event.error
        else:
            yield event


def recipe_of(studio: Studio, request: GenerateRequest) -> tuple[int, float]:
    """Steps and guidance of a request. Raises `UsageError` for what cannot be painted here."""
    studio.engine.require_style(request.style)
    require_method(studio, request.method)
    steps = studio.collection.default_steps if request.steps is None else request.steps
    guidance = studio.collection.default_guidance
    if request.guidance is not None:
        guidance = request.guidance
    if not 0 <= request.seed <= MAX_SEED:
        raise UsageError(f"The seed {request.seed} is outside 0 to {MAX_SEED}.")
    if not 1 <= steps <= MAX_STEPS:
        raise UsageError(f"{steps} steps cannot be painted: choose between 1 and {MAX_STEPS}.")
    if not 0 <= guidance <= MAX_GUIDANCE:
        raise UsageError(f"A guidance of {guidance} is outside 0 to {MAX_GUIDANCE:g}.")
    return steps, guidance


def require_method(studio: Studio, name: str) -> None:
    """Raise `UsageError` for a method that this collection has no features for."""
    if name not in studio.engine.methods_available:
        raise UsageError(
            f"The method '{name}' is not at hand for this collection. "
            f"Choose one of: {', '.join(studio.engine.methods_available)}."
        )


def _shared(studio: Studio, attribution: Attribution) -> tuple[Shares, LedgerError | None]:
    """The shares; and the error where the ledger does not say who opted out, so that they may be
    shown as unrecorded and must not be booked."""
    try:
        return shares_of(studio, attribution), None
    except LedgerError as error:
        known = opted_out_here(studio.settings, attribution.collection)
        return shares_of(studio, attribution, known), error


def _booked(
    studio: Studio,
    record: RunRecord,
    credited: Shares,
    attribution: Attribution,
    image: Image.Image,
    *,
    book: bool,
    keep: bool,
    unread: LedgerError | None,
) -> Event:
    """Record and book; with `unread`, the ledger does not say who opted out, and nothing is."""
    key = None
    if book:
        key = idempotency_key(
            pixels_digest(image),
            record.model_digest,
            record.method,
            record.spec_digest,
            record.style,
        )
    traced = attribution.collection  # the ledger keeps true names; pages withhold them
    attribution = without_names(studio, attribution)
    if not keep and unread is not None:
        raise unread
    if not keep:
        return RunFinished(record, credited, attribution, None, image)
    if unread is not None:
        return Unrecorded(record, credited, key, unread, traced)
    try:
        view = studio.ledger.record(
            record,
            credited if book else None,
            key,
            traced.artist_names,
            rule=credited.rule,
            unpaid=traced.unpaid,
        )
    except LedgerError as error:
        return Unrecorded(record, credited, key, error, traced)
    return RunFinished(record, credited, attribution, view, image)
