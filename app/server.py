"""The web server: health, headers, files, and the studio's pages; stops cleanly.

In: settings. Out: a running server. Everything a page loads comes from here.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import warnings
import webbrowser
from collections.abc import Awaitable, Callable
from typing import Any

from app.settings import Settings
from app.terminal import complain
from core.errors import CreditlineError, UsageError
from core.ledger.ledger import Ledger

ANYWHERE = {"0.0.0.0", "::"}


def serve(settings: Settings) -> None:
    """Open the studio and serve it until it is stopped."""
    import uvicorn

    listening = _listen(settings)
    application = make_application(settings)
    host = "127.0.0.1" if settings.host in ANYWHERE else settings.host
    address = f"http://{host}:{listening.getsockname()[1]}"
    complain(f"Creditline is open at {address}  (stop it with Ctrl+C)")
    if settings.open:
        threading.Timer(0.5, webbrowser.open, [address]).start()
    config = uvicorn.Config(application, log_level="warning", timeout_graceful_shutdown=3)
    uvicorn.Server(config).run(sockets=[listening])


def _listen(settings: Settings) -> socket.socket:
    """Take the port before the model is loaded, so that a taken one is told at once."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise UsageError(
            f"{settings.host}:{settings.port} cannot be used ({error.strerror or error}). Choose "
            "another with --port, or --port 0 for any free one."
        ) from error
    return listening


def make_application(settings: Settings) -> Any:
    """FastAPI with health, files and the pages mounted."""
    settings.temporary.mkdir(parents=True, exist_ok=True)
    os.environ["GRADIO_TEMP_DIR"] = str(settings.temporary)
    warnings.filterwarnings("ignore", message=".*SSR mode.*")
    import gradio as gr
    from fastapi import FastAPI

    from app.media import media
    from app.opened import open_studio
    from app.studio import build_studio
    from app.theme import css, head, theme

    # Painting yields to the thread that shows it: with the usual 5 ms between turns, each of the
    # hundreds of small steps of a picture would wait for it (measured: 1.5 s a picture).
    sys.setswitchinterval(0.0005)
    studio = open_studio(settings, spare_threads=1)
    if not studio.ledger.wholly_verified:
        threading.Thread(target=_verify_everything, args=[studio.ledger], daemon=True).start()
    application = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    application.middleware("http")(_with_headers)

    @application.get("/healthz")
    def health() -> dict[str, Any]:
        return {
            "status": "ok", "collection": studio.collection.name,
            "works": len(studio.collection.works), "device": str(studio.engine.device),
        }  # fmt: skip

    application.include_router(media(studio))
    blocks = build_studio(studio)
    blocks.queue(api_open=False, max_size=64)
    gr.mount_gradio_app(
        application, blocks, path="/", theme=theme(), css=css(), head=head(), show_error=False,
        max_file_size="25mb", footer_links=[], ssr_mode=False, run_history=False,
        enable_monitoring=False,
        app_kwargs={"openapi_url": None, "docs_url": None, "redoc_url": None},
    )  # fmt: skip
    return application


def _verify_everything(ledger: Ledger) -> None:
    """The start verified what is new; the rest is verified while people are served already."""
    try:
        bad = ledger.verify().first_bad
    except CreditlineError as error:
        complain(error.message)
        return
    if bad is not None:
        complain(
            f"The ledger was changed: entry {bad.entry}: {bad.reason}. Nothing more is booked."
        )


SPACES = "https://huggingface.co https://*.hf.space"
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


async def _with_headers(request: Any, call_next: Callable[[Any], Awaitable[Any]]) -> Any:
    """What a browser may do with our pages; a Space shows them in a frame, nobody else does."""
    response = await call_next(request)
    ancestors = (
        "https://huggingface.co https://*.hf.space" if os.environ.get("SPACE_ID") else "'none'"
    )
    response.headers["Content-Security-Policy"] = f"{POLICY}; frame-ancestors {ancestors}"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=()"
    return response
