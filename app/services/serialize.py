"""An attribution told as the documented JSON object, or as lines for a person.

In: an attribution, the shares that follow from it, the collection's names. Out: plain values and
text. Computes nothing; knows no page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from app.cli.output import credits
from core.errors import CreditlineError


def attribution_record(
    attribution: Any, shares: Any, collection: Any, top: int
) -> dict[str, object]:
    """The object that `attribute --json` prints for one picture."""
    names = {artist.id: artist.name for artist in collection.artists}
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


def _influence(row: Any, names: dict[str, str]) -> dict[str, object]:
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


def refusal_record(name: str, error: CreditlineError, given: Any) -> dict[str, object]:
    """The same object's place in the stream for a picture that was refused."""
    return {"file": name, **given, "error": error.message}


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
