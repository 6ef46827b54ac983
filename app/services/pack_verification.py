"""A stranger's evidence pack, verified: what was signed, by whom, what it proves and what not.

In: the pack's bytes; perhaps the studio's public key, checkpoints or certificate that the reader
got by another way. Out: an answer in words, with every fault by its file. Needs no ledger, no
studio, no network. Nothing in a pack is believed before its file is known to be unchanged.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from cryptography import x509

from app.services.ledger_proofs import fault_of_kept
from app.services.pack_contents import (
    STRANGE,
    as_posted,
    credit_is_of_run,
    entry_is_proved,
    facts_of_run,
    hash_of,
    is_of_entry,
    read_seal,
    rest_of,
    speaks_of,
    works_are_of_run,
    written_rule,
)
from app.services.serialize_ledger import RecordedRun
from app.services.serialize_provenance import (
    PackEntryRecord,
    PackFaultRecord,
    PackRecord,
    PackRunRecord,
    PackShareRecord,
    PictureSignatureRecord,
    SealRecord,
)
from core.collection.images.open import open_image
from core.errors import CreditlineError, ImageRefused, ProvenanceError
from core.ledger.abridged import Rest, with_rest
from core.ledger.hashes import canonical
from core.ledger.inclusion import InclusionProof, fault_of_proof, read_proof
from core.ledger.records import RunRecord
from core.ledger.shares import RULES, read_rule, shares_by_evidence
from core.ledger.signing import PublicKeys, is_signed, public_keys, read_public_keys
from core.provenance.content_credentials import (
    INVALID,
    TRUSTED,
    UNREAD,
    UNSIGNED,
    Credentials,
    read_credentials,
)
from core.provenance.pack import (
    MANIFEST,
    SEAL,
    WITHHELD_PROOF,
    PackFault,
    differences,
    read_pack,
)
from core.provenance.picture import pixels_digest

T = TypeVar("T")
RUN, ENTRY, PROOF, PICTURE, KEYS = "run.json", "entry.json", "proof.json", "picture.png", "key.pem"
CREDIT, WORKS, RULE, NULL = "credit.csv", "works.csv", "rule.json", "null.json"
DAMAGED = "it is damaged"
ENDED, EXPIRED = "ended", "signingCredential.expired"


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the reader has from the studio by another way: files; None: nothing."""

    key: Path | None = None
    checkpoints: Path | None = None
    authority: Path | None = None


def verify_pack(data: bytes, name: str, known: Known | None = None) -> PackRecord:
    """The answer. `name`: of the file, as it is shown.

    Raises `ProvenanceError` for what cannot be read as a pack at all, and `LedgerError` where a
    key or checkpoints of the reader cannot be read.
    """
    known = known or Known()
    own = None if known.key is None else read_public_keys(known.key)
    root = None if known.authority is None else _certificate(known.authority)
    return _Verification(data, own, known.checkpoints, root).answer(name)


def _certificate(path: Path) -> bytes:
    try:
        pem = path.read_bytes()
        x509.load_pem_x509_certificates(pem)
    except (OSError, ValueError) as error:
        raise ProvenanceError(
            f"'{path.name}' holds no certificate that can be read. Ask the studio for it again."
        ) from error
    return pem


class _Verification:
    """One pack, looked at file by file; what is credentials gathers here."""

    def __init__(
        self, data: bytes, own: PublicKeys | None, kept: Path | None, root: bytes | None
    ) -> None:
        self.pack = read_pack(data)
        self.own, self.kept, self.root = own, kept, root
        self.faults = list(differences(self.pack))
        self.proves: list[str] = []
        self.leaves_open: list[str] = []

    def answer(self, name: str) -> PackRecord:
        """Everything, in the order in which one thing needs another."""
        keys = self.keys()
        seal = self.seal(keys)
        run = self.sound(RUN, RecordedRun.model_validate_json)
        proof = self.proof(keys)
        record = None if run is None else self.sound(RUN, lambda _: run.record())
        shares = self.shares(record, proof)
        if run is not None and record is not None:
            self.hold_together(run, record, proof)
            self.tables(run, record, proof)
        picture = self.picture(record)
        self.say_what_no_pack_proves(proof)
        whole = not self.faults
        return PackRecord(
            file=name,
            ok=whole,
            verdict=self.verdict(whole),
            words=self.words(whole),
            faults=tuple(PackFaultRecord.model_validate(fault) for fault in self.faults),
            files=tuple(sorted(self.pack.files)),
            repacked=self.pack.repacked,
            seal=seal,
            run=None if run is None else PackRunRecord.model_validate(facts_of_run(run)),
            shares=shares,
            unattributed_micro=None if run is None else run.unattributed_micro,
            entry=None if proof is None else self.sound(PROOF, lambda _: PackEntryRecord.of(proof)),
            picture=picture,
            proves=tuple(self.proves) if whole else (),
            leaves_open=tuple(self.leaves_open),
        )

    def verdict(self, whole: bool) -> str:
        """In three words at most."""
        if not whole:
            return "not valid"
        return "valid" if self.own is not None else "valid, not trusted"

    def words(self, whole: bool) -> str:
        """The verdict as a sentence."""
        if not whole:
            return "Not valid: this is not what was signed. What does not fit stands below."
        if self.own is not None:
            return "Valid: nothing was changed since the key that you gave signed it."
        return (
            "Valid, not trusted: nothing was changed since it was signed, but nobody vouches for "
            "the signer, and anybody can sign so with a key of their own."
        )

    def fault(self, name: str, reason: str) -> None:
        """One fault more."""
        self.faults.append(PackFault(name, reason))

    def sound(self, name: str, parse: Callable[[bytes], T]) -> T | None:
        """What `parse` makes of a file that is as the MANIFEST says; None where it is not."""
        if name not in self.pack.files:
            if all(fault.file != name for fault in self.faults):
                self.fault(name, "it is missing")
            return None
        if any(fault.file == name for fault in self.faults):
            return None
        try:
            return parse(self.pack.files[name])
        except (CreditlineError, *STRANGE):
            self.fault(name, DAMAGED)
            return None

    def keys(self) -> PublicKeys | None:
        """By which the pack must be signed: the reader's, or those that lie in it; None: unread."""
        within = self.sound(KEYS, lambda pem: public_keys(pem, KEYS))
        return within if self.own is None else self.own

    def seal(self, keys: PublicKeys | None) -> SealRecord | None:
        """Whether the MANIFEST is signed, and by whom."""
        values = self.sound(SEAL, read_seal)
        if values is None or keys is None or MANIFEST not in self.pack.files:
            return None
        key, signature = keys.get(values["key"]), values.pop("signature")
        actual = hashlib.sha256(self.pack.files[MANIFEST]).hexdigest()
        if key is None:
            reason = "it is signed by a key that is not in the pack"
            if self.own is not None:
                reason = "it is signed by another key than the one that you gave"
            self.fault(SEAL, reason)
        elif not is_signed(key, canonical(values).encode("ascii"), signature):
            renewed = canonical(values | {"manifest": actual}).encode("ascii")
            was_in_the_seal = values["manifest"] == actual or is_signed(key, renewed, signature)
            name = SEAL if was_in_the_seal else MANIFEST
            self.fault(name, "it was changed: the signature does not fit")
        elif values["manifest"] != actual:
            self.fault(MANIFEST, "it was changed: the signature does not fit")
        else:
            self.proves.append(
                f"Every file is as it was when the key {values['key']} signed the pack, on "
                f"{values['made_at'][:10]} as the studio says."
            )
        known = self.own is not None and key is not None
        return SealRecord(key=values["key"], known=known, made_at=values["made_at"])

    def proof(self, keys: PublicKeys | None) -> InclusionProof | None:
        """The entry's proof, where it holds."""
        entry = self.sound(ENTRY, json.loads)
        if self.pack.files.get(PROOF, b"").strip() == b"null":
            self.sound(PROOF, json.loads)
            if hash_of(entry) is not None:
                self.fault(PROOF, "it does not prove the entry of the pack")
            else:
                self.leaves_open.append(
                    "That anybody was credited: nothing was booked for this picture."
                )
            return None
        if self.pack.files.get(PROOF) == WITHHELD_PROOF:
            self.leaves_open.append(
                "That the entry is in the ledger: a name in it is withheld, so its proof is not "
                "given to everybody. The studio has it."
            )
            return None
        proof = self.sound(PROOF, lambda text: read_proof(text.decode("ascii")))
        if proof is None or keys is None:
            return None
        reason = self.sound(PROOF, lambda _: fault_of_proof(proof, keys) or "") or None
        if reason is None and self.kept is not None:
            reason = fault_of_kept(proof.head, self.kept, keys)
        is_read = all(fault.file != ENTRY for fault in self.faults)
        if reason is None and is_read and hash_of(entry) != proof.entry.get("hash"):
            reason = "it does not prove the entry of the pack"
        if reason is not None or any(fault.file == PROOF for fault in self.faults):
            if reason is not None:
                self.fault(PROOF, reason)
            return None
        if is_read and not self.sound(ENTRY, lambda _: entry_is_proved(entry or {}, proof)):
            self.fault(ENTRY, "it is not the entry that is proved")
        head = proof.head
        self.proves.append(
            f"Entry {proof.entry['seq']} stood in the ledger of which the same studio signed "
            f"checkpoint {head.number}, on {head.published_at[:10]}."
        )
        if self.kept is not None:
            self.proves.append("That checkpoint is among those that you kept.")
        return proof

    def shares(
        self, record: RunRecord | None, proof: InclusionProof | None
    ) -> tuple[PackShareRecord, ...]:
        """Who is credited, by name, highest first."""
        if record is None:
            return ()
        names = {who: name for row in record.influences for who, name in row.maker_names}
        for row in () if proof is None else proof.postings:
            if row.get("artist_id"):
                names[str(row["artist_id"])] = str(row.get("artist"))
        ranked = sorted(record.artist_micro.items(), key=lambda item: (-item[1], item[0]))
        return tuple(
            PackShareRecord(artist_id=who, artist=names.get(who, who), micro=micro)
            for who, micro in ranked
        )

    def hold_together(
        self, run: RecordedRun, record: RunRecord, proof: InclusionProof | None
    ) -> None:
        """Whether the run is what the entry credits, and the credit what the rule makes of it."""
        if run.evidence is not None and run.evidence.rest is not None:
            self.leaves_open.append(
                f"What {run.evidence.rest.artists} artists without a share had: their numbers are "
                "fixed by a hash, and the studio must show them when somebody asks."
            )
        if proof is None:
            return
        if proof.entry.get("run_id") != record.id:
            self.leaves_open.append(
                "That this run was credited: its picture had been credited before, by the entry of "
                "another run."
            )
            return
        rest = self.sound(RUN, lambda _: rest_of(run))
        if not self.sound(RUN, lambda _: is_of_entry(record, rest, proof)):
            self.fault(RUN, "it is not the run that the entry credits")
        elif not self.sound(PROOF, lambda _: as_posted(record, proof)):
            self.fault(RUN, "its shares are not those that the entry books")
        else:
            self.proves.append(
                "The run is the one that the entry credits: its record gives the hash in the entry."
            )
            self.rule_applied(record, rest, proof)

    def rule_applied(self, record: RunRecord, rest: Rest | None, proof: InclusionProof) -> None:
        """Draw the shares again."""
        rule = self.sound(PROOF, lambda _: read_rule(json.loads(proof.rule)))
        if rule is None or record.evidence is None:
            return
        if rule.name not in RULES or RULES[rule.name].by_artists is None:
            return
        evidence = record.evidence if rest is None else with_rest(record.evidence, rest)
        silent = {part.artist_id for part in evidence.artists} - record.artist_micro.keys()
        computed = self.sound(
            RUN, lambda _: shares_by_evidence(evidence, rule, frozenset(silent)).artist_micro
        )
        if computed != record.artist_micro:
            self.fault(RUN, "its shares do not follow from its numbers by the rule")
        else:
            self.proves.append(
                f"The shares follow from the numbers in the pack by the rule {rule.id}: they were "
                "computed again."
            )

    def tables(self, run: RecordedRun, record: RunRecord, proof: InclusionProof | None) -> None:
        """Whether what is written for spreadsheets, and the rule, say the same."""
        if not self.sound(CREDIT, lambda table: credit_is_of_run(table, record)):
            self.fault(CREDIT, "its credit is not the run's")
        if not self.sound(WORKS, lambda table: works_are_of_run(table, run.number, record)):
            self.fault(WORKS, "its works are not the run's")
        rule = self.sound(RULE, json.loads)
        if rule is not None and not self.sound(RULE, lambda _: rule["id"] == record.rule):
            self.fault(RULE, "it is not the run's rule")
        elif rule is not None and proof is not None:
            proved = self.sound(PROOF, lambda _: read_rule(json.loads(proof.rule)))
            written = self.sound(RULE, lambda _: written_rule(rule))
            if proved is not None and record.rule == proved.id and written != proved:
                self.fault(RULE, "it is not the rule that is proved")
        if self.pack.files.get(NULL, b"null").strip() != b"null":
            self.leaves_open.append(
                "What null.json says of other pictures: the studio measured it, and no ledger "
                "fixes it."
            )

    def picture(self, record: RunRecord | None) -> PictureSignatureRecord | None:
        """Whether the picture is the run's, and what it carries itself."""
        changed = any(fault.file == PICTURE for fault in self.faults)
        if PICTURE not in self.pack.files:
            self.sound(PICTURE, len)
            return None
        png = self.pack.files[PICTURE]
        credentials = read_credentials(png, self.root)
        ended = credentials.state == INVALID and set(credentials.codes) == {EXPIRED}
        state = ENDED if ended else credentials.state
        if not changed:
            self.painted(record, png)
            self.signed(record, credentials, state)
        return PictureSignatureRecord(
            state=state, signer=credentials.signer, codes=credentials.codes
        )

    def painted(self, record: RunRecord | None, png: bytes) -> None:
        """Pixel by pixel."""
        if record is None or record.seed is None:
            return
        try:
            picture = open_image(png, PICTURE).image
        except ImageRefused:
            self.fault(PICTURE, "it cannot be opened as a picture")
            return
        if pixels_digest(picture) != record.image_sha256:
            self.fault(PICTURE, "it is not the picture that the run painted")
        else:
            self.proves.append("The picture is the one that the run painted, pixel by pixel.")

    def signed(self, record: RunRecord | None, credentials: Credentials, state: str) -> None:
        """By Content Credentials."""
        if state == UNREAD:
            self.leaves_open.append(
                "What the picture's own signature (C2PA) says: it was not read, because the extra "
                "'provenance' is not installed here."
            )
        elif state == UNSIGNED:
            self.leaves_open.append(
                "Where the picture alone comes from: it carries no signature of its own (C2PA)."
            )
        elif state == ENDED:
            self.leaves_open.append(
                "Whether the picture's own signature (C2PA) was made in time: the certificate of "
                f"'{credentials.signer}' has ended since, and no timestamp of others says when it "
                "signed."
            )
        elif state == INVALID:
            self.fault(PICTURE, "its own signature (C2PA) does not hold")
        elif record is not None and not speaks_of(credentials, record):
            self.fault(PICTURE, "its own signature (C2PA) speaks of another run or other shares")
        elif state == TRUSTED:
            self.proves.append(
                f"The picture itself is signed (C2PA) by '{credentials.signer}', whom the "
                "authority that you named certified."
            )
        else:
            self.proves.append(
                f"The picture itself is signed (C2PA) by '{credentials.signer}': valid, not "
                "trusted, for no list that programs trust names the signer."
            )

    def say_what_no_pack_proves(self, proof: InclusionProof | None) -> None:
        """Limits that are always there."""
        if self.own is None:
            self.leaves_open.insert(
                0,
                "Who the signer is: the key lies in the pack itself. Compare its fingerprint with "
                "one that the studio gave you by another way.",
            )
        self.leaves_open.append(
            "When it was signed: every date is the studio's own word, with no timestamp of others."
        )
        if proof is not None:
            self.leaves_open.append(
                "Whether the entry still stands: it may have been reversed since, which only the "
                "ledger says."
            )
        self.leaves_open.append(
            "Whether the numbers are right: influence is an estimate on one model, and only "
            "whoever has the model can measure it again. Credits are neither money nor a licence."
        )
