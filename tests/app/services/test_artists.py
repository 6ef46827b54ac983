"""What a keeper and a registrar may change about names, and what they may not."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.services.artists import (
    answered,
    artists_table,
    decided,
    import_artists,
    opened_for_names,
    opt_in,
    opt_out,
    opt_outs_file,
    opted_out_ids,
    wish_of,
)
from app.settings import Settings, read_settings
from core.collection.artists.decisions import decide
from core.collection.artists.opt_outs import OptOuts, Wish, read_opt_outs, save_opt_outs
from core.collection.artists.questions import Question, save_questions
from core.collection.artists.review import proposals
from core.collection.importing.importer import NothingImported, import_collection
from core.collection.store import load_collection, save_collection
from core.collection.types import NOBODY, PARTY, Artist, Collection, Work
from core.errors import UsageError
from core.ledger.ledger import Ledger, open_ledger
from tests.core.collection.painting import paint

ARTISTS = (
    Artist("anna-berg", "anna-berg", "Anna Berg", (("wikidata", "Q1"),), born="1850"),
    Artist("t-hooft", "t-hooft", "'t Hooft"),
    Artist("unknown-artist", "unknown-artist", "Unknown maker", kind=NOBODY),
    Artist("workshop-of-anna-berg", "w", "Workshop of Anna Berg", kind=PARTY, of="anna-berg"),
)


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    works = tuple(
        Work(f"w{n}", f"{n}.jpg", f"W{n}", one.id, "Oil", "", "", "", f"{n}" * 64)
        for n, one in enumerate(ARTISTS)
    )
    made = Collection(tmp_path / "c", "c", "C", "", 32, works, ARTISTS)
    made.path.mkdir()
    save_collection(made)
    return made


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "home").mkdir()
    return read_settings(home=tmp_path / "home")


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Ledger]:
    opened = open_ledger(settings.ledger_file)
    yield opened
    opened.close()


def edited(collection: Collection, to: Path, **cells: str) -> Path:
    """The exported table with cells of Anna Berg's row changed, as a spreadsheet saves it."""
    rows = list(csv.DictReader(io.StringIO(artists_table(collection).removeprefix("\ufeff"))))
    rows[0] |= cells
    with to.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
    return to


def test_a_table_that_nobody_edited_changes_nothing(collection: Collection, tmp_path: Path) -> None:
    assert import_artists(collection, edited(collection, tmp_path / "a.csv")) == ()
    changes = import_artists(collection, edited(collection, tmp_path / "a.csv", born="1850.0"))
    assert changes == ()


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"name": "Unknown"}, "names nobody"),
        ({"name": "NULL"}, "names nobody"),
        ({"name": "Anna Berg; Carl Dorn"}, "may name several"),
        ({"name": "Workshop of Carl Dorn"}, "names a party"),
        ({"name": "#NAME?"}, "a spreadsheet's error"),
        ({"name": '=HYPERLINK("x")'}, "a formula"),
        ({"status": "opted-out"}, "`artists opt-out`"),
        ({"kind": "nobody"}, "`artists decide`"),
        ({"born": "banana"}, "not a year"),
        ({"isni": "1.21E+15"}, r"is not an ISNI \([^)]*\)\. Correct"),
        ({"id": "unknown-artist", "name": "Carl Dorn"}, "not a person"),
        ({"id": "t-hooft"}, "stands in row 1 too"),
    ],
)
def test_a_table_invents_nobody_and_passes_nothing_over(
    collection: Collection, tmp_path: Path, cells: dict[str, str], words: str
) -> None:
    before = (collection.path / "artists.csv").read_bytes()
    with pytest.raises(UsageError, match=f"Nothing was changed.*{words}"):
        import_artists(collection, edited(collection, tmp_path / "a.csv", **cells))
    assert (collection.path / "artists.csv").read_bytes() == before


def test_a_row_without_its_id_is_named(collection: Collection, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("name;id\nAnna Berg\n")
    with pytest.raises(UsageError, match="row 1: there is no artist"):
        import_artists(collection, tmp_path / "a.csv")


def test_every_wish_can_be_taken_back(
    collection: Collection, settings: Settings, ledger: Ledger
) -> None:
    digest = hashlib.sha256(b"x").hexdigest()
    wishes = [
        Wish(name="Anna Berg", identifiers=(("wikidata", "Q1"),)),
        Wish(name="Anna Berg", identifiers=(("wikidata", "Q2"),)),
        Wish(identifiers=(("ulan", "500000009"),)),
        Wish(name="Ida Ek", work="The Sea"),
        Wish(work=digest),
    ]
    opt_out(settings, collection, ledger, wishes, actor="ann")
    for text, count in (("Anna Berg", 2), ("500000009", 1), ("The Sea", 1), (digest, 1)):
        result = opt_in(settings, collection, ledger, text, actor="ann", reason="asked")
        assert result.wishes == -count
    assert read_opt_outs(opt_outs_file(settings)) == OptOuts()
    assert ledger.opted_out() == frozenset()


def test_a_wish_that_holds_nothing_is_not_kept() -> None:
    with pytest.raises(UsageError, match="a title alone"):
        wish_of("", {"wikidata": "Q1"}, "The Sea", "", "")
    assert wish_of("Anna Berg", {}, "The Sea", "", "").work == "The Sea"


def test_works_of_somebody_who_opted_out_are_not_given_to_others(
    collection: Collection, settings: Settings
) -> None:
    save_opt_outs(opt_outs_file(settings), OptOuts((Wish(name="Anna Berg"),)))
    with pytest.raises(UsageError, match="opted out"):
        decided(settings, collection, "makers", "anna-berg", "Ida Ek", by="ann")
    assert load_collection(collection.path, check_files=False) == collection
    decided(settings, collection, "nobody", "t-hooft", "", by="ann")


def test_an_answer_about_a_wish_goes_to_the_very_wish(
    collection: Collection, settings: Settings
) -> None:
    file = opt_outs_file(settings)
    save_opt_outs(file, OptOuts((Wish(name="Kaethe Mueller"), Wish(name="Käthe Müller"))))
    question = Question.of_wish("Kathi Müller", "Käthe Müller", "?")
    save_questions(collection.path, [question])
    key = next(one.key for one in proposals(collection) if one.what == "opt-out")
    answered(settings, collection, key, 1, by="ann")
    first, second = read_opt_outs(file).wishes
    assert (first.also_written, second.also_written) == ((), ("Kathi Müller",))


def test_a_question_can_be_answered_before_the_first_work(tmp_path: Path) -> None:
    paint(tmp_path / "s" / "1.png", 1)
    source = tmp_path / "s" / "works.csv"
    source.write_text("file,title,artist,style\n1.png,W,Anna Bergh,Oil\n")
    wishes = OptOuts((Wish(name="Anna Berg"),))
    with pytest.raises(NothingImported, match="may be Anna Berg"):
        import_collection(source, tmp_path / "c", size=32, opt_outs=wishes)
    waiting = opened_for_names(tmp_path / "c")
    (proposal,) = proposals(waiting)
    decide(waiting, "different", proposal.subject, "Anna Berg", by="ann")
    assert import_collection(source, tmp_path / "c", size=32, opt_outs=wishes).imported == 1


def test_a_collection_from_before_names_were_read_is_not_changed_by_looking(
    tmp_path: Path,
) -> None:
    names = ("NULL", "Anna Berg, Carl Dorn", "Anna Berg", "Workshop of Anna Berg")
    artists = tuple(Artist(f"a{n}", f"a{n}", name) for n, name in enumerate(names))
    works = tuple(
        Work(f"w{n}", f"{n}.jpg", f"W{n}", one.id, "Oil", "", "", "", f"{n}" * 64)
        for n, one in enumerate(artists)
    )
    (tmp_path / "c").mkdir()
    save_collection(Collection(tmp_path / "c", "c", "C", "", 32, works, artists))
    before = {path.name: path.read_bytes() for path in (tmp_path / "c").iterdir()}
    asked_about = proposals(load_collection(tmp_path / "c", check_files=False))
    assert {path.name: path.read_bytes() for path in (tmp_path / "c").iterdir()} == before
    # neither who is perhaps several nor a workshop is offered as one with the master
    assert [(one.what, one.subject) for one in asked_about] == [
        ("reading", "a0"),
        ("reading", "a1"),
    ]


def test_a_number_of_either_of_two_who_were_joined_is_theirs(
    collection: Collection, settings: Settings, ledger: Ledger, tmp_path: Path
) -> None:
    other = Artist("anne-berg", "anne-berg", "Anne Berg", (("wikidata", "Q2"),))
    work = replace(collection.works[0], id="w9", artist_id="anne-berg", sha256="9" * 64)
    two = replace(collection, artists=(*collection.artists, other), works=(*collection.works, work))
    joined, _ = decide(two, "same", "anna-berg", "anne-berg", by="ann")
    assert import_artists(joined, edited(joined, tmp_path / "a.csv", born="1851")) != ()
    saved = load_collection(joined.path, check_files=False)
    assert saved.artist("anna-berg").identifiers == (("wikidata", "Q1"), ("wikidata", "Q2"))
    wish = Wish(identifiers=(("wikidata", "Q2"),))
    result = opt_out(settings, saved, ledger, [wish], actor="ann")
    assert [one.id for one in result.artists] == ["anna-berg"]


def test_who_is_near_to_a_wish_is_asked_about_until_somebody_answers(
    collection: Collection, settings: Settings, ledger: Ledger, tmp_path: Path
) -> None:
    opt_out(settings, collection, ledger, [Wish(name="Anne Berg")], actor="ann")
    paint(tmp_path / "s" / "1.png", 1)
    source = tmp_path / "s" / "works.csv"
    source.write_text("file,title,artist,style\n1.png,W,Ida Ek,Oil\n")
    import_collection(source, collection.path, size=32)
    now = load_collection(collection.path, check_files=False)
    proposal = next(one for one in proposals(now) if one.subject == "Anna Berg")
    assert (proposal.what, proposal.works) == ("opt-out", ("w0",))
    opt_in(settings, now, ledger, "Anne Berg", actor="ann", reason="a mistake")
    assert not [one for one in proposals(now) if one.what == "opt-out"]
    opt_out(settings, now, ledger, [Wish(name="Anne Berg")], actor="ann")
    answered(settings, now, proposal.key, 1, by="ann")
    assert not [one for one in proposals(now) if one.subject == "Anna Berg"]
    assert opted_out_ids(now, read_opt_outs(opt_outs_file(settings))) == {"anna-berg"}
