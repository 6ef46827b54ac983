"""What museums and data sets call the same thing, in several languages.

In: the name of a column. Out: whether it means something here, and the field that it means. Knows
no table.
"""

from __future__ import annotations

import unicodedata

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
    # where a picture lies on the web: never fetched, but a better reason than "no picture"
    "address": ("imageurl", "images", "thumbnailurl", "primaryimage", "imageaddress", "iiifurl"),
}
FIELDS = tuple(field for field in SYNONYMS if field != "address")
_KNOWN = frozenset(name for names in SYNONYMS.values() for name in names)


def compared_name(name: str) -> str:
    """'Artist Display Name', 'artist_display_name' and 'artistDisplayName' are one name."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in plain if letter.isalnum())


def is_known(name: str) -> bool:
    """Whether a column of this name means something here."""
    return compared_name(name) in _KNOWN
