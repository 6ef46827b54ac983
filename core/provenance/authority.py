"""A signing authority of one's own, for pictures: a root certificate, and a leaf that signs.

In: a folder. Out: the leaf's private key (ES256) and both certificates in it, as C2PA wants them;
who signs and until when. The root's private key is thrown away once it has signed the leaf: nobody
can make another leaf by it. It is on nobody's list, so what it signs is valid and not trusted.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from core.errors import ProvenanceError
from core.files import write_folder

KEY, CERTIFICATES = "key.pem", "certificates.pem"  # the leaf's key; the leaf, then the root
LASTS = timedelta(days=5 * 365)
EARLIER = timedelta(minutes=5)  # of another machine's clock
LONGEST_NAME = 64  # letters, as certificates have them


@dataclass(frozen=True, kw_only=True)
class Authority:
    """Who signs, since when and until when (UTC). `certificates`: PEM, the leaf first."""

    name: str
    issuer: str
    since: datetime
    until: datetime
    fingerprint: str
    certificates: bytes
    root: bytes
    key: bytes

    @property
    def has_ended(self) -> bool:
        """Whether its certificate is over, so that nothing can be signed by it."""
        return datetime.now(UTC) >= self.until


def make_authority(folder: Path, name: str) -> Authority:
    """Make the folder, mode 700, with the key, mode 600, and the certificates, or nothing at all.

    Raises `ProvenanceError` where there is one already: what it signed would lose its signer.
    """
    if os.path.lexists(folder):
        raise ProvenanceError(
            f"There is an authority already in '{folder}'. It is not replaced: move the folder "
            "aside, then make another. What the old one signed stays signed by it."
        )
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise ProvenanceError(
            f"A signer's name has 1 to {LONGEST_NAME} letters that can be printed. Give another "
            "with --name."
        )
    root_key, leaf_key = generate_private_key(SECP256R1()), generate_private_key(SECP256R1())
    root = _root(root_key, name)
    leaf = _leaf(leaf_key.public_key(), name, root, root_key)
    pem = b"".join(one.public_bytes(Encoding.PEM) for one in (leaf, root))
    private = leaf_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def fill(draft: Path) -> None:
        draft.chmod(0o700)
        with os.fdopen(os.open(draft / KEY, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as stream:
            stream.write(private)
        (draft / CERTIFICATES).write_bytes(pem)

    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_folder(folder, fill)
    return read_authority(folder)


def read_authority(folder: Path) -> Authority:
    """The authority in a folder. Raises `ProvenanceError` where there is none, or it is damaged."""
    if not folder.is_dir():
        raise ProvenanceError(
            "Nobody signs pictures here yet. Make a development authority: python -m app "
            "provenance init"
        )
    try:
        pem, private = (folder / CERTIFICATES).read_bytes(), (folder / KEY).read_bytes()
        leaf, *others = x509.load_pem_x509_certificates(pem)
        root = others[-1] if others else leaf
        key = load_pem_private_key(private, None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        cause = getattr(error, "strerror", None) or "it is damaged"
        raise ProvenanceError(
            f"The authority in '{folder}' cannot be read ({cause}). Give yourself the right to "
            "read it, or put it back from a backup."
        ) from error
    public = leaf.public_key()
    if not (
        isinstance(key, EllipticCurvePrivateKey)
        and isinstance(public, EllipticCurvePublicKey)
        and key.public_key() == public
    ):
        raise ProvenanceError(
            f"The key in '{folder}' is not that of its certificate (or not ES256). Put back the "
            "folder from a backup."
        )
    return Authority(
        name=_common_name(leaf.subject),
        issuer=_common_name(leaf.issuer),
        since=leaf.not_valid_before_utc,
        until=leaf.not_valid_after_utc,
        fingerprint=hashlib.sha256(leaf.public_bytes(Encoding.DER)).hexdigest(),
        certificates=pem,
        root=root.public_bytes(Encoding.PEM),
        key=private,
    )


def _common_name(name: x509.Name) -> str:
    values = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(values[0].value) if values else name.rfc4514_string()


def _named(name: str, what: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, name),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "Development: on no trust list"),
            x509.NameAttribute(NameOID.COMMON_NAME, what),
        ]
    )


def _root(key: EllipticCurvePrivateKey, name: str) -> x509.Certificate:
    whole = _named(name, "Development root")
    own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        _begun(whole, whole, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage("key_cert_sign", "crl_sign"), critical=True)
        .add_extension(own, critical=False)
        .sign(key, hashes.SHA256())
    )


def _leaf(
    public: EllipticCurvePublicKey,
    name: str,
    root: x509.Certificate,
    root_key: EllipticCurvePrivateKey,
) -> x509.Certificate:
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
    own = x509.SubjectKeyIdentifier.from_public_key(public)
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])  # as C2PA allows
    return (
        _begun(_named(name, name), root.subject, public)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage("digital_signature"), critical=True)
        .add_extension(purpose, critical=False)
        .add_extension(own, critical=False)
        .add_extension(issuer, critical=False)
        .sign(root_key, hashes.SHA256())
    )


def _begun(
    subject: x509.Name, issuer: x509.Name, public: EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    start = datetime.now(UTC).replace(microsecond=0) - EARLIER
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + LASTS)
    )


def _usage(*purposes: str) -> x509.KeyUsage:
    """Of what a key may be used for, these and nothing else."""
    every = (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
        *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    )
    return x509.KeyUsage(**{one: one in purposes for one in every})
