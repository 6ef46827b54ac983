"""The first page: choose, paint, watch, see who shaped it; or drop a picture and trace it.

Layout, events, and what is asked about a finished run. What the buttons do to a run is
`pages.run_events`; what is shown of it, `pages.run`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from typing import Any

import gradio as gr

from app.services.artist_ablation import ArtistAblationResult, kept_answers, leave_out
from app.services.errors import guarded, words_of
from app.services.jobs import Jobs
from app.services.runs import MAX_GUIDANCE, MAX_SEED, MAX_STEPS, looks_alike, settings_of
from app.services.session import example_run
from app.web.access import Access
from app.web.callers import caller_of
from app.web.formatting import render, style_name
from app.web.language import ENGLISH, Language
from app.web.language_choice import language_of
from app.web.pages.run import (
    BETWEEN_UPDATES,
    SHOWN,
    idle,
    progress,
    shown,
    trouble,
    update,
)
from app.web.pages.run_events import RunEvents
from app.web.sentences import marked
from app.web.uploads import Uploads
from app.web.views.looking import LookAlike
from core.accounts.roles import Action
from core.attribution.methods import METHODS
from core.collection.types import LONGEST_PROMPT
from core.errors import CreditlineError, UsageError

INTRO = marked("Generate a painting, see which training works shaped it, and who is credited.")
ASK_THE_MODEL = ""  # the class of an upload: let the model say
ALIKE = 12  # works in the tab "Looks alike"


class StudioPage:
    """The page's components in one language, and their events, over one opened studio."""

    def __init__(
        self, jobs: Jobs, access: Access, uploads: Uploads, language: Language = ENGLISH
    ) -> None:
        self.studio, self.language = jobs.studio, language
        self.runs = RunEvents(jobs, access, uploads)
        self._build()
        self._connect()

    # --- layout ------------------------------------------------------------------------------

    def _build(self) -> None:
        styles, say = self.studio.collection.styles, self.language.say
        gr.HTML(render("studio.title", words="Creditline", lead=say(INTRO)), elem_id="masthead")
        with gr.Row(equal_height=False, elem_id="first"):
            with gr.Column(scale=4, min_width=250, elem_id="controls"):
                self._build_recipe(styles)
                self._build_upload(styles)
            with gr.Column(scale=5, min_width=280):
                self.picture = gr.HTML(render("studio.blank", self.language), elem_id="picture")
                self.status = gr.HTML(elem_id="status")
                self.retry = gr.Button(say("Retry recording"), visible=False, elem_id="retry")
            with gr.Column(scale=6, min_width=300):
                self.credit = gr.HTML(elem_id="credit")
        self._build_works()
        with gr.Row(equal_height=False):
            with gr.Column(scale=8, min_width=300):
                self.why = gr.HTML(elem_id="why")
            with gr.Column(scale=4, min_width=280):
                self.recipe = gr.HTML(elem_id="recipe")
                self.again = gr.Button(say("Run again"), visible=False, elem_id="again")
                self.restore = gr.Button(
                    say("Use these settings again"), visible=False, elem_id="restore"
                )
        with gr.Accordion(
            say("What if this artist had not been there?"), open=False, elem_id="without"
        ) as self.without:
            gr.HTML(render("artist_ablation.question", self.language))
            with gr.Row(equal_height=True) as self.ask:
                self.who = gr.Dropdown(
                    [], label=say("Artist"), elem_id="who", scale=3, min_width=200
                )
                self.find_out = gr.Button(
                    say("Find out"), elem_id="find-out", scale=1, min_width=120
                )
            self.answer = gr.HTML(elem_id="answer")
        self.paper = gr.HTML(elem_id="paper")
        self.run_id = gr.Textbox(visible=False, label=say("Run"))
        self.picked_up = gr.Textbox(visible=False, label=say("Run"))  # under way, by the address
        self.shown = [getattr(self, name) for name in SHOWN]

    def _build_works(self) -> None:
        """The works behind the picture, from four sides; their first row is on the first screen."""
        say = self.language.say
        with gr.Tabs(elem_id="works"):
            with gr.Tab(say("Shaped it most"), elem_id="tab-proponents"):
                self.proponents = gr.HTML(elem_id="proponents")
            with gr.Tab(say("Looks alike"), elem_id="tab-alike"):
                self.alike = gr.HTML(elem_id="alike")
            with gr.Tab(say("Pulled away"), elem_id="tab-opponents"):
                self.opponents = gr.HTML(elem_id="opponents")
            with gr.Tab(say("Self-influence"), elem_id="tab-memorised"):
                self.memorised = gr.HTML(elem_id="memorised")

    def _build_recipe(self, styles: Sequence[str]) -> None:
        """What a painting is made from; each style by one of its works."""
        say, collection = self.language.say, self.studio.collection
        works = {work.style: work.id for work in reversed(collection.works)}
        tiles = render("studio.tiles", works=[works[style] for style in styles])
        gr.HTML(tiles, elem_id="tiles")  # a stylesheet: nothing of it is seen
        self.style: gr.Radio | gr.Textbox
        if collection.by_caption:
            self.style = gr.Textbox(
                collection.labels[0],
                label=say("Prompt"),
                lines=2,
                max_length=LONGEST_PROMPT,
                elem_id="prompt",
            )
        else:
            self.style = gr.Radio(
                [(style_name(style, self.language), style) for style in styles],
                value=styles[0],
                label=say("Style"),
                elem_id="style",
            )
        with gr.Row():
            self.seed = gr.Number(
                7,
                label=say("Seed"),
                precision=0,
                minimum=0,
                maximum=MAX_SEED,
                scale=3,
                elem_id="seed",
                min_width=120,
            )
            self.dice = gr.Button(say("New seed"), scale=2, elem_id="dice", min_width=110)
        with gr.Accordion(say("Advanced"), open=False) as self.advanced:
            self.steps = gr.Slider(
                1,
                MAX_STEPS,
                self.studio.collection.default_steps,
                step=1,
                label=say("Steps"),
                elem_id="steps",
            )
            self.guidance = gr.Slider(
                0,
                MAX_GUIDANCE,
                self.studio.collection.default_guidance,
                step=0.5,
                label=say("Guidance"),
                elem_id="guidance",
            )
            at_hand = self.studio.engine.methods_available
            self.method = gr.Dropdown(
                [(self.language.translated(METHODS[name].title), name) for name in at_hand],
                value="d-trak",
                label=say("Measured by"),
                elem_id="method",
                filterable=False,
            )
        with gr.Row():
            self.generate = gr.Button(
                say("Generate"),
                variant="primary",
                elem_id="generate",
                min_width=130,
                interactive=False,  # until the page has opened: nothing overtakes it
            )
            self.cancel = gr.Button(
                say("Cancel"), interactive=False, elem_id="cancel", min_width=90
            )

    def _build_upload(self, styles: Sequence[str]) -> None:
        """A picture from elsewhere."""
        say, by_caption = self.language.say, self.studio.collection.by_caption
        with gr.Accordion(say("Or trace a picture of yours"), open=False):
            self.upload = gr.File(
                label=say("Picture (PNG, JPEG, WebP, GIF, BMP, TIFF, AVIF; at most 25 MB)"),
                elem_id="upload",
                height=110,
            )
            self.as_style = gr.Dropdown(
                [
                    (say("Let the model say"), ASK_THE_MODEL),
                    *((style_name(style, self.language), style) for style in styles),
                ],
                value=ASK_THE_MODEL,
                label=say("Ask as"),
                elem_id="as-style",
                filterable=by_caption,
                allow_custom_value=by_caption,
            )
            self.book_upload = gr.Checkbox(
                False, label=say("Record credit for it in the ledger"), elem_id="book-upload"
            )
            gr.HTML(render("studio.kept", self.language))
            self.trace = gr.Button(say("Trace"), elem_id="trace")

    # --- events ------------------------------------------------------------------------------

    def _connect(self) -> None:
        # one place keeps time, not every output: each would redraw itself at every frame
        private: dict[str, Any] = {
            "api_visibility": "private",
            "show_progress": "hidden",
            "show_progress_on": [self.run_id],
        }
        # they only watch: turns are taken in the studio's own queue, which is fair
        painted: dict[str, Any] = {"concurrency_limit": None, "concurrency_id": "paint", **private}
        recipe = [self.style, self.seed, self.steps, self.guidance, self.method]
        self.restored = [*recipe, self.advanced, self.status]
        brought = [self.upload, self.as_style, self.method, self.book_upload]
        painting = self.generate.click(
            self.runs.generate, recipe, self.shown, api_name="generate", **painted
        )
        again = self.again.click(
            self.runs.again, [self.run_id], self.shown, api_name="again", **painted
        )
        tracing = self.trace.click(
            self.runs.trace, brought, self.shown, api_name="trace", **painted
        )
        dropped = self.upload.upload(
            self.runs.trace, brought, self.shown, api_name="trace", **painted
        )
        watching = self.picked_up.change(
            self.runs.watch, [self.picked_up], self.shown, api_name="watch", **painted
        )
        # words only after the stream has ended: its last update would overwrite them
        self.cancel.click(
            None,
            None,
            None,
            cancels=[painting, again, tracing, dropped, watching],
            queue=False,
            api_name="stop",
            **private,
        ).then(self.runs.cancelled, None, self.shown, queue=False, api_name="stopped", **private)
        self.dice.click(
            lambda: random.SystemRandom().randrange(1_000_000),
            None,
            self.seed,
            queue=False,
            api_name="new_seed",
            **private,
        )
        self.find_out.click(
            self._without,
            [self.run_id, self.who],
            [self.answer, self.find_out],
            concurrency_limit=1,
            concurrency_id="without",
            api_name="without",
            preprocess=False,  # its choices change with the run: `_without` knows the artists
            **private,
        )
        # outside the queue, as the page itself: it takes one look at one picture
        self.run_id.change(
            self._alike, [self.run_id], self.alike, queue=False, api_name="alike", **private
        )
        self.restore.click(
            self._restore,
            [self.run_id],
            self.restored,
            queue=False,
            api_name="restore",
            **private,
        )
        self.retry.click(
            self.runs.retry, [self.run_id], self.shown, queue=False, api_name="retry", **private
        )

    def load(self, blocks: gr.Blocks) -> None:
        """Show the run that the address names, else the example, when the page opens."""
        blocks.load(
            self._opened,
            None,
            [*self.shown, self.picked_up, self.book_upload, self.ask],
            queue=False,
            api_name="opened",
            api_visibility="private",
            show_progress="hidden",
        ).then(
            self._restore_opened,
            None,
            self.restored,
            queue=False,
            api_name="restore",
            api_visibility="private",
            show_progress="hidden",
        )

    # --- what the events do ------------------------------------------------------------------

    def _opened(self, request: gr.Request) -> list[Any]:
        """The run, and of what can be done only what this caller may."""
        caller, run_id = caller_of(request), dict(request.query_params).get("run")
        job = self.runs.jobs.progress(run_id) if run_id else None
        return [
            *self._opened_run(request),
            run_id if job is not None and not job.ended else gr.skip(),
            gr.update(visible=caller.may(Action.RECORD)),
            gr.update(visible=caller.may(Action.WHAT_IF)),
        ]

    def _opened_run(self, request: gr.Request) -> list[Any]:
        language = language_of(request.headers)
        run_id = dict(request.query_params).get("run")
        try:
            shown_id = run_id or example_run(self.studio)
            view = self.studio.ledger.run(shown_id) if shown_id else None
        except CreditlineError as error:
            return trouble(error.message, language)
        except Exception as error:  # noqa: BLE001 - the edge: a person gets words
            return trouble(words_of(error), language)
        if run_id and view is None:
            nowhere = language.say("There is no run with this link on this machine.")
            return self.runs.opened(run_id, request) or trouble(nowhere, language)
        if view is None:
            return update(picture=render("studio.blank", language), **idle())
        return shown(self.studio, view, "", language)

    def _restore_opened(self, request: gr.Request) -> list[Any]:
        """The settings of the run in the address, where it asks for them."""
        query = dict(request.query_params)
        if not query.get("settings"):
            return [gr.skip() for _ in self.restored]
        return self._restore(query.get("run"), request)

    def _restore(self, run_id: str | None, request: gr.Request) -> list[Any]:
        """Every setting of a painted run back in the form; words where that cannot be."""
        language = language_of(request.headers)
        try:
            view = self.studio.ledger.run(run_id) if run_id else None
            style, seed, steps, guidance, method = settings_of(self.studio, view)
        except Exception as error:  # noqa: BLE001 - the edge: a person gets words
            words = render("notices.trouble", language, words=words_of(error))
            return [*(gr.skip() for _ in self.restored[:-1]), words]
        words = language.say(
            "Its style, seed, steps, guidance and measure are set. Press Generate when ready."
        )
        done = render("notices.done", words=words)
        collection = self.studio.collection
        usual = (collection.default_steps, collection.default_guidance, self.method.value)
        opened = gr.update(open=True) if (steps, guidance, method) != usual else gr.skip()
        return [style, seed, steps, guidance, method, opened, done]

    def _alike(self, run_id: str | None, request: gr.Request) -> str:
        """Works that look like the picture, whether or not they shaped it."""
        language = language_of(request.headers)
        try:
            view = self.studio.ledger.run(run_id) if run_id else None
            if view is None:
                return ""
            pairs = looks_alike(self.studio, view.record, ALIKE)
        except CreditlineError as error:
            return render("notices.empty", language, words=error.message)
        except Exception as error:  # noqa: BLE001 - the edge: a person gets words
            return render("notices.empty", language, words=words_of(error))
        collection = self.studio.shown_collection
        rows = [LookAlike.of(collection, work, cosine) for work, cosine in pairs]
        return render("works.alike", language, rows=rows)

    def _without(
        self, run_id: str, artist_id: str | None, request: gr.Request
    ) -> Iterator[list[Any]]:
        """Forget, paint, compare; what is finished is kept, and a stopped job goes on."""
        ready, language = gr.update(interactive=True), language_of(request.headers)
        yield from guarded(
            self._leave_out(run_id, artist_id, language),
            lambda words: [render("notices.trouble", language, words=words), ready],
        )

    def _leave_out(
        self, run_id: str, artist_id: str | None, language: Language
    ) -> Iterator[list[Any]]:
        if not artist_id:
            raise UsageError(language.say("Choose an artist first."))
        waiting, updated = gr.update(interactive=False), 0.0
        yield [render("notices.waiting", words=language.say("Reading the works")), waiting]
        started = time.monotonic()
        for event in leave_out(self.studio, run_id, artist_id):
            if isinstance(event, ArtistAblationResult):
                answers = kept_answers(self.studio, run_id)
                # the one that was asked comes first
                answers.sort(key=lambda one: one.figures.artist_id != artist_id)
                yield [
                    render("artist_ablation.answers", language, answers=answers),
                    gr.update(interactive=True),
                ]
                return
            moment = time.monotonic()
            if moment - updated >= BETWEEN_UPDATES:
                updated = moment
                left = (moment - started) * (event.total - event.done) / max(1, event.done)
                phase = language.translated(event.phase)
                yield [progress(phase, event.done, event.total, left, language), waiting]
