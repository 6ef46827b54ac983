"""The one gate in front of every route, Gradio's included: who is answered, where, with how much.

In: a request. Out: the same request handed on, or a refusal of one sentence. Decides by the name
the studio was asked under, the page that asks, the route and who may ask it (`permissions`,
`callers`), the size of the body, and for uploads and events by what `uploads` and `events` say.

Nothing that a client sent is echoed in a refusal.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any, TypeVar

from app.web.access import Access
from app.web.callers import CALLER, Caller, Callers, owner_of
from app.web.events import EventRefused, Events
from app.web.formatting import render
from app.web.language_choice import language_of
from app.web.permissions import OF_A_FILE, OF_A_FORM, Answered, answered
from app.web.sentences import marked
from app.web.sign_in import page_within
from app.web.throttle import neighbourhood
from app.web.uploads import Arriving, UploadRefused, Uploads
from app.web.uploads_progress import UploadsProgress
from core.errors import AccountError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Result = TypeVar("Result")

LONGEST_EVENT = 256 * 1024  # bytes of a posted event: words and numbers, never a picture
LONGEST_FORM = 16 * 1024
LONGEST_LENGTH = 12  # digits of a length: far more than is taken
UPLOAD = "/gradio_api/upload"
PROGRESS = "/gradio_api/upload_progress"
BROUGHT = "/api/v1/attributions"
FILE = "/gradio_api/file="
EVENTS = {"/gradio_api/queue/join": True, "/gradio_api/run/predict": False}  # -> queued

WRONG_NAME = (
    "This studio does not answer under that name. Open it at the address it printed when it "
    "started; a keeper adds names with --allow-host."
)
WRONG_PAGE = "Only pages of this studio may ask it for anything. Open the studio itself."
NO_ROUTE = "There is nothing at this address."
TOO_LARGE = "The request is too large. A picture may have at most 25 MB."
NO_UPLOAD = "No such upload of yours is under way."
NO_LENGTH = "The request does not say how long it is."
TOO_SLOW = marked("The request did not arrive in time. Try again over a faster connection.")
NOT_JSON = "The request cannot be read."


@dataclass(eq=False)  # not frozen: on its way through a context it is given a traceback
class _Refused(Exception):
    status: int
    words: str
    signs_in: bool = False  # whether signing in would help


class Gate:
    """ASGI middleware around the whole application."""

    def __init__(
        self,
        application: Application,
        access: Access,
        callers: Callers,
        uploads: Uploads,
        events: Events,
    ) -> None:
        self.application, self.callers = application, callers
        self.access, self.uploads, self.events = access, uploads, events
        self._progress = UploadsProgress()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or hand on with our headers on whatever is answered."""
        if scope["type"] == "lifespan":
            await self.application(scope, receive, send)
            return
        if scope["type"] != "http":  # no page of ours opens a web socket
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = _headers(scope)
        dressed = self.access.dressed(scope, headers, send)
        try:
            route = self._check(scope, headers)
            if (address := self.access.exchanged(scope, headers)) is not None:
                await _redirect(dressed, *address)
                return
            caller = self._caller(scope, headers, route)
            scope = {**scope, CALLER: caller}
            if scope["method"] == "POST":
                receive = self._in_time(receive)
            if scope["method"] == "POST" and scope["path"] == UPLOAD:
                await self._upload(scope, headers, receive, dressed)
            elif scope["method"] == "POST" and route.path in OF_A_FILE:
                visitor = self.access.visitor(headers)
                await self._with_file(scope, headers, visitor, receive, dressed)
            elif scope["method"] == "POST" and scope["path"] == BROUGHT:
                whose = owner_of(caller, self.access.visitor(headers), _address(scope))
                await self._with_file(scope, headers, whose, receive, dressed)
            elif scope["method"] == "POST" and route.path in OF_A_FORM:
                body = await _body(receive, LONGEST_FORM)
                await self.application(scope, _once(body, receive), dressed)
            elif scope["path"] == PROGRESS:
                await self._watch(scope, headers, receive, dressed)
            elif scope["method"] == "POST":
                await self._event(scope, headers, caller, receive, dressed)
            else:
                await self.application(scope, receive, dressed)
        except _Refused as refusal:
            page = scope["method"] == "GET" or scope["path"] in OF_A_FILE
            if page and "text/html" in headers.get("accept", ""):
                await _page(dressed, scope, refusal)
            else:
                await _answer(dressed, refusal.status, refusal.words)

    def _check(self, scope: Scope, headers: dict[str, str]) -> Answered:
        """Name, origin, route: in this order, before anything is read."""
        if not self.access.answers_to(headers.get("host", ""), scope.get("server")):
            raise _Refused(421, WRONG_NAME)
        method, path = scope["method"], scope["path"]
        writes = method not in ("GET", "HEAD")
        if not self.access.is_own_page(headers, writes=writes):
            raise _Refused(403, WRONG_PAGE)
        route = answered(method, path)
        if route is None:
            raise _Refused(404, NO_ROUTE)
        if "\\" in path or "\0" in path or ".." in path.split("/"):
            raise _Refused(404, NO_ROUTE)
        if path.startswith(FILE) and not self.uploads.owns(
            self.access.visitor(headers), path.removeprefix(FILE)
        ):
            raise _Refused(404, NO_ROUTE)
        return route

    def _caller(self, scope: Scope, headers: dict[str, str], route: Answered) -> Caller:
        """Who asks, and may ask this."""
        try:
            caller = self.callers.caller(scope, headers)
        except AccountError as error:
            raise _Refused(503, error.message) from error
        if not caller.may(route.action):
            words = self.callers.refusal(route.action, caller)
            raise _Refused(403, words, self.callers.required and not caller.name)
        return caller

    async def _upload(
        self, scope: Scope, headers: dict[str, str], receive: Receive, send: Send
    ) -> None:
        """Within the budgets; what was stored is known as this visitor's."""
        length, near = _length(headers), neighbourhood(_address(scope))
        visitor = self.access.visitor(headers)
        try:
            with (
                self.uploads.room_for(visitor, near, length) as arriving,
                self._progress.of_upload(visitor, scope["query_string"]) as query,
            ):
                scope = {**scope, "query_string": query}
                body = _Body(receive, length, arriving)
                status, replied = await body.within(_collected(self.application, scope, body.next))
                if status == 200:
                    arriving.stored(json.loads(replied[1]))
        except UploadRefused as refusal:
            raise _Refused(refusal.status, refusal.words) from refusal
        await _replay(send, status, *replied)

    async def _watch(
        self, scope: Scope, headers: dict[str, str], receive: Receive, send: Send
    ) -> None:
        """How far an upload of this visitor's is, while it is under way."""
        visitor = self.access.visitor(headers)
        async with self._progress.watched(visitor, scope["query_string"]) as query:
            if query is None:
                raise _Refused(404, NO_UPLOAD)
            await self.application({**scope, "query_string": query}, receive, send)

    async def _with_file(
        self, scope: Scope, headers: dict[str, str], whose: str, receive: Receive, send: Send
    ) -> None:
        """Within the budgets of uploads, though what comes is not kept among them."""
        length, near = _length(headers), neighbourhood(_address(scope))
        try:
            with self.uploads.room_for(whose, near, length) as arriving:
                body = _Body(receive, length, arriving)
                await body.within(self.application(scope, body.next, body.unless_refused(send)))
        except UploadRefused as refusal:
            raise _Refused(refusal.status, refusal.words) from refusal

    def _in_time(self, receive: Receive) -> Receive:
        """The body within its time, and never long without a piece of it; what comes after it
        (that the client left) may take as long as it likes."""
        budgets, begun, whole = self.uploads.budgets, time.monotonic(), False

        async def next_message() -> Message:
            nonlocal whole
            if whole:
                return await receive()
            left = begun + budgets.arrives_within - time.monotonic()
            try:
                async with asyncio.timeout(min(budgets.quiet_for, left)):
                    message = await receive()
            except TimeoutError as error:
                raise _Refused(408, TOO_SLOW) from error
            whole = not message.get("more_body", False)
            return message

        return next_message

    async def _event(
        self,
        scope: Scope,
        headers: dict[str, str],
        caller: Caller,
        receive: Receive,
        send: Send,
    ) -> None:
        """An event that the page offers, with values of the kinds it takes."""
        body = await _body(receive, LONGEST_EVENT)
        queued = EVENTS.get(scope["path"])
        if queued is None:
            await self.application(scope, _once(body, receive), send)
            return
        try:
            value = json.loads(body, parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            raise _Refused(400, NOT_JSON) from error
        visitor, address = self.access.visitor(headers), _address(scope)
        try:
            with self.events.admitted(
                value, queued=queued, visitor=visitor, address=address, caller=caller
            ) as checked:
                body = json.dumps(checked).encode()
                await self.application(_of_length(scope, body), _once(body, receive), send)
        except EventRefused as refusal:
            raise _Refused(refusal.status, refusal.words) from refusal


def _no_number(name: str) -> float:
    raise ValueError(name)


def _of_length(scope: Scope, body: bytes) -> Scope:
    """The request with another body."""
    headers = [
        one for one in scope["headers"] if one[0] not in (b"content-length", b"content-type")
    ]
    headers += [
        (b"content-length", str(len(body)).encode()),
        (b"content-type", b"application/json"),
    ]
    return {**scope, "headers": headers}


def _headers(scope: Scope) -> dict[str, str]:
    """Lower-case names; of a name that comes twice, nothing that could be misread is kept."""
    values: dict[str, str] = {}
    for name, value in scope["headers"]:
        key = name.decode("latin-1").lower()
        if key in values:
            joint = "; " if key == "cookie" else ", "
            values[key] += joint + value.decode("latin-1")
        else:
            values[key] = value.decode("latin-1")
    return values


def _address(scope: Scope) -> str:
    return str((scope.get("client") or ("", 0))[0])


def _length(headers: dict[str, str]) -> int:
    """How long a body is said to be."""
    text = headers.get("content-length", "")
    if not (text.isascii() and text.isdigit()):
        raise _Refused(411, NO_LENGTH)
    if len(text) > LONGEST_LENGTH:
        raise _Refused(413, TOO_LARGE)
    return int(text)


async def _body(receive: Receive, most: int) -> bytes:
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Refused(400, NOT_JSON)
        part = message.get("body", b"")
        size += len(part)
        if size > most:
            raise _Refused(413, TOO_LARGE)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def _once(body: bytes, receive: Receive) -> Receive:
    """The body as read before; afterwards what the connection says (that the client left)."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return waiting.pop() if waiting else await receive()

    return next_message


class _Body:
    """A body as it arrives: never more bytes than were announced, and none without room. Whatever
    the application makes of a refusal in the midst of it, the refusal is what is answered."""

    def __init__(self, receive: Receive, most: int, arriving: Arriving) -> None:
        self._receive, self._left, self._arriving = receive, most, arriving
        self._refusal: _Refused | None = None
        self._answered = False

    async def next(self) -> Message:
        """What the application reads."""
        try:
            message = await self._receive()
            size = len(message.get("body", b""))
            self._left -= size
            if self._left < 0:
                raise _Refused(413, TOO_LARGE)
            self._arriving.takes(size)
        except UploadRefused as error:
            self._refusal = _Refused(error.status, error.words)
            raise self._refusal from error
        except _Refused as refusal:
            self._refusal = refusal
            raise
        return message

    def unless_refused(self, send: Send) -> Send:
        """What the application answers with."""

        async def send_on(message: Message) -> None:
            if self._refusal is None or self._answered:
                self._answered = True
                await send(message)

        return send_on

    async def within(self, work: Awaitable[Result]) -> Result:
        """The application at work on this body."""
        try:
            result = await work
        except Exception:
            if self._refusal is None or self._answered:
                raise
            raise self._refusal from None
        if self._refusal is not None and not self._answered:
            raise self._refusal
        return result


async def _collected(
    application: Application, scope: Scope, receive: Receive
) -> tuple[int, tuple[list[tuple[bytes, bytes]], bytes]]:
    """The whole answer of a route whose answers are short: status, headers and body."""
    status, headers, parts = 500, [], []

    async def keep(message: Message) -> None:
        nonlocal status, headers
        if message["type"] == "http.response.start":
            status, headers = message["status"], list(message["headers"])
        else:
            parts.append(message.get("body", b""))

    # as it is, not compressed: it is read here
    plain = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
    await application({**scope, "headers": plain}, receive, keep)
    return status, (headers, b"".join(parts))


async def _replay(
    send: Send, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes
) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body})


async def _answer(send: Send, status: int, words: str) -> None:
    body = json.dumps({"detail": words}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await _replay(send, status, headers, body)


async def _page(send: Send, scope: Scope, refusal: _Refused) -> None:
    """The same for a person who opened an address; nothing of the address is shown."""
    values = {
        "base": f"{scope.get('root_path', '')}/",
        "words": refusal.words,
        "signs_in": refusal.signs_in,
        "place": page_within(scope["path"]),
    }
    page = render("closed", language_of(_headers(scope)), **values).encode()
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", str(len(page)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await _replay(send, refusal.status, headers, page)


async def _redirect(send: Send, address: str, cookie: str) -> None:
    headers = [
        (b"location", address.encode()),
        (b"content-length", b"0"),
        (b"cache-control", b"no-store"),
    ]
    if cookie:
        headers.append((b"set-cookie", cookie.encode()))
    await _replay(send, 303, headers, b"")
