"""Spreadsheets are read as a person reads them, and none can take the process with it."""

from __future__ import annotations

import base64
import io
import zipfile
import zlib
from datetime import date
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from core.collection.importing import spreadsheet, spreadsheet_child
from core.collection.importing.rows import Candidate
from core.collection.importing.sources import read_source
from core.collection.importing.spreadsheet import read_sheets
from core.collection.importing.table import Table, TableRow, read_table
from core.errors import CollectionError, UsageError
from tests.core.collection.painting import paint

HEADER = ("file", "title", "artist", "style", "year")
FIRST = ("p/a.png", "Über", "Anna Ek", "oil", 1889)
Cell = str | int | float | bool | date | None

OFFICE = "http://schemas.openxmlformats.org/"
TYPES = (
    f'<Types xmlns="{OFFICE}package/2006/content-types"><Default Extension="xml" '
    'ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType='
    '"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>'
)
STYLES = (
    f'<styleSheet xmlns="{OFFICE}spreadsheetml/2006/main"><cellXfs count="2">'
    '<xf numFmtId="0"/><xf numFmtId="14" applyNumberFormat="1"/></cellXfs></styleSheet>'
)


def column(place: int) -> str:
    return chr(ord("A") + place)


def cell_xml(row: int, place: int, value: Cell) -> str:
    at = f'r="{column(place)}{row}"'
    if value is None:
        return ""
    if isinstance(value, bool):
        return f'<c {at} t="b"><v>{int(value)}</v></c>'
    if isinstance(value, date):
        return f'<c {at} s="1"><v>{(value - date(1899, 12, 30)).days}</v></c>'
    if isinstance(value, int | float):
        return f"<c {at}><v>{value}</v></c>"
    if value.startswith("="):  # a formula, and the value that it had
        return f'<c {at} t="str"><f>A1</f><v>{escape(value[1:])}</v></c>'
    return f'<c {at} t="inlineStr"><is><t>{escape(value)}</t></is></c>'


def rows_xml(rows: list[tuple[Cell, ...]]) -> str:
    return "".join(
        f'<row r="{n}">{"".join(cell_xml(n, at, one) for at, one in enumerate(row))}</row>'
        for n, row in enumerate(rows, start=1)
    )


def relations(*entries: tuple[str, str]) -> str:
    inner = "".join(
        f'<Relationship Id="rId{n}" Type="{OFFICE}officeDocument/2006/relationships/{kind}" '
        f'Target="{target}"/>'
        for n, (kind, target) in enumerate(entries, start=1)
    )
    return f'<Relationships xmlns="{OFFICE}package/2006/relationships">{inner}</Relationships>'


def xlsx(
    *sheets: list[tuple[Cell, ...]] | str,
    merged: str = "",
    hidden: tuple[int, ...] = (),
    more: tuple[tuple[str, bytes], ...] = (),
) -> bytes:
    """A workbook of sheets of rows (or of their XML), made by hand."""
    states = {n: ' state="hidden"' if n in hidden else "" for n in range(1, len(sheets) + 1)}
    names = "".join(
        f'<sheet name="S{n}" sheetId="{n}" r:id="rId{n}"{state}/>' for n, state in states.items()
    )
    files = [("worksheet", f"worksheets/sheet{n}.xml") for n in range(1, len(sheets) + 1)]
    ranges = f'<mergeCells count="1"><mergeCell ref="{merged}"/></mergeCells>' if merged else ""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("[Content_Types].xml", TYPES)
        target.writestr("_rels/.rels", relations(("officeDocument", "xl/workbook.xml")))
        target.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{OFFICE}spreadsheetml/2006/main" xmlns:r="{OFFICE}officeDocument'
            f'/2006/relationships"><sheets>{names}</sheets></workbook>',
        )
        target.writestr("xl/_rels/workbook.xml.rels", relations(*files, ("styles", "styles.xml")))
        target.writestr("xl/styles.xml", STYLES)
        for (_, file), rows in zip(files, sheets, strict=True):
            body = rows if isinstance(rows, str) else rows_xml(rows)
            target.writestr(
                f"xl/{file}",
                f'<worksheet xmlns="{OFFICE}spreadsheetml/2006/main"><sheetData>{body}'
                f"</sheetData>{ranges}</worksheet>",
            )
        for name, content in more:
            target.writestr(name, content)
    return buffer.getvalue()


def ods(rows: list[tuple[Cell, ...]]) -> bytes:
    """An OpenDocument sheet, made by hand."""
    space = "urn:oasis:names:tc:opendocument:xmlns:"

    def cell(value: Cell) -> str:
        if value is None:
            return "<table:table-cell/>"
        if isinstance(value, date):
            kind = f'office:value-type="date" office:date-value="{value.isoformat()}"'
        elif isinstance(value, int | float):
            kind = f'office:value-type="float" office:value="{value}"'
        else:
            kind = 'office:value-type="string"'
        return f"<table:table-cell {kind}><text:p>{escape(str(value))}</text:p></table:table-cell>"

    body = "".join(f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in rows)
    content = (
        f'<office:document-content xmlns:office="{space}office:1.0" '
        f'xmlns:table="{space}table:1.0" '
        f'xmlns:text="{space}text:1.0"><office:body><office:spreadsheet>'
        '<table:table table:name="S1">'
        f"{body}</table:table></office:spreadsheet></office:body></office:document-content>"
    )
    manifest = (
        f'<manifest:manifest xmlns:manifest="{space}manifest:1.0"><manifest:file-entry '
        'manifest:full-path="/" manifest:media-type="application/vnd.oasis.opendocument.'
        'spreadsheet"/></manifest:manifest>'
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        target.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        target.writestr("META-INF/manifest.xml", manifest)
        target.writestr("content.xml", content)
    return buffer.getvalue()


# HEADER and FIRST, as Excel 97 stores them
XLS = zlib.decompress(
    base64.b85decode(
        """
        c-rk)O=uHA6#izD%^yvg)KqB25(-wWMG-GvYFeT8WQkrXBIw4h60#&=n@c=swZ@wucv8F+dht^A;tzVzn+Kty2SF4PJ$e!<^
        w4H~^Rfx4?V$lJD)TM#=Djy>-ptO-o0;9Wi?Pbwquwfh!4Y^+bAs@-
        =me!;Lx_UP9Y?Z_JV41&_@@vI&_w!lJP*I|%Q=+uU4@2+-
        d99{FO<%pfQfw0Ol%>JavuyK`!GyY;2vor=;2;<F+I<88`B4D`GV;PYi=?fCfkZQjm6}|;9++apVIodECT8G3D^0^nuF-ZYq
        ^TA+!A$L9iw)}u>Q`1K5qx+LGw0l=1kkLDu~kr&f|xZ0G1k&`ZA&PTdNl!{qkD9e*^t(%?r%HImZjUj4+lwvP8$EX=lw9q<F
        uTi3~4fEK>)HnWAM<m>PC5GhHObbg^WaR9-R-
        o7O_%fU&=jyGV*pX;Ugjb2%e1mL<>mj1`jpIOd~kVm{2V&_Q$xoy^BLBBHdbuiXFs?sz(tJj<FH-skJ5!7lj%aBx-Dpvn<0(
        NKR0V37HJOs}!m9nAMKjgt-
        K1F3G8IX25S*SU0n+Bw8{pWNNT?;*bY?Znf*^4H{E;uprNm*NW_l5^;%k(#3V@|neu7!r5yNIXk6a^dbApPBZo+eHFe)a|?D
        9(kQuMTprL)4C)_M>HkP9jm(JA<5H}yd-
        &D&te15f<5c5y<pG2rX)T4o09Y_$NsV=CF%LbPCBWzE<ENTA89$OLr_pqP*6}%P*6}<58>X|J@s!4zKP2Fr{Ddrvr4I^ev|y
        SIEg$xMfxxuLymGArMA}3cIcwvOKh@E<A0&VB(-iMi!}Em+xGgU?>W)>KAWx>{e2<SZu_-%`uT_3{|SHk)xH
        """.replace(" ", "").replace("\n", "")
    )
)


def table(tmp_path: Path, data: bytes, name: str = "t.xlsx") -> Table:
    (tmp_path / name).write_bytes(data)
    return read_table(tmp_path / name)


def cells(parsed: Table) -> list[tuple[str, ...]]:
    return [one.cells for one in parsed.records if isinstance(one, TableRow)]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("t.xlsx", xlsx([HEADER, FIRST])),
        ("t.XLSX", xlsx([HEADER, FIRST])),
        ("t.xlsm", xlsx([HEADER, FIRST])),
        ("t.ods", ods([HEADER, FIRST])),
        ("t.xls", XLS),
    ],
)
def test_every_kind_of_spreadsheet_says_the_same(tmp_path: Path, name: str, data: bytes) -> None:
    parsed = table(tmp_path, data, name)
    assert parsed.header == HEADER
    assert cells(parsed) == [("p/a.png", "Über", "Anna Ek", "oil", "1889")]
    assert parsed.notes == ()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1889, "1889"),
        (1889.0, "1889"),
        (2.5, "2.5"),
        (500115588, "500115588"),
        (123456789012345, "123456789012345"),
        (True, "true"),
        ("=Sea", "Sea"),  # a formula's value
        (date(1950, 1, 1), "1950"),
        (date(1950, 5, 12), "1950-05-12"),
        ("c. 1889", "c. 1889"),
        ("0042", "0042"),
        (0, "0"),
    ],
)
def test_a_cell_is_what_a_person_reads(tmp_path: Path, value: Cell, text: str) -> None:
    parsed = table(tmp_path, xlsx([("file", "year"), ("a.png", value)]))
    assert cells(parsed) == [("a.png", text)]


def test_years_typed_into_cells_for_dates_are_years(tmp_path: Path) -> None:
    typed = [date.fromordinal(date(1899, 12, 30).toordinal() + year) for year in (1889, 1650)]
    parsed = table(tmp_path, xlsx([("file", "year"), ("a.png", typed[0]), ("b.png", typed[1])]))
    assert [row[1] for row in cells(parsed)] == ["1889", "1650"]
    assert any("'year' are shown as days" in note for note in parsed.notes)
    mixed = table(
        tmp_path, xlsx([("file", "year"), ("a.png", typed[0]), ("b.png", date(1950, 5, 1))])
    )
    assert [row[1] for row in cells(mixed)] == ["1905-03-03", "1950-05-01"]


@pytest.mark.parametrize("above", range(10))
def test_the_header_may_stand_below_a_title(tmp_path: Path, above: int) -> None:
    top: list[tuple[Cell, ...]] = [
        ("The collection of Anna Ek",),
        (None,),
        ("Exported on", "5 May"),
    ]
    rows = [top[n % 3] for n in range(above)]
    parsed = table(tmp_path, xlsx([*rows, HEADER, FIRST]))
    assert parsed.header == HEADER and len(cells(parsed)) == 1
    assert any("above the header" in note for note in parsed.notes) is (above > 0)


@pytest.mark.parametrize(
    "total",
    [
        ("Total", 2),
        ("Total: 2", None),
        ("Summe", None, None, 2),
        (None, "Totaal", 2),
        ("Anzahl", 2),
        ("SUM", None, None, None, 3778),
        ("Totale", 2),
        ("Somme", 2),
        ("Count", 2),
        ("Gesamt: 2 Werke", None),
    ],
)
def test_totals_and_empty_rows_at_the_end_are_no_works(
    tmp_path: Path, total: tuple[Cell, ...]
) -> None:
    padded = (*total, *[None] * (5 - len(total)))
    blank = (None,) * 5
    parsed = table(tmp_path, xlsx([HEADER, FIRST, FIRST, blank, padded, blank]))
    assert len(parsed.records) == 2
    assert any("Totals at the end" in note for note in parsed.notes)


def test_a_work_called_total_is_one(tmp_path: Path) -> None:
    row = ("p/a.png", "Total", "Anna Ek", "oil", 1889)
    assert len(table(tmp_path, xlsx([HEADER, FIRST, row])).records) == 2


def test_a_merged_cell_says_it_of_every_row(tmp_path: Path) -> None:
    rows = [
        HEADER,
        FIRST,
        ("p/b.png", "Sea", None, "oil", 1890),
        ("p/c.png", "Sky", None, "oil", 1),
    ]
    parsed = table(tmp_path, xlsx(rows, merged="C2:C4"))
    assert [row[2] for row in cells(parsed)] == ["Anna Ek"] * 3


def test_a_header_merged_over_two_rows_is_one_header(tmp_path: Path) -> None:
    rows = [("file", "artist"), (None, None), ("a.png", "Anna Ek")]
    parsed = table(tmp_path, xlsx(rows, merged="A1:A2"))
    assert cells(parsed) == [("a.png", "Anna Ek")]


def test_the_first_sheet_with_a_known_header_is_read_and_the_others_are_said(
    tmp_path: Path,
) -> None:
    cover = [("About",), ("Made by the museum",)]
    other = [HEADER, ("p/z.png", "Other", "Bo Ask", "oil", 1900)]
    parsed = table(tmp_path, xlsx(cover, [HEADER, FIRST], other))
    assert cells(parsed)[0][0] == "p/a.png"
    assert any("'S2' was read; others were not: S1, S3" in note for note in parsed.notes)
    assert cells(table(tmp_path, xlsx(other, [HEADER, FIRST], hidden=(1,))))[0][0] == "p/a.png"


def test_a_spreadsheet_in_a_folder_is_its_table(tmp_path: Path) -> None:
    paint(tmp_path / "p/a.png", 1)
    (tmp_path / "metadata.xlsx").write_bytes(xlsx([HEADER, FIRST]))
    for source in (tmp_path, tmp_path / "metadata.xlsx"):
        (row,) = read_source(source).rows
        assert isinstance(row, Candidate)
        assert (row.title, row.artist, row.style, row.year) == ("Über", "Anna Ek", "oil", "1889")


def inflated(megabytes: int) -> bytes:
    return xlsx([HEADER], more=(("xl/worksheets/sheet9.xml", bytes(megabytes << 20)),))


def lying() -> bytes:
    """A part that claims ten bytes and unpacks to many."""
    data = bytearray(inflated(250))
    for mark, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        name = (
            data.rindex(b"xl/worksheets/sheet9.xml")
            if mark == b"PK\x01\x02"
            else data.index(b"xl/worksheets/sheet9.xml")
        )
        start = data.rindex(mark, 0, name)
        data[start + at : start + at + 4] = (10).to_bytes(4, "little")
    return bytes(data)


FAR = rows_xml([HEADER]) + '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'


@pytest.mark.parametrize(
    ("name", "data", "phrase"),
    [
        ("t.xlsx", b"", "is empty"),
        ("t.xlsx", b"PK\x03\x04 no zip", "cannot be read as a spreadsheet"),
        ("t.ods", b"PK\x03\x04 no zip", "cannot be read as a spreadsheet"),
        ("t.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "cannot be read"),
        ("t.xlsx", b"file,title\na.png,x\n", "cannot be read as a spreadsheet"),
        ("t.xlsx", xlsx([HEADER, FIRST])[:-300], "cannot be read as a spreadsheet"),
        ("t.xlsx", inflated(250), "unpacks to more than any table"),
        ("t.xlsx", lying(), "cannot be read|unpacks to more"),
        ("t.xlsx", xlsx(FAR), "too much memory|unpacks to more"),
        ("t.xlsx", xlsx([]), "holds no cells"),
    ],
)
def test_a_file_that_is_no_table_is_refused_by_its_cause(
    tmp_path: Path, name: str, data: bytes, phrase: str
) -> None:
    with pytest.raises(CollectionError, match=f"'{name}'.*(?:{phrase})"):
        table(tmp_path, data, name)


def test_pictures_inside_a_spreadsheet_do_not_count_against_it(tmp_path: Path) -> None:
    data = xlsx([HEADER, FIRST], more=(("xl/media/image1.png", bytes(250 << 20)),))
    assert len(cells(table(tmp_path, data))) == 1


def test_a_spreadsheet_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    (tmp_path / "t.xlsx").write_bytes(xlsx([HEADER, FIRST]))
    with pytest.raises(CollectionError, match="took more than"):
        read_sheets(tmp_path / "t.xlsx", seconds=0.001)


def test_a_file_beyond_the_limit_of_bytes_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spreadsheet, "_MAX_BYTES", 1 << 20)
    with pytest.raises(CollectionError, match="larger than 1 MiB"):
        table(tmp_path, bytes((1 << 20) + 1))


def test_an_encoding_of_a_spreadsheet_is_asked_in_vain(tmp_path: Path) -> None:
    (tmp_path / "t.xlsx").write_bytes(xlsx([HEADER, FIRST]))
    with pytest.raises(UsageError, match="--encoding"):
        read_table(tmp_path / "t.xlsx", None, "utf-8")


def test_the_limits_leave_room_for_a_museum() -> None:
    """150,000 works of 25 columns are one sheet of 3.75 million cells."""
    assert spreadsheet_child.MAX_CELLS >= 150_000 * 25
