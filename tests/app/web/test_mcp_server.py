"""An assistant paints, traces and reads by tools: what it is told is what the API answers, refusals
are the studio's sentences, and no file outside the named folder leaves the machine."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from app.web.api import mcp_server as module
from app.web.api.mcp_server import ApiClient, mcp_server, token_in
from core.collection.types import Collection
from core.errors import UsageError
from tests.app.web.conftest import png
from tests.server import ROOT, Server, free_port


@pytest.fixture(scope="module")
def studio(ready: Collection, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(ready.path, tmp_path_factory.mktemp("mcp"), free_port()).start()
    yield made
    made.stop()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "mine.png").write_bytes(png())
    (tmp_path / "secret.png").write_bytes(png())
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    return folder


def called(target: Any, tool: str, /, **arguments: Any) -> tuple[Any, list[float]]:
    """What a tool answers to a client of the protocol, and the progress that it told."""
    told: list[float] = []

    async def told_that(done: float, total: float | None, message: str | None) -> None:
        told.append(done)

    async def ask() -> Any:
        async with Client(target) as client:
            return await client.call_tool(tool, arguments, progress_callback=told_that)

    return anyio.run(ask), told


def text(answer: Any) -> dict[str, Any]:
    assert not answer.is_error, answer.content
    return dict(json.loads(answer.content[0].text))


def refusal(answer: Any) -> str:
    """The sentence, without the tool's name that the protocol's library puts before it."""
    assert answer.is_error
    return str(answer.content[0].text).partition(": ")[2]


def test_an_assistant_paints_in_a_process_of_its_own(studio: Server, pictures: Path) -> None:
    command = ["-m", "app", "mcp", "--studio", studio.url, "--pictures", str(pictures)]
    process = stdio_client(
        StdioServerParameters(command=sys.executable, args=command, cwd=str(ROOT))
    )
    answer, told = called(process, "paint", style="cubism", seed=5, works=2)
    run = text(answer)
    assert run == brief(httpx.get(f"{studio.url}/api/v1/runs/{run['id']}").json(), 2)
    picture = base64.b64decode(answer.content[1].data)
    assert picture == (studio.home / "outputs" / f"{run['id']}.png").read_bytes()
    assert told and told == sorted(told)


def brief(run: dict[str, Any], works: int) -> dict[str, Any]:
    """The oracle: as many of each side as were asked for, in order."""
    sides = {row["side"]: 0 for row in run["influences"]}
    kept = []
    for row in run["influences"]:
        sides[row["side"]] += 1
        kept += [row] if sides[row["side"]] <= works else []
    return run | {"influences": kept}


def test_what_is_read_is_what_the_api_answers(studio: Server) -> None:
    artists = httpx.get(f"{studio.url}/api/v1/artists").json()
    artist = artists["artists"][0]["artist_id"]
    httpx.get(f"{studio.url}/api/v1/ledger/verification")  # from here on there is nothing new
    for tool, arguments, path in (
        ("studio", {}, "/studio"),
        ("runs", {}, "/runs?page=1&per_page=20"),
        ("artists", {"page": 1}, "/artists?page=1"),
        ("statement", {"artist_id": artist}, f"/artists/{artist}/statement"),
        ("totals", {"period": "2026-11"}, "/ledger/totals?period=2026-11"),
        ("verification", {}, "/ledger/verification"),
    ):
        answer, _ = called(mcp_server(ApiClient(studio.url)), tool, **arguments)
        assert not answer.is_error, answer.content
        expected = httpx.get(f"{studio.url}/api/v1{path}").json()
        assert answer.structured_content == expected, tool


def test_a_picture_of_the_folder_is_traced_and_credits_nobody(
    studio: Server, pictures: Path
) -> None:
    before = httpx.get(f"{studio.url}/api/v1/ledger/totals").json()
    answer, _ = called(mcp_server(ApiClient(studio.url), pictures), "trace", file="mine.png")
    run = text(answer)
    assert run["kind"] == "upload" and run["verdict"] in {"familiar", "uncertain", "unfamiliar"}
    assert httpx.get(f"{studio.url}/api/v1/ledger/totals").json() == before


@pytest.mark.parametrize("file", ["../secret.png", "link.png", "/etc/passwd", ".", "none.png"])
def test_no_file_outside_the_folder_leaves_the_machine(pictures: Path, file: str) -> None:
    sent: list[httpx.Request] = []
    way = httpx.MockTransport(lambda request: sent.append(request) or httpx.Response(500))
    client = ApiClient("http://studio", transport=way)
    answer, _ = called(mcp_server(client, pictures), "trace", file=file)
    assert f"There is no picture '{file}'" in refusal(answer)
    assert not sent


def test_a_picture_beyond_the_limit_is_not_sent(
    pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST", 10)
    answer, _ = called(mcp_server(ApiClient("http://x"), pictures), "trace", file="mine.png")
    assert "larger than" in refusal(answer)


def test_without_a_folder_there_is_no_tool_that_reads_files() -> None:
    async def names(target: Any) -> set[str]:
        async with Client(target) as client:
            return {tool.name for tool in (await client.list_tools()).tools}

    alone = anyio.run(names, mcp_server(ApiClient("http://x")))
    beside = anyio.run(names, mcp_server(ApiClient("http://x"), Path()))
    assert beside - alone == {"trace"}
    assert {"paint", "run", "statement", "verification"} <= alone


def test_only_painting_and_tracing_are_said_to_add_something() -> None:
    async def adding(target: Any) -> set[str]:
        async with Client(target) as client:
            tools = (await client.list_tools()).tools
            return {tool.name for tool in tools if not tool.annotations.read_only_hint}

    assert anyio.run(adding, mcp_server(ApiClient("http://x"), Path())) == {"paint", "trace"}


def test_a_refusal_is_the_studios_sentence(studio: Server) -> None:
    server = mcp_server(ApiClient(studio.url))
    answer, _ = called(server, "paint", style="none of these")
    asked = httpx.post(f"{studio.url}/api/v1/generations", json={"class": "none of these"})
    assert refusal(answer) == asked.json()["detail"]


def test_a_studio_that_is_not_there_is_named_with_the_remedy() -> None:
    address = f"http://127.0.0.1:{free_port()}"
    answer, _ = called(mcp_server(ApiClient(address)), "studio")
    assert refusal(answer).startswith(f"The studio at {address} does not answer. Start it")


@pytest.mark.parametrize("status", [200, 404])
def test_another_server_is_told_apart(status: int) -> None:
    way = httpx.MockTransport(lambda _: httpx.Response(status, text="<html>"))
    answer, _ = called(mcp_server(ApiClient("http://x", transport=way)), "studio")
    assert refusal(answer) == f"http://x answered {status}: is it a Creditline studio?"


@pytest.mark.parametrize("bad", ["../ledger/key.pem", "a/b", "", "..", "x" * 201])
def test_an_id_is_no_path(bad: str) -> None:
    sent: list[httpx.Request] = []
    way = httpx.MockTransport(lambda request: sent.append(request) or httpx.Response(500))
    server = mcp_server(ApiClient("http://x", transport=way))
    for tool, argument in (("run", "id"), ("statement", "artist_id")):
        answer, _ = called(server, tool, **{argument: bad})
        assert answer.is_error and not sent


def test_the_token_is_sent_and_comes_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("creditline_abc\n")
    sent: list[str] = []

    def answered(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers["authorization"])
        return httpx.Response(200, json={})

    client = ApiClient("http://x", token_in(file), httpx.MockTransport(answered))
    called(mcp_server(client), "studio")
    assert sent == ["Bearer creditline_abc"]


@pytest.mark.parametrize("content", [b"", b"two words", b"\xff\xfe", "schlüssel".encode()])
def test_what_is_no_token_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(UsageError, match="token"):
        token_in(file)
    with pytest.raises(UsageError, match="cannot be read"):
        token_in(tmp_path / "none")
