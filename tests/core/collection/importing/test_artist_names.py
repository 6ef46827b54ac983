"""Whose work a row is: one artist for all spellings and for one identifier; nobody is guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.collection.importing.artist_names import ArtistRegister, natural_name
from core.collection.importing.rows import Candidate
from core.collection.types import OPTED_OUT, Artist
from tests.core.collection.painting import candidate
from tests.tables import becomes


def row(artist: str, **identifiers: str) -> Candidate:
    made = candidate("1", artist)
    return Candidate(**(vars(made) | {"identifiers": tuple(identifiers.items())}))


def registered(register: ArtistRegister, *rows: Candidate) -> list[str]:
    """Each row's artist, and every contradiction that was said."""
    results = []
    for one in rows:
        artist_id = register.id_of(one.artist, one.identifiers)
        register.credit(artist_id, one)
        results += [artist_id, *(refusal.reason for refusal in register.meet(artist_id, one))]
    return results


def test_spellings_of_one_name_are_one_artist_and_each_is_kept() -> None:
    register = ArtistRegister(())
    ids = registered(
        register, row("Warhol, Andy"), row("Andy Warhol"), row("ANDY WARHOL"), row("Bo Ask")
    )
    assert ids == ["andy-warhol", "andy-warhol", "andy-warhol", "bo-ask"]
    andy, bo = register.artists
    assert (andy.name, andy.written) == ("Andy Warhol", ("Warhol, Andy", "ANDY WARHOL"))
    assert (bo.name, bo.written) == ("Bo Ask", ())
    assert register.notes() == ["Taken as one artist: ANDY WARHOL; Andy Warhol; Warhol, Andy."]


def test_one_identifier_is_one_artist_whatever_the_name() -> None:
    register = ArtistRegister(())
    first = row("Hiroshige", wikidata="Q200798")
    other = row("Utagawa Hiroshige", wikidata="Q200798", ulan="500060430")
    third = row("Andō Hiroshige", ulan="500060430")
    assert registered(register, first, other, third) == ["hiroshige"] * 3
    (artist,) = register.artists
    assert artist.identifiers == (("wikidata", "Q200798"), ("ulan", "500060430"))


def test_a_second_number_of_one_kind_is_said_and_left_out() -> None:
    register = ArtistRegister(())
    results = registered(
        register, row("David Bailly", ulan="500001"), row("David Bailly", ulan="500002")
    )
    assert results[:2] == ["david-bailly"] * 2
    assert "has the ulan number 500001 already; 500002 was left out" in results[2]
    assert register.artists[0].identifiers == (("ulan", "500001"),)


def test_who_is_on_the_roll_keeps_name_place_and_status() -> None:
    known = Artist("a-b", "a-b", "A. B.", (("viaf", "7"),), OPTED_OUT)
    register = ArtistRegister((known,))
    assert registered(register, row("A B"), row("Someone Else", viaf="7")) == ["a-b", "a-b"]
    (artist,) = register.artists
    assert (artist.name, artist.status) == ("A. B.", OPTED_OUT)
    assert artist.written == ("A B", "Someone Else")


def test_an_artist_who_was_filed_as_written_is_found_again() -> None:
    register = ArtistRegister((Artist("warhol-andy", "warhol-andy", "Warhol, Andy"),))
    assert register.id_of("Warhol, Andy", ()) == "warhol-andy"


@pytest.mark.parametrize(("one", "other"), [("Иван I", "Пётр I"), ("葛飾北斎", "歌川広重")])
def test_names_that_latin_letters_cannot_tell_stay_two_artists(one: str, other: str) -> None:
    register = ArtistRegister(())
    first, second = registered(register, row(one), row(other))
    assert first != second


@becomes(
    """
    Warhol, Andy -> Andy Warhol
    GENTILESCHI, ARTEMISIA -> ARTEMISIA GENTILESCHI
    van Gogh, Vincent -> Vincent van Gogh
    Bruegel, Pieter, the Elder -> Pieter Bruegel the Elder
    Pieter Bruegel, the Younger -> Pieter Bruegel the Younger
    Репин, Илья, 1844-1930 -> Илья Репин
    Albers, Josef (1888–1976) -> Josef Albers
    Adams, Robert, born 1917 -> Robert Adams
    Andy Warhol -> Andy Warhol
    """
)
def test_a_name_is_put_in_its_natural_order(text: str, expected: str) -> None:
    assert natural_name(text) == expected


@pytest.mark.parametrize(
    "written",
    [
        "Gropper Art Gallery, Inc.",
        "Annenberg, Walter H., The Honorable and Mrs.",
        "de Ménil, Lois and Georges, Doctors",
        "Unknown, Italian",
        "Charles and Ray Eames, Los Angeles",
        "Skidmore, Owings & Merrill",
        "Paris, France (1900)",
        "smith, john q. public, esq., and others",
        "葛飾北斎",
        "",
        ",",
    ],
)
def test_what_is_no_inverted_name_stays_as_written(written: str) -> None:
    assert natural_name(written) in (written, written.strip(" ,;"))


@given(st.text(max_size=60))
def test_the_natural_order_of_a_natural_name_is_itself_and_nothing_is_lost(written: str) -> None:
    """No name becomes empty, and no letter is invented."""
    natural = natural_name(written)
    assert bool(natural) == bool(written)
    assert set(natural) <= set(written) | {" "}
