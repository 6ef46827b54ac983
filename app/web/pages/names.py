"""Names: a keeper decides whom a name means, who is one person, and who is left out.

Layout and events: one question at a time with its evidence and works, what was decided, who said
no. What is decided is `app.services.artists`. Open to the keeper's browser alone.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from app.services.artists import answered, opt_out, opt_outs_file, wish_of
from app.services.collections import collections_at_hand
from app.services.errors import words_of
from app.services.session import Studio
from app.web.callers import Caller, caller_of
from app.web.formatting import counted, render
from app.web.language import ENGLISH, Language
from app.web.language_choice import language_of
from app.web.sentences import marked
from core.accounts.roles import Action
from core.collection.artists.decisions import read_decisions, undo
from core.collection.artists.opt_outs import read_opt_outs
from core.collection.artists.review import Proposal, proposals
from core.collection.importing.fields import SCHEMES
from core.collection.store import load_collection
from core.collection.types import Collection
from core.errors import UsageError

LEAD = marked(
    "Who made a work decides who is credited. Where a name can be read in more than one way, "
    "nothing is guessed: it waits here. What you decide holds at every import, can be taken back, "
    "and never changes what was booked."
)
ELSEWHERE = marked(
    "Names are decided by the studio's keeper. Open the studio at the address with a key that it "
    "printed when it started, or run there: python -m app artists review"
)
NO_COLLECTION = marked("There is no such collection here. Choose one of the list.")
SHOWN_WORKS = 6
Text = str | None
# the place in the list, and the key of the question that is shown there: an answer is to that one,
# though others were decided meanwhile
Position = tuple[int, str]
FIRST: Position = (0, "")


def _signature(caller: Caller) -> Any:
    """The field of who decides: whoever has an account need not write a name, and cannot."""
    return gr.update(value=caller.name, interactive=False) if caller.name else gr.skip()


class NamesPage:
    """The page's components and their events."""

    def __init__(self, studio: Studio, language: Language = ENGLISH) -> None:
        self.studio = studio
        say = language.say
        gr.HTML(render("macros.title", words=say("Names"), lead=say(LEAD)))
        with gr.Row():
            self.collection = gr.Dropdown(
                self._choices(),
                value=self._served(),
                label=say("Collection"),
                elem_id="names-collection",
                filterable=False,
            )
            self.by = gr.Textbox(
                label=say("Your name"),
                info=say("Kept with each decision."),
                max_lines=1,
                elem_id="names-by",
            )
        self.position = gr.State(FIRST)
        self.question = gr.HTML(elem_id="names-question", elem_classes=["cl-page"])
        self.answer = gr.Radio([], label=say("Answer"), elem_id="names-answer", visible=False)
        with gr.Row():
            self.decide = gr.Button(say("Decide"), variant="primary", elem_id="names-decide")
            self.skip = gr.Button(say("Skip"), elem_id="names-skip")
        with gr.Accordion(say("What was decided"), open=False):
            self.decided = gr.HTML(elem_id="names-decided", elem_classes=["cl-page"])
            with gr.Row():
                self.number = gr.Textbox(
                    label=say("Number of the decision"), max_lines=1, elem_id="names-number"
                )
                self.back = gr.Button(say("Take back"), elem_id="names-back")
        with gr.Accordion(say("Who said no"), open=False):
            self.wishes = gr.HTML(elem_id="names-wishes", elem_classes=["cl-page"])
            with gr.Row():
                self.who = gr.Textbox(label=say("Name"), max_lines=1, elem_id="names-who")
                self.identifier = gr.Textbox(
                    label=say("Number"),
                    placeholder="wikidata Q5582",
                    max_lines=1,
                    elem_id="names-identifier",
                )
                self.source = gr.Textbox(
                    label=say("Source"),
                    placeholder=say("letter of 3 May"),
                    max_lines=1,
                    elem_id="names-source",
                )
            self.keep = gr.Button(say("Keep this wish"), elem_id="names-keep")

    def load(self, blocks: gr.Blocks) -> None:
        """Connect the events; the page fills itself when it is opened."""
        private: dict[str, Any] = {
            "api_visibility": "private",
            "show_progress": "hidden",
            "queue": False,
        }
        shown = [
            self.question,
            self.answer,
            self.decide,
            self.skip,
            self.decided,
            self.number,
            self.wishes,
            self.position,
        ]
        where = [self.collection, self.position]
        opened = [self.by, self.collection, *shown]
        blocks.load(
            self._event(self._opened_page), None, opened, api_name="names_opened", **private
        )
        self.collection.change(
            self._event(lambda language, name, _: self._page(language, name, FIRST)),
            where,
            shown,
            api_name="names_collection",
            **private,
        )
        self.skip.click(
            self._event(
                lambda language, name, position: self._page(language, name, (position[0] + 1, ""))
            ),
            where,
            shown,
            api_name="names_skip",
            **private,
        )
        self.decide.click(
            self._event(self._decide, signed=True),
            [*where, self.answer, self.by],
            shown,
            api_name="names_decide",
            **private,
        )
        self.back.click(
            self._event(self._undo, signed=True),
            [*where, self.number, self.by],
            shown,
            api_name="names_undo",
            **private,
        )
        self.keep.click(
            self._event(self._wish, signed=True),
            [*where, self.who, self.identifier, self.source, self.by],
            shown,
            api_name="names_wish",
            **private,
        )

    def _opened_page(self, language: Language) -> list[Any]:
        """With the collections that are there now: an import may have made one since the start."""
        self.collection.choices = self._choices()  # what an event may name
        page = self._page(language, self._served(), FIRST)
        return [gr.update(choices=self.collection.choices), *page]

    # --- events ---------------------------------------------------------------------------------

    def _event(
        self, act: Callable[..., list[Any]], *, signed: bool = False
    ) -> Callable[..., list[Any]]:
        """`act` for the keeper, in their language; words for anybody else, and for what fails.

        `signed`: its last field says who does it, which for somebody with an account is the
        account's name."""

        def event(request: gr.Request, *fields: Any) -> list[Any]:
            caller, language = caller_of(request), language_of(request.headers)
            try:
                if not caller.may(Action.NAMES):
                    page = self._closed(render("notices.empty", language, words=ELSEWHERE))
                else:
                    if signed and caller.name:
                        fields = (*fields[:-1], caller.name)
                    page = act(language, *fields)
                    if act == self._opened_page:
                        return [_signature(caller), *page]
                    return page
            except Exception as error:  # noqa: BLE001 - the edge: a person gets words
                page = self._trouble(words_of(error), language)
            return [gr.skip(), gr.skip(), *page] if act == self._opened_page else page

        return event

    def _decide(
        self, language: Language, name: str, position: Position, answer: Text, by: Text
    ) -> list[Any]:
        shown = [one for one in proposals(self._opened(name)) if one.key == position[1]]
        if not shown:
            done = language.say("That was decided meanwhile.")
            return self._page(language, name, (position[0], ""), done=done)
        one = shown[0]
        numbers = {choice.words: at for at, choice in enumerate(one.choices, start=1)}
        if answer not in numbers:
            raise UsageError(language.say("Choose an answer first, or skip."))
        _, choice = answered(
            self.studio.settings, self._opened(name), one.key, numbers[answer], by=by or ""
        )
        done = language.say("Decided: %(answer)s.", answer=language.translated(choice.words))
        return self._page(language, name, (position[0], ""), done=done)

    def _undo(
        self, language: Language, name: str, position: Position, number: Text, by: Text
    ) -> list[Any]:
        _, row = undo(self._opened(name), (number or "").strip(), by=by or "")
        done = language.say("Decision %(number)s is taken back.", number=row.number)
        return self._page(language, name, position, done=done)

    def _wish(
        self,
        language: Language,
        name: str,
        position: Position,
        who: Text,
        number: Text,
        source: Text,
        by: Text,
    ) -> list[Any]:
        say = language.say
        if not (by or "").strip():
            raise UsageError(say("Write your name: it is kept with the wish."))
        scheme, _, value = (number or "").strip().partition(" ")
        if number and scheme not in SCHEMES:
            kinds = ", ".join(SCHEMES)
            raise UsageError(say("Write a number with its kind: one of %(kinds)s.", kinds=kinds))
        if not (who or "").strip() and not value:
            raise UsageError(say("Write who said no: a name, a number, or both."))
        wish = wish_of(who or "", {scheme: value} if value else {}, "", source or "", "")
        result = opt_out(
            self.studio.settings,
            self._opened(name),
            self.studio.ledger,
            [wish],
            actor=by or "",
        )
        named = ", ".join(artist.name for artist in result.artists)
        words = say(
            "Kept. Opted out: %(artists)s.", artists=named or say("nobody in this collection")
        )
        if result.near:
            near = ", ".join(artist.name for artist, _ in result.near)
            words += " " + say("Near names, which you should look at: %(names)s.", names=near)
        return self._page(language, name, position, done=words)

    # --- what is shown --------------------------------------------------------------------------

    def _page(self, language: Language, name: str, position: Position, done: str = "") -> list[Any]:
        collection = self._opened(name)
        waiting = proposals(collection)
        decisions = read_decisions(collection.path)
        place = position[0] % len(waiting) if waiting else 0
        one = waiting[place] if waiting else None
        choices = (
            []
            if one is None
            else [(language.translated(choice.words), choice.words) for choice in one.choices]
        )
        wishes = read_opt_outs(opt_outs_file(self.studio.settings)).wishes
        return [
            self._card(language, collection, one, place, len(waiting), done),
            gr.update(choices=choices, value=None, visible=one is not None),
            gr.update(interactive=one is not None),
            gr.update(interactive=len(waiting) > 1),
            render("names.decisions", language, rows=decisions.rows[::-1]),
            gr.update(value=""),
            render("names.wishes", language, rows=wishes),
            (place, "" if one is None else one.key),
        ]

    def _card(
        self,
        language: Language,
        collection: Collection,
        one: Proposal | None,
        place: int,
        count: int,
        done: str,
    ) -> str:
        served = collection.path.resolve() == self.studio.collection.path.resolve()
        titles = {work.id: work.title for work in collection.works}
        works = [] if one is None else [(who, titles.get(who, who)) for who in one.works]
        more = len(works) - SHOWN_WORKS
        return render(
            "names.question",
            language,
            one=one,
            place=place + 1,
            count=count,
            done=done,
            works=works[:SHOWN_WORKS],
            more=counted(more, "work", language) if more > 0 else "",
            pictures=served,
        )

    def _trouble(self, words: str, language: Language) -> list[Any]:
        """The page stays as it is; above it stands what is wrong."""
        kept: list[Any] = [gr.skip() for _ in range(8)]
        kept[0] = render("notices.trouble", language, words=words)
        return kept

    def _closed(self, page: str) -> list[Any]:
        off = gr.update(interactive=False)
        return [page, gr.update(visible=False), off, off, "", "", "", FIRST]

    def _at_hand(self) -> dict[str, Path]:
        """The collections by name; a second of one name has a number. No page knows a path."""
        named: dict[str, Path] = {}
        for path in collections_at_hand(self.studio.settings):
            same = sum(other.name == path.name for other in named.values())
            named[f"{path.name} ({same + 1})" if same else path.name] = path
        return named

    def _choices(self) -> list[tuple[str, str]]:
        return [(name, name) for name in self._at_hand()]

    def _served(self) -> str:
        """The collection that the studio paints with, as it stands among the choices."""
        served = self.studio.collection.path.resolve()
        return next(name for name, path in self._at_hand().items() if path.resolve() == served)

    def _opened(self, name: str) -> Collection:
        """One of the collections at hand; never another folder that a client names."""
        chosen = self._at_hand().get(name)
        if chosen is None:
            raise UsageError(NO_COLLECTION)
        return load_collection(chosen, check_files=False)
