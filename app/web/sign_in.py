"""Signing in and out: two plain forms, which need no script.

In: who asks, a name and a password. Out: a page, or a signed cookie and the way back. Who guesses
is slowed down, by network, and by name and network: a stranger elsewhere locks nobody out.
"""

from __future__ import annotations

import math
import re
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.web.callers import Callers, caller_of
from app.web.formatting import render
from app.web.language_choice import language_of
from app.web.permissions import PAGES
from app.web.sentences import marked
from app.web.throttle import Throttle, neighbourhood, take_all
from core.accounts.sessions import LASTS

# failures within so many seconds: of a name from one network, of a network with any name
PER_NAME, PER_ADDRESS, WINDOW = 10, 30, 900.0
PER_NAME_ANYWHERE = 1000  # against many networks at once; far too few to guess a password
PLACES = (*PAGES, "/disputes", "/corrections")
PLACE = re.compile(rf"(?:{'|'.join(PLACES)})(?:\?[A-Za-z0-9_=&%.+-]*)?")
WRONG = marked("The name or the password is not right.")
NO_STORE = {"Cache-Control": "no-store"}


def signing_in(callers: Callers) -> APIRouter:
    """The routes of one studio."""
    router = APIRouter()
    by_name, by_address = Throttle(PER_NAME, WINDOW), Throttle(PER_ADDRESS, WINDOW)
    anywhere = Throttle(PER_NAME_ANYWHERE, WINDOW)

    def page(request: Request, *, status: int = 200, **values: str) -> HTMLResponse:
        caller, shown = caller_of(request), {"words": "", "typed": "", "place": ""} | values
        html = render(
            "sign_in",
            language_of(request.headers),
            base=f"{request.scope.get('root_path', '')}/",
            name_of=caller.name,
            role=caller.role.value,
            required=callers.required,
            **shown,
        )
        return HTMLResponse(html, status, headers=NO_STORE)

    @router.get("/sign-in")
    def form(request: Request) -> HTMLResponse:
        return page(request, place=page_within(request.query_params.get("to", "")))

    @router.post("/sign-in")
    def sign_in(
        request: Request,
        name: Annotated[str, Form()] = "",
        password: Annotated[str, Form()] = "",
        to: Annotated[str, Form()] = "",
    ) -> Response:
        place, shown = page_within(to), name.strip()[:64]
        address = neighbourhood(request.client.host if request.client else "")
        whose = shown.lower()
        here = f"{address} {whose}"
        # counted before it is known: many at once get no more tries than one after the other
        wait = take_all((by_name, here), (by_address, address), (anywhere, whose))
        if wait:
            minutes = math.ceil(wait / 60)
            words = language_of(request.headers).count(
                "That was tried too often. Wait %(minutes)s minute, then try again.",
                "That was tried too often. Wait %(minutes)s minutes, then try again.",
                minutes,
                minutes=minutes,
            )
            return page(request, status=429, words=words, typed=shown, place=place)
        account = callers.accounts.with_password(shown, password)
        if account is None:
            return page(request, status=401, words=WRONG, typed=shown, place=place)
        by_name.forget(here)
        anywhere.forget(whose)
        answer = RedirectResponse(f"{request.scope.get('root_path', '')}{place}", 303, NO_STORE)
        access, value = callers.access, callers.sessions.begin(account)
        answer.raw_headers.append(
            _set(access.cookie(request.scope, access.session_cookie, value, "Strict", LASTS))
        )
        return answer

    @router.post("/sign-out")
    def sign_out(request: Request) -> Response:
        access = callers.access
        callers.sessions.end(request.cookies.get(access.session_cookie, ""))
        answer = RedirectResponse(f"{request.scope.get('root_path', '')}/", 303, NO_STORE)
        answer.raw_headers.append(
            _set(access.cookie(request.scope, access.session_cookie, "", "Strict", 0))
        )
        return answer

    return router


def page_within(text: str) -> str:
    """A page of this studio to go to afterwards; never another address."""
    return text if PLACE.fullmatch(text) else "/"


def _set(cookie: str) -> tuple[bytes, bytes]:
    return b"set-cookie", cookie.encode("latin-1")
