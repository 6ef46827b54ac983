"""Run records for tests of the ledger and of what shows it."""

from __future__ import annotations

from core.ledger.idempotency import idempotency_key
from core.ledger.records import RunInfluence, RunRecord
from core.ledger.shares import DEFAULT_RULE, Shares
from core.ledger.write import new_id, now

NAMES = {"indigo": "Indigo Workshop", "ochre": "Ochre Workshop"}
SHARES = Shares(DEFAULT_RULE, {"indigo": 412_000, "ochre": 227_500}, 360_500)


def influence(rank: int, artist: str = "indigo", side: str = "proponent") -> RunInfluence:
    return RunInfluence(
        side,
        rank,
        f"{artist}-{rank:04d}",
        f"Wave {rank}",
        artist,
        NAMES.get(artist, artist),
        "ukiyo_e",
        "2026",
        "CC0-1.0",
        f"images/{artist}-{rank}.jpg",
        3.5 / rank,
        4.1,
        0.4,
    )


def record(
    seed: int = 7, *, kind: str = "generation", style: str = "ukiyo_e", created_at: str = ""
) -> RunRecord:
    return RunRecord(
        id=new_id(),
        kind=kind,
        collection="workshops",
        style=style,
        prompt=f"a {style} painting",
        seed=seed,
        steps=20,
        guidance=2.0,
        model_digest="m" * 64,
        works_digest="w" * 64,
        image_sha256=f"{seed:064x}",
        image_file=f"{seed}.png",
        width=128,
        height=128,
        method="d-trak",
        spec_digest="s" * 64,
        device="cpu",
        versions={"torch": "2.13"},
        verdict="familiar",
        familiarity=0.93,
        words="This model has learnt images like this.",
        query_leverage=0.7,
        seconds={"total": 0.3},
        rule=SHARES.rule.id,
        artist_micro=dict(SHARES.artist_micro),
        unattributed_micro=SHARES.unattributed_micro,
        created_at=created_at or now(),
        influences=(influence(1, "ochre", "opponent"), influence(1), influence(2, "ochre")),
    )


def key(run: RunRecord) -> str:
    return idempotency_key(run.image_sha256, run.model_digest, run.method)
