"""An evidence pack as a file: named files in one ZIP, and a MANIFEST of their hashes.

In: names and bytes. Out: the same bytes for the same files, everywhere; and of a stranger's ZIP its
files, read within limits, with what differs from its MANIFEST named file by file. Nothing is ever
unpacked to a disk. Knows no run, no ledger and no signature.
"""

from __future__ import annotations

import hashlib
import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from core.errors import ProvenanceError

MANIFEST, SEAL = "MANIFEST", "MANIFEST.sig"
FORMAT = "creditline-pack@1"  # what the seal says it is
FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # as early as a ZIP file can say
WITHHELD_PROOF = b'"withheld"\n'  # in a proof's place, where it would give a withheld name away
MIB = 1024 * 1024
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
LINE = re.compile(rf"([0-9a-f]{{64}})  ({NAME.pattern})")
END = struct.Struct("<4s4H2LH")  # of a ZIP: signature, disks, counts, size and place of its list
END_SIGNATURE = b"PK\5\6"
BROKEN = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError),
    *(NotImplementedError, RuntimeError, OverflowError, IndexError, KeyError),
)
AGAIN = "Ask whoever gave it to you for the pack again."


@dataclass(frozen=True, kw_only=True)
class PackLimits:
    """What is read at most; bytes. An honest pack stays far below each."""

    pack: int = 64 * MIB
    files: int = 32
    listing: int = 64 * 1024  # of the ZIP's list of files
    contents: int = 64 * MIB  # of all files together, whatever they are packed to


LIMITS = PackLimits()


@dataclass(frozen=True)
class PackFault:
    """What is wrong with one file of a pack; `file` is empty where it is the pack as a whole."""

    file: str
    reason: str


@dataclass(frozen=True, eq=False)
class Pack:
    """The files that could be read, by name, and what could not: `faults`.

    `repacked`: the files are what they are, but the ZIP around them is not as it was written.
    """

    files: Mapping[str, bytes]
    faults: tuple[PackFault, ...] = ()
    repacked: bool = False


def manifest_of(files: Mapping[str, bytes]) -> bytes:
    """A line per file, as `sha256sum --check` reads it."""
    lines = (
        f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files.items())
    )
    return "".join(lines).encode("ascii")


def write_pack(files: Mapping[str, bytes]) -> bytes:
    """The files as a ZIP, sorted by name and not compressed, so that every byte of it counts."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in sorted(files.items()):
            member = zipfile.ZipInfo(name, FIRST_DAY)
            member.create_system, member.external_attr = 3, 0o600 << 16  # the same on Windows
            archive.writestr(member, data)
    return buffer.getvalue()


def read_pack_file(path: Path, limits: PackLimits = LIMITS) -> bytes:
    """The bytes of a pack on this machine, never more than a pack may have."""
    try:
        with open(path, "rb") as stream:
            data = stream.read(limits.pack + 1)
    except OSError as error:
        raise ProvenanceError(
            f"'{path.name}' cannot be read ({error.strerror or error}). Check the path and its "
            "rights."
        ) from error
    if len(data) > limits.pack:
        raise _too_large(limits)
    return data


def read_pack(data: bytes, limits: PackLimits = LIMITS) -> Pack:
    """The files of a stranger's ZIP.

    Raises `ProvenanceError` for what is not a ZIP, is cut off, or is made to do harm: too large,
    files that grow beyond every pack, names that lead elsewhere or come twice, links, encryption.
    """
    if len(data) > limits.pack:
        raise _too_large(limits)
    _check_end(data, limits)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            _check_members(members, limits)
            read = [_read(archive, member, limits) for member in members]
    except BROKEN as error:
        raise ProvenanceError(f"The pack's list of files is damaged. {AGAIN}") from error
    files = {name: part for name, part in read if isinstance(part, bytes)}
    faults = tuple(part for _, part in read if isinstance(part, PackFault))
    return Pack(files, faults, not faults and write_pack(files) != data)


def _too_large(limits: PackLimits) -> ProvenanceError:
    return ProvenanceError(
        f"The pack is larger than {limits.pack // MIB} MB, which no evidence pack is. {AGAIN}"
    )


def _check_end(data: bytes, limits: PackLimits) -> None:
    """What the ZIP says of its own list, before any library believes it."""
    if not data.startswith(b"PK"):
        raise ProvenanceError(f"This is not an evidence pack: it is not a ZIP file. {AGAIN}")
    place = data.rfind(END_SIGNATURE, max(0, len(data) - END.size - 0xFFFF))
    if place < 0 or place + END.size > len(data):
        raise ProvenanceError(f"The pack is cut off: its end is missing. {AGAIN}")
    _, disk, start, here, total, size, _, comment = END.unpack_from(data, place)
    if place + END.size + comment != len(data):
        raise ProvenanceError(f"The pack is cut off, or something was added at its end. {AGAIN}")
    if disk or start or here != total:
        raise ProvenanceError(f"The pack is a part of several, or its list is damaged. {AGAIN}")
    if total > limits.files or size > limits.listing:
        raise ProvenanceError(
            f"The pack lists more than {limits.files} files, which no evidence pack does. {AGAIN}"
        )


def _check_members(members: list[zipfile.ZipInfo], limits: PackLimits) -> None:
    known: set[str] = set()
    for member in members:
        name, kind = member.filename, member.external_attr >> 16
        if not NAME.fullmatch(name) or member.orig_filename != name:
            raise ProvenanceError(
                "The pack names a file that would lie outside it, or by no plain name. Nothing "
                f"was unpacked. {AGAIN}"
            )
        if name.casefold() in known:
            raise ProvenanceError(f"The pack holds '{name}' twice. Nothing was unpacked. {AGAIN}")
        if stat.S_IFMT(kind) not in (0, stat.S_IFREG):
            raise ProvenanceError(
                f"'{name}' in the pack is a link or a device, not a file. Nothing was unpacked. "
                f"{AGAIN}"
            )
        if member.flag_bits & 0x41:
            raise ProvenanceError(
                f"'{name}' in the pack is encrypted. Evidence is open to everybody. {AGAIN}"
            )
        known.add(name.casefold())
    if sum(member.file_size for member in members) > limits.contents:
        raise ProvenanceError(
            f"The files of the pack would take more than {limits.contents // MIB} MB, which no "
            f"evidence does. Nothing was unpacked. {AGAIN}"
        )


def _read(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, limits: PackLimits
) -> tuple[str, bytes | PackFault]:
    name = member.filename
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return name, PackFault(name, "it is packed in a way that evidence packs are not")
    try:
        with archive.open(member) as stream:
            data = stream.read(member.file_size + 1)
    except BROKEN:
        return name, PackFault(name, "it was changed or damaged: it cannot be unpacked")
    if len(data) != member.file_size:
        return name, PackFault(name, "it was changed or damaged: it has another length")
    return name, data


def differences(pack: Pack) -> Iterator[PackFault]:
    """Every file that is not as the MANIFEST says: changed, missing or added.

    Raises `ProvenanceError` where there is no MANIFEST to hold the files against.
    """
    yield from pack.faults
    unread = {fault.file for fault in pack.faults}
    if MANIFEST not in pack.files:
        if MANIFEST in unread:
            return
        raise ProvenanceError(
            f"This ZIP has no {MANIFEST}: it is not an evidence pack, or one from before they were "
            "signed. Download it from the run's page again."
        )
    named: dict[str, str] = {}
    for line in pack.files[MANIFEST].decode("ascii", "replace").splitlines():
        match = LINE.fullmatch(line)
        if match is None or match[2] in named:
            yield PackFault(MANIFEST, "a line of it is damaged")
            continue
        named[match[2]] = match[1]
    for name, digest in named.items():
        if name not in pack.files:
            if name not in unread:
                yield PackFault(name, "it is missing")
        elif hashlib.sha256(pack.files[name]).hexdigest() != digest:
            yield PackFault(name, "it was changed: its hash is not that of the MANIFEST")
    for name in sorted(pack.files.keys() - named.keys() - {MANIFEST, SEAL}):
        yield PackFault(name, "it was added: the MANIFEST does not name it")
