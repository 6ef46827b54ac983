"""Passwords: kept by argon2id alone, never as they are.

In: a password. Out: its hash, or whether it is the one of a hash. A password that nobody has takes
as long to refuse as one of somebody. Only so many are computed at a time: each takes 64 MB.
"""

from __future__ import annotations

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from core.errors import AccountError

SHORTEST, LONGEST = 12, 1024  # letters
AT_ONCE = 2

_hasher = PasswordHasher()  # the library's parameters follow RFC 9106
_room = threading.BoundedSemaphore(AT_ONCE)
_nobodys: list[str] = []


def hashed(password: str) -> str:
    """The hash with its salt and parameters. Raises `AccountError` for one that is too short."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise AccountError(
            f"A password has at least {SHORTEST} letters and at most {LONGEST}. Several words are "
            "easier to keep than one with signs."
        )
    with _room:
        return _hasher.hash(password)


def matches(hash_: str | None, password: str) -> bool:
    """Whether this is the password of `hash_`; None: nobody's, which takes as long."""
    if len(password) > LONGEST:
        return False
    with _room:
        if hash_ is None and not _nobodys:
            _nobodys.append(_hasher.hash("nobody has this password"))
        try:
            _hasher.verify(_nobodys[0] if hash_ is None else hash_, password)
        except (VerificationError, InvalidHashError):
            return False
    return hash_ is not None
