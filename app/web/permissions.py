"""The one table of what is answered: every route and every event, and what one must be allowed.

In: a method and a path, or an event's name. Out: the action that it needs, or nothing where the
studio does not answer. What is not in these tables is shut, Gradio's own routes included. The
documents print the same table, and a test walks every route and holds both against it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from core.accounts.roles import Action

PAGES = ("/", "/ledger", "/artists", "/history", "/compare", "/method", "/import", "/names")


@dataclass(frozen=True)
class Answered:
    """A route that the studio answers: `path` as FastAPI writes it, and whom."""

    method: str
    path: str
    action: Action
    what: str

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        text = ""
        for part in re.split(r"(\{\w+(?::path)?\})", self.path):
            if part.startswith("{"):
                text += ".+" if part.endswith(":path}") else "[^/]+"
            else:
                text += part.replace(".", r"\.")
        return re.compile(text + ("/?" if self.path in PAGES[1:] else ""))

    def fits(self, method: str, path: str) -> bool:
        """Whether a request is for this route; HEAD asks as GET does."""
        asking = "GET" if method == "HEAD" else method
        return asking == self.method and self._pattern.fullmatch(path) is not None


ROUTES = (
    Answered("GET", "/", Action.LOOK, "the Studio, and a run by its link"),
    Answered("GET", "/ledger", Action.LOOK, "the ledger, with filters"),
    Answered("GET", "/artists", Action.LOOK, "artists and their statements"),
    Answered("GET", "/history", Action.LOOK, "every run"),
    Answered("GET", "/compare", Action.LOOK, "two runs side by side"),
    Answered("GET", "/method", Action.LOOK, "what the numbers mean"),
    Answered("GET", "/import", Action.IMPORT, "the form of an import"),
    Answered("GET", "/names", Action.NAMES, "names that wait for a decision, and wishes"),
    Answered("GET", "/sign-in", Action.LOOK, "the form to sign in, and to sign out"),
    Answered("POST", "/sign-in", Action.LOOK, "signs in"),
    Answered("POST", "/sign-out", Action.LOOK, "signs out"),
    Answered("GET", "/verify", Action.LOOK, "the form for an evidence pack"),
    Answered("POST", "/verify", Action.LOOK, "what an evidence pack proves; keeps nothing"),
    Answered("GET", "/disputes", Action.LOOK, "disputes, with every step"),
    Answered("POST", "/disputes", Action.COMMENT, "opens a dispute"),
    Answered("POST", "/disputes/comment", Action.COMMENT, "says something about one"),
    Answered("POST", "/disputes/resolve", Action.REVERSE, "decides one"),
    Answered("GET", "/corrections", Action.REVERSE, "forms to correct what was booked or learnt"),
    Answered("POST", "/corrections/reverse", Action.REVERSE, "reverses an entry"),
    Answered("POST", "/corrections/remove", Action.REMOVE, "takes works out of the collection"),
    Answered("POST", "/corrections/opt-out", Action.OPT_OUT, "keeps a wish, and withholds a name"),
    Answered("GET", "/summary", Action.LOOK, "what the model learnt from, after the EU's template"),
    Answered("GET", "/summary.md", Action.LOOK, "the same as Markdown"),
    Answered("GET", "/summary.json", Action.LOOK, "the same as JSON"),
    Answered(
        "GET",
        "/statements/{artist_id}.{kind}",
        Action.LOOK,
        "an artist's statement of a period, as CSV or Parquet",
    ),
    Answered("GET", "/healthz", Action.LOOK, "whether the studio is up"),
    Answered("GET", "/ledger.csv", Action.EXPORT, "the ledger as a table"),
    Answered("GET", "/ledger.json", Action.EXPORT, "the ledger as JSON"),
    Answered("GET", "/media/works/{work_id}", Action.LOOK, "a work's picture"),
    Answered("GET", "/media/thumbnails/works/{work_id}", Action.LOOK, "the same, small"),
    Answered("GET", "/media/thumbnails/runs/{run_id}", Action.LOOK, "a run's picture, small"),
    Answered("GET", "/media/runs/{run_id}.png", Action.LOOK, "a run's picture"),
    Answered(
        "GET",
        "/media/runs/{run_id}/without/{artist_id}.png",
        Action.LOOK,
        "a run painted without an artist, where somebody has asked",
    ),
    Answered("GET", "/runs/{run_id}.json", Action.LOOK, "a run with its influences"),
    Answered("GET", "/runs/{run_id}/credit.csv", Action.LOOK, "a run's credit as a table"),
    Answered("GET", "/runs/{run_id}/works.csv", Action.LOOK, "the works behind a run as a table"),
    Answered("GET", "/runs/{run_id}/evidence.zip", Action.LOOK, "a run's evidence"),
    Answered("GET", "/assets/{path:path}", Action.LOOK, "scripts and styles of the pages"),
    Answered("GET", "/static/{path:path}", Action.LOOK, "fonts and pictures of the pages"),
    Answered("GET", "/theme.css", Action.LOOK, "colours of the pages"),
    Answered("GET", "/favicon.ico", Action.LOOK, "the pages' sign"),
    Answered("GET", "/config", Action.LOOK, "what `gradio_client` reads of the pages"),
    Answered("GET", "/gradio_api/info", Action.LOOK, "the endpoints that it calls by name"),
    Answered("POST", "/gradio_api/queue/join", Action.LOOK, "an event that waits for its turn"),
    Answered("GET", "/gradio_api/queue/data", Action.LOOK, "how far an event is"),
    Answered("POST", "/gradio_api/run/predict", Action.LOOK, "an event that does not wait"),
    Answered("POST", "/gradio_api/cancel", Action.LOOK, "ends an event of the same page"),
    Answered("POST", "/gradio_api/upload", Action.TRACE, "takes a picture, within the budgets"),
    Answered("GET", "/gradio_api/upload_progress", Action.TRACE, "how far an upload is"),
    Answered(
        "GET",
        "/gradio_api/file={path_or_url:path}",
        Action.TRACE,
        "a picture back to the browser that brought it",
    ),
    Answered("GET", "/docs", Action.LOOK, "the API, described"),
    Answered("GET", "/openapi.json", Action.LOOK, "the same as OpenAPI"),
    Answered("POST", "/api/v1/generations", Action.GENERATE, "begins a painting"),
    Answered(
        "POST", "/api/v1/attributions", Action.TRACE, "brings a picture and begins to trace it"
    ),
    Answered("GET", "/api/v1/jobs/{job_id}", Action.LOOK, "how far a job is"),
    Answered("GET", "/api/v1/jobs/{job_id}/events", Action.LOOK, "the same as it changes"),
    Answered(
        "POST",
        "/api/v1/jobs/{job_id}/cancel",
        Action.GENERATE,
        "cancels a job, for whoever began it",
    ),
    Answered("GET", "/api/v1/studio", Action.LOOK, "classes and methods that can be asked for"),
    Answered("GET", "/api/v1/methods", Action.LOOK, "every method"),
    Answered("GET", "/api/v1/report", Action.LOOK, "how far credits can be trusted"),
    Answered("GET", "/api/v1/runs", Action.LOOK, "runs, by page"),
    Answered("GET", "/api/v1/runs/{run_id}", Action.LOOK, "a run with its influences"),
    Answered("GET", "/api/v1/runs/{run_id}/picture.png", Action.LOOK, "a run's picture"),
    Answered("GET", "/api/v1/artists", Action.LOOK, "artists, by page"),
    Answered("GET", "/api/v1/artists/{artist}", Action.LOOK, "an artist's status and credit"),
    Answered("GET", "/api/v1/artists/{artist}/statement", Action.LOOK, "an artist's statement"),
    Answered("GET", "/api/v1/disputes", Action.LOOK, "disputes, by page"),
    Answered("GET", "/api/v1/disputes/{number}", Action.LOOK, "a dispute with every step"),
    Answered("GET", "/api/v1/ledger/totals", Action.LOOK, "net credit of every artist"),
    Answered("GET", "/api/v1/ledger/entries", Action.LOOK, "entries, by page"),
    Answered("GET", "/api/v1/ledger/entries/{entry}", Action.LOOK, "an entry"),
    Answered(
        "GET", "/api/v1/ledger/entries/{entry}/proof", Action.LOOK, "proof that it is in the ledger"
    ),
    Answered("GET", "/api/v1/ledger/verification", Action.LOOK, "whether the ledger is whole"),
    Answered("GET", "/api/v1/ledger/checkpoints", Action.LOOK, "what was published of the ledger"),
    Answered("GET", "/api/v1/ledger/key.pem", Action.LOOK, "the key by which that is signed"),
)

# Every event by its name; of several that share one, the number that Gradio appends is dropped.
EVENTS = {
    "account": Action.LOOK,
    "opened": Action.LOOK,
    "read": Action.LOOK,
    "alike": Action.LOOK,
    "restore": Action.LOOK,
    "history": Action.LOOK,
    "history_delete": Action.REMOVE,
    "new_seed": Action.LOOK,
    "generate": Action.GENERATE,
    "again": Action.GENERATE,
    "stop": Action.LOOK,
    "stopped": Action.LOOK,
    "retry": Action.GENERATE,  # books what this visitor's run could not, and nothing else
    "trace": Action.TRACE,
    "without": Action.WHAT_IF,
    "import_preview": Action.IMPORT,
    "import_take": Action.IMPORT,
    "import_stop": Action.IMPORT,
    "import_stopped": Action.IMPORT,
    "import_changed": Action.IMPORT,
    "names_opened": Action.NAMES,
    "names_collection": Action.NAMES,
    "names_skip": Action.NAMES,
    "names_decide": Action.NAMES,
    "names_undo": Action.NAMES,
    "names_wish": Action.OPT_OUT,
    "watch": Action.LOOK,
    # what `gradio_client` calls by name
    "paint": Action.GENERATE,
    "run": Action.LOOK,
    "totals": Action.LOOK,
    "entries": Action.LOOK,
    "statement": Action.LOOK,
    "verification": Action.LOOK,
}
NAMED = frozenset({"paint", "run", "totals", "entries", "statement", "verification"})
# of these a visitor has so many per hour
COUNTED = frozenset({"generate", "again", "trace", "paint"})
OF_A_FORM = frozenset(
    {
        "/sign-in",
        "/sign-out",
        "/disputes",
        "/disputes/comment",
        "/disputes/resolve",
        "/corrections/reverse",
        "/corrections/remove",
        "/corrections/opt-out",
    }
)
OF_A_FILE = frozenset({"/verify"})  # forms that bring a file


def answered(method: str, path: str) -> Answered | None:
    """The route that a request is for; None where nothing answers."""
    return next((route for route in ROUTES if route.fits(method, path)), None)


def event_name(fn: Any) -> str:
    """An event's name in the table, of one of Gradio's functions. Gradio names no event that ends
    others; it ends those of its own page alone."""
    if fn.cancels:
        return "stop"
    return re.sub(r"_\d+$", "", str(fn.api_name))


def event_action(fn: Any) -> Action | None:
    """What an event needs; None for one that nobody may call: it is not in the table, or is the
    page's own business, as the press that ends other events (which asks /gradio_api/cancel)."""
    if fn.fn is None:
        return None
    return EVENTS.get(event_name(fn))
