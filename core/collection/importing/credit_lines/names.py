"""One name as it should read: in natural order, without dates, nationality and brackets.

In: what a cell has for one maker. Out: the name, and what stood beside it: years and nationality.
Knows no role and no table.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from core.collection.importing.credit_lines.folding import compared, flat, words
from core.collection.importing.credit_lines.places import PLACES, is_people
from core.collection.importing.fields import PARTICLES


@dataclass(frozen=True)
class Bio:
    """Years of birth and death and a nationality, "" where not said; `body`: it was founded."""

    born: str = ""
    died: str = ""
    nationality: str = ""
    body: bool = False

    def or_else(self, other: Bio) -> Bio:
        """What this says, and where it says nothing, what `other` says."""
        return Bio(
            self.born or other.born,
            self.died or other.died,
            self.nationality or other.nationality,
            self.body or other.body,
        )


NO_BIO = Bio()

# --- biographies --------------------------------------------------------------------------------

_ABOUT = (
    r"(?:\b(?:c|ca|circa|um|vers|verso|hacia|omstreeks|ok|okt|before|after|vor|nach|avant|apres|"
    r"entre|"
    r"prima del|dopo il|antes de|despues de|probably|possibly|perhaps|about|around|by|in|en|nel|"
    r"im|"
    r"baptized|baptised|bapt|get|ged|wohl|voor|na|early|late|le|il|el)\b\.?,?\s*|~\s*|\?\s*)*"
)
_YEAR = r"(?<![0-9])(1[0-9]{3}|20[0-9]{2}|[2-9][0-9]{2})(?![0-9])"
_DATE = rf"{_ABOUT}{_YEAR}(?:\s*(?:/|or|oder|ou|of)\s*[0-9]{{1,4}})?\s*(?:\(?\?\)?)?(?:\s*ca\.?)?"
_PLACE = r"(?:(?:in|a|at|zu|en|te)\s+)?(?:[^\W\d_][^\W\d_'’.-]*[\s,]+){0,3}?"
_ACTIVE = re.compile(
    r"(?:\b(?:fl|flor|act|tat|doc|erw|werkz|floruit)\.|\b(?:fl|flourished|active|worked|working|"
    r"tatig|"
    r"nachweisbar|nachgewiesen|erwahnt|wirkte|actif|active|attiv[oa]|activ[oa]|documentat[oa]|"
    r"documented|documentado|document[ei]|werkzaam|floruit|работал)\b)[^;)]*"
)
_FOUNDED = re.compile(
    rf"(?:\best\.|\b(?:est|established|founded|gegr\.?|gegrundet|fondee?|fondat[oa]|fundad[oa]|"
    rf"opgericht|"
    rf"active since|closed)\b)\s*(?:in\s+)?{_DATE}(?:\s*[-–]\s*(?:closed\s+)?{_DATE})?"
)
_BORN = re.compile(
    rf"(?:\b(?:born|geboren|nee?|nato|nata|nacid[oa]|nascid[oa]|родился|ur)\b|\b(?:b|geb|n|nac|"
    rf"nasc|р|род)\.|\*|°)"
    rf"\s*{_PLACE}{_DATE}"
)
_DIED = re.compile(
    rf"(?:\b(?:died|gestorben|mort|morte|morto|murio|muert[oa]|fallecid[oa]|overleden|"
    rf"falecid[oa])\b|"
    rf"\b(?:d|gest|m|ob|overl|ovl|fall|ум|deceased)\.|†|✝|\+)\s*{_PLACE}{_DATE}"
)
_BORN_IN = re.compile(
    r"(?:\b(?:born|died)|\b(?:b|d|geb|gest)\.)\s+(?:in\s+)?[^\W\d_][^\d,;)]*(?:,?\s*"
    + _YEAR
    + r")?"
)
_SPAN = re.compile(
    rf"{_DATE}\s*(?:-+|to|bis|until|a)\s*(?:{_DATE}|(?=$|[\s,;)])(?:present|heute)?)"
)
_SINGLE = re.compile(_DATE)
_CENTURY = re.compile(
    r"(?:(?:early|late|mid|mid-|first|second|half|third|quarter|last|fourth|of|the|end|"
    r"beginning|um|ca\.?|"
    r"anfang|ende|mitte|[12]\.\s*halfte|fin|debut|inizio|fine|meta)\s*)*"
    r"(?:[0-9]{1,2}(?:st|nd|rd|th)(?:\s*(?:/|-|or|to|and)\s*(?:early\s+|"
    r"late\s+)?[0-9]{1,2}(?:st|nd|rd|th))?"
    r"\s+(?:century|cent\.?|c\.)|[0-9]{1,2}\.\s*(?:/\s*[0-9]{1,2}\.\s*)?(?:jahrhunderts?|"
    r"jhd?t?s?\b\.?)|"
    r"[ivx]+e?\s+siecle|(?:secolo|sec\.|siglo|s\.)\s*[ivx]+|[ivx]+\s+secolo|[0-9]{1,2}(?:e|de|"
    r"ste)\s+eeuw)"
)
_REST = words(
    """
    and or und et e y en ou the of in a an by from to born died he she both bio life dates years
    nationality unknown based lives works resides national artist painter sculptor architect
    photographer designer maler peintre pittore pintor schilder printmaker engraver naturalized
    later naturalised active since citizen ca c null none nat
    """
)


@lru_cache(maxsize=50_000)
def read_bio(text: str) -> Bio | None:
    """What a biography says; None for a text that says anything else.

    >>> read_bio("Dutch, 1606-1669")
    Bio(born='1606', died='1669', nationality='Dutch', body=False)
    """
    bio, rest = _years(flat(text))
    words = _words_of(rest)
    nationality = _nationality(text)
    beside = [
        word for word in words if word not in _REST and word not in PLACES and not is_people(word)
    ]
    if beside and compared(" ".join(beside)) not in PLACES:
        return None
    if (
        not nationality
        and not any((bio.born, bio.died, bio.body))
        and rest.strip() == flat(text).strip()
    ):
        return None if not words else (NO_BIO if all(word in _REST for word in words) else None)
    return bio.or_else(Bio(nationality=nationality))


@lru_cache(maxsize=50_000)
def bio_of(text: str) -> Bio:
    """What the text of a biography's cell says, whatever else stands in it."""
    bio, _ = _years(flat(text))
    return bio.or_else(Bio(nationality=_nationality(text)))


def year_of(cell: str) -> str:
    """The year that a cell for birth or death names, else ''."""
    match = re.search(_YEAR, flat(cell))
    return match[1] if match else ""


def _years(lowered: str) -> tuple[Bio, str]:
    """Years of the life, and the text without what tells them."""
    born = died = ""
    body = bool(_FOUNDED.search(lowered))
    rest = _FOUNDED.sub(" ", lowered)
    rest = _CENTURY.sub(" ", _ACTIVE.sub(" ", rest))
    match = _SPAN.search(rest)
    if match:
        born, died = match[1], match[2] or ""
        rest = rest[: match.start()] + " " + rest[match.end() :]
    for pattern, whose in ((_BORN, "born"), (_DIED, "died")):
        match = pattern.search(rest)
        if match:
            born = (born or match[1]) if whose == "born" else born
            died = (died or match[1]) if whose == "died" else died
            rest = rest[: match.start()] + " " + rest[match.end() :]
    rest = _BORN_IN.sub(" ", rest)
    match = _SINGLE.search(rest)
    if match:
        rest = rest[: match.start()] + " " + rest[match.end() :]
    return Bio(born, died, "", body), rest


def _words_of(text: str) -> list[str]:
    return re.findall(r"[^\W_]+(?:[-'.][^\W_]+)*", text)


def _nationality(text: str) -> str:
    """The first people that is named, as it is written."""
    head = re.split(r"\bborn\b|\bgeb|\bnée?\b", text)[0]
    for part in re.split(r"[,;()\[\]0-9]", head):
        part = part.strip(" .:")
        if part and is_people(part):
            return part
    return ""


# --- names --------------------------------------------------------------------------------

GENERATIONS = words(
    """
    jr jr. sr sr. junior senior i ii iii iv v vi vii viii 2nd 3rd d.ä. d.j. d.a. d.ae. d.j fils
    père pere aîné aine cadet
    """
)
_GENERATION_PHRASE = re.compile(
    r"(?:the (?:elder|younger|older)|(?:der|d\.) ?(?:altere|jungere|a\.|ae\.|j\.|\u00c4\.)|"
    r"l'aine|le jeune|le vieux|le cadet|"
    r"il vecchio|il giovane|el viejo|el joven|el mozo|de oude|de jonge|de oudere|de jongere|"
    r"o velho)"
)
_HONOURS = words(
    """
    obe cbe mbe kbe dbe om ch ra ara rsa pra rha rws rba ri frs cb kcb gcb bt bt. bart bart. esq
    esq. phd md kt hon. rca arsa
    """
)
_TITLES = words(
    """
    sir dame lord lady dr dr. prof prof. professor rev rev. reverend baron baroness baronin count
    countess graf grafin comte comtesse conte contessa conde condesa duke duchess duc duchesse
    duca marquis marquise marchese earl viscount prince princess prinz prinzessin principe
    principessa king queen saint don dona donna fra frere brother sister pere padre captain capt.
    colonel col. major general lieutenant lt. admiral mr mr. mrs mrs. ms ms. miss mme mme. mlle
    mlle. madame mademoiselle monsieur herr frau fraulein freiherr ritter signor signora monsignor
    monseigneur cardinal bishop abbe abt mag. doctor doctors honorable hon chevalier cavaliere
    cav. cavalier jonkheer jhr. maestro
    """
)


def is_generation(text: str) -> bool:
    """'Jr.', 'II', 'the Elder', 'd. J.'."""
    return text.strip().casefold() in GENERATIONS or bool(
        _GENERATION_PHRASE.fullmatch(flat(text.strip()))
    )


def is_honour(text: str) -> bool:
    """'OBE', 'Bt': letters after a name that are no part of it."""
    return text.strip().casefold() in _HONOURS and text.strip()[:1].isupper()


def is_title(text: str) -> bool:
    """'Sir', 'Mrs.', 'Mr. and Mrs.': what stands before a name, and after an inverted one."""
    words = flat(text).replace("&", " and ").split()
    return (
        bool(words)
        and all(word in _TITLES or word in ("and", "the", "et", "und") for word in words)
        and (words[-1] not in ("and", "the", "et", "und"))
    )


_RANK = (
    r"(?:earl|duke|duchess|count|countess|marquess|marquis|marquise|viscount|viscountess|baron|"
    r"baroness|prince|"
    r"princess|comte|comtesse|duc|duchesse|conte|contessa|duca|duchessa|conde|condesa|principe|"
    r"principessa|graf|grafin|"
    r"herzog|freiherr|furst|lord|lady|vicomte|seigneur|sieur)"
)
_PEERAGE = re.compile(
    rf"[0-9]{{1,2}}(?:st|nd|rd|th)\s+(?:{_RANK}|bt|bart|baronet)\b.*|{_RANK}\s(?:of|de|du|des|"
    rf"di|del|della|von|zu|d'|van)\b.*"
)


def is_peerage(text: str) -> bool:
    """'9th Baron of Stafford', 'duchesse de': a rank that follows a name."""
    return bool(_PEERAGE.fullmatch(flat(text.strip())))


def without_generation(name: str) -> str:
    """'Hans the Younger' -> 'Hans'; a name that is nothing else stays."""
    words = name.split()
    for length in (2, 1):
        if len(words) > length and is_generation(" ".join(words[-length:])):
            return " ".join(words[:-length])
    return name


def titles_apart(name: str) -> tuple[str, str]:
    """'Mark Masterman Sir' -> ('Mark Masterman', 'Sir'): titles that an index puts last."""
    words = name.split()
    for start in range(1, len(words)):
        if is_title(" ".join(words[start:])):
            return " ".join(words[:start]), " ".join(words[start:])
    return name, ""


def without_titles(words: list[str]) -> list[str]:
    """The words of a name after its titles."""
    start = 0
    while start < len(words) - 1 and flat(words[start]) in _TITLES:
        start += 1
    return words[start:]


_OPEN_END = re.compile(r"\b(?:of|von|de|des|der|du|di|del|van)\s*$")  # "Master of 1518"
_BRACKETS = re.compile(r"\s*[(\[]([^()\[\]]*)[)\]]")
_TAIL_LIFE = re.compile(
    r"[\s,;]+((?:(?:born|b\.|geb\.|geboren|n[ée]e?|nat[oa]|nacid[oa]|died|d\.|gest\.|fl\.|"
    r"active|act\.|actif|attivo|activo|"
    r"tätig|werkzaam|ca?\.|circa|um|\*|†)\s*){0,3}[0-9]{3,4}(?:[^A-Za-zÀ-ÿ]|to|bis|or|ca?\.|geb|"
    r"gest|born|died|[bd]\.|after|before|nach|vor)*)$"
)


def without_life(text: str) -> tuple[str, Bio]:
    """The name, and the biography that stood in brackets or at the end."""
    bio = NO_BIO

    def bracket(match: re.Match[str]) -> str:
        nonlocal bio
        known = read_bio(match[1])
        if known is None:
            return match[0]
        bio = bio.or_else(known)
        return ""

    name = _BRACKETS.sub(bracket, text)
    if not name.strip() or _OPEN_END.search(flat(name)):
        return text, NO_BIO
    tail = _TAIL_LIFE.search(name)
    if (
        tail
        and "(" not in tail[1]
        and name[: tail.start()].count("(") == name[: tail.start()].count(")")
        and any(map(str.isalpha, name[: tail.start()]))
    ):
        known = read_bio(tail[1])
        if known is not None and not _OPEN_END.search(flat(name[: tail.start()])):
            name, bio = name[: tail.start()], bio.or_else(known)
    return name, bio


_SQUARE = re.compile(r"\[([^\[\]]*)\]")
_FORMER_NAME = re.compile(
    r"\s*\((?:formerly|früher|ehemals|anciennement|già|antes|voorheen|presently)\s[^()]*\)"
)


_ABBREVIATED = re.compile(
    r"(?:sz|zn|dr|bros|corp|gebr|assoc|comp|bart|prof|inst|s\.p\.a|[^\w](?:[^\W\d_]\.)+)\.$"
)


def tidy(name: str) -> str:
    """Without marks at its ends and supplied brackets; 'RUBENS Pieter Paul' becomes a name."""
    name = _FORMER_NAME.sub("", name)
    name = _SQUARE.sub(r"\1", name)
    while True:
        trimmed = " ".join(name.split()).strip(" ,;:|/*†+-–—_=~<>{}").rstrip("?¿([").lstrip(")].?")
        quotes = sum(map(trimmed.count, '"“”„«»'))
        if quotes % 2 or (trimmed[:1] in '"“„«' and trimmed[-1:] in '"”“»' and quotes == 2):
            trimmed = trimmed.strip('"“”„«»')
        if trimmed.count("(") < trimmed.count(")"):
            trimmed = trimmed.replace(")", "", trimmed.count(")") - trimmed.count("("))
        elif trimmed.count("(") > trimmed.count(")"):
            trimmed = trimmed.replace("(", "", trimmed.count("(") - trimmed.count(")"))
        if re.search(r"[^\W\d_]{4,}\.$", trimmed) and not _ABBREVIATED.search(flat(trimmed)):
            trimmed = trimmed[:-1]
        trimmed = re.sub(r"^\(([^()]*)\)$", r"\1", trimmed).replace("[", "").replace("]", "")
        if trimmed == name:
            return trimmed
        name = trimmed


# Families of painters in Japan, whose members are called by both names, the family's first.
_LINEAGES = words(
    """
    utagawa katsushika kitagawa katsukawa torii kano tosa ando hishikawa toyohara tsukioka
    kikugawa isoda okumura suzuki-harunobu ogata-korin maruyama toshusai chobunsai eishosai
    ippitsusai nishikawa rinpa hasegawa-tohaku unkoku yosa kaigetsudo
    """
)


def inverted(surname: str, first: str) -> str:
    """'van Gogh', 'Vincent' -> 'Vincent van Gogh'; generation last, titles first."""
    words = surname.split()
    generation = ""
    if len(words) > 1:
        for length in (2, 1):
            tail = " ".join(words[-length:])
            if len(words) > length and is_generation(tail):
                generation, words = " " + tail, words[:-length]
                break
    plain = without_generation(first)
    if plain != first:
        generation, first = first[len(plain) :] + generation, plain
    surname = " ".join(words)
    if flat(surname) in _LINEAGES and " " not in first:
        return f"{surname} {first}{generation}"
    glue = "" if first.endswith(("'", "’")) else " "
    return f"{first}{glue}{surname}{generation}"


_CAPITALS = re.compile(r"(?:[^\W\d_a-z]{2,}(?:['’-][^\W\d_a-z]{2,})*\s+){1,3}")


def capitals_first(name: str, is_given: Callable[[str], bool]) -> str:
    """'RUBENS Pieter Paul', as French inventories write, -> 'Pieter Paul Rubens'."""
    match = _CAPITALS.match(name)
    if not match:
        return name
    surname, first = match[0].strip(), re.sub(r"\s*\([^()]*\)$", "", name[match.end() :])
    initials = bool(re.fullmatch(r"(?:[^\W\d_]\.[\s-]?)+", first))
    if not all(letter.isupper() or letter in "'’- " for letter in surname):
        return name
    if not first or surname != surname.upper() or not is_given(first.split()[0]):
        return name
    if first == first.upper() and not initials:
        return name
    lowered = " ".join(
        word.lower()
        if word.casefold() in PARTICLES and word.casefold() not in ("le", "la")
        else word.title()
        for word in surname.split()
    )
    return f"{first} {lowered}"


_LIFE = re.compile(
    r"[,;]?\s*\(?\b(?:(?:1[0-9]|20)[0-9]{2}\s*[-–—]\s*(?:(?:1[0-9]|20)[0-9]{2})?|"
    r"(?:b\.|born)\s*(?:1[0-9]|20)[0-9]{2})\s*\)?$"
)
_GENERATION = frozenset(
    {"jr", "jr.", "sr", "sr.", "ii", "iii", "iv", "the elder", "the younger", "the older"}
)
_BODIES = frozenset(
    {"inc", "inc.", "ltd", "ltd.", "llc", "co", "co.", "gmbh", "sa", "s.a.", "plc", "architects"}
)
_NO_HALVES = frozenset({"mr", "mr.", "mrs", "mrs.", "dr", "dr.", "doctors", "the", "professor"})
_NOBODY = frozenset({"unknown", "anonymous", "unidentified", "artist", "school"})
_JOINED = frozenset({"and", "&", "with", "after", "or", "und", "et", "y", "и"})


def natural_name(written: str) -> str:
    """'Surname, First' -> 'First Surname'; years of life are left out; all else stays as written.

    >>> natural_name("Bruegel, Pieter, the Elder"), natural_name("Репин, Илья, 1844-1930")
    ('Pieter Bruegel the Elder', 'Илья Репин')
    """
    name = _LIFE.sub("", written).strip(" ,;") or written
    parts = [part.strip() for part in name.split(",")]
    if len(parts) == 2 and parts[1].casefold() in _GENERATION:
        return f"{parts[0]} {parts[1]}"
    if not 2 <= len(parts) <= 3 or not _is_inverted(parts[0], parts[1]):
        return name
    if len(parts) == 2:
        return f"{parts[1]} {parts[0]}"
    if parts[2].casefold() in _GENERATION:
        return f"{parts[1]} {parts[0]} {parts[2]}"
    return name


def _is_inverted(surname: str, first: str) -> bool:
    """Whether both halves look like the two halves of one person's name."""
    before, after = surname.split(), first.split()
    if not 1 <= len(before) <= 4 or not 1 <= len(after) <= 4:
        return False
    words = [word.casefold() for word in (*before, *after)]
    if set(words) & (_BODIES | _NO_HALVES | _NOBODY | _JOINED):
        return False
    if re.search(r"[\d()\[\]/:;?\"]", surname + first):
        return False
    return all(
        word[0].isupper() or word.casefold() in PARTICLES or word[0] in "'’"
        for word in (*before, *after)
    )
