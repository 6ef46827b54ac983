"""Whose work a row is: one artist for all spellings of a name and for one identifier.

In: the artists of a collection and, row by row, names and identifiers. Out: ids, and the artists
with every spelling that was written. Merges nobody whose identifiers contradict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from core.collection.importing.credit_lines.names import natural_name
from core.collection.importing.fields import slug
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
