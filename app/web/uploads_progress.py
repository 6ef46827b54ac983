"""How far an upload is: who may ask Gradio for it, and that Gradio forgets it.

In: whose request it is, and its query. Out: the query as it may be handed on. Gradio keeps every id
that it was ever asked for; here only ids of uploads under way reach it, and are dropped with them.
Asked from the server's event loop alone.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from gradio.routes import file_upload_statuses

QUERY = re.compile(rb"upload_id=([A-Za-z0-9._-]{1,40})")
PATIENCE, LOOK = 3.0, 0.05  # seconds for which a page that asks before its upload waits; a look
WAITING = 32  # who may wait so at a time; whoever may not has no bar, and uploads all the same


@dataclass
class _UnderWay:
    visitor: str
    watched: bool = False


class UploadsProgress:
    """The uploads under way that a page wants to watch."""

    def __init__(self) -> None:
        self._uploads: dict[str, _UnderWay] = {}
        self._waiting = 0

    @contextmanager
    def of_upload(self, visitor: str, query: bytes) -> Iterator[bytes]:
        """The query of an upload; empty where its id is none, or another's."""
        upload_id = _id_in(query)
        if not upload_id or upload_id in self._uploads:
            yield b""
            return
        self._uploads[upload_id] = _UnderWay(visitor)
        try:
            yield query
        finally:
            del self._uploads[upload_id]
            _forget(upload_id)

    @asynccontextmanager
    async def watched(self, visitor: str, query: bytes) -> AsyncIterator[bytes | None]:
        """The query of whoever watches an upload of their own, one at a time; else None."""
        upload_id = _id_in(query)
        upload = await self._when_under_way(upload_id)
        if upload is None or upload.visitor != visitor or upload.watched:
            yield None
            return
        upload.watched = True
        try:
            yield query
        finally:
            upload.watched = False
            if upload_id not in self._uploads:  # it may have been asked for just after its end
                _forget(upload_id)

    async def _when_under_way(self, upload_id: str) -> _UnderWay | None:
        if not upload_id or (upload_id not in self._uploads and self._waiting >= WAITING):
            return None
        self._waiting += 1
        try:
            until = time.monotonic() + PATIENCE
            while upload_id not in self._uploads and time.monotonic() < until:
                await asyncio.sleep(LOOK)
            return self._uploads.get(upload_id)
        finally:
            self._waiting -= 1


def _forget(upload_id: str) -> None:
    file_upload_statuses.stop_tracking(upload_id)
    file_upload_statuses._signals.pop(upload_id, None)


def _id_in(query: bytes) -> str:
    match = QUERY.fullmatch(query)
    return match[1].decode() if match else ""
