"""Under which names the studio answers, which pages may ask, and which browser asks.

In: settings, and a request's headers. Out: yes or no, a visitor's token, and the headers that every
answer carries. A visitor is a browser, told apart by a random cookie; where no accounts are
required, the keeper is a browser that was opened with a key from the printed address, each key good
for one browser. Who has an account and what it may do is `callers`. Nothing is concluded
from the address of a connection or from what a proxy writes; `proxy` has read, of the proxies that
the settings name, what the browser asked.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import re
import secrets
import threading
from collections.abc import Callable, Mapping, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from app.settings import Settings

ANYWHERE = frozenset({"0.0.0.0", "::"})
TOKEN = re.compile(r"[A-Za-z0-9_-]{22,64}")
KEY = "key"  # of the printed address
SPACES = ("https://huggingface.co", "https://*.hf.space")
POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",  # Gradio starts from inline scripts
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
    )
)


class Access:
    """One studio's names, visitors and keepers; safe to ask from any thread."""

    def __init__(self, settings: Settings, announce: Callable[[str], None] | None = None) -> None:
        """`announce` is told each new key: when the studio starts, and when one was used."""
        self.importing = settings.importing
        self._bound_anywhere = settings.host in ANYWHERE
        self._configured = _configured(settings)
        self._announce = announce or (lambda key: None)
        # per home, because cookies do not tell two ports of one machine apart
        home = hashlib.sha256(str(settings.home.resolve()).encode()).hexdigest()[:8]
        self.visitor_cookie, self.keeper_cookie = f"creditline_{home}", f"creditline_keeper_{home}"
        self.session_cookie = f"creditline_session_{home}"
        self.alone = _is_alone(settings)
        self.accounts_required = settings.accounts == "required" or (
            settings.accounts == "auto" and not self.alone
        )
        self._lock = threading.Lock()
        self._keys: set[str] = set()
        self._keepers: set[str] = set()

    # --- names and pages ---------------------------------------------------------------------

    def answers_to(self, host: str, server: object = None) -> bool:
        """Whether the Host header names this studio.

        Loopback names, the configured address, and the names that a keeper allowed. Bound to every
        address, also the number at which the connection arrived: a number cannot be rebound.
        """
        name = host_name(host)
        if not name:
            return False
        if is_loopback(name) or name in self._configured:
            return True
        here = server[0] if isinstance(server, (tuple, list)) and server else None
        return self._bound_anywhere and name == here and _is_number(name)

    def is_own_page(self, headers: Mapping[str, str], *, writes: bool) -> bool:
        """Whether the page that asks is one of ours, as far as its browser says."""
        if writes and headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return False
        origin = headers.get("origin")
        if origin is None:
            return True
        asking = netloc(origin)
        if not asking:
            return False
        # a proxy may have put its own name in place of the one that the browser asked
        return asking == _usual(headers.get("host", "")) or host_name(asking) in self._configured

    # --- visitors and keepers ----------------------------------------------------------------

    def visitor(self, headers: Mapping[str, str]) -> str:
        """The visitor's token; "" for one who has not opened a page."""
        token = cookie_of(headers, self.visitor_cookie)
        return token if TOKEN.fullmatch(token) else ""

    def may_import(self, headers: Mapping[str, str]) -> bool:
        """Whether this browser may read folders of the studio's machine."""
        if self.importing != "key":
            return self.importing == "anyone"
        with self._lock:
            return cookie_of(headers, self.keeper_cookie) in self._keepers

    def new_key(self) -> str:
        """A key that makes one browser the keeper's."""
        key = secrets.token_urlsafe(24)
        with self._lock:
            self._keys.add(key)
        return key

    def exchanged(
        self, scope: Mapping[str, Any], headers: Mapping[str, str]
    ) -> tuple[str, str] | None:
        """For a page asked with a key: its address without it, and the cookie given for the key,
        "" where the key is not good."""
        if scope["method"] != "GET" or not scope.get("query_string"):
            return None
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        keys = [value for name, value in query if name == KEY]
        if not keys or not re.fullmatch(r"/(?:import|names)?/?", scope["path"]):
            return None
        rest = urlencode([(name, value) for name, value in query if name != KEY])
        below = scope.get("root_path", "")
        address = below + (scope["path"] or "/") + (f"?{rest}" if rest else "")
        token = secrets.token_urlsafe(24)
        with self._lock:
            known = keys[0] in self._keys
            if known:
                self._keys.discard(keys[0])
                self._keepers.add(token)
        if not known:  # used before, or never ours: the page opens as for anybody
            return address, ""
        self._announce(self.new_key())
        return address, self.cookie(scope, self.keeper_cookie, token, "Strict")

    def dressed(
        self,
        scope: Mapping[str, Any],
        headers: Mapping[str, str],
        send: Callable[[MutableMapping[str, Any]], Any],
    ) -> Callable[[MutableMapping[str, Any]], Any]:
        """`send`, with our headers on the answer and none that opens it to other origins."""
        page = scope["method"] == "GET" and "text/html" in headers.get("accept", "")

        async def send_dressed(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                kept = [
                    (name, value)
                    for name, value in message.get("headers", [])
                    if not name.lower().startswith(b"access-control-")
                ]
                kept += _HEADERS
                if page and not self.visitor(headers):
                    token = secrets.token_urlsafe(24)
                    cookie = self.cookie(scope, self.visitor_cookie, token, "Lax")
                    kept.append((b"set-cookie", cookie.encode()))
                message = {**message, "headers": kept}
            await send(message)

        return send_dressed

    @staticmethod
    def cookie(
        scope: Mapping[str, Any], name: str, value: str, same_site: str, lasts: int | None = None
    ) -> str:
        """A Set-Cookie that no script reads; over https alone, where the browser came by it."""
        age = "" if lasts is None else f"; Max-Age={lasts}"
        secure = "; Secure" if scope.get("scheme") == "https" else ""
        below = scope.get("root_path", "")
        return f"{name}={value}; Path={below}/; HttpOnly; SameSite={same_site}{age}{secure}"


def host_name(host: str) -> str:
    """The name of a Host header or of host:port, in lower case, without port, brackets and dot."""
    try:
        return (urlsplit(f"//{host.strip()}").hostname or "").rstrip(".").lower()
    except ValueError:
        return ""


def netloc(origin: str) -> str:
    """Host and port of an origin, without its scheme's own port; "" where it is not an origin."""
    parts = urlsplit(origin)
    usual = {"http": ":80", "https": ":443"}.get(parts.scheme)
    return parts.netloc.lower().removesuffix(usual) if usual else ""


def is_loopback(name: str) -> bool:
    """Whether the name can only mean the machine of the browser itself."""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _configured(settings: Settings) -> frozenset[str]:
    """Names that a keeper gave, beside what is always answered."""
    names = {host_name(one) for one in settings.hosts.split(",")}
    if settings.host not in ANYWHERE and not is_loopback(settings.host):
        names.add(settings.host.lower())
    if os.environ.get("SPACE_ID"):
        names.add(host_name(os.environ.get("SPACE_HOST", "")))
    return frozenset(names - {""})


def _is_alone(settings: Settings) -> bool:
    """Whether only this machine itself reaches the studio, as far as the settings say."""
    here = settings.host not in ANYWHERE and is_loopback(settings.host)
    return here and not (settings.hosts or settings.proxies or settings.root_path)


def _usual(host: str) -> str:
    return host.lower().removesuffix(":80").removesuffix(":443")


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def cookie_of(headers: Mapping[str, str], name: str) -> str:
    """The value of a cookie; "" without one."""
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return morsel.value if morsel is not None else ""


def _policy() -> str:
    """A Space shows its pages in a frame of the hub; nobody else does."""
    ancestors = " ".join(SPACES) if os.environ.get("SPACE_ID") else "'none'"
    return f"{POLICY}; frame-ancestors {ancestors}"


_HEADERS = [
    (b"content-security-policy", _policy().encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
