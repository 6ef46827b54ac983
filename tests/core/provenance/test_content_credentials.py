"""A signed picture holds by C2PA's own reader, says what was said, and shows every change."""

from __future__ import annotations

import io
import json
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from core.errors import ProvenanceError
from core.provenance import authority as authorities
from core.provenance.authority import Authority, make_authority
from core.provenance.content_credentials import (
    CREDIT,
    DATASET,
    MODEL,
    Input,
    PictureStatement,
    is_installed,
    read_credentials,
    sign_picture,
)
from core.provenance.picture import SOURCE_TYPE, facts_of, png_with_facts
from tests.core.provenance.test_picture import FACTS, IMAGE

c2pa = pytest.importorskip("c2pa")

CREDITS = {"run": "r1", "shares": [{"artist_id": "x", "micro": 400_000}]}
STATEMENT = PictureStatement(
    title="one.png",
    version="0.1.0",
    model_name="workshops",
    model_digest="a" * 64,
    inputs=(
        Input(title="Model", kind=MODEL, identifier=f"sha256:{'a' * 64}", words="It."),
        Input(title="Works", kind=DATASET, identifier=f"sha256:{'b' * 64}", words="They."),
        Input(title="A work", kind="", identifier="urn:work:1", words="An input, no part."),
    ),
    credit=CREDITS,
)
PICTURE = png_with_facts(IMAGE, FACTS)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority") / "one", "A museum")


@pytest.fixture(scope="module")
def signed(authority: Authority) -> bytes:
    return sign_picture(PICTURE, STATEMENT, authority)


def manifest(png: bytes) -> dict[str, Any]:
    """What C2PA's reader says with its own defaults; no code of ours."""
    with c2pa.Reader("image/png", io.BytesIO(png)) as reader:
        report = json.loads(reader.json())
    assert report["validation_state"] == "Valid"
    found: dict[str, Any] = report["manifests"][report["active_manifest"]]
    return found


def test_c2pas_own_reader_takes_it_and_reads_what_was_said(signed: bytes) -> None:
    found = manifest(signed)
    assertions = {one["label"]: one["data"] for one in found["assertions"]}
    (created,) = assertions["c2pa.actions.v2"]["actions"]
    assert (created["action"], created["digitalSourceType"]) == ("c2pa.created", SOURCE_TYPE)
    assert len(created["parameters"]["ingredients"]) == 3
    assert assertions["c2pa.ai-disclosure"] == {
        "modelType": "c2pa.types.model",
        "modelName": "workshops",
        "modelIdentifier": f"sha256:{'a' * 64}",
        "contentProfile": {"humanOversightLevel": "prompt_guided"},
    }
    assert assertions[CREDIT] == CREDITS
    assert {one["relationship"] for one in found["ingredients"]} == {"inputTo"}
    kinds = [[kind["type"] for kind in one.get("data_types", [])] for one in found["ingredients"]]
    assert kinds == [[MODEL], [DATASET], []]
    assert found["signature_info"]["alg"] == "Es256"


def test_the_metadata_were_there_first_and_no_pixel_is_lost(signed: bytes) -> None:
    with Image.open(io.BytesIO(signed)) as image:
        assert image.tobytes() == IMAGE.tobytes()
        assert facts_of(image) == FACTS
        assert "AISystemUsed" in image.text["XML:com.adobe.xmp"]


def test_it_is_valid_everywhere_and_trusted_by_whoever_has_the_root(
    signed: bytes, authority: Authority, tmp_path: Path
) -> None:
    found = read_credentials(signed)
    assert (found.state, found.signer, found.credit) == ("valid", "A museum", CREDITS)
    assert read_credentials(signed, authority.root).state == "trusted"
    other = make_authority(tmp_path / "other", "A museum")  # of the same name
    assert read_credentials(signed, other.root).state == "valid"


def test_every_changed_byte_of_the_picture_breaks_the_signature(signed: bytes) -> None:
    pixels, chance = signed.index(b"IDAT"), random.Random(5)
    for place in chance.sample(range(pixels, len(signed)), 40):
        changed = bytearray(signed)
        changed[place] ^= 1 << chance.randrange(8)
        assert read_credentials(bytes(changed)).state == "invalid", place


def test_words_that_are_written_after_signing_break_it(signed: bytes) -> None:
    with Image.open(io.BytesIO(signed)) as image:
        assert read_credentials(png_with_facts(image, FACTS)).state == "unsigned"
    changed = signed.replace(b"AIPromptInformation>a ", b"AIPromptInformation>b ")
    assert changed != signed and read_credentials(changed).state == "invalid"


@pytest.mark.parametrize("png", [b"", b"\x89PNG\r\n\x1a\n" + bytes(50), b"GIF89a", PICTURE[:-20]])
def test_what_is_no_picture_is_never_valid(png: bytes) -> None:
    assert read_credentials(png).state in ("invalid", "unsigned")


def test_nothing_is_signed_after_the_certificates_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authorities, "LASTS", timedelta(minutes=1))
    ended = make_authority(tmp_path / "one", "A museum")
    assert ended.until < datetime.now(UTC)
    with pytest.raises(ProvenanceError, match="provenance init"):
        sign_picture(PICTURE, STATEMENT, ended)


def test_without_the_library_the_remedy_is_named(
    monkeypatch: pytest.MonkeyPatch, authority: Authority, signed: bytes
) -> None:
    monkeypatch.setitem(sys.modules, "c2pa", None)
    assert not is_installed()
    assert read_credentials(signed).state == "unread"
    with pytest.raises(ProvenanceError, match=r"pip install .*\[provenance\]"):
        sign_picture(PICTURE, STATEMENT, authority)
