"""The table of who may ask what, as the documents print it; and every route there really is.

`python -m tests.access` writes the tables of what is answered in `assets/docs/access.md` again. The
table of what is shut is written by hand: a new route of a library has no row until somebody has
looked at it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.routing import Mount, Route

from app.web.permissions import EVENTS, ROUTES
from core.accounts.roles import NEEDS, AccountRole, Action
from core.files import write_text

ACCESS = Path(__file__).resolve().parent.parent / "assets" / "docs" / "access.md"
BEGIN, END = "<!-- by `python -m tests.access` -->\n", "<!-- end -->\n"
WHO = {
    AccountRole.VISITOR: "everybody",
    AccountRole.CURATOR: "a curator",
    AccountRole.KEEPER: "a keeper",
}
NOBODY = "nobody"


@dataclass(frozen=True)
class Row:
    """A line of the documents: a route, or an event (`path` is its name, `method` empty)."""

    method: str
    path: str
    who: str


def tables() -> str:
    """What is answered, and every event, as markdown."""
    lines = ["| method | address | who | what |", "|---|---|---|---|"]
    for one in ROUTES:
        lines.append(f"| {one.method} | `{one.path}` | {WHO[NEEDS[one.action]]} | {one.what} |")
    lines += ["", "| event | who | scope |", "|---|---|---|"]
    for name, action in EVENTS.items():
        lines.append(f"| `{name}` | {WHO[NEEDS[action]]} | {action.value} |")
    lines += ["", "| scope | who |", "|---|---|"]
    lines += [f"| {action.value} | {WHO[NEEDS[action]]} |" for action in Action]
    return "\n".join(lines) + "\n"


def printed() -> str:
    """The generated part of the document, as it is printed."""
    text = ACCESS.read_text(encoding="utf-8")
    return text[text.index(BEGIN) + len(BEGIN) : text.index(END)]


def rows() -> list[Row]:
    """Every row of a route, what is shut among them."""
    text = ACCESS.read_text(encoding="utf-8")
    written = re.findall(r"^\| (GET|POST) \| `([^`]+)` \| ([a-z ]+) \|", text, re.MULTILINE)
    return [Row(*one) for one in written]


def events() -> dict[str, str]:
    """Who may call each event, by its name."""
    part = printed().partition("| event | who |")[2].partition("| scope | who |")[0]
    return dict(re.findall(r"^\| `(\w+)` \| ([a-z ]+) \|", part, re.MULTILINE))


def every_route(routes: Iterable[Any], prefix: str = "") -> set[tuple[str, str]]:
    """Method and path of all that is routed, as written; HEAD asks as GET, a last / is dropped."""
    offered: set[tuple[str, str]] = set()
    for route in routes:
        if isinstance(route, Mount):
            offered |= every_route(route.app.routes, prefix + route.path)  # type: ignore[attr-defined]
        elif isinstance(route, Route):
            path = (prefix + route.path).rstrip("/") or "/"
            offered |= {("GET" if one == "HEAD" else one, path) for one in route.methods or ()}
        elif (included := getattr(route, "original_router", None)) is not None:
            offered |= every_route(included.routes, prefix)
        else:
            raise AssertionError(f"a route of a kind that nobody has looked at: {route!r}")
    return offered


if __name__ == "__main__":
    whole = ACCESS.read_text(encoding="utf-8")
    head, tail = whole.index(BEGIN) + len(BEGIN), whole.index(END)
    write_text(ACCESS, whole[:head] + tables() + whole[tail:])
