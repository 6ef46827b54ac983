"""An attribution told as the documented JSON object, or as lines for a person.

In: an attribution, the shares that follow from it, the collection's names. Out: plain values and
text. Computes nothing; knows no page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import CreditlineError
from core.ledger.export import credits

if TYPE_CHECKING:
    from app.services.runs import Finished, Traced
    from core.attribution.result import Attribution, Influence
    from core.ledger.shares import Shares


def attribution_record(attribution: Attribution, shares: Shares, top: int) -> dict[str, Any]:
    """The object that `attribute --json` prints for one picture."""
    collection = attribution.collection
    names = collection.artist_names
    ranked = sorted(shares.artist_micro.items(), key=lambda item: (-item[1], item[0]))
    return {
        "collection": collection.name,
        "method": attribution.method,
        "spec_digest": attribution.spec_digest,
        "query": {
            "sha256": attribution.query_sha256,
            "width": attribution.width,
            "height": attribution.height,
            "class": attribution.style,
        },
        "trust": attribution.trust,
        "query_leverage": attribution.query_leverage,
        "proponents": [_influence(row, names) for row in attribution.proponents(top)],
        "opponents": [_influence(row, names) for row in attribution.opponents(top)],
        "shares": [
            {"artist": names.get(artist, artist), "micro": micro} for artist, micro in ranked
        ],
        "unattributed_micro": shares.unattributed_micro,
        "seconds": attribution.seconds,
    }


def _influence(row: Influence, names: Mapping[str, str]) -> dict[str, object]:
    return {
        "work_id": row.work.id,
        "title": row.work.title,
        "artist": names.get(row.work.artist_id, row.work.artist_id),
        "style": row.work.style,
        "score": row.score,
        "z": row.z,
        "self_influence": row.self_influence,
        "file": row.work.file,
    }


def generation_record(run: Finished, outputs: Path, top: int, file: Path | None) -> dict[str, Any]:
    """The object that `generate --json` prints; `file`: where the picture was asked for."""
    assert run.view is not None
    return attribution_record(run.attribution, run.shares, top) | {
        "run": run.record.id,
        "seed": run.record.seed,
        "steps": run.record.steps,
        "guidance": run.record.guidance,
        "entry": run.view.entry,
        "image_sha256": run.record.image_sha256,
        "file": file or outputs / run.record.image_file,
    }


def trace_record(traced: Traced, top: int) -> dict[str, Any]:
    """The object that `attribute --json` prints for a picture that was traced."""
    run = traced.run
    assert run is not None
    record: dict[str, Any] = {"file": traced.path.as_posix()}
    record |= attribution_record(run.attribution, run.shares, top)
    if run.view is not None:
        record |= {"run": run.record.id, "entry": run.view.entry}
    return record


def refusal_record(traced: Traced, error: CreditlineError) -> dict[str, object]:
    """The same object's place in the stream for a picture that was refused."""
    return {
        "file": traced.path.as_posix(),
        "collection": traced.collection,
        "method": traced.method,
        "error": error.message,
    }


def method_rows() -> list[dict[str, Any]]:
    """Every method with its choices and what it needs."""
    from core.attribution.methods import METHODS

    return [
        {
            "name": row.name,
            "title": row.title,
            "representation": row.representation,
            "kernel": row.kernel,
            "works_scale": row.works_scale,
            "query_scale": row.query_scale,
            "stack": row.stack,
            "query": row.query,
            "served": row.served,
            "formula": row.formula,
            "cost": row.cost,
            "needs": row.needs,
        }
        for row in METHODS.values()
    ]


def attribution_lines(record: dict[str, Any]) -> Iterator[str]:
    """What a person reads: trust before names, z beside the raw score."""
    yield f"{record['query']['class']}, by {record['method']}: {record['trust'].words}"
    for title, side in (("Shaped it most", "proponents"), ("Pulled away", "opponents")):
        yield f"{title}:"
        rows: Sequence[dict[str, Any]] = record[side]
        if not rows:
            yield "  nothing above the noise"
        for row in rows:
            yield (
                f"  {_sigma(row['z'])}  {row['title']}, {row['artist']} "
                f"(score {row['score']:.4g}, {row['work_id']})"
            )
    yield "Credit for this image:"
    for share in record["shares"]:
        yield f"  {credits(share['micro'])}  {share['artist']}"
    yield f"  {credits(record['unattributed_micro'])}  Unattributed"
    yield f"  {record['seconds'].total:.2f} s"


def _sigma(z: float) -> str:
    return f"{z:+6.1f} sigma"
