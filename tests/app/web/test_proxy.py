"""Behind a reverse proxy everything stays below its path, and only a named proxy is believed."""

from __future__ import annotations

import asyncio
import http.server
import json
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from starlette.testclient import TestClient

from app import cli
from app.settings import read_settings
from app.web.formatting import render, run_page
from app.web.proxy import Forwarded
from core.collection.types import Collection
from core.errors import UsageError
from tests.app.web.conftest import HOME, Visit, visit
from tests.server import Server, free_port

PREFIX = "/credit"
PROXY = ("10.1.2.3", 4711)
PAGE = {"accept": "text/html"}
FORWARDED = {
    "x-forwarded-prefix": PREFIX,
    "x-forwarded-host": "studio.example.org",
    "x-forwarded-proto": "https",
    "x-forwarded-for": "203.0.113.9",
}
PAGES = ("/", "/ledger", "/artists", "/history", "/compare", "/method", "/import", "/names")
GIVEN: dict[str, Any] = {
    "hosts": "studio.example.org",
    "proxies": "192.0.2.1, 10.0.0.0/8",
    "accounts": "none",
}


def client(made: Visit, address: tuple[str, int] = PROXY) -> TestClient:
    return TestClient(made.application, base_url=HOME, follow_redirects=False, client=address)


@pytest.fixture(scope="module")
def proxied(ready: Collection, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    made: Visit = visit(ready, tmp_path_factory.mktemp("proxied"), **GIVEN)
    with made.client:  # starts what runs beside the pages
        yield made


def config_of(page: str) -> dict[str, Any]:
    """What the page's script is told, Gradio's own `root` among it."""
    start = page.index("window.gradio_config = ") + len("window.gradio_config = ")
    value: dict[str, Any] = json.JSONDecoder().raw_decode(page, start)[0]
    return value


@pytest.mark.parametrize("path", PAGES)
def test_a_page_says_the_browsers_own_address_of_the_studio(proxied: Visit, path: str) -> None:
    browser = client(proxied)
    browser.get(f"/?key={proxied.access.new_key()}")  # a keeper, to whom every page is open
    answer = browser.get(path, headers=PAGE | FORWARDED)
    assert answer.status_code == 200
    assert config_of(answer.text)["root"] == "https://studio.example.org/credit"
    assert re.findall(r'(?:src|href)="(/(?!/)[^"]*)"', answer.text) in ([], ["/manifest.json"])
    assert "Path=/credit/;" in answer.headers["set-cookie"]


@pytest.mark.parametrize("left_on", [False, True])
def test_the_path_may_be_stripped_or_left_on(
    proxied: Visit, ready: Collection, left_on: bool
) -> None:
    below = PREFIX if left_on else ""
    browser = client(proxied)
    work = ready.works[0].id
    for path in ("/healthz", f"/media/works/{work}", "/ledger.csv", "/theme.css"):
        assert browser.get(below + path, headers=FORWARDED).status_code == 200, path
    page = browser.get(f"{below}/", headers=PAGE | FORWARDED).text
    for asset in re.findall(r'"\./(assets/[^"]+)"', page)[:3]:
        assert browser.get(f"{below}/{asset}", headers=FORWARDED).status_code == 200, asset


UNTRUSTED = [
    FORWARDED,
    *({name: value} for name, value in FORWARDED.items()),
    {"forwarded": "for=1.2.3.4;host=evil.example;proto=https"},
    {"x-forwarded-server": "evil.example"},
    {"x-forwarded-port": "444"},
    {"x-gradio-server": "https://evil.example"},
    {"x-original-host": "evil.example"},
    {"x-forwarded-host": "evil.example, studio.example.org"},
]


@pytest.mark.parametrize("headers", UNTRUSTED)
@pytest.mark.parametrize("address", ["127.0.0.1", "203.0.113.9", "testclient"])
def test_what_anybody_else_forwards_changes_nothing(
    proxied: Visit, headers: dict[str, str], address: str
) -> None:
    """Nor a process of this machine: uvicorn alone would believe that."""
    browser = client(proxied, (address, 1))
    plain = browser.get("/", headers=PAGE)
    answer = browser.get("/", headers=PAGE | headers)
    assert config_of(answer.text)["root"] == config_of(plain.text)["root"] == HOME
    assert "evil" not in answer.text
    assert browser.get("/?key=x", headers=PAGE | headers).headers["location"] == "/"


@pytest.mark.parametrize(
    "prefix", ["//evil.example", "https://evil.example", "/a b", "/<x>", "/a//b", "credit", '/"']
)
def test_even_a_proxys_prefix_is_a_path_or_nothing(proxied: Visit, prefix: str) -> None:
    answer = client(proxied).get("/?key=x", headers=PAGE | {"x-forwarded-prefix": prefix})
    assert answer.headers["location"] == "/"


def test_a_name_that_nobody_allowed_is_refused_through_a_proxy_too(proxied: Visit) -> None:
    answer = client(proxied).get("/", headers=PAGE | {"x-forwarded-host": "evil.example"})
    assert answer.status_code == 421


def test_a_key_and_an_event_work_below_the_path(proxied: Visit) -> None:
    key, browser = proxied.access.new_key(), client(proxied)
    answer = browser.get(f"/import?key={key}&a=1", headers=PAGE | FORWARDED)
    assert (answer.status_code, answer.headers["location"]) == (303, "/credit/import?a=1")
    assert "Path=/credit/;" in answer.headers["set-cookie"]
    number = next(n for n, fn in proxied.blocks.fns.items() if fn.name == "opened")
    body = {"fn_index": number, "session_hash": "s", "data": []}
    mine = {"cookie": f"{proxied.access.visitor_cookie}={'v' * 24}"} | FORWARDED
    for origin, status in (("https://studio.example.org", 200), ("https://evil.example", 403)):
        event = browser.post(
            "/gradio_api/run/predict", json=body, headers={**mine, "origin": origin}
        )
        assert event.status_code == status, event.text


def test_a_configured_path_needs_no_header(ready: Collection, tmp_path: Path) -> None:
    made = visit(ready, tmp_path, root_path="credit/")
    browser = client(made, ("127.0.0.1", 1))
    for path in ("/ledger", "/credit/ledger"):
        assert config_of(browser.get(path, headers=PAGE).text)["root"] == f"{HOME}/credit"
    assert browser.get("/?key=x", headers=PAGE).headers["location"] == "/credit/"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("root_path", value) for value in ("http://x/y", "/a b", "/../x", "/a?b", "/a//b", "ä")),
        *(("proxies", value) for value in ("*", "proxy.local", "10.0.0.1/8", "10.0.0", "::1, x")),
    ],
)
def test_a_path_or_an_address_that_cannot_be_is_refused(name: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"CREDITLINE_{name.upper()} cannot be"):
        read_settings(**{name: value})


def test_serve_takes_both_as_options(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("app.web.server.serve", lambda settings: None)
    assert cli.main(["serve", "--root-path", "/credit", "--behind-proxy", "127.0.0.1"]) == 0
    shown = capsys.readouterr().err
    assert re.search(r"root_path +/credit", shown) and re.search(r"proxies +127\.0\.0\.1", shown)


def test_the_client_is_whom_the_proxy_names() -> None:
    seen: list[dict[str, Any]] = []

    async def keep(scope: dict[str, Any], receive: Any, send: Any) -> None:
        seen.append(scope)

    headers = [(name.encode(), value.encode()) for name, value in FORWARDED.items()]
    scope = {"type": "http", "path": "/", "scheme": "http", "headers": headers, "client": PROXY}
    for proxies in ("10.0.0.0/8", "10.9.0.0/16"):
        asyncio.run(Forwarded(keep, read_settings(proxies=proxies))(scope, None, None))
    assert [(one["client"][0], one["scheme"], one["root_path"]) for one in seen] == [
        ("203.0.113.9", "https", "/credit"),
        ("10.1.2.3", "http", ""),
    ]
    assert [one["headers"] for one in seen] == [[(b"host", b"studio.example.org")], []]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("notices.empty", {"words": "x", "address": "/ledger", "label": "y"}),
        ("notices.empty", {"words": "x", "address": run_page('a" href="/b'), "label": "y"}),
        ("studio.frame", {"source": "/media/runs/a.png", "words": 'src="/x"'}),
    ],
)
def test_no_rendered_link_names_the_top_of_the_host(name: str, values: dict[str, str]) -> None:
    html = render(name, **values)
    assert not re.search(r'(href|src|action)="/', html)
    assert re.search(r'(href|src)="\./', html)


class Proxy(http.server.BaseHTTPRequestHandler):
    """/credit/ of this port is the studio's / at `upstream`, as nginx is usually set up."""

    protocol_version = "HTTP/1.1"
    upstream = ""

    def log_message(self, format: str, *args: Any) -> None: ...

    def do_GET(self) -> None:
        if not self.path.startswith(f"{PREFIX}/"):
            self._answer(404, [], b"outside")
            return
        length = int(self.headers.get("content-length") or 0)
        headers = dict(self.headers.items()) | {
            "X-Forwarded-Prefix": PREFIX,
            "X-Forwarded-Host": self.headers["Host"],
            "X-Forwarded-Proto": "http",
            "X-Forwarded-For": "203.0.113.9",
        }
        headers.pop("Accept-Encoding", None)
        request = urllib.request.Request(
            self.upstream + self.path.removeprefix(PREFIX),
            self.rfile.read(length) if length else None,
            headers,
            method=self.command,
        )
        opener = urllib.request.build_opener(_Stay)
        try:
            answer = opener.open(request, timeout=30)
        except urllib.error.HTTPError as error:
            answer = error
        self._answer(answer.status, list(answer.headers.items()), answer.read())

    do_POST = do_GET

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in ("transfer-encoding", "content-length", "connection"):
                self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *given: Any) -> None:
        return None


@pytest.fixture(scope="module")
def address(ready: Collection, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a browser finds the studio behind a real proxy; the studio is a real process."""
    with pytest.MonkeyPatch.context() as patched:
        for name, value in (("PROXIES", "127.0.0.1"), ("ACCOUNTS", "none")):
            patched.setenv(f"CREDITLINE_{name}", value)
        patched.setenv("CREDITLINE_IMPORTING", "anyone")  # every page is open
        server = Server(ready.path, tmp_path_factory.mktemp("home"), free_port()).start()
    proxy = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), type("Here", (Proxy,), {"upstream": server.url})
    )
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{proxy.server_port}{PREFIX}"
    proxy.shutdown()
    proxy.server_close()
    server.stop()


def test_what_a_browser_loads_stays_below_a_real_proxys_path(address: str) -> None:
    """Whatever a page names as its own is asked where the browser would ask for it."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    for path in PAGES:
        request = urllib.request.Request(address + path, headers=PAGE)
        page = opener.open(request, timeout=30).read().decode()
        config = config_of(page)
        assert config["root"] == address
        for asset in re.findall(r'"\./(assets/[^"]+)"', page)[:3]:
            assert opener.open(f"{address}/{asset}", timeout=30).status == 200
        loads = [
            one["id"]
            for one in config["dependencies"]
            if not one["queue"] and not one["inputs"] and one["targets"][0][1] == "load"
        ]
        html = ""
        for number in loads:
            body = {"fn_index": number, "session_hash": "s", "data": []}
            event = urllib.request.Request(
                f"{config['root']}/gradio_api/run/predict",
                json.dumps(body).encode(),
                {"content-type": "application/json", "origin": address.removesuffix(PREFIX)},
            )
            html += opener.open(event, timeout=30).read().decode()
        assert "./import" in html  # at the top of the page, of whoever may
        links = re.findall(r'(?:href|src|action)=\\"([^\\#"]+)', html)
        assert all(link.startswith(("./", "https://")) for link in links), links
        for link in {unescape(one) for one in links if one.startswith("./")}:
            try:
                opener.open(urljoin(address + path, link), timeout=30).close()
            except urllib.error.HTTPError as error:
                raise AssertionError(f"{link} of {path} answers {error.code}") from error
