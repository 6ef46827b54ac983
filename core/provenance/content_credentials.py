"""Content Credentials (C2PA): a picture that carries who signed for how it was made.

In: a PNG, whose metadata are written already, and what is to be said of it; or a PNG of a stranger.
Out: the PNG with a signed manifest; or what its manifest says, read by C2PA's own reader, and how
far it holds. Nothing reaches for the network: no timestamp is fetched, and no manifest that a
picture says lies elsewhere. Needs the extra `provenance`; knows no run.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from core.errors import ProvenanceError
from core.provenance.authority import Authority
from core.provenance.picture import SOURCE_TYPE, SYSTEM

PNG = "image/png"
CREDIT = "org.creditline.credit"  # our own assertion: who is credited, by which rule
MODEL, DATASET, PROMPT = "c2pa.types.model", "c2pa.types.dataset", "c2pa.types.generator.prompt"
VALID, TRUSTED, INVALID = "valid", "trusted", "invalid"
UNSIGNED, UNREAD = "unsigned", "unread"
UNTRUSTED = "signingCredential.untrusted"
OFFLINE = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
    "builder": {"thumbnail": {"enabled": False}},
}


@dataclass(frozen=True, kw_only=True)
class Input:
    """What went into the making, as an ingredient of the relationship `inputTo`."""

    title: str
    kind: str  # a data type of C2PA; empty: a picture
    identifier: str
    words: str


@dataclass(frozen=True, kw_only=True)
class PictureStatement:
    """What is signed of a picture that a model painted. `credit`: plain values of our assertion."""

    title: str
    version: str
    model_name: str
    model_digest: str
    inputs: Sequence[Input]
    credit: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What C2PA's reader says of a picture.

    `state`: trusted (by an authority that was named), valid, invalid, unsigned, or unread (the
    reader is not installed). `codes`: of every failure, as C2PA names it.
    """

    state: str
    signer: str = ""
    organisation: str = ""
    credit: Mapping[str, Any] | None = None
    codes: tuple[str, ...] = ()


def is_installed() -> bool:
    """Whether pictures can be signed and read here."""
    try:
        _library()
    except ProvenanceError:
        return False
    return True


def _library() -> ModuleType:
    try:
        import c2pa
    except (ImportError, OSError, RuntimeError, AttributeError) as error:  # or its native part
        raise ProvenanceError(
            "Content Credentials need the library c2pa-python, which is not installed. Install "
            "the extra: pip install -c constraints.txt -e '.[provenance]'"
        ) from error
    return c2pa


def sign_picture(png: bytes, statement: PictureStatement, authority: Authority) -> bytes:
    """The PNG with a manifest signed by the authority: the last thing that is written into it.

    Raises `ProvenanceError` where the library is missing, the authority has ended, or refuses.
    """
    c2pa = _library()
    if authority.has_ended:
        raise ProvenanceError(
            f"The certificate of '{authority.name}' ended on {authority.until:%Y-%m-%d}. Move its "
            "folder aside and make another: python -m app provenance init"
        )
    signed = io.BytesIO()
    try:
        with c2pa.Builder(_manifest(statement), _context(c2pa)) as builder:
            information = c2pa.C2paSignerInfo(b"es256", authority.certificates, authority.key, None)
            with c2pa.Signer.from_info(information) as signer:
                builder.sign(signer, PNG, io.BytesIO(png), signed)
    except c2pa.C2paError as error:
        raise ProvenanceError(
            f"The picture could not be signed ({_first_line(error)}). Look at the authority: "
            "python -m app provenance show"
        ) from error
    return signed.getvalue()


def read_credentials(png: bytes, root: bytes | None = None) -> Credentials:
    """What a picture carries. `root`: the certificate of an authority that the reader trusts."""
    try:
        c2pa = _library()
    except ProvenanceError:
        return Credentials(state=UNREAD)
    try:
        with c2pa.Reader(PNG, io.BytesIO(png), context=_context(c2pa, root)) as reader:
            report = json.loads(reader.json())
    except c2pa.C2paError as error:
        missing = isinstance(error, c2pa.C2paError.ManifestNotFound)
        return Credentials(state=UNSIGNED if missing else INVALID)
    except ValueError:
        return Credentials(state=INVALID)
    return _credentials(report)


def _credentials(report: Mapping[str, Any]) -> Credentials:
    manifest = report.get("manifests", {}).get(report.get("active_manifest"), {})
    signature = manifest.get("signature_info") or {}
    credit = [one["data"] for one in manifest.get("assertions", ()) if one["label"] == CREDIT]
    failures = [str(one.get("code")) for one in report.get("validation_status") or ()]
    return Credentials(
        state=str(report.get("validation_state", INVALID)).lower(),
        signer=str(signature.get("common_name") or ""),
        organisation=str(signature.get("issuer") or ""),
        credit=credit[0] if credit and isinstance(credit[0], dict) else None,
        codes=tuple(code for code in failures if code != UNTRUSTED),
    )


def _context(c2pa: ModuleType, root: bytes | None = None) -> Any:
    trust = {} if root is None else {"trust": {"trust_anchors": root.decode("ascii", "replace")}}
    return c2pa.Context(c2pa.Settings.from_dict(OFFLINE | trust))


def _manifest(statement: PictureStatement) -> dict[str, Any]:
    """By C2PA 2.4. What was influence is an input, never a part or a parent of the picture."""
    ingredients = [_ingredient(one) for one in statement.inputs]
    created = {
        "action": "c2pa.created",
        "digitalSourceType": (SOURCE_TYPE),
        "softwareAgent": {"name": SYSTEM, "version": statement.version},
        "parameters": {"ingredientIds": [one["instance_id"] for one in ingredients]},
    }
    disclosure = {
        "modelType": MODEL,
        "modelName": statement.model_name,
        "modelIdentifier": f"sha256:{statement.model_digest}",
        "contentProfile": {"humanOversightLevel": "prompt_guided"},
    }
    return {
        "claim_generator_info": [{"name": SYSTEM, "version": statement.version}],
        "title": statement.title,
        "format": PNG,
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [created]}},
            {"label": "c2pa.ai-disclosure", "data": disclosure},
            {"label": CREDIT, "data": dict(statement.credit)},
        ],
        "ingredients": ingredients,
    }


def _ingredient(one: Input) -> dict[str, Any]:
    kind = {"data_types": [{"type": one.kind}]} if one.kind else {}
    return {
        "title": one.title,
        "relationship": "inputTo",
        "instance_id": one.identifier,
        "description": one.words,
        **kind,
    }


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
