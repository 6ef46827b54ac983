"""Accounts and tokens as JSON: the shapes of `accounts … --json`; only a new token shows itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import Field

from app.services.serialize import Record

if TYPE_CHECKING:
    from core.accounts.store import Account
    from core.accounts.tokens import Token


class TokenRecord(Record):
    """A token, without its secret."""

    id: str = Field(description="Its number, for `accounts revoke --token`")
    account: str = Field(description="Whose it is")
    label: str = Field(description="What it is for, in its maker's words")
    scopes: tuple[str, ...] = Field(description="What it may be used for")
    created_at: str = Field(description="UTC, ISO 8601")
    expires_at: str | None = Field(description="UTC, ISO 8601; null: it does not expire")
    revoked_at: str | None = Field(description="UTC, ISO 8601; null: it stands")

    @classmethod
    def of(cls, token: Token) -> Self:
        """Of one token."""
        return cls(
            id=token.id,
            account=token.account,
            label=token.label,
            scopes=tuple(sorted(token.scopes)),
            created_at=token.created_at,
            expires_at=token.expires_at,
            revoked_at=token.revoked_at,
        )


class NewTokenRecord(Record):
    """A token that was just made."""

    token: TokenRecord = Field(description="What is kept of it")
    secret: str = Field(description="What a program sends; shown this once")


class AccountRecord(Record):
    """One account."""

    name: str = Field(description="Its name, as the ledger writes it down")
    role: str = Field(description="`curator` or `keeper`")
    signs_in: bool = Field(description="Whether it has a password; else a proxy lets it in")
    created_at: str = Field(description="UTC, ISO 8601")
    created_by: str = Field(description="Who made it")
    revoked_at: str | None = Field(description="UTC, ISO 8601; null: it stands")

    @classmethod
    def of(cls, account: Account) -> Self:
        """Of one account."""
        return cls(
            name=account.name,
            role=account.role.value,
            signs_in=account.signs_in,
            created_at=account.created_at,
            created_by=account.created_by,
            revoked_at=account.revoked_at,
        )


class AccountsRecord(Record):
    """Every account and token of a home."""

    accounts: tuple[AccountRecord, ...] = Field(description="By name, revoked ones too")
    tokens: tuple[TokenRecord, ...] = Field(description="The oldest first, revoked ones too")
