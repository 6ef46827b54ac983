"""The web server: health, headers, files, and the studio's pages; stops cleanly.

In: settings. Out: a running server. Everything a page loads comes from here.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import sys
import threading
import time
import warnings
import webbrowser
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from app.settings import ASSETS, Settings
from app.web.access import ANYWHERE, Access
from app.web.uploads import Budgets, Uploads
from core.accounts.store import Accounts
from core.errors import CreditlineError, UsageError
from core.ledger.ledger import Ledger

if TYPE_CHECKING:
    from app.services.session import Studio

Prepare = Callable[["Studio"], None]

WATCHERS = 512  # events at a time: far more than jobs, each of which several pages may watch
STOPS_WITHIN = 4.5  # seconds after a signal, whatever is under way


def serve(settings: Settings, prepare: Prepare | None = None) -> None:
    """Open the studio and serve it until it is stopped; says on stderr where it is."""
    import uvicorn

    listening = _listen(settings)
    host = "127.0.0.1" if settings.host in ANYWHERE else settings.host
    name = f"[{host}]" if ":" in host else host
    address = f"http://{name}:{listening.getsockname()[1]}"
    access = Access(
        settings,
        lambda key: _say(f"That address has been used. The next one: {address}/?key={key}"),
    )
    application = make_application(settings, access, prepare=prepare)
    with_key = settings.importing == "key" and not access.accounts_required
    _say(
        f"Creditline is open at {address}{f'/?key={access.new_key()}' if with_key else ''}"
        "  (stop it with Ctrl+C)"
    )
    if with_key:
        _say("The key makes one browser the keeper's, who may import. Visitors need none.")
    for sentence in _who_may(settings, access):
        _say(sentence)
    if settings.open:
        own = f"{address}/?key={access.new_key()}" if with_key else address
        threading.Timer(0.5, webbrowser.open, [own]).start()
    config = uvicorn.Config(
        application,
        log_level="warning",
        timeout_graceful_shutdown=3,
        proxy_headers=False,  # `Forwarded` reads them, of those whom the settings name
    )

    class Server(uvicorn.Server):
        """Ends in time: whoever watches a job is told at once, what is half-done is rolled back."""

        def handle_exit(self, sig: int, frame: Any) -> None:
            if not self.should_exit:
                # not in this thread: a signal may come while it holds what closing waits for
                threading.Thread(target=application.state.jobs.close, daemon=True).start()
                last = threading.Timer(STOPS_WITHIN, os._exit, [0])
                last.daemon = True
                last.start()
            super().handle_exit(sig, frame)

    Server(config).run(sockets=[listening])


def _who_may(settings: Settings, access: Access) -> Iterator[str]:
    """What whoever started it should know about who may do what."""
    if access.accounts_required:
        yield "Visitors may look, paint and trace; whoever does more signs in."
        if not any(account.stands for account in Accounts(settings.accounts_file).all()):
            yield (
                "There is no account yet. Make one: python -m app accounts add NAME --role keeper"
            )
    elif not access.alone:
        yield (
            "No accounts are required, as you said: whoever reaches this studio may record credit "
            "and export the ledger."
        )


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


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
        remedy = "Choose another with --port, or --port 0 for any free one."
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            remedy = "Give an address of this machine with --host (0.0.0.0: all of them)."
        raise UsageError(
            f"{settings.host}:{settings.port} cannot be used ({error.strerror or error}). {remedy}"
        ) from error
    except (TypeError, UnicodeError) as error:  # a name that no host can have
        listening.close()
        raise UsageError(
            f"'{settings.host}' is not the name or the address of a host. Give an address of this "
            "machine with --host (0.0.0.0: all of them)."
        ) from error
    return listening


def make_application(
    settings: Settings,
    access: Access | None = None,
    budgets: Budgets | None = None,
    prepare: Prepare | None = None,
) -> Any:
    """FastAPI with health, files and the pages mounted, behind the gate. `prepare`: what is done
    with the studio before anybody is answered."""
    access = access or Access(settings)
    budgets = budgets or Budgets(per_hour=settings.per_hour)
    try:
        settings.temporary.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{settings.temporary} cannot be made ({error.strerror or error}), so nothing could be "
            "kept. Set CREDITLINE_HOME to a folder that you may write to, or move what lies there "
            "aside."
        ) from error
    os.environ["GRADIO_TEMP_DIR"] = str(settings.temporary)
    warnings.filterwarnings("ignore", message=".*SSR mode.*")
    import gradio as gr
    from fastapi import FastAPI

    from app.services.jobs import JobLimits, Jobs
    from app.services.session import open_studio
    from app.web.api.application import make_api, mount_api
    from app.web.blocks import SWEPT_EVERY, build_studio, css, head, theme
    from app.web.callers import Callers
    from app.web.events import Events
    from app.web.gate import Gate
    from app.web.localized_pages import LocalizedPages
    from app.web.proxy import Below, Forwarded
    from app.web.rights import rights
    from app.web.routes import media
    from app.web.sign_in import signing_in
    from app.web.verifying import verifying

    callers = Callers(settings, access)

    # Painting yields to the thread that shows it: with the usual 5 ms between turns, each of the
    # hundreds of small steps of a picture would wait for it (measured: 1.5 s per picture).
    sys.setswitchinterval(0.0005)
    studio = open_studio(settings, spare_threads=1)
    if prepare is not None:
        prepare(studio)
    if not studio.ledger.wholly_verified:
        threading.Thread(target=_verify_everything, args=[studio.ledger], daemon=True).start()
    uploads = Uploads(settings.temporary, budgets)
    uploads.sweep()
    limits = JobLimits(per_owner=budgets.jobs_per_visitor, per_address=budgets.jobs_per_address)
    jobs = Jobs(studio, limits)

    @asynccontextmanager
    async def serving(application: FastAPI) -> AsyncIterator[None]:
        """What was promised before goes on; what visitors brought goes in time, also while nobody
        brings anything."""
        await asyncio.to_thread(_resume, jobs)
        task = asyncio.create_task(_sweep_every(uploads, SWEPT_EVERY))
        yield
        task.cancel()
        await asyncio.to_thread(jobs.stop)

    application = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, lifespan=serving)
    application.state.jobs = jobs

    @application.get("/healthz")
    def health() -> dict[str, Any]:
        return {
            "status": "ok",
            "collection": studio.collection.name,
            "works": len(studio.collection.works),
            "device": str(studio.engine.device),
        }

    application.include_router(media(studio))
    application.include_router(signing_in(callers))
    application.include_router(verifying())
    application.include_router(rights(studio))
    studio.thumbnails.sweep(time.time())
    blocks = build_studio(jobs, callers, uploads)
    blocks.queue(api_open=False, max_size=64)
    events = Events(blocks, uploads, budgets, callers)
    mount_api(application, make_api(jobs, callers, events))
    gr.mount_gradio_app(
        application,
        blocks,
        path="/",
        theme=theme(),
        css=css(),
        head=head(),
        favicon_path=ASSETS / "favicon.png",
        show_error=False,
        max_file_size="25mb",
        footer_links=[],
        ssr_mode=False,
        run_history=False,
        enable_monitoring=False,
        app_kwargs={"openapi_url": None, "docs_url": None, "redoc_url": None},
    )
    # Gradio checks the paths that events name only in what was launched; mounting never says so
    blocks.has_launched = True
    # events that wait for a job hold no thread while they do
    blocks._queue.max_thread_count = WATCHERS
    application.add_middleware(LocalizedPages)
    application.add_middleware(Below)
    application.add_middleware(
        Gate,
        access=access,
        callers=callers,
        uploads=uploads,
        events=events,
    )
    application.add_middleware(Forwarded, settings=settings)
    return application


def _resume(jobs: Any) -> None:
    """Whoever was promised a picture gets it; where that cannot be read, the studio opens too."""
    try:
        count = jobs.resume()
    except CreditlineError as error:
        _say(error.message)
        return
    if count:
        what = "1 picture that was" if count == 1 else f"{count} pictures that were"
        _say(f"Going on with {what} promised before the studio was stopped.")


async def _sweep_every(uploads: Uploads, seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        await asyncio.to_thread(uploads.sweep)


def _verify_everything(ledger: Ledger) -> None:
    """The start verified what is new; the rest is verified while people are served already."""
    try:
        bad = ledger.verify().first_bad
    except CreditlineError as error:
        _say(error.message)
        return
    if bad is not None:
        _say(f"The ledger was changed: entry {bad.entry}: {bad.reason}. Nothing more is booked.")
