"""The rows of a table become pictures with what is said of them, or refusals with their reason."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from core.collection.importing.containers import Folder
from core.collection.importing.manifest import read_manifest
from core.collection.importing.rows import UNKNOWN_ARTIST, UNTITLED, Candidate, Reading, Refusal
from core.collection.importing.table import read_table
from core.errors import CollectionError


def read(
    root: Path,
    text: str,
    *files: str,
    name: str = "t.csv",
    columns: Mapping[str, str] | None = None,
) -> Reading:
    root.mkdir(exist_ok=True)
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(b"x")
    (root / name).write_text(text, encoding="utf-8")
    return read_manifest(read_table(root / name), Folder(root), columns)


def only(reading: Reading) -> Candidate:
    (row,) = reading.rows
    assert isinstance(row, Candidate), row
    return row


def test_what_the_cells_say_is_said(tmp_path: Path) -> None:
    text = (
        "file,title,artist,style,year,licence,source,wikidata,ulan\n"
        "a.png,One,Anna Ek,Art_Nouveau,1900,True,https://x.org/1,Q5582,none\n"
    )
    row = only(read(tmp_path, text, "a.png"))
    assert (row.title, row.artist, row.style, row.year) == ("One", "Anna Ek", "Art Nouveau", "1900")
    assert (row.licence, row.source) == ("Public domain", "https://x.org/1")
    assert row.doubts == ()
    # as written: whether a number is one, the reader of credit lines says
    assert row.credit_cells.identifiers == (("wikidata", "Q5582"), ("ulan", "none"))


def test_cells_that_say_nothing_have_names_of_their_own(tmp_path: Path) -> None:
    row = only(read(tmp_path, "file,title,artist,style,year\na.png,,,s,n.d.\n", "a.png"))
    assert (row.title, row.artist, row.year) == (UNTITLED, UNKNOWN_ARTIST, "")


def test_what_cannot_be_taken_as_written_is_a_doubt_and_no_refusal(tmp_path: Path) -> None:
    text = "file,artist,style,year,isni\na.png,A,s,the spring,1234\n"
    row = only(read(tmp_path, text, "a.png"))
    assert row.year == "the spring"
    assert len(row.doubts) == 1 and "cannot be read as a year" in row.doubts[0]


def test_formulas_and_markup_are_text(tmp_path: Path) -> None:
    text = 'file,title,artist,style\na.png,"=HYPERLINK(""http://x"",1)",<b>A</b>,s\n'
    row = only(read(tmp_path, text, "a.png"))
    assert (row.title, row.artist) == ('=HYPERLINK("http://x",1)', "<b>A</b>")


def test_wikiart_s_lists_tell_by_their_paths_and_class_file(tmp_path: Path) -> None:
    (tmp_path / "style_class.txt").write_text("0 Realism\n3 Art_Nouveau\n")
    text = "Art_Nouveau_Modern/koloman-moser_a-girl-1897.jpg,3\nRealism/a-b_c.jpg,0\n"
    files = ("Art_Nouveau_Modern/koloman-moser_a-girl-1897.jpg", "Realism/a-b_c.jpg")
    reading = read(tmp_path, text, *files, name="style_train.csv")
    first = reading.rows[0]
    assert isinstance(first, Candidate)
    assert (first.style, first.artist, first.title, first.year) == (
        *("Art Nouveau", "Koloman Moser"),
        *("A girl", "1897"),
    )


def test_artbench_s_slugs_are_names_and_titles_lose_the_artist(tmp_path: Path) -> None:
    text = (
        "name,artist,url,is_public_domain,label,split\n"
        "hiroshige_rabbits-under-moon-1850.jpg,hiroshige,https://w.org/r,True,ukiyo_e,test\n"
        "frans-snyders_cook.jpg,frans-snyders,https://w.org/c,False,baroque,train\n"
    )
    files = (
        "test/ukiyo_e/hiroshige_rabbits-under-moon-1850.jpg",
        "train/baroque/frans-snyders_cook.jpg",
    )
    reading = read(tmp_path, text, *files)
    assert [
        (one.artist, one.title, one.year, one.style, one.licence)
        for one in reading.rows
        if isinstance(one, Candidate)
    ] == [
        ("Hiroshige", "Rabbits under moon", "1850", "ukiyo e", "Public domain"),
        ("Frans Snyders", "Cook", "", "baroque", "Not in the public domain"),
    ]
    assert "not read: split" in reading.notes[0]


def test_names_in_small_letters_stay_where_they_are_no_slugs(tmp_path: Path) -> None:
    row = only(
        read(tmp_path, "file,artist,style\nkaws_companion.png,kaws,s\n", "kaws_companion.png")
    )
    assert row.artist == "kaws" and row.title == "Companion"
    other = only(read(tmp_path, "file,artist,style\nin_progress.png,Anna,s\n", "in_progress.png"))
    assert other.title == "In progress"  # the name's beginning is no artist's


REFUSED = {
    ",A,s,": "names no file",
    "gone.png,A,s,": "no such file",
    "a.png,A,,": "names no style",
    "https://x.org/a.png,A,s,": "web address",
    "../t.png,A,s,": "outside",
    "a.png,A,s,,surplus": "more cells than the header",
    "a.png,A": "names no style",
}


def test_every_refused_row_says_why(tmp_path: Path) -> None:
    text = "\n".join(("file,artist,style,year", "a.png,A,s,", *REFUSED)) + "\n"
    reading = read(tmp_path / "in", text, "a.png")
    refused = [one for one in reading.rows if isinstance(one, Refusal)]
    assert len(reading.rows) == 1 + len(REFUSED)
    for one, words in zip(refused, REFUSED.values(), strict=True):
        assert words in one.reason


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("title,artist\nOne,A\n", "no column of picture files"),
        ("title,image_url\nOne,https://x.org/a.png\n", "only by a web address"),
        ("title,image\nOne,https://x.org/a.png\n", "only by a web address"),
        ("title,image_url\nOne,\n", "neither as a file nor by a web address"),
        ("Abruzzese,Abruzzo\n", "no column of picture files"),
    ],
)
def test_a_table_without_pictures_says_of_every_row_why(
    tmp_path: Path, text: str, words: str
) -> None:
    (row,) = read(tmp_path, text).rows
    assert isinstance(row, Refusal) and words in row.reason


def test_a_file_is_taken_though_other_rows_have_addresses(tmp_path: Path) -> None:
    text = "image,file,artist,style\nhttps://x.org/a,,A,s\nhttps://x.org/b,b.png,A,s\na.png,,A,s\n"
    first, *others = read(tmp_path, text, "a.png", "b.png").rows
    assert isinstance(first, Refusal) and "web address" in first.reason
    assert [one.picture for one in others if isinstance(one, Candidate)] == [
        tmp_path / "b.png",
        tmp_path / "a.png",
    ]


def test_a_table_of_pictures_without_a_needed_column_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match="lacks the column artist"):
        read(tmp_path, "file,title,style\na.png,T,s\n", "a.png")
    columns = {"artist": "title"}
    assert (
        only(read(tmp_path, "file,title,style\na.png,T,s\n", "a.png", columns=columns)).artist
        == "T"
    )


def test_what_the_table_does_not_say_may_be_said_of_all_rows(tmp_path: Path) -> None:
    text = "file,artist\na.png,Anna Ek\n"
    with pytest.raises(CollectionError, match="in quotes"):
        read(tmp_path, text, "a.png")
    row = only(read(tmp_path, text, columns={"style": '"Photograph"'}))
    assert (row.style, row.artist) == ("Photograph", "Anna Ek")
    row = only(read(tmp_path, "file,style\na.png,s\n", columns={"artist": "'de la Tour'"}))
    assert (row.style, row.artist) == ("s", "de la Tour")
