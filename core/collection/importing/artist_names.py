"""Whose work a row is: one artist for all spellings of a name and for one identifier.

In: the artists of a collection and, row by row, names and identifiers. Out: ids, and the artists
with every spelling that was written. Merges nobody whose identifiers contradict.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from core.collection.importing.fields import PARTICLES, slug
from core.collection.importing.rows import Candidate, Identifiers, Refusal
from core.collection.types import Artist


class ArtistRegister:
    """The artists so far."""

    def __init__(self, artists: Sequence[Artist]) -> None:
        self._artists = {artist.id: artist for artist in artists}
        self._by_identifier = {pair: one.id for one in artists for pair in one.identifiers}
        self._met: dict[str, set[str]] = {}  # spellings of this run

    @property
    def artists(self) -> tuple[Artist, ...]:
        """All of them, in the order in which they came."""
        return tuple(self._artists.values())

    def id_of(self, written: str, identifiers: Identifiers) -> str:
        """The artist's id: by an identifier that is known, else by the name."""
        for pair in identifiers:
            if pair in self._by_identifier:
                return self._by_identifier[pair]
        as_written = slug(written)
        return as_written if as_written in self._artists else slug(natural_name(written))

    def credit(self, artist_id: str, row: Candidate) -> None:
        """Put the row's artist on the roll, with what the row writes and knows of them."""
        artist = self._artists.get(artist_id)
        if artist is None:
            artist = Artist(artist_id, artist_id, natural_name(row.artist))
        if row.artist != artist.name and row.artist not in artist.written:
            artist = replace(artist, written=(*artist.written, row.artist))
        known = dict(artist.identifiers)
        new = tuple(pair for pair in row.identifiers if pair[0] not in known)
        self._by_identifier.update(dict.fromkeys(new, artist_id))
        self._artists[artist_id] = replace(artist, identifiers=(*artist.identifiers, *new))

    def meet(self, artist_id: str, row: Candidate) -> list[Refusal]:
        """Note how the row writes the name; what contradicts the roll is said and left out."""
        artist = self._artists[artist_id]
        self._met.setdefault(artist_id, {artist.name}).add(row.artist)
        known = dict(artist.identifiers)
        return [
            Refusal(
                row.row,
                f"'{row.artist}' has the {scheme} number {known[scheme]} already; {value} was left "
                "out. If these are two people, write their names differently.",
            )
            for scheme, value in row.identifiers
            if known.get(scheme, value) != value
        ]

    def notes(self) -> list[str]:
        """Names that were taken as one artist's."""
        return [
            f"Taken as one artist: {'; '.join(sorted(names))}."
            for names in self._met.values()
            if len(names) > 1
        ]


_LIFE = re.compile(
    r"[,;]?\s*\(?\b(?:(?:1[0-9]|20)[0-9]{2}\s*[-–—]\s*(?:(?:1[0-9]|20)[0-9]{2})?|"
    r"(?:b\.|born)\s*(?:1[0-9]|20)[0-9]{2})\s*\)?$"
)
_GENERATION = frozenset(
    {"jr", "jr.", "sr", "sr.", "ii", "iii", "iv", "the elder", "the younger", "the older"}
)
_BODIES = frozenset(
    {"inc", "inc.", "ltd", "ltd.", "llc", "co", "co.", "gmbh", "sa", "s.a.", "plc", "architects"}
)
_TITLES = frozenset({"mr", "mr.", "mrs", "mrs.", "dr", "dr.", "doctors", "the", "professor"})
_NOBODY = frozenset({"unknown", "anonymous", "unidentified", "artist", "school"})
_JOINED = frozenset({"and", "&", "with", "after", "or", "und", "et", "y", "и"})


def natural_name(written: str) -> str:
    """'Surname, First' -> 'First Surname'; years of life are left out; all else stays as written.

    >>> natural_name("Bruegel, Pieter, the Elder"), natural_name("Репин, Илья, 1844-1930")
    ('Pieter Bruegel the Elder', 'Илья Репин')
    """
    name = _LIFE.sub("", written).strip(" ,;") or written
    parts = [part.strip() for part in name.split(",")]
    if len(parts) == 2 and parts[1].casefold() in _GENERATION:
        return f"{parts[0]} {parts[1]}"
    if not 2 <= len(parts) <= 3 or not _is_inverted(parts[0], parts[1]):
        return name
    if len(parts) == 2:
        return f"{parts[1]} {parts[0]}"
    if parts[2].casefold() in _GENERATION:
        return f"{parts[1]} {parts[0]} {parts[2]}"
    return name


def _is_inverted(surname: str, first: str) -> bool:
    """Whether both halves look like the two halves of one person's name."""
    before, after = surname.split(), first.split()
    if not 1 <= len(before) <= 4 or not 1 <= len(after) <= 4:
        return False
    words = [word.casefold() for word in (*before, *after)]
    if set(words) & (_BODIES | _TITLES | _NOBODY | _JOINED):
        return False
    if re.search(r"[\d()\[\]/:;?\"]", surname + first):
        return False
    return all(
        word[0].isupper() or word.casefold() in PARTICLES or word[0] in "'’"
        for word in (*before, *after)
    )
