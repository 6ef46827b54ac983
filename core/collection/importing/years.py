"""When a work was made, read from the words of a catalogue.

In: the text of a cell, in six languages, by years, decades, centuries, reigns and calendars. Out:
the first and last year that it names (before Christ negative; there is no year 0), or None where it
names none, leaves one end open ("after 1650"), or counts by a calendar that is not known here. What
cannot be read surely is None: a wrong year is worse than a doubt.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import date
from itertools import pairwise

from core.collection.importing.reigns import PERIODS, REIGNS

Span = tuple[int, int]

UNDATED = frozenset(
    {"", "0", "n.d.", "n.d", "nd", "s.d.", "undated", "unknown", "date unknown", "no date", "?"}
    | {"none", "nan", "not dated", "o.j.", "б.г."}
)


def is_undated(text: str) -> bool:
    """Whether the text says that no year is known."""
    return text.strip().casefold() in UNDATED


def year_range(text: str) -> Span | None:
    """First and last year that the text names; None where it names none that can be read surely.

    >>> year_range("c. 1650/55"), year_range("2nd half of the 5th century BC")
    ((1650, 1655), (-450, -401))
    """
    words = _plain(text)
    if not words or re.fullmatch(r"-\s*[0-9]+", words):  # '-500': astronomers' or historians'?
        return None
    if "<bc>" in words:
        return _across_christ(words)
    if _FOREIGN.search(words) or _LIFE.search(words):
        return None
    if (hijri := _HIJRI.search(words)) is not None:
        rest = f"{words[: hijri.start()]} {words[hijri.end() :]}".strip(" ()/,;=.")
        return _gregorian(rest) or _of_hijri(int(hijri[1] or hijri[2]), hijri[3])
    return _gregorian(_created(words)) or _of_reign(words)


# --- one spelling for what is written in many ---------------------------------------------------

_BC = (
    r"(?:\bb\.?\s?c\.?(?:\s?e\.?)?(?![a-z])|\bv\.?\s?chr(?:istus|\.)?(?![a-z])|\bv\.\s?u\.\s?z\.?"
    r"|\bvor christus\b|\bvor unserer zeit(?:rechnung)?\b|\bav(?:ant|\.)?\s?j(?:esus)?\.?\s?-?\s?c"
    r"(?:hrist|\.)?(?![a-z])|\bavant notre ere\b|\bprima di cristo\b|\bantes de cristo\b"
    r"|\ba\.?\s?(?:de\s)?c\.?(?![a-z.])|\bv\.c\.|\bvoor christus\b|до н\.?\s?э\.?"
    r"|(?:紀元前|公元前|西元前)|\bbefore christ\b)"
)
_AD = (
    r"(?:\ba\.?\s?d\.?(?![a-z.])|\bc\.\s?e\.|(?<=[0-9])\s?ce\b|\bce(?=\s?[0-9])|\bcentury ce\b"
    r"|\bn\.?\s?chr(?:istus|\.)?(?![a-z])|\bnach christus\b|\bapr?\.?\s?j\.?\s?-?\s?c\.?(?![a-z])"
    r"|\bd\.\s?(?:de\s)?c\.?(?![a-z])|\bdopo cristo\b|\bdespues de cristo\b|\bna christus\b"
    r"|(?<!до )н\.\s?э\.?|(?:西暦|公元|西元)|\banno domini\b|\banno\b)"
)
_QUALIFIERS = re.compile(
    r"\bc(?=\.?\s*[(\[]?[0-9])\.?|\b(?:ca|circa|cirka|um|vers|env(?:iron)?|about|around|approx(?:imately)?|omstreeks|rond"
    r"|ongeveer|verso|hacia|около|ок|probably|possibly|perhaps|wohl|vermutlich|prob|likely)\b\.?"
)


def _plain(text: str) -> str:
    """Small letters without accents, one kind of dash, and '<bc>', '<ad>' for all their names."""
    wide = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    plain = "".join(one for one in wide if not unicodedata.combining(one))
    plain = re.sub(r"[‐‑‒–—―−]", "-", plain).replace("’", "'").translate(_EASTERN)
    plain = plain.replace("<", " before ").replace(">", " after ")
    plain = re.sub(r"[\[\]{}]", " ", plain)
    plain = re.sub(_BC, " <bc> ", plain)
    plain = re.sub(r"\bcentury ce\b", "century <ad>", plain)
    return " ".join(re.sub(_AD, " <ad> ", plain).split())


_EASTERN = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "01234567890123456789")

# --- centuries ------------------------------------------------------------------------------------

_WORDED = {
    word: n
    for n, words in enumerate(
        (
            ("first",),
            ("second",),
            ("third",),
            ("fourth",),
            ("fifth",),
            ("sixth",),
            ("seventh",),
            ("eighth",),
            ("ninth",),
            ("tenth", "zehnte", "dixieme", "tiende", "decimo"),
            ("eleventh", "elfte", "onzieme", "elfde", "undicesimo"),
            ("twelfth", "zwolfte", "douzieme", "twaalfde", "dodicesimo"),
            ("thirteenth", "dreizehnte", "treizieme", "dertiende", "tredicesimo"),
            ("fourteenth", "vierzehnte", "quatorzieme", "veertiende", "quattordicesimo"),
            ("fifteenth", "funfzehnte", "quinzieme", "vijftiende", "quindicesimo"),
            ("sixteenth", "sechzehnte", "seizieme", "zestiende", "sedicesimo"),
            ("seventeenth", "siebzehnte", "dix-septieme", "zeventiende", "diciassettesimo"),
            ("eighteenth", "achtzehnte", "dix-huitieme", "achttiende", "diciottesimo"),
            ("nineteenth", "neunzehnte", "dix-neuvieme", "negentiende", "diciannovesimo"),
            ("twentieth", "zwanzigste", "vingtieme", "twintigste", "ventesimo"),
            ("twenty-first", "einundzwanzigste", "vingt et unieme"),
        ),
        start=1,
    )
    for word in words
}
_NAMED = {  # the fourteenth century is the Trecento: its years begin with thirteen hundred
    name: n
    for n, name in enumerate(
        (
            *("duecento", "trecento", "quattrocento", "cinquecento"),
            *("seicento", "settecento", "ottocento", "novecento"),
        ),
        start=12,
    )
}
_ROMANS = {
    tens + ones: 10 * len(tens) + n
    for tens in ("", "x", "xx")
    for n, ones in enumerate(("", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix"))
    if 1 <= 10 * len(tens) + n <= 21
}
_NUMBER = (
    r"(?:(?P<ordinal>[1-9]|1[0-9]|2[01])\s?(?:st|nd|rd|th|e|de|ste|eme|er|°|º|ª|o)(?![a-z0-9])"
    r"|(?<![0-9.])(?P<dotted>[1-9]|1[0-9]|2[01])\.(?![0-9])"
    r"|\b(?P<roman>[ivx]+)(?:°|º|th|e(?:me)?|-?го)?(?![a-z0-9])"
    rf"|(?P<word>{'|'.join(sorted(_WORDED, key=len, reverse=True))})[nmrs]?(?![a-z])"
    r"|(?<![0-9])(?P<bare>[1-9]|1[0-9]|2[01])(?=\s?(?:世[紀纪]|c\b|cent|jh|jahrh|siecle|eeuw|век)))"
)
_CENTURY_NUMBER = re.compile(_NUMBER)
_CENTURY_WORD = re.compile(
    r"(?:\bcentur(?:y|ies)\b|\bcents?\b|(?<=st|nd|rd|th|\s\d|.\d)[\s-]*c(?:\.|$|\b(?=[\s,)]))"
    r"|jahrhunderts?\b|jahrhunderte?n?\b|\bjhd?t?s?\b|\bjh\b|(?<=\.)jhd?t?s?\b|\bsiecles?\b"
    r"|\beeuw(?:s|se|en)?\b|-eeuwse?\b|\bsecol[oi]\b|\bsec\b\.?|\bsiglos?\b|\bsecul[oa]s?\b"
    r"|\bsaec\b\.?|\bвек(?:а|ов|е)?\b|\bвв?\.|\bwieku?\b|世[紀纪]|\bs\.?(?=\s?[ivx]+\b)"
    r"|(?<=[ivx]e)\s?s\.?(?![a-z])|(?<=[ivx])\s?(?:c|w)\.?(?![a-z]))"
)
_PARTS = (
    (r"(?:1(?:st|\.|re|ere|e|a)?|first|erste[nr]?|premiere?|eerste|prima|primera?|перв\w+)", 1),
    (
        r"(?:2(?:nd|\.|de|e|a)?|second|zweite[nr]?|seconde|deuxieme|tweede|seconda|segunda|втор\w+)",
        2,
    ),
    (r"(?:3(?:rd|\.|de|e|a)?|third|dritte[sn]?|troisieme|derde|terz[oa]|tercer?)", 3),
    (r"(?:4(?:th|\.|de|e|a)?|fourth|vierte[sn]?|quatrieme|vierde|quarto|cuarto)", 4),
    (r"(?:last|final|letzte[sn]?|derni(?:er|ere)|laatste|ultim[oa]|последн\w+)", 0),
)
_PART_KINDS = (
    (r"(?:half|halfte|h\.|moitie|helft|meta|mitad|половин\w*)", 2),
    (r"(?:third|drittel|tiers|derde deel|terzo|tercio|треть)", 3),
    (r"(?:quarter|viertel|quart|kwart|quarto|cuarto|четверть)", 4),
)
_PART_OF = [
    (re.compile(rf"(?<![\w]){nth}[\s-]*{kind}(?![a-z])"), number, pieces)
    for nth, number in _PARTS
    for kind, pieces in _PART_KINDS
]
_TURN = re.compile(
    r"\bturn of\b|jahrhundertwende|tournant d|eeuwwisseling|fine secolo|cambio de siglo|wende vom"
)


def _centuries(words: str, before: bool = False) -> Span | None:
    """The years of the centuries (or the one part of one century) that the words name.

    None as well where they only say that a century ends or begins.
    """
    if _TURN.search(words):
        return None
    named = [n for name, n in _NAMED.items() if re.search(rf"\b{name}\b", words)]
    part: tuple[int, int] | None = None
    for pattern, nth, pieces in _PART_OF:
        if (match := pattern.search(words)) is not None:
            words = words[: match.start()] + " " + words[match.end() :]
            part = (nth or pieces, pieces)
            break
    numbers = [n + 1 for n in named]
    if _CENTURY_WORD.search(words):
        numbers += [number for one in _CENTURY_NUMBER.finditer(words) if (number := _century(one))]
    if not numbers:
        return None
    first, last = (100 * min(numbers) - 99, 100 * max(numbers))
    if before:
        first, last = -last, -first
    elif part and len(set(numbers)) > 1:
        return first, last
    if part and len(set(numbers)) == 1 and part[0] <= part[1]:
        nth, pieces = part
        length = 100 / pieces
        return first + round(length * (nth - 1)), first + round(length * nth) - 1
    return first, last


def _century(match: re.Match[str]) -> int:
    """The number of a century as it was written; 0 where it is none."""
    if match["roman"]:
        return _ROMANS.get(match["roman"], 0)
    if match["word"]:
        return _WORDED[match["word"]]
    return int(match["ordinal"] or match["dotted"] or match["bare"])


# --- before Christ --------------------------------------------------------------------------------

_DIVIDER = re.compile(r"(?:-|/|\bto\b|\bbis\b|\bor\b|\band\b|\bund\b|\boder\b|\bet\b|\ba\b|\bau\b)")
_MILLENNIUM = re.compile(
    r"\b([1-9])(?:st|nd|rd|th|e|er|eme|\.)?\s*(?:millennium|millenium|mill\.|jahrtausend|jt\.?"
    r"|millenaire|millennio|milenio|тыс\w*)"
)


def _across_christ(words: str) -> Span | None:
    """A range of which at least one end lies before Christ."""
    plain = re.sub(r"(?<=[0-9])[,.](?=[0-9]{3}(?![0-9]))", "", _QUALIFIERS.sub(" ", words))
    if _is_open(plain):
        return None
    pieces = [piece.strip() for piece in _DIVIDER.split(plain) if piece.strip(" ,;()?")]
    spans: list[Span] = []
    era = ""
    for piece in reversed(pieces):
        eras = re.findall(r"<(bc|ad)>", piece)
        if len(set(eras)) > 1:
            return None
        if eras:
            era = eras[0]
        elif not era:
            return None  # '27 BC - 14': of which era is the last?
        span = _in_era(re.sub(r"<\w+>", " ", piece), era == "bc", plain)
        if span is None:
            return None
        spans.append(span)
    spans.reverse()
    if not 1 <= len(spans) <= 2 or any(a > b for a, b in pairwise(spans)):
        return None
    return spans[0][0], spans[-1][1]


def _in_era(piece: str, before: bool, whole: str) -> Span | None:
    """One end of a range: a year, a century or a millennium."""
    if (match := _MILLENNIUM.search(piece)) is not None:
        first, last = 1000 * int(match[1]) - 999, 1000 * int(match[1])
        return (-last, -first) if before else (first, last)
    if _CENTURY_WORD.search(whole):
        own = piece if _CENTURY_WORD.search(piece) else f"{piece} century"
        return _centuries(own, before)
    numbers = re.findall(r"[0-9]+", piece)
    if len(numbers) != 1 or not re.fullmatch(r"[\s?().,;]*[0-9]{1,6}[\s?().,;年]*", piece):
        return None
    year = int(numbers[0])
    return ((-year, -year) if before else (year, year)) if year else None


# --- other calendars ------------------------------------------------------------------------------

_FOREIGN = re.compile(
    r"\b(?:saka|samvat|v\.s\.|vikram|anno mundi|a\.m\.|am(?= ?5[0-9]{3})|a\.u\.c|auc"
    r"|b\.?e\.?(?= ?2[0-9]{3})|(?<=[0-9]{4}) b\.?e\b|\bsolar\b|s\.h\."
    r"|(?<=1[0-9]{3} )(?:sh|ap)\b|(?:sh|ap)(?= 1[0-9]{3}\b)|dangi|bengali|kollam|coptic"
    r"|ethiopian|\(?solar\)?|an [ivx]+\b|thai era|b\.s\.|juche)"
)
_HIJRI = re.compile(
    r"(?:\b(?:a\.?\s?h\.?|h\.?(?=\s?1[0-9]{3}(?![0-9]))|anno hegirae|hijri|hegira)"
    r"\s*(?P<a>[0-9]{1,4})"
    r"|(?<![0-9])(?P<b>[0-9]{1,4})\s*(?:a\.?\s?h\.?(?![a-z])|(?<=1[0-9]{3})h\b"
    r"|(?<=1[0-9]{3} )h\b|h\.(?![a-z])|hijri|hegira|هـ?))"
    r"(?:\s*-\s*(?P<c>[0-9]{1,4})(?:\s*a\.?h\.?)?)?(?![0-9])"
)


def _of_hijri(year: int, last: str | None) -> Span | None:
    """The years of our calendar in which a year of the Hijra (or a range of them) lay."""
    end = year if last is None else int(str(year)[: -len(last)] + last)
    if not 1 <= year <= end <= 1500:
        return None
    return _day_of_hijri(year).year, date.fromordinal(_day_of_hijri(end + 1).toordinal() - 1).year


def _day_of_hijri(year: int) -> date:
    """The first day of a year, by the tabular calendar: thirty years have eleven leap days."""
    return date.fromordinal(227_015 + 354 * (year - 1) + (3 + 11 * year) // 30)


_HAN = {digit: n for n, digit in enumerate("〇一二三四五六七八九")}
_REIGN = re.compile(
    rf"(?:{'|'.join(sorted(REIGNS, key=len, reverse=True))})"
    r"(?:\s*(?:era|year|nen|period|\())?[\s,]*(?:year\s*)?([0-9]{1,2}|[元〇一二三四五六七八九十]{1,3})(?![0-9])"
    r"(?:\s*(?:-|/)\s*([0-9]{1,2})(?![0-9]))?"
)
_LONGEST_FIRST = sorted(PERIODS, key=len, reverse=True)
_LATIN = "|".join(name for name in _LONGEST_FIRST if name.isascii())
_LETTERS = "|".join(name for name in _LONGEST_FIRST if not name.isascii())
_PERIOD = re.compile(
    rf"(?:\b(?:{_LATIN})[-\s](?:period|era|dynasty|reign|zeit|dynastie|jidai|periode|epoque)"
    rf"|\b(?:period|dynasty|dynastie|epoque|periode)\s(?:d[eu]\s|d'|des\s)?(?:{_LATIN})\b"
    rf"|(?:{_LETTERS})(?:時代|时代|年間|年间|朝|代))"
)


def _of_reign(words: str) -> Span | None:
    """A year of a reign ('Meiji 23', '明治23年'), or a period as a whole ('Edo period')."""
    if (match := _REIGN.search(words)) is not None:
        name = next(
            one for one in sorted(REIGNS, key=len, reverse=True) if match[0].startswith(one)
        )
        first, last = REIGNS[name]
        year = first + _counted(match[1]) - 1
        end = first + int(match[2] or 0) - 1 if match[2] else year
        return (year, end) if first <= year <= end <= last else None
    spans = []
    for period in _PERIOD.finditer(words):
        names = [name for name in PERIODS if name in period[0]]
        spans.append(PERIODS[max(names, key=len)])
    return (min(a for a, _ in spans), max(b for _, b in spans)) if spans else None


def _counted(number: str) -> int:
    """'23', '元' (the first) or '二十三'."""
    if number.isdecimal():
        return int(number)
    if number == "元":
        return 1
    tens, ten, ones = number.rpartition("十")
    if not ten:
        return int("".join(str(_HAN[one]) for one in number)) if "元" not in number else 1
    return (_HAN.get(tens, 1) if tens else 1) * 10 + (_HAN.get(ones, 0) if ones else 0)


# --- years of our era -----------------------------------------------------------------------------

_YEAR = r"(?:1[0-9]|20)[0-9]{2}"
_DAY = re.compile(rf"({_YEAR})-[01][0-9]-[0-3][0-9](?![0-9])")
_NUMERIC_DAY = re.compile(rf"(?<![0-9])[0-3]?[0-9]([./-])[0-3]?[0-9]\1({_YEAR})(?![0-9])")
_SPAN = re.compile(
    rf"\b({_YEAR})\??\s*(?:[-/~]|\.\.|to|and|bis|a|au|y|et|tot|до)\s*({_YEAR}|[0-9]{{1,2}})(?![0-9])"
)
_TWO_CALENDARS = re.compile(r"\b(1[0-9]{3})\s*/\s*(1[0-9]{3})(?![0-9])")
_DECADES = re.compile(
    r"\b(?P<first>(?:1[0-9]|20)[0-9])0\s*(?:'?s|er|年代|-?е)?\s*(?:-|/|to|bis)\s*"
    r"(?P<last>(?:(?:1[0-9]|20)[0-9]|[0-9]))0\s*(?:'?s\b|er\b|年代|-?е\b)"
)
_DECADE = re.compile(
    r"\b((?:1[0-9]|20)[0-9]{2})\s*(?:'?s\b|er\b|年代|-?е\b|-?talet|-?tallet|-?luku)"
)
_DECADE_BEFORE = re.compile(
    r"\b(?:annees|jaren|anni|anos|decada de|decade)\s+((?:1[0-9]|20)[0-9]0)\b"
)
_HUNDREDS = re.compile(r"\b((?:1[0-9]|20)00)[-\s]?(?:talet|tallet|luku)")
_LIFE = re.compile(r"\b(?:born|died|geboren|gestorben|geb\.|gest\.|nato|morto|nacido|decede)")
_UNSURE_DECADE = re.compile(r"(?<![0-9])((?:1[0-9]|20)[0-9])(?:[-?_ux·](?![0-9a-z])|\?)")
_UNSURE_CENTURY = re.compile(r"(?<![0-9])(1[0-9]|20)(?:--|\?\?|__|uu|xx|\.\.)(?![0-9.])")
_THREE = re.compile(r"(?<![0-9])([1-9][0-9]{0,2})(?![0-9])")
_NUMBERED = re.compile(
    r"\b(?:inv(?:entory)?|no|nr|num|acc(?:ession)?|cat|lot|obj|id|ref|n°|№)\b[\s.:#]*(?:no|nr)?[\s.:#]*"
    r"[0-9][0-9./-]*|№\s*[0-9]+|(?<![0-9.])[0-9]{4}\.[0-9]{2,}(?:\.[0-9]+)*(?![0-9])"
    r"|\b[0-9]+\s*(?:mm|cm|px|kg)\b|[0-9]+\s*x\s*[0-9]+"
)
_LATER = re.compile(
    r"[(\[,;/]?\s*(?:and |later |but |this )*\b(?:re-?)?(?:print(?:ed|ing)?|cast"
    r"|publi(?:shed|cation|e|cado)|pub\.|gedruckt|druck|abzug|gegossen|impr(?:ime|essum|ession)|tirage|fonte|stampat[oa]|impres[oa]"
    r"|gedrukt|afdruk|edition|ed\.|issued|restor(?:ed|ation)|exhibited|acquired|purchased|donated"
    r"|restauriert|erworben|manufactured|repainted|framed|photographed|scanned|digiti[sz]ed)\b"
    rf"[^0-9,;()]*(?:{_YEAR})(?:\s*[-/]\s*[0-9]{{1,4}})?s?\s*[)\]]?"
)
_FROM = r"\b(?:from|since|ab|seit|depuis|a partir d[ei]|dal|desde|vanaf)\b"
_UNTIL = re.compile(
    _FROM + r"[^0-9]*[0-9]{3,4}\s*(?:-|\b(?:to|until|till|bis|au|a|tot|al|hasta)\b)\s*[0-9]"
)
_AFTER = (
    r"(?:(?<!not )\bafter\b|\bpost\b|\bnach\b|\bapres\b|\bna\b|\bdopo\b|\bdespues d[ea]l?\b"
    rf"|\btras\b|\bпосле\b|\bnot before\b|{_FROM})"
)
_BEFORE = (
    r"(?:(?<!not )\bbefore\b|\bante\b|\bvor\b|\bavant\b|\bvoor\b|\bprima d(?:i|el|ell')\b"
    r"|\bantes de\b|\buntil\b|\btill\b|\bby\b|\bnot after\b|\bno later than\b|\bup to\b|\bbis\b"
    r"|\bjusqu'(?:a|en)\b|\btot\b|\bfino al?\b|\bhasta\b|\bдо\b)"
)
_ENDLESS = re.compile(
    r"(?:or|and) (?:later|after|earlier|before)\b|\bonwards?\b|\bff?\.|\bpresent\b|\bheute\b"
    r"|\bongoing\b|\bearliest\b|\blatest\b|\bearlier than\b|\bat least\b"
    r"|\bo(?:der)? (?:spater|fruher)\b|\bou (?:apres|avant)\b|\bof later\b"
    rf"|^\.\./?|/?\.\.$|^/|/$|^-\s*{_YEAR}|{_YEAR}\s*-\s*$"
)
_FIGURE = r"[^0-9<>]{0,24}?[0-9]"


def _is_open(words: str) -> bool:
    """Whether the words leave one end of the time open: 'after 1650', 'before 1700', '1650-'."""
    if _UNTIL.search(words):
        return False
    after = bool(re.search(_AFTER + _FIGURE, words))
    before = bool(re.search(_BEFORE + _FIGURE, words))
    if before and not after and re.search(r"[0-9][^0-9]*\b(?:to|bis|tot|till|until|до)\b", words):
        return False  # '1650 bis 1655' has its beginning
    return bool(_ENDLESS.search(words)) or after != before


def _created(words: str) -> str:
    """Without what came later, where a year remains: '1889 (printed 1920)' -> '1889'."""
    rest = _LATER.sub(" ", words)
    return rest if re.search(r"[0-9]", rest) else words


def _gregorian(words: str) -> Span | None:
    """Years, decades and centuries of our era."""
    is_marked = "<ad>" in words or bool(_QUALIFIERS.search(words))
    words = " ".join(_NUMBERED.sub(" ", _QUALIFIERS.sub(" ", words).replace("<ad>", " ")).split())
    if _is_open(words.strip(" ()")):
        return None
    exact = _years(words)
    century = _centuries(words)
    if exact and century:
        is_inside = century[0] <= exact[0] and exact[1] <= century[1]
        return exact if is_inside else None
    if exact or century:
        return exact or century
    return _small(words) if is_marked else None


def _years(words: str) -> Span | None:
    """What is written in figures of four digits, as single years, ranges and decades."""
    dated = _NUMERIC_DAY.sub(r" \2 ", _DAY.sub(r"\1", words))
    spans: list[Span] = [
        (first, first + 99)
        for match in _UNSURE_CENTURY.findall(dated)
        if (first := int(match) * 100)
    ]
    spans += [(int(ten) * 10, int(ten) * 10 + 9) for ten in _UNSURE_DECADE.findall(dated)]
    for match in _DECADES.finditer(dated):
        last = match["last"] if len(match["last"]) == 3 else match["first"][:2] + match["last"]
        spans.append((int(match["first"]) * 10, int(last) * 10 + 9))
    dated = _DECADES.sub(" ", dated)
    hundreds = [int(year) for year in _HUNDREDS.findall(dated)]
    spans += [(year, year + 99) for year in hundreds]
    tens = (*_DECADE.findall(dated), *_DECADE_BEFORE.findall(dated))
    # '1600s' may be ten years or a hundred
    spans += [
        (int(year), int(year) + (9 if int(year) % 100 else 99)) for year in tens if year[3] == "0"
    ]
    for pattern in (_DECADE, _DECADE_BEFORE, _HUNDREDS):
        dated = pattern.sub(" ", dated)
    dated = _TWO_CALENDARS.sub(_by_ours, dated)
    spans += [_spanned(match[1], match[2]) for match in _SPAN.finditer(dated)]
    dated = _SPAN.sub(" ", dated)
    spans += [(int(year), int(year)) for year in re.findall(rf"(?<![0-9]){_YEAR}(?![0-9])", dated)]
    if not spans and (
        roman := re.fullmatch(
            r"m{1,2}(?:cm|cd|d?c{0,3})(?:xc|xl|l?x{0,3})(?:ix|iv|v?i{0,3})", words
        )
    ):
        spans += [(_roman(roman[0]),) * 2] if len(words) > 3 else []
    return _around(spans)


def _by_ours(match: re.Match[str]) -> str:
    """'1020/1611' -> '1611', where the first is the same year by the Hijra."""
    hijri = _of_hijri(int(match[1]), None)
    return match[2] if hijri and hijri[0] - 1 <= int(match[2]) <= hijri[1] + 1 else match[0]


def _spanned(first: str, last: str) -> Span:
    """'1650', '55' -> 1650, 1655; '1775', '01', which is a month, -> 1775, 1775."""
    end = int(last if len(last) == 4 else first[: 4 - len(last)] + last)
    return int(first), max(int(first), end)


def _small(words: str) -> Span | None:
    """Years before 1000, which are told from other numbers by 'AD' or 'circa' alone."""
    if not re.fullmatch(
        r"[\s().,?]*[0-9]{1,3}(?:\s*(?:-|/|to|bis)\s*[0-9]{1,4})?[\s().,?]*", words
    ):
        return None
    numbers = [int(one) for one in re.findall(r"[0-9]+", words)]
    return (numbers[0], numbers[-1]) if 0 < numbers[0] <= numbers[-1] else None


def _around(spans: Iterable[Span]) -> Span | None:
    known = list(spans)
    return (min(a for a, _ in known), max(b for _, b in known)) if known else None


def _roman(text: str) -> int:
    values = [
        {"m": 1000, "d": 500, "c": 100, "l": 50, "x": 10, "v": 5, "i": 1}[one] for one in text
    ]
    later = [*values[1:], 0]
    return sum(-a if a < b else a for a, b in zip(values, later, strict=True))
