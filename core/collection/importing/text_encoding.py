"""The bytes of a table become text, or are refused by the name of what they are.

In: bytes, and the encoding if somebody knows it. Out: text and the encoding it was read by. Knows
no delimiter and no column.
"""

from __future__ import annotations

import codecs
import re

from core.errors import CollectionError, UsageError

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_FOREIGN = (
    (b"PK\x03\x04", "a spreadsheet (or another ZIP archive)"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet or Office document"),
    (b"\x1f\x8b", "a compressed archive"),
    (b"%PDF", "a PDF document"),
    (b"SQLite format 3", "a database"),
)
_SAVE_AS = "Save it as 'CSV UTF-8' and import again."
WESTERN = "cp1252"


def decoded(data: bytes, name: str, encoding: str | None = None) -> tuple[str, str]:
    """Text and encoding; `encoding` wins over every guess. Raises CollectionError by name."""
    if not data:
        raise CollectionError(f"'{name}' is empty: it holds no bytes. Export the table again.")
    for signature, what in _FOREIGN:
        if data.startswith(signature):
            raise CollectionError(f"'{name}' is {what}, not a table of text. {_SAVE_AS}")
    chosen = encoding or _marked(data)
    if chosen:
        return _by(chosen, data, name), chosen
    if b"\0" in data[:4096]:
        return _without_mark(data, name)
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return _western(data, name), WESTERN


def _marked(data: bytes) -> str:
    return next((encoding for mark, encoding in _BOMS if data.startswith(mark)), "")


def _by(encoding: str, data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding)
    except LookupError as error:
        raise UsageError(
            f"There is no encoding '{encoding}'. Try utf-8, utf-16, cp1252, cp1251 or latin-1."
        ) from error
    except UnicodeError as error:
        raise CollectionError(
            f"'{name}' is not {encoding} text all through, so names would be garbled. {_SAVE_AS}"
        ) from error


def _without_mark(data: bytes, name: str) -> tuple[str, str]:
    """UTF-16 as programs write it that leave out the mark: every other byte of ASCII is zero."""
    sample = data[:4096]
    for encoding, zeros in (("utf-16-le", sample[1::2]), ("utf-16-be", sample[0::2])):
        if zeros.count(0) > 0.6 * len(zeros) and "\0" not in (text := _by(encoding, data, name)):
            return text, encoding
    raise CollectionError(f"'{name}' is not text but a binary file. {_SAVE_AS}")


def _western(data: bytes, name: str) -> str:
    """Windows-1252, if what it gives reads as a Western language: accents among plain letters.

    Cyrillic or Greek in a code page of their own would come out as runs of accented letters; that
    is refused, because every name would be wrong and nobody would know.
    """
    refused = CollectionError(
        f"'{name}' is neither UTF-8 nor Western (Windows-1252) text, so names would be garbled. "
        "Save it as 'CSV UTF-8', or name its encoding with --encoding (cp1251 for Cyrillic)."
    )
    try:
        text = data.decode(WESTERN)
    except UnicodeDecodeError as error:
        raise refused from error
    accented = [word for word in re.findall(r"[^\W\d_]+", text) if not word.isascii()]
    strange = [word for word in accented if re.search(r"[^\x00-\x7f]{3}", word)]
    if re.search(r"[\x00-\x08\x0e-\x1f]", text) or len(strange) > 0.1 * len(accented):
        raise refused
    return text
