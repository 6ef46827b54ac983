"""What is refused at the gate: names, origins, routes, files of the server, strange values."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from app.web.permissions import NAMED, event_name
from core.collection.types import Collection
from tests.app.web.conftest import HOME, Visit, png, visit

PAGES = ("/", "/ledger", "/artists", "/history", "/compare", "/method", "/import", "/names")
OURS = (*PAGES, "/verify", "/healthz", "/ledger.csv", "/ledger.json")
NEEDED = {
    "/gradio_api/queue/join",
    "/gradio_api/queue/data",
    "/gradio_api/run/predict",
    "/gradio_api/cancel",
    "/gradio_api/upload",
    "/gradio_api/upload_progress",
    "/theme.css",
    "/favicon.ico",
    "/static/{path:path}",
    "/assets/{path:path}",
    "/gradio_api/file={path_or_url:path}",
    "/config",
    "/gradio_api/info",
}
LONG = 8  # letters from which an echo would be noticed


# --- every event, every input ------------------------------------------------------------------


def hostile(visitor: Visit, tmp_path: Path) -> dict[str, Any]:
    """Whatever names something that is not this visitor's: by kind."""
    secret = tmp_path / "secret-of-the-server.png"
    secret.write_bytes(png(9))
    link = visitor.settings.temporary / "link-to-the-secret.png"
    link.unlink(missing_ok=True)
    link.symlink_to(secret)
    fifo = visitor.settings.temporary / "fifo-that-never-ends.png"
    if not fifo.exists():
        os.mkfifo(fifo)
    own = tmp_path / "own.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(own))
    nobody = visitor.settings.temporary / "brought-by-nobody.png"
    nobody.write_bytes(png(10))
    return {
        "outside": str(secret),
        "password file": "/etc/passwd",
        "device": "/dev/zero",
        "link": str(link),
        "fifo": str(fifo),
        "socket": str(own),
        "of nobody": str(nobody),
        "relative": "../../etc/passwd",
        "folder": str(visitor.settings.temporary),
        "ledger": str(visitor.settings.ledger_file),
        "address": "http://127.0.0.1:9/picture.png",
        "public address": "https://example.com/picture.png",
        "file address": "file:///etc/passwd",
        "too long": "/" + "a" * 5000,
        "nul": "/etc/passwd\0.png",
        "empty": "",
    }


def as_files(path: str) -> list[Any]:
    """Every way in which a value can name a file."""
    meta = {"_type": "gradio.FileData"}
    return [
        {"path": path, "meta": meta},
        {"path": path, "url": path, "orig_name": "a.png", "meta": meta},
        {"path": "a.png", "url": path, "meta": meta},
        {"path": path, "meta": meta, "is_stream": True},
        {"path": path},
        {"name": path, "is_file": True},
        [{"path": path, "meta": meta}],
        {"files": [{"path": path, "meta": meta}]},
        {"value": {"path": path, "meta": meta}},
        [path],
    ]


def untouched(field: Any) -> Any:
    """What a field sends when nobody has touched it."""
    return None if isinstance(field, gr.File) else getattr(field, "value", None)


def test_no_event_takes_a_file_that_its_visitor_did_not_bring(
    visitor: Visit, stranger: TestClient, tmp_path: Path
) -> None:
    brought = stranger.post(
        "/gradio_api/upload", files={"files": ("b.png", png(77), "image/png")}
    ).json()[0]
    paths = hostile(visitor, tmp_path) | {"of another session": brought}
    before = sorted(visitor.uploaded)
    tried = 0
    for number, fn in visitor.blocks.fns.items():
        for place in range(len(fn.inputs)):
            for path in paths.values():
                values = as_files(path)
                if isinstance(fn.inputs[place], gr.File):
                    values = [*values, path]  # a bare word where a file is meant
                for value in values:
                    data = [untouched(field) for field in fn.inputs]
                    data[place] = value
                    answer = visitor.post(number, data)
                    assert answer.status_code == 400, (number, place, value)
                    assert len(path) < LONG or path not in answer.text
                    assert str(visitor.settings.home) not in answer.text
                    tried += 1
    assert tried > 1000
    assert sorted(visitor.uploaded) == before  # nothing was copied anywhere
    assert visitor.blocks._queue.event_ids_to_events == {}  # and nothing waits


def test_what_a_visitor_brought_is_traced(visitor: Visit) -> None:
    path = visitor.upload().json()[0]
    number = event(visitor, gr.File)
    data = [untouched(field) for field in visitor.blocks.fns[number].inputs]
    data[0] = {"path": path, "meta": {"_type": "gradio.FileData"}}
    assert visitor.post(number, data, session="traced").status_code == 200
    text = visitor.client.get("/gradio_api/queue/data?session_hash=traced").text
    assert "Traced as #" in text and "process_completed" in text


def test_a_picture_that_became_a_link_after_it_was_brought_is_refused(
    visitor: Visit, tmp_path: Path
) -> None:
    path = Path(visitor.upload(png(31)).json()[0])
    path.unlink()
    (tmp_path / "other.png").write_bytes(png(32))
    path.symlink_to(tmp_path / "other.png")
    number = event(visitor, gr.File)
    data = [untouched(field) for field in visitor.blocks.fns[number].inputs]
    data[0] = {"path": str(path), "meta": {"_type": "gradio.FileData"}}
    assert visitor.post(number, data).status_code == 400


def event(visitor: Visit, kind: type) -> int:
    """The first event that takes a field of this kind."""
    fns = visitor.blocks.fns.items()
    return next(number for number, fn in fns if fn.inputs and isinstance(fn.inputs[0], kind))


@pytest.mark.parametrize(
    "value", ["not offered at all", 10**9, 0.5, True, ["cubism"], {"a": 1}, "x" * 20_000]
)
def test_a_value_of_another_kind_is_refused_without_repeating_it(
    visitor: Visit, value: object
) -> None:
    for number, fn in visitor.blocks.fns.items():
        for place, field in enumerate(fn.inputs):
            if isinstance(field, gr.Dropdown) and fn.preprocess:
                data = [untouched(each) for each in fn.inputs]
                data[place] = value
                answer = visitor.post(number, data)
                assert answer.status_code == 400
                assert str(value) not in answer.text


def test_a_program_gives_each_endpoint_values_of_the_kinds_it_takes(visitor: Visit) -> None:
    """A number for a name, or one too large for the ledger, is no error of the studio's."""
    endpoints = {event_name(fn): number for number, fn in visitor.blocks.fns.items()}
    wrong: list[tuple[str, int, list[object]]] = [
        ("run", 0, [5, 0.5, True, ["x"], {"path": "x"}, "x" * 201]),
        ("totals", 0, [5, 0, False]),
        ("totals", 2, [202602]),
        ("entries", 0, ["1", "", 0.5, True, 10**400, 10**18]),
        ("statement", 0, [17]),
        ("paint", 0, [1]),
        ("paint", 1, ["1", 1.5]),
        ("paint", 3, ["strong"]),
        ("paint", 4, [7]),
    ]
    for name, place, values in wrong:
        fn = visitor.blocks.fns[endpoints[name]]
        for value in values:
            data = [field.value for field in fn.inputs]
            data[place] = value
            answer = visitor.post(endpoints[name], data, session="kinds")
            assert answer.status_code == 400, (name, place, value)
    body = b'{"fn_index": %d, "session_hash": "s", "data": [1e999, "", ""]}' % endpoints["entries"]
    assert visitor.client.post("/gradio_api/queue/join", content=body).status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b'{"fn_index": 99, "session_hash": "s", "data": []}',
        b'{"fn_index": true, "session_hash": "s", "data": []}',
        b"[" * 100_000,
        b'{"fn_index": 0, "session_hash": null, "data": []}',
        b'{"fn_index": 0, "data": [NaN]}',
        b'{"fn_index": 0, "session_hash": "s", "data": {}}',
        b"\xff\xfe",
    ],
)
@pytest.mark.parametrize("route", ["/gradio_api/queue/join", "/gradio_api/run/predict"])
def test_a_body_that_is_no_event_is_refused_in_words(
    visitor: Visit, route: str, body: bytes
) -> None:
    answer = visitor.client.post(route, content=body)
    assert answer.status_code in (400, 404)
    assert answer.json()["detail"].endswith((".", "page."))


def test_an_event_is_asked_only_by_its_own_way(visitor: Visit) -> None:
    for number, fn in visitor.blocks.fns.items():
        wrong = "/gradio_api/run/predict" if fn.queue else "/gradio_api/queue/join"
        body = {"fn_index": number, "session_hash": "s", "data": [None] * len(fn.inputs)}
        assert visitor.client.post(wrong, json=body).status_code == 404


def test_whoever_has_not_opened_a_page_asks_nothing_of_a_page(visitor: Visit) -> None:
    client = TestClient(visitor.application, base_url=HOME)
    for number, fn in visitor.blocks.fns.items():
        if event_name(fn) in NAMED:  # a program's, which opens no page
            continue
        route = "/gradio_api/queue/join" if fn.queue else "/gradio_api/run/predict"
        body = {"fn_index": number, "session_hash": "s", "data": [None] * len(fn.inputs)}
        assert client.post(route, json=body).status_code == 403
    files = {"files": ("a.png", png(), "image/png")}
    assert client.post("/gradio_api/upload", files=files).status_code == 403


# --- routes ------------------------------------------------------------------------------------


def every_route(routes: Iterable[Any], prefix: str = "") -> set[tuple[str, str]]:
    """Method and path of all that Gradio offers, its parameters as they are written."""
    offered: set[tuple[str, str]] = set()
    for route in routes:
        if isinstance(route, Route):
            offered |= {(method, prefix + route.path) for method in route.methods or ()}
        elif (included := getattr(route, "original_router", None)) is not None:
            offered |= every_route(included.routes, prefix)
    return offered


def test_of_gradios_routes_only_those_answer_that_the_pages_need(visitor: Visit) -> None:
    routes = every_route(visitor.gradio.routes)
    assert len(routes) > 60  # or Gradio hides them somewhere else now
    for method, path in sorted(routes):
        if path in NEEDED or (path.rstrip("/") in (*PAGES, "") and method in ("GET", "HEAD")):
            continue
        asked = path.replace("{", "").replace("}", "").replace(":path", "")
        assert visitor.client.request(method, asked).status_code == 404, (method, path)


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=http://127.0.0.1:9/x",
        "/gradio_api/file=https://example.com/x",
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file%3D/etc/passwd",
        "/gradio_api//file=/etc/passwd",
        "//gradio_api/file=/etc/passwd",
        "/static/../../etc/passwd",
        "/static/..%2f..%2fetc/passwd",
        "/assets/%2e%2e/%2e%2e/x",
        "/media/works/..%2f..%2fetc%2fpasswd",
        "/gradio_api/proxy=https://x.hf.space/y",
        "/gradio_api/deep_link",
        "/monitoring",
    ],
)
def test_no_address_reaches_a_file_or_another_host(visitor: Visit, path: str) -> None:
    answer = visitor.client.get(path)
    assert answer.status_code == 404
    assert "root:" not in answer.text


def test_a_visitor_reads_back_what_it_brought_and_nobody_else_does(
    visitor: Visit, stranger: TestClient
) -> None:
    data = png(55)
    path = visitor.upload(data).json()[0]
    assert visitor.client.get(f"/gradio_api/file={path}").content == data
    assert stranger.get(f"/gradio_api/file={path}").status_code == 404


# --- names and origins -------------------------------------------------------------------------

ASKED = [
    *(("GET", path) for path in OURS),
    ("GET", "/theme.css"),
    ("GET", "/gradio_api/queue/data?session_hash=x"),
    ("POST", "/gradio_api/queue/join"),
    ("POST", "/gradio_api/run/predict"),
    ("POST", "/gradio_api/upload"),
    ("POST", "/gradio_api/cancel"),
    ("OPTIONS", "/"),
    ("OPTIONS", "/gradio_api/queue/join"),
    ("GET", "/nowhere"),
]


@pytest.mark.parametrize(("method", "path"), ASKED)
@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "evil.example:7860", ""]
)
def test_under_a_foreign_name_nothing_answers(
    visitor: Visit, method: str, path: str, host: str
) -> None:
    answer = visitor.client.request(method, path, headers={"host": host})
    assert answer.status_code == 421
    assert "evil" not in str(answer.headers) + answer.text


@pytest.mark.parametrize(("method", "path"), ASKED)
@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "https://127.0.0.1:7860.evil.example",
        "null",
        "http://127.0.0.1:1",
        "http://localhost:7861",
        "file://",
        "chrome-extension://abc",
    ],
)
def test_a_foreign_page_is_refused_on_every_route(
    visitor: Visit, method: str, path: str, origin: str
) -> None:
    answer = visitor.client.request(method, path, headers={"origin": origin})
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("site", ["cross-site", "same-site", "surely-ours"])
def test_what_a_browser_calls_cross_site_writes_nothing(visitor: Visit, site: str) -> None:
    before = len(visitor.uploaded)
    assert visitor.upload(png(91), **{"sec-fetch-site": site}).status_code == 403
    for number, fn in visitor.blocks.fns.items():
        data = [None] * len(fn.inputs)
        assert visitor.post(number, data, **{"sec-fetch-site": site}).status_code == 403
    assert len(visitor.uploaded) == before


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost:7860", "LOCALHOST", "[::1]:7860"])
def test_the_machines_own_names_answer_and_no_other_origin_is_let_in(
    visitor: Visit, host: str
) -> None:
    headers = {"host": host, "origin": f"http://{host}".lower()}
    answer = visitor.client.get("/healthz", headers=headers)
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_web_socket_is_closed(visitor: Visit) -> None:
    with pytest.raises(WebSocketDisconnect), visitor.client.websocket_connect("/"):
        pass


# --- headers, bodies, keys ---------------------------------------------------------------------


def test_every_answer_says_what_a_browser_may_do_with_it(visitor: Visit) -> None:
    for path in (*OURS, "/nowhere", "/media/works/none"):
        headers = visitor.client.get(path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"


def test_a_body_larger_than_an_event_is_not_read(visitor: Visit) -> None:
    body = json.dumps({"fn_index": 0, "session_hash": "s", "data": ["x" * 300_000]}).encode()
    answer = visitor.client.post("/gradio_api/queue/join", content=body)
    assert answer.status_code == 413


def test_a_key_makes_one_browser_the_keepers(ready: Collection, tmp_path: Path) -> None:
    made = visit(ready, tmp_path)
    key = made.access.new_key()
    answer = made.client.get(f"/?key={key}&run=a")
    assert answer.status_code == 303 and answer.headers["location"] == "/?run=a"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and key not in cookie
    given = {"cookie": cookie.split(";")[0]}
    assert made.access.may_import(given)
    again = made.client.get(f"/?key={key}")
    assert again.status_code == 303
    assert "set-cookie" not in again.headers
    assert not made.access.may_import({})


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-forwarded-for": "127.0.0.1"},
        {"host": "127.0.0.1"},
        {"cookie": "creditline_keeper=x"},
    ],
)
def test_who_may_import_is_never_guessed_from_headers(
    visitor: Visit, headers: dict[str, str]
) -> None:
    assert not visitor.access.may_import(headers)


@pytest.mark.parametrize(("setting", "may"), [("anyone", True), ("nobody", False)])
def test_who_may_import_can_be_set(
    ready: Collection, tmp_path: Path, setting: str, may: bool
) -> None:
    assert visit(ready, tmp_path, importing=setting).access.may_import({}) is may
