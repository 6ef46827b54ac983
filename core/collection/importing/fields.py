"""The fields of a work: what museums call their columns, in several languages, and what cells say.

In: the name of a column; the text of a cell. Out: the field that the name means; a slug fit for
ids, file names and addresses, a readable name, a year, a licence, an identifier; or nothing, where
the text does not say it. Knows no table.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable

from stdnum import isni

from core.collection.importing.years import is_undated as is_undated
from core.collection.importing.years import year_range as year_range

# --- columns -------------------------------------------------------------------------------------

# Names as they are compared: without accents, spaces, marks and capitals; the first count most.
SYNONYMS: dict[str, tuple[str, ...]] = {
    "file": (
        "file",
        "filename",
        "path",
        "image",
        "imagefile",
        "imagefilename",
        "imagepath",
        "filepath",
        "img",
        "picture",
        "picturefile",
        "pathtoimage",
        "imagename",
        "datei",
        "bild",
        "fichier",
        "bestand",
        "dateiname",
        "bilddatei",
        "bilddateiname",
        "nomdufichier",
        "nomfichier",
        "bestandsnaam",
        "nomefile",
        "nombrearchivo",
        "archivo",
        "фаил",
        "imagefiles",
        "filenames",
        "attachment",
        "attachments",
        "mediafile",
        "picturefilename",
        "localpath",
        "abbildung",
        "immagine",
        "imagen",
        "afbeelding",
    ),
    "title": (
        "title",
        "worktitle",
        "objecttitle",
        "artworktitle",
        "titlepreferred",
        "titel",
        "titre",
        "titulo",
        "titolo",
        "название",
        "name",
        "objectname",
        "werktitel",
        "bezeichnung",
        "titelwerk",
        "titrelong",
        # what a picture shows, where nothing names it: the captions of data sets
        "caption",
        "text",
    ),
    "artist": (
        "artist",
        "artistname",
        "artistdisplayname",
        "creator",
        "creatorname",
        "author",
        "maker",
        "painter",
        "artistsname",
        "preferreddisplayname",
        "forwarddisplayname",
        "displayname",
        "kunstler",
        "artiste",
        "kunstenaar",
        "artista",
        "автор",
        "художник",
    ),
    "style": (
        "style",
        "class",
        "label",
        "stylename",
        "labelname",
        "classname",
        "movement",
        "styleclass",
        "stil",
        "stijl",
        "estilo",
        "стиль",
        "stilrichtung",
        "stroming",
        "mouvement",
        "movimento",
        "movimiento",
        "artmovement",
        "artstyle",
    ),
    "year": (
        "year",
        "date",
        "creationdate",
        "datetext",
        "objectdate",
        "dated",
        "yearcreated",
        "creationyear",
        "datecreated",
        "completionyear",
        "completitionyear",
        "datecreation",
        "jahr",
        "annee",
        "jaar",
        "год",
        "datierung",
        "entstehungsjahr",
        "entstehungszeit",
        "datum",
        "datering",
        "datation",
        "datazione",
        "datacion",
        "fecha",
        "anno",
        "ano",
        "дата",
        "workdate",
        "productiondate",
        "dateofcreation",
        "dateofwork",
    ),
    "licence": (
        "licence",
        "license",
        "licencenote",
        "licensenote",
        "rights",
        "rightsstatement",
        "copyright",
        "usage",
        "ispublicdomain",
        "publicdomain",
        "lizenz",
        "rechte",
        "rechtestatus",
        "licentie",
        "licenza",
        "licencia",
        "droits",
        "diritti",
        "derechos",
        "accessrights",
    ),
    "source": (
        "source",
        "sourcerepo",
        "url",
        "weburl",
        "sourceurl",
        "objecturl",
        "linkresource",
        "creditline",
        "credit",
        "repository",
        "museum",
        "quelle",
        "bron",
        "fonte",
        "fuente",
        "sammlung",
        "institution",
        "identifieruri",
    ),
    "wikidata": (
        "wikidata",
        "wikidataid",
        "wikiqid",
        "qid",
        "artistwikidata",
        "artistwikidataid",
        "artistwikidataurl",
    ),
    "ulan": ("ulan", "ulanid", "ulanurl", "artistulan", "artistulanid", "artistulanurl"),
    "isni": ("isni", "isniid", "artistisni"),
    "viaf": ("viaf", "viafid", "artistviaf"),
    # what else a table says of a work's makers; several in parallel, divided alike
    "role": ("artistrole", "role", "creatorrole", "makerrole", "funktion", "rolle"),
    "prefix": ("artistprefix", "prefix", "attributionqualifier", "qualifier", "zuschreibung"),
    "suffix": ("artistsuffix", "suffix"),
    "bio": ("artistdisplaybio", "artistbio", "bio", "lifedates", "lebensdaten"),
    "born": ("artistbegindate", "born", "birthyear", "birthdate", "artistbirthyear", "geboren"),
    "died": ("artistenddate", "died", "deathyear", "deathdate", "artistdeathyear", "gestorben"),
    "nationality": ("artistnationality", "nationality", "artistnationalities", "nationalitat"),
    "sortname": ("artistalphasort", "sortname", "artistsortname", "alphasort"),
    "local": ("constituentid", "artistid", "creatorid", "makerid", "artistids"),
    # where a picture lies on the web: never fetched, but a better reason than "no picture"
    "address": ("imageurl", "images", "thumbnailurl", "primaryimage", "imageaddress", "iiifurl"),
}
FIELDS = tuple(field for field in SYNONYMS if field != "address")
_KNOWN = frozenset(name for names in SYNONYMS.values() for name in names)


_DUBLIN_CORE = re.compile(
    r"(?:https?://purl\.org/dc/(?:elements/1\.1|terms)/|\{[^}]*\}|(?:oai_)?dc(?:terms|t)?[:._/-]+)"
    r"(?=\w)",
    re.IGNORECASE,
)
_LANGUAGE = re.compile(r"(?:\[[a-z]{2}(?:[_-][a-z]{2})?\]|@[a-z]{2}(?:-[a-z]{2})?)$", re.IGNORECASE)


def compared_name(name: str) -> str:
    """'Artist Display Name', 'artist_display_name' and 'artistDisplayName' are one name.

    So are 'dc:title', 'dcterms.title', 'dc_title', 'dc.title[en]' and 'title'.
    """
    bare = _LANGUAGE.sub("", name.strip())
    is_dublin = _DUBLIN_CORE.match(bare)
    if is_dublin:
        bare = re.sub(
            r"^(?:date[.:_])?created$", "datecreated", bare[is_dublin.end() :], flags=re.I
        )
    plain = unicodedata.normalize("NFKD", bare.casefold())
    return "".join(letter for letter in plain if letter.isalnum())


def is_known(name: str) -> bool:
    """Whether a column of this name means something here."""
    return compared_name(name) in _KNOWN


# --- cells ---------------------------------------------------------------------------------------

_LETTERS = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ß": "ss", "æ": "ae", "œ": "oe", "þ": "th", "ı": "i"}
)
PARTICLES = frozenset(
    [
        "a",
        "af",
        "al",
        "am",
        "and",
        "at",
        "av",
        "by",
        "d",
        "da",
        "das",
        "de",
        "degli",
        "dei",
        "del",
        "della",
        "den",
        "der",
        "des",
        "di",
        "do",
        "dos",
        "du",
        "e",
        "el",
        "et",
        "for",
        "from",
        "in",
        "la",
        "las",
        "le",
        "les",
        "lo",
        "los",
        "of",
        "on",
        "or",
        "the",
        "ter",
        "to",
        "und",
        "van",
        "von",
        "with",
        "y",
        "zu",
        "zum",
    ]
)
_ROMAN = re.compile(r"(ii|iii|iv|vi|vii|viii|ix)")


def slug(text: str) -> str:
    """'Eugène Boudin' -> 'eugene-boudin'. Where a script has no Latin form, a digest is added.

    Without the digest, 'Иван I' and 'Пётр I' would be one artist.
    """
    folded = unicodedata.normalize("NFC", " ".join(text.split())).casefold()
    plain = unicodedata.normalize("NFKD", folded.translate(_LETTERS))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    kept = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    lost = any(letter.isalnum() and not letter.isascii() for letter in plain)
    if kept and not lost and len(kept) <= 80:
        return kept
    digest = hashlib.sha256(folded.encode("utf-8", "replace")).hexdigest()[:8]
    return f"{kept[:71].strip('-') or 'x'}-{digest}"


def readable(text: str) -> str:
    """'vincent-van-gogh' -> 'Vincent van Gogh'; text with capitals keeps them."""
    words = re.sub(r"[-_\s]+", " ", text).strip().split()
    if any(letter.isupper() for letter in text):
        return " ".join(words)
    shown = []
    for place, word in enumerate(words):
        if _ROMAN.fullmatch(word) and place == len(words) - 1:
            shown.append(word.upper())
        else:
            shown.append(word if place and word in PARTICLES else word[:1].upper() + word[1:])
    return " ".join(shown)


def plain_text(text: str, longest: int = 500) -> str:
    """One line of real characters: no controls, no half characters, no runs of space."""
    known = text.encode("utf-8", "ignore").decode("utf-8")
    spaced = "".join(
        " " if letter.isspace() else letter
        for letter in known
        if letter.isspace() or unicodedata.category(letter) not in ("Cc", "Cn", "Co")
    )
    line = unicodedata.normalize("NFC", " ".join(spaced.split()))
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


_YES, _NO = frozenset({"true", "yes", "1", "t"}), frozenset({"false", "no", "0", "f"})
_CC = re.compile(r"https?://(?:www\.)?creativecommons\.org/licenses/([a-z-]+)/([0-9.]+)", re.I)


def licence(text: str) -> str:
    """'https://creativecommons.org/licenses/by-sa/4.0/' -> 'CC BY-SA 4.0'."""
    stripped = text.strip()
    match = _CC.match(stripped)
    if match:
        return f"CC {match[1].upper()} {match[2]}"
    if re.match(r"https?://(?:www\.)?creativecommons\.org/publicdomain/zero/", stripped, re.I):
        return "CC0"
    if re.match(r"https?://(?:www\.)?creativecommons\.org/publicdomain/mark/", stripped, re.I):
        return "Public domain"
    if stripped.casefold() in _YES:  # a column such as ArtBench's is_public_domain
        return "Public domain"
    return "Not in the public domain" if stripped.casefold() in _NO else stripped


SCHEMES = ("wikidata", "ulan", "isni", "viaf")
_NONE = frozenset({"", "0", "none", "null", "nan", "n/a", "-", "unknown"})


LEFT_OUT = "; it was left out."  # what an import does with a bad number


def identifier(scheme: str, text: str) -> tuple[str, str]:
    """(value, "") for a good one, ("", reason) for a bad one, ("", "") where none is given."""
    if text.strip().casefold() in _NONE:
        return "", ""
    # an address ends with the number; a table of numbers may have made 500010588 a 500010588.0
    bare = re.sub(r"\.0$", "", text.strip().rstrip("/").rpartition("/")[2])
    value = _FORMS[scheme](bare)
    if value:
        return value, ""
    return "", f"'{text.strip()[:80]}' is not {_NAMES[scheme]}{LEFT_OUT}"


def _wikidata(text: str) -> str:
    match = re.fullmatch(r"[Qq]([1-9][0-9]{0,11})", text)
    return f"Q{match[1]}" if match else ""


def _ulan(text: str) -> str:
    """Nine digits from 500: the part of Getty's vocabularies that holds people."""
    return text if re.fullmatch(r"500[0-9]{6}", text) else ""


def _isni(text: str) -> str:
    plain = re.sub(r"(?i)^isni:?|[\s-]", "", text).upper()
    # the library cleans more from around a number than is one here
    return plain if re.fullmatch(r"[0-9]{15}[0-9X]", plain) and isni.is_valid(plain) else ""


def _viaf(text: str) -> str:
    return text if re.fullmatch(r"[1-9][0-9]{0,21}", text) else ""


_FORMS: dict[str, Callable[[str], str]] = {
    "wikidata": _wikidata,
    "ulan": _ulan,
    "isni": _isni,
    "viaf": _viaf,
}
_NAMES = {
    "wikidata": "a Wikidata item (Q and a number)",
    "ulan": "a ULAN number (nine digits from 500)",
    "isni": "an ISNI (sixteen digits, the last of which proves the others)",
    "viaf": "a VIAF number",
}
