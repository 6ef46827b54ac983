"""The API as an application of its own, mounted under `/api/v1`: routes, refusals, description.

In: jobs, callers, events. Out: FastAPI, whose description `/openapi.json` and `/docs` print. Who
may ask what, the gate has decided before.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request, Security
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.security import HTTPBearer

from app import __version__
from app.services.jobs import Jobs
from app.services.serialize_jobs import ErrorRecord
from app.web.api.description import described
from app.web.api.jobs import job_routes
from app.web.api.records import record_routes
from app.web.api.refusals import DOCUMENTED, refuse_in_words
from app.web.callers import Callers
from app.web.events import Events
from app.web.formatting import render

ROOT = "/api/v1"
ABOUT = (
    "Paint, trace, and read what is recorded. Painting and tracing are jobs: they answer 202 with "
    "an address at once, and wait in a queue that is fair between callers. Visitors need no token "
    "for what they may do in the browser; a token of an account (`accounts token`) goes into "
    "`Authorization: Bearer`. Every refusal is an object with one sentence in `detail`."
)
BEARER = HTTPBearer(
    auto_error=False, description="A token, as `python -m app accounts token` prints it"
)


def make_api(jobs: Jobs, callers: Callers, events: Events) -> FastAPI:
    """The application to mount."""
    api = FastAPI(
        title="Creditline",
        version=__version__,
        description=ABOUT,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        dependencies=[Security(BEARER)],
        responses=DOCUMENTED,
    )
    api.include_router(job_routes(jobs, callers, events))
    api.include_router(record_routes(jobs.studio))
    refuse_in_words(api)
    return api


def mount_api(application: FastAPI, api: FastAPI) -> None:
    """Put the API and its description into the studio's application."""

    def description(request: Request) -> dict[str, Any]:
        below, about = str(request.scope.get("root_path", "")), api.openapi()
        about["components"]["schemas"].setdefault("ErrorRecord", ErrorRecord.model_json_schema())
        return {**about, "servers": [{"url": f"{below}{ROOT}"}]}

    @application.get("/openapi.json")
    def openapi(request: Request) -> JSONResponse:
        return JSONResponse(description(request))

    @application.get("/docs")
    def docs(request: Request) -> HTMLResponse:
        base = f"{request.scope.get('root_path', '')}/"
        about = described(description(request))
        return HTMLResponse(render("api", base=base, api=about))

    application.mount(ROOT, api)
