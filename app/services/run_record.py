"""What is written of a run: its shares, its influences by name, the copy of an upload.

In: an attribution and the collection it was made of. Out: a `RunRecord` and `Shares`, plain values
that the ledger takes. Writes nothing.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import asdict, replace

from PIL import Image

from app.services.artists import opted_out_here
from app.services.session import Studio
from core.attribution.calibration.attributable import OWES_NOTHING, SHARED_EQUALLY
from core.attribution.result import Attribution, Influence
from core.collection.types import Collection
from core.errors import LedgerError
from core.ledger.evidence import Evidence
from core.ledger.queries import unnamed
from core.ledger.records import MEMORISED, OPPONENT, PROPONENT, WITHHELD, RunInfluence, RunRecord
from core.ledger.rule_comparison import shares_under
from core.ledger.shares import (
    DEFAULT_RULE,
    ShareRule,
    Shares,
    rule_in_force,
    shares,
    shares_by_evidence,
    strongest_places,
)
from core.ledger.write import now
from core.provenance.picture import pixels_digest

KEPT_PROPONENTS, KEPT_OTHERS = 20, 12
LONGEST_SIDE = 1024  # of the copy that is kept of an upload


def shares_of(
    studio: Studio, attribution: Attribution, opted_out: frozenset[str] | None = None
) -> Shares:
    """The rule in force over the run's evidence; who opted out gets nothing new (None: whoever has
    by now, or a `LedgerError` where the ledger does not say).

    A collection whose features do not say what is attributable keeps the rule over z.
    """
    makers = [work.makers for work in attribution.works]
    if opted_out is None:
        opted_out = opted_out_now(studio, attribution.collection)
    evidence = evidence_of(attribution)
    if evidence is None:
        return shares(attribution.z.tolist(), makers, DEFAULT_RULE, opted_out)
    rule = rule_in_force(studio.settings.rule, studio.settings.cap)
    return shares_by_evidence(evidence, rule, opted_out)


def opted_out_now(studio: Studio, collection: Collection) -> frozenset[str]:
    """The ids of artists who get nothing new: by the ledger, by the collection's table and by the
    wishes that this home keeps. Raises `LedgerError` where the ledger cannot be read."""
    return studio.ledger.opted_out() | opted_out_here(studio.settings, collection)


def evidence_of(attribution: Attribution) -> Evidence | None:
    """What a run keeps of an attribution, so that every rule can be applied to it later.

    None where the collection's features do not say what is attributable.
    """
    if attribution.attributable is None:
        return None
    return Evidence.of(
        attribution.attributable,
        attribution.artists,
        attribution.z.tolist(),
        [work.makers for work in attribution.works],
        attribution.signals,
        attribution.departed,
    )


def run_record(
    studio: Studio,
    attribution: Attribution,
    credited: Shares,
    image: Image.Image,
    *,
    run_id: str,
    kind: str,
    file: str,
) -> RunRecord:
    """The run as the ledger keeps it, without recipe and title.

    Names are those of the collection that was traced: works may have left it since. A name that is
    withheld is not written down again.
    """
    traced = attribution.collection.unnamed(_withheld(studio), WITHHELD)
    rows = (
        *_influences(traced, PROPONENT, _proponents(attribution)),
        *_influences(traced, OPPONENT, attribution.opponents(KEPT_OTHERS)),
        *_influences(traced, MEMORISED, attribution.most_memorised(KEPT_OTHERS)),
    )
    return RunRecord(
        id=run_id,
        kind=kind,
        collection=attribution.collection.name,
        style=attribution.style,
        prompt=attribution.collection.prompt(attribution.style),
        seed=None,
        steps=None,
        guidance=None,
        model_digest=attribution.model_digest,
        works_digest=attribution.collection.digest,
        image_sha256=pixels_digest(image),
        image_file=file,
        width=attribution.width,
        height=attribution.height,
        method=attribution.method,
        spec_digest=attribution.spec_digest,
        device=attribution.device,
        versions=studio.versions,
        verdict=attribution.trust.verdict,
        familiarity=attribution.trust.familiarity,
        words=_words(attribution.trust.words, credited),
        query_leverage=attribution.query_leverage,
        seconds=asdict(attribution.seconds),
        rule=credited.rule.id,
        artist_micro=dict(credited.artist_micro),
        unattributed_micro=credited.unattributed_micro,
        created_at=now(),
        influences=tuple(sorted(rows, key=lambda row: (row.side, row.rank))),
        evidence=evidence_of(attribution),
        remainder=None if attribution.attributable is None else credited.remainder,
    )


def shared_again(record: RunRecord, rule: ShareRule, opted_out: frozenset[str]) -> Shares:
    """The shares of a run by its own `rule`, as they are with these artists opted out."""
    shares = shares_under(record, rule, opted_out)
    assert shares is not None  # a run keeps what its own rule needs
    return shares


def with_shares(record: RunRecord, credited: Shares, masked: frozenset[str]) -> RunRecord:
    """The run with these shares in the place of its own; `masked`: whose name is withheld by now,
    and is not written down again."""
    return replace(
        record,
        influences=tuple(unnamed(row, masked) for row in record.influences),
        words=_words(record.words, credited),
        artist_micro=dict(credited.artist_micro),
        unattributed_micro=credited.unattributed_micro,
        remainder=None if record.remainder is None else credited.remainder,
    )


def _words(words: str, credited: Shares) -> str:
    """Of the verdict; where a rule shares equally what is not owed, none that deny it."""
    if words in (OWES_NOTHING, SHARED_EQUALLY):
        return SHARED_EQUALLY if credited.artist_micro else OWES_NOTHING
    return words


def _withheld(studio: Studio) -> frozenset[str]:
    try:
        return studio.ledger.masked()
    except LedgerError:
        return frozenset()  # the ledger's trouble is reported when it is written


def without_names(studio: Studio, attribution: Attribution) -> Attribution:
    """The attribution as it is answered: without the names that are withheld."""
    hidden = _withheld(studio)
    if not hidden:
        return attribution
    return replace(attribution, collection=attribution.collection.unnamed(hidden, WITHHELD))


def _proponents(attribution: Attribution) -> tuple[Influence, ...]:
    """The works that shaped it most, and all from which a rule over z would credit.

    With both, anybody can compute the shares of a record again, under every rule.
    """
    best = attribution.proponents(KEPT_PROPONENTS)
    known = {row.work.id for row in best}
    sources = attribution.at(strongest_places(attribution.z.tolist(), DEFAULT_RULE))
    return (*best, *(row for row in sources if row.work.id not in known))


def _influences(
    collection: Collection, side: str, rows: tuple[Influence, ...]
) -> Iterator[RunInfluence]:
    names = collection.artist_names
    for row in rows:
        work = row.work
        makers = tuple((who, names[who], weight) for who, weight in work.makers)
        yield RunInfluence(
            side=side,
            rank=row.rank,
            work_id=work.id,
            title=work.title,
            artist_id=work.artist_id,
            artist=collection.credit_line(work),
            style=work.style,
            year=work.year,
            licence=work.licence,
            file=work.file,
            score=row.score,
            z=row.z,
            self_influence=row.self_influence,
            part=row.part,
            makers=makers if len(makers) > 1 else None,
        )


def kept_copy(image: Image.Image) -> bytes:
    """An upload as PNG as it is kept: upright, without metadata, no larger than it is shown."""
    copy = image.copy()
    copy.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    copy.save(buffer, "PNG")
    return buffer.getvalue()
