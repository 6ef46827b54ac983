"""Whose an upload is, and what visitors may use: room, time, disk, jobs."""

from __future__ import annotations

import json
import os
import shutil
from collections import namedtuple
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.web.callers import Caller, Callers
from app.web.events import EventRefused, Events
from app.web.permissions import PAGES
from app.web.uploads import Budgets, UploadRefused, Uploads
from core.collection.types import Collection
from tests.app.web.conftest import HOME, Visit, png, visit

SMALL = Budgets(per_file=100, around_file=10, per_visitor=250, all_visitors=600, kept_for=60)
Usage = namedtuple("Usage", "total used free")


class Clock:
    """A time that a test sets."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def uploads(tmp_path: Path, clock: Clock) -> Uploads:
    return Uploads(tmp_path, SMALL, clock)


def bring(uploads: Uploads, visitor: str, name: str, size: int = 100) -> str:
    """As Gradio does: a folder by content, the file in it."""
    clock = uploads._clock
    with uploads.room_for(visitor, size) as stored:
        path = uploads.folder / f"sha-{name}" / "picture.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x" * size)
        stored([str(path)])
        os.utime(path, (clock(), clock()))
    return str(path)


def test_a_file_is_known_to_whoever_brought_it_and_to_nobody_else(uploads: Uploads) -> None:
    path = bring(uploads, "anna", "one")
    assert uploads.owns("anna", path)
    assert not uploads.owns("berta", path)
    assert not uploads.owns("", path)
    assert bring(uploads, "berta", "one") == path  # the same picture, brought again
    assert uploads.owns("berta", path) and uploads.owns("anna", path)


def test_an_upload_goes_when_it_is_old(uploads: Uploads, clock: Clock) -> None:
    path = bring(uploads, "anna", "one")
    clock.now += 59
    uploads.sweep()
    assert uploads.owns("anna", path)
    clock.now += 2
    uploads.sweep()
    assert not uploads.owns("anna", path)
    assert list(uploads.folder.iterdir()) == []


def test_an_old_upload_goes_though_nobody_brings_another(visitor: Visit) -> None:
    every, age = visitor.blocks.delete_cache
    assert age == Budgets().kept_for and every < age


def test_what_an_earlier_start_left_goes_too(tmp_path: Path, clock: Clock) -> None:
    left = tmp_path / "sha" / "old.png"
    left.parent.mkdir()
    left.write_bytes(b"x")
    os.utime(left, (clock() - 61, clock() - 61))
    Uploads(tmp_path, SMALL, clock).sweep()
    assert not left.exists()


def test_of_one_visitor_the_oldest_makes_room(uploads: Uploads, clock: Clock) -> None:
    paths = []
    for number in range(4):
        paths.append(bring(uploads, "anna", str(number)))
        clock.now += 1
    assert [uploads.owns("anna", path) for path in paths] == [False, False, True, True]
    assert not Path(paths[0]).exists()


def test_a_file_that_two_brought_stays_until_both_let_it_go(uploads: Uploads, clock: Clock) -> None:
    shared = bring(uploads, "berta", "shared")
    bring(uploads, "anna", "shared")
    for number in range(3):
        clock.now += 1
        bring(uploads, "anna", str(number))
    assert not uploads.owns("anna", shared)
    assert uploads.owns("berta", shared)


def test_all_together_have_a_limit(uploads: Uploads) -> None:
    for number in range(6):
        bring(uploads, f"visitor-{number}", str(number))
    with pytest.raises(UploadRefused, match="Too many pictures"):
        bring(uploads, "another", "7")


def test_uploads_under_way_count(uploads: Uploads) -> None:
    for number in range(5):
        bring(uploads, f"visitor-{number}", str(number))
    with uploads.room_for("anna", 100), pytest.raises(UploadRefused):
        uploads.room_for("berta", 100).__enter__()
    bring(uploads, "berta", "fits now")


def test_a_floor_of_the_disk_stays_free(uploads: Uploads, monkeypatch: pytest.MonkeyPatch) -> None:
    free = SMALL.free_disk + 99
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**12, 0, free))
    with pytest.raises(UploadRefused, match="nearly full"):
        bring(uploads, "anna", "one")
    assert list(uploads.folder.iterdir()) == []


def test_several_files_in_one_request_are_none(uploads: Uploads) -> None:
    paths = [uploads.folder / name for name in ("a", "b")]
    for path in paths:
        path.write_bytes(b"x")
    with pytest.raises(UploadRefused, match="One picture"), uploads.room_for("anna", 9) as stored:
        stored([str(path) for path in paths])
    assert list(uploads.folder.iterdir()) == []
    assert not uploads.owns("anna", str(paths[0]))


def test_a_name_outside_the_folder_is_never_removed(uploads: Uploads, tmp_path: Path) -> None:
    outside = tmp_path.parent / "outside.png"
    outside.write_bytes(b"x")
    with pytest.raises(UploadRefused), uploads.room_for("anna", 9) as stored:
        stored([str(outside), str(outside)])
    assert outside.exists()


# --- the same, over HTTP -----------------------------------------------------------------------


def test_one_file_a_request(visitor: Visit) -> None:
    before = len(visitor.uploaded)
    files = [("files", (f"{n}.png", png(100 + n), "image/png")) for n in range(3)]
    answer = visitor.client.post("/gradio_api/upload", files=files)
    assert answer.status_code == 400 and "One picture" in answer.text
    assert len(visitor.uploaded) == before


def test_a_file_that_is_too_large_is_refused_before_it_is_stored(visitor: Visit) -> None:
    before = len(visitor.uploaded)
    answer = visitor.upload(b"\x89PNG" + b"x" * 26 * 1024 * 1024)
    assert answer.status_code == 413
    assert len(visitor.uploaded) == before


def test_an_upload_says_how_long_it_is(visitor: Visit) -> None:
    answer = visitor.client.post(
        "/gradio_api/upload",
        content=iter([b"--b\r\n"] * 10),
        headers={"content-type": "multipart/form-data; boundary=b"},
    )
    assert answer.status_code == 411


# --- jobs --------------------------------------------------------------------------------------


def generate(visitor: Visit) -> tuple[int, list[object]]:
    """The event that paints, with its fields as they stand."""
    for number, fn in visitor.blocks.fns.items():
        if fn.queue and len(fn.inputs) == 5 and fn.concurrency_id == "paint":
            return number, [field.value for field in fn.inputs]
    raise AssertionError("no event paints")


@pytest.fixture
def busy(ready: Collection, tmp_path: Path) -> Visit:
    """A studio whose queue is not worked off: jobs only wait."""
    return visit(ready, tmp_path / "busy", replace(Budgets(), jobs_per_visitor=3))


def test_one_visitor_cannot_take_all_places(busy: Visit) -> None:
    busy.open()
    number, data = generate(busy)
    codes = [busy.post(number, data, session=f"tab-{n}").status_code for n in range(70)]
    assert codes == [200] * 3 + [429] * 67
    another = TestClient(busy.application, base_url=HOME)
    assert another.get("/", headers={"accept": "text/html"}).status_code == 200
    body = {"fn_index": number, "session_hash": "another", "data": data}
    assert another.post("/gradio_api/queue/join", json=body).status_code == 200


def test_one_address_cannot_take_all_places_under_many_names(busy: Visit) -> None:
    codes = []
    for n in range(70):
        busy.client.cookies.clear()
        busy.open()
        number, data = generate(busy)
        codes.append(busy.post(number, data, session=f"{n}").status_code)
    assert codes.count(200) == Budgets().jobs_per_address


def test_jobs_on_their_way_into_the_queue_count(busy: Visit) -> None:
    number, data = generate(busy)
    body = {"fn_index": number, "session_hash": "s", "data": data}
    callers = Callers(busy.settings, busy.access)
    events = Events(busy.blocks, Uploads(busy.settings.temporary, SMALL), SMALL, callers)

    def joining() -> AbstractContextManager[object]:
        return events.admitted(
            body, queued=True, visitor="anna", address="127.0.0.1", caller=Caller(limited=False)
        )

    with ExitStack() as stack:
        for _ in range(SMALL.jobs_per_visitor):
            stack.enter_context(joining())
        with pytest.raises(EventRefused, match="several pictures"):
            stack.enter_context(joining())
    with joining():
        pass


def test_opening_a_page_waits_for_no_job(busy: Visit) -> None:
    """A page's own event is never behind the jobs, and is answered while the queue is full."""
    busy.open()
    busy.become_keeper()
    number, data = generate(busy)
    for n in range(3):
        busy.post(number, data, session=f"tab-{n}")
    loads = [
        (index, fn)
        for index, fn in busy.blocks.fns.items()
        if any(name == "load" for _, name in fn.targets)
    ]
    assert len(loads) == 7 + len(PAGES)  # and who is signed in, on each
    for index, fn in loads:
        assert not fn.queue
        answer = busy.post(index, [])
        assert answer.status_code == 200 and json.loads(answer.text)["data"]
