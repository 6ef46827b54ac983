"""A run's evidence stands alone: it verifies without the studio, and every change is named."""

from __future__ import annotations

import io
import json
import random
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image

from app.services.evidence_pack import evidence_pack
from app.services.pack_verification import Known, verify_pack
from app.services.runs import (
    GenerateRequest,
    RunFinished,
    UploadRequest,
    generate_and_attribute,
    trace_upload,
)
from app.services.serialize_provenance import PackRecord
from app.services.session import Studio, open_studio
from app.services.signing_authority import new_authority
from app.settings import read_settings
from core.collection.types import Collection
from core.errors import LedgerError, ProvenanceError, UsageError
from core.ledger.evidence import ArtistPart, Evidence
from core.ledger.hashes import canonical
from core.ledger.ledger import open_ledger
from core.ledger.shares import ARTIST_INFLUENCE, shares_by_evidence
from core.ledger.signing import fingerprint, public_pem, sign, signing_key
from core.provenance.pack import FORMAT, MANIFEST, SEAL, manifest_of, read_pack, write_pack
from core.provenance.picture import pixels_digest
from tests.runs import key as key_of
from tests.runs import record
from tests.small import picture

pytest.importorskip("c2pa")


@pytest.fixture(scope="module")
def studio(ready: Collection, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    home = tmp_path_factory.mktemp("evidence")
    # by this rule everybody is credited with something
    settings = read_settings(home=home, collection=ready.path, device="cpu", rule="royalty-pool")
    new_authority(settings, "A museum")
    opened = open_studio(settings)
    yield opened
    opened.ledger.close()


def painted(studio: Studio, seed: int) -> RunFinished:
    events = generate_and_attribute(studio, GenerateRequest("cubism", seed))
    return next(event for event in events if isinstance(event, RunFinished))


def pack_of(studio: Studio, run_id: str) -> bytes:
    return evidence_pack(studio, run_id, f"/?run={run_id}").data


@pytest.fixture(scope="module")
def pack(studio: Studio) -> bytes:
    return pack_of(studio, painted(studio, 3).record.id)


@pytest.fixture(scope="module")
def files(pack: bytes) -> Mapping[str, bytes]:
    return read_pack(pack).files


@pytest.fixture(scope="module")
def published(studio: Studio) -> Known:
    """What the studio gives away."""
    folder = studio.settings.home / "published"
    return Known(
        key=folder / "key.pem",
        checkpoints=folder / "checkpoints.jsonl",
        authority=folder / "provenance-root.pem",
    )


def sealed(files: Mapping[str, bytes], key: Ed25519PrivateKey) -> bytes:
    """A pack as whoever has the program, and a key of their own, could make it."""
    rest = {name: data for name, data in files.items() if name not in (MANIFEST, SEAL)}
    rest["key.pem"] = public_pem(key).encode()
    manifest = manifest_of(rest)
    values = json.loads(files[SEAL]) | {"format": FORMAT, "key": fingerprint(key.public_key())}
    values["manifest"] = manifest_of({"x": manifest}).decode().split()[0]
    del values["signature"]
    values["signature"] = sign(key, canonical(values).encode())
    return write_pack({**rest, MANIFEST: manifest, SEAL: f"{canonical(values)}\n".encode()})


def faults(answer: PackRecord) -> dict[str, str]:
    assert not answer.ok and answer.verdict == "not valid" and not answer.proves
    return {fault.file: fault.reason for fault in answer.faults}


def test_a_pack_proves_picture_run_entry_and_shares_offline(pack: bytes) -> None:
    answer = verify_pack(pack, "p.zip")
    assert answer.ok and not answer.faults and not answer.repacked
    assert answer.verdict == "valid, not trusted" and "anybody can sign" in answer.words
    said = " ".join(answer.proves)
    for part in ("Every file", "stood in the ledger", "pixel by pixel", "computed again", "C2PA"):
        assert part in said
    assert answer.picture is not None and answer.picture.state == "valid"
    assert sum(one.micro for one in answer.shares) + (answer.unattributed_micro or 0) == 1_000_000
    assert "Who the signer is" in answer.leaves_open[0]


def test_whoever_has_the_studios_key_checkpoints_and_root_learns_more(
    studio: Studio, pack: bytes, published: Known
) -> None:
    answer = verify_pack(pack, "p.zip", published)
    assert (answer.ok, answer.verdict) == (True, "valid")
    assert answer.seal is not None and answer.seal.known
    assert answer.picture is not None and answer.picture.state == "trusted"
    assert any("among those that you kept" in one for one in answer.proves)
    assert not any("Who the signer is" in one for one in answer.leaves_open)


def test_one_changed_byte_in_any_file_is_named(files: Mapping[str, bytes]) -> None:
    chance = random.Random(6)
    for name, data in files.items():
        for place in {0, len(data) - 1, *chance.sample(range(len(data)), min(5, len(data)))}:
            changed = bytearray(data)
            changed[place] ^= 1 << chance.randrange(8)
            try:
                answer = verify_pack(write_pack({**files, name: bytes(changed)}), "p.zip")
            except ProvenanceError:  # pragma: no cover - not one of them is unreadable
                pytest.fail(f"{name} {place}")
            named = faults(answer)
            assert name in named, (name, place, named)
            if name != MANIFEST:  # whose lines speak of the others
                assert named.keys() == {name}, (name, place, named)


def test_a_missing_and_an_added_file_are_named(files: Mapping[str, bytes]) -> None:
    for name in files.keys() - {MANIFEST}:
        left = {one: data for one, data in files.items() if one != name}
        assert name in faults(verify_pack(write_pack(left), "p.zip"))
    assert (
        "added" in faults(verify_pack(write_pack({**files, "more.txt": b""}), "p.zip"))["more.txt"]
    )


def test_a_pack_signed_again_by_another_key_is_only_as_good_as_that_key(
    files: Mapping[str, bytes], published: Known
) -> None:
    forged = sealed(files, Ed25519PrivateKey.generate())
    assert "a key" in faults(verify_pack(forged, "p.zip"))["proof.json"]  # the checkpoint's is not
    named = faults(verify_pack(forged, "p.zip", Known(key=published.key)))
    assert "another key" in named[SEAL]


def test_shares_that_were_written_otherwise_do_not_fit_the_entry(
    studio: Studio, files: Mapping[str, bytes]
) -> None:
    """Even by the studio's own key: the ledger's hash stands against it."""
    run = json.loads(files["run.json"])
    first, *_ = run["artist_micro"]
    run["artist_micro"][first] -= 1
    run["unattributed_micro"] += 1
    path = studio.settings.home / "keys" / "ledger.pem"
    forged = sealed({**files, "run.json": json.dumps(run).encode()}, signing_key(path))
    named = faults(verify_pack(forged, "p.zip"))
    assert named["run.json"] == "it is not the run that the entry credits"
    assert "other shares" in named["picture.png"]


@pytest.mark.parametrize(
    ("name", "otherwise"),
    [
        ("credit.csv", lambda data: data + b"1,x,Somebody Else,1.0,1000000,100.0,1\r\n"),
        ("works.csv", lambda data: data.replace(b"proponent", b"opponent")),
        ("rule.json", lambda data: b"{}"),
        ("rule.json", lambda data: data.replace(b"0.05", b"0.5")),
        ("entry.json", lambda data: re.sub(rb'"micro": ?-?[0-9]+', b'"micro": 7', data, count=2)),
    ],
)
def test_a_pack_that_contradicts_itself_names_the_file(
    studio: Studio, files: Mapping[str, bytes], name: str, otherwise: Callable[[bytes], bytes]
) -> None:
    """Even signed by the studio's own key: what is for people to read says what is proved."""
    written = otherwise(files[name])
    assert written != files[name]
    key = signing_key(studio.settings.home / "keys" / "ledger.pem")
    answer = verify_pack(sealed({**files, name: written}, key), "p.zip")
    assert set(faults(answer)) == {name}


def test_a_proof_from_another_ledger_is_refused(
    studio: Studio, ready: Collection, tmp_path: Path, files: Mapping[str, bytes], published: Known
) -> None:
    """The forger's own ledger, key and checkpoint, around the studio's run."""
    settings = read_settings(home=tmp_path, collection=ready.path, device="cpu")
    other = replace(
        studio, settings=settings, ledger=open_ledger(settings.ledger_file, publishes=True)
    )
    with closing(other.ledger):
        theirs = read_pack(pack_of(other, painted(other, 3).record.id)).files
    key = signing_key(tmp_path / "keys" / "ledger.pem")
    borrowed = {name: theirs[name] for name in ("proof.json", "entry.json", "key.pem")}
    answer = verify_pack(sealed({**files, **borrowed}, key), "p.zip")
    assert answer.ok is False or any("another run" in one for one in answer.leaves_open)
    assert not any("one that the entry credits" in one for one in answer.proves)
    kept = Known(checkpoints=published.checkpoints)
    assert verify_pack(write_pack(theirs), "p.zip").ok  # theirs alone holds, for what it is
    with_kept = verify_pack(write_pack(theirs), "p.zip", kept)
    assert "proof.json" in faults(with_kept)


def test_a_picture_that_was_put_in_its_place_is_not_the_runs(
    studio: Studio, files: Mapping[str, bytes]
) -> None:
    buffer = io.BytesIO()
    picture(5).save(buffer, "PNG")
    key = signing_key(studio.settings.home / "keys" / "ledger.pem")
    forged = sealed({**files, "picture.png": buffer.getvalue()}, key)
    assert "not the picture" in faults(verify_pack(forged, "p.zip"))["picture.png"]


def test_an_upload_is_not_signed_as_painted_and_credits_nobody(
    studio: Studio, tmp_path: Path
) -> None:
    path = tmp_path / "mine.png"
    picture(9, 50).save(path)
    events = trace_upload(studio, UploadRequest(path, path.name))
    (end,) = [event for event in events if isinstance(event, RunFinished)]
    data = pack_of(studio, end.record.id)
    answer = verify_pack(data, "p.zip")
    assert answer.ok and answer.entry is None
    assert answer.picture is not None and answer.picture.state == "unsigned"
    assert any("nothing was booked" in one for one in answer.leaves_open)
    assert b"brought, not painted" in read_pack(data).files["README.txt"]


def test_a_picture_that_was_credited_before_says_by_which_run(studio: Studio) -> None:
    painted(studio, 8)
    again = painted(studio, 8)
    answer = verify_pack(pack_of(studio, again.record.id), "p.zip")
    assert answer.ok
    assert any("entry of another run" in one for one in answer.leaves_open)


def test_a_name_that_is_withheld_stands_nowhere_in_the_pack(studio: Studio) -> None:
    run = painted(studio, 12).record
    who = next(iter(run.artist_micro))
    name = studio.artist_names[who]
    hide = studio.ledger.set_artist_status
    hide(who, "active", reason="Asked", actor="kim", masked=True)
    data = pack_of(studio, run.id)
    hide(who, "active", reason="Agreed", actor="kim", masked=False)
    answer = verify_pack(data, "p.zip")
    assert answer.ok, answer.faults
    assert name.encode() not in data and name.encode() in pack_of(studio, run.id)
    assert any("name in it is withheld" in one for one in answer.leaves_open)


def test_without_the_extra_or_an_authority_the_pack_says_why_it_is_not_signed(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run_id = studio.ledger.runs().items[-1].record.id
    moved = studio.settings.authority
    shutil.move(moved, tmp_path / "aside")
    unsigned = pack_of(studio, run_id)
    shutil.move(tmp_path / "aside", moved)
    assert b"provenance init" in read_pack(unsigned).files["README.txt"]
    whole = pack_of(studio, run_id)
    monkeypatch.setitem(sys.modules, "c2pa", None)
    assert b"[provenance]" in read_pack(pack_of(studio, run_id)).files["README.txt"]
    answer = verify_pack(whole, "p.zip")
    assert answer.ok and answer.picture is not None and answer.picture.state == "unread"
    assert any("was not read" in one for one in answer.leaves_open)


def test_what_is_not_there_is_refused_in_words(studio: Studio, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such run"):
        evidence_pack(studio, "nobody", "")
    with pytest.raises(LedgerError):
        verify_pack(b"", "p.zip", Known(key=tmp_path / "none.pem"))
    with pytest.raises(ProvenanceError, match="certificate"):
        verify_pack(b"", "p.zip", Known(authority=tmp_path / "none.pem"))


def crowd(count: int) -> Evidence:
    chance = random.Random(7)
    rows = [
        ArtistPart(f"artist-{n:05d}", chance.random() ** 8, chance.random(), chance.gauss(0, 1))
        for n in range(count)
    ]
    rows[17] = replace(rows[17], influence=90.0, chance=1e-9)
    return Evidence(0.9, tuple(rows), {"explained": 0.5, "gain": 0.1, "fine_loss": 0.2})


def test_a_pack_among_ten_thousand_artists_is_small_and_still_proves_the_shares(
    tmp_path: Path,
) -> None:
    evidence = crowd(10_000)
    credited = shares_by_evidence(evidence, ARTIST_INFLUENCE)
    image = picture(4)
    run = replace(
        record(),
        evidence=evidence,
        rule=ARTIST_INFLUENCE.id,
        artist_micro=dict(credited.artist_micro),
        unattributed_micro=credited.unattributed_micro,
        remainder=credited.remainder,
        image_sha256=pixels_digest(image),
    )
    image.save(tmp_path / run.image_file)
    settings = read_settings(home=tmp_path)
    with closing(open_ledger(settings.ledger_file, publishes=True)) as ledger:
        ledger.record(run, credited, key_of(run), {"artist-00017": "Seventeen"})
        studio = SimpleNamespace(
            ledger=ledger,
            outputs=tmp_path,
            settings=settings,
            collection=SimpleNamespace(digest=""),
            engine=SimpleNamespace(model=SimpleNamespace(digest="")),
        )
        data = pack_of(cast(Studio, studio), run.id)
    assert len(data) < 60_000
    answer = verify_pack(data, "p.zip")
    assert answer.ok, answer.faults
    assert any("computed again" in one for one in answer.proves)
    assert any("9999 artists without a share" in one for one in answer.leaves_open)
    files = read_pack(data).files
    listed: dict[str, Any] = json.loads(files["run.json"])
    listed["evidence"]["rest"]["influence"][0] *= 1.5  # a smaller share for artist 17
    key = signing_key(tmp_path / "keys" / "ledger.pem")
    forged = sealed({**files, "run.json": json.dumps(listed).encode()}, key)
    assert "do not follow" in faults(verify_pack(forged, "p.zip"))["run.json"]


@pytest.mark.parametrize(
    "change",
    [
        {"evidence": {"attributable": 2}},
        {"artist_micro": {"a": "many"}},
        {"influences": [{}]},
        {"evidence": None},
        {"image_sha256": 3},
    ],
)
def test_strange_values_are_a_fault_of_their_file_and_nothing_worse(
    files: Mapping[str, bytes], change: dict[str, Any]
) -> None:
    run = json.dumps(json.loads(files["run.json"]) | change).encode()
    forged = sealed({**files, "run.json": run}, Ed25519PrivateKey.generate())
    assert "run.json" in faults(verify_pack(forged, "p.zip")) | {"run.json": ""}
    nested = sealed({**files, "proof.json": b"[" * 100_000}, Ed25519PrivateKey.generate())
    assert faults(verify_pack(nested, "p.zip"))["proof.json"] == "it is damaged"


def test_the_kept_picture_is_the_packs(studio: Studio, files: Mapping[str, bytes]) -> None:
    run = json.loads(files["run.json"])
    with (
        Image.open(studio.outputs / run["image_file"]) as kept,
        Image.open(io.BytesIO(files["picture.png"])) as packed,
    ):
        assert kept.tobytes() == packed.tobytes()
        assert kept.text["creditline"] == packed.text["creditline"]
