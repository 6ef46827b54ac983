"""Columns by the names that museums and data sets give them."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.collection.importing.columns import column_map, columns_note, columns_of, constants_of
from core.collection.importing.table import Table, TableRow
from core.errors import CollectionError, UsageError


def table(header: str, *rows: str) -> Table:
    records = tuple(TableRow(n, tuple(row.split("|"))) for n, row in enumerate(rows, start=1))
    return Table(Path("t.csv"), tuple(header.split("|")) if header else (), records)


def test_columns_are_found_by_the_names_that_museums_use() -> None:
    places = columns_of(
        table("Titel|Künstler|Artist ULAN|Image_File|forwarddisplayname", "a|b|c|d|e"), {}
    )
    assert (places["title"], places["artist"], places["ulan"], places["file"]) == (
        *([0], [4, 1]),  # the best known name first; the other where that cell is empty
        *([2], [3]),
    )
    assert places["year"] == []


def test_a_column_of_pictures_is_found_by_its_content_whatever_it_is_called() -> None:
    rows = ("style/a_b.jpg|3|A", "style/c_d.PNG|4|B")
    assert columns_of(table("", *rows), {})["file"] == [0]
    named = columns_of(table("name|label|artist", *rows), {})  # ArtBench
    assert named["file"] == [0] and named["title"] == [] and named["style"] == [1]


def test_a_column_of_web_addresses_holds_no_files_but_says_where_they_are() -> None:
    places = columns_of(table("image|title", "https://x.org/a.jpg|A", "https://x.org/b.jpg|B"), {})
    assert places["file"] == [] and places["address"] == [0]


def test_a_column_of_addresses_and_files_is_one_of_files_and_comes_last() -> None:
    rows = ("https://x.org/a.jpg|a.jpg", "https://x.org/b.jpg|b.jpg", "c.jpg|c.jpg")
    assert columns_of(table("image", *(row.split("|")[0] for row in rows)), {})["file"] == [0]
    assert columns_of(table("image|filename", *rows), {})["file"] == [1, 0]


def test_named_columns_win_over_what_the_names_suggest() -> None:
    rows = table("title|name|Work, Title|artist", "x|y|z|a")
    assert columns_of(rows, {"title": "Work, Title"})["title"] == [2]
    assert columns_of(rows, {"title": "work title"})["title"] == [2]  # spelling does not count
    assert columns_of(rows, {"title": "3"})["title"] == [2]
    places = columns_of(rows, {"artist": "title"})
    assert places["artist"] == [0] and 0 not in places["title"]  # a column says one thing


@pytest.mark.parametrize("column", ["Maker", "0", "5", "-1", "²", "9" * 5000])
def test_a_column_that_there_is_not_is_refused_with_those_there_are(column: str) -> None:
    with pytest.raises(CollectionError, match="title, artist, style"):
        columns_of(table("title|artist||style", "a|b|c|d"), {"title": column})


def test_columns_without_names_are_asked_for_by_number() -> None:
    assert columns_of(table("", "a|b"), {"title": "2"})["title"] == [1]
    with pytest.raises(CollectionError, match="1 to 2"):
        columns_of(table("", "a|b"), {"title": "3"})


def test_a_mapping_is_read_in_parts_and_a_comma_in_a_name_is_no_end() -> None:
    assert column_map(["title=Title, English,artist = Maker", "year=Date=Year"]) == {
        "title": "Title, English",
        "artist": "Maker",
        "year": "Date=Year",
    }
    assert column_map([]) == {}


@pytest.mark.parametrize("text", ["title", "title=", "=Title", "painter=Maker", "address=url", ""])
def test_a_mapping_that_maps_nothing_is_wrong_usage(text: str) -> None:
    with pytest.raises(UsageError, match="field=Column"):
        column_map([text])


def test_it_is_said_what_was_read_as_what_and_what_was_not() -> None:
    parsed = table("file|title|Maker|split|width", "a|b|c|d|e")
    (note,) = columns_note(parsed, columns_of(parsed, {}), {})
    assert "artist from 'Maker'" in note and "not read: split, width" in note
    assert "title" not in note  # called as it is meant
    plain = table("file|title|artist|style", "a|b|c|d")
    assert columns_note(plain, columns_of(plain, {}), {}) == ()


def test_cells_beyond_the_header_are_no_column() -> None:
    parsed = table("title|artist", "One|A|a.jpg", "Two|B|b.jpg")
    places = columns_of(parsed, {})
    assert places["file"] == [] and columns_note(parsed, places, {}) == ()


def test_of_very_many_columns_some_are_named_and_the_rest_counted() -> None:
    parsed = table("|".join(f"x{n}" for n in range(40)), "|".join("a" * 40))
    (note,) = columns_note(parsed, columns_of(parsed, {}), {})
    assert "x11 and 28 more" in note and "x12" not in note


def test_a_text_in_quotes_is_what_every_row_says() -> None:
    parsed = table("file|artist|school", "a.jpg|A|x")
    columns = column_map(["artist=\"Doe, Jane\",style=school, title='Study'"])
    assert constants_of(parsed, columns) == {"artist": "Doe, Jane", "title": "Study"}
    places = columns_of(parsed, columns)
    assert (places["artist"], places["style"], places["title"]) == ([], [2], [])
    (note,) = columns_note(parsed, places, constants_of(parsed, columns))
    assert "artist is 'Doe, Jane' in every row" in note and "not read: artist" in note


def test_a_column_whose_name_has_quotes_is_a_column() -> None:
    parsed = table('file|"artist"', "a.jpg|A")
    columns = column_map(['artist="artist"'])
    assert constants_of(parsed, columns) == {} and columns_of(parsed, columns)["artist"] == [1]


def test_no_file_is_every_row_s() -> None:
    with pytest.raises(UsageError, match="every row's file"):
        column_map(["file='a.png'"])
