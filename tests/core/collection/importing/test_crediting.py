"""To whom an import owes each work: from the table to the collection, and after a wish."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import pytest

from core.collection.artists.decisions import decide, undo
from core.collection.artists.opt_outs import OptOuts, Wish
from core.collection.artists.questions import read_questions
from core.collection.artists.review import proposals
from core.collection.importing.importer import ImportReport, NothingImported, import_collection
from core.collection.store import load_collection
from core.collection.types import Collection, Contributor
from tests.core.collection.artists.test_name_comparison import PAIRS
from tests.core.collection.painting import paint

HEAD = ("file", "title", "artist", "style")


def table(folder: Path, *rows: Sequence[str], head: Sequence[str] = HEAD, first: int = 0) -> Path:
    """A table with a picture per row; pictures are numbered from `first`."""
    for number in range(len(rows)):
        if not (folder / f"{first + number}.png").exists():
            paint(folder / f"{first + number}.png", first + number)
    with (folder / "works.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(head)
        for number, row in enumerate(rows):
            writer.writerow((f"{first + number}.png", *row))
    return folder / "works.csv"


def by(*names: str) -> list[tuple[str, str, str]]:
    return [(f"W{number}", name, "Oil") for number, name in enumerate(names)]


def imported(source: Path, to: Path, *wishes: Wish) -> ImportReport:
    return import_collection(source, to, size=32, opt_outs=OptOuts(wishes))


def made(collection: Collection) -> list[str]:
    return [collection.credit_line(work) for work in collection.works]


def test_two_makers_are_two_and_a_table_that_says_so_again_changes_nothing(tmp_path: Path) -> None:
    source = table(tmp_path / "s", *by("Anna Berg", "Carl Dorn", "Anna Berg; Carl Dorn"))
    report = imported(source, tmp_path / "c")
    assert made(report.collection) == ["Anna Berg", "Carl Dorn", "Anna Berg and Carl Dorn"]
    third = report.collection.works[2]
    assert third.contributors == (Contributor("anna-berg"), Contributor("carl-dorn"))
    assert third.makers == (("anna-berg", 1), ("carl-dorn", 1))
    assert load_collection(tmp_path / "c") == report.collection
    again = imported(source, tmp_path / "c")
    assert again.unchanged == 3 and again.collection == report.collection


def test_workshops_copies_and_prints_pay_no_master(tmp_path: Path) -> None:
    head = (
        "file",
        "title",
        "Artist Prefix",
        "Artist Display Name",
        "Artist Role",
        "Wikidata",
        "style",
    )
    rows = [
        ("Own", "", "Anna Berg", "Artist", "Q77", "Oil"),
        ("Copy", "Copy after", "Anna Berg", "Artist", "Q77", "Oil"),
        ("Shop", "Workshop of", "Anna Berg", "Artist", "Q77", "Oil"),
        ("Doubt", "Attributed to", "Anna Berg", "Artist", "Q77", "Oil"),
        ("Print", "|After", "Jan Prent|Anna Berg", "Engraver|Artist", "Q78|Q77", "Oil"),
    ]
    collection = imported(table(tmp_path / "s", *rows, head=head), tmp_path / "c").collection
    assert made(collection) == [
        "Anna Berg",
        "Copy after Anna Berg",
        "Workshop of Anna Berg",
        "attributed to Anna Berg",
        "Jan Prent",
    ]
    paid = [{who for who, _ in work.makers} for work in collection.works]
    assert [("anna-berg" in each) for each in paid] == [True, False, False, True, False]
    anna = collection.artist("anna-berg")
    assert anna.identifiers == (("wikidata", "Q77"),)
    source = collection.works[4].contributors[1]
    assert (source.artist_id, source.weight) == ("anna-berg", 0)


@pytest.mark.parametrize(
    "name",
    ["", "Unknown", "NULL", "n/a", "Anonymous", "Various artists", "Künstler unbekannt", "不詳"],
)
def test_nobody_is_one_account_that_is_never_paid(tmp_path: Path, name: str) -> None:
    report = imported(table(tmp_path / "s", *by("Anna Berg", name)), tmp_path / "c")
    assert made(report.collection) == ["Anna Berg", "Unknown maker"]
    assert report.collection.unpaid == {"unknown-artist"}
    assert any("1 work names no maker" in note for note in report.notes)


def test_namesakes_stay_two_and_a_name_that_fits_both_is_asked_about(tmp_path: Path) -> None:
    head = ("file", "title", "artist", "style", "born")
    rows = [
        ("A", "Anna Berg", "Oil", ""),
        ("B", "Anna Berg", "Oil", "1750"),
        ("C", "Anna Berg", "Oil", "1820"),
    ]
    report = imported(table(tmp_path / "s", *rows, head=head), tmp_path / "c")
    assert len({work.artist_id for work in report.collection.works}) == 3
    (question,) = report.questions
    assert question.subject == "Anna Berg" and question.rows == ("1: 0.png",)
    assert "1750" in question.words and "1820" in question.words
    first = report.collection.artist(report.collection.works[0].artist_id)
    assert not first.payable and first.name == "Anna Berg"
    assert read_questions(tmp_path / "c") == report.questions


@pytest.mark.parametrize("spelling", [pair[1] for pair in PAIRS if pair[0] == "Käthe Müller"])
def test_no_spelling_brings_back_who_opted_out(tmp_path: Path, spelling: str) -> None:
    kathe = Wish(name="Käthe Müller", source="letter", date="2026-03-01")
    source = table(tmp_path / "s", *by("Carl Dorn", spelling))
    report = imported(source, tmp_path / "c", kathe)
    assert made(report.collection) == ["Carl Dorn"]
    (refusal,) = report.refused
    assert "Käthe Müller opted out on 2026-03-01 (letter)" in refusal.reason
    if report.questions:
        (question,) = proposals(report.collection)
        assert question.rows == ("2: 1.png",) and question.choices[0].what == "same"


def test_a_near_name_that_is_somebody_else_is_taken_once_that_is_decided(tmp_path: Path) -> None:
    wish = Wish(name="Käthe Müller")
    source = table(tmp_path / "s", *by("Carl Dorn", "Käte Müller"))
    report = imported(source, tmp_path / "c", wish)
    decide(report.collection, "different", "Käte Müller", "Käthe Müller", by="ann")
    again = imported(source, tmp_path / "c", wish)
    assert made(again.collection) == ["Carl Dorn", "Käte Müller"]
    assert read_questions(tmp_path / "c") == () == again.questions
    undo(again.collection, "1", by="ann")
    third = imported(table(tmp_path / "s", *by("Käte Müller"), first=7), tmp_path / "c", wish)
    assert "may be Käthe Müller" in third.refused[0].reason


@pytest.mark.parametrize("renamed", ["Kaethe Mueller", "Somebody Else", "Unknown", "Anna; Bo Ask"])
def test_a_work_never_leaves_who_opted_out(tmp_path: Path, renamed: str) -> None:
    before = imported(table(tmp_path / "s", *by("Käthe Müller", "Carl Dorn")), tmp_path / "c")
    source = table(tmp_path / "s", *by(renamed, "Carl Dorn"))
    after = imported(source, tmp_path / "c", Wish(name="Käthe Müller"))
    assert after.collection.works[0].makers == before.collection.works[0].makers
    assert [artist.id for artist in after.collection.artists] == ["kathe-muller", "carl-dorn"]
    if renamed != "Unknown":  # a table that says nothing names nobody
        assert any("opted out: it stays theirs" in remark.reason for remark in after.remarks)


@pytest.mark.parametrize(
    ("opted_out", "name", "taken"),
    [
        ("Anna Berg", "After Anna Berg", True),
        ("Anna Berg", "Workshop of Anna Berg", True),
        ("Workshop of Anna Berg", "Workshop of Anna Berg", False),
        ("Anna Berg", "Attributed to Anna Berg", False),
    ],
)
def test_a_wish_is_its_own_partys(tmp_path: Path, opted_out: str, name: str, taken: bool) -> None:
    source = table(tmp_path / "s", *by("Carl Dorn", name))
    report = imported(source, tmp_path / "c", Wish(name=opted_out))
    assert len(report.collection.works) == 1 + taken


def test_one_work_is_left_out_and_the_artists_others_are_not(tmp_path: Path) -> None:
    wish = Wish(name="Anna Berg", work="W1")
    report = imported(table(tmp_path / "s", *by("Anna Berg", "Anna Berg")), tmp_path / "c", wish)
    assert [work.title for work in report.collection.works] == ["W0"]
    assert "opted out" in report.refused[0].reason and "of this work" in report.refused[0].reason


def test_a_new_spelling_keeps_the_artist(tmp_path: Path) -> None:
    imported(table(tmp_path / "s", *by("Žofie Dvořáková", "Carl Dorn")), tmp_path / "c")
    more = by("Zofie Dworzakowa", "Carl Dorn", "Zofie Dworzakowa")
    report = imported(table(tmp_path / "s", *more), tmp_path / "c")
    assert [work.artist_id for work in report.collection.works] == [
        "zofie-dvorakova",
        "carl-dorn",
        "zofie-dvorakova",
    ]
    artist = report.collection.artist("zofie-dvorakova")
    assert artist.written == ("Zofie Dworzakowa",) and len(artist.written_on) == 1
    assert load_collection(tmp_path / "c") == report.collection


def test_a_new_attribution_is_followed(tmp_path: Path) -> None:
    imported(table(tmp_path / "s", *by("Anna Berg", "Carl Dorn")), tmp_path / "c")
    report = imported(table(tmp_path / "s", *by("Eva Falk", "Carl Dorn")), tmp_path / "c")
    assert made(report.collection) == ["Eva Falk", "Carl Dorn"]


def test_what_was_decided_holds_at_the_next_import(tmp_path: Path) -> None:
    first = imported(table(tmp_path / "s", *by("Zorn Quist & Vlk", "Carl Dorn")), tmp_path / "c")
    who = first.collection.artist(first.collection.works[0].artist_id)
    decide(first.collection, "makers", who.name, "Zorn Quist | Ota Vlk", by="ann")
    again = by("Zorn Quist & Vlk", "Carl Dorn", "Zorn Quist & Vlk")
    report = imported(table(tmp_path / "s", *again), tmp_path / "c")
    assert made(report.collection) == [
        "Zorn Quist and Ota Vlk",
        "Carl Dorn",
        "Zorn Quist and Ota Vlk",
    ]


def test_a_table_of_nobody_but_who_opted_out_imports_nothing(tmp_path: Path) -> None:
    source = table(tmp_path / "s", *by("Anna Berg"))
    with pytest.raises(NothingImported, match="Anna Berg opted out"):
        imported(source, tmp_path / "c", Wish(name="Anna Berg"))
    assert not (tmp_path / "c" / "works.csv").exists()


def test_one_nation_is_one_in_every_language(tmp_path: Path) -> None:
    nations = ("Dutch", "Niederländer", "néerlandaise", "Nederland", "The Netherlands", "olandese")
    rows = [(f"W{n}", "Anna Berg", "Oil", nation) for n, nation in enumerate(nations)]
    source = table(tmp_path / "s", *rows, head=(*HEAD, "nationality"))
    assert [one.id for one in imported(source, tmp_path / "c").collection.artists] == ["anna-berg"]
    more = table(
        tmp_path / "s", ("W9", "Anna Berg", "Oil", "belge"), head=(*HEAD, "nationality"), first=9
    )
    assert len(imported(more, tmp_path / "c").collection.artists) == 2


def test_two_who_were_joined_stay_one_whatever_told_them_apart(tmp_path: Path) -> None:
    head = (*HEAD, "wikidata", "born")
    source = table(
        tmp_path / "s",
        ("W0", "Anna Berg", "Oil", "Q1", "1850"),
        ("W1", "Anne Berg", "Oil", "Q2", "1900"),
        head=head,
    )
    collection = imported(source, tmp_path / "c").collection
    decide(collection, "same", "anna-berg", "anne-berg", by="ann")
    more = table(
        tmp_path / "s",
        ("W5", "Anne Berg", "Oil", "Q2", ""),
        ("W6", "Anne Berg", "Oil", "", "1900"),
        head=head,
        first=5,
    )
    after = imported(more, tmp_path / "c").collection
    assert [work.artist_id for work in after.works] == ["anna-berg"] * 4
    third = table(tmp_path / "s", ("W7", "Anne Berg", "Oil", "Q3", "1700"), head=head, first=7)
    assert imported(third, tmp_path / "c").collection.works[-1].artist_id != "anna-berg"


def test_works_that_came_by_a_decision_are_read_again_after_it_is_taken_back(
    tmp_path: Path,
) -> None:
    source = table(tmp_path / "s", *by("Anna Berg", "Anne Berg"))
    collection = imported(source, tmp_path / "c").collection
    decide(collection, "same", "anna-berg", "anne-berg", by="ann")
    source = table(tmp_path / "s", *by("Anna Berg", "Anne Berg", "Anne Berg"))
    assert made(imported(source, tmp_path / "c").collection) == ["Anna Berg"] * 3
    undo(load_collection(tmp_path / "c", check_files=False), "1", by="ann")
    after = imported(source, tmp_path / "c")
    assert made(after.collection) == ["Anna Berg", "Anne Berg", "Anne Berg"]
    assert (after.updated, after.unchanged) == (1, 2)


def test_a_name_that_fits_two_namesakes_is_answered_with_one_of_them(tmp_path: Path) -> None:
    head = (*HEAD, "born")
    rows = [("W0", "Anna Berg", "Oil", "1850"), ("W1", "Anna Berg", "Oil", "1950")]
    source = table(tmp_path / "s", *rows, ("W2", "Anna Berg", "Oil", ""), head=head)
    collection = imported(source, tmp_path / "c").collection
    (proposal,) = proposals(collection)
    answers = [one.answer for one in proposal.choices]
    assert answers == ["anna-berg", "anna-berg-1950", ""]
    decide(collection, "makers", proposal.subject, "anna-berg-1950", by="ann")
    more = [("W3", "Anna Berg", "Oil", ""), ("W4", "Anna Berg", "Oil", "1850")]
    source = table(tmp_path / "s", *rows, ("W2", "Anna Berg", "Oil", ""), *more, head=head)
    after = imported(source, tmp_path / "c")
    ids = [work.artist_id for work in after.collection.works]
    # who is told apart by the row itself needs no answer
    assert ids == ["anna-berg", "anna-berg-1950", "anna-berg-1950", "anna-berg-1950", "anna-berg"]
    assert not after.questions


def test_an_answer_about_a_part_leaves_nobody_out(tmp_path: Path) -> None:
    source = table(tmp_path / "s", *by("Komar, Melamid; Anna Berg"))
    (question,) = imported(source, tmp_path / "c").questions
    assert question.readings == (
        ("Melamid Komar", "Anna Berg"),
        ("Komar", "Melamid", "Anna Berg"),
    )


def test_a_semicolon_makes_two_of_what_was_decided_with_a_comma(tmp_path: Path) -> None:
    source = table(tmp_path / "s", *by("Komar, Melamid"))
    collection = imported(source, tmp_path / "c").collection
    decide(collection, "makers", "Komar, Melamid", "Melamid Komar", by="ann")
    source = table(tmp_path / "s", *by("Komar; Melamid", "KOMAR,  Melamid"))
    after = imported(source, tmp_path / "c").collection
    assert made(after) == ["Komar and Melamid", "Melamid Komar"]


def test_a_decision_takes_no_wish_away(tmp_path: Path) -> None:
    source = table(tmp_path / "s", *by("Anna Berg"))
    collection = imported(source, tmp_path / "c").collection
    decide(collection, "makers", "Anna Berg", "Ida Ek", by="ann")
    more = table(tmp_path / "s", *by("Anna Berg"), first=5)
    report = imported(more, tmp_path / "c", Wish(name="Anna Berg"))
    assert report.imported == 0 and "opted out" in report.refused[0].reason


def test_somebody_else_than_one_may_still_be_the_other_who_said_no(tmp_path: Path) -> None:
    imported(table(tmp_path / "s", *by("Carl Dorn")), tmp_path / "c")
    wishes = Wish(name="Käthe Müller"), Wish(name="Käte Müller")
    more = table(tmp_path / "s", *by("Kathi Müller"), first=5)
    collection = imported(more, tmp_path / "c", *wishes).collection
    decide(collection, "different", "Kathi Müller", "Käthe Müller", by="ann")
    report = imported(more, tmp_path / "c", *wishes)
    assert [one.other for one in report.questions] == ["Käte Müller"] and not report.imported
