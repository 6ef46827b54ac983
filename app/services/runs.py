"""What happens when a person asks: paint, trace, credit; or take a picture and trace it.

In: a studio and a request. Out: a stream of typed events that the command line and the browser both
consume. A picture is kept before it is traced, and traced before it is booked: whatever fails
later loses nothing that was made earlier, and nothing is ever half-booked.
"""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from app.services.cancellation import Cancellation
from app.services.session import Studio
from core.attribution.result import Attribution, Influence
from core.collection.atomic import write_bytes
from core.collection.images.open import open_image
from core.collection.prompts import class_prompt
from core.diffusion.sampling import Painted
from core.errors import CreditlineError, LedgerError, UsageError
from core.ledger.canonical import idempotency_key
from core.ledger.records import (
    GENERATION,
    MEMORISED,
    OPPONENT,
    PROPONENT,
    UPLOAD,
    RunInfluence,
    RunRecord,
    RunView,
)
from core.ledger.shares import (
    BOOKED_RULE,
    DEFAULT_RULE,
    Evidence,
    Shares,
    shares,
    shares_by_evidence,
    strongest_places,
)
from core.ledger.write import new_id, now
from core.provenance.png import png_with_facts

PREVIEW_EVERY = 3
MAX_SEED = 2**31 - 1
MAX_STEPS = 100
MAX_GUIDANCE = 20.0
KEPT_PROPONENTS, KEPT_OTHERS = 20, 12
LONGEST_SIDE = 1024  # of the copy that is kept of an upload


@dataclass(frozen=True)
class GenerateRequest:
    """None stands for the collection's own default."""

    style: str
    seed: int
    steps: int | None = None
    guidance: float | None = None
    method: str = "d-trak"
    book: bool = True


@dataclass(frozen=True)
class UploadRequest:
    """A file to trace. `style` None: the model says which class it takes it for."""

    source: Path
    name: str
    style: str | None = None
    method: str = "d-trak"
    keep: bool = True
    book: bool = False


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
    """The picture is kept and traced, but the ledger could not be written: it can be retried."""

    record: RunRecord
    shares: Shares | None
    key: str | None
    error: LedgerError


@dataclass(frozen=True)
class Untraced:
    """The picture is kept, but it could not be traced; nothing was recorded."""

    image: Image.Image
    file: str
    error: CreditlineError


@dataclass(frozen=True, eq=False)
class Finished:
    """The answer. `view` is None when the run was not to be kept."""

    record: RunRecord
    shares: Shares
    attribution: Attribution
    view: RunView | None
    image: Image.Image


Event = Painting | Tracing | Unrecorded | Untraced | Finished


def generate_and_attribute(
    studio: Studio, request: GenerateRequest, cancellation: Cancellation[Event] | None = None
) -> Iterator[Event]:
    """Paint, keep, trace, share, record and book. Closing it before the end records nothing.

    `cancellation` stops it from another thread, up to the moment in which it is recorded.
    """
    cancellation = cancellation or Cancellation()
    steps, guidance = _checked(studio, request)
    began, image = time.perf_counter(), None
    events = studio.engine.paint(
        request.style, seed=request.seed, steps=steps, guidance=guidance,
        preview_every=PREVIEW_EVERY,
    )  # fmt: skip
    for event in events:
        if cancellation.cancelled:
            return
        if isinstance(event, Painted):
            image = event.image
        else:
            each = (time.perf_counter() - began) / event.index
            yield Painting(event.index, steps, each * (steps - event.index), event.preview)
    assert image is not None
    run_id = new_id()
    facts = {
        "run": run_id, "prompt": class_prompt(request.style), "class": request.style,
        "seed": request.seed, "steps": steps, "guidance": guidance,
        "collection": studio.collection.name, "model_digest": studio.engine.model.digest,
    }  # fmt: skip
    file = f"{run_id}.png"
    write_bytes(studio.outputs / file, png_with_facts(image, facts))
    yield Tracing(image, len(studio.collection.works))
    try:
        found = studio.engine.attribute(
            image, style=request.style, method_name=request.method,
            query_sha256=pixels_digest(image),
        )  # fmt: skip
    except CreditlineError as error:
        yield Untraced(image, file, error)
        return
    drawn = drawn_shares(studio, found)
    record = _record(studio, run_id, GENERATION, found, drawn, image, file)
    record = RunRecord(
        **{**record.__dict__, "seed": request.seed, "steps": steps, "guidance": guidance}
    )
    ended = cancellation.record(
        lambda: _booked(studio, record, drawn, found, image, book=request.book, keep=True)
    )
    if ended is None:
        (studio.outputs / file).unlink(missing_ok=True)
    else:
        yield ended


def trace_upload(
    studio: Studio, request: UploadRequest, cancellation: Cancellation[Event] | None = None
) -> Iterator[Event]:
    """Open safely, trace, and keep as asked. Books nothing unless `book`.

    `cancellation` stops it from another thread, up to the moment in which it is recorded.
    """
    cancellation = cancellation or Cancellation()
    _require_method(studio, request.method)
    opened = open_image(request.source, request.name)
    yield Tracing(opened.image, len(studio.collection.works), opened.notes)
    found = studio.engine.attribute(
        opened.image, style=request.style, method_name=request.method, query_sha256=opened.sha256
    )
    drawn = drawn_shares(studio, found)
    run_id = new_id()
    file = f"{run_id}.png" if request.keep or request.book else ""
    record = _record(studio, run_id, UPLOAD, found, drawn, opened.image, file)
    record = RunRecord(**{**record.__dict__, "title": Path(request.name).name[:200]})

    def recorded() -> Event:
        if file:
            write_bytes(studio.outputs / file, _copy(opened.image))
        return _booked(
            studio, record, drawn, found, opened.image, book=request.book, keep=bool(file)
        )

    ended = cancellation.record(recorded)
    if ended is not None:
        yield ended


def book_again(studio: Studio, left: Unrecorded) -> RunView:
    """Try once more what the ledger could not take; a second success books nothing twice."""
    known = studio.ledger.run(left.record.id)
    if known is not None:
        return known
    return studio.ledger.record(left.record, left.shares, left.key, studio.artist_names)


def drawn_shares(studio: Studio, found: Attribution) -> Shares:
    """The booked rule over the run's evidence; who opted out gets nothing new.

    A collection whose features do not say what is attributable keeps the rule over z.
    """
    artist_ids = [work.artist_id for work in found.works]
    evidence = evidence_of(found)
    try:
        opted_out = studio.ledger.opted_out()
    except LedgerError:
        opted_out = frozenset()  # the ledger's trouble is told when it is written
    gone = {artist.id for artist in studio.collection.artists if artist.status == "opted-out"}
    if evidence is None:
        return shares(found.z.tolist(), artist_ids, DEFAULT_RULE, opted_out | gone)
    return shares_by_evidence(evidence, BOOKED_RULE, opted_out | gone)


def evidence_of(found: Attribution) -> Evidence | None:
    """What a run keeps of an attribution, so that every rule can be drawn from it again."""
    if found.attributable is None:
        return None
    artist_ids = [work.artist_id for work in found.works]
    return Evidence.of(
        found.attributable, found.artists, found.z.tolist(), artist_ids, found.signals
    )


def pixels_digest(image: Image.Image) -> str:
    """sha256 over size and pixels: what makes two painted pictures the same."""
    head = f"{image.mode}{image.width}x{image.height}".encode()
    return hashlib.sha256(head + image.tobytes()).hexdigest()


def _checked(studio: Studio, request: GenerateRequest) -> tuple[int, float]:
    studio.engine.require_style(request.style)
    _require_method(studio, request.method)
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


def _require_method(studio: Studio, name: str) -> None:
    if name not in studio.engine.methods_available:
        raise UsageError(
            f"The method '{name}' is not at hand for this collection. "
            f"Choose one of: {', '.join(studio.engine.methods_available)}."
        )


def _booked(
    studio: Studio,
    record: RunRecord,
    drawn: Shares,
    found: Attribution,
    image: Image.Image,
    *,
    book: bool,
    keep: bool,
) -> Event:
    key = None
    if book:
        key = idempotency_key(
            pixels_digest(image), record.model_digest, drawn.rule.id, record.method,
            record.spec_digest, record.style,
        )  # fmt: skip
    if not keep:
        return Finished(record, drawn, found, None, image)
    try:
        view = studio.ledger.record(record, drawn if book else None, key, studio.artist_names)
    except LedgerError as error:
        return Unrecorded(record, drawn if book else None, key, error)
    return Finished(record, drawn, found, view, image)


def _record(
    studio: Studio,
    run_id: str,
    kind: str,
    found: Attribution,
    drawn: Shares,
    image: Image.Image,
    file: str,
) -> RunRecord:
    rows = (
        *_influences(studio, PROPONENT, _proponents(found)),
        *_influences(studio, OPPONENT, found.opponents(KEPT_OTHERS)),
        *_influences(studio, MEMORISED, found.most_memorised(KEPT_OTHERS)),
    )
    return RunRecord(
        id=run_id, kind=kind, collection=studio.collection.name, style=found.style,
        prompt=class_prompt(found.style), seed=None, steps=None, guidance=None,
        model_digest=found.model_digest, works_digest=studio.collection.digest,
        image_sha256=pixels_digest(image), image_file=file, width=found.width,
        height=found.height, method=found.method, spec_digest=found.spec_digest,
        device=found.device, versions=studio.versions, verdict=found.trust.verdict,
        familiarity=found.trust.familiarity, words=found.trust.words,
        query_leverage=found.query_leverage, seconds=dict(found.seconds.__dict__),
        rule=drawn.rule.id, artist_micro=dict(drawn.artist_micro),
        unattributed_micro=drawn.unattributed_micro, created_at=now(),
        influences=tuple(sorted(rows, key=lambda row: (row.side, row.rank))),
        evidence=evidence_of(found), remainder=_remainder(found, drawn),
    )  # fmt: skip


def _remainder(found: Attribution, drawn: Shares) -> dict[str, int] | None:
    if found.attributable is None:
        return None
    return {
        "base": drawn.base_micro, "weak": drawn.weak_micro, "withheld": drawn.withheld_micro
    }  # fmt: skip


def _proponents(found: Attribution) -> tuple[Influence, ...]:
    """The works that shaped it most, and all from which a rule over z would draw.

    With both, anybody can draw the shares of a record again, under every rule.
    """
    best = found.proponents(KEPT_PROPONENTS)
    known = {row.work.id for row in best}
    drawn_from = found.at(strongest_places(found.z.tolist(), DEFAULT_RULE))
    return (*best, *(row for row in drawn_from if row.work.id not in known))


def _influences(studio: Studio, side: str, rows: tuple[Influence, ...]) -> Iterator[RunInfluence]:
    for row in rows:
        work = row.work
        yield RunInfluence(
            side, row.rank, work.id, work.title, work.artist_id,
            studio.artist_names[work.artist_id], work.style, work.year, work.licence, work.file,
            row.score, row.z, row.self_influence, row.part,
        )  # fmt: skip


def _copy(image: Image.Image) -> bytes:
    """An upload as it is kept: upright, without metadata, no larger than it is shown."""
    kept = image.copy()
    kept.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    kept.save(buffer, "PNG")
    return buffer.getvalue()
