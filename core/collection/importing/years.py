"""Years as catalogues write them: '1872', 'c. 1650–55', '1950s', '17th century', '1775-01-01'.

In: text. Out: first and last year, or None. What was written is kept elsewhere; this only reads it.
"""

from __future__ import annotations

import re

UNDATED = frozenset(
    {"", "0", "n.d.", "n.d", "nd", "s.d.", "undated", "unknown", "date unknown", "no date", "?"}
    | {"none", "nan", "not dated", "o.j.", "б.г."}
)
_YEAR = r"(?:1[0-9]|20)[0-9]{2}"
_DAY = re.compile(rf"({_YEAR})-[01][0-9]-[0-3][0-9](?![0-9])")
_SPAN = re.compile(rf"\b({_YEAR})\s*(?:[-–—/]|to|and|bis)\s*({_YEAR}|[0-9]{{1,2}})(?![0-9])")
_DECADE = re.compile(r"\b((?:1[0-9]|20)[0-9])0\s*['’]?s\b")
_CENTURY = re.compile(r"\b([1-9]|1[0-9]|20|21)(?:st|nd|rd|th)\s*(?:-\s*)?c(?:ent(?:ury|\.)|\.)")


def is_undated(text: str) -> bool:
    """Whether the text says that no year is known."""
    return text.strip().casefold() in UNDATED


def year_range(text: str) -> tuple[int, int] | None:
    """First and last year that the text names; None where it names none (or one before Christ)."""
    said = text.casefold()
    if re.search(r"\bb\.?c\.?(?:e\.?)?(?![a-z])", said):
        return None
    found = [_spanned(match[1], match[2]) for match in _SPAN.finditer(_DAY.sub(r"\1", said))]
    found += [(int(year) * 10, int(year) * 10 + 9) for year in _DECADE.findall(said)]
    found += [(100 * int(n) - 99, 100 * int(n)) for n in _CENTURY.findall(said)]
    if not found:
        single = re.findall(rf"(?<![0-9]){_YEAR}(?![0-9])", said)
        found = [(int(year), int(year)) for year in single]
    return (min(a for a, _ in found), max(b for _, b in found)) if found else None


def _spanned(first: str, last: str) -> tuple[int, int]:
    """'1650', '55' -> 1650, 1655; '1775', '01', which is a month, -> 1775, 1775."""
    end = int(last if len(last) == 4 else first[: 4 - len(last)] + last)
    return int(first), max(int(first), end)
