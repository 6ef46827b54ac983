"""What a picture's file says of being learnt from: CAWG, IPTC/PLUS and TDM reservations, and kept.

In: the bytes of a file. Out: each signal as its file has it, and whether it says no to training;
`reservations.csv` in the collection, one row per signal, with the day and who permitted otherwise.
Read as a wish is read, at its word: no signature is checked, nothing is fetched, no XML is parsed.
A packet that a container has compressed is not seen.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, fields
from itertools import islice
from pathlib import Path

from core.collection.importing.fields import plain_text
from core.collection.store import table_text
from core.errors import CollectionError
from core.files import write_text

RESERVATIONS = "reservations.csv"
ALLOWED, NOT_ALLOWED, CONSTRAINED = "allowed", "notAllowed", "constrained"
TRAINING = ("ai_generative_training", "ai_training", "data_mining")  # what this studio does
LONGEST_PACKET = 1 << 20
PLUS = re.compile(r"\bDMI-([A-Z-]+)")
CONSTRAINTS = re.compile(
    r"plus:OtherConstraints[^>]*>\s*(?:<rdf:Alt>\s*<rdf:li[^>]*>)?([^<]{1,500})"
)
TDM = re.compile(r"tdm:reservation\s*(?:=\s*[\"']|>\s*)([01])")
TDM_POLICY = re.compile(r"tdm:policy\s*(?:=\s*[\"']|>\s*)([^\"'<\s]{1,500})")
LABEL = re.compile(rb"(?:cawg|c2pa)\.training-mining")
# an entry of the assertion, in CBOR or JSON: its name, then not too far on its `use`
ENTRY = re.compile(
    rb"(?:cawg|c2pa)\.(ai_generative_training|ai_training|ai_inference|data_mining)"
    rb"(?:(?!(?:cawg|c2pa)\.).){0,300}?use[\"':\s\x60-\x7b]{1,6}(notAllowed|constrained|allowed)",
    re.DOTALL,
)
NEAR = 4_096  # bytes after its label in which an assertion's entries stand
MOST = 16  # packets, and assertions, of a file that are read


@dataclass(frozen=True, kw_only=True)
class Reservation:
    """One signal. `signal`: the field it stands in; `says`: allowed, notAllowed or constrained;
    `detail`: a policy's address or the constraint, as written."""

    signal: str
    says: str
    detail: str = ""

    @property
    def reserved(self) -> bool:
        """Whether it says no to what this studio does with works, or not without asking."""
        return self.says != ALLOWED and not self.signal.endswith("ai_inference")

    @property
    def words(self) -> str:
        """What the file says."""
        more = f" ({self.detail})" if self.detail else ""
        answer = {NOT_ALLOWED: "no", CONSTRAINED: "only under conditions", ALLOWED: "yes"}
        return f"its file says {answer[self.says]} to being learnt from: {self.signal}{more}"


@dataclass(frozen=True, kw_only=True)
class KeptReservation:
    """A signal as it is kept: of which file, the work it became ("" where it was not taken), and
    who permitted what it reserves."""

    sha256: str
    work_id: str
    signal: str
    says: str
    detail: str
    date: str
    permission: str


COLUMNS = tuple(field.name for field in fields(KeptReservation))


def reservations_of(data: bytes) -> tuple[Reservation, ...]:
    """Every signal in a file's bytes, the same one once."""
    signals = [*_cawg(data)]
    for packet in islice(_packets(data), MOST):
        signals += _xmp(packet.decode("utf-8", "replace"))
    return tuple(dict.fromkeys(signals))


def refusing(signals: Iterable[Reservation]) -> Reservation | None:
    """The signal that says no most plainly; None where none does."""
    reserved = [one for one in signals if one.reserved]
    return min(reserved, key=lambda one: one.says != NOT_ALLOWED, default=None)


def _packets(data: bytes) -> Iterator[bytes]:
    end = 0
    while (start := data.find(b"<x:xmpmeta", end)) >= 0:
        end = data.find(b"</x:xmpmeta>", start, start + LONGEST_PACKET)
        if end < 0:
            return
        yield data[start:end]


def _cawg(data: bytes) -> Iterable[Reservation]:
    for label in islice(LABEL.finditer(data), MOST):
        for name, use in ENTRY.findall(data, label.end(), label.end() + NEAR):
            yield Reservation(signal=f"cawg.{name.decode()}", says=use.decode())


def _xmp(packet: str) -> Iterable[Reservation]:
    constraint = CONSTRAINTS.search(packet)
    detail = "" if constraint is None else plain_text(constraint[1], 200)
    for code in dict.fromkeys(PLUS.findall(packet)):
        if code == "ALLOWED":
            yield Reservation(signal="plus:DataMining", says=ALLOWED)
        elif code.startswith("PROHIBITED-SEE"):
            yield Reservation(signal="plus:DataMining", says=CONSTRAINED, detail=detail)
        elif code.startswith("PROHIBITED"):
            yield Reservation(signal="plus:DataMining", says=NOT_ALLOWED, detail=detail)
    reserved, policy = TDM.search(packet), TDM_POLICY.search(packet)
    if reserved is not None:
        address = "" if policy is None else plain_text(policy[1], 200)
        says = ALLOWED if reserved[1] == "0" else CONSTRAINED if address else NOT_ALLOWED
        yield Reservation(signal="tdm:reservation", says=says, detail=address)


def read_reservations(root: Path) -> tuple[KeptReservation, ...]:
    """What is kept of the collection in `root`. Raises `CollectionError` for a damaged table."""
    try:
        text = (root / RESERVATIONS).read_text(encoding="utf-8")
        rows = csv.DictReader(io.StringIO(text), strict=True)
        return tuple(KeptReservation(**row) for row in rows)
    except FileNotFoundError:
        return ()
    except (OSError, TypeError, ValueError, csv.Error) as error:
        raise CollectionError(
            f"'{RESERVATIONS}' of the collection '{root.name}' is damaged: what files said of "
            f"being learnt from. Its columns are: {', '.join(COLUMNS)}. Put it right first."
        ) from error


def save_reservations(root: Path, rows: Iterable[KeptReservation]) -> None:
    """Keep them beside what is kept already; of the same file and signal, the newest."""
    kept = {(one.sha256, one.signal): one for one in (*read_reservations(root), *rows)}
    if kept:
        write_text(root / RESERVATIONS, table_text(COLUMNS, map(astuple, kept.values())))
