"""No name becomes markup: every template is filled with hostile text and compared with plain text.

The page with a hostile name must be the page with a plain one, the name replaced: the same tags,
the same attributes, links only to this server and to who keeps identifiers.
"""

from __future__ import annotations

import ast
import html
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote, quote_plus, urlsplit

import pytest
from jinja2 import UndefinedError, nodes

from app.services.artist_ablation import ArtistAblationResult
from app.services.serialize_provenance import (
    PackEntryRecord,
    PackFaultRecord,
    PackRecord,
    PackRunRecord,
    PackShareRecord,
    SealRecord,
)
from app.services.training_summary import CountedName, TrainingSummary
from app.web.api.description import Description, Field, Model, Operation
from app.web.callers import Caller
from app.web.formatting import ELSEWHERE, TEMPLATES, environment, render
from app.web.pages import importing, ledger, method, run
from app.web.pages.history import SEARCHED, RunCard
from app.web.views.comparison import RunComparison
from app.web.views.credit import Bar, side_by_side
from app.web.views.disputes import dispute_lines
from app.web.views.looking import LookAlike
from core.collection.artists.decisions import NameDecision
from core.collection.artists.opt_outs import OptOuts, Wish
from core.collection.artists.review import Choice, Proposal
from core.collection.importing.importer import Duplicate, ImportReport
from core.collection.importing.reservations import KeptReservation
from core.collection.importing.rows import Refusal
from core.collection.types import Artist, Collection, Work
from core.evaluation.agreement import Interval
from core.evaluation.artist_contest import BEST_ELSEWHERE
from core.evaluation.artist_report import ForgettingAgreement
from core.evaluation.report import artist_figures
from core.ledger.records import (
    MEMORISED,
    OPEN,
    OPENED,
    OPPONENT,
    PROPONENT,
    UPHELD,
    ArtistTotal,
    Dispute,
    DisputeEvent,
    Entry,
    FirstBad,
    KnownArtist,
    Page,
    Posting,
    RunInfluence,
    RunRecord,
    RunView,
    Statement,
    StatusChange,
    Totals,
    Verification,
)
from core.ledger.shares import DEFAULT_RULE, ShareRule
from tests.app.services.test_artist_ablation import figures_without
from tests.core.evaluation.measured_artists import artists_json
from tests.runs import record

APP = TEMPLATES.parents[1]
PLAIN = "Xyz"
HOSTILE = {
    "tag": "<img src=x onerror=alert(1)>",
    "double quote": '" autofocus onfocus="alert(1)" x="',
    "single quote": "' autofocus onfocus='alert(1)' x='",
    "closing": "</td></tr></table></p></div><script>alert(1)</script><!--",
    "expression": "{{7*7}}{% for x in y %}{# #}{{ config }}",
    "address": "javascript:alert(1)",
    "other server": "//example.org/x?a=1&b=2#c",
    "entity": "&lt;b&gt;&amp;&#60;b&#62;",
    "right to left": "\u202e\u2067evil\u2066\u200f",
    "long": "A" + "b" * 20_000,
}
DIGEST = "0123456789abcdef" * 4
ENDLESS = {"base", "meta", "img", "br", "input", "path", "polyline", "circle"}


# --- every template, with one text wherever a text can stand ----------------------------------


def run_of(text: str, **changes: object) -> RunRecord:
    influences = tuple(
        RunInfluence(
            side=side,
            rank=rank,
            work_id=text,
            title=text,
            artist_id=text,
            artist=text,
            style=text,
            year=text,
            licence=text,
            file=text,
            score=1.0,
            z=4.0,
            self_influence=0.5,
        )
        for rank, side in enumerate((PROPONENT, OPPONENT, MEMORISED), 1)
    )
    run = replace(
        record(created_at=text),
        id=text,
        kind=text,
        style=text,
        prompt=text,
        title=text,
        collection=text,
        method=text,
        device=text,
        verdict=text,
        words=text,
        rule=text,
        artist_micro={text: 600_000},
        unattributed_micro=400_000,
        influences=influences,
    )
    return replace(run, **changes)  # type: ignore[arg-type]


def runs_of(text: str) -> list[RunView]:
    """Painted, uploaded, the example; booked, reversed and neither; of every verdict's kind."""
    return [
        RunView(1, run_of(text), 1, False, DEFAULT_RULE),
        RunView(2, run_of(text, kind="upload", seed=None), None, False, ShareRule(text)),
        RunView(3, run_of(text, kind="example", method="d-trak", verdict="familiar"), None),
        RunView(4, run_of(text, kind="generation"), 9, True, DEFAULT_RULE),
    ]


def works_of(text: str) -> tuple[Work, ...]:
    work = Work(text, text, text, text, text, text, text, text, DIGEST)
    return work, replace(work, year="")


def artist_of(text: str, status: str = "active") -> Artist:
    identifiers = ((text, text), *((scheme, text) for scheme in ELSEWHERE))
    return Artist(text, text, text, identifiers, status, (text, text))


def entries_of(text: str) -> list[Entry]:
    """A credit, its reversal, one that is reversed, one without a run; of few artists and many."""
    postings = (
        Posting("artist", text, text, 5),
        Posting("unattributed", None, None, 3),
    )
    first = Entry(
        text,
        1,
        "credit",
        text,
        text,
        None,
        None,
        text,
        text,
        text,
        DIGEST,
        postings,
        text,
        text,
        text,
    )
    return [
        first,
        replace(first, number=2, kind="reversal", reverses=1),
        replace(first, number=3, kind=text, reversed_by=2),
        replace(first, number=4, run_id=None, postings=postings[:1] * 5),
        replace(first, number=5, postings=()),
    ]


def ledger_of(text: str) -> str:
    known = [KnownArtist(text, text, text)]
    query = dict.fromkeys(("artist", "style", "kind", "since", "until", "period"), text)
    entries = Page(tuple(entries_of(text)), 2, 5, 15)
    total = ArtistTotal(text, text, 5, 0.5, 1, 1)
    whole = Totals((total,), 3, 8, 15, DIGEST)
    nothing = Totals((), 0, 0, 0, DIGEST)
    bad = Verification(False, 1, DIGEST, FirstBad(2, text))
    return "".join(
        ledger.ledger_view(
            totals=totals,
            entries=entries,
            disputes=[dispute_of(text)],
            runs=3,
            proof=proof,
            artists=artists,
            styles=[text],
            query=chosen,
        )
        for totals in (whole, nothing)
        for artists in (known, None)
        for proof in (None, Verification(True, 1, DIGEST), bad, Verification(False, 1, DIGEST))
        for chosen in (query, {})
    )


def dispute_of(text: str, state: str = OPEN) -> Dispute:
    return Dispute(
        number=3,
        entry=1,
        run_id=text,
        artist_id=text,
        artist=text,
        micro=5,
        state=state,
        paid_to=text if state == UPHELD else None,
        paid_to_name=text if state == UPHELD else None,
        events=(DisputeEvent(kind=OPENED, reason=text, actor=text, created_at=text),),
    )


def disputes_of(text: str) -> str:
    lines = dispute_lines([dispute_of(text), dispute_of(text, UPHELD)])
    return "".join(
        render(
            "disputes",
            base="/",
            lines=shown,
            single=single,
            page=2,
            pages=3,
            words=text,
            entry=text,
            artist=text,
            may_comment=may,
            may_resolve=may,
        )
        for shown in (lines, ())
        for single in (True, False)
        for may in (True, False)
    )


def summary_of(text: str) -> str:
    some = (CountedName(name=text, works=1),)
    made = TrainingSummary.of(small_of(text), OptOuts())
    places = made.sources.model_copy(update={"places": some, "licences": some})
    made = made.model_copy(
        update={
            "title": text,
            "provider": text,
            "works_digest": DIGEST,
            "sources": places,
            "classes": some,
        }
    )
    kept = KeptReservation(
        sha256=text,
        work_id=text,
        signal=text,
        says=text,
        detail=text,
        date=text,
        permission=text,
    )
    return render("summary", base="/", summary=made, wishes=[kept])


def small_of(text: str) -> Collection:
    return Collection(Path("nowhere"), "x", text, "", 32, works_of(text), (artist_of(text),))


def artist_page_of(text: str) -> str:
    known = KnownArtist(text, text, "active")
    change = StatusChange(text, text, text, text, text)
    lines = tuple((entry, 5) for entry in entries_of(text))
    full = Statement(known, text, 5, lines, (change,))
    return ledger.one_artist(
        artist_of(text),
        works_of(text),
        full,
        [text, "2026-01"],
        DIGEST,
        disputes=[dispute_of(text), dispute_of(text, UPHELD)],
    ) + ledger.one_artist(
        artist_of(text, "opted-out"), (), Statement(known, None, 0, ()), [], DIGEST
    )


def artists_of(text: str) -> str:
    works = {text: works_of(text)}
    booked = {(text, "artist"): 5}
    return ledger.all_artists([artist_of(text)], works, booked) + ledger.all_artists(
        [artist_of(text)], {}, {}
    )


def artists_of_report(text: str) -> dict[str, object]:
    """The benchmark by artist; the names of its rows are known ones, and choose what is shown."""
    figures = artist_figures(artists_json())
    figures["artists"] = figures["preset"] = text
    figures["pictures"] = {"generation": text, text: text}
    for row in figures["rows"]:
        if row["split"] == "validation":
            row["split"] = text
        if row["name"] == BEST_ELSEWHERE:
            row["shape"] = text
    for floor in figures["floors"]:
        floor["split"] = text
        floor["seeds"] = text
    for row in figures["forgetting"]:
        row["target"] = text
    return figures


def report_of(text: str) -> dict[str, object]:
    """A report whose every text is `text`."""
    figures = {
        "lds_validation": 1.0,
        "lds_generation": None,
        "group_lds_validation": 2.0,
        "group_lds_generation": 3.0,
        "sd": 1.0,
        "sharpened_lds_validation": 4.0,
        "artist_top1": 0.5,
    }
    regime = {"pool": text, "ratio": 1.02, "memorising": False, "ceiling": {text: 50.0}}
    return {
        "date": text,
        "facts": {"works": text, "validation": text, "regimes": [regime]},
        "roc": {"auc": 0.5, "known": text, "foreign": text, "points": [[0.0, 0.0], [1.0, 1.0]]},
        "methods": [{"method": text, **figures}],
        "artists": artists_of_report(text),
        "checks": [[f"{text}: Check {text}", 1.0, 2], ["d-trak: Other", 0.5, text]],
        "pictures": {
            "embedding": text,
            "painted": {"pictures": text, "in_class": 0.5, "confidence": 0.4},
            "held_out": {"pictures": text, "in_class": 1.0, "confidence": 0.9},
            "distance": 128.0,
            "distance_held_out": 2.9,
            "sharpness": {"a": 0.5, "b": 1.0},
            "copies": 0.0,
        },
        "counterfactual": {
            "removed": text,
            "works": text,
            "rows": [{"method": text, "l2_median": 1.0, "l2": [1.0]}],
        },
    }


def method_of(text: str) -> str:
    row = next(iter(method.METHODS.values()))
    hostile = replace(row, name=text, title=text, formula=text, cost=text, needs=text)
    return method.method_view(
        collection=collection_of(text),
        methods=[row, hostile],
        at_hand=[text],
        facts={text: text},
        report=report_of(text),
        rules=[DEFAULT_RULE, ShareRule(text)],
    )


def collection_of(text: str) -> Collection:
    path = SimpleNamespace(name=text)  # a folder of this name, slashes and all
    return Collection(path, text, text, text, 8, works_of(text), (artist_of(text),))  # type: ignore[arg-type]


def import_of(text: str) -> ImportReport:
    many = tuple(Refusal(text, text) for _ in range(203))
    twice = (Duplicate(text, text), Duplicate(text, "another", "look", 5))
    return ImportReport(collection_of(text), 1, 0, 0, 0, many, twice, (text,), many[:1])


def nothing_of(text: str) -> ImportReport:
    empty = Collection(Path("x"), text, text, text, 8, (), ())
    return ImportReport(empty, 0, 0, 0, 0, (Refusal(text, text),), ())


def answers_of(text: str) -> list[ArtistAblationResult]:
    figures = figures_without(text)
    agreement = ForgettingAgreement(text, 8, Interval(0.5, 0.4, 0.6))
    return [
        ArtistAblationResult(text, text, figures, Path("x"), agreement),
        ArtistAblationResult(text, text, figures, Path("x")),
        ArtistAblationResult(
            text, text, replace(figures, way="retrain", picture_after=0.1), Path("x")
        ),
    ]


def bars_of(text: str) -> list[Bar]:
    bar = Bar(artist_id=text, name=text, share=text, fraction=0.5, note=text)
    return [bar, replace(bar, artist_id=None)]


def proposal_of(text: str) -> Proposal:
    choice = Choice(text, text, text)
    return Proposal(
        what=text,
        subject=text,
        words=text,
        evidence=(text,),
        works=(text,),
        rows=(text,),
        choices=(choice,),
    )


def decision_of(text: str) -> NameDecision:
    return NameDecision(
        number=text, what=text, subject=text, answer=text, by=text, date=text, undone=text
    )


def wish_of(text: str) -> Wish:
    return Wish(
        name=text,
        identifiers=((text, text),),
        also_written=(text,),
        work=text,
        source=text,
        date=text,
    )


def verify_of(text: str) -> str:
    """A pack in which every word is a stranger's: one that holds, and one that does not."""
    share = PackShareRecord(artist_id=text, artist=text, micro=1)
    answer = PackRecord(
        file=text,
        ok=True,
        verdict=text,
        words=text,
        faults=(),
        files=(text,),
        repacked=True,
        seal=SealRecord(key=text, known=False, made_at=text),
        run=PackRunRecord(
            number=1,
            **dict.fromkeys((*PackRunRecord.model_fields.keys() - {"number"},), text),
        ),
        shares=(share,),
        unattributed_micro=5,
        entry=PackEntryRecord(
            number=1, created_at=text, hash=text, checkpoint=1, published_at=text
        ),
        picture=None,
        proves=(text,),
        leaves_open=(text,),
    )
    fault = PackFaultRecord(file=text, reason=text)
    nothing = {"seal": None, "run": None, "entry": None, "unattributed_micro": None}
    broken = answer.model_copy(update=nothing | {"ok": False, "faults": (fault,)})
    return "".join(
        render("verify", base="/", words=words, answer=one)
        for words, one in (("", None), (text, None), ("", answer), ("", broken))
    )


def sign_in_of(text: str) -> str:
    """For whoever is not signed in, and for whoever is."""
    values = {"base": "/", "words": text, "typed": text, "place": text, "required": True}
    return "".join(render("sign_in", name_of=name, role="keeper", **values) for name in ("", text))


def api_page_of(text: str) -> str:
    """The description of an API in which every word is `text`."""
    row = Field(name=text, kind=text, words=text, required=True, where=text)
    one = Operation(
        id=text,
        method=text,
        path=text,
        title=text,
        words=text,
        fields=(row,),
        answers=((text, text), (text, text)),
    )
    about = Description(
        title=text,
        version=text,
        words=text,
        address=text,
        subjects=((text, (one,)),),
        models=(Model(name=text, words=text, fields=(row,)),),
    )
    return render("api", base="/", api=about)


def called(source: str, **values: object) -> str:
    """A macro that needs a template around it."""
    return environment.from_string(source).render(values)


def history_of(text: str) -> str:
    cards = [
        RunCard(view=view, again=again, deletable=again)
        for view in runs_of(text)
        for again in (True, False)
    ]
    query = dict.fromkeys(SEARCHED, text)
    return "".join(
        render(
            "history",
            runs=page,
            cards=cards,
            chosen=chosen,
            query=query,
            styles=[(text, text)],
            artists=[(text, text)],
        )
        for page in (Page(tuple(runs_of(text)), 2, 4, 12), Page((), 1, 4, 0))
        for chosen in (runs_of(text)[0], replace(runs_of(text)[1], record=run_of("other")), None)
    )


def compare_of(text: str) -> str:
    """Every run beside every other: the same, and with nothing in common."""
    apart = replace(run_of(text), artist_micro={"other": 1}, influences=(), collection="other")
    runs = [*runs_of(text), RunView(5, apart, None)]
    return "".join(
        render("compare", pair=RunComparison.of(one, two, {text: text}))
        for one in runs
        for two in runs
    )


CASES: dict[str, Callable[[str], str]] = {
    "account.header": lambda text: render(
        "account.header",
        who=Caller(name=text, by_session=True),
        required=True,
        pages=[(text, "/import")],
        keeper=True,
    ),
    "plain": lambda text: render("plain", base="/"),
    "api": api_page_of,
    "closed": lambda text: render("closed", base="/", words=text, signs_in=True, place=text),
    "corrections": lambda text: render(
        "corrections", base="/", words=text, done=text, entry=text, artist=text
    ),
    "disputes": disputes_of,
    "plain_forms.reason_field": lambda text: render("plain_forms.reason_field", label=text),
    "plain_forms.words_line": lambda text: render("plain_forms.words_line", words=text),
    "summary": summary_of,
    "sign_in": sign_in_of,
    "verify": verify_of,
    "artist": artist_page_of,
    "artist_ablation.answers": lambda text: render(
        "artist_ablation.answers", answers=answers_of(text)
    ),
    "artist_ablation.question": lambda text: render("artist_ablation.question"),
    "artists": artists_of,
    "choosing.choose": lambda text: "".join(
        render("choosing.choose", known=known, named=True) for known in (runs_of(text)[0], None)
    ),
    "choosing.kept": lambda text: render("choosing.kept", words=text, query={"text": text}),
    "choosing.question": lambda text: "".join(
        render("choosing.question", view=view, query={"text": text}) for view in runs_of(text)
    ),
    "choosing.refused": lambda text: render("choosing.refused", words=text),
    "compare": compare_of,
    "history": history_of,
    "importing.preview": lambda text: (
        importing.preview(import_of(text)) + importing.preview(nothing_of(text))
    ),
    "importing.refused": lambda text: importing.refused(text, import_of(text)),
    "importing.result": lambda text: importing.result(import_of(text)),
    "ledger": ledger_of,
    "names.decisions": lambda text: "".join(
        render("names.decisions", rows=rows) for rows in ([decision_of(text)], [])
    ),
    "names.question": lambda text: "".join(
        render(
            "names.question",
            one=one,
            place=1,
            count=2,
            done=text,
            works=[(text, text)],
            more=text,
            pictures=pictures,
        )
        for one in (proposal_of(text), None)
        for pictures in (True, False)
    ),
    "names.wishes": lambda text: "".join(
        render("names.wishes", rows=rows) for rows in ([wish_of(text)], [])
    ),
    "languages.chooser": lambda text: render("languages.chooser"),
    "languages.head": lambda text: render("languages.head"),
    "looking.dialogs": lambda text: render("looking.dialogs"),
    "looking.facts": lambda text: render(
        "looking.facts",
        title=text,
        words=text,
        makers=[(text, text), (text, text)],
        year=text,
        style=text,
        licence=text,
        figures=[(text, text)],
    ),
    "looking.influence": lambda text: "".join(
        render("looking.influence", row=row) for row in run_of(text).influences
    ),
    "macros.artist_choice": lambda text: "".join(
        render("macros.artist_choice", label=text, artists=artists, chosen=text)
        for artists in ([(text, text)], None)
    ),
    "macros.bars": lambda text: "".join(
        render("macros.bars", rows=bars_of(text), filters=filters) for filters in (True, False)
    ),
    "macros.figures": lambda text: render("macros.figures", pairs=[(text, text)]),
    "macros.options": lambda text: "".join(
        render("macros.options", values=[(text, text)], chosen=chosen, everything=text)
        for chosen in (text, "")
    ),
    "macros.pager": lambda text: render(
        "macros.pager", address="/ledger", items=Page((), 2, 5, 15), query={text: text}
    ),
    "macros.table": lambda text: called(
        "{% from 'macros.html' import table %}{% call table([a], a) %}{{ a }}{% endcall %}", a=text
    ),
    "macros.title": lambda text: render("macros.title", words=text, lead=text),
    "method": method_of,
    "notices.done": lambda text: render("notices.done", words=text),
    "notices.empty": lambda text: render(
        "notices.empty", words=text, address="/ledger", label=text
    ),
    "notices.progress": lambda text: "".join(
        render(
            "notices.progress",
            phase=text,
            done=1,
            total=total,
            seconds_left=3.0,
            run=text,
            heard=text,
        )
        for total in (0, 2)
    ),
    "notices.queued": lambda text: "".join(
        render("notices.queued", place=place, seconds_left=left, run=text, heard=text)
        for place, left in ((1, None), (2, 3.0))
    ),
    "notices.trouble": lambda text: render("notices.trouble", words=text, title=text),
    "notices.waiting": lambda text: render("notices.waiting", words=text, run=text, heard=text),
    "report": lambda text: "".join(
        method.section(report)
        for report in (report_of(text), {**report_of(text), "artists": None}, None)
    ),
    "run.alt": lambda text: "".join(
        called("{% from 'run.html' import alt %}<img alt='{{ alt(run) }}'>", run=view.record)
        for view in runs_of(text)
    ),
    "run.why": lambda text: "".join(
        render(
            "run.why",
            record=view.record,
            rules=side_by_side(view.record, dict.fromkeys(view.record.artist_micro, text)),
        )
        for view in runs_of(text)
    ),
    "studio.title": lambda text: render("studio.title", words=text, lead=text),
    "studio.tiles": lambda text: render("studio.tiles", works=[text]),
    "run.credit": lambda text: "".join(
        run.credit(view, {}, disputes=[dispute_of(text)]) for view in runs_of(text)
    ),
    "run.picture": lambda text: "".join(
        render("run.picture", record=view.record) for view in runs_of(text)
    ),
    "paper.run": lambda text: "".join(
        render(
            "paper.run",
            view=view,
            shares=bars_of(text),
            decided=text,
            stands=text,
            entry=entry,
            address=text,
            as_of=text,
            disputes=dispute_lines([dispute_of(text, UPHELD)]),
        )
        for view in runs_of(text)
        for entry in (entries_of(text)[0], None)
    ),
    "run.booked": lambda text: "".join(render("run.booked", view=view) for view in runs_of(text)),
    "run.recipe": lambda text: "".join(
        render("run.recipe", view=view, deletable=deletable)
        for view in runs_of(text)
        for deletable in (True, False)
    ),
    "studio.blank": lambda text: render("studio.blank"),
    "studio.awaited": lambda text: render("studio.awaited"),
    "studio.kept": lambda text: render("studio.kept"),
    "studio.frame": lambda text: render("studio.frame", source="/x.png", words=text, badge=text),
    "works.alike": lambda text: render(
        "works.alike",
        rows=[
            LookAlike(work=work, artist=text, makers=((text, text),), cosine=0.97)
            for work in works_of(text)
        ],
    ),
    "works.gallery": lambda text: "".join(
        render("works.gallery", side=side, rows=rows, shown=0)
        for side in (PROPONENT, OPPONENT, MEMORISED)
        for rows in (run_of(text).side(side), ())
    ),
    "works.of_artist": lambda text: render("works.of_artist", works=works_of(text), artist=text),
}


# --- what a browser makes of it ---------------------------------------------------------------


class Read(HTMLParser):
    """The tags with their attributes' names, in order; every text and value as it is read."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.shape: list[tuple[str, ...]] = []
        self.texts: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.shape.append((tag, *(name for name, _ in attrs)))
        self.texts += [value or "" for _, value in attrs]
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action")]
        if tag not in ENDLESS:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ENDLESS:
            assert self.open.pop() == tag
            self.shape.append((f"/{tag}",))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.shape.append(("comment",))


def faults(case: Callable[[str], str], text: str) -> list[str]:
    """Where the page with `text` is more than the page with a plain name and the name replaced."""
    plain, hostile = Read(case(PLAIN)), Read(case(text))
    wrong = []
    if plain.shape != hostile.shape:
        more = Counter(hostile.shape) - Counter(plain.shape)
        wrong.append(f"tags and attributes of its own: {dict(more) or 'in another order'}")
    if _named(plain, PLAIN) != _named(hostile, text):
        wrong.append("the name is not what is read")
    for link in hostile.links:
        parts = urlsplit(link)
        local = not parts.scheme and not parts.netloc and link.startswith(("/", "./"))
        known = any(link.startswith(page.format("")) for page in ELSEWHERE.values())
        if not local and not known:
            wrong.append(f"a link to {link[:60]}")
    return wrong


def _named(page: Read, name: str) -> str:
    """All that is read, the name taken out in every spelling that words and addresses give it."""
    words = " ".join(" ".join(page.texts).split())
    spelled = {name, name.lower(), name.capitalize(), name[:1].upper() + name[1:]}
    for spelling in sorted(spelled, key=len, reverse=True):
        for form in (quote(spelling, safe=""), quote_plus(spelling), spelling):
            words = words.replace(form, "NAME")
    return words


# --- laws -------------------------------------------------------------------------------------


def entry_points() -> Iterator[str]:
    """ "ledger" for a template that shows something itself, "run.recipe" for each public macro."""
    for file in sorted(TEMPLATES.rglob("*")):
        assert file.suffix == ".html" and file.parent == TEMPLATES, file
        parsed = environment.parse(file.read_text(encoding="utf-8"))
        silent = (nodes.Macro, nodes.FromImport, nodes.Import, nodes.Assign, nodes.AssignBlock)
        for node in parsed.body:
            blank = isinstance(node, nodes.Output) and all(
                isinstance(part, nodes.TemplateData) and not part.data.strip()
                for part in node.nodes
            )
            if isinstance(node, nodes.Macro):
                if not node.name.startswith("_"):
                    yield f"{file.stem}.{node.name}"
            elif not blank and not isinstance(node, silent):
                yield file.stem


def test_every_template_and_macro_has_a_hostile_case() -> None:
    assert set(entry_points()) == CASES.keys()


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("name", CASES)
def test_no_name_becomes_markup(name: str, text: str) -> None:
    assert faults(CASES[name], text) == []


@pytest.mark.parametrize(
    "source",
    [
        "<p>{{ a|safe }}</p>",
        "{% autoescape false %}<p title='{{ a }}'></p>{% endautoescape %}",
        "<p class={{ a }}></p>",
        "<a href='{{ a }}'>x</a>",
        "<p>{{ a[:3] }}</p>",
        "<p>{{ a|e|forceescape }}</p>",
    ],
)
def test_a_careless_template_is_seen(source: str) -> None:
    assert any(faults(lambda text: called(source, a=text), text) for text in HOSTILE.values())


def test_a_careful_template_is_let_through() -> None:
    source = "<p title='{{ a }}'>{{ a }}</p><a href='{{ a|artist_page }}'>{{ a }}</a>"
    for text in HOSTILE.values():
        assert faults(lambda text: called(source, a=text), text) == []


def test_a_value_that_is_missing_is_an_error_and_never_an_empty_place() -> None:
    with pytest.raises(UndefinedError):
        render("history")
    with pytest.raises(UndefinedError):
        render("notices.trouble")
    with pytest.raises(TypeError):
        render("notices.trouble", words="x", nobody_takes_this=1)


def test_no_template_switches_escaping_off() -> None:
    for file in TEMPLATES.glob("*.html"):
        source = file.read_text(encoding="utf-8")
        assert not re.search(r"\|\s*safe\b|autoescape|\|\s*(force)?e(scape)?\b", source), file.name


def test_no_python_of_the_application_writes_markup() -> None:
    """Templates do. The one exception is from no data: the scripts, and the look of paper."""
    sources = "".join(file.read_text(encoding="utf-8") for file in TEMPLATES.glob("*.html"))
    tags = {"script", *re.findall(r"<([a-z][a-z0-9]*)", sources)}
    markup = re.compile(rf"</?(?:{'|'.join(sorted(tags))})\b")
    wrong = []
    for file in APP.rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        documents = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            text = node.value if isinstance(node, ast.Constant) else None
            if isinstance(text, str) and id(node) not in documents and markup.search(text):
                wrong.append(f"{file.name}: {text}")
            name = getattr(node, "id", getattr(node, "attr", getattr(node, "name", "")))
            if name in ("escape", "Markup", "markupsafe"):
                wrong.append(f"{file.name}: {name}")
    own = ("</script>", "</style>", "<script>", '<style media="print">')
    assert sorted(wrong) == [f"blocks.py: {tag}" for tag in own]


def test_a_name_stays_readable() -> None:
    name = "Ž É Ł & Söhne"
    assert html.unescape(render("notices.waiting", words=name)).count(name) == 1
