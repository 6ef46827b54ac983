"""The key that signs published heads (Ed25519), and signatures by it.

In: a folder of the studio, bytes. Out: signatures, public keys. The private key lies in a folder
that only the account of the studio may enter, in a file that only it may read, and leaves it
never. Whoever has it can sign a history of their own: what binds the studio is that others keep
what it signed before.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from core.errors import LedgerError

BLOCK = re.compile(rb"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----", re.DOTALL)
PublicKeys = Mapping[str, Ed25519PublicKey]  # by fingerprint


def fingerprint(key: Ed25519PublicKey) -> str:
    """sha256 of the public key's 32 bytes, in hex: short enough to be read over a telephone."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:32]


def signing_key(path: Path) -> Ed25519PrivateKey:
    """The private key in this file, made on first use; only its owner may read it."""
    try:
        if not path.exists():
            _make(path)
        key = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise LedgerError(
            f"The signing key '{path.name}' cannot be read or made "
            f"({getattr(error, 'strerror', None) or 'it is not a key'}). Give yourself the right "
            "to its folder, or put back the key from a backup."
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise LedgerError(f"The signing key '{path.name}' is not an Ed25519 key. Put it aside.")
    return key


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    text = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(text)
        os.fsync(stream.fileno())
    try:
        os.link(draft, path)  # another process may have been first: then its key stands
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def public_pem(key: Ed25519PrivateKey) -> str:
    """The public key as text, to be given to anybody."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def read_public_keys(path: Path) -> PublicKeys:
    """The public keys in a PEM file: one, or several where the studio changed its key."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _unreadable(path.name) from error
    return public_keys(data, path.name)


def public_keys(pem: bytes, name: str) -> PublicKeys:
    """The public keys in a PEM text; `name` is that of its file, for the refusal."""
    try:
        keys = [load_pem_public_key(block) for block in BLOCK.findall(pem)]
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _unreadable(name) from error
    signing = [key for key in keys if isinstance(key, Ed25519PublicKey)]
    if not signing:
        raise LedgerError(f"'{name}' holds no Ed25519 public key. Ask the studio for it again.")
    return {fingerprint(key): key for key in signing}


def _unreadable(name: str) -> LedgerError:
    return LedgerError(f"The public key '{name}' cannot be read. Ask the studio for it again.")


def sign(key: Ed25519PrivateKey, message: bytes) -> str:
    """The signature, in base64."""
    return base64.b64encode(key.sign(message)).decode("ascii")


def is_signed(key: Ed25519PublicKey, message: bytes, signature: str) -> bool:
    """Whether this key signed the message, and the signature is written as `sign` writes it."""
    try:
        raw = base64.b64decode(signature, validate=True)
        key.verify(raw, message)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return base64.b64encode(raw).decode("ascii") == signature
