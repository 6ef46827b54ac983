"""Every refusal of the API in one shape: a status, and a sentence in `detail`.

In: an exception. Out: the answer. Nothing that a client sent is echoed beyond what the services
quote of a word.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response

from app.services.errors import words_of
from app.services.serialize_jobs import ErrorRecord
from app.web.events import EventRefused
from core.errors import AccountError, BusyError, CreditlineError, UsageError

LATER = {"Retry-After": "30"}  # seconds
# JSON whatever the route itself answers with, so not by FastAPI's `model`
CONTENT = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorRecord"}}}
DOCUMENTED: dict[int | str, dict[str, Any]] = {
    status: {"description": words, "content": CONTENT}
    for status, words in {
        400: "The request cannot be read",
        403: "Needs another role, or a token with this scope",
        404: "There is no such thing here",
        409: "That cannot be done as things are",
        411: "The request does not say how long it is",
        413: "Too large",
        422: "Something is missing or is not of the kind that is meant",
        429: "Too much for now",
        500: "Not foreseen; the log of the studio has more, under the reference that is named",
        503: "The studio cannot answer just now",
        507: "The disk is nearly full",
    }.items()
}


def refuse_in_words(api: FastAPI) -> None:
    """Answer every exception of this application in the one shape."""

    @api.exception_handler(CreditlineError)
    def ours(request: Request, error: CreditlineError) -> Response:
        if isinstance(error, BusyError):
            return refusal(429, error.message, LATER)
        if isinstance(error, UsageError):
            return refusal(422, error.message)
        status = 503 if isinstance(error, AccountError) else 409
        return refusal(status, error.message)

    @api.exception_handler(EventRefused)
    def beyond(request: Request, error: EventRefused) -> Response:
        return refusal(error.status, error.words, LATER if error.status == 429 else None)

    @api.exception_handler(HTTPException)
    def plain(request: Request, error: HTTPException) -> Response:
        return refusal(error.status_code, str(error.detail), error.headers)

    @api.exception_handler(RequestValidationError)
    def misread(request: Request, error: RequestValidationError) -> Response:
        if any(one["type"] == "json_invalid" for one in error.errors()):
            return refusal(400, "The body is not JSON. Send an object, as the documents show.")
        return refusal(422, " ".join(map(_in_words, error.errors()[:5])))

    @api.exception_handler(Exception)
    def unforeseen(request: Request, error: Exception) -> Response:
        return refusal(500, words_of(error))


def refusal(status: int, words: str, headers: Any = None) -> JSONResponse:
    """One refusal."""
    return JSONResponse(ErrorRecord(detail=words).plain(), status, headers)


def _in_words(error: Any) -> str:
    """Where, and what is wrong there; what was sent is not repeated."""
    where = ".".join(str(part) for part in error["loc"][1:])[:60] or str(error["loc"][0])
    return f"{where}: {str(error['msg']).rstrip('.')}."
