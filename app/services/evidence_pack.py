"""The evidence of one run: everything that supports its credits, signed, in one file.

In: an opened studio and a run's id. Out: the pack's name and bytes: the picture with its metadata
and, where somebody signs pictures here, Content Credentials; the run, its entry with a proof of
inclusion, the rule, the null; a MANIFEST that the ledger's key signs. Knows no page and no verb.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from app import __version__
from app.services.ledger_proofs import proof_of, publisher_of
from app.services.method_note import method_note
from app.services.run_tables import credit_table, works_table
from app.services.serialize import Record
from app.services.serialize_ledger import EntryRecord, RecordedRun, RestRecord
from app.services.session import Studio
from core.errors import ProvenanceError, UsageError
from core.files import checksum
from core.ledger.abridged import abridged
from core.ledger.export import for_spreadsheets
from core.ledger.hashes import canonical, run_digest
from core.ledger.inclusion import InclusionProof
from core.ledger.records import RunRecord, RunView
from core.ledger.write import now, run_rows
from core.provenance.authority import read_authority
from core.provenance.content_credentials import (
    DATASET,
    MODEL,
    PROMPT,
    Input,
    PictureStatement,
    sign_picture,
)
from core.provenance.pack import FORMAT, MANIFEST, SEAL, WITHHELD_PROOF, manifest_of, write_pack
from core.provenance.picture import pixels_digest, png_with_facts

NAMED = 50  # artists in the picture's own assertion; the pack names all
LEADING = 5  # works that the picture names among its inputs
NULL_BYTES = 256 * 1024  # of a null that is copied; a larger one is named by its hash
BROUGHT = "it was brought, not painted here, and the studio does not say where it comes from."
ANOTHER = "the file that is kept is not, pixel by pixel, the picture that the run painted."


@dataclass(frozen=True, eq=False)
class EvidencePack:
    """The pack's file name and bytes."""

    name: str
    data: bytes


def evidence_pack(studio: Studio, run_id: str, permalink: str) -> EvidencePack:
    """The pack of a run; `permalink`: the address of its page.

    Raises `UsageError` for a run that is not there or whose picture is no longer kept, and
    `LedgerError` where its entry cannot be proved.
    """
    publisher = publisher_of(studio.ledger)
    with studio.ledger.moment() as moment:
        view = moment.run(run_id)
        if view is None:
            raise UsageError("There is no such run; it may have been deleted.")
        entry = None if view.entry is None else moment.entry(view.entry)
        known = {one.id: one.name for one in moment.artists()}
        hidden = moment.masked()
    names = known | dict(name for row in view.record.influences for name in row.maker_names)
    proof = None if entry is None else proof_of(studio.ledger, entry.number)
    withheld = proof is not None and bool(hidden & _named(view.record, proof))
    if withheld:
        proof = None  # it would give the name away, for the entry's hash covers it
    picture, unsigned = _picture(studio, view, names, proof)
    rule = None if view.rule is None else {"id": view.rule.id, **asdict(view.rule)}
    files = {
        "picture.png": picture,
        "run.json": _pretty(_run(view, proof, permalink)),
        "entry.json": _pretty(None if entry is None else EntryRecord.of(entry)),
        "proof.json": _proof(proof, withheld),
        "rule.json": _json(rule),
        "null.json": _json(_null(studio, view.record)),
        "credit.csv": _spreadsheet(credit_table(view, names)),
        "works.csv": _spreadsheet(works_table(view)),
        "README.txt": method_note(view, proof, unsigned, withheld=withheld).encode(),
        "key.pem": publisher.public_pem(),
    }
    files[MANIFEST] = manifest_of(files)
    seal = {"format": FORMAT, "run": run_id, "made_at": now(), "program": __version__}
    seal["manifest"] = hashlib.sha256(files[MANIFEST]).hexdigest()
    files[SEAL] = f"{canonical(publisher.sign(seal))}\n".encode("ascii")
    return EvidencePack(f"creditline-{view.number:06d}-evidence.zip", write_pack(files))


def kept_picture(outputs: Path, record: RunRecord) -> bytes:
    """The picture of a run, as it is kept. Raises `UsageError` where it no longer is."""
    try:
        if not record.image_file:
            raise FileNotFoundError
        return (outputs / Path(record.image_file).name).read_bytes()
    except OSError as error:
        raise UsageError("The picture of this run is no longer kept.") from error


def _named(record: RunRecord, proof: InclusionProof) -> set[str]:
    """The ids of everybody whom the run or its entry names."""
    shaped = {who for row in record.influences for who, _ in row.made_by}
    return shaped | {str(row["artist_id"]) for row in proof.postings if row["artist_id"]}


def _proof(proof: InclusionProof | None, withheld: bool) -> bytes:
    if withheld:
        return WITHHELD_PROOF
    return b"null\n" if proof is None else f"{proof.text()}\n".encode("ascii")


def _run(view: RunView, proof: InclusionProof | None, permalink: str) -> RecordedRun:
    """The run; of thousands of artists those that matter, where its digest covers the rest."""
    whole = RecordedRun.of(view, permalink)
    record = view.record
    if record.evidence is None or proof is None:
        return whole
    key = proof.entry["idempotency_key"]
    if run_digest(*run_rows(record, key)) != proof.entry["run_digest"]:
        return whole  # recorded before evidence counted by its hash, or credited by another run
    listed, rest = abridged(record.evidence, record.artist_micro.keys())
    if rest is None or whole.evidence is None:
        return whole
    ids = {part.artist_id for part in listed.artists}
    evidence = whole.evidence.model_copy(
        update={
            "artists": tuple(one for one in whole.evidence.artists if one.artist_id in ids),
            "rest": RestRecord.model_validate(rest),
        }
    )
    return whole.model_copy(update={"evidence": evidence})


def _picture(
    studio: Studio, view: RunView, names: Mapping[str, str], proof: InclusionProof | None
) -> tuple[bytes, str]:
    """The picture, and why it is not signed; empty: it is."""
    record, kept = view.record, kept_picture(studio.outputs, view.record)
    if record.seed is None:
        return kept, BROUGHT
    try:
        with Image.open(io.BytesIO(kept), formats=["PNG"]) as image:
            picture = image.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return kept, ANOTHER
    if pixels_digest(picture) != record.image_sha256:
        return kept, ANOTHER
    png = png_with_facts(picture, _facts(record))
    try:
        signed = sign_picture(
            png, _said_of(view, names, proof), read_authority(studio.settings.authority)
        )
    except ProvenanceError as error:
        return png, error.message
    return signed, ""


def _facts(record: RunRecord) -> dict[str, Any]:
    wanted = ("prompt", "seed", "steps", "guidance", "collection", "model_digest")
    return {
        "run": record.id,
        "class": record.style,
        **{name: getattr(record, name) for name in wanted},
    }


def _said_of(
    view: RunView, names: Mapping[str, str], proof: InclusionProof | None
) -> PictureStatement:
    record = view.record
    model = Input(
        title=f"Model of the collection '{record.collection}', with its LoRA",
        kind=MODEL,
        identifier=f"sha256:{record.model_digest}",
        words="The digest is over every weight, those of the LoRA included.",
    )
    works = Input(
        title=f"Works of the collection '{record.collection}'",
        kind=DATASET,
        identifier=f"sha256:{record.works_digest}",
        words="What the LoRA was trained on.",
    )
    prompt = Input(
        title="Prompt",
        kind=PROMPT,
        identifier=f"urn:creditline:run:{record.id}:prompt",
        words=record.prompt,
    )
    leading = (
        Input(
            title=f"{row.title}, {row.artist}",
            kind="",
            identifier=f"urn:creditline:work:{row.work_id}",
            words="A training work whose influence on this picture is estimated among the largest. "
            "It is not a part of the picture.",
        )
        for row in record.shaped[:LEADING]
    )
    return PictureStatement(
        title=f"creditline-{view.number:06d}.png",
        version=__version__,
        model_name=record.collection,
        model_digest=record.model_digest,
        inputs=(model, works, prompt, *leading),
        credit=_credit(view, names, proof),
    )


def _credit(
    view: RunView, names: Mapping[str, str], proof: InclusionProof | None
) -> dict[str, Any]:
    """Our own assertion: micro-credits, of 1,000,000 per picture."""
    record = view.record
    ranked = sorted(record.artist_micro.items(), key=lambda item: (-item[1], item[0]))
    said: dict[str, Any] = {
        "run": record.id,
        "recorded_at": record.created_at,
        "method": record.method,
        "features": f"sha256:{record.spec_digest}",
        "rule": record.rule,
        "unit": "micro-credits of 1000000 per picture; not money",
        "shares": [
            {"artist_id": who, "artist": names.get(who, who), "micro": micro}
            for who, micro in ranked[:NAMED]
        ],
        "unattributed_micro": record.unattributed_micro,
    }
    if ranked[NAMED:]:
        rest = ranked[NAMED:]
        said["more"] = {"artists": len(rest), "micro": sum(micro for _, micro in rest)}
    if proof is not None:
        head = proof.head
        said["entry"] = {"number": proof.entry["seq"], "hash": proof.entry["hash"]}
        said["checkpoint"] = {"number": head.number, "root": head.entries_root, "key": head.key}
    return said


def _null(studio: Studio, record: RunRecord) -> dict[str, Any] | None:
    """How much influence artists have by chance on this model, and how well what is attributable
    was told from what is not. None where the works or the model are no longer the run's."""
    collection = studio.collection
    if (collection.digest, studio.engine.model.digest) != (
        record.works_digest,
        record.model_digest,
    ):
        return None
    folder = collection.path / "features" / "default"
    null, line = folder / "nulls" / f"{record.method}.json", folder / "attributable.json"
    said: dict[str, Any] = {"spec_digest": record.spec_digest}
    for name, path in (("artists", null), ("attributable", line)):
        if path.is_file():
            said[name] = {"sha256": checksum(path)}
            if path.stat().st_size <= NULL_BYTES:
                said[name]["values"] = json.loads(path.read_text("utf-8"))
    return said


def _pretty(record: Record | None) -> bytes:
    """One key a line, sorted; null for nothing."""
    return _json(None if record is None else record.plain())


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()


def _spreadsheet(text: str) -> bytes:
    return "".join(for_spreadsheets([text])).encode()
