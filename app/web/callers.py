"""Who asks, and what they may do: a visitor, a signed-in account, a token, the keeper's browser.

In: a request as the gate sees it. Out: a `Caller`, which the gate puts into the request's scope for
everything behind it. Where no accounts are required everybody may everything, as on a machine of
one's own, but what reads that machine's disk or decides for others needs the printed key.
"""

from __future__ import annotations

import getpass
import secrets
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, replace
from typing import Any

from app.settings import Settings
from app.web.access import Access, cookie_of
from core.accounts.roles import AccountRole, Action, allowed_to
from core.accounts.sessions import Sessions
from core.accounts.store import Account, Accounts
from core.accounts.tokens import Tokens
from core.errors import UsageError

CALLER = "creditline.caller"  # in the scope of a request
PROXY_USER = "creditline.proxy_user"  # whom a trusted proxy has let in; see `proxy`
# what needs the key on a machine of one's own
KEYED = frozenset({Action.IMPORT, Action.NAMES, Action.OPT_OUT, Action.REMOVE, Action.REVERSE})
VISITOR_NAME = "visitor"
THIS_PROCESS = secrets.token_hex(16)  # so that nothing of an address can be read from a digest
WITH_KEY = (
    "Open the studio at the address with a key that it printed when it started, or use the command "
    "line there"
)
WORDS = {
    Action.RECORD: "Recording credit for an upload",
    Action.WHAT_IF: "Asking what if an artist had not been there",
    Action.COMMENT: "Disputing a credit",
    Action.IMPORT: "Importing, which reads folders of the studio's machine,",
    Action.NAMES: "Deciding about names",
    Action.OPT_OUT: "Keeping a wish to be left out",
    Action.REMOVE: "Deleting a run",
    Action.REVERSE: "Reversing an entry, or deciding a dispute,",
    Action.EXPORT: "Exporting the whole ledger",
    Action.TOKENS: "Making a token",
}


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Somebody who asks. `name` is an account's, or "" for whoever has none; `actor` is what the
    ledger writes down; `limited`: only so many pictures per hour."""

    name: str = ""
    role: AccountRole = AccountRole.VISITOR
    actions: frozenset[Action] = allowed_to(AccountRole.VISITOR)
    actor: str = VISITOR_NAME
    by_token: bool = False
    by_session: bool = False
    limited: bool = True

    def may(self, action: Action) -> bool:
        """Whether this is allowed."""
        return action in self.actions


NOBODY = Caller()


class Callers:
    """Tells callers of one studio apart; safe to ask from any thread."""

    def __init__(self, settings: Settings, access: Access) -> None:
        """Raises `UsageError` for settings that contradict each other."""
        self.access = access
        self.accounts = Accounts(settings.accounts_file)
        self.sessions, self.tokens = Sessions(self.accounts), Tokens(self.accounts)
        self.required = access.accounts_required
        if self.required and settings.importing == "anyone":
            raise UsageError(
                "CREDITLINE_IMPORTING=anyone cannot be where others reach the studio and accounts "
                "are required. Leave it out, or start with --without-accounts."
            )
        self._importing = settings.importing
        self._here = _login_name() if access.alone else VISITOR_NAME

    def caller(self, scope: Mapping[str, Any], headers: Mapping[str, str]) -> Caller:
        """Who asks. A token that is not good, or a session that has ended, is a visitor's."""
        known = self._known(scope, headers)
        if not self.required:
            known = self._at_home(known, headers)
        if self._importing == "nobody":
            known = replace(known, actions=known.actions - KEYED)
        return known

    def _known(self, scope: Mapping[str, Any], headers: Mapping[str, str]) -> Caller:
        kind, _, secret = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            owned = self.tokens.owner(secret.strip())
            if owned is None:
                return NOBODY
            account, token = owned
            return Caller(
                name=account.name,
                role=account.role,
                actions=token.scopes & allowed_to(account.role),
                actor=f"{account.name} (token {token.id})",
                by_token=True,
                limited=False,
            )
        if user := scope.get(PROXY_USER):
            account_ = self.accounts.named(str(user))
            return NOBODY if account_ is None else _of(account_)
        signed_in = self.sessions.account(cookie_of(headers, self.access.session_cookie))
        return NOBODY if signed_in is None else replace(_of(signed_in), by_session=True)

    def _at_home(self, known: Caller, headers: Mapping[str, str]) -> Caller:
        """Where no accounts are required."""
        if known.by_token:
            return known
        keyed = self.access.may_import(headers)
        return replace(
            known,
            actions=known.actions | (frozenset(Action) if keyed else frozenset(Action) - KEYED),
            actor=known.name or (_login_name() if keyed else self._here),
            limited=False,
        )

    def refusal(self, action: Action, caller: Caller = NOBODY) -> str:
        """Why somebody may not, and what to do."""
        if caller.by_token and action in allowed_to(caller.role):
            return (
                f"This token is not made for '{action.value}'. Make one that is "
                f"(`accounts token {caller.name} --scope {action.value}`)."
            )
        role = (
            "a keeper"
            if action in allowed_to(AccountRole.KEEPER) - allowed_to(AccountRole.CURATOR)
            else "a curator"
        )
        what = WORDS.get(action, "This")
        if self._importing == "nobody" and action in KEYED:
            return f"{what} is switched off in the browser. Use the command line of the studio."
        if not self.required:
            return f"{what} is open to the studio's keeper alone. {WITH_KEY}."
        return f"{what} needs {role}'s account. Sign in at the top of the page."


def caller_of(request: Any) -> Caller:
    """Who asks, of Gradio's or FastAPI's request; a visitor where no gate has said."""
    inner = getattr(request, "request", None) or request
    scope: MutableMapping[str, Any] = getattr(inner, "scope", None) or {}
    caller = scope.get(CALLER, NOBODY)
    assert isinstance(caller, Caller)
    return caller


def owner_of(caller: Caller, visitor: str, address: str) -> str:
    """Whose a job is: an account's; or a browser's, by its cookie; or, of a program that has
    neither, whoever's is at this address until the studio is started again."""
    if caller.name:
        return f"account {caller.name}"
    return f"visitor {visitor}" if visitor else f"address {address} {THIS_PROCESS}"


def _of(account: Account) -> Caller:
    return Caller(
        name=account.name,
        role=account.role,
        actions=allowed_to(account.role),
        actor=account.name,
        limited=False,
    )


def _login_name() -> str:
    """Who started this program."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's number without a name
        return "keeper"
