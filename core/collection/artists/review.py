"""What a person should decide about a collection's names: proposals, each with its evidence.

In: a collection, the questions of its last import, what was decided before. Out: proposals to
merge two artists, to read a name as several makers or as nobody, to say whom a name means, and
whether a name is somebody's who opted out. Decides nothing and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from core.collection.artists.decisions import (
    DIFFERENT,
    DIVIDER,
    MAKERS,
    NO_ONE,
    SAME,
    Decisions,
    party_role,
    read_decisions,
)
from core.collection.artists.name_comparison import near_pairs
from core.collection.artists.opt_outs import contradict
from core.collection.artists.questions import NAME, WISH, Question, read_questions
from core.collection.artists.register import years_apart
from core.collection.importing.credit_lines.line import CreditCells, CreditLine, Kind
from core.collection.importing.credit_lines.read import read_credit_lines
from core.collection.importing.fields import slug
from core.collection.types import BODY, PERSON, UNDECIDED, Artist, Collection

READING, MERGE = "reading", "merge"


@dataclass(frozen=True)
class Choice:
    """One possible answer: what is decided, its answer, and the words on the button."""

    what: str
    answer: str
    words: str


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """One thing to decide, about an `opt-out`, a `name`, a `reading` or a `merge`.

    `subject`: the name as written or an artist's id; `works`: ids of those it concerns, in the
    collection; `rows`: rows of a source that wait; `choices`: the likeliest first.
    """

    what: str
    subject: str
    words: str
    evidence: tuple[str, ...]
    works: tuple[str, ...]
    rows: tuple[str, ...]
    choices: tuple[Choice, ...]

    @property
    def key(self) -> str:
        """The same for the same proposal."""
        others = ".".join(slug(one.answer) for one in self.choices if one.answer)
        return f"{self.what}.{slug(self.subject)}.{others}"


def proposals(collection: Collection) -> tuple[Proposal, ...]:
    """Everything that waits for a person, what touches credit soonest first."""
    decisions = read_decisions(collection.path)
    questions = read_questions(collection.path)
    works: dict[str, list[str]] = {}
    for work in collection.works:
        for who, _ in work.makers:
            works.setdefault(who, []).append(work.id)
    read = tuple(_read_anew(collection, decisions, works))
    made = [
        *_wishes(
            questions,
            decisions,
            {slug(one.name): works.get(one.id, []) for one in collection.artists},
        ),
        *_undecided(collection, questions, works),
        *read,
        # who is perhaps several, or nobody, is not asked about as one
        *_merges(collection, decisions, works, {one.subject for one in read}),
    ]
    return tuple(made)


def _wishes(
    questions: tuple[Question, ...], decisions: Decisions, named: Mapping[str, list[str]]
) -> Iterator[Proposal]:
    for one in questions:
        if one.what == WISH and not decisions.are_different(one.subject, one.other):
            yield Proposal(
                what=WISH,
                subject=one.subject,
                words=one.words,
                evidence=(f"Rows of the last import that wait for this: {len(one.rows)}.",)
                if one.rows
                else (),
                works=tuple(named.get(slug(one.subject), ())),
                rows=one.rows,
                choices=(
                    Choice(SAME, one.other, f"Yes, that is {one.other}: never learn from it"),
                    Choice(DIFFERENT, one.other, "No, somebody else"),
                ),
            )


def _undecided(
    collection: Collection, questions: tuple[Question, ...], works: dict[str, list[str]]
) -> Iterator[Proposal]:
    asked_about = {slug(one.subject): one for one in questions}
    for artist in collection.artists:
        if artist.kind != UNDECIDED or not works.get(artist.id):
            continue
        question = asked_about.get(slug(artist.name))
        readings = question.readings if question else ()
        namesakes = [
            one
            for one in collection.artists
            if one.kind in (PERSON, BODY)
            and slug(artist.name) in map(slug, (one.name, *one.written))
        ]
        choices = [Choice(MAKERS, one.id, f"One maker: {_known(one, works)}") for one in namesakes]
        offered = dict.fromkeys([*readings, *([] if namesakes else [(artist.name,)])])
        choices += [
            Choice(MAKERS, DIVIDER.join(names), _as_makers(names)) for names in offered if names
        ]
        yield Proposal(
            what=NAME,
            subject=artist.name,
            words=question.words if question else f"Who is meant by '{artist.name}'?",
            evidence=(_count(len(works[artist.id])),),
            works=tuple(works[artist.id]),
            rows=question.rows if question else (),
            choices=(*choices, Choice(NO_ONE, "", "Nobody in particular")),
        )


def _as_makers(names: tuple[str, ...]) -> str:
    if len(names) == 1:
        return f"One maker: {names[0]}"
    return f"{len(names)} makers: {' and '.join(names)}"


def _read_anew(
    collection: Collection, decisions: Decisions, works: dict[str, list[str]]
) -> Iterator[Proposal]:
    """Names that stand for persons since before names were read: several in one, or nobody."""
    decided = {slug(one.subject) for one in decisions.standing if one.what == MAKERS}
    people = [
        one
        for one in collection.artists
        if one.kind == PERSON and works.get(one.id) and decided.isdisjoint({one.id, slug(one.name)})
    ]
    lines = read_credit_lines([CreditCells(name=one.name) for one in people])
    for artist, line in zip(people, lines, strict=True):
        choice = _other_reading(artist, line)
        if choice is not None:
            yield Proposal(
                what=READING,
                subject=artist.id,
                words=f"'{artist.name}' is credited as one person.",
                evidence=(choice.words, _count(len(works[artist.id]))),
                works=tuple(works[artist.id]),
                rows=(),
                choices=(choice, Choice(MAKERS, artist.name, f"One maker: {artist.name}")),
            )


def _other_reading(artist: Artist, line: CreditLine) -> Choice | None:
    kinds = {one.kind for one in line.contributors}
    if kinds == {Kind.NOBODY}:
        return Choice(NO_ONE, "", "Nobody in particular")
    names = tuple(one.name for one in line.contributors)
    if len(names) > 1 and kinds <= {Kind.PERSON, Kind.BODY}:
        return Choice(MAKERS, DIVIDER.join(names), _as_makers(names))
    return None


def _merges(
    collection: Collection, decisions: Decisions, works: dict[str, list[str]], unread: set[str]
) -> Iterator[Proposal]:
    people = [
        one for one in collection.artists if one.kind in (PERSON, BODY) and one.id not in unread
    ]
    for one, other in near_pairs([artist.name for artist in people]):
        # whose name and works came first keeps the place
        first, second = sorted(
            (people[one], people[other]), key=lambda who: -len(works.get(who.id, ()))
        )
        if party_role(first) != party_role(second):
            continue
        if first.kind != second.kind or not works.get(first.id):
            continue
        if contradict(first.identifiers, second.identifiers) or _two_lives(first, second):
            continue
        if decisions.are_different(first.id, second.id):
            continue
        if decisions.are_different(first.name, second.name) and first.name != second.name:
            continue
        yield Proposal(
            what=MERGE,
            subject=first.id,
            words=f"Are '{first.name}' and '{second.name}' one person?",
            evidence=(_known(first, works), _known(second, works)),
            works=(*works.get(first.id, ())[:3], *works.get(second.id, ())[:3]),
            rows=(),
            choices=(
                Choice(SAME, second.id, f"One person: {first.name}"),
                Choice(DIFFERENT, second.id, "Two persons"),
            ),
        )


def _two_lives(one: Artist, other: Artist) -> bool:
    return years_apart(one.born, other.born) or years_apart(one.died, other.died)


def _known(artist: Artist, works: dict[str, list[str]]) -> str:
    years = "–".join(filter(None, (artist.born, artist.died)))
    numbers = ", ".join(f"{scheme} {value}" for scheme, value in artist.identifiers)
    facts = ", ".join(filter(None, (artist.nationality, years, numbers)))
    count = _count(len(works.get(artist.id, ())))
    return f"{artist.name}: {facts or 'nothing more is known'}; {count}"


def _count(works: int) -> str:
    return "1 work" if works == 1 else f"{works} works"
