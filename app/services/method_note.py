"""The note in an evidence pack: what the files are, how it was measured, how it is verified.

In: a run, its proof. Out: plain English, for whoever has the pack and nothing else.
"""

from __future__ import annotations

from core.ledger.inclusion import InclusionProof
from core.ledger.records import RunView
from core.ledger.shares import WHOLE

NOTE = """Evidence for run {number} of Creditline ({run}), recorded {created_at}

WHAT THIS IS
A picture, which training works shaped it, and who is credited for it, with what supports that.
Nothing in here needs the studio or the network to be read or verified:

    python -m app verify {file}

says what was signed, by whom, what that proves and what it does not. Without the program:
`sha256sum --check MANIFEST` finds a changed file, and any reader of Content Credentials (C2PA)
reads picture.png.

THE FILES
picture.png  the picture, with its recipe and, first of all, that a model made it (XMP, IPTC 2025.1)
run.json     the run: model, works and method by their digests, every artist's numbers, the works
             that shaped it most and those that pulled away
rule.json    the rule that made shares of the numbers, with its parameters
null.json    how much influence artists have by chance on this model, and how well pictures that owe
             it something are told from others; null where the model is no longer the run's
credit.csv, works.csv    the shares and the works as tables for a spreadsheet
entry.json   the ledger's entry; null where nothing was booked
proof.json   the same entry with the proof that it is in the ledger, up to a signed checkpoint
key.pem      the studio's public key
MANIFEST     the SHA-256 of each of these; MANIFEST.sig: the studio's signature over it

HOW IT WAS MEASURED
Influence is estimated by the method '{method}' on the one model {model}. For every training
work it asks how much the training on it changed how the model paints what is in this picture. It is
not likeness, and it is not a count of copied parts. What is owed to the collection at all is a
calibrated probability; it is shared among the artists by the rule in rule.json; who is not above
chance gets nothing. Shares are whole micro-credits and sum to {whole} per picture. Credits are
units of credit, not money. Trust: {words}

{booked}
{signed}
"""
PROVED = """THE LEDGER
Entry {entry}, booked {date}, is proved against checkpoint {checkpoint}, signed {published}
by the key {key}.
Compare this fingerprint with one that the studio gave you by another way: the key in here is only
as good as that. Whether the entry was reversed later, only the ledger says."""
NOT_SHOWN = """THE LEDGER
This picture was credited, but somebody whom the entry or the run names has asked that the name be
withheld. The proof would give it away, so it is not in here; the studio's keeper has it."""
NOT_BOOKED = """THE LEDGER
Nothing was booked for this picture: nobody is credited by it."""


def method_note(
    view: RunView, proof: InclusionProof | None, unsigned: str, *, withheld: bool = False
) -> str:
    """The text; `unsigned`: why the picture has no signature of its own, empty where it has;
    `withheld`: there is a proof, which would give a name away."""
    record = view.record
    booked = NOT_SHOWN if withheld else NOT_BOOKED
    if proof is not None:
        booked = PROVED.format(
            entry=proof.entry["seq"],
            date=proof.entry["created_at"],
            checkpoint=proof.head.number,
            published=proof.head.published_at,
            key=proof.head.key,
        )
    signed = "THE PICTURE'S OWN SIGNATURE\nIt is signed by Content Credentials (C2PA)."
    if unsigned:
        signed = f"THE PICTURE'S OWN SIGNATURE\nThe picture is not signed: {unsigned}"
    return NOTE.format(
        number=view.number,
        run=record.id,
        created_at=record.created_at,
        file=f"creditline-{view.number:06d}-evidence.zip",
        method=record.method,
        model=record.model_digest[:16],
        whole=f"{WHOLE:,}",
        words=record.words,
        booked=booked,
        signed=signed,
    )
