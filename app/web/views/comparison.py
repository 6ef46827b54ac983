"""Two runs beside each other: what each gave to whom, what their recipes differ in, shared works.

In: two recorded runs and the artists' names. Out: plain values for the page. Sums nothing: shares
are those that the runs recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from app.web.formatting import percent, plain, style_name, verdict_name
from app.web.language import ENGLISH, Language
from app.web.views.credit import names_in
from core.ledger.records import RunInfluence, RunRecord, RunView
from core.ledger.shares import WHOLE


@dataclass(frozen=True, kw_only=True)
class SharedArtist:
    """An artist's share of each run, as words and as a part of the longest bar; "" for none."""

    id: str
    name: str
    first: str
    second: str
    first_length: float
    second_length: float

    @property
    def both(self) -> bool:
        """Whether both runs credit them."""
        return bool(self.first and self.second)


@dataclass(frozen=True, kw_only=True)
class SharedWork:
    """A work that shaped both, with its place in each."""

    work: RunInfluence
    first: int
    second: int


@dataclass(frozen=True, kw_only=True)
class RecipeLine:
    """One line of the recipe in both runs."""

    name: str
    first: str
    second: str

    @property
    def same(self) -> bool:
        """Whether both say the same."""
        return self.first == self.second


@dataclass(frozen=True, kw_only=True)
class RunComparison:
    """Two runs; `artists`: whom both credit first, then the others by their larger share."""

    first: RunView
    second: RunView
    artists: tuple[SharedArtist, ...]
    works: tuple[SharedWork, ...]
    recipe: tuple[RecipeLine, ...]
    nobody: tuple[str, str]

    @classmethod
    def of(
        cls,
        first: RunView,
        second: RunView,
        names: Mapping[str, str],
        language: Language = ENGLISH,
    ) -> Self:
        """Of two runs of one ledger; `names` by artist id."""
        a, b = first.record, second.record
        return cls(
            first=first,
            second=second,
            artists=_artists(a, b, {**names, **names_in(a), **names_in(b)}, language),
            works=_works(a, b),
            recipe=_recipe(a, b, language),
            nobody=(
                _share(a.unattributed_micro, language),
                _share(b.unattributed_micro, language),
            ),
        )

    @property
    def shared(self) -> int:
        """How many artists both credit."""
        return sum(one.both for one in self.artists)


def _share(micro: int, language: Language) -> str:
    return percent(micro / WHOLE, 2, language)


def _artists(
    a: RunRecord, b: RunRecord, names: Mapping[str, str], language: Language
) -> tuple[SharedArtist, ...]:
    pairs = {
        who: (a.artist_micro.get(who, 0), b.artist_micro.get(who, 0))
        for who in {**a.artist_micro, **b.artist_micro}
    }
    longest = max((max(pair) for pair in pairs.values()), default=0) or 1
    order = sorted(pairs, key=lambda who: (not all(pairs[who]), -max(pairs[who]), who))
    return tuple(
        SharedArtist(
            id=who,
            name=names.get(who, who),
            first=_share(pairs[who][0], language) if pairs[who][0] else "",
            second=_share(pairs[who][1], language) if pairs[who][1] else "",
            first_length=pairs[who][0] / longest,
            second_length=pairs[who][1] / longest,
        )
        for who in order
    )


def _works(a: RunRecord, b: RunRecord) -> tuple[SharedWork, ...]:
    """Works named as having shaped both, the best placed first; of one collection only."""
    if a.collection != b.collection:
        return ()
    places = {row.work_id: row.rank for row in b.shaped}
    shared = [
        SharedWork(work=row, first=row.rank, second=places[row.work_id])
        for row in a.shaped
        if row.work_id in places
    ]
    return tuple(sorted(shared, key=lambda one: (one.first + one.second, one.first)))


def _recipe(a: RunRecord, b: RunRecord, language: Language) -> tuple[RecipeLine, ...]:
    def made(value: float | None) -> str:
        return language.say("not painted") if value is None else plain(value, language)

    say = language.say
    rows = {
        say("Class"): (style_name(a.style, language), style_name(b.style, language)),
        say("Verdict"): (verdict_name(a.verdict, language), verdict_name(b.verdict, language)),
        say("Seed"): (made(a.seed), made(b.seed)),
        say("Steps"): (made(a.steps), made(b.steps)),
        say("Guidance"): (made(a.guidance), made(b.guidance)),
        say("Collection"): (a.collection, b.collection),
        say("Model"): (a.model_digest[:12], b.model_digest[:12]),
        say("Method"): (a.method, b.method),
        say("Share rule"): (a.rule, b.rule),
    }
    return tuple(
        RecipeLine(name=name, first=first, second=second) for name, (first, second) in rows.items()
    )
