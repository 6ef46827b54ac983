"""Whose work a row is: one artist for all spellings of a person, and one for each namesake.

In: the artists of a collection, and credit lines row by row. Out: contributors by id, and the
artists with every spelling that was written and the day on which it came. Merges nobody whose
identifiers or years of life contradict, and asks where a name fits two.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from core.collection.artists.name_comparison import may_be_one
from core.collection.artists.opt_outs import contradict
from core.collection.importing.credit_lines.line import (
    QUALIFIED,
    UNCREDITED,
    CreditLine,
    Kind,
    NamedContributor,
    Role,
)
from core.collection.importing.credit_lines.nations import nation_key
from core.collection.importing.fields import SCHEMES, slug
from core.collection.types import (
    ATTRIBUTED,
    BODY,
    MAKER,
    NOBODY,
    PARTY,
    PERSON,
    UNDECIDED,
    UNKNOWN_MAKER,
    Artist,
    Contributor,
)

UNKNOWN_NAME = "Unknown maker"
DECIDED = "decided"  # beside a name: the id of whom a person said is meant
YEARS_APART = 3  # sources differ by so much about one person
_GENERATION = re.compile(
    r"\b(i{1,3}|iv|v|jr|sr|junior|senior|the (?:elder|younger|older)|d\. ?[ÄäJj]\.|le jeune|"
    r"l'ancien|il vecchio|il giovane|de (?:oude|jonge))\.?$",
    re.IGNORECASE,
)


@dataclass
class _Person:
    """Someone on the roll, or about to be: what tells them from a namesake."""

    artist: Artist
    local: set[str] = field(default_factory=set)  # numbers that one table gives, of this run alone
    listed: bool = True


@dataclass(frozen=True)
class Identified:
    """A line's contributors by id; `question` where a person must say who is meant."""

    contributors: tuple[Contributor, ...]
    question: str = ""


class ArtistRegister:
    """The artists so far; `day` is noted beside each new spelling. `joined`: artists whom somebody
    decided to be another, as they were known, with the other's id."""

    def __init__(
        self,
        artists: Sequence[Artist],
        day: str = "",
        joined: Iterable[tuple[Artist, str]] = (),
    ) -> None:
        self._people: dict[str, _Person] = {one.id: _Person(one) for one in artists}
        self._day = day
        self._by_name: dict[str, list[str]] = {}
        self._by_identifier: dict[tuple[str, str], str] = {}
        self._met: dict[str, set[str]] = {}  # spellings of this run
        self._base = frozenset(self._people)
        self.joined: dict[str, str] = {}  # an id of this run -> the artist whose spelling it was
        self._parties: dict[str, list[str]] = {}  # by the artist whose they are
        for one in artists:
            self._index(one)
            if one.of:
                self._parties.setdefault(one.of, []).append(one.id)
        self._decided = [
            (_Person(one), self._people[kept]) for one, kept in joined if kept in self._people
        ]
        for person, kept_person in self._decided:
            for pair in person.artist.identifiers:
                self._by_identifier.setdefault(pair, kept_person.artist.id)

    @property
    def artists(self) -> tuple[Artist, ...]:
        """All of them, in the order in which they came."""
        listed = (one.artist for one in self._people.values() if one.listed)
        return tuple(one for one in listed if one.id not in self.joined)

    def artist(self, artist_id: str) -> Artist:
        """The artist of this id."""
        return self._people[artist_id].artist

    def prepare(self, lines: Iterable[CreditLine]) -> None:
        """Look at all lines first, so that namesakes are told apart in whatever order they come:
        who has identifiers or years goes before who has a name alone."""
        named = [one for line in lines for one in line.contributors if _is_somebody(one)]
        for one in sorted(named, key=lambda one: -_richness(one)):  # stable: in the rows' order
            if _richness(one):
                person, _ = self._person(one)
                if person is not None:
                    self._tell_apart(person, one)

    def identify(self, line: CreditLine) -> Identified:
        """Who the line's contributors are. A name that fits two namesakes is asked about."""
        contributors: list[Contributor] = []
        question = line.question
        for one in line.contributors:
            who, doubt = self._id_of(one)
            question = question or doubt
            role, weight = _label(one)
            at = next((i for i, other in enumerate(contributors) if other.artist_id == who), None)
            if at is None:
                contributors.append(Contributor(who, role, weight))
            elif weight > contributors[at].weight:  # named twice: as the maker in the end
                contributors[at] = Contributor(who, role, weight)
        contributors.sort(key=lambda one: not one.weight)
        return Identified(tuple(contributors), question)

    def credit(self, line: CreditLine) -> None:
        """Put the line's contributors on the roll, with what it writes and knows of them."""
        for one in line.contributors:
            who, doubt = self._id_of(one)
            person = self._people[who]
            person.listed = True
            self._met.setdefault(who, {person.artist.name}).add(one.written or one.name)
            if _is_somebody(one) and one.role not in QUALIFIED and not doubt:
                self._learn(person, one)

    def respell(self, artist_id: str, line: CreditLine) -> bool:
        """Whether a line that names one maker only spells the artist otherwise, who keeps the id.

        So it is where the names are near, nothing contradicts, and no artist of before bears the
        new one.
        """
        makers = [one for one in line.contributors if _is_somebody(one)]
        person = self._people.get(artist_id)
        if len(makers) != 1 or person is None or makers[0].role is not Role.MAKER:
            return False
        one, artist = makers[0], person.artist
        who, _ = self._id_of(one)
        if who == artist_id or who in self._base or artist.kind not in (PERSON, BODY):
            return False
        near = may_be_one(artist.name, one.name) and _generation(artist.name) == _generation(
            one.name
        )
        if not near or not _fits(person, one):
            return False
        self.joined[who] = artist_id
        other = self._people[who]
        for spelling in (other.artist.name, *other.artist.written):
            self._add_spelling(person, spelling)
        self._learn(person, one)
        self._met.setdefault(artist_id, {artist.name}).add(one.name)
        return True

    def notes(self) -> list[str]:
        """Names that were taken as one artist's."""
        return [
            f"Taken as one artist: {'; '.join(sorted(names))}."
            for who, names in self._met.items()
            if len(names) > 1 and self._people[who].artist.kind in (PERSON, BODY)
        ]

    # --- who is meant -------------------------------------------------------------------------

    def _id_of(self, one: NamedContributor) -> tuple[str, str]:
        """The id, and a question where the name fits two; makes the artist where there is none."""
        if one.kind is Kind.NOBODY:
            return self._nobody(one), ""
        if one.kind is Kind.UNDECIDED:
            return self._undecided(one.name), ""
        if one.role in QUALIFIED:
            return self._party(one), ""
        person, several = self._person(one)
        if person is None:
            words = " or ".join(
                f"{each.artist.name} ({_life(each.artist) or each.artist.id})" for each in several
            )
            question = f"'{one.written or one.name}' may be {words}. Say who is meant."
            return self._undecided(one.written or one.name), question
        return self.joined.get(person.artist.id, person.artist.id), ""

    def _person(self, one: NamedContributor) -> tuple[_Person | None, list[_Person]]:
        """The person of a contributor, made where there is none; or those between whom nothing
        decides."""
        for scheme, value in one.identifiers:
            known = self._by_identifier.get((scheme, value))
            if known is not None:
                return self._people[known], []
            # unless this row says more than the one that was decided about
            if scheme == DECIDED and (meant := self._people.get(value)) and _fits(meant, one):
                return meant, []
        namesakes = [self._people[who] for who in self._by_name.get(slug(one.name), ())]
        namesakes = [
            each
            for each in namesakes
            if each.artist.kind in (PERSON, BODY) and each.artist.id not in self.joined
        ]
        fitting = [each for each in namesakes if _fits(each, one)]
        local = {value for scheme, value in one.identifiers if scheme == "local"}
        if same := [each for each in fitting if each.local & local]:
            return same[0], []
        agreeing = [each for each in fitting if _agrees(each.artist, one)]
        if len(agreeing) == 1 or len(fitting) == 1:
            return (agreeing or fitting)[0], []
        if len(fitting) > 1:
            return None, fitting
        for joined, kept in self._decided:  # numbers and years that told them apart once
            spellings = map(slug, (joined.artist.name, *joined.artist.written))
            if slug(one.name) in spellings and _fits(joined, one):
                return kept, []
        return self._new_person(one, namesakes), []

    def _new_person(self, one: NamedContributor, namesakes: Sequence[_Person]) -> _Person:
        plain = slug(one.name)
        if plain in self._people:
            numbers = (f"{s}-{v}" for s, v in one.identifiers if s != DECIDED)
            told_by = [one.born, *numbers, one.nationality]
            endings = [slug(text) for text in told_by if text]
            endings += [str(number) for number in range(2, len(self._people) + 3)]
            names = (f"{plain[:60].strip('-')}-{ending}" for ending in endings)
            plain = next(name for name in names if name not in self._people)
        kind = BODY if one.kind is Kind.BODY else PERSON
        person = _Person(Artist(plain, plain, one.name, kind=kind), listed=False)
        self._people[plain] = person
        self._index(person.artist)
        return person

    def _nobody(self, one: NamedContributor) -> str:
        """Nobody; or who has a number and no name, whom a later row may name."""
        pairs = tuple((s, v) for s, v in one.identifiers if s in SCHEMES)
        for pair in pairs:
            if pair in self._by_identifier:
                return self._by_identifier[pair]
        if not pairs:
            return self._make(UNKNOWN_MAKER, UNKNOWN_NAME, NOBODY)
        scheme, value = pairs[0]
        who = self._make(slug(f"{scheme} {value}"), f"{scheme} {value}", UNDECIDED)
        self._people[who].artist = replace(self._people[who].artist, identifiers=pairs)
        self._index(self._people[who].artist)
        return who

    def _undecided(self, text: str) -> str:
        return self._make(slug(f"to decide {text}"), text, UNDECIDED)

    def _party(self, one: NamedContributor) -> str:
        """'Workshop of X' is no part of X, and has an account of its own."""
        person, _ = self._person(replace(one, role=Role.MAKER, kind=Kind.PERSON))
        of = "" if person is None else person.artist.id
        name = f"{one.role.value[:1].upper()}{one.role.value[1:]} {one.name}"
        for party_id in self._parties.get(of, ()):  # a spelling's workshop is the artist's
            if slug(self._people[party_id].artist.name).startswith(f"{slug(one.role.value)}-"):
                return party_id
        return self._make(slug(f"{one.role.value} {of or one.name}"), name, PARTY, of)

    def _make(self, who: str, name: str, kind: str, of: str = "") -> str:
        if who not in self._people:
            if of:
                self._parties.setdefault(of, []).append(who)
            self._people[who] = _Person(Artist(who, who, name, kind=kind, of=of), listed=False)
        return who

    # --- what is known of them ------------------------------------------------------------------

    def _learn(self, person: _Person, one: NamedContributor) -> None:
        self._tell_apart(person, one)
        for spelling in dict.fromkeys((one.written, one.name)):
            self._add_spelling(person, spelling)

    def _tell_apart(self, person: _Person, one: NamedContributor) -> None:
        artist = person.artist
        known = dict(artist.identifiers)
        new = tuple(
            (scheme, value)
            for scheme, value in one.identifiers
            if scheme in SCHEMES and scheme not in known
        )
        person.local |= {value for scheme, value in one.identifiers if scheme == "local"}
        named = artist.kind == UNDECIDED and one.name
        person.artist = replace(
            artist,
            name=one.name if named else artist.name,
            kind=PERSON if named else artist.kind,
            identifiers=(*artist.identifiers, *new),
            born=artist.born or one.born,
            died=artist.died or one.died,
            nationality=artist.nationality or one.nationality,
        )
        self._index(person.artist)

    def _add_spelling(self, person: _Person, spelling: str) -> None:
        artist = person.artist
        if not spelling or spelling == artist.name or spelling in artist.written:
            return
        days = (*artist.written_on, *[""] * (len(artist.written) - len(artist.written_on)))
        person.artist = replace(
            artist, written=(*artist.written, spelling), written_on=(*days, self._day)
        )
        self._index(person.artist)

    def _index(self, artist: Artist) -> None:
        for pair in artist.identifiers:
            self._by_identifier.setdefault(pair, artist.id)
        keys = {artist.id, *map(slug, (artist.name, *artist.written))}
        for key in keys:
            holders = self._by_name.setdefault(key, [])
            if artist.id not in holders:
                holders.append(artist.id)


def contributors_of(
    named: Mapping[str, str], contributors: Iterable[Contributor]
) -> Iterator[Contributor]:
    """The contributors with some ids replaced, `named` (old -> new); nobody stands there twice."""
    seen = set()
    for one in contributors:
        who = named.get(one.artist_id, one.artist_id)
        if who not in seen:
            seen.add(who)
            yield replace(one, artist_id=who)


def _is_somebody(one: NamedContributor) -> bool:
    return one.kind in (Kind.PERSON, Kind.BODY)


def _label(one: NamedContributor) -> tuple[str, int]:
    """The role as it is kept, and how many parts of the work's credit are theirs."""
    if one.role in UNCREDITED:
        return one.role.value, 0
    return (ATTRIBUTED if one.attributed else MAKER), 1


def _richness(one: NamedContributor) -> int:
    return 4 * bool(one.identifiers) + 2 * bool(one.born or one.died) + bool(one.nationality)


def _year(text: str) -> int | None:
    digits = re.search(r"[0-9]{4}", text)
    return int(digits[0]) if digits else None


def years_apart(one: str, other: str) -> bool:
    """Whether two years, as text, are too far apart to be one and the same."""
    first, second = _year(one), _year(other)
    return first is not None and second is not None and abs(first - second) > YEARS_APART


def _fits(person: _Person, one: NamedContributor) -> bool:
    """Whether nothing says that this is somebody else of the same name.

    Born and died in the same years, it is the same person, though a table has another number.
    """
    artist = person.artist
    lives = ((artist.born, one.born), (artist.died, one.died))
    if all(_year(a) is not None and _year(a) == _year(b) for a, b in lives):
        return True
    if contradict(artist.identifiers, one.identifiers):
        return False
    if set(artist.identifiers) & set(one.identifiers):
        return True
    local = {value for scheme, value in one.identifiers if scheme == "local"}
    if local and person.local and not local & person.local:
        return False
    if years_apart(artist.born, one.born) or years_apart(artist.died, one.died):
        return False
    years = (artist.born or artist.died) and (one.born or one.died)
    countries = nation_key(artist.nationality), nation_key(one.nationality)
    return bool(years) or "" in countries or countries[0] == countries[1]


def _agrees(artist: Artist, one: NamedContributor) -> bool:
    """Whether something besides the name says that this is the same person."""
    if set(artist.identifiers) & set(one.identifiers):
        return True
    pairs = ((artist.born, one.born), (artist.died, one.died))
    if any(_year(a) is not None and _year(a) == _year(b) for a, b in pairs):
        return True
    return bool(one.nationality) and nation_key(artist.nationality) == nation_key(one.nationality)


def _generation(name: str) -> str:
    match = _GENERATION.search(name)
    return match[0].casefold() if match else ""


def _life(artist: Artist) -> str:
    years = "–".join(filter(None, (artist.born, artist.died)))
    return ", ".join(filter(None, (artist.nationality, years)))
