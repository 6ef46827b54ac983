"""Nobody known is nobody: no word for it becomes a person, and no person is taken for it."""

from __future__ import annotations

import pytest

from core.collection.importing.credit_lines.line import Kind
from tests.core.collection.importing.credit_lines.reading import line_of, reading

NOBODY = """
|Unknown|Anonymous|unknown artist|Artist unknown|Unidentified artist|Unbekannt|anoniem|Anonyme|
Anonimo|n/a|N/A|None|null|-|?|Various|Various artists|[unknown]|(unknown)|Unknown Maker|
Künstler unbekannt|Unknown, Dutch, 17th century|Anonymous (Japan)|不詳|неизвестный художник|NULL|
nan|TBD|
--|???|…|N.N.|n. n.|s.n.|s. n.|[s.n.]|unknown?|Unbek.|Anon.|ANONYMOUS|Unknown author|(anonymous)|
Unbekannter Künstler|Unbekannter Meister|Unbekannter Fotograf|ohne Angabe|Anonym|Künstler/in
unbekannt|
Inconnu|Artiste inconnu|Auteur inconnu|Anonyme français|Anonyme, XVIIe siècle|sans auteur|
Ignoto|Autore ignoto|Anonimo fiorentino|Ignoto fiorentino sec. XVII|senza autore|Artista
sconosciuto|
Anónimo|Autor desconocido|desconocido|Anónimo flamenco|Anónimo español, siglo XVII|sin autor|
onbekend|Onbekende kunstenaar|anonieme kunstenaar|Anoniem, Nederlands, 17de eeuw|
Desconhecido|Autor desconhecido|Nieznany|Autor nieznany|Okänd|Ismeretlen|Neznámý|
Неизвестен|Неизвестный автор|неизвестно|Аноним|作者不詳|佚名|無名氏|作者不明|
Dutch School|Dutch School, 17th century|Italian (Venetian) 15th Century|British School (?)|
Flemish 17th Century|French 18th Century|Urbino 16th Century|Byzantine 13th Century|
Chinese Southern Song Dynasty|unknown Italian, Naples|Unknown 2nd Century B.C.|Florentine School|
Süddeutscher Meister, um 1500|Niederrheinischer Meister|Französische Schule, 18. Jahrhundert|
École française, XVIIIe siècle|école flamande|Scuola fiorentina sec. XVI|Scuola veneta|
Escuela sevillana|Escuela española, siglo XVII|Hollandse school|Maestro fiorentino|Pittore veneto|
School of Fontainebleau|School of Paris|Scuola di Ferrara|École de Fontainebleau|
Japan|Japan, Edo period|Asante artist|Escuela cuzqueña|Netherlandish Painter|
English|American|Multiple artists|Verschiedene|Autori vari|AA.VV.|Unknown Photographer|
Anonymous, 18th century, French|Unknown (American)|unknown artist, Japan|after the Antique|
Workshop of an unknown artist|Copy after unknown original|Attributed to unknown|unknown, printed
by unknown
"""


@pytest.mark.parametrize("written", [one.strip("\n") for one in NOBODY.split("|")])
def test_what_says_that_nobody_is_known_becomes_nobody(written: str) -> None:
    assert reading(written) == "nobody"


@pytest.mark.parametrize(
    "written",
    [
        "Master of the Female Half-Lengths",
        "Meister des Marienlebens",
        "Maître de Moulins",
        "Maestro di San Francesco",
        "Meester van Alkmaar",
        "Master of Frankfurt",
        "Monogrammist AB",
        "Monogrammist FG",
        "Meister E.S.",
        "Master NAR",
        "Master of 1518",
        "Master I.B. with the Bird",
        "Berlin Painter",
        "Pseudo Melioli",
        "A. B.",
        "Simon English",
        "Sophie German",
        "Frans Francken",
        "Master of the Saint Bartholomew Altar",
        "L'Antico",
        "Nadar",
        "None Hammarskjöld",
        "Nicola Pisano",
        "Paolo Veronese",
        "Daniel Chester French",
        "Allan Ramsay",
        "葛飾北斎",
    ],
)
def test_who_is_known_by_little_is_somebody(written: str) -> None:
    assert reading(written) == written


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Anonymous, after Rubens", "after: Rubens"),
        ("Unbekannt, nach Rubens", "after: Rubens"),
        ("Anonyme d'après Rubens", "after: Rubens"),
        ("Dutch School, after Frans Hals", "after: Frans Hals"),
        ("Italian School, formerly attributed to Titian", "formerly attributed to: Titian"),
        ("Italian 16th Century (Attributed to Benvenuto Cellini)", "Benvenuto Cellini?"),
        ("Unknown, printed by Carl Dorn", "nobody + printed by: Carl Dorn"),
    ],
)
def test_an_unknown_hand_beside_a_master_is_the_masters_party(written: str, expected: str) -> None:
    assert reading(written) == expected


def test_an_unknown_maker_beside_a_maker_of_a_name_stays() -> None:
    assert reading("Unknown|Petra Eismann", role="Artist|Artist") == "nobody + Petra Eismann"


@pytest.mark.parametrize(
    ("written", "scheme", "value"),
    [
        ("http://www.wikidata.org/entity/Q5582", "wikidata", "Q5582"),
        ("https://www.wikidata.org/wiki/Q5582", "wikidata", "Q5582"),
        ("Q5582", "wikidata", "Q5582"),
        ("https://vocab.getty.edu/ulan/500115588", "ulan", "500115588"),
        ("http://vocab.getty.edu/page/ulan/500115588", "ulan", "500115588"),
        ("500115588", "ulan", "500115588"),
        ("https://viaf.org/viaf/9854560", "viaf", "9854560"),
    ],
)
def test_a_number_where_a_name_should_be_is_kept_as_a_number_and_said(
    written: str, scheme: str, value: str
) -> None:
    line = line_of(written)
    (one,) = line.contributors
    assert (one.kind, one.identifiers) == (Kind.NOBODY, ((scheme, value),))
    assert "name is missing" in line.doubts[0]


def test_a_number_is_called_by_the_name_that_the_table_gives_it_elsewhere() -> None:
    from core.collection.importing.credit_lines.line import CreditCells
    from core.collection.importing.credit_lines.read import read_credit_lines

    rows = [
        CreditCells(name="http://www.wikidata.org/entity/Q900001"),
        CreditCells(name="Rijnland, Hendrik van", identifiers=(("wikidata", "Q900001"),)),
    ]
    first, second = read_credit_lines(rows)
    assert [one.contributors[0].name for one in (first, second)] == ["Hendrik van Rijnland"] * 2
    assert first.contributors[0].identifiers == (("wikidata", "Q900001"),)
    assert first.doubts == ()


def test_an_address_that_is_no_authority_s_is_nobody() -> None:
    assert reading("https://museum.example/artists/5") == "nobody"
