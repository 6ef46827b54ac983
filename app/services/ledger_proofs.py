"""The ledger held to account: verified against kept checkpoints, published, an entry proved.

In: a ledger and files that a person names. Out: what core.ledger says of them. Knows no page, no
verb.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from core.errors import LedgerError
from core.files import write_text
from core.ledger.inclusion import InclusionProof, fault_of_proof, read_proof
from core.ledger.ledger import Ledger
from core.ledger.published_heads import PublishedHead, faults_of_heads, read_heads
from core.ledger.publisher import Publisher
from core.ledger.records import Verification
from core.ledger.signing import PublicKeys, read_public_keys


def verified(ledger: Ledger, against: Path | None, key: Path | None) -> Verification:
    """The whole verification, also against checkpoints that somebody kept."""
    proof = ledger.verify()
    if against is None or not proof.ok:
        return proof
    heads = _kept(against)
    keys = publisher_of(ledger).keys() if key is None else read_public_keys(key)
    faults = ledger.compare(heads, keys)
    return replace(proof, ok=False, first_bad=faults[0]) if faults else proof


def losses(against: Path) -> tuple[str, ...]:
    """What kept checkpoints say of entries that were lost, in words."""
    return tuple(
        f"Checkpoint {head.number} of {head.published_at[:10]} says that later entries were lost: "
        f"{head.reason}"
        for head in _kept(against)
        if head.reason
    )


def _kept(path: Path) -> tuple[PublishedHead, ...]:
    heads = read_heads(path)
    if not heads:
        raise LedgerError(f"There are no checkpoints in '{path.name}'. Name the file you kept.")
    return heads


def publisher_of(ledger: Ledger) -> Publisher:
    """Who signs for a ledger; `LedgerError` where it was opened without its key."""
    if ledger.publisher is None:
        raise LedgerError("This ledger is opened without its signing key.")
    return ledger.publisher


def published(ledger: Ledger) -> dict[str, Any]:
    """A checkpoint of now, and where it and the public key lie."""
    head, publisher = ledger.publish(), publisher_of(ledger)
    where = {"checkpoints": publisher.checkpoints, "public_key": publisher.public_key}
    wanted = ("number", "published_at", "entries", "head", "entries_root", "key")
    return {name: value for name, value in asdict(head).items() if name in wanted} | where


def write_proof(ledger: Ledger, number: int, output: Path) -> InclusionProof:
    """As `proof_of`, into a file."""
    proof = proof_of(ledger, number)
    write_text(output, proof.text() + "\n")
    return proof


def proof_of(ledger: Ledger, number: int) -> InclusionProof:
    """A proof of the entry against the first checkpoint that knows it, made if there is none."""
    knowing = (head for head in publisher_of(ledger).heads() if head.entries >= number)
    return ledger.prove(number, next(knowing, None) or ledger.publish())


def checked(path: Path, key: Path, against: Path | None) -> InclusionProof:
    """A proof that holds; `LedgerError` says why one does not."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LedgerError(f"The proof '{path.name}' cannot be read. Ask for it again.") from error
    proof, keys = read_proof(text), read_public_keys(key)
    reason = fault_of_proof(proof, keys) or fault_of_kept(proof.head, against, keys)
    if reason is not None:
        raise LedgerError(f"The proof '{path.name}' does not hold: {reason}.")
    return proof


def fault_of_kept(head: PublishedHead, against: Path | None, keys: PublicKeys) -> str | None:
    """Why the checkpoint of a proof is none of those that somebody kept; None where it is one."""
    if against is None:
        return None
    heads = _kept(against)
    bad = next(faults_of_heads(heads, keys), None)
    if bad is not None:
        return bad.reason
    return None if head in heads else f"checkpoint {head.number} is not among those you kept"
