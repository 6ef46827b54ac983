"""Tables as spreadsheets, museums and data sets write them; every line is a record or refused."""

from __future__ import annotations

import codecs
import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.collection.importing.rows import Refusal
from core.collection.importing.table import Table, TableRow, decoded, read_table
from core.errors import CollectionError, UsageError


def table(tmp_path: Path, text: str, name: str = "t.csv") -> Table:
    path = tmp_path / name
    path.write_bytes(text.encode("utf-8"))
    return read_table(path)


def cells(parsed: Table) -> list[tuple[str, ...]]:
    return [one.cells for one in parsed.records if isinstance(one, TableRow)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends_are_recognised(tmp_path: Path, delimiter: str, ends: str) -> None:
    rows = [("file", "title"), ("a.png", "One"), ("b.png", 'He said "no"; twice, or more')]
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=delimiter, lineterminator=ends).writerows(rows)
    parsed = table(tmp_path, buffer.getvalue())
    assert parsed.header == rows[0] and cells(parsed) == rows[1:]


def test_excel_may_name_the_delimiter_itself(tmp_path: Path) -> None:
    parsed = table(tmp_path, "sep=;\r\nfile;title\r\na.png;One, two\r\n")
    assert parsed.header == ("file", "title") and cells(parsed) == [("a.png", "One, two")]


def test_records_are_numbered_and_empty_lines_count_but_are_none(tmp_path: Path) -> None:
    parsed = table(tmp_path, '\nfile,title\na.png,"one\nline more"\n\n,\nb.png,Two\n')
    assert [(one.number, one.cells[0]) for one in parsed.records if isinstance(one, TableRow)] == [
        (1, "a.png"),
        (4, "b.png"),
    ]


@pytest.mark.parametrize(
    ("first", "headed"),
    [
        ("file,title", True),
        ("Inventory,Künstler", True),  # one known name is enough
        ("inventory_no,sort_name", True),  # words as programs name columns
        ("style/a_b.jpg,4", False),  # a picture: WikiArt's lists
        ("12,Dürer", False),
        ("Aalborgenser,Aalborg", False),  # two words like all the others
    ],
)
def test_a_header_is_told_from_a_row(tmp_path: Path, first: str, headed: bool) -> None:
    parsed = table(tmp_path, f"{first}\nAbruzzese,Abruzzo\nAcadienne,Acadie\n")
    assert bool(parsed.header) is headed
    assert len(parsed.records) == 3 - headed
    assert any("no header" in note for note in parsed.notes) is not headed


def test_words_over_numbers_are_a_header(tmp_path: Path) -> None:
    assert table(tmp_path, "Big Order,Size\n4,5\n6,7\n").header == ("Big Order", "Size")


def test_a_header_without_rows_is_said(tmp_path: Path) -> None:
    parsed = table(tmp_path, "file,title,artist,style\n")
    assert parsed.records == () and "nothing to import" in parsed.notes[0]


def test_a_table_cut_inside_quotes_names_the_line_and_keeps_what_is_before(tmp_path: Path) -> None:
    parsed = table(tmp_path, 'file,title\na.png,One\nb.png,"Two\nthree\n')
    assert cells(parsed) == [("a.png", "One")]
    (bad,) = (one for one in parsed.records if isinstance(one, Refusal))
    assert "Line 3" in bad.reason and "Lines 3 to 4 were not read" in bad.reason


def test_a_malformed_line_costs_itself_alone(tmp_path: Path) -> None:
    parsed = table(tmp_path, 'file,title\na.png,"One" two\nb.png,Two\n')
    assert cells(parsed) == [("b.png", "Two")]
    assert [one.row for one in parsed.records if isinstance(one, Refusal)] == ["1: unreadable"]


def test_a_giant_cell_costs_its_row_alone(tmp_path: Path) -> None:
    parsed = table(tmp_path, f"file,title\na.png,{'x' * 200_000}\nb.png,Two\n")
    assert cells(parsed) == [("b.png", "Two")] and len(parsed.records) == 2


@pytest.mark.parametrize("mark", ["|", "^"])
def test_other_delimiters_are_named(tmp_path: Path, mark: str) -> None:
    with pytest.raises(CollectionError, match="divided by"):
        table(tmp_path, f"file{mark}title\na.png{mark}One\n")


def test_a_class_list_is_divided_by_spaces(tmp_path: Path) -> None:
    parsed = table(tmp_path, "0 Abstract_Expressionism\n1 Cubism\n", "style_class.txt")
    assert cells(parsed) == [("0", "Abstract_Expressionism"), ("1", "Cubism")]


# --- JSON --------------------------------------------------------------------------------------

WORKS = [
    {"file": "a.png", "artist": {"id": 4, "name": "Anna Ek"}, "year": 1900, "public": True},
    {"file": "b.png", "artist": [{"full_name": "A"}, {"full_name": "B"}], "more": None},
]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(WORKS),
        json.dumps({"info": {"n": 2}, "works": WORKS}),
        json.dumps({"anything": WORKS}),
        "\n".join(map(json.dumps, WORKS)) + "\n\n",
        "\r\n".join(map(json.dumps, WORKS)),
    ],
)
def test_json_in_its_usual_forms(tmp_path: Path, text: str) -> None:
    parsed = table(tmp_path, text, "t.json")
    assert parsed.header == ("file", "artist", "year", "public", "more")
    assert cells(parsed) == [
        ("a.png", "Anna Ek", "1900", "true", ""),
        ("b.png", "A; B", "", "", ""),
    ]


def test_one_object_is_one_work(tmp_path: Path) -> None:
    assert cells(table(tmp_path, '{"file": "a.png", "tags": []}', "t.json")) == [("a.png", "")]


@pytest.mark.parametrize("separator", ["\u2028", "\x0b", "\x85"])
def test_a_title_may_hold_what_python_takes_for_a_line_end(tmp_path: Path, separator: str) -> None:
    title = f"one{separator}two"
    lines = [f'{{"file": "{n}.png", "title": "{title}"}}' for n in range(2)]
    if separator == "\x0b":  # a control character must be escaped in JSON
        lines = [json.dumps({"file": f"{n}.png", "title": title}) for n in range(2)]
    parsed = table(tmp_path, "\n".join(lines), "t.jsonl")
    assert cells(parsed) == [("0.png", "one two"), ("1.png", "one two")]


@pytest.mark.parametrize("wrapped", [False, True])
def test_what_is_no_object_is_refused_by_its_place(tmp_path: Path, wrapped: bool) -> None:
    works = [WORKS[0], 7, "text"]
    text = json.dumps({"works": works} if wrapped else works)
    parsed = table(tmp_path, text, "t.json")
    assert len(parsed.records) == 3 and len(cells(parsed)) == 1
    assert [one.row for one in parsed.records if isinstance(one, Refusal)] == [
        "2: unreadable",
        "3: unreadable",
    ]


def test_a_broken_line_costs_itself_alone(tmp_path: Path) -> None:
    parsed = table(tmp_path, '{"file": "a.png"}\n{"file": \n{"file": "c.png"}\n', "t.jsonl")
    assert cells(parsed) == [("a.png",), ("c.png",)] and len(parsed.records) == 3


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("nothing of the kind", "neither JSON nor JSON lines"),
        ('"a text"', "holds no list"),
        ("[" * 100_000, "nested more deeply"),
    ],
)
def test_other_text_is_no_json(tmp_path: Path, text: str, phrase: str) -> None:
    with pytest.raises(CollectionError, match=f"'t.json'.*{phrase}"):
        table(tmp_path, text, "t.json")


def test_an_empty_list_says_so(tmp_path: Path) -> None:
    parsed = table(tmp_path, "[]", "t.json")
    assert parsed.records == () and "lists no works" in parsed.notes[0]


# --- laws --------------------------------------------------------------------------------------

CELL = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
ROWS = st.lists(st.tuples(st.integers(0, 99).map("{}.png".format), CELL, CELL), max_size=8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(ROWS, st.sampled_from([",", ";", "\t"]))
def test_what_a_spreadsheet_writes_is_what_is_read(
    tmp_path: Path, rows: list[tuple[str, str, str]], delimiter: str
) -> None:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=delimiter)
    writer.writerows([("file", "title", "artist"), *rows])
    assert cells(table(tmp_path, buffer.getvalue())) == rows


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(ROWS)
def test_json_lines_and_a_list_say_the_same(
    tmp_path: Path, rows: list[tuple[str, str, str]]
) -> None:
    objects = [dict(zip(("file", "title", "artist"), row, strict=True)) for row in rows]
    if not objects:
        return
    lines = "\n".join(json.dumps(one, ensure_ascii=False) for one in objects)
    whole = json.dumps(objects)
    assert cells(table(tmp_path, lines, "t.jsonl")) == cells(table(tmp_path, whole, "t.json"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(st.text(st.sampled_from('ab,;\t"\n\r0'), max_size=60))
def test_any_text_is_records_and_refusals_or_one_plain_refusal(tmp_path: Path, text: str) -> None:
    try:
        parsed = table(tmp_path, "file,title\n" + text)
    except CollectionError as error:
        assert "t.csv" in error.message
    else:
        assert all(isinstance(one, TableRow | Refusal) for one in parsed.records)


TEXT = "artist;title\r\nEugène Boudin;Plage à Trouville\r\n"


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (TEXT.encode("utf-8"), "utf-8"),
        (TEXT.encode("utf-8-sig"), "utf-8-sig"),
        (TEXT.encode("utf-16"), "utf-16"),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "utf-16"),
        (TEXT.encode("utf-32"), "utf-32"),
        (TEXT.encode("utf-16-le"), "utf-16-le"),  # as programs write it that leave out the mark
        (TEXT.encode("utf-16-be"), "utf-16-be"),
        (TEXT.encode("cp1252"), "cp1252"),
    ],
)
def test_an_encoding_is_recognised(data: bytes, encoding: str) -> None:
    assert decoded(data, "t.csv") == (TEXT, encoding)


def test_an_encoding_that_is_named_wins() -> None:
    text = "художник,название\nРепин,Бурлаки\n"
    assert decoded(text.encode("cp1251"), "t.csv", "cp1251") == (text, "cp1251")
    assert decoded(TEXT.encode("utf-8-sig"), "t.csv", "UTF-8")[0] == TEXT


@pytest.mark.parametrize("encoding", ["cp1251", "koi8-r", "iso8859-7"])
def test_another_script_is_not_taken_for_a_western_one(encoding: str) -> None:
    text = "автор" if encoding != "iso8859-7" else "ζωγράφος"
    with pytest.raises(CollectionError, match="--encoding"):
        decoded(f"{text},{text}\n".encode(encoding), "t.csv")


@pytest.mark.parametrize(
    ("data", "phrase"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04rest", "spreadsheet"),
        (b"\xd0\xcf\x11\xe0rest", "old spreadsheet"),
        (b"\x1f\x8brest", "compressed"),
        (b"%PDF-1.7", "PDF"),
        (b"SQLite format 3\0", "database"),
        (b"\x01\0\0\0\x02\0\0\0\xff\xff", "binary file"),
        (codecs.BOM_UTF8 + b"\xff\xfe\xfd", "not utf-8-sig text all through"),
    ],
)
def test_what_is_no_text_is_called_by_its_name(data: bytes, phrase: str) -> None:
    with pytest.raises(CollectionError, match=f"'t.csv'.*{phrase}"):
        decoded(data, "t.csv")


@pytest.mark.parametrize("encoding", ["klingon", "rot13", "base64"])
def test_an_encoding_that_there_is_not_is_asked_wrongly(encoding: str) -> None:
    with pytest.raises(UsageError, match=encoding):
        decoded(b"a,b", "t.csv", encoding)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=200))
def test_whatever_was_written_as_utf_8_is_read_as_it_was(text: str) -> None:
    if text.encode().startswith((b"PK", b"%PDF", b"SQLite")) or text[0] in "\ufeff\ufffe":
        return
    assert decoded(text.encode("utf-8"), "t.csv")[0] == text


@given(st.binary(max_size=300))
def test_any_bytes_are_text_or_one_plain_refusal(data: bytes) -> None:
    try:
        text, encoding = decoded(data, "t.csv")
    except CollectionError as error:
        assert "t.csv" in error.message
    else:
        assert isinstance(text, str) and encoding


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize(
    "above", ["The collection\n", "The collection\n\nExported 2024\n", "\n\nA\n"]
)
def test_a_title_may_stand_above_the_header_of_a_text_too(
    tmp_path: Path, delimiter: str, above: str
) -> None:
    rows = [("file", "title", "artist"), *((f"{n}.png", "Sea", "Anna Ek") for n in range(6))]
    text = above + "\n".join(map(delimiter.join, rows)) + f"\nTotal{delimiter}6{delimiter}\n"
    parsed = table(tmp_path, text)
    assert parsed.header == rows[0] and cells(parsed) == rows[1:]
    assert any("above the header" in note for note in parsed.notes)
    assert any("Totals at the end" in note for note in parsed.notes)


def test_a_row_of_known_words_below_a_known_header_is_a_row(tmp_path: Path) -> None:
    parsed = table(tmp_path, "file,caption\na.png,Sea\ntitle,artist\n")
    assert parsed.header == ("file", "caption") and len(parsed.records) == 2
