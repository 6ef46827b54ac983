"""How far an upload is: told to whoever brings it, and kept no longer than it is under way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest
from gradio.routes import file_upload_statuses
from starlette.testclient import TestClient

from app.web import uploads_progress
from app.web.uploads_progress import UploadsProgress
from tests.app.web.conftest import Visit, png


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    """Gradio remembers no id when all is over."""
    yield
    assert not file_upload_statuses._signals and not file_upload_statuses._statuses


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads_progress, "PATIENCE", 0.2)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?upload_id=",
        "?upload_id=" + "x" * 50_000,
        "?upload_id=a%20b",
        "?upload_id=a&upload_id=b",
    ],
)
def test_what_is_no_id_is_refused_at_once(visitor: Visit, query: str) -> None:
    begun = time.monotonic()
    answer = visitor.client.get(f"/gradio_api/upload_progress{query}")
    assert answer.status_code == 404 and time.monotonic() - begun < 2


@pytest.mark.usefixtures("hasty")
def test_nothing_is_kept_of_ids_that_nobody_uploads_under(visitor: Visit) -> None:
    for number in range(5):
        answer = visitor.client.get(f"/gradio_api/upload_progress?upload_id=made-up-{number}")
        assert answer.status_code == 404


@pytest.mark.parametrize("upload_id", ["k3j5h2", "x" * 50_000, "a%00b", ""])
def test_an_upload_works_whatever_its_id_and_leaves_none(visitor: Visit, upload_id: str) -> None:
    files = {"files": ("a.png", png(71), "image/png")}
    answer = visitor.client.post(f"/gradio_api/upload?upload_id={upload_id}", files=files)
    assert answer.status_code == 200 and len(answer.json()) == 1


def test_a_page_that_asks_before_its_upload_is_answered_with_it() -> None:
    progress = UploadsProgress()

    async def watch(visitor: str) -> bytes | None:
        async with progress.watched(visitor, b"upload_id=abc") as query:
            await asyncio.sleep(0.1)
            return query

    async def upload() -> list[bytes | None]:
        early = [asyncio.create_task(watch(visitor)) for visitor in ("anna", "anna", "berta")]
        await asyncio.sleep(0.1)
        with progress.of_upload("anna", b"upload_id=abc") as query:
            file_upload_statuses.track("abc")
            with progress.of_upload("berta", b"upload_id=abc") as other:
                assert (query, other) == (b"upload_id=abc", b"")
            return await asyncio.gather(*early)

    # the second of anna's pages, and berta, watch nothing
    assert asyncio.run(upload()) == [b"upload_id=abc", None, None]


def test_asking_just_after_the_end_leaves_nothing_either() -> None:
    progress = UploadsProgress()

    async def late() -> None:
        with progress.of_upload("anna", b"upload_id=abc"):
            watching = progress.watched("anna", b"upload_id=abc")
            assert await watching.__aenter__() is not None
        file_upload_statuses._signals["abc"]  # as Gradio does
        await watching.__aexit__(None, None, None)

    asyncio.run(late())


@pytest.mark.usefixtures("hasty")
def test_only_so_many_wait_for_an_upload(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads_progress, "WAITING", 3)
    progress = UploadsProgress()

    async def watch(number: int) -> float:
        begun = time.monotonic()
        async with progress.watched("anna", b"upload_id=%d" % number) as query:
            assert query is None
        return time.monotonic() - begun

    async def everybody() -> list[float]:
        return await asyncio.gather(*map(watch, range(10)))

    assert sum(seconds > 0.1 for seconds in asyncio.run(everybody())) == 3


def test_a_stranger_is_told_nothing_of_anothers_upload(stranger: TestClient) -> None:
    assert stranger.get("/gradio_api/upload_progress?upload_id=other").status_code == 404
