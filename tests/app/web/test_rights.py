"""Disputes and corrections in a browser without scripts: who may, what happens, what is seen."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from app.services.session import open_studio
from app.web.callers import Callers
from app.web.language import LANGUAGES
from app.web.pages import ledger as page
from core.accounts.roles import AccountRole
from core.collection.store import load_collection
from core.collection.types import Collection
from core.ledger.ledger import Ledger, open_ledger
from core.ledger.records import ARTIST, ESCROW
from core.ledger.shares import DEFAULT_RULE, Shares
from tests.app.web.conftest import Visit, visit
from tests.app.web.test_sign_in import PASSWORD, browser
from tests.runs import key, record

GERMAN = LANGUAGES["de"]
PAGE = {"accept": "text/html"}


@pytest.fixture(scope="module")
def made(ready: Collection, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    """A studio that others can reach, over a copy of the collection, with two entries."""
    place = tmp_path_factory.mktemp("rights")
    shutil.copytree(ready.path, place / "copy")
    opened = visit(load_collection(place / "copy"), place / "home", accounts="required")
    accounts = Callers(opened.settings, opened.access).accounts
    accounts.add("anna", AccountRole.CURATOR, PASSWORD, by="tests")
    accounts.add("kim", AccountRole.KEEPER, PASSWORD + "!", by="tests")
    ledger = open_ledger(opened.settings.ledger_file)
    names = {one.id: one.name for one in ready.artists}
    first, second = list(names)[:2]
    for seed in range(2):
        run = replace(record(seed), artist_micro={first: 400_000, second: 100_000})
        ledger.record(run, Shares(DEFAULT_RULE, run.artist_micro, 500_000), key(run), names)
    ledger.close()
    with opened.client:
        yield opened


@pytest.fixture
def ledger(made: Visit) -> Iterator[Ledger]:
    opened = open_ledger(made.settings.ledger_file)
    yield opened
    opened.close()


def signed_in(made: Visit, name: str) -> Visit:
    other = browser(made, "203.0.113.7")
    if name:
        other.sign_in(name, PASSWORD + ("!" if name == "kim" else ""))
    return other


def test_a_dispute_goes_its_way_and_is_seen_on_every_page(made: Visit, ledger: Ledger) -> None:
    first, second = (one.id for one in load_collection(made.settings.collection).artists[:2])
    anna, kim = signed_in(made, "anna").client, signed_in(made, "kim").client
    form = {"entry": "1", "artist": first, "reason": "The wave is <mine>."}
    answer = anna.post("/disputes", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/disputes?number=1")
    assert ledger.balances()[first, ESCROW] == 400_000
    page = anna.get("/disputes?number=1").text
    assert "The wave is &lt;mine&gt;." in page and "anna" in page
    assert 'action="./disputes/comment"' in page and 'action="./disputes/resolve"' not in page
    assert anna.post("/disputes", data=form).status_code == 400
    assert anna.post("/disputes/resolve", data={"number": "1"}).status_code == 403
    said = anna.post("/disputes/comment", data={"number": "1", "reason": "See the sketch."})
    assert said.status_code == 303
    decided = {"number": "1", "outcome": "upheld", "paid_to": second, "reason": "It shows."}
    assert 'action="./disputes/resolve"' in kim.get("/disputes?number=1").text
    assert kim.post("/disputes/resolve", data=decided).status_code == 303
    assert kim.post("/disputes/resolve", data=decided).status_code == 400
    assert ledger.balances()[second, ARTIST] == 600_000
    dispute = ledger.dispute(1)
    assert dispute is not None
    assert [step.actor for step in dispute.events] == ["anna", "anna", "kim"]
    assert ledger.verify().ok
    visitor = signed_in(made, "").client
    page = visitor.get("/disputes").text
    assert "See the sketch." in page and "It shows." in page and "<form" not in page
    assert visitor.get("/disputes?number=9").status_code == 404


def test_a_keeper_corrects_and_nobody_else(made: Visit, ledger: Ledger) -> None:
    who = load_collection(made.settings.collection).artists[2]
    kim = signed_in(made, "kim").client
    for path in ("reverse", "remove", "opt-out"):
        for name in ("", "anna"):
            other = signed_in(made, name).client
            assert other.post(f"/corrections/{path}", data={"entry": "2"}).status_code == 403
        foreign = kim.post(f"/corrections/{path}", headers={"origin": "https://evil.example"})
        assert foreign.status_code == 403
    assert "Reverse an entry" in kim.get("/corrections", headers=PAGE).text
    wrong = kim.post("/corrections/reverse", data={"entry": "2", "reason": ""})
    assert wrong.status_code == 400 and "needs its reason" in wrong.text
    assert kim.post("/corrections/reverse", data={"entry": "2", "reason": "A test"}).is_success
    entry = ledger.entry(2)
    assert entry is not None and entry.reversed_by is not None
    reversal = ledger.entry(entry.reversed_by)
    assert reversal is not None and (reversal.actor, reversal.reason) == ("kim", "A test")
    wish = {"artist": who.id, "source": "a letter", "name": "withheld"}
    answer = kim.post("/corrections/opt-out", data=wish)
    assert answer.is_success and who.name not in answer.text
    assert who.id in ledger.masked() & ledger.opted_out()
    studio = open_studio(made.settings)
    run = record(9)
    names = {who.id: who.name}
    studio.ledger.record(run, Shares(DEFAULT_RULE, {who.id: 600_000}, 400_000), key(run), names)
    for shown in (
        page.artists_page(studio, {}),
        page.artists_page(studio, {"id": who.id}, GERMAN),
        page.ledger_page(studio, {}),
        kim.get(f"/statements/{who.id}.csv").text,
        kim.get("/ledger.csv").text,
        kim.get("/ledger.json").text,
    ):
        assert who.name not in shown
        assert "withheld" in shown or "Name zurückgehalten" in shown
    assert "Name zurückgehalten" in page.artists_page(studio, {"id": who.id}, GERMAN)
    assert studio.ledger.balances()[who.id, ARTIST] == 600_000  # and still paid
    studio.ledger.close()
    works = [work.id for work in load_collection(made.settings.collection).works][:1]
    gone = {"works": works[0], "reason": "wrong"}
    assert kim.post("/corrections/remove", data=gone).is_success
    left = load_collection(made.settings.collection, check_files=False)
    assert works[0] not in {work.id for work in left.works}
    assert "wrong (by kim)" in (left.path / "removed.csv").read_text()


def test_a_statement_is_a_file_for_everybody(made: Visit, ledger: Ledger) -> None:
    who = ledger.artists()[0].id
    client = signed_in(made, "").client
    answer = client.get(f"/statements/{who}.csv?since=2026-01-01")
    assert answer.is_success and answer.headers["content-type"].startswith("text/csv")
    assert answer.content.startswith("\ufeffline,entry".encode())
    assert "attachment" in answer.headers["content-disposition"]
    for path in (f"/statements/{who}.xls", f"/statements/{who}.csv?period=2026-13"):
        assert client.get(path).status_code == 400
    assert client.get("/statements/nobody-here.csv").status_code == 400


def test_a_long_ledger_is_verified_as_a_whole_for_the_keeper_alone(
    made: Visit, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "VERIFIED_UNASKED", 0)
    asked: list[str] = []
    studio = _studio(ledger, asked)
    for query, keeper, expected in (
        ({}, True, []),
        ({}, False, []),
        ({"verify": "1"}, False, ["new"]),
        ({"verify": "1"}, True, ["whole"]),
    ):
        asked.clear()
        page.ledger_page(studio, query, keeper=keeper)
        assert asked == expected


def _studio(ledger: Ledger, asked: list[str]) -> Any:
    class Counting:
        def __getattr__(self, name: str) -> object:
            return getattr(ledger, name)

        def verify(self) -> object:
            asked.append("whole")
            return ledger.verify()

        def verify_new(self) -> object:
            asked.append("new")
            return ledger.verify_new()

    return SimpleNamespace(ledger=Counting(), collection=SimpleNamespace(styles=()))


def test_the_training_summary_is_a_page_and_two_files(made: Visit) -> None:
    client = signed_in(made, "").client
    page = client.get("/summary").text
    assert "Training content" in page and "for the keeper to write" in page
    assert client.get("/summary.md").text.startswith("# Summary of training content")
    works = len(load_collection(made.settings.collection, check_files=False).works)
    assert client.get("/summary.json").json()["works"] == works
