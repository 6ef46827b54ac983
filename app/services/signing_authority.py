"""Who signs pictures of a home: made, and read.

In: settings. Out: the authority as JSON shows it. Its root's certificate is laid beside the
checkpoints, to be given away with them.
"""

from __future__ import annotations

from pathlib import Path

from app.services.serialize_provenance import AuthorityRecord
from app.settings import Settings
from core.files import write_bytes
from core.provenance.authority import Authority, make_authority, read_authority
from core.provenance.content_credentials import is_installed


def new_authority(settings: Settings, name: str) -> AuthorityRecord:
    """Make a development authority. Raises `ProvenanceError` where there is one."""
    authority = make_authority(settings.authority, name)
    write_bytes(_root(settings), authority.root)
    return _record(settings, authority)


def authority_of(settings: Settings) -> AuthorityRecord:
    """Who signs here. Raises `ProvenanceError` where nobody does."""
    return _record(settings, read_authority(settings.authority))


def _root(settings: Settings) -> Path:
    return settings.ledger_file.parent / "published" / "provenance-root.pem"


def _record(settings: Settings, authority: Authority) -> AuthorityRecord:
    folder, root = settings.authority, _root(settings)
    return AuthorityRecord.of(authority, folder, root, installed=is_installed())
