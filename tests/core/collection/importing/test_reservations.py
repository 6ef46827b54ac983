"""What files say of being learnt from: read in every container, and never taken against it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from core.collection.importing.importer import NothingImported, import_collection
from core.collection.importing.reservations import (
    ALLOWED,
    CONSTRAINED,
    NOT_ALLOWED,
    Reservation,
    read_reservations,
    refusing,
    reservations_of,
)
from core.collection.store import load_collection
from core.errors import CollectionError
from tests.small import picture

PACKET = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-'
    'syntax-ns#"><rdf:Description rdf:about="" xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/" '
    'xmlns:tdm="http://www.w3.org/ns/tdmrep#">{}</rdf:Description></rdf:RDF></x:xmpmeta>'
)
PROHIBITED = PACKET.format(
    "<plus:DataMining>http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED-GENAIMLTRAINING"
    "</plus:DataMining>"
)


def jpeg(packet: str, seed: int = 1) -> bytes:
    buffer = io.BytesIO()
    picture(seed).save(buffer, "JPEG", xmp=packet.encode())
    return buffer.getvalue()


def png(packet: str, seed: int = 2) -> bytes:
    buffer, chunks = io.BytesIO(), PngInfo()
    chunks.add_itxt("XML:com.adobe.xmp", packet)
    picture(seed).save(buffer, "PNG", pnginfo=chunks)
    return buffer.getvalue()


def webp(packet: str, seed: int = 3) -> bytes:
    buffer = io.BytesIO()
    picture(seed).save(buffer, "WEBP", xmp=packet.encode())
    return buffer.getvalue()


def cbor(value: object) -> bytes:
    """Maps and texts, as RFC 8949 writes short ones."""
    if isinstance(value, dict):
        head = bytes([0xA0 + len(value)])
        return head + b"".join(cbor(key) + cbor(one) for key, one in value.items())
    text = str(value).encode()
    assert len(text) < 256
    head = bytes([0x60 + len(text)]) if len(text) < 24 else bytes([0x78, len(text)])
    return head + text


def with_manifest(data: bytes, assertion: bytes, label: str = "cawg.training-mining") -> bytes:
    """A JPEG with a JUMBF segment (APP11) that holds the assertion, as C2PA writers put it."""
    box = b"jumb" + b"jumd" + b"\0" * 16 + b"\x03" + label.encode() + b"\0" + b"cbor" + assertion
    body = b"JP\0\1\0\0\0\1" + len(box).to_bytes(4, "big") + box
    return data[:2] + b"\xff\xeb" + (len(body) + 2).to_bytes(2, "big") + body + data[2:]


@pytest.mark.parametrize("container", [jpeg, png, webp])
def test_a_reservation_is_read_in_every_container(container: Callable[[str], bytes]) -> None:
    assert reservations_of(container(PROHIBITED)) == (
        Reservation(signal="plus:DataMining", says=NOT_ALLOWED),
    )


@pytest.mark.parametrize(
    ("inside", "signal", "says", "detail"),
    [
        ("<plus:DataMining>DMI-ALLOWED</plus:DataMining>", "plus:DataMining", ALLOWED, ""),
        ("<plus:DataMining>DMI-PROHIBITED</plus:DataMining>", "plus:DataMining", NOT_ALLOWED, ""),
        (
            "<plus:DataMining>DMI-PROHIBITED-SEECONSTRAINT</plus:DataMining><plus:OtherConstraints>"
            "<rdf:Alt><rdf:li xml:lang='x-default'>Ask &lt;me&gt;</rdf:li></rdf:Alt>"
            "</plus:OtherConstraints>",
            "plus:DataMining",
            CONSTRAINED,
            "Ask &lt;me&gt;",
        ),
        ("<tdm:reservation>1</tdm:reservation>", "tdm:reservation", NOT_ALLOWED, ""),
        ("<tdm:reservation>0</tdm:reservation>", "tdm:reservation", ALLOWED, ""),
        (
            "<tdm:reservation>1</tdm:reservation><tdm:policy>https://a.example/p</tdm:policy>",
            "tdm:reservation",
            CONSTRAINED,
            "https://a.example/p",
        ),
    ],
)
def test_each_field_says_what_it_says(inside: str, signal: str, says: str, detail: str) -> None:
    expected = Reservation(signal=signal, says=says, detail=detail)
    assert reservations_of(png(PACKET.format(inside))) == (expected,)
    assert (refusing([expected]) is None) == (says == ALLOWED)


@pytest.mark.parametrize("written", ["cbor", "json"])
def test_an_assertion_of_training_and_mining_is_read(written: str) -> None:
    entries = {
        "cawg.ai_inference": {"use": "notAllowed"},
        "cawg.ai_generative_training": {"constraint_info": "write to me", "use": "constrained"},
        "cawg.data_mining": {"use": "allowed"},
    }
    said = {"entries": entries}
    assertion = cbor(said) if written == "cbor" else json.dumps(said).encode()
    data = with_manifest(jpeg(""), assertion)
    assert Image.open(io.BytesIO(data)).size  # still a picture
    signals = reservations_of(data)
    assert [(one.signal, one.says) for one in signals] == [
        ("cawg.ai_inference", NOT_ALLOWED),
        ("cawg.ai_generative_training", CONSTRAINED),
        ("cawg.data_mining", ALLOWED),
    ]
    refusal = refusing(signals)
    assert refusal is not None and refusal.signal == "cawg.ai_generative_training"
    # whoever only forbids inference says nothing of learning
    alone = {"entries": {"c2pa.ai_inference": {"use": "notAllowed"}}}
    older = with_manifest(jpeg(""), cbor(alone), "c2pa.training-mining")
    assert refusing(reservations_of(older)) is None


def test_pictures_that_say_nothing_and_bytes_that_only_look_so_are_no_reservation() -> None:
    assert reservations_of(jpeg("")) == ()
    assert reservations_of(b"DMI-PROHIBITED tdm:reservation=1 <x:xmpmeta") == ()
    assert reservations_of(b"cawg.training-mining" * 1_000 + b"<x:xmpmeta " * 1_000) == ()


def source(root: Path) -> Path:
    folder = root / "source" / "cubism" / "Ann Ek"
    folder.mkdir(parents=True)
    (folder / "no.jpg").write_bytes(jpeg(PROHIBITED, 4))
    (folder / "plain.jpg").write_bytes(jpeg("", 5))
    return root / "source"


def test_a_work_that_says_no_is_not_taken_but_its_wish_is_kept(tmp_path: Path) -> None:
    report = import_collection(source(tmp_path), tmp_path / "made", size=32)
    assert (report.imported, len(report.refused)) == (1, 1)
    assert "says no to being learnt from: plus:DataMining" in report.refused[0].reason
    assert "--permission" in report.refused[0].reason
    (kept,) = read_reservations(tmp_path / "made")
    assert (kept.work_id, kept.says, kept.permission) == ("", NOT_ALLOWED, "")
    again = import_collection(tmp_path / "source", tmp_path / "made", size=32)
    assert (again.imported, again.unchanged, len(again.refused)) == (0, 1, 1)
    assert read_reservations(tmp_path / "made") == (kept,)


def test_with_the_word_of_whoever_holds_the_rights_it_is_taken_and_the_word_is_kept(
    tmp_path: Path,
) -> None:
    place = tmp_path / "made"
    word = "letter of Ann Ek, 3 May"
    report = import_collection(source(tmp_path), place, size=32, permission=word)
    assert report.imported == 2 and not report.refused
    assert any(word in one.reason for one in report.remarks)
    (kept,) = read_reservations(place)
    assert kept.permission == word
    assert kept.work_id in {work.id for work in load_collection(place).works}


def test_where_every_file_says_no_nothing_is_imported(tmp_path: Path) -> None:
    folder = source(tmp_path)
    (folder / "cubism" / "Ann Ek" / "plain.jpg").unlink()
    with pytest.raises(NothingImported, match="says no to being learnt from"):
        import_collection(folder, tmp_path / "made", size=32)
    assert len(read_reservations(tmp_path / "made")) == 1


def test_a_damaged_table_is_words(tmp_path: Path) -> None:
    (tmp_path / "reservations.csv").write_text("what,is,this\n1,2,3\n")
    with pytest.raises(CollectionError, match=r"reservations\.csv.*is damaged"):
        read_reservations(tmp_path)
