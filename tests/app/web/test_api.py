"""The API: a job is promised, watched and becomes a run; what is read is what the verbs print;
every refusal is a sentence in one shape; its description fetches nothing from elsewhere."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.services.ledger_proofs import checked
from app.services.serialize import method_records
from app.services.serialize_ledger import ArtistRecord, EntriesPage, LedgerTotals, StatementRecord
from app.web import events
from app.web.api import jobs as api_jobs
from app.web.api.application import ROOT
from app.web.callers import Callers
from app.web.events import WATCHED_PER_JOB
from app.web.permissions import ROUTES
from app.web.uploads import Budgets
from core.accounts.roles import AccountRole, actions_named
from core.collection.types import Collection
from core.ledger.ledger import Ledger
from core.ledger.shares import DEFAULT_RULE, Shares
from tests.app.web.conftest import HOME, Visit, png, visit
from tests.runs import record as tests_record

RECIPE = {"class": "cubism", "seed": 7, "steps": 3}


@pytest.fixture(scope="module")
def public(ready: Collection, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    """A studio that others can reach, with few pictures per hour for visitors."""
    home = tmp_path_factory.mktemp("public")
    made = visit(ready, home, Budgets(per_hour=3), accounts="required")
    with made.client:
        yield made


@pytest.fixture(scope="module")
def painted(visitor: Visit) -> dict[str, Any]:
    """A run of this module's studio, as the API answers it."""
    return run_of(visitor, visitor.client.post(f"{ROOT}/generations", json=RECIPE).json())


def run_of(made: Visit, job: dict[str, Any]) -> dict[str, Any]:
    last = watched(made, job)[-1]
    assert last["state"] == "finished", last
    answer = made.client.get(last["run"])
    assert answer.status_code == 200
    return dict(answer.json())


def watched(made: Visit, job: dict[str, Any]) -> list[dict[str, Any]]:
    """Every event of a job, to the end of its stream."""
    text = made.client.get(job["events"]).text
    events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]
    names = [line[7:] for line in text.splitlines() if line.startswith("event: ")]
    assert names == [event["state"] for event in events]
    return events


def ledger_of(made: Visit) -> Ledger:
    ledger = made.application.state.jobs.studio.ledger
    assert isinstance(ledger, Ledger)
    return ledger


def test_a_generation_is_promised_watched_and_becomes_a_run(visitor: Visit) -> None:
    answer = visitor.client.post(f"{ROOT}/generations", json=RECIPE | {"seed": 11})
    job = answer.json()
    assert answer.status_code == 202 and answer.headers["location"] == job["job"]
    run = run_of(visitor, job)
    assert run["id"] == job["id"] and run["seed"] == 11 and run["entry"] is not None
    assert run == visitor.client.get(f"/runs/{job['id']}.json").json()
    assert visitor.client.get(f"{job['job']}").json()["state"] == "finished"
    picture = visitor.client.get(f"{ROOT}/runs/{job['id']}/picture.png")
    assert picture.content.startswith(b"\x89PNG") and job["page"] == f"/?run={job['id']}"


def test_a_picture_that_is_brought_is_traced_and_credits_nobody_unasked(visitor: Visit) -> None:
    before = visitor.uploaded
    answers = [
        visitor.client.post(
            f"{ROOT}/attributions",
            files={"file": ("mine.png", png(40 + book), "image/png")},
            data={"class": "cubism"} | ({"record": "true"} if book else {}),
        )
        for book in (False, True)
    ]
    assert [answer.status_code for answer in answers] == [202, 202]
    runs = [run_of(visitor, answer.json()) for answer in answers]
    assert [run["title"] for run in runs] == ["mine.png"] * 2
    assert runs[0]["entry"] is None and runs[1]["entry"] is not None
    assert visitor.uploaded == before  # nothing of it lies about afterwards


def test_a_picture_that_cannot_be_opened_says_so_in_its_job(visitor: Visit) -> None:
    files = {"file": ("no.png", b"no picture", "image/png")}
    job = visitor.client.post(f"{ROOT}/attributions", files=files).json()
    last = watched(visitor, job)[-1]
    assert last["state"] == "failed" and "not a recognised image" in last["words"]


def test_what_is_read_is_what_the_verbs_print(visitor: Visit, painted: dict[str, Any]) -> None:
    ledger, get = ledger_of(visitor), visitor.client.get
    artist = ledger.artists()[0].id
    assert get(f"{ROOT}/ledger/totals").json() == LedgerTotals.of(ledger.totals()).plain()
    entries = EntriesPage.of(ledger.entries(per_page=2)).plain()
    assert get(f"{ROOT}/ledger/entries?per_page=2").json() == entries
    newest = entries["entries"][0]
    assert get(f"{ROOT}/ledger/entries/{newest['entry']}").json() == newest
    assert get(f"{ROOT}/artists/{artist}").json() == ArtistRecord.of(ledger, artist).plain()
    statement = StatementRecord.of(ledger.artist_statement(artist)).plain()
    assert get(f"{ROOT}/artists/{artist}/statement").json() == statement
    assert get(f"{ROOT}/methods").json() == [one.plain() for one in method_records()]
    proof = get(f"{ROOT}/ledger/verification").json()
    assert proof["ok"] is True and proof["verified"] <= proof["entries"] == ledger.size()
    listed = get(f"{ROOT}/runs?kind=generation&per_page=1").json()
    assert listed["total"] >= 1 and listed["runs"][0]["influences"] == []
    assert get(f"{ROOT}/artists?per_page=3").json()["total"] == len(ledger.artists())


def test_an_entry_is_proved_to_whoever_has_the_public_key_alone(
    visitor: Visit, painted: dict[str, Any], tmp_path: Path
) -> None:
    for name, place in (
        ("proof.json", f"entries/{painted['entry']}/proof"),
        ("key.pem", "key.pem"),
        ("checkpoints.jsonl", "checkpoints"),
    ):
        (tmp_path / name).write_bytes(visitor.client.get(f"{ROOT}/ledger/{place}").content)
    proof = checked(tmp_path / "proof.json", tmp_path / "key.pem", tmp_path / "checkpoints.jsonl")
    assert proof.entry["seq"] == painted["entry"]


def test_a_proof_that_would_give_a_withheld_name_away_is_the_keepers_to_give(
    visitor: Visit,
) -> None:
    ledger = ledger_of(visitor)
    run = tests_record(seed=900)
    shares = Shares(DEFAULT_RULE, {"indigo": 400_000}, 600_000)
    view = ledger.record(run, shares, "k" * 64, {"indigo": "Indigo Workshop"})
    address = f"{ROOT}/ledger/entries/{view.entry}/proof"
    assert "Indigo" in visitor.client.get(address).text
    ledger.set_artist_status("indigo", "opted-out", reason="asked", actor="tests", masked=True)
    answer = visitor.client.get(address)
    assert answer.status_code == 409 and "Indigo" not in answer.text


def test_a_run_of_before_the_restart_is_still_a_finished_job(
    visitor: Visit, painted: dict[str, Any]
) -> None:
    visitor.application.state.jobs._jobs.pop(painted["id"])
    job = visitor.client.get(f"{ROOT}/jobs/{painted['id']}").json()
    assert job["state"] == "finished" and job["run"] == f"{ROOT}/runs/{painted['id']}"
    assert watched(visitor, job)[-1] == job


# --- refusals ----------------------------------------------------------------------------------

REFUSED: list[tuple[str, str, dict[str, Any], int]] = [
    ("POST", "/generations", {"json": {}}, 422),
    ("POST", "/generations", {"json": {"class": "none"}}, 422),
    ("POST", "/generations", {"json": {"class": "cubism", "seed": -1}}, 422),
    ("POST", "/generations", {"json": {"class": "cubism", "extra": 1}}, 422),
    ("POST", "/generations", {"json": {"class": "cubism", "method": "none"}}, 422),
    (
        "POST",
        "/generations",
        {"content": b"{", "headers": {"content-type": "application/json"}},
        400,
    ),
    ("POST", "/attributions", {"data": {"class": "cubism"}}, 422),
    ("POST", "/jobs/none/cancel", {}, 404),
    ("GET", "/jobs/none/events", {}, 404),
    ("GET", "/runs/none", {}, 404),
    ("GET", "/runs/none/picture.png", {}, 404),
    ("GET", "/runs?page=0", {}, 422),
    ("GET", "/runs?verdict=none", {}, 422),
    ("GET", "/ledger/totals?since=yesterday", {}, 422),
    ("GET", "/ledger/entries/0/proof", {}, 404),
    ("GET", "/ledger/entries/%C2%B2", {}, 404),
    ("GET", "/ledger/entries/%C2%B2/proof", {}, 404),
    ("GET", "/disputes/%C2%B2", {}, 422),
    ("GET", "/artists/nobody", {}, 404),
    ("GET", "/artists/artist-0/statement?period=soon", {}, 422),
    ("GET", "/disputes/1", {}, 404),
    ("GET", "/nowhere", {}, 404),
    ("PUT", "/runs", {}, 404),
]


@pytest.mark.parametrize(("method", "path", "body", "status"), REFUSED)
def test_every_refusal_is_a_sentence_in_one_shape(
    visitor: Visit, method: str, path: str, body: dict[str, Any], status: int
) -> None:
    answer = visitor.client.request(method, f"{ROOT}{path}", **body)
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == ["detail"]
    assert re.fullmatch(r"[\w/'].*[.]", answer.json()["detail"])


def test_what_nobody_foresaw_is_a_reference_and_no_traceback(
    visitor: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: object) -> None:
        raise RuntimeError("/etc/secret")

    monkeypatch.setattr(Ledger, "artists", broken)
    client = TestClient(visitor.application, base_url=HOME, raise_server_exceptions=False)
    answer = client.get(f"{ROOT}/artists")
    assert answer.status_code == 500 and "secret" not in answer.text
    assert re.search(r"reference \w+", answer.json()["detail"])


# --- who ---------------------------------------------------------------------------------------


def bearer(made: Visit, role: AccountRole, *scopes: str) -> tuple[str, dict[str, str]]:
    """A token's number, and the header that carries it."""
    callers = Callers(made.settings, made.access)
    name = f"{role.value}-{len(callers.tokens.all())}"
    callers.accounts.add(name, role, None, by="tests")
    token, secret = callers.tokens.make(name, actions_named(scopes), label="", days=1, by="tests")
    return token.id, {"authorization": f"Bearer {secret}"}


def test_a_token_may_what_its_scopes_say_and_signs_what_it_does(public: Visit) -> None:
    _, looks = bearer(public, AccountRole.CURATOR, "look")
    number, paints = bearer(public, AccountRole.CURATOR, "look", "generate", "trace")
    assert public.client.get(f"{ROOT}/runs", headers=looks).status_code == 200
    refused = public.client.post(f"{ROOT}/generations", json=RECIPE, headers=looks)
    assert refused.status_code == 403 and list(refused.json()) == ["detail"]
    assert "not made for 'generate'" in refused.json()["detail"]
    for _ in range(4):  # more than a visitor may per hour
        answer = public.client.post(f"{ROOT}/generations", json=RECIPE, headers=paints)
        assert answer.status_code == 202
        assert run_of(public, answer.json())["actor"] == f"curator-1 (token {number})"
    files = {"file": ("a.png", png(), "image/png")}
    asked = {"files": files, "data": {"record": "true"}, "headers": paints}
    assert public.client.post(f"{ROOT}/attributions", **asked).status_code == 403
    _, records = bearer(public, AccountRole.CURATOR, "look", "trace", "record")
    answer = public.client.post(f"{ROOT}/attributions", **asked | {"headers": records})
    assert answer.status_code == 202
    assert run_of(public, answer.json())["entry"] is not None


def test_a_visitor_paints_so_many_per_hour_and_then_is_told_when(public: Visit) -> None:
    answers = [public.client.post(f"{ROOT}/generations", json=RECIPE) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [202] * 3 + [429]
    assert "within the hour" in answers[-1].json()["detail"]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert run_of(public, answers[0].json())["actor"] == "visitor"


def test_only_whoever_began_a_job_cancels_it(visitor: Visit, stranger: TestClient) -> None:
    job = visitor.client.post(f"{ROOT}/generations", json=RECIPE | {"steps": 100}).json()
    refused = stranger.post(f"{job['job']}/cancel")
    assert refused.status_code == 403 and "Only whoever began" in refused.json()["detail"]
    ended = visitor.client.post(f"{job['job']}/cancel").json()
    assert ended["state"] in ("cancelled", "finished")
    if ended["state"] == "cancelled":
        assert watched(visitor, job)[-1]["state"] == "cancelled"
        assert visitor.client.get(f"{ROOT}/runs/{job['id']}").status_code == 404


def test_only_so_many_watch_a_job(visitor: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one network, and of everybody; whoever leaves makes room."""
    monkeypatch.setattr(api_jobs, "LOOK", 0.02)
    release, record = threading.Event(), Ledger.record

    def held(self: Ledger, *arguments: Any, **named: Any) -> Any:
        release.wait(120)  # the job ends when all have watched
        return record(self, *arguments, **named)

    monkeypatch.setattr(Ledger, "record", held)
    most = WATCHED_PER_JOB * Budgets().jobs_per_address
    job = visitor.client.post(f"{ROOT}/generations", json=RECIPE | {"seed": 71}).json()

    async def watch(address: str, leave: asyncio.Event) -> int:
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "GET",
            "path": job["events"],
            "raw_path": job["events"].encode(),
            "query_string": b"",
            "root_path": "",
            "scheme": "http",
            "server": ("127.0.0.1", 7860),
            "client": (address, 1),
            "headers": [(b"host", b"127.0.0.1:7860")],
        }
        began: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        messages = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> dict[str, Any]:
            if messages:
                return messages.pop()
            await leave.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                began.set_result(message["status"])

        running.append(asyncio.create_task(visitor.application(scope, receive, send)))
        return await began

    running: list[asyncio.Task[None]] = []

    async def crowd() -> None:
        leave = asyncio.Event()
        for number in range(most):
            assert await watch(f"2001:db8:0:1::{number + 1:x}", leave) == 200
        assert await watch("2001:db8:0:1::ffff", leave) == 429
        monkeypatch.setattr(events, "STREAMS", most + 1)
        assert await watch("203.0.113.1", leave) == 200
        assert await watch("203.0.113.2", leave) == 503
        leave.set()
        await asyncio.gather(*running)
        running.clear()
        gone = asyncio.Event()
        assert await watch("203.0.113.2", gone) == 200
        gone.set()
        await asyncio.gather(*running)

    try:
        asyncio.run(crowd())
    finally:
        release.set()
    assert watched(visitor, job)[-1]["state"] == "finished"


def test_a_picture_larger_than_the_budget_is_not_read(visitor: Visit) -> None:
    files = {"file": ("a.png", b"0" * (26 * 1024 * 1024), "image/png")}
    assert visitor.client.post(f"{ROOT}/attributions", files=files).status_code == 413


# --- described -----------------------------------------------------------------------------------


def test_every_route_is_described_and_nothing_else(visitor: Visit) -> None:
    about = visitor.client.get("/openapi.json").json()
    described = {
        (method.upper(), about["servers"][0]["url"] + path)
        for path, methods in about["paths"].items()
        for method in methods
    }
    assert described == {(one.method, one.path) for one in ROUTES if one.path.startswith(ROOT)}
    for methods in about["paths"].values():
        for operation in methods.values():
            assert operation["summary"] and operation["description"]
            assert operation["responses"]["422"]["content"]["application/json"]["schema"] == {
                "$ref": "#/components/schemas/ErrorRecord"
            }


def test_the_description_is_a_page_that_fetches_nothing_from_elsewhere(visitor: Visit) -> None:
    page = visitor.client.get("/docs", headers={"accept": "text/html"}).text
    about = visitor.client.get("/openapi.json").json()
    for path in about["paths"]:
        assert f"<code>{path}</code>" in page
    for model in ("JobRecord", "RecordedRun", "EntryRecord", "GenerationOrder"):
        assert f'id="{model}"' in page
    assert "<script" not in page
    assert not re.findall(r"(?:src|href)=[\"']?https?:", page)


def test_below_a_path_of_a_proxy_the_addresses_are_below_it_too(
    ready: Collection, tmp_path: Path
) -> None:
    made = visit(ready, tmp_path, root_path="/credit", accounts="none")
    with made.client:
        answer = made.client.get("/openapi.json")
        assert answer.json()["servers"] == [{"url": f"/credit{ROOT}"}]
        job = made.client.post(f"{ROOT}/generations", json=RECIPE).json()
        assert job["job"].startswith(f"/credit{ROOT}/jobs/")
        assert job["page"] == f"/credit/?run={job['id']}"
