"""Every error a person can meet: one sentence naming the thing, the cause and the remedy.

Nothing here knows where the sentence is shown (terminal, browser, log).
"""

from __future__ import annotations


class CreditlineError(Exception):
    """Base of all errors whose message is written for people."""

    @property
    def message(self) -> str:
        """The sentence to show."""
        return str(self.args[0]) if self.args else type(self).__name__


class UsageError(CreditlineError):
    """An option, class, method or name that does not exist here (exit code 2)."""


class ImageRefused(CreditlineError):
    """A file that cannot be taken as a picture; says why and what to do."""


class DecodingCancelled(ImageRefused):
    """Opening a picture was cancelled; nothing goes on with it."""

    def __init__(self) -> None:
        super().__init__("Opening the picture was cancelled. Choose it again to open it.")


class CollectionError(CreditlineError):
    """A collection directory that is missing, incomplete or contradictory."""


class ModelError(CreditlineError):
    """A model that is missing, damaged or not the one a store was made with."""


class StoreError(CreditlineError):
    """Features or an index that are damaged, unfinished or made for something else."""


class LedgerError(CreditlineError):
    """A ledger that cannot be read or written; nothing was half-booked."""


class AccountError(CreditlineError):
    """An account, password or token that cannot be made, changed or read."""


class ProvenanceError(CreditlineError):
    """An evidence pack that cannot be read, or a signing authority that cannot be made or used."""


class BusyError(CreditlineError):
    """More waits already than may wait; says when to try again."""


def require_one_of(what: str, value: str, known: tuple[str, ...]) -> None:
    """Raise `UsageError` with the choices where `value` is none of the `known`."""
    if value not in known:
        raise UsageError(f"There is no {what} '{value}'. Choose one of: {', '.join(known)}.")
