"""Signing in: by two plain forms; what a session, a token and a proxy's word are worth."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.settings import read_settings
from app.web import sign_in
from app.web.access import Access
from app.web.callers import Callers
from app.web.permissions import NAMED, event_name
from app.web.sign_in import PER_ADDRESS, PER_NAME, page_within
from app.web.uploads import Budgets
from core.accounts.roles import AccountRole, Action
from core.collection.types import Collection
from core.errors import UsageError
from core.ledger.ledger import open_ledger
from tests.app.web.conftest import HOME, Visit, png, visit

PASSWORD = "a lantern on the quay"
PAGE = {"accept": "text/html"}
PER_HOUR = 3


@pytest.fixture(scope="module")
def open_to_others(ready: Collection, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    """A studio that others can reach, with a curator and a keeper."""
    made = visit(
        ready,
        tmp_path_factory.mktemp("others"),
        Budgets(per_hour=PER_HOUR),
        hosts="studio.example.org",
        proxies="10.0.0.5",
        user_header="X-Remote-User",
    )
    accounts = Callers(made.settings, made.access).accounts
    accounts.add("anna", AccountRole.CURATOR, PASSWORD, by="tests")
    accounts.add("kim", AccountRole.KEEPER, PASSWORD + "!", by="tests")
    with made.client:
        yield made


@pytest.fixture
def callers(open_to_others: Visit) -> Callers:
    return Callers(open_to_others.settings, open_to_others.access)


def browser(made: Visit, address: str = "203.0.113.1") -> Visit:
    """Another browser, at another address."""
    client = TestClient(
        made.application, base_url=HOME, follow_redirects=False, client=(address, 4711)
    )
    other = Visit(client, made.application, made.access, made.settings)
    other.open()
    return other


def ended(made: Visit, name: str, data: list[Any], session: str) -> str:
    """Post an event by its name and read until it has ended."""
    fns = made.blocks.fns.items()
    number = next(n for n, fn in fns if event_name(fn) == name and fn.fn is not None)
    answer = made.post(number, data, session=session)
    if answer.status_code != 200 or not made.blocks.fns[number].queue:
        return str(answer.text)
    return str(made.client.get(f"/gradio_api/queue/data?session_hash={session}").text)


PAINTED = ["cubism", 1, 2, 1.0, "d-trak"]


# --- where accounts are required -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "required"),
    [
        ({}, False),
        ({"host": "::1"}, False),
        ({"host": "localhost"}, False),
        ({"host": "0.0.0.0"}, True),
        ({"host": "::"}, True),
        ({"host": "192.168.1.5"}, True),
        ({"hosts": "studio.example.org"}, True),
        ({"proxies": "10.0.0.5"}, True),
        ({"root_path": "/credit"}, True),
        ({"host": "0.0.0.0", "accounts": "none"}, False),
        ({"accounts": "required"}, True),
    ],
)
def test_accounts_are_required_wherever_others_reach_the_studio_unless_said_otherwise(
    tmp_path: Path, given: dict[str, str], required: bool
) -> None:
    settings = read_settings(home=tmp_path, **given)
    callers = Callers(settings, Access(settings))
    assert callers.required is required
    caller = callers.caller({}, {})
    assert caller.may(Action.EXPORT) is not required
    assert not caller.may(Action.IMPORT)  # needs the key, or a keeper


def test_settings_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    settings = read_settings(home=tmp_path, host="0.0.0.0", importing="anyone")
    with pytest.raises(UsageError, match="--without-accounts"):
        Callers(settings, Access(settings))
    with pytest.raises(UsageError, match="CREDITLINE_USER_HEADER cannot be.*--behind-proxy"):
        read_settings(user_header="X-Remote-User")
    with pytest.raises(UsageError, match="CREDITLINE_USER_HEADER cannot be"):
        read_settings(proxies="10.0.0.5", user_header="X Remote")


def test_the_printed_key_opens_nothing_where_accounts_are_required(open_to_others: Visit) -> None:
    one = browser(open_to_others)
    key = one.access.new_key()
    assert one.client.get(f"/?key={key}").status_code == 303
    assert one.client.get("/import", headers=PAGE).status_code == 403


def test_where_importing_is_switched_off_no_keeper_imports(tmp_path: Path) -> None:
    settings = read_settings(home=tmp_path, accounts="required", importing="nobody")
    callers = Callers(settings, Access(settings))
    callers.accounts.add("kim", AccountRole.KEEPER, PASSWORD, by="tests")
    token, _ = callers.tokens, None
    _, secret = token.make("kim", {Action.IMPORT, Action.EXPORT}, label="", days=1, by="tests")
    caller = callers.caller({}, {"authorization": f"Bearer {secret}"})
    assert caller.may(Action.EXPORT) and not caller.may(Action.IMPORT)
    assert "switched off" in callers.refusal(Action.IMPORT)


# --- the forms -----------------------------------------------------------------------------------


def test_a_person_signs_in_without_a_script_and_out_again(open_to_others: Visit) -> None:
    one = browser(open_to_others)
    page = one.client.get("/import", headers=PAGE)
    assert page.status_code == 403 and "<script" not in page.text
    link = re.search(r'href="\./(sign-in\?to=[^"]+)"', page.text)
    assert link is not None and "needs a keeper" in page.text
    form = one.client.get(f"/{link[1]}", headers=PAGE).text
    assert "<script" not in form and 'value="/import"' in form
    data = {"name": "kim", "password": PASSWORD + "!", "to": "/import"}
    answer = one.client.post("/sign-in", data=data, headers={"origin": HOME})
    assert (answer.status_code, answer.headers["location"]) == (303, "/import")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Max-Age=43200" in cookie
    assert "Secure" not in cookie  # plain http, as this address is
    assert one.client.get("/import", headers=PAGE).status_code == 200
    assert "As kim, keeper" in one.client.get("/sign-in").text
    kept = dict(one.client.cookies)
    assert one.client.post("/sign-out").status_code == 303
    assert one.client.get("/import", headers=PAGE).status_code == 403
    again = browser(open_to_others)
    again.client.cookies.update(kept)  # a copy of the cookie is worth nothing either
    assert again.client.get("/import", headers=PAGE).status_code == 403


def test_over_https_the_cookie_is_for_https_alone(open_to_others: Visit) -> None:
    client = TestClient(
        open_to_others.application,
        base_url=HOME,
        follow_redirects=False,
        client=("10.0.0.5", 1),
    )
    headers = {"x-forwarded-proto": "https", "x-forwarded-prefix": "/credit"}
    data = {"name": "anna", "password": PASSWORD}
    cookie = client.post("/sign-in", data=data, headers=headers).headers["set-cookie"]
    assert cookie.endswith("; Secure") and "Path=/credit/;" in cookie


@pytest.mark.parametrize(
    "place",
    ["https://evil.example", "//evil.example", "/\\evil", "/import/../x", "javascript:1", "/a\n"],
)
def test_after_signing_in_nobody_is_led_elsewhere(place: str) -> None:
    assert page_within(place) == "/"


def test_a_wrong_name_and_a_wrong_password_are_told_alike(open_to_others: Visit) -> None:
    one = browser(open_to_others, "203.0.113.2")
    answers = [
        one.client.post("/sign-in", data={"name": name, "password": "wrong, wrong, wrong"})
        for name in ("anna", "nobody-of-this-name")
    ]
    assert [answer.status_code for answer in answers] == [401, 401]
    first, second = (answer.text for answer in answers)
    assert first.replace("anna", "nobody-of-this-name") == second
    assert "set-cookie" not in answers[0].headers
    hostile = one.client.post("/sign-in", data={"name": '"><script>x', "password": "y"})
    assert "<script" not in hostile.text


def test_whoever_guesses_waits_by_name_and_by_address(open_to_others: Visit) -> None:
    """A name from one network, a network with many names; others are not touched."""
    for number in range(PER_NAME):
        client = browser(open_to_others, f"2001:db8:0:7::{number + 1:x}").client
        assert client.post("/sign-in", data={"name": "guessed", "password": "x"}).status_code == 401
    last = client.post("/sign-in", data={"name": "Guessed", "password": "x"})
    assert last.status_code == 429 and "Wait 1" in last.text
    client = browser(open_to_others, "198.51.100.200").client
    codes = [
        client.post("/sign-in", data={"name": f"n-{number}", "password": "x" * 2000}).status_code
        for number in range(PER_ADDRESS + 1)
    ]
    assert codes == [401] * PER_ADDRESS + [429]
    browser(open_to_others, "198.51.100.201").sign_in("anna", PASSWORD)


def test_a_stranger_elsewhere_locks_nobody_out(open_to_others: Visit) -> None:
    stranger = browser(open_to_others, "198.51.100.77")
    wrong = {"name": "kim", "password": "x"}
    codes = [stranger.client.post("/sign-in", data=wrong).status_code for _ in range(PER_NAME + 1)]
    assert codes == [401] * PER_NAME + [429]
    browser(open_to_others, "198.51.100.78").sign_in("kim", PASSWORD + "!")
    assert stranger.client.post("/sign-in", data=wrong).status_code == 429  # still


def test_a_name_from_very_many_networks_has_an_end(
    callers: Callers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_in, "PER_NAME_ANYWHERE", 4)
    application = FastAPI()
    application.include_router(sign_in.signing_in(callers))
    clients = [TestClient(application, client=(f"198.51.100.{n}", 1)) for n in range(5)]
    wrong = {"name": "guessed", "password": "x"}
    codes = [client.post("/sign-in", data=wrong).status_code for client in clients]
    assert codes == [401] * 4 + [429]


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_another_site_signs_nobody_in_or_out(open_to_others: Visit, origin: str) -> None:
    one = browser(open_to_others, "203.0.113.3")
    one.sign_in("anna", PASSWORD)
    for path in ("/sign-in", "/sign-out"):
        data = {"name": "kim", "password": PASSWORD + "!"}
        assert one.client.post(path, data=data, headers={"origin": origin}).status_code == 403
    assert "As anna" in one.client.get("/sign-in").text


# --- tokens and proxies --------------------------------------------------------------------------


def test_a_token_opens_what_its_scopes_say_and_no_page_of_a_browser(
    open_to_others: Visit, callers: Callers
) -> None:
    token, secret = callers.tokens.make("kim", {Action.EXPORT}, label="", days=1, by="tests")
    client = TestClient(open_to_others.application, base_url=HOME)
    headers = {"authorization": f"Bearer {secret}"}
    assert client.get("/ledger.csv", headers=headers).status_code == 200
    assert client.get("/ledger", headers=headers).status_code == 403  # look was not given
    assert client.get("/import", headers=headers).status_code == 403
    for wrong in (secret + "x", "creditline_", "", "Bearer"):
        bad = {"authorization": f"Bearer {wrong}"}
        assert client.get("/ledger.csv", headers=bad).status_code == 403
    callers.tokens.revoke(token.id)
    assert client.get("/ledger.csv", headers=headers).status_code == 403


def test_a_token_calls_no_event_of_a_page(open_to_others: Visit, callers: Callers) -> None:
    _, secret = callers.tokens.make("kim", frozenset(Action), label="", days=1, by="tests")
    one = browser(open_to_others)
    pages = [each for each in one.blocks.fns.items() if event_name(each[1]) not in NAMED]
    assert 0 < len(pages) < len(one.blocks.fns)  # what has a name is there for programs
    for number, fn in pages:
        data = [None] * len(fn.inputs)
        answer = one.post(number, data, authorization=f"Bearer {secret}")
        assert answer.status_code == 403


def test_a_proxys_word_counts_from_its_address_alone(
    open_to_others: Visit, callers: Callers
) -> None:
    if callers.accounts.named("proxied") is None:
        callers.accounts.add("proxied", AccountRole.KEEPER, None, by="tests")

    def asks(address: str, headers: Any) -> int:
        client = TestClient(open_to_others.application, base_url=HOME, client=(address, 1))
        return int(client.get("/ledger.csv", headers=headers).status_code)

    said = {"X-Remote-User": "proxied"}
    assert asks("10.0.0.5", said) == 200
    assert asks("10.0.0.5", {"X-Remote-User": "somebody-else"}) == 403
    assert asks("10.0.0.5", {}) == 403
    assert asks("10.0.0.5", [*said.items(), ("x-remote-user", "anna")]) == 403  # it comes twice
    for address in ("127.0.0.1", "10.0.0.6", "testclient"):
        assert asks(address, said) == 403
    callers.accounts.revoke("proxied", by="tests")
    assert asks("10.0.0.5", said) == 403


# --- what is done, by whom -----------------------------------------------------------------------


def recorded(made: Visit, text: str) -> Any:
    """The run that an event's updates speak of."""
    run_id = re.findall(r"/runs/(\w+)\.json", text)[-1]
    return json.loads(made.client.get(f"/runs/{run_id}.json").text)


def test_every_run_and_entry_names_who_did_it(open_to_others: Visit) -> None:
    visitor, curator = (browser(open_to_others, f"203.0.113.{n}") for n in (10, 11))
    curator.sign_in("anna", PASSWORD)
    ledger = open_ledger(open_to_others.settings.ledger_file)
    try:
        for one, name, seed in ((visitor, "visitor", 1), (curator, "anna", 2)):
            data = ["cubism", seed, 2, 1.0, "d-trak"]
            run = recorded(one, ended(one, "generate", data, f"of-{name}"))
            assert run["actor"] == name
            entry = ledger.entry(run["entry"])
            assert entry is not None and entry.actor == name
        assert ledger.verify().ok
    finally:
        ledger.close()


def test_a_visitor_traces_but_records_no_credit_and_a_curator_does(open_to_others: Visit) -> None:
    visitor, curator = (browser(open_to_others, f"203.0.113.{n}") for n in (20, 21))
    curator.sign_in("anna", PASSWORD)
    for seed, (one, book, words) in enumerate(
        (
            (visitor, False, "nothing was booked"),
            (visitor, True, "account. Sign in at the top of the page"),
            (curator, True, "Recorded as #"),
        )
    ):
        file = {"path": one.upload(png(60 + seed)).json()[0], "meta": {"_type": "gradio.FileData"}}
        text = ended(one, "trace", [file, "", "d-trak", book], f"trace-{seed}")
        assert words in text, words


def test_a_visitor_paints_so_often_per_hour_and_whoever_signs_in_goes_on(
    open_to_others: Visit,
) -> None:
    one, near = browser(open_to_others, "203.0.113.30"), browser(open_to_others, "203.0.113.30")
    for number in range(PER_HOUR):
        assert "process_completed" in ended(one, "generate", PAINTED, f"hour-{number}")
    for late in (one, near):  # another browser of the same address
        text = ended(late, "generate", PAINTED, "late")
        assert f"{PER_HOUR} pictures were painted or traced within the hour" in text
        assert "sign in" in text
    near.sign_in("anna", PASSWORD)
    assert "process_completed" in ended(near, "generate", PAINTED, "signed")
    far = browser(open_to_others, "203.0.113.31")
    assert "process_completed" in ended(far, "generate", PAINTED, "far")


def test_pages_offer_only_what_the_role_may(open_to_others: Visit) -> None:
    visitor, curator, keeper = (browser(open_to_others, f"203.0.113.{n}") for n in (40, 41, 42))
    curator.sign_in("anna", PASSWORD)
    keeper.sign_in("kim", PASSWORD + "!")
    heads = [ended(one, "account", [], "a") for one in (visitor, curator, keeper)]
    assert ["Sign in" in head for head in heads] == [True, False, False]
    assert ["./import" in head for head in heads] == [False, False, True]
    assert ["Sign out" in head for head in heads] == [False, True, True]
    assert "anna, curator" in heads[1] and "kim, keeper" in heads[2]
    for one, record, ask in ((visitor, False, False), (curator, True, True)):
        *_, book, question = json.loads(ended(one, "opened", [], "a"))["data"]
        assert (book["visible"], question["visible"]) == (record, ask)
