"""`accounts`: who may do more than look, paint and trace; their passwords and tokens."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import AsJson, group
from app.cli.output import complain, say, show_json, table
from app.settings import read_settings
from core.errors import UsageError

verbs = group("Who may do more than look, paint and trace; passwords and tokens.")

if TYPE_CHECKING:
    from core.accounts.store import Accounts

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="The account's name; the ledger keeps it.")
]
FromInput = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]


def _our_accounts() -> Accounts:
    """The accounts of CREDITLINE_HOME."""
    from core.accounts.store import Accounts

    return Accounts(read_settings().accounts_file)


@verbs.command("add")
def add(
    name: Name,
    role: Annotated[str, typer.Option(help="curator or keeper.")] = "curator",
    from_input: FromInput = False,
    no_password: Annotated[
        bool, typer.Option("--no-password", help="Known through a proxy alone; see --user-header.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make an account; the password is asked for, and never shown."""
    from app.services.serialize_accounts import AccountRecord
    from core.accounts.roles import role_named

    chosen = role_named(role)
    password = None if no_password else _password(from_input)
    account = _our_accounts().add(name, chosen, password, by=getpass.getuser())
    if as_json:
        show_json(AccountRecord.of(account))
    else:
        say(f"{account.name} is a {account.role.value} now.")


@verbs.command("list")
def list_(as_json: AsJson = False) -> None:
    """Every account and token, revoked ones too."""
    from app.services.serialize_accounts import AccountRecord, AccountsRecord, TokenRecord
    from core.accounts.tokens import Tokens

    accounts = _our_accounts()
    record = AccountsRecord(
        accounts=tuple(AccountRecord.of(one) for one in accounts.all()),
        tokens=tuple(TokenRecord.of(one) for one in Tokens(accounts).all()),
    )
    if as_json:
        show_json(record)
        return
    if not record.accounts:
        say("There is no account yet. Make one: python -m app accounts add NAME --role keeper")
        return
    table(
        ("account", "role", "signs in", "made", "by", "revoked"),
        [
            (
                one.name,
                one.role,
                "with a password" if one.signs_in else "through a proxy",
                one.created_at[:10],
                one.created_by,
                (one.revoked_at or "")[:10],
            )
            for one in record.accounts
        ],
    )
    if record.tokens:
        say()
        table(
            ("token", "account", "for", "may", "made", "until", "revoked"),
            [
                (
                    one.id,
                    one.account,
                    one.label,
                    ", ".join(one.scopes),
                    one.created_at[:10],
                    (one.expires_at or "")[:10],
                    (one.revoked_at or "")[:10],
                )
                for one in record.tokens
            ],
        )


@verbs.command("password")
def password(name: Name, from_input: FromInput = False, as_json: AsJson = False) -> None:
    """Give an account a new password; it is signed out everywhere."""
    from app.services.serialize_accounts import AccountRecord

    accounts = _our_accounts()
    accounts.required(name)  # before anything is typed
    account = accounts.set_password(name, _password(from_input))
    if as_json:
        show_json(AccountRecord.of(account))
    else:
        say(f"{account.name} has a new password, and is signed out everywhere.")


@verbs.command("revoke")
def revoke(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="An account.")] = None,
    token: Annotated[str | None, typer.Option(metavar="NUMBER", help="One token alone.")] = None,
    as_json: AsJson = False,
) -> None:
    """End an account with its sessions and tokens, or one token; the ledger keeps what it did."""
    from app.services.serialize_accounts import AccountRecord, TokenRecord
    from core.accounts.tokens import Tokens

    if (name is None) == (token is None):
        raise UsageError("Say which account, or which --token NUMBER. `accounts list` shows all.")
    accounts = _our_accounts()
    if token is not None:
        ended = Tokens(accounts).revoke(token)
        if as_json:
            show_json(TokenRecord.of(ended))
        else:
            say(f"The token {ended.id} of {ended.account} is worth nothing from now on.")
        return
    account = accounts.revoke(name or "", by=getpass.getuser())
    if as_json:
        show_json(AccountRecord.of(account))
    else:
        say(f"{account.name} is revoked; sessions and tokens have ended.")


@verbs.command("token")
def token(
    name: Name,
    scopes: Annotated[
        list[str] | None,
        typer.Option(
            "--scope", help="What it may be used for, as look or export; may be repeated."
        ),
    ] = None,
    label: Annotated[str, typer.Option("--for", help="What it is for.")] = "",
    days: Annotated[int, typer.Option(min=1, max=3650, help="How long it lasts.")] = 90,
    as_json: AsJson = False,
) -> None:
    """Make a token by which a program asks in an account's name; it is shown this once."""
    from app.services.serialize_accounts import NewTokenRecord, TokenRecord
    from core.accounts.roles import actions_named
    from core.accounts.tokens import Tokens

    chosen = actions_named(scopes or ())
    made, secret = Tokens(_our_accounts()).make(
        name, chosen, label=label, days=days, by=getpass.getuser()
    )
    if as_json:
        show_json(NewTokenRecord(token=TokenRecord.of(made), secret=secret))
        return
    say(secret)
    complain(
        f"Keep it now: it is not shown again. It ends with `accounts revoke --token {made.id}`."
    )


def _password(from_input: bool) -> str:
    """Typed twice on a terminal, or the first line of the input."""
    if from_input:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise UsageError(
            "Nobody is here to type a password. Pipe it in with --password-stdin, or say "
            "--no-password where a proxy signs in."
        )
    first = getpass.getpass("Password: ")
    if getpass.getpass("Once more: ") != first:
        raise UsageError("The two passwords differ; nothing was changed. Try again.")
    return first
