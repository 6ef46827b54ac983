"""Accounts of a home: names are given once, passwords are kept as hashes, what ends has ended."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from core.accounts.passwords import LONGEST, SHORTEST, hashed, matches
from core.accounts.roles import (
    NEEDS,
    RANKS,
    AccountRole,
    Action,
    actions_named,
    allowed_to,
    role_named,
)
from core.accounts.sessions import LASTS, Sessions
from core.accounts.store import Accounts
from core.accounts.tokens import PREFIX, Tokens
from core.errors import AccountError, UsageError

PASSWORD = "a lantern on the quay"


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def accounts(tmp_path: Path) -> Accounts:
    made = Accounts(tmp_path / "home" / "accounts.sqlite3")
    made.add("anna", AccountRole.CURATOR, PASSWORD, by="root")
    return made


# --- roles ---------------------------------------------------------------------------------------


def test_each_role_may_all_that_the_one_before_may_and_more() -> None:
    visitor, curator, keeper = (allowed_to(role) for role in AccountRole)
    assert visitor < curator < keeper == frozenset(Action)
    assert set(NEEDS) == set(Action) and list(RANKS) == list(AccountRole)


def test_a_visitor_looks_generates_and_traces_and_nothing_else() -> None:
    assert allowed_to(AccountRole.VISITOR) == {Action.LOOK, Action.GENERATE, Action.TRACE}


@pytest.mark.parametrize("name", ["visitor", "admin", "", "Keeper"])
def test_an_account_has_one_of_two_roles(name: str) -> None:
    with pytest.raises(UsageError, match="Choose one of: curator, keeper"):
        role_named(name)


@pytest.mark.parametrize("names", [[], [""], ["look", "everything"]])
def test_a_scope_that_there_is_not_is_refused_with_the_choices(names: list[str]) -> None:
    with pytest.raises(UsageError, match="what-if"):
        actions_named(names)


# --- accounts ------------------------------------------------------------------------------------


def test_a_home_without_accounts_is_left_without_a_file(tmp_path: Path) -> None:
    empty = Accounts(tmp_path / "accounts.sqlite3")
    assert empty.all() == () and empty.named("anna") is None
    assert empty.with_password("anna", PASSWORD) is None
    assert Sessions(empty).account("x.y.z") is None and Tokens(empty).owner(PREFIX + "x") is None
    assert not empty.path.exists()


def test_the_file_is_for_its_owner_alone_and_holds_no_password(accounts: Accounts) -> None:
    assert stat.S_IMODE(os.stat(accounts.path).st_mode) == 0o600
    cookie = Sessions(accounts).begin(accounts.required("anna"))
    _, secret = Tokens(accounts).make("anna", {Action.LOOK}, label="x", days=None, by="root")
    data = accounts.path.read_bytes()
    assert b"$argon2id$" in data
    for kept in (PASSWORD, secret, secret.removeprefix(PREFIX), cookie, cookie.split(".")[0]):
        assert kept.encode() not in data


def test_a_password_opens_its_own_account_and_no_other(accounts: Accounts) -> None:
    accounts.add("bo", AccountRole.KEEPER, "another long password", by="root")
    account = accounts.with_password("ANNA", PASSWORD)
    assert account is not None and (account.name, account.role) == ("anna", AccountRole.CURATOR)
    for name, password in (("bo", PASSWORD), ("anna", PASSWORD + " "), ("carl", PASSWORD)):
        assert accounts.with_password(name, password) is None


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "a\nb", "<b>", "keeper", "Visitor", "x" * 65, "-a", "a/b", "a:b", "ä"]
)
def test_a_name_that_could_be_misread_is_refused(accounts: Accounts, name: str) -> None:
    with pytest.raises(AccountError, match="cannot be an account's name"):
        accounts.add(name, AccountRole.CURATOR, PASSWORD, by="root")


@pytest.mark.parametrize("name", ["anna", "Anna", " ANNA "])
def test_a_name_is_given_once_and_never_again(accounts: Accounts, name: str) -> None:
    accounts.revoke("anna", by="root")
    with pytest.raises(AccountError, match="was given before"):
        accounts.add(name, AccountRole.KEEPER, PASSWORD, by="root")


@pytest.mark.parametrize("password", ["", "x" * (SHORTEST - 1), "x" * (LONGEST + 1)])
def test_a_password_that_is_too_short_or_too_long_is_refused(
    accounts: Accounts, password: str
) -> None:
    with pytest.raises(AccountError, match="A password has at least"):
        accounts.add("bo", AccountRole.CURATOR, password, by="root")
    assert accounts.named("bo") is None


def test_who_has_no_password_cannot_sign_in(accounts: Accounts) -> None:
    account = accounts.add("proxied", AccountRole.CURATOR, None, by="root")
    assert not account.signs_in
    assert accounts.with_password("proxied", "") is None
    assert accounts.with_password("proxied", "nobody has this password") is None


def test_a_revoked_account_ends_with_its_sessions_and_tokens(accounts: Accounts) -> None:
    sessions, tokens = Sessions(accounts), Tokens(accounts)
    cookie = sessions.begin(accounts.required("anna"))
    _, secret = tokens.make("anna", {Action.LOOK}, label="", days=None, by="root")
    assert sessions.account(cookie) is not None and tokens.owner(secret) is not None
    revoked = accounts.revoke("anna", by="root")
    assert not revoked.stands and accounts.all() == (revoked,)
    assert accounts.named("anna") is None and accounts.with_password("anna", PASSWORD) is None
    assert sessions.account(cookie) is None and tokens.owner(secret) is None
    with pytest.raises(AccountError, match="no account 'anna'"):
        accounts.revoke("anna", by="root")


def test_a_new_password_signs_out_everywhere(accounts: Accounts) -> None:
    sessions = Sessions(accounts)
    cookie = sessions.begin(accounts.required("anna"))
    accounts.set_password("anna", "quite another password")
    assert sessions.account(cookie) is None
    assert accounts.with_password("anna", PASSWORD) is None
    assert accounts.with_password("anna", "quite another password") is not None


def test_a_damaged_file_is_told_in_words(accounts: Accounts) -> None:
    accounts.path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(AccountError, match="cannot be read or written"):
        accounts.all()


def test_a_hash_of_another_make_fits_nothing() -> None:
    assert matches(hashed(PASSWORD), PASSWORD)
    for kept in ("", PASSWORD, "$argon2id$v=19$broken", None):
        assert not matches(kept, PASSWORD)
    assert hashed(PASSWORD) != hashed(PASSWORD)  # salted


# --- sessions ------------------------------------------------------------------------------------


def test_a_session_ends_by_time_by_signing_out_and_with_another_home(
    accounts: Accounts, tmp_path: Path
) -> None:
    clock = Clock()
    sessions = Sessions(accounts, clock)
    first, second = (sessions.begin(accounts.required("anna")) for _ in range(2))
    assert first != second
    sessions.end(first)
    assert sessions.account(first) is None and sessions.account(second) is not None
    other = Accounts(tmp_path / "other.sqlite3")
    other.add("anna", AccountRole.KEEPER, PASSWORD, by="root")
    assert Sessions(other).account(second) is None
    clock.now += LASTS + 1
    assert sessions.account(second) is None


@pytest.mark.parametrize("place", [0, 5, 40, -1])
def test_a_cookie_with_one_changed_letter_is_nobodys(accounts: Accounts, place: int) -> None:
    sessions = Sessions(accounts)
    cookie = sessions.begin(accounts.required("anna"))
    letters = list(cookie)
    letters[place] = "A" if letters[place] != "A" else "B"
    if "".join(letters)[:-1] != cookie[:-1]:  # the last letter has bits that mean nothing
        assert sessions.account("".join(letters)) is None
    for bad in ("", "a", "a.b.c", cookie.rpartition(".")[0], "ü" * 20):
        assert sessions.account(bad) is None


# --- tokens --------------------------------------------------------------------------------------


def test_a_token_does_what_it_was_made_for_and_never_more_than_its_owner(
    accounts: Accounts,
) -> None:
    clock = Clock()
    tokens = Tokens(accounts, clock)
    with pytest.raises(AccountError, match="may not: export"):
        tokens.make("anna", {Action.LOOK, Action.EXPORT}, label="", days=None, by="root")
    made, secret = tokens.make("anna", {Action.TRACE}, label=" site\nb ", days=30, by="root")
    assert made.label == "site b" and made.scopes == {Action.TRACE}
    owned = tokens.owner(secret)
    assert owned is not None and owned[0].name == "anna" and owned[1] == made
    clock.now += 31 * 86400
    assert tokens.owner(secret) is None


def test_a_token_is_revoked_by_its_number(accounts: Accounts) -> None:
    tokens = Tokens(accounts)
    kept, secret = tokens.make("anna", {Action.LOOK}, label="", days=None, by="root")
    _, other = tokens.make("anna", {Action.LOOK}, label="", days=None, by="root")
    assert tokens.revoke(kept.id).revoked_at is not None
    assert tokens.owner(secret) is None and tokens.owner(other) is not None
    with pytest.raises(AccountError, match="no token 'x'"):
        tokens.revoke("x")
    for bad in ("", PREFIX, secret + "x", secret.removeprefix(PREFIX)):
        assert tokens.owner(bad) is None
