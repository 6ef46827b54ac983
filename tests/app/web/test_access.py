"""Every route and every event, as visitor, curator and keeper, from here, from a foreign page and
under a foreign name: each answers as the table in the documents says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.web.callers import Callers
from app.web.permissions import EVENTS, event_name
from core.accounts.roles import AccountRole
from core.accounts.store import Account
from core.collection.types import Collection
from tests.access import NOBODY, WHO, Row, events, every_route, printed, rows, tables
from tests.app.web.conftest import HOME, Visit, png, visit

ROLES = tuple(AccountRole)
FOREIGN = {
    "a foreign page": ({"origin": "https://evil.example"}, 403),
    "a foreign page without a name": ({"origin": "null"}, 403),
    "a foreign name": ({"host": "evil.example"}, 421),
    "a rebound name": ({"host": "evil.example", "origin": "http://evil.example"}, 421),
}
WHO_SIGNS = {"a curator": "a curator's account", "a keeper": "a keeper's account"}
SHUT = {"detail": "There is nothing at this address."}


class Parties:
    """A browser per role at one studio that others can reach."""

    def __init__(self, made: Visit) -> None:
        self.made, self.callers = made, Callers(made.settings, made.access)
        self.accounts: dict[AccountRole, Account] = {
            role: self.callers.accounts.add(f"{role.value}-1", role, None, by="tests")
            for role in ROLES[1:]
        }
        self.browsers = {role: self.browser(role) for role in ROLES}
        self.brought = {
            role: client.post(
                "/gradio_api/upload", files={"files": ("a.png", png(place), "image/png")}
            ).json()[0]
            for place, (role, client) in enumerate(self.browsers.items())
        }

    def browser(self, role: AccountRole) -> TestClient:
        client = TestClient(self.made.application, base_url=HOME, follow_redirects=False)
        client.get("/", headers={"accept": "text/html"})
        if role in self.accounts:
            session = self.callers.sessions.begin(self.accounts[role])
            client.cookies.set(self.made.access.session_cookie, session)
        return client

    def ask(self, row: Row, role: AccountRole, **headers: str) -> Any:
        """The row's route with something in place of its parameters."""
        browser = self.browsers[role]
        if row.path == "/sign-out":
            browser = self.browser(role)  # the others stay signed in
        if "file=" in row.path:
            path = f"/gradio_api/file={self.brought[role]}"
        else:
            path = re.sub(r"\{\w+(:path)?\}", "none", row.path)
        return browser.request(row.method, path, headers=headers)


@pytest.fixture(scope="module")
def parties(ready: Collection, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parties]:
    made = visit(ready, tmp_path_factory.mktemp("access"), accounts="required")
    with made.client:
        yield Parties(made)


def may(who: str, role: AccountRole) -> bool:
    """As the words of the table say."""
    words = list(WHO.values())
    return who != NOBODY and ROLES.index(role) >= words.index(who)


def test_every_route_there_is_has_its_row(parties: Parties) -> None:
    real = every_route(parties.made.application.routes)
    table = [(row.method, row.path) for row in rows()]
    assert len(table) == len(set(table)) and len(real) > 70
    assert real - set(table) == set()
    # a row that is no route of its own says which names of a route are answered
    assert set(table) - real == {("POST", "/gradio_api/run/predict")}


def test_the_documents_print_what_the_gate_holds_to() -> None:
    assert printed() == tables(), "run `python -m tests.access`"


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row.method} {row.path}")
def test_a_route_answers_as_its_row_says(parties: Parties, row: Row, role: AccountRole) -> None:
    answer = parties.ask(row, role)
    if row.who == NOBODY:
        assert answer.status_code == 404 and answer.json() == SHUT
    elif may(row.who, role):
        shut = answer.status_code == 404 and answer.json() == SHUT
        assert answer.status_code not in (403, 405, 421, 500) and not shut
    else:
        assert answer.status_code == 403
        assert "Sign in" in answer.json()["detail"] and WHO_SIGNS[row.who] in answer.text


@pytest.mark.parametrize("place", FOREIGN)
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row.method} {row.path}")
def test_from_elsewhere_no_route_answers_whoever_is_signed_in(
    parties: Parties, row: Row, role: AccountRole, place: str
) -> None:
    headers, status = FOREIGN[place]
    answer = parties.ask(row, role, **headers)
    assert answer.status_code == status
    assert "evil" not in answer.text + str(answer.headers)
    assert not [name for name in answer.headers if name.startswith(("access-control", "set-cook"))]


@pytest.mark.parametrize("role", ROLES)
def test_another_method_opens_no_route(parties: Parties, role: AccountRole) -> None:
    table = {(row.method, row.path) for row in rows() if row.who != NOBODY}
    for row in rows():
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
            if (method, row.path) not in table:
                answer = parties.ask(Row(method, row.path, row.who), role)
                if "file=" not in row.path or method != "GET":
                    assert answer.status_code == 404, (method, row.path)


def test_every_event_has_its_row_and_every_row_an_event(parties: Parties) -> None:
    names = {event_name(fn) for fn in parties.made.blocks.fns.values()}
    assert names == set(events()) == set(EVENTS)


@pytest.mark.parametrize("role", ROLES)
def test_an_event_is_called_only_by_whom_its_page_offers_it(
    parties: Parties, role: AccountRole
) -> None:
    table, refused = events(), 0
    for number, fn in parties.made.blocks.fns.items():
        body = {"fn_index": number, "session_hash": "s", "data": "not as its fields"}
        route = "/gradio_api/queue/join" if fn.queue else "/gradio_api/run/predict"
        answer = parties.browsers[role].post(route, json=body)
        if fn.fn is None or may(table[event_name(fn)], role):
            callable_ = fn.fn is not None
            assert answer.status_code == (400 if callable_ else 404), (fn.api_name, answer.text)
        else:
            refused += 1
            assert answer.status_code == 403, fn.api_name
            assert "Sign in" in answer.json()["detail"]
    assert (refused == 0) == (role is AccountRole.KEEPER)
    for place, (headers, status) in FOREIGN.items():
        answer = parties.browsers[role].post(route, json=body, headers=headers)
        assert answer.status_code == status, place
