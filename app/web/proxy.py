"""A reverse proxy before the studio: below which path it lies, and whose word is taken for it.

In: a request as it arrived. Out: the request as the browser sent it, and below which path its pages
lie (`root_path`). What X-Forwarded-* say counts only from the addresses that a keeper named; from
everybody else they are taken out, so that no part behind can follow them. So does the header in
which such a proxy names whom it has let in.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.settings import Settings
from app.web.callers import PROXY_USER

Scope = MutableMapping[str, Any]
Application = Callable[..., Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)*")
# what names another origin, to Starlette, Gradio or uvicorn
FOREIGN = re.compile(rb"x-forwarded-.*|forwarded|x-gradio-server|x-real-ip|x-original-.*")
CLIENT = (b"x-forwarded-for", b"x-forwarded-proto")  # uvicorn's own reading, of trusted ones


class Forwarded:
    """ASGI middleware around the gate, which then sees the path as the studio knows it."""

    def __init__(self, application: Application, settings: Settings) -> None:
        self.root_path = settings.root_path
        self.user_header = settings.user_header.encode()
        self.trusted = [ipaddress.ip_network(one) for one in settings.proxy_addresses]
        self._plain = application
        self._proxied = ProxyHeadersMiddleware(
            self._without_client,  # type: ignore[arg-type]  # uvicorn has its own types of ASGI
            trusted_hosts=list(settings.proxy_addresses),
        )

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._plain(scope, receive, send)
            return
        headers: Headers = list(scope["headers"])
        trusted = self._trusts(scope)
        # twice: one may be the client's own, so neither counts
        users = [value for name, value in headers if name.lower() == self.user_header]
        user = users[0].decode("latin-1").strip() if trusted and len(users) == 1 else ""
        headers = [one for one in headers if one[0].lower() != self.user_header]
        prefix, kept = self.root_path, _without(headers, () if not trusted else CLIENT)
        if trusted:
            named = _first(headers, b"x-forwarded-prefix").rstrip("/")
            prefix = named if named and PREFIX.fullmatch(named) else prefix
            if host := _first(headers, b"x-forwarded-host"):
                kept = [one for one in kept if one[0].lower() != b"host"]
                kept.append((b"host", host.encode("latin-1")))
        path = _below(scope["path"], prefix)
        scope = {**scope, "headers": kept, "path": path, "root_path": prefix}
        scope[PROXY_USER] = user
        scope.pop("raw_path", None)
        await (self._proxied if trusted else self._plain)(scope, receive, send)  # type: ignore[arg-type]

    async def _without_client(self, scope: Scope, receive: Any, send: Any) -> None:
        """After uvicorn has read them; Gradio would read them again, in its own way."""
        await self._plain({**scope, "headers": _without(scope["headers"], ())}, receive, send)

    def _trusts(self, scope: Scope) -> bool:
        client = scope.get("client")
        try:
            address = ipaddress.ip_address(client[0]) if client else None
        except ValueError:  # a socket of this machine, or a test's name
            return False
        return address is not None and any(address in network for network in self.trusted)


class Below:
    """ASGI middleware behind the gate: the whole path again, as Starlette and Gradio expect it."""

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if prefix := scope.get("root_path"):
            scope = {**scope, "path": prefix + scope["path"]}
        await self.application(scope, receive, send)


def _below(path: str, prefix: str) -> str:
    """The path without the prefix, if the proxy left it on."""
    if prefix and (path == prefix or path.startswith(f"{prefix}/")):
        return path[len(prefix) :] or "/"
    return path


def _without(headers: Headers, but: tuple[bytes, ...]) -> Headers:
    return [
        one for one in headers if one[0].lower() in but or not FOREIGN.fullmatch(one[0].lower())
    ]


def _first(headers: Headers, name: bytes) -> str:
    """The first value, as the outermost of several proxies wrote it; "" without one."""
    values = (value.decode("latin-1") for key, value in headers if key.lower() == name)
    return next(values, "").partition(",")[0].strip()
