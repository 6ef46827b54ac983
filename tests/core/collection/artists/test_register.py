"""Whose work a row is: one artist for all spellings, one for each namesake; nobody is guessed."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.collection.artists.register import ArtistRegister
from core.collection.importing.credit_lines.line import CreditLine, Kind, NamedContributor, Role
from core.collection.types import OPTED_OUT, UNDECIDED, UNKNOWN_MAKER, Artist, Contributor


def by(name: str, *more: NamedContributor, **facts: object) -> CreditLine:
    """A line by one person of these facts, and by others."""
    return CreditLine((NamedContributor(name=name, written=name, **facts), *more))  # type: ignore[arg-type]


def registered(register: ArtistRegister, *lines: CreditLine) -> list[str]:
    """Each line's first maker; a question stands in their place."""
    register.prepare(lines)
    results = []
    for line in lines:
        identified = register.identify(line)
        register.credit(line)
        results.append(identified.question or identified.contributors[0].artist_id)
    return results


def test_spellings_of_one_name_are_one_artist_and_each_is_kept_with_its_day() -> None:
    register = ArtistRegister((), "2026-11-26")
    warhol = NamedContributor(name="Andy Warhol", written="Warhol, Andy")
    lines = (CreditLine((warhol,)), by("Andy Warhol"), by("ANDY WARHOL"), by("Bo Ask"))
    assert registered(register, *lines) == ["andy-warhol"] * 3 + ["bo-ask"]
    andy, bo = register.artists
    assert (andy.name, andy.written) == ("Andy Warhol", ("Warhol, Andy", "ANDY WARHOL"))
    assert andy.written_on == ("2026-11-26", "2026-11-26")
    assert (bo.name, bo.written) == ("Bo Ask", ())
    assert register.notes() == ["Taken as one artist: ANDY WARHOL; Andy Warhol; Warhol, Andy."]


def test_one_identifier_is_one_artist_whatever_the_name() -> None:
    register = ArtistRegister(())
    first = by("Hiroshige", identifiers=(("wikidata", "Q200798"),))
    other = by("Utagawa Hiroshige", identifiers=(("wikidata", "Q200798"), ("ulan", "500060430")))
    third = by("Andō Hiroshige", identifiers=(("ulan", "500060430"),))
    assert registered(register, first, other, third) == ["hiroshige"] * 3
    (artist,) = register.artists
    assert artist.identifiers == (("wikidata", "Q200798"), ("ulan", "500060430"))


NAMESAKES = [
    ({"born": "1750"}, {"born": "1820"}),
    ({"died": "1801"}, {"died": "1990"}),
    ({"identifiers": (("ulan", "500001"),)}, {"identifiers": (("ulan", "500002"),)}),
    ({"nationality": "Dutch"}, {"nationality": "Danish"}),
    ({"identifiers": (("local", "7"),)}, {"identifiers": (("local", "8"),)}),
    ({"born": "1606", "died": "1669"}, {"born": "1706", "nationality": "Dutch"}),
]


@pytest.mark.parametrize(("one", "other"), NAMESAKES)
def test_namesakes_stay_apart_in_whatever_order_they_come(
    one: dict[str, object], other: dict[str, object]
) -> None:
    lines = [by("John Smith", **one), by("John Smith", **other), by("John Smith", **one)]
    for order in permutations(range(3)):
        register = ArtistRegister(())
        ids = registered(register, *(lines[at] for at in order))
        assert len(register.artists) == 2
        who = dict(zip(order, ids, strict=True))
        assert who[0] == who[2] != who[1]
        assert {one.name for one in register.artists} == {"John Smith"}


@pytest.mark.parametrize(("one", "other"), NAMESAKES[:4])
def test_a_name_alone_that_fits_two_is_asked_about(
    one: dict[str, object], other: dict[str, object]
) -> None:
    for order in permutations((by("J. Smith", **one), by("J. Smith", **other), by("J. Smith"))):
        register = ArtistRegister(())
        results = registered(register, *order)
        (question,) = [text for text in results if text.startswith("'")]
        assert "'J. Smith' may be J. Smith (" in question and question.endswith("Say who is meant.")
        undecided = [artist for artist in register.artists if artist.kind == UNDECIDED]
        assert len(undecided) == 1 and not undecided[0].payable


@pytest.mark.parametrize(
    "facts",
    [
        ({"born": "1606"}, {"born": "ca. 1607"}),
        (
            {"born": "1606", "nationality": "Dutch"},
            {"born": "1606", "nationality": "Netherlandish"},
        ),
        ({"identifiers": (("ulan", "500001"),)}, {"identifiers": (("wikidata", "Q1"),)}),
        ({}, {"born": "1606"}),
    ],
)
def test_what_does_not_contradict_is_one_person(facts: tuple[dict[str, object], ...]) -> None:
    register = ArtistRegister(())
    ids = registered(register, *(by("Hendrik van Rijnland", **each) for each in facts))
    assert ids == ["hendrik-van-rijnland"] * 2
    assert len(register.artists) == 1


def test_who_is_on_the_roll_keeps_name_place_and_status() -> None:
    known = Artist("a-b", "a-b", "A. B.", (("viaf", "7"),), OPTED_OUT)
    register = ArtistRegister((known,))
    lines = by("A B"), by("Someone Else", identifiers=(("viaf", "7"),))
    assert registered(register, *lines) == ["a-b", "a-b"]
    (artist,) = register.artists
    assert (artist.name, artist.status) == ("A. B.", OPTED_OUT)
    assert artist.written == ("A B", "Someone Else")


@pytest.mark.parametrize(("one", "other"), [("Иван I", "Пётр I"), ("葛飾北斎", "歌川広重")])
def test_names_that_latin_letters_cannot_tell_stay_two_artists(one: str, other: str) -> None:
    register = ArtistRegister(())
    first, second = registered(register, by(one), by(other))
    assert first != second


@pytest.mark.parametrize(
    ("role", "name"),
    [
        (Role.WORKSHOP, "Workshop of Hendrik van Rijnland"),
        (Role.CIRCLE, "Circle of Hendrik van Rijnland"),
        (Role.AFTER, "After Hendrik van Rijnland"),
        (Role.COPY, "Copy after Hendrik van Rijnland"),
        (Role.FORMERLY, "Formerly attributed to Hendrik van Rijnland"),
    ],
)
def test_who_worked_after_a_master_is_a_party_of_their_own(role: Role, name: str) -> None:
    register = ArtistRegister(())
    master = by("Hendrik van Rijnland", identifiers=(("wikidata", "Q9"),))
    copy = by("Hendrik van Rijnland", role=role, identifiers=(("wikidata", "Q9"),))
    first, second = registered(register, master, copy)
    assert first == "hendrik-van-rijnland" != second
    party = register.artist(second)
    assert (party.name, party.kind, party.of) == (name, "party", first)
    assert party.identifiers == () and party.payable


def test_a_master_known_only_by_a_workshop_is_not_on_the_roll() -> None:
    register = ArtistRegister(())
    registered(register, by("Anna Berg", role=Role.WORKSHOP))
    assert [artist.name for artist in register.artists] == ["Workshop of Anna Berg"]


def test_an_engraver_is_credited_and_the_painter_named() -> None:
    register = ArtistRegister(())
    painter = NamedContributor(name="Anna Berg", written="Anna Berg", role=Role.SOURCE)
    printer = NamedContributor(name="Cy Dorn", written="Cy Dorn", role=Role.PRINTER)
    line = CreditLine((painter, printer, *by("Jan Prent").contributors))
    register.credit(line)
    contributors = register.identify(line).contributors
    assert contributors == (
        Contributor("jan-prent"),
        Contributor("anna-berg", "source", 0),
        Contributor("cy-dorn", "printed by", 0),
    )


def test_a_doubt_about_the_maker_is_kept() -> None:
    (only,) = ArtistRegister(()).identify(by("Anna Berg", attributed=True)).contributors
    assert only == Contributor("anna-berg", "attributed to")


def test_nobody_is_one_account_and_a_bare_number_waits_for_its_name() -> None:
    register = ArtistRegister(())
    nobody = by("Unknown", kind=Kind.NOBODY)
    numbered = by("", kind=Kind.NOBODY, identifiers=(("wikidata", "Q5582"),))
    assert registered(register, nobody, by("n/a", kind=Kind.NOBODY)) == [UNKNOWN_MAKER] * 2
    (who,) = registered(register, numbered)
    assert who == "wikidata-q5582" and not register.artist(who).payable
    assert registered(register, by("Vincent van Gogh", identifiers=(("wikidata", "Q5582"),))) == [
        who
    ]
    assert register.artist(who).name == "Vincent van Gogh" and register.artist(who).payable


@pytest.mark.parametrize(
    ("known", "spelt", "same"),
    [
        ("Käthe Müller", "Kaethe Mueller", True),
        ("Žofie Dvořáková", "Zofie Dvořákova-Nováková", True),
        ("Anna Berg", "Carl Dorn", False),
        ("Jan Brueghel I", "Jan Brueghel II", False),
        ("Pieter Bruegel the Elder", "Pieter Bruegel the Younger", False),
    ],
)
def test_a_work_whose_artist_is_spelt_anew_stays_the_artists(
    known: str, spelt: str, same: bool
) -> None:
    register = ArtistRegister((Artist("known", "known", known),), "2026-11-26")
    line = by(spelt)
    new = register.identify(line).contributors[0].artist_id
    assert register.respell("known", line) is same
    if same:
        assert register.joined == {new: "known"}
        assert [artist.id for artist in register.artists] == ["known"]
        assert register.artist("known").written == (spelt,)
        assert register.artist("known").written_on == ("2026-11-26",)
        assert register.identify(line).contributors == (Contributor("known"),)


def test_a_spelling_that_contradicts_is_not_the_artists() -> None:
    known = Artist("known", "known", "Anna Berg", born="1850")
    register = ArtistRegister((known, Artist("anna-burg", "anna-burg", "Anna Burg")))
    assert not register.respell("known", by("Anne Berg", born="1920"))
    assert not register.respell("known", by("Anna Burg")), "somebody bears that name"


facts = st.fixed_dictionaries(
    {},
    optional={
        "born": st.sampled_from(["1600", "1700", "1800"]),
        "nationality": st.sampled_from(["Dutch", "French"]),
        "identifiers": st.sampled_from([(("ulan", "500001"),), (("ulan", "500002"),)]),
    },
)


@given(st.lists(st.tuples(st.sampled_from(["Anna Berg", "Bo Ask"]), facts), min_size=1, max_size=8))
def test_no_account_ever_holds_two_persons(rows: list[tuple[str, dict[str, object]]]) -> None:
    register = ArtistRegister(())
    lines = [by(name, **each) for name, each in rows]
    register.prepare(lines)
    by_account: dict[str, list[NamedContributor]] = {}
    for line in lines:
        identified = register.identify(line)
        register.credit(line)
        who = identified.contributors[0].artist_id
        by_account.setdefault(who, []).append(line.contributors[0])
    for who, named in by_account.items():
        if register.artist(who).kind == UNDECIDED:
            continue
        numbers = {pair for one in named for pair in one.identifiers}
        assert len(numbers) <= 1, who
        if not numbers:
            assert len({one.born for one in named if one.born}) <= 1, who
