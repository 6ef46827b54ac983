"""Bytes of a table become text, or are refused by the name of what they are."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.collection.importing.text_encoding import decoded
from core.errors import CollectionError, UsageError

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
