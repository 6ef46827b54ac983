"""Whose an upload is, and what visitors may use: room, time, disk, jobs."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections import namedtuple
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from app.services import errors
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


def bring(
    uploads: Uploads, visitor: str, name: str, size: int = 100, near: str = "203.0.113.1"
) -> str:
    """As Gradio does: a folder by content, the file in it."""
    clock = uploads._clock
    with uploads.room_for(visitor, near, size) as arriving:
        arriving.takes(size)
        path = uploads.folder / f"sha-{name}" / "picture.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x" * size)
        arriving.stored([str(path)])
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
    with uploads.room_for("anna", "a", 100) as arriving:
        arriving.takes(100)
        with pytest.raises(UploadRefused):
            uploads.room_for("berta", "b", 100).__enter__()
    bring(uploads, "berta", "fits now")


def test_what_is_announced_and_never_sent_takes_no_room(uploads: Uploads) -> None:
    with ExitStack() as stack:
        for number in range(50):
            stack.enter_context(uploads.room_for("anna", f"network {number}", 110))
        bring(uploads, "berta", "one")
    with uploads.room_for("anna", "a", 100) as arriving, pytest.raises(UploadRefused):
        for _ in range(6):
            arriving.takes(100)  # more than there is room for by then
    bring(uploads, "berta", "two")


def test_of_one_network_so_many_requests_are_under_way(uploads: Uploads) -> None:
    with ExitStack() as stack:
        for number in range(SMALL.under_way_per_address):
            stack.enter_context(uploads.room_for(f"visitor-{number}", "near", 100))
        with pytest.raises(UploadRefused, match="from your network") as refused:
            uploads.room_for("another", "near", 100).__enter__()
        assert refused.value.status == 429
        bring(uploads, "anna", "one", near="far")
    bring(uploads, "anna", "two", near="near")


@pytest.mark.parametrize(
    ("budgets", "visitor"),
    [
        (replace(SMALL, files_per_visitor=3), "anna"),
        (replace(SMALL, files_per_address=3), "visitor-{}"),
        (replace(SMALL, per_address=35), "visitor-{}"),
    ],
)
def test_of_many_tiny_files_the_oldest_make_room(
    tmp_path: Path, clock: Clock, budgets: Budgets, visitor: str
) -> None:
    uploads = Uploads(tmp_path, budgets, clock)
    for number in range(6):
        bring(uploads, visitor.format(number), str(number), size=10)
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 3
    bring(uploads, "another", "x", size=10, near="far")
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 4


def test_all_files_together_are_so_many(tmp_path: Path, clock: Clock) -> None:
    uploads = Uploads(tmp_path, replace(SMALL, files_altogether=3), clock)
    for number in range(3):
        bring(uploads, f"visitor-{number}", str(number), size=1, near=f"{number}")
    with pytest.raises(UploadRefused, match="Too many pictures"):
        bring(uploads, "another", "4", size=1)
    clock.now += 61  # those go without anybody having swept
    bring(uploads, "another", "4", size=1)


def test_no_request_looks_at_every_file(
    uploads: Uploads, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    monkeypatch.setattr(os, "walk", None)
    path = bring(uploads, "anna", "one")
    clock.now += 61
    bring(uploads, "anna", "two")
    assert not Path(path).exists()


def test_what_others_left_in_the_folder_is_counted_at_a_sweep(tmp_path: Path, clock: Clock) -> None:
    budgets = replace(SMALL, arrives_within=5)
    uploads = Uploads(tmp_path, budgets, clock)
    left = tmp_path / "left"
    left.write_bytes(bytes(590))
    os.utime(left, (clock() - 6, clock() - 6))
    uploads.sweep()
    with pytest.raises(UploadRefused, match="Too many pictures"):
        bring(uploads, "anna", "one")
    left.unlink()
    uploads.sweep()
    path = bring(uploads, "anna", "one")
    Path(path).unlink()  # by Gradio, say
    uploads.sweep()
    assert uploads._lying == uploads._others == uploads._arriving == 0


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.integers(0, 9))))
def test_the_running_totals_are_what_lies_there(brought: list[tuple[str, str, int]]) -> None:
    clock = Clock()
    with TemporaryDirectory() as folder:
        uploads = Uploads(
            Path(folder), replace(SMALL, files_per_visitor=3, files_per_address=4), clock
        )
        for visitor, near, number in brought:
            bring(uploads, visitor, str(number), size=10 + number, near=near)
            clock.now += 7
        files = {str(path): path for path in uploads.folder.rglob("*") if path.is_file()}
        assert uploads._lying == sum(path.stat().st_size for path in files.values())
        assert files.keys() == uploads._bearers.keys() == {path for _, path in uploads._kept}
        clock.now += 100
        uploads.sweep()
        assert uploads._lying == 0 and not uploads._groups and not uploads._bearers


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
    with (
        pytest.raises(UploadRefused, match="One picture"),
        uploads.room_for("anna", "a", 9) as arriving,
    ):
        arriving.stored([str(path) for path in paths])
    assert list(uploads.folder.iterdir()) == []
    assert not uploads.owns("anna", str(paths[0]))


def test_a_name_outside_the_folder_is_never_removed(uploads: Uploads, tmp_path: Path) -> None:
    outside = tmp_path.parent / "outside.png"
    outside.write_bytes(b"x")
    with pytest.raises(UploadRefused), uploads.room_for("anna", "a", 9) as arriving:
        arriving.stored([str(outside), str(outside)])
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


@pytest.mark.parametrize("path", ["/gradio_api/upload", "/api/v1/attributions", "/verify"])
def test_a_body_that_does_not_arrive_is_given_up(
    ready: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Neither one that never comes nor one that comes a byte at a time."""
    reports: list[str] = []
    monkeypatch.setattr(errors, "keep_report", lambda error: reports.append(repr(error)) or "none")
    made = visit(ready, tmp_path, Budgets(quiet_for=0.2, arrives_within=0.6))
    made.open()
    cookies = "; ".join(f"{name}={value}" for name, value in made.client.cookies.items())
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "server": ("127.0.0.1", 7860),
        "client": ("203.0.113.5", 1),
        "headers": [
            (b"host", b"127.0.0.1:7860"),
            (b"cookie", cookies.encode()),
            (b"content-length", b"26000000"),
            (b"content-type", b"multipart/form-data; boundary=b"),
        ],
    }

    def answered(pause: float) -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = []
        begins = [b'--b\r\nContent-Disposition: form-data; name="pack"; filename="a"\r\n\r\n']

        async def receive() -> dict[str, Any]:
            await asyncio.sleep(pause)
            body = begins.pop() if begins else b"x"
            return {"type": "http.request", "body": body, "more_body": True}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        asyncio.run(asyncio.wait_for(made.application(dict(scope), receive, send), 10))
        return sent

    for pause in (60, 0.05):
        start, *rest = answered(pause)
        assert start["status"] == 408, rest
        assert b"did not arrive in time" in b"".join(one.get("body", b"") for one in rest)
    assert reports == []


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


def test_a_household_is_one_address_on_its_way_in_too(busy: Visit) -> None:
    number, data = generate(busy)
    callers = Callers(busy.settings, busy.access)
    events = Events(busy.blocks, Uploads(busy.settings.temporary, SMALL), SMALL, callers)
    body = {"fn_index": number, "session_hash": "s", "data": data}
    with ExitStack() as stack, pytest.raises(EventRefused, match="from your network"):
        for n in range(SMALL.jobs_per_address + 1):
            assert n <= SMALL.jobs_per_address
            stack.enter_context(
                events.admitted(
                    body,
                    queued=True,
                    visitor=f"visitor-{n}",
                    address=f"2001:db8:0:1::{n + 1:x}",
                    caller=Caller(limited=False),
                )
            )
    for n in range(SMALL.jobs_per_address):  # and where they wait
        near = TestClient(busy.application, base_url=HOME, client=(f"2001:db8:0:2::{n + 1:x}", 1))
        near.get("/", headers={"accept": "text/html"})
        posted = body | {"session_hash": f"near-{n}"}
        assert near.post("/gradio_api/queue/join", json=posted).status_code == 200
    last = TestClient(busy.application, base_url=HOME, client=("2001:db8:0:2::ffff", 1))
    last.get("/", headers={"accept": "text/html"})
    assert last.post("/gradio_api/queue/join", json=body).status_code == 429


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
