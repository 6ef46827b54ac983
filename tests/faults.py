"""Stand-ins that fail as the real thing may."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn


def raising(error: Exception) -> Callable[..., NoReturn]:
    """A function that takes anything and raises this."""

    def fail(*_: Any, **__: Any) -> NoReturn:
        raise error

    return fail
