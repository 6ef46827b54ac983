"""Three roles, and what each may do.

In: a role and an action. Out: yes or no. Knows neither names nor passwords, and no page.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from core.errors import UsageError


class AccountRole(StrEnum):
    """From the least to the most; each may all that the one before may."""

    VISITOR = "visitor"
    CURATOR = "curator"
    KEEPER = "keeper"


class Action(StrEnum):
    """What can be allowed to a role, and to a token of somebody who has it."""

    LOOK = "look"
    GENERATE = "generate"
    TRACE = "trace"
    RECORD = "record"  # credit for an upload
    WHAT_IF = "what-if"
    COMMENT = "comment"  # open disputes, and comment on them
    IMPORT = "import"
    NAMES = "names"  # whom a name means
    OPT_OUT = "opt-out"
    REMOVE = "remove"
    REVERSE = "reverse"  # entries; and decide disputes
    EXPORT = "export"  # the whole ledger
    TOKENS = "tokens"


NEEDS = {
    Action.LOOK: AccountRole.VISITOR,
    Action.GENERATE: AccountRole.VISITOR,
    Action.TRACE: AccountRole.VISITOR,
    Action.RECORD: AccountRole.CURATOR,
    Action.WHAT_IF: AccountRole.CURATOR,
    Action.COMMENT: AccountRole.CURATOR,
    Action.IMPORT: AccountRole.KEEPER,
    Action.NAMES: AccountRole.KEEPER,
    Action.OPT_OUT: AccountRole.KEEPER,
    Action.REMOVE: AccountRole.KEEPER,
    Action.REVERSE: AccountRole.KEEPER,
    Action.EXPORT: AccountRole.KEEPER,
    Action.TOKENS: AccountRole.KEEPER,
}
RANKS = {role: rank for rank, role in enumerate(AccountRole)}


def allows(role: AccountRole, action: Action) -> bool:
    """Whether the role may do this."""
    return RANKS[role] >= RANKS[NEEDS[action]]


def allowed_to(role: AccountRole) -> frozenset[Action]:
    """All that the role may do."""
    return frozenset(action for action in Action if allows(role, action))


def role_named(name: str) -> AccountRole:
    """A role that an account can have. Raises `UsageError` with the choices."""
    choices = [role.value for role in AccountRole if role is not AccountRole.VISITOR]
    if name not in choices:
        raise UsageError(f"There is no role '{name}'. Choose one of: {', '.join(choices)}.")
    return AccountRole(name)


def actions_named(names: Iterable[str]) -> frozenset[Action]:
    """Actions by their names, as a token's scopes. Raises `UsageError` with the choices."""
    known = {action.value: action for action in Action}
    chosen = [name.strip() for name in names if name.strip()]
    for name in chosen:
        if name not in known:
            raise UsageError(f"There is no scope '{name}'. Choose of: {', '.join(known)}.")
    if not chosen:
        raise UsageError(f"A token needs a scope. Choose of: {', '.join(known)}.")
    return frozenset(known[name] for name in chosen)
