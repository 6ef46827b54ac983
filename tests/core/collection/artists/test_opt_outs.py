"""A wish to be left out holds: by number, by any spelling, for one work; and is never lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.collection.artists.opt_outs import (
    OptOuts,
    Wish,
    checked,
    day_of,
    read_opt_outs,
    read_registry,
    save_opt_outs,
    with_wishes,
)
from core.errors import CollectionError, UsageError
from tests.core.collection.artists.test_name_comparison import DIFFERENT, PAIRS

KATHE = Wish(
    name="Käthe Müller",
    identifiers=(("wikidata", "Q77"), ("ulan", "500012345")),
    also_written=("K. M. Künstlerin",),
    source="her letter",
    date="2026-03-01",
)


@pytest.mark.parametrize(("name", "spelling"), PAIRS)
def test_no_spelling_passes(name: str, spelling: str) -> None:
    covered = OptOuts((Wish(name=name),)).of_person((spelling,))
    assert covered is not None and covered.wish.name == name


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_somebody_else_is_not_stopped(one: str, other: str) -> None:
    assert OptOuts((Wish(name=one),)).of_person((other,)) is None


@pytest.mark.parametrize(
    ("names", "identifiers", "certainty"),
    [
        (("Käthe Müller",), (), "sure"),
        (("Somebody Else",), (("wikidata", "Q77"),), "sure"),
        (("k. m. künstlerin",), (), "sure"),
        (("Kaethe Mueller",), (), "perhaps"),
        (("Käthe Müller",), (("wikidata", "Q1"),), "perhaps"),
        (("Kaethe Mueller",), (("wikidata", "Q1"),), "perhaps"),
        (("Käte Müller",), (("wikidata", "Q1"),), None),
        (("Anna Berg",), (("ulan", "500099999"),), None),
        ((), (), None),
    ],
)
def test_a_person_is_known_by_number_and_by_name(
    names: tuple[str, ...], identifiers: tuple[tuple[str, str], ...], certainty: str | None
) -> None:
    covered = OptOuts((KATHE,)).of_person(names, identifiers)
    assert (covered.certainty if covered else None) == certainty


def test_a_wish_about_one_work_leaves_the_others() -> None:
    by_title = Wish(name="Anna Berg", work="The Sea, 1910")
    by_digest = Wish(work="a" * 64)
    wishes = OptOuts((by_title, by_digest))
    assert wishes.of_person(("Anna Berg",)) is None
    assert wishes.of_work("", "The sea 1910", ("Anna Berg",)) is not None
    assert wishes.of_work("", "The Lake", ("Anna Berg",)) is None
    assert wishes.of_work("", "The Sea, 1910", ("Carl Dorn",)) is None
    assert wishes.of_work("a" * 64, "", ()) is not None
    assert wishes.of_work("", "", ("Anna Berg",)) is None


def test_wishes_are_kept_as_they_are_and_none_twice(tmp_path: Path) -> None:
    file = tmp_path / "home" / "opt_outs.csv"
    assert read_opt_outs(file) == OptOuts()
    wishes = with_wishes(OptOuts(), [KATHE, Wish(name='Anna, "A" Berg', work="x\ny")])
    save_opt_outs(file, wishes)
    assert read_opt_outs(file) == wishes
    assert with_wishes(wishes, [KATHE, *wishes.wishes]) == wishes
    again = with_wishes(wishes, [Wish(name="KAETHE MUELLER", identifiers=KATHE.identifiers)])
    assert len(again.wishes) == 2  # the same wish; the spelling is theirs from now on
    covered = again.of_person(("Kaethe Mueller",))
    assert covered is not None and covered.certainty == "sure"


def test_a_wish_about_one_work_hides_no_wish_of_its_maker() -> None:
    numbers = (("wikidata", "Q77"),)
    person, one_work = (
        Wish(name="Anna Berg", identifiers=numbers),
        Wish(name="Anna Berg", identifiers=numbers, work="The Sea"),
    )
    for wishes in ((person, one_work), (one_work, person)):
        covered = OptOuts(wishes).of_person(("Ida Ek",), numbers)
        assert covered is not None and covered.certainty == "sure"


@pytest.mark.parametrize(
    "first", [Wish(name="Kaethe Mueller"), Wish(name="Käthe Müller", identifiers=(("ulan", "1"),))]
)
def test_the_surest_of_several_wishes_counts(first: Wish) -> None:
    wishes = OptOuts((first, Wish(name="Käthe Müller")))
    covered = wishes.of_person(("Käthe Müller",), (("ulan", "2"),))
    assert covered is not None and covered.certainty == "sure"
    near = [one.certainty for one in wishes.all_of_person(("Käte Müller",))]
    assert near == ["perhaps", "perhaps"]


def test_a_wish_about_a_work_that_no_picture_could_meet_is_refused(tmp_path: Path) -> None:
    checked(Wish(name="Anna Berg", work="The Sea"))
    checked(Wish(work="A" * 64))
    assert OptOuts((Wish(work="A" * 64),)).of_work("a" * 64, "", ()) is not None
    with pytest.raises(UsageError, match="a title alone"):
        checked(Wish(work="The Sea", identifiers=(("wikidata", "Q77"),)))
    file = tmp_path / "registry.csv"
    file.write_text("name,work\nAnna Berg,The Sea\n,The Lake\n")
    with pytest.raises(UsageError, match="row 2: .*a title alone"):
        read_registry(file, "the registry")


@pytest.mark.parametrize("text", ["name\nx\n", "name,identifiers\n", "\xff", "a,b\n1\n"])
def test_a_damaged_list_is_never_passed_over(tmp_path: Path, text: str) -> None:
    file = tmp_path / "opt_outs.csv"
    file.write_bytes(text.encode("latin-1"))
    if text == "name,identifiers\n":  # no row, so nobody is forgotten
        assert read_opt_outs(file) == OptOuts()
        return
    with pytest.raises(CollectionError, match="opted out, cannot be read"):
        read_opt_outs(file)


def test_a_registry_is_taken_at_once(tmp_path: Path) -> None:
    file = tmp_path / "registry.csv"
    file.write_text(
        "name,wikidata,isni,work,sha256,date\n"
        "Käthe Müller,http://www.wikidata.org/entity/Q77,,,,2026-01-02\n"
        ",,0000 0001 2103 2683,,,\n"
        "Anna Berg,,,The Sea,,\n"
        f",,,,{'b' * 64},\n",
        encoding="utf-8",
    )
    kathe, numbered, sea, digest = read_registry(file, "the registry", "2026-02-03")
    assert (kathe.name, kathe.identifiers, kathe.date) == (
        "Käthe Müller",
        (("wikidata", "Q77"),),
        "2026-01-02",
    )
    assert numbered.identifiers[0][0] == "isni" and numbered.date == "2026-02-03"
    assert (sea.work, digest.work) == ("The Sea", "b" * 64)
    assert {one.source for one in (kathe, numbered, sea, digest)} == {"the registry"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("who\nAnna\n", "names neither persons nor works"),
        ("name,wikidata\nAnna,12\n", "row 1: '12' is not a Wikidata item"),
        ("name,date\n,2026-01-01\n", "row 1 names neither a person nor a work"),
    ],
)
def test_a_registry_that_cannot_be_taken_says_where(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "registry.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises((CollectionError, UsageError), match=words):
        read_registry(file, "")


def test_a_day_is_one_that_can_be() -> None:
    assert day_of("2026-02-03") == "2026-02-03" and len(day_of("")) == 10
    with pytest.raises(UsageError, match="There is no day '2026-02-31'"):
        day_of("2026-02-31")


def test_a_name_written_surname_first_is_surely_the_person(tmp_path: Path) -> None:
    file = tmp_path / "registry.csv"
    file.write_text('name\n"Müller, Käthe"\n', encoding="utf-8")
    covered = OptOuts(read_registry(file, "")).of_person(("Käthe Müller",))
    assert covered is not None and covered.certainty == "sure"


@pytest.mark.parametrize(
    ("name", "words"), [("Unknown", "names nobody"), ("Anna Berg; Carl Dorn", "names several")]
)
def test_a_wish_is_one_persons(name: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        checked(Wish(name=name))
