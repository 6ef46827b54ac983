"""A stranger drops a pack and reads what it proves; what is hostile is refused in words."""

from __future__ import annotations

import asyncio
import io
import threading
import time
import zipfile
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.services import pack_verification_process as apart
from app.services.serialize_provenance import PackRecord
from app.web import verifying
from core.errors import ProvenanceError
from core.provenance.pack import read_pack, write_pack
from tests.app.web.conftest import HOME, Visit
from tests.app.web.test_sign_in import browser

PAGE = {"accept": "text/html"}


@pytest.fixture(scope="module")
def pack(visitor: Visit) -> bytes:
    """Of the collection's example, or of what is painted here first."""
    run_id = painted(visitor)
    answer = visitor.client.get(f"/runs/{run_id}/evidence.zip")
    assert answer.status_code == 200, answer.text
    return answer.content


def painted(visitor: Visit) -> str:
    """A run of its own, by the services."""
    from app.services.runs import GenerateRequest, RunFinished, generate_and_attribute
    from app.services.session import open_studio

    studio = open_studio(visitor.settings)
    events = generate_and_attribute(studio, GenerateRequest("cubism", 77))
    (end,) = [event for event in events if isinstance(event, RunFinished)]
    return end.record.id


def dropped(visit: Visit, data: bytes, name: str = "p.zip", **headers: str) -> Any:
    files = {"pack": (name, data, "application/zip")}
    return visit.client.post("/verify", files=files, headers={**PAGE, **headers})


def test_a_stranger_reads_what_a_pack_proves_and_what_not(visitor: Visit, pack: bytes) -> None:
    stranger = browser(visitor, "203.0.113.7")
    assert "no script" not in stranger.client.get("/verify", headers=PAGE).text
    answer = dropped(stranger, pack)
    assert answer.status_code == 200
    for words in ("Valid, not trusted", "stood in the ledger", "pixel by pixel", "Who the signer"):
        assert words in answer.text
    assert answer.headers["cache-control"] == "no-store" and "<script" not in answer.text


def test_the_answer_is_in_the_readers_language(visitor: Visit, pack: bytes) -> None:
    for code, words in (("de", "nicht beglaubigt"), ("fr", "sans garantie")):
        text = dropped(visitor, pack, **{"accept-language": code}).text
        assert words in text and f'lang="{code}"' in text
        assert "Valid, not trusted" not in text and "stood in the ledger" not in text


def test_a_changed_file_is_named(visitor: Visit, pack: bytes) -> None:
    files = {**read_pack(pack).files, "credit.csv": b"other"}
    answer = dropped(visitor, write_pack(files))
    assert "<strong>credit.csv</strong>" in answer.text and "Not valid" in answer.text


@pytest.mark.parametrize("data", [b"no zip", b"PK" + bytes(100)])
def test_what_is_no_pack_is_refused_in_words(visitor: Visit, data: bytes) -> None:
    answer = dropped(visitor, data, "<b>.zip")
    assert answer.status_code == 422 and 'role="alert"' in answer.text
    assert "<b>" not in answer.text


def test_a_bomb_is_refused_before_it_grows(visitor: Visit) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("run.json", bytes(80 * 1024 * 1024))
    answer = dropped(visitor, buffer.getvalue())
    assert answer.status_code == 422 and "would take more than" in answer.text


def test_a_form_without_a_file_or_with_two_is_refused(visitor: Visit) -> None:
    post = visitor.client.post
    assert post("/verify", data={"pack": "text"}).status_code == 400
    assert post("/verify", files={"other": ("a", b"x")}).status_code == 400
    two = [("pack", ("a", b"x")), ("pack", ("b", b"x"))]
    assert post("/verify", files=two).status_code == 400
    assert post("/verify", content=b"x").status_code == 400


def test_the_gate_bounds_the_body_and_knows_its_own_page(visitor: Visit, pack: bytes) -> None:
    assert dropped(visitor, bytes(26 * 1024 * 1024)).status_code == 413
    assert dropped(visitor, pack, origin="http://evil.example").status_code == 403
    assert dropped(visitor, pack, origin=HOME).status_code == 200
    for named in ("-1", "x"):
        lying = visitor.client.post("/verify", content=b"x", headers={"content-length": named})
        assert lying.status_code == 411


def test_an_address_verifies_so_many_packs(
    visitor: Visit, pack: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(data: bytes, name: str) -> PackRecord:
        raise ProvenanceError("No.")

    monkeypatch.setattr(verifying, "verified_apart", refused)
    eager = browser(visitor, "203.0.113.99")
    answers = [dropped(eager, b"x").status_code for _ in range(verifying.PER_ADDRESS + 1)]
    assert answers == [422] * verifying.PER_ADDRESS + [429]
    assert dropped(browser(visitor, "203.0.113.98"), b"x").status_code == 422


def test_whoever_waits_for_a_turn_holds_no_thread_and_only_a_few_wait(
    visitor: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()
    inside: list[str] = []

    def slow(data: bytes, name: str) -> PackRecord:
        inside.append(name)
        release.wait(60)
        raise ProvenanceError("No.")

    monkeypatch.setattr(verifying, "verified_apart", slow)
    application = FastAPI()
    application.include_router(verifying.verifying())

    @application.get("/plain")
    def plain() -> str:  # needs a thread of the pool
        return "ok"

    async def everybody() -> list[int]:
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url=HOME, timeout=90) as client:

            async def drop() -> int:
                answer = await client.post("/verify", files={"pack": ("p.zip", b"x")})
                assert answer.status_code != 503 or verifying.BUSY in answer.text
                return answer.status_code

            some = [asyncio.create_task(drop()) for _ in range(30)]
            await asyncio.sleep(1)
            begun = time.monotonic()
            assert (await client.get("/plain")).status_code == 200
            assert time.monotonic() - begun < 5
            assert len(inside) == verifying.AT_ONCE
            release.set()
            return await asyncio.gather(*some)

    codes = asyncio.run(everybody())
    served = verifying.AT_ONCE + verifying.WAITING
    assert (codes.count(422), codes.count(503)) == (served, 30 - served)


def test_whoever_waits_too_long_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "PATIENCE", 0.1)

    async def wait() -> None:
        turns = verifying.Turns()
        async with turns.one(), turns.one():
            with pytest.raises(verifying.Busy):
                async with turns.one():
                    raise AssertionError("there is no turn")
        async with turns.one():  # and all of it is free again
            pass

    asyncio.run(wait())


def test_a_reader_that_dies_or_hangs_takes_nobody_along(monkeypatch: pytest.MonkeyPatch) -> None:
    for command in ("import os; os._exit(9)", "print('nonsense')", "import time; time.sleep(60)"):
        monkeypatch.setattr(apart, "SECONDS", 1.0)
        monkeypatch.setattr(apart, "CHILD", ("-c", command))
        with pytest.raises(ProvenanceError, match="could not be verified"):
            apart.verified_apart(b"x", "p.zip")
