"""A collection as values: works, artists, the directory they live in; and the prompt of a class.

In: plain fields. Out: frozen values with look-ups and a digest; the sentence that a class is
painted with. Knows no model and no file format: reading and writing is `store`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from core.errors import CollectionError

T = TypeVar("T")

ACTIVE = "active"
OPTED_OUT = "opted-out"
PERSON, BODY, PARTY, NOBODY, UNDECIDED = "person", "body", "party", "nobody", "undecided"
KINDS = (PERSON, BODY, PARTY, NOBODY, UNDECIDED)
UNKNOWN_MAKER = "unknown-artist"  # the id that imports gave from the first day
MAKER, ATTRIBUTED = "maker", "attributed to"
LONGEST_PROMPT = 1000  # letters of a free prompt
Makers = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Artist:
    """Someone who is credited. `id` equals `slug`; identifiers are pairs: (wikidata, Q5582).

    `written` holds the name as sources wrote it, where that is not `name`; `written_on` the day on
    which each spelling came, "" where nobody noted it. `kind`: a `party` is "Workshop of" the
    artist `of`; `nobody` is no one in particular, and `undecided` a name that somebody has to
    decide about: neither is paid. `born`, `died` and `nationality` as sources have them.
    """

    id: str
    slug: str
    name: str
    identifiers: tuple[tuple[str, str], ...] = ()
    status: str = ACTIVE
    written: tuple[str, ...] = ()
    written_on: tuple[str, ...] = ()
    kind: str = PERSON
    of: str = ""
    born: str = ""
    died: str = ""
    nationality: str = ""

    @property
    def payable(self) -> bool:
        """Whether this is somebody whom a statement can name."""
        return self.kind not in (NOBODY, UNDECIDED) and self.id != UNKNOWN_MAKER


@dataclass(frozen=True)
class Contributor:
    """One of those to whom a work is owed. `role` as a label says it; of the work's credit,
    `weight` parts are theirs: none of a print's is the painter's after whom it was made."""

    artist_id: str
    role: str = MAKER
    weight: int = 1


@dataclass(frozen=True)
class Work:
    """One picture a model learnt from. `file` is relative to the collection's directory.

    `artist_id` is the first maker's; `contributors` all, where that is not the whole story.
    `caption`: what somebody wrote that it shows.
    """

    id: str
    file: str
    title: str
    artist_id: str
    style: str
    year: str
    licence: str
    source: str
    sha256: str
    contributors: tuple[Contributor, ...] = ()
    caption: str = ""

    @property
    def makers(self) -> Makers:
        """(artist id, parts of the work's credit), the first named first."""
        named = tuple((one.artist_id, one.weight) for one in self.contributors if one.weight)
        return named or ((self.artist_id, 1),)

    def is_by(self, artist_id: str) -> bool:
        """Whether a part of the work's credit is this artist's."""
        return any(who == artist_id for who, _ in self.makers)


@dataclass(frozen=True)
class Collection:
    """Works and artists of one directory; the order of `works` is that of every score vector.

    `by_caption`: each work is learnt under its caption instead of its class's prompt, and any
    prompt can be painted. A *label* is what a picture is learnt, painted or traced under: a class,
    or such a prompt in full.
    """

    path: Path
    name: str
    title: str
    description: str
    image_size: int
    works: tuple[Work, ...]
    artists: tuple[Artist, ...]
    default_steps: int = 20
    default_guidance: float = 2.0
    by_caption: bool = False

    def label(self, work: Work) -> str:
        """What the work is learnt under: its class, or its caption."""
        return (self.by_caption and work.caption) or work.style

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """What the works are learnt under, sorted, each once."""
        return tuple(sorted({self.label(work) for work in self.works}))

    def labels_in_turn(self, count: int) -> list[tuple[str, str]]:
        """`count` times (class, label): the classes in turn, of each its labels in turn."""
        return in_turn(((work.style, self.label(work)) for work in self.works), count)

    def prompt(self, label: str) -> str:
        """The sentence that a label is painted with."""
        return label if self.by_caption and label not in self.styles else class_prompt(label)

    def knows(self, label: str) -> bool:
        """Whether a picture can be painted or traced under it."""
        if not self.by_caption:
            return label in self.styles
        return bool(label.strip()) and len(label) <= LONGEST_PROMPT

    @cached_property
    def styles(self) -> tuple[str, ...]:
        """The classes, sorted, each once."""
        return tuple(sorted({work.style for work in self.works}))

    @cached_property
    def _works_by_id(self) -> dict[str, Work]:
        return {work.id: work for work in self.works}

    @cached_property
    def _artists_by_id(self) -> dict[str, Artist]:
        return {artist.id: artist for artist in self.artists}

    @cached_property
    def artist_names(self) -> Mapping[str, str]:
        """Artist id -> name."""
        return {artist.id: artist.name for artist in self.artists}

    @cached_property
    def unpaid(self) -> frozenset[str]:
        """The ids under which nobody in particular stands: their credit is kept, not paid."""
        return frozenset(artist.id for artist in self.artists if not artist.payable)

    def unnamed(self, artist_ids: frozenset[str], word: str) -> Collection:
        """The collection with `word` in the place of these artists' names, and nothing else that
        says who they are."""
        if not artist_ids:
            return self
        artists = tuple(
            replace(
                artist,
                name=word,
                identifiers=(),
                written=(),
                written_on=(),
                born="",
                died="",
                nationality="",
            )
            if artist.id in artist_ids
            else artist
            for artist in self.artists
        )
        return replace(self, artists=artists)

    def credit_line(self, work: Work) -> str:
        """Who made the work, as a label says it: 'A and B', 'attributed to C'."""
        names = self.artist_names
        made = [one for one in work.contributors if one.weight]
        if not made:
            return names.get(work.artist_id, work.artist_id)
        words = [
            f"{'' if one.role == MAKER else one.role} {names.get(one.artist_id, one.artist_id)}"
            for one in made
        ]
        words = [text.strip() for text in words]
        return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))

    def work(self, work_id: str) -> Work:
        """The work with this id, or a CollectionError."""
        remedy = "Look it up in works.csv, or import it first."
        return self._held(self._works_by_id, "work", work_id, remedy)

    def artist(self, artist_id: str) -> Artist:
        """The artist with this id, or a CollectionError."""
        remedy = "Look it up in artists.csv, or import a work of this artist first."
        return self._held(self._artists_by_id, "artist", artist_id, remedy)

    def _held(self, by_id: Mapping[str, T], kind: str, key: str, remedy: str) -> T:
        if key not in by_id:
            raise CollectionError(f"The collection '{self.name}' holds no {kind} '{key}'. {remedy}")
        return by_id[key]

    def image_path(self, work: Work) -> Path:
        """Where the work's picture lies on this machine."""
        return self.path / work.file

    @cached_property
    def digest(self) -> str:
        """SHA-256 over ids and file digests of the works, in order, and who made them.

        Titles, years and the folder's place may change without changing what was learnt.
        """
        rows = [
            [
                work.id,
                work.sha256,
                work.artist_id,
                work.style,
                *map(astuple, work.contributors),
                *([work.caption] if self.by_caption and work.caption else []),
            ]
            for work in self.works
        ]
        ids = sorted(artist.id for artist in self.artists)
        text = json.dumps([rows, ids], ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(text.encode("ascii")).hexdigest()


def in_turn(pairs: Iterable[tuple[str, str]], count: int) -> list[tuple[str, str]]:
    """`count` of the (class, label) pairs: the classes in turn, of each its labels in turn, both
    sorted, from the start again where they end."""
    of_class: dict[str, set[str]] = {}
    for style, label in pairs:
        of_class.setdefault(style, set()).add(label)
    groups = [(style, sorted(labels)) for style, labels in sorted(of_class.items())]
    chosen = []
    for number in range(count):
        style, labels = groups[number % len(groups)]
        chosen.append((style, labels[number // len(groups) % len(labels)]))
    return chosen


def class_prompt(style: str) -> str:
    """'Ukiyo-e' -> 'a ukiyo-e painting', 'Art_Nouveau' -> 'an art nouveau painting'.

    Lower case, underscores and runs of space become one space. 'an' before a, e, i, o; a leading
    u reads as 'you' in the names of styles (ukiyo-e, universalism), so it takes 'a'.
    """
    words = " ".join(style.replace("_", " ").lower().split())
    if not words:
        return "a painting"
    article = "an" if words[0] in "aeio" else "a"
    return f"{article} {words} painting"
