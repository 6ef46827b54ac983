"""Whether a posted event is one that the pages offer, with values that its fields can hold.

In: the body of a request to Gradio's queue, and whose it is. Out: the body as it may be handed on,
or a refusal in words. An event is called only by whom its page offers it; a visitor paints and
traces so often per hour. A file is named only by the visitor who brought it; every other value is a
word, a number, yes or no, or nothing. Values are never echoed.
"""

from __future__ import annotations

import math
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import gradio as gr
from gradio.components.api_component import Api

from app.web.callers import Caller, Callers
from app.web.permissions import COUNTED, NAMED, event_action, event_name
from app.web.throttle import Throttle, neighbourhood
from app.web.uploads import Budgets, Uploads

LONGEST_WORDS = 10_000  # letters of one value
LONGEST_NAME = 200  # letters of a value that a program gives
LARGEST_NUMBER = 2**53  # up to which every reader of JSON has whole numbers
WATCHING = NAMED | {"watch"}
WATCHED_PER_JOB = 4  # pages that may watch, per job that may be under way
STREAMS = 256  # of jobs' progress by the API, of everybody together: each looks five times a second

NO_VISITOR = "Open the studio in the browser first."
NO_EVENT = "The studio does not offer this. Reload the page."
NO_VALUE = "A value is missing, or is not of the kind that its field takes. Reload the page."
NOT_YOURS = "The picture is no longer here. Choose it again."
ENOUGH = "You have several pictures under way already. Wait until one is finished."
HOURLY = (
    "From your network {count} pictures were painted or traced within the hour, as many as without "
    "an account may be. Try again in {minutes}, or sign in."
)
NO_DISK = "The disk of this machine is nearly full; nothing can be painted until there is room."
NO_TOKEN = "A token is for programs; the pages are for browsers. Use the addresses of the API."
WATCHING_ENOUGH = "Many jobs are watched from your network already. Close some of the streams."
ALL_WATCHING = "Too many jobs are watched just now. Ask for the job itself, or try again later."
BUSY = "Several pictures from your network are under way already. Wait until one is finished."


class EventRefused(Exception):
    """An event that is not handed on, in words."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status, self.words = status, words


class Events:
    """The events of one application of pages. Asked from the server's event loop alone."""

    def __init__(
        self,
        blocks: gr.Blocks,
        uploads: Uploads,
        budgets: Budgets,
        callers: Callers,
    ) -> None:
        self.blocks, self.uploads, self.budgets = blocks, uploads, budgets
        self._visitor_of, self._refusal = callers.access.visitor, callers.refusal
        self._hourly = Throttle(budgets.per_hour, 3600.0)
        self._joining: Counter[str] = Counter()  # by visitor and by network, on the way in
        self._streams: Counter[str] = Counter()  # by network: who watches a job by the API

    @contextmanager
    def admitted(
        self, body: object, *, queued: bool, visitor: str, address: str, caller: Caller
    ) -> Iterator[dict[str, Any]]:
        """The body with nothing but what Gradio needs, for as long as it is handed on.

        Raises `EventRefused` for what no page offers to this caller, for a value of another kind,
        and for one job too many of this visitor or address.
        """
        checked = self._checked(body, queued=queued, visitor=visitor, caller=caller)
        if not queued:
            yield checked
            return
        name = event_name(self.blocks.fns[checked["fn_index"]])
        watches = name in WATCHING
        self._require_room(visitor, address, watches=watches)
        if name in COUNTED:
            self.count(caller, address)
        keys = (f"visitor {visitor} {watches}", f"near {neighbourhood(address)} {watches}")
        self._joining.update(keys)
        try:
            yield checked
        finally:
            self._joining.subtract(keys)
            for key in keys:
                if not self._joining[key]:
                    del self._joining[key]

    def _checked(
        self, body: object, *, queued: bool, visitor: str, caller: Caller
    ) -> dict[str, Any]:
        number = body.get("fn_index") if isinstance(body, Mapping) else None
        fn = self.blocks.fns.get(number) if type(number) is int else None
        if fn is None or event_name(fn) not in NAMED:  # a page's, so a browser's
            if caller.by_token:
                raise EventRefused(403, NO_TOKEN)
            if not visitor:
                raise EventRefused(403, NO_VISITOR)
        if not isinstance(body, Mapping):
            raise EventRefused(400, NO_VALUE)
        action = None if fn is None else event_action(fn)
        if fn is None or action is None or bool(fn.queue) != queued:
            raise EventRefused(404, NO_EVENT)
        if not caller.may(action):
            raise EventRefused(403, self._refusal(action, caller))
        session = body.get("session_hash")
        if not isinstance(session, str) or not 0 < len(session) <= 64:
            raise EventRefused(400, NO_VALUE)
        fields = [] if fn.cancels else fn.inputs
        values = [] if fn.cancels else body.get("data")
        if not isinstance(values, list) or len(values) != len(fields):
            raise EventRefused(400, NO_VALUE)
        data = [
            self._value(fn, field, value, visitor)
            for field, value in zip(fields, values, strict=True)
        ]
        trigger = body.get("trigger_id")
        return {
            "data": data,
            "event_data": None,
            "fn_index": number,
            "session_hash": session,
            "trigger_id": trigger if type(trigger) is int else None,
        }

    def _value(self, fn: Any, field: Any, value: object, visitor: str) -> object:
        """The value, where the field can hold it; an untouched field holds nothing."""
        if value is None:
            return None
        if isinstance(field, gr.File):
            return self._file(value, visitor)
        if isinstance(field, gr.Dropdown) and fn.preprocess:
            fits = isinstance(value, str | int) and value in [one for _, one in field.choices]
        elif isinstance(field, gr.Number | gr.Slider):
            fits = _is_number(value)
        elif isinstance(field, gr.Checkbox):
            fits = isinstance(value, bool)
        elif isinstance(field, Api):  # a plain value of a program; what it means, the service says
            fits = _is_of(_kinds(field._api_info), value)
        else:
            fits = isinstance(value, str) and len(value) <= LONGEST_WORDS
        if not fits:
            raise EventRefused(400, NO_VALUE)
        return value

    def _file(self, value: object, visitor: str) -> dict[str, Any]:
        """A file is named by what was brought, never by a bare path or an address."""
        path = value.get("path") if isinstance(value, Mapping) else None
        if not isinstance(value, Mapping) or not isinstance(path, str):
            raise EventRefused(400, NO_VALUE)
        if not self.uploads.owns(visitor, path):
            raise EventRefused(400, NOT_YOURS)
        name = value.get("orig_name")
        return {
            "path": path,
            "meta": {"_type": "gradio.FileData"},
            "orig_name": name[:200] if isinstance(name, str) else None,
        }

    def count(self, caller: Caller, address: str) -> None:
        """One picture more, where there is disk and, for whoever has no account, room this hour.

        Raises `EventRefused` where there is not.
        """
        if shutil.disk_usage(self.uploads.folder).free < self.budgets.free_disk:
            raise EventRefused(507, NO_DISK)
        if not caller.limited:
            return
        key = neighbourhood(address)
        if wait := self._hourly.take(key):
            minutes = math.ceil(wait / 60)
            words = f"{minutes} minute{'s' if minutes > 1 else ''}"
            count = self.budgets.per_hour
            raise EventRefused(429, HOURLY.format(count=count, minutes=words))

    @contextmanager
    def watched(self, address: str) -> Iterator[None]:
        """A stream of a job's progress; raises `EventRefused` for one too many."""
        near = neighbourhood(address)
        if self._streams[near] >= WATCHED_PER_JOB * self.budgets.jobs_per_address:
            raise EventRefused(429, WATCHING_ENOUGH)
        if self._streams.total() >= STREAMS:
            raise EventRefused(503, ALL_WATCHING)
        self._streams[near] += 1
        try:
            yield
        finally:
            self._streams[near] -= 1
            if not self._streams[near]:
                del self._streams[near]

    def _require_room(self, visitor: str, address: str, *, watches: bool) -> None:
        """Only so many events of one visitor, and of one address, at a time; a page that only
        watches (opened again, perhaps in many tabs) is not counted among those that begin."""
        waiting = self.blocks._queue.event_ids_to_events.values()
        jobs = [one.request for one in waiting if (event_name(one.fn) in WATCHING) == watches]
        more = WATCHED_PER_JOB if watches else 1
        own = sum(self._visitor_of(job.headers) == visitor for job in jobs)
        joining = self._joining[f"visitor {visitor} {watches}"]
        if visitor and own + joining >= more * self.budgets.jobs_per_visitor:
            raise EventRefused(429, ENOUGH)
        near = neighbourhood(address)
        others = sum(
            job.client is not None and neighbourhood(job.client.host) == near for job in jobs
        )
        joining = self._joining[f"near {near} {watches}"]
        if others + joining >= more * self.budgets.jobs_per_address:
            raise EventRefused(429, BUSY)


def _is_number(value: object) -> bool:
    """A number that a whole one can be made of and kept: JSON's 1e999 becomes infinite."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and -LARGEST_NUMBER <= value <= LARGEST_NUMBER  # type: ignore[operator]


def _kinds(described: Mapping[str, Any]) -> set[str]:
    """What a parameter of an endpoint takes, by JSON's names, as Gradio describes it."""
    several = described.get("oneOf") or [described]
    return {str(one.get("type", "")) for one in several}


def _is_of(kinds: set[str], value: object) -> bool:
    """Whether an endpoint that takes these kinds can work with the value."""
    if isinstance(value, str):
        return "string" in kinds and len(value) <= LONGEST_NAME
    if not _is_number(value):
        return False
    return "number" in kinds or ("integer" in kinds and value == int(value))  # type: ignore[call-overload]
