"""A studio that is told to stop is gone within five seconds, whatever is under way."""

from __future__ import annotations

import http.client
import io
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from core.collection.types import Collection
from core.ledger.ledger import open_ledger
from tests.server import Server, free_port

WITHIN = 5.0
PAINT, TRACE = 1, 3  # the numbers of the events, in the order the pages are built


@pytest.fixture
def running(ready: Collection, tmp_path: Path) -> Iterator[Server]:
    made = Server(ready.path, tmp_path / "home", free_port()).start()
    yield made
    if made.process is not None:
        made.process.kill()


def opened(server: Server) -> dict[str, str]:
    """The headers of a browser that has opened the first page."""
    asked = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    asked.request("GET", "/", headers={"Accept": "text/html"})
    answer = asked.getresponse()
    answer.read()
    cookie: SimpleCookie = SimpleCookie(answer.getheader("set-cookie", ""))
    return {"Cookie": "; ".join(f"{name}={one.value}" for name, one in cookie.items())}


def post(server: Server, path: str, body: bytes, **headers: str) -> tuple[int, bytes]:
    asked = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    asked.request("POST", path, body, opened(server) | headers)
    answer = asked.getresponse()
    return answer.status, answer.read()


def join(server: Server, number: int, data: list[Any]) -> int:
    body = {"fn_index": number, "session_hash": "s", "data": data}
    headers = {"Content-Type": "application/json"}
    return post(server, "/gradio_api/queue/join", json.dumps(body).encode(), **headers)[0]


def seconds_to_stop(server: Server) -> float:
    assert server.process is not None
    began = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(30)
    return time.monotonic() - began


def whole(server: Server) -> bool:
    """Whether the ledger is whole, and every picture that it names is there."""
    ledger = open_ledger(server.home / "ledger.sqlite3")
    runs = ledger.runs(per_page=1000).items
    kept = {path.name for path in (server.home / "outputs").glob("*.png")}
    return ledger.verify().ok and {run.record.image_file for run in runs} <= kept


def test_while_pictures_are_painted_and_wait(running: Server) -> None:
    paint = [["cubism", seed, 100, 1.5, "d-trak"] for seed in range(4)]
    assert [join(running, PAINT, data) for data in paint] == [200] * 4
    time.sleep(0.3)
    assert seconds_to_stop(running) < WITHIN
    assert whole(running)


def test_while_a_page_listens(running: Server) -> None:
    assert join(running, PAINT, ["cubism", 1, 100, 1.5, "d-trak"]) == 200
    with socket.create_connection(("127.0.0.1", running.port)) as listening:
        listening.sendall(
            b"GET /gradio_api/queue/data?session_hash=s HTTP/1.1\r\nHost: localhost\r\n\r\n"
        )
        assert listening.recv(100)
        assert seconds_to_stop(running) < WITHIN
    assert whole(running)


def test_while_an_upload_never_ends(running: Server) -> None:
    cookie = opened(running)["Cookie"]
    with socket.create_connection(("127.0.0.1", running.port)) as sending:
        sending.sendall(
            b"POST /gradio_api/upload HTTP/1.1\r\nHost: localhost\r\nCookie: "
            + cookie.encode()
            + b"\r\nContent-Length: 20000000\r\n"
            b"Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n"
        )
        time.sleep(0.3)
        assert seconds_to_stop(running) < WITHIN
    assert whole(running)


def test_after_files_without_end_were_named(running: Server) -> None:
    fifo = running.home / "tmp" / "fifo.png"
    os.mkfifo(fifo)
    for path in ("/dev/zero", str(fifo)):
        named = {"path": path, "meta": {"_type": "gradio.FileData"}}
        for number in range(6):
            for place in range(5):
                data: list[Any] = [None] * 5
                data[place] = named
                assert join(running, number, data) in (400, 404)
    asked = http.client.HTTPConnection("127.0.0.1", running.port, timeout=2)
    asked.request("GET", "/healthz")
    assert asked.getresponse().status == 200
    assert seconds_to_stop(running) < WITHIN


def test_while_a_picture_is_decoded(running: Server) -> None:
    """A GIF whose comment is cut into single bytes costs its decoder minutes."""
    headers = opened(running)
    body = io.BytesIO()
    Image.new("P", (64, 64)).save(body, "GIF")
    plain = body.getvalue()
    comment = b"\x21\xfe" + b"\x01x" * 1_200_000 + b"\x00"
    place = plain.index(b"\x2c", 13)  # before the picture itself
    crafted = plain[:place] + comment + plain[place:]
    boundary = b"--b\r\nContent-Disposition: form-data; name=files; filename=a.gif\r\n\r\n"
    sent = boundary + crafted + b"\r\n--b--\r\n"
    status, answer = post(
        running,
        "/gradio_api/upload",
        sent,
        **headers,
        **{"Content-Type": "multipart/form-data; boundary=b"},
    )
    assert status == 200
    named = {"path": json.loads(answer)[0], "meta": {"_type": "gradio.FileData"}}
    body_of = {"fn_index": TRACE, "session_hash": "s", "data": [named, "", "d-trak", False]}
    asked = http.client.HTTPConnection("127.0.0.1", running.port, timeout=30)
    asked.request(
        "POST",
        "/gradio_api/queue/join",
        json.dumps(body_of).encode(),
        headers | {"Content-Type": "application/json"},
    )
    assert asked.getresponse().status == 200
    time.sleep(0.5)
    assert seconds_to_stop(running) < WITHIN
    assert whole(running)
