"""An authority is made once, whole, and readable by its owner alone."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from core.errors import ProvenanceError
from core.provenance.authority import CERTIFICATES, KEY, make_authority, read_authority


def test_the_leaf_is_certified_by_a_root_whose_key_is_nowhere(tmp_path: Path) -> None:
    made = make_authority(tmp_path / "keys" / "one", "A museum")
    leaf, root = x509.load_pem_x509_certificates(made.certificates)
    leaf.verify_directly_issued_by(root)
    root.verify_directly_issued_by(root)
    (kept,) = [path for path in tmp_path.rglob("*") if path.is_file() and path.name == KEY]
    key = load_pem_private_key(kept.read_bytes(), None)
    assert key.public_key() == leaf.public_key() != root.public_key()
    assert (made.name, made.has_ended) == ("A museum", False)
    assert 4 < (made.until - made.since).days / 365 < 6
    assert made == read_authority(tmp_path / "keys" / "one")


def test_only_its_owner_reads_the_key(tmp_path: Path) -> None:
    folder = tmp_path / "keys" / "one"
    make_authority(folder, "A museum")
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (folder / KEY, folder, folder.parent)]
    assert modes == [0o600, 0o700, 0o700]


def test_what_is_there_is_never_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    before = make_authority(folder, "A museum")
    with pytest.raises(ProvenanceError, match="not replaced"):
        make_authority(folder, "Another")
    assert read_authority(folder) == before
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ProvenanceError, match="not replaced"):
        make_authority(tmp_path / "link", "Another")


@pytest.mark.parametrize("name", ["", "a" * 65, "two\nlines", "bell\a"])
def test_a_name_that_no_certificate_can_bear_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ProvenanceError, match="--name"):
        make_authority(tmp_path / "one", name)
    assert not list(tmp_path.iterdir())


def test_none_and_a_damaged_one_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ProvenanceError, match="provenance init"):
        read_authority(tmp_path / "one")
    one, other = tmp_path / "one", tmp_path / "other"
    make_authority(one, "One"), make_authority(other, "Other")
    (one / KEY).write_bytes((other / KEY).read_bytes())
    with pytest.raises(ProvenanceError, match="not that of its certificate"):
        read_authority(one)
    (one / CERTIFICATES).write_bytes(b"nothing")
    with pytest.raises(ProvenanceError, match="damaged"):
        read_authority(one)
