"""What is decided once holds at every import, moves works, and can be taken back to the letter."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.collection.artists.decisions import (
    DIFFERENT,
    MAKERS,
    NO_ONE,
    SAME,
    Decisions,
    decide,
    read_decisions,
    save_decisions,
    undo,
)
from core.collection.importing.credit_lines.line import CreditLine, Kind, NamedContributor, Role
from core.collection.importing.destination import no_import_beside
from core.collection.store import load_collection, save_collection
from core.collection.types import NOBODY, OPTED_OUT, PARTY, Artist, Collection, Contributor, Work
from core.errors import CollectionError, UsageError


def work(number: int, artist_id: str, *more: Contributor) -> Work:
    named = (Contributor(artist_id), *more) if more else ()
    return Work(
        f"w{number}", f"images/{number}.jpg", f"W{number}", artist_id, "s", "", "", "", "", named
    )


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    artists = (
        Artist("anna-berg", "anna-berg", "Anna Berg", (("wikidata", "Q1"),), born="1850"),
        Artist("anne-berg", "anne-berg", "Anne Berg", (("ulan", "500000001"),), OPTED_OUT),
        Artist("a-b", "a-b", "Anna Berg & Bo Ask"),
        Artist("null", "null", "NULL"),
    )
    works = (
        work(1, "anna-berg"),
        work(2, "anne-berg"),
        work(3, "a-b"),
        work(4, "null"),
        work(5, "a-b", Contributor("anna-berg")),
    )
    made = Collection(tmp_path / "c", "c", "C", "", 32, works, artists)
    made.path.mkdir()
    save_collection(made)
    return made


def opened(collection: Collection) -> Collection:
    return load_collection(collection.path, check_files=False)


def test_two_artists_become_one_and_nothing_known_of_either_is_lost(
    collection: Collection,
) -> None:
    after, _ = decide(collection, SAME, "anna-berg", "anne-berg", by="ann")
    assert opened(collection) == after
    anna = after.artist("anna-berg")
    assert anna.written == ("Anne Berg",) and len(anna.written_on[0]) == 10
    assert anna.identifiers == (("wikidata", "Q1"), ("ulan", "500000001"))
    assert (anna.born, anna.status) == ("1850", OPTED_OUT)
    assert [one.artist_id for one in after.works[:2]] == ["anna-berg"] * 2
    assert "anne-berg" not in after.artist_names


def test_a_name_is_read_as_its_makers_and_none_is_named_twice(collection: Collection) -> None:
    after, _ = decide(collection, MAKERS, "Anna Berg & Bo Ask", "Anna Berg | Bo Ask", by="ann")
    both = (Contributor("anna-berg"), Contributor("bo-ask"))
    assert after.works[2].contributors == both
    assert after.works[4].contributors == both
    assert after.works[2].artist_id == "anna-berg"
    assert after.artist("bo-ask").name == "Bo Ask" and "a-b" not in after.artist_names


def test_nobody_is_nobody(collection: Collection) -> None:
    after, _ = decide(collection, NO_ONE, "null", by="ann")
    assert after.works[3].makers == (("unknown-artist", 1),)
    assert after.unpaid == {"unknown-artist"} and "null" not in after.artist_names


@pytest.mark.parametrize(
    ("what", "subject", "answer"),
    [
        (SAME, "anna-berg", "anne-berg"),
        (MAKERS, "Anna Berg & Bo Ask", "Anna Berg | Bo Ask"),
        (NO_ONE, "NULL", ""),
        (DIFFERENT, "anna-berg", "anne-berg"),
        (MAKERS, "a-b", "Anna Berg & Bo Ask"),
    ],
)
def test_taken_back_it_is_as_it_was(
    collection: Collection, what: str, subject: str, answer: str
) -> None:
    before = opened(collection)
    _, row = decide(before, what, subject, answer, by="ann")
    after, undone = undo(opened(collection), row.number, by="bea")
    assert after.works == before.works
    assert {one for one in after.artists if one.id in before.artist_names} == set(before.artists)
    assert opened(collection) == after
    assert undone.undone.endswith("by bea")
    assert read_decisions(collection.path).standing == ()
    with pytest.raises(UsageError, match="No decision '1' stands"):
        undo(after, row.number, by="bea")


def test_what_a_later_decision_rests_on_is_taken_back_after_it(collection: Collection) -> None:
    one, _ = decide(collection, MAKERS, "a-b", "Anna Berg | Bo Ask", by="ann")
    two, _ = decide(one, SAME, "anna-berg", "bo-ask", by="ann")
    with pytest.raises(UsageError, match="Decision 2 rests on decision 1"):
        undo(two, "1", by="ann")
    undo(two, "2", by="ann")
    back, _ = undo(opened(collection), "1", by="ann")
    assert back.works == collection.works


@pytest.mark.parametrize(
    ("what", "subject", "answer", "by", "words"),
    [
        ("merge", "a", "b", "ann", "Nothing can be decided as 'merge'"),
        (SAME, "anna-berg", "", "ann", "lacks its answer"),
        (SAME, "anna-berg", "anna-berg", "ann", "is one artist already"),
        (SAME, "anna-berg", "nobody-here", "ann", "holds no artist 'nobody-here'"),
        (NO_ONE, "Not There", "", "ann", "Nobody is written 'Not There'"),
        (NO_ONE, "NULL", "", " ", "needs the name of who decides"),
        (DIFFERENT, "Anna Berg", "anna berg", "ann", "written alike"),
    ],
)
def test_what_cannot_be_decided_changes_nothing(
    collection: Collection, what: str, subject: str, answer: str, by: str, words: str
) -> None:
    with pytest.raises((UsageError, CollectionError), match=words):
        decide(collection, what, subject, answer, by=by)
    assert opened(collection) == collection and read_decisions(collection.path) == Decisions()


def test_a_name_of_two_artists_is_decided_by_id(collection: Collection) -> None:
    twin = Artist("null-2", "null-2", "NULL", born="1900")
    save_collection(replace(collection, artists=(*collection.artists, twin)))
    with pytest.raises(UsageError, match="name of several: null, null-2"):
        decide(opened(collection), NO_ONE, "NULL", by="ann")


def line(*names: str, role: Role = Role.MAKER) -> CreditLine:
    return CreditLine(tuple(NamedContributor(name=n, written=n, role=role) for n in names))


def test_decisions_hold_at_the_next_import(collection: Collection) -> None:
    one, _ = decide(collection, MAKERS, "Anna Berg & Bo Ask", "Anna Berg | Bo Ask", by="ann")
    decide(one, NO_ONE, "NULL", by="ann")
    standing = read_decisions(collection.path)
    whole = standing.applied(line("Anna Berg & Bo Ask"), "Anna Berg & Bo Ask")
    assert [each.name for each in whole.contributors] == ["Anna Berg", "Bo Ask"]
    part = standing.applied(line("Cy Dorn", "null"), "Cy Dorn; null")
    assert [each.kind for each in part.contributors] == [Kind.PERSON, Kind.NOBODY]
    after = standing.applied(
        line("Anna Berg & Bo Ask", role=Role.AFTER), "after Anna Berg & Bo Ask"
    )
    assert {each.role for each in after.contributors} == {Role.AFTER}
    assert standing.applied(line("Cy Dorn"), "Cy Dorn") == line("Cy Dorn")
    undo(opened(collection), "2", by="ann")
    again = read_decisions(collection.path).applied(line("NULL"), "NULL")
    assert again == line("NULL")


def test_a_damaged_list_is_never_passed_over(collection: Collection) -> None:
    (collection.path / "decisions.csv").write_text("what\nsame\n", encoding="utf-8")
    with pytest.raises(CollectionError, match="is damaged, so names would be read as if nobody"):
        read_decisions(collection.path)


def test_decisions_about_one_artist_are_taken_back_in_their_order(collection: Collection) -> None:
    first, _ = decide(collection, SAME, "anna-berg", "anne-berg", by="ann")
    second, _ = decide(first, SAME, "anna-berg", "a-b", by="ann")
    with pytest.raises(UsageError, match="Decision 2 rests on decision 1"):
        undo(second, "1", by="ann")
    back, _ = undo(undo(second, "2", by="ann")[0], "1", by="ann")
    assert set(back.artists) == set(collection.artists) and back.works == collection.works


def test_what_was_corrected_since_stays_when_a_decision_is_taken_back(
    collection: Collection,
) -> None:
    joined, _ = decide(collection, SAME, "anna-berg", "anne-berg", by="ann")
    works = tuple(replace(one, artist_id="null") if one.id == "w2" else one for one in joined.works)
    corrected = replace(joined, works=works)
    save_collection(corrected)
    back, _ = undo(corrected, "1", by="ann")
    assert back.work("w2").artist_id == "null"


def test_whom_a_decision_made_leaves_with_it(collection: Collection) -> None:
    split, _ = decide(collection, MAKERS, "a-b", "Ida Ek | Bo Ask", by="ann")
    assert {"ida-ek", "bo-ask"} <= set(split.artist_names)
    back, _ = undo(split, "1", by="ann")
    assert set(back.artists) == set(collection.artists)


def test_a_decision_about_thousands_of_works_can_be_read_again(collection: Collection) -> None:
    many = tuple(replace(collection.works[3], id=f"null-{n}") for n in range(6000))
    large = replace(collection, works=many)
    changed, _ = decide(large, NO_ONE, "null", by="ann")
    assert len(read_decisions(collection.path).rows) == 1
    assert undo(changed, "1", by="ann")[0].works == many


@pytest.mark.parametrize(
    ("what", "subject", "answer", "words"),
    [
        (MAKERS, "anna-berg", "|", "lacks its answer"),
        (MAKERS, "anna-berg", "Unknown", "names nobody"),
        (MAKERS, "anna-berg", "Workshop of Bo Ask", "names a party"),
        (MAKERS, "Unknown maker", "Bo Ask", "not of one maker"),
        (SAME, "anna-berg", "unknown-artist", "not a person"),
        (SAME, "unknown-artist", "anna-berg", "not a person"),
        (SAME, "anna-berg", "workshop-of-anna-berg", "never its master"),
        (SAME, "anna-berg", "old-workshop", "never its master"),
    ],
)
def test_no_decision_invents_a_person_or_pays_a_party_to_its_master(
    collection: Collection, what: str, subject: str, answer: str, words: str
) -> None:
    more = (
        Artist("unknown-artist", "unknown-artist", "Unknown maker", kind=NOBODY),
        Artist("workshop-of-anna-berg", "w", "Workshop of Anna Berg", kind=PARTY, of="anna-berg"),
        Artist("old-workshop", "old-workshop", "Workshop of Anna Berg"),
    )
    with_more = replace(collection, artists=(*collection.artists, *more))
    with pytest.raises(UsageError, match=words):
        decide(with_more, what, subject, answer, by="ann")
    assert read_decisions(collection.path).rows == ()


def test_an_answer_that_fits_two_namesakes_is_given_by_id(collection: Collection) -> None:
    second = Artist("anna-berg-1950", "anna-berg-1950", "Anna Berg", born="1950")
    twice = replace(collection, artists=(*collection.artists, second))
    with pytest.raises(UsageError, match="the name of several"):
        decide(twice, MAKERS, "null", "Anna Berg", by="ann")
    changed, _ = decide(twice, MAKERS, "null", "anna-berg-1950", by="ann")
    assert changed.work("w4").artist_id == "anna-berg-1950"


def test_the_workshop_of_a_joined_artist_goes_along(collection: Collection) -> None:
    party = Artist(
        "workshop-of-anne-berg", "w", "Workshop of Anne Berg", kind=PARTY, of="anne-berg"
    )
    with_party = replace(collection, artists=(*collection.artists, party))
    joined, _ = decide(with_party, SAME, "anna-berg", "anne-berg", by="ann")
    assert joined.artist(party.id).of == "anna-berg"
    assert undo(joined, "1", by="ann")[0].artist(party.id).of == "anne-berg"


@pytest.mark.parametrize("before", ["{bad", "[]", '{"works": {}}', '{"works": 1, "artists": []}'])
def test_what_a_decision_is_taken_back_by_is_read_with_it(
    collection: Collection, before: str
) -> None:
    _, row = decide(collection, SAME, "anna-berg", "anne-berg", by="ann")
    save_decisions(collection.path, Decisions((replace(row, before=before),)))
    with pytest.raises(CollectionError, match="is damaged"):
        read_decisions(collection.path)


def test_nothing_is_decided_while_an_import_would_write_over_it(collection: Collection) -> None:
    decided, _ = decide(collection, SAME, "anna-berg", "anne-berg", by="ann")
    with no_import_beside(collection):
        with pytest.raises(CollectionError, match="An import is filling"):
            decide(decided, NO_ONE, "null", by="ann")
        with pytest.raises(CollectionError, match="An import is filling"):
            undo(decided, "1", by="ann")
    assert opened(collection) == decided and len(read_decisions(collection.path).standing) == 1
    decide(decided, NO_ONE, "null", by="ann")


def test_a_decision_about_a_spelling_does_not_take_the_artists_other_works(
    collection: Collection,
) -> None:
    joined, _ = decide(collection, SAME, "anna-berg", "anne-berg", by="ann")
    with pytest.raises(UsageError, match="is a spelling of 'Anna Berg'"):
        decide(joined, MAKERS, "Anne Berg", "Ida Ek", by="ann")
