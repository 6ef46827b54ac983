"""A pack is the same everywhere, loses no changed byte, and a hostile ZIP is refused in words."""

from __future__ import annotations

import hashlib
import io
import random
import stat
import struct
import zipfile
from collections.abc import Callable

import pytest

from core.errors import ProvenanceError
from core.provenance import pack as packs
from core.provenance.pack import (
    MANIFEST,
    SEAL,
    PackLimits,
    differences,
    manifest_of,
    read_pack,
    write_pack,
)

FILES = {"run.json": b'{"a": 1}\n', "picture.png": bytes(range(256))}


def sealed() -> dict[str, bytes]:
    return {**FILES, MANIFEST: manifest_of(FILES), SEAL: b"signature"}


def zipped(
    *members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_STORED
) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()


def test_a_pack_lists_its_files_sums_and_is_reproducible() -> None:
    data = write_pack(sealed())
    assert data == write_pack(dict(reversed(list(sealed().items()))))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        for line in archive.read(MANIFEST).decode().splitlines():
            digest, name = line.split("  ")
            assert hashlib.sha256(archive.read(name)).hexdigest() == digest
    pack = read_pack(data)
    assert pack.files == sealed() and not pack.repacked and not list(differences(pack))


def test_every_changed_byte_is_named_or_refused_or_leaves_the_files_alone() -> None:
    data, chance = write_pack(sealed()), random.Random(4)
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1 << chance.randrange(8)
        try:
            pack = read_pack(bytes(changed))
            if not list(differences(pack)) and pack.files[SEAL] == b"signature":
                assert pack.files == sealed() and pack.repacked, place
        except ProvenanceError as error:
            assert error.message.endswith(".")


def test_a_pack_that_is_cut_anywhere_is_refused() -> None:
    data = write_pack(sealed())
    for length in range(len(data)):
        with pytest.raises(ProvenanceError):
            read_pack(data[:length])


def test_what_is_changed_missing_or_added_is_named() -> None:
    files = sealed()
    files["run.json"] = b"{}"
    del files["picture.png"]
    files["more.txt"] = b"more"
    faults = {fault.file: fault.reason for fault in differences(read_pack(write_pack(files)))}
    assert faults.keys() == {"run.json", "picture.png", "more.txt"}
    assert "changed" in faults["run.json"]
    assert "missing" in faults["picture.png"]
    assert "added" in faults["more.txt"]


def test_a_pack_that_somebody_packed_again_is_read_and_said_to_be() -> None:
    pack = read_pack(zipped(*sealed().items(), method=zipfile.ZIP_DEFLATED))
    assert pack.files == sealed() and pack.repacked


def linked() -> bytes:
    info = zipfile.ZipInfo("run.json")
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return zipped((info, b"/etc/passwd"))


def encrypted() -> bytes:
    """The flag, in both headers."""
    data = bytearray(zipped(("run.json", b"{}")))
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(signature) + offset] |= 1
    return bytes(data)


def counted(total: int, size: int) -> bytes:
    """A list that claims to be long."""
    return b"PK" + packs.END.pack(b"PK\5\6", 0, 0, total, total, size, 0, 0)


def twice(first: str, second: str) -> bytes:
    with pytest.warns(UserWarning) if first == second else pytest.MonkeyPatch.context():
        return zipped((first, b"1"), (second, b"2"))


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "not a ZIP"),
    "a picture": (lambda: b"\x89PNG\r\n\x1a\n" + bytes(100), "not a ZIP"),
    "a bomb": (
        lambda: zipped(("run.json", bytes(packs.LIMITS.contents + 1)), method=zipfile.ZIP_DEFLATED),
        "would take more than",
    ),
    "a million files": (lambda: counted(65_535, 60_000), "lists more than"),
    "an endless list": (lambda: counted(3, 2**31), "lists more than"),
    "many files": (lambda: zipped(*((f"f{n}", b"") for n in range(40))), "lists more than"),
    "a way out": (lambda: zipped(("../../run.json", b"{}")), "outside"),
    "an absolute path": (lambda: zipped(("/etc/cron.d/run", b"{}")), "outside"),
    "a folder": (lambda: zipped(("folder/", b"")), "outside"),
    "a Windows path": (lambda: zipped(("..\\run.json", b"{}")), "outside"),
    "a drive": (lambda: zipped(("C:run.json", b"{}")), "outside"),
    "a hidden end": (lambda: zipped(("run.json_.txt", b"{}")).replace(b"_", b"\0"), "outside"),
    "a long name": (lambda: zipped(("a" * 300, b"{}")), "outside"),
    "the same name": (lambda: twice("run.json", "run.json"), "twice"),
    "the same but for capitals": (lambda: twice("run.json", "RUN.json"), "twice"),
    "a link": (linked, "a link or a device"),
    "encrypted": (encrypted, "encrypted"),
    "something appended": (lambda: write_pack(sealed()) + b"more", "added at its end"),
    "no manifest": (lambda: zipped(("run.json", b"{}")), "has no MANIFEST"),
    "too large": (lambda: bytes(packs.LIMITS.pack + 1), "larger than"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_zip_is_refused_in_words(kind: str) -> None:
    make, words = HOSTILE[kind]
    with pytest.raises(ProvenanceError, match=words) as refusal:
        list(differences(read_pack(make())))
    assert "\n" not in refusal.value.message and len(refusal.value.message) < 250


def test_a_file_that_grows_beyond_what_it_claims_is_never_read_to_its_end() -> None:
    data = bytearray(zipped(("run.json", bytes(1_000_000)), method=zipfile.ZIP_DEFLATED))
    for signature, offset in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        struct.pack_into("<L", data, data.index(signature) + offset, 10)
    (fault,) = read_pack(bytes(data)).faults
    assert fault.file == "run.json"


def test_other_ways_of_packing_are_a_fault_of_their_file() -> None:
    (fault,) = read_pack(zipped(("run.json", b"{}"), method=zipfile.ZIP_LZMA)).faults
    assert fault.file == "run.json"


def test_limits_are_those_that_are_given() -> None:
    with pytest.raises(ProvenanceError, match="larger than"):
        read_pack(write_pack(sealed()), PackLimits(pack=100))
