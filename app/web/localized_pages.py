"""Gradio's pages in the reader's language: their components, `<html lang>`, Gradio's own words.

In: a request for a page; the components of every page in each language. Out: the page of that
language. Gradio describes a page by one configuration for everybody and is not told who asks for
it; so the language of the request is kept in a context variable, here and nowhere else, until the
page is written.
"""

from __future__ import annotations

import gzip
from collections.abc import Awaitable, Callable, MutableMapping
from contextvars import ContextVar
from typing import Any

import gradio as gr

from app.web.formatting import render
from app.web.language import ENGLISH, Language
from app.web.language_choice import language_of

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_reader: ContextVar[Language] = ContextVar("_reader", default=ENGLISH)
HEAD = b"<head>"


class LocalizedBlocks(gr.Blocks):
    """Pages whose events exist once, and whose components are described in every language."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._described: dict[str, Any] = {}
        self._components: dict[str, dict[str, Any]] = {}  # by language
        super().__init__(*args, **options)

    @property
    def config(self) -> dict[str, Any]:
        """What Gradio writes into a page: for the reader who has asked for it just now."""
        return self._described | self._components.get(_reader.get().code, {})

    @config.setter
    def config(self, described: dict[str, Any]) -> None:
        self._described = described

    def describe(self, language: Language, other: gr.Blocks) -> None:
        """Show the components of `other`, the same pages built in `language`, to its readers.

        Raises `ValueError` where they are not the same pages: an event would reach another field.
        """
        own, spoken = (
            [(one["id"], one["type"]) for one in blocks.get_config_file()["components"]]
            for blocks in (self, other)
        )
        if own != spoken:
            raise ValueError(f"The pages in {language.name} have other components.")
        described = other.get_config_file()
        self._components[language.code] = {
            name: described[name] for name in ("components", "pages", "title")
        }


class LocalizedPages:
    """ASGI middleware: the language of whoever asks, for as long as a page is made."""

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on; a page gets its language, everything else stays as it is."""
        headers = _headers(scope)
        if scope["type"] != "http" or "text/html" not in headers.get("accept", ""):
            await self.application(scope, receive, send)
            return
        language = language_of(headers)
        page = _Page(language, "gzip" in headers.get("accept-encoding", ""), send)
        # as it is, not compressed: its first line is rewritten here
        plain = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        token = _reader.set(language)
        try:
            await self.application({**scope, "headers": plain}, receive, page.send)
        finally:
            _reader.reset(token)


class _Page:
    """An answer on its way: whole and rewritten where it is a page, else as it comes."""

    def __init__(self, language: Language, compressed: bool, send: Send) -> None:
        self.language, self.compressed, self._send = language, compressed, send
        self._start: Message | None = None
        self._parts: list[bytes] = []

    async def send(self, message: Message) -> None:
        """Keep the page until it is whole."""
        if message["type"] == "http.response.start":
            kinds = [value for name, value in message["headers"] if name.lower() == b"content-type"]
            if kinds and kinds[0].startswith(b"text/html"):
                self._start = message
                return
        elif self._start is not None:
            self._parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                await self._finish(self._start, b"".join(self._parts))
            return
        await self._send(message)

    async def _finish(self, start: Message, body: bytes) -> None:
        code = self.language.code
        body = body.replace(b'lang="en"', f'lang="{code}"'.encode(), 1)
        if b"gradio_config" in body:  # other pages need no script
            body = body.replace(HEAD, HEAD + render("languages.head").encode(), 1)
        headers = [
            (name, value) for name, value in start["headers"] if name.lower() != b"content-length"
        ]
        headers += [
            (b"content-language", code.encode()),
            (b"vary", b"accept-language, cookie, accept-encoding"),
        ]
        if self.compressed:
            body = gzip.compress(body, 5)
            headers.append((b"content-encoding", b"gzip"))
        headers.append((b"content-length", str(len(body)).encode()))
        await self._send({**start, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


def _headers(scope: Scope) -> dict[str, str]:
    """The last of each name, in lower case."""
    return {
        name.decode("latin-1").lower(): value.decode("latin-1")
        for name, value in scope.get("headers", ())
    }
