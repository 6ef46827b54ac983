"""Eight visitors generate at once, one of them more than the others: each reads place and time,
turns are fair, none fails; and what was promised outlives the server."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from core.collection.types import Collection
from core.ledger.ledger import open_ledger
from tests.app.web.test_stopping import PAINT, opened
from tests.server import Server, free_port

VISITORS = 8


@pytest.fixture
def running(ready: Collection, tmp_path: Path) -> Iterator[Server]:
    made = Server(ready.path, tmp_path / "home", free_port()).start()
    yield made
    made.stop()


class Visitor:
    """One browser: its cookie, and a connection per question."""

    def __init__(self, server: Server, name: str) -> None:
        self.server, self.name = server, name
        self.headers = opened(server)

    def begin(self, seed: int, steps: int = 20) -> str:
        """Press Generate; the page's session."""
        session = f"{self.name}-{seed}"
        data = ["cubism", seed, steps, 1.5, "d-trak"]
        body = {"fn_index": PAINT, "session_hash": session, "data": data}
        asked = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=120)
        asked.request(
            "POST",
            "/gradio_api/queue/join",
            json.dumps(body),
            self.headers | {"Content-Type": "application/json"},
        )
        answer = asked.getresponse()
        assert answer.status == 200, answer.read()
        return session

    def watch(self, session: str) -> list[str]:
        """Everything that the page showed of it in its status, to the end."""
        asked = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=120)
        asked.request("GET", f"/gradio_api/queue/data?session_hash={session}", headers=self.headers)
        lines = asked.getresponse().read().decode().splitlines()
        events = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
        assert any(event["msg"] == "process_completed" and event["success"] for event in events)
        return [json.dumps(event.get("output", {}), ensure_ascii=False) for event in events]


def number_of(shown: list[str]) -> int:
    """The number under which the run was recorded."""
    return int(re.findall(r"Recorded as #(\d{6})", "".join(shown))[-1])


def test_eight_visitors_at_once(running: Server) -> None:
    visitors = [Visitor(running, f"v{n}") for n in range(VISITORS)]
    greedy = visitors[0]
    # one picture was painted before, so what one takes is known when the others come
    assert number_of(greedy.watch(greedy.begin(99))) == 1
    first = [(greedy, greedy.begin(seed, steps=100)) for seed in (100, 101, 102, 103)]
    with ThreadPoolExecutor(16) as pool:
        rest = list(enumerate(visitors[1:]))
        others = list(pool.map(lambda one: (one[1], one[1].begin(one[0])), rest))
        shown = list(pool.map(lambda job: job[0].watch(job[1]), [*first, *others]))
    # two run at once: unless asking took longer than painting, the others waited
    waited = [text for text in map("".join, shown[4:]) if "cl-queued" in text]
    assert len(waited) >= VISITORS // 2
    for text in waited:
        assert re.search(r"Place \d in the queue|Next in the queue", text)
        assert re.search(r"Ready in about \d+ s", text)
    numbers = [number_of(updates) for updates in shown]
    assert sorted(numbers) == list(range(2, len(numbers) + 2))
    # the fourth of the one who brought four came after everybody's first
    assert numbers[3] > max(numbers[4:]) - 2
    ledger = open_ledger(running.home / "ledger.sqlite3")
    assert ledger.verify().ok and ledger.size() == 1 + len(numbers)


def test_what_was_promised_outlives_a_killed_server(running: Server) -> None:
    promised = set()
    for seed in range(3):
        recipe = {"class": "cubism", "seed": seed, "steps": 60}
        answer = httpx.post(f"{running.url}/api/v1/generations", json=recipe)
        assert answer.status_code == 202
        promised.add(answer.json()["id"])
    assert running.process is not None
    os.kill(running.process.pid, signal.SIGKILL)
    running.process.wait(20)
    running.start()
    ledger = open_ledger(running.home / "ledger.sqlite3")
    wait_for(lambda: not list((running.home / "jobs").rglob("*.json")))
    recorded = {run.record.id: run for run in ledger.runs(per_page=100).items}
    assert recorded.keys() == promised
    kept = {path.name for path in (running.home / "outputs").glob("*.png")}
    assert {run.record.image_file for run in recorded.values()} == kept
    assert ledger.verify().ok


def wait_for(holds: Callable[[], bool]) -> None:
    for _ in range(1200):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come to that")
