"""A qualifier is read wherever a museum puts it, and never pays the master whom it names."""

from __future__ import annotations

import pytest

from core.collection.importing.credit_lines.line import CreditCells, Kind
from core.collection.importing.credit_lines.read import read_credit_lines
from tests.core.collection.importing.credit_lines.reading import line_of, reading, shown
from tests.tables import becomes


@becomes(
    """
    Workshop of Hendrik van Rijnland -> workshop of: Hendrik van Rijnland
    Rembrandt (circle of) -> circle of: Rembrandt
    Rubens, Peter Paul (workshop of) -> workshop of: Peter Paul Rubens
    Zuccari, Federico, Manner of -> manner of: Federico Zuccari
    Style of Jan Steen -> manner of: Jan Steen
    In the style of Jan Steen -> manner of: Jan Steen
    Imitator of Jan Steen -> manner of: Jan Steen
    School of Rembrandt -> school of: Rembrandt
    Pupil of Rembrandt -> pupil of: Rembrandt
    Follower of Hieronymus Bosch -> follower of: Hieronymus Bosch
    Follower of the Master of Frankfurt -> follower of: Master of Frankfurt
    Copy after Titian -> copy after: Titian
    After Titian -> after: Titian
    after a painting by Titian -> after: Titian
    Formerly attributed to Titian -> formerly attributed to: Titian
    Attributed to Titian -> Titian?
    Attr. to Titian -> Titian?
    Titian, Attributed to -> Titian?
    Leoni, Leone, Attributed to -> Leone Leoni?
    Possibly by Jan Steen -> Jan Steen?
    Probably Jan Steen -> Jan Steen?
    Jan Steen (?) -> Jan Steen?
    Jan Steen [?] -> Jan Steen?
    Jan Steen? -> Jan Steen?
    ? Jan Steen -> Jan Steen?
    Candida (?), Giovanni -> Giovanni Candida?
    Attributed to the workshop of Titian -> workshop of: Titian
    Possibly after Titian -> after: Titian
    Titian and workshop -> Titian + workshop of: Titian
    Sassetta and Assistant -> Sassetta + workshop of: Sassetta
    Titian and/or workshop -> workshop of: Titian
    Titian's workshop -> workshop of: Titian
    Titian, workshop of, and Paris Bordone -> workshop of: Titian + Paris Bordone
    vrij naar Rembrandt -> after: Rembrandt
    (da Raffaello) -> after: Raffaello
    toegeschreven aan de Meester van Alkmaar -> Meester van Alkmaar?
    attribué au Maître de Moulins -> Maître de Moulins?
    Titian or workshop -> workshop of: Titian
    Rembrandt workshop -> workshop of: Rembrandt
    nach Rubens -> after: Rubens
    Kopie nach Rubens -> copy after: Rubens
    Werkstatt des Lucas Cranach -> workshop of: Lucas Cranach
    Werkstatt Cranachs -> workshop of: Cranach
    Werkstatt Lucas Cranachs d. Ä. -> workshop of: Lucas Cranach d. Ä.
    Werkstatt Frans Hals -> workshop of: Frans Hals
    Cranach-Werkstatt -> workshop of: Cranach
    Rembrandt-Schule -> school of: Rembrandt
    Umkreis von Hans Holbein -> circle of: Hans Holbein
    Umkreis des Hans Holbein -> circle of: Hans Holbein
    Nachfolger von Hieronymus Bosch -> follower of: Hieronymus Bosch
    Schüler von Rembrandt -> pupil of: Rembrandt
    Art des Jan Steen -> manner of: Jan Steen
    Hans Holbein, zugeschrieben -> Hans Holbein?
    Hans Holbein (zugeschrieben) -> Hans Holbein?
    Hans Holbein (Umkreis) -> circle of: Hans Holbein
    Holbein, Hans, Werkstatt -> workshop of: Hans Holbein
    Hans Holbein und Werkstatt -> Hans Holbein + workshop of: Hans Holbein
    wohl Hans Holbein -> Hans Holbein?
    früher zugeschrieben an Hans Holbein -> formerly attributed to: Hans Holbein
    d'après Rubens -> after: Rubens
    copie d'après Rubens -> copy after: Rubens
    atelier de Rubens -> workshop of: Rubens
    atelier d'Annibale Carracci -> workshop of: Annibale Carracci
    entourage de Rubens -> circle of: Rubens
    suiveur de Jean Clouet -> follower of: Jean Clouet
    attribué à Jean Clouet -> Jean Clouet?
    école de Rubens -> school of: Rubens
    élève de Rubens -> pupil of: Rubens
    dans le goût de Watteau -> manner of: Watteau
    RUBENS Pieter Paul (d'après) -> after: Pieter Paul Rubens
    VOUET Simon (atelier) -> workshop of: Simon Vouet
    LE BRUN Charles (attribué à, ?) -> Charles Le Brun?
    naar Rembrandt -> after: Rembrandt
    toegeschreven aan Jan Steen -> Jan Steen?
    omgeving van Jan Steen -> circle of: Jan Steen
    navolger van Jan Steen -> follower of: Jan Steen
    atelier van Rembrandt -> workshop of: Rembrandt
    leerling van Rembrandt -> pupil of: Rembrandt
    kopie naar Jan Steen -> copy after: Jan Steen
    mogelijk Jan Steen -> Jan Steen?
    manier van Jan Steen -> manner of: Jan Steen
    bottega di Giovanni Bellini -> workshop of: Giovanni Bellini
    Giovanni Bellini e bottega -> Giovanni Bellini + workshop of: Giovanni Bellini
    attribuito a Giovanni Bellini -> Giovanni Bellini?
    seguace di Giovanni Bellini -> follower of: Giovanni Bellini
    cerchia di Giovanni Bellini -> circle of: Giovanni Bellini
    ambito di Giovanni Bellini -> circle of: Giovanni Bellini
    scuola di Giovanni Bellini -> school of: Giovanni Bellini
    maniera di Giovanni Bellini -> manner of: Giovanni Bellini
    copia da Giovanni Bellini -> copy after: Giovanni Bellini
    taller de Francisco Goya -> workshop of: Francisco Goya
    círculo de Francisco Goya -> circle of: Francisco Goya
    copia de Francisco Goya -> copy after: Francisco Goya
    atribuido a Francisco Goya -> Francisco Goya?
    seguidor de Francisco Goya -> follower of: Francisco Goya
    Rubens, Pedro Pablo (y taller) -> Pedro Pablo Rubens + workshop of: Pedro Pablo Rubens
    oficina de Jorge Afonso -> workshop of: Jorge Afonso
    atribuído a Jorge Afonso -> Jorge Afonso?
    Leonardo da Vinci -> Leonardo da Vinci
    da Vinci, Leonardo -> Leonardo da Vinci
    Pietro da Cortona -> Pietro da Cortona
    Max Wohl -> Max Wohl
    Atelier Van Lieshout -> Atelier Van Lieshout (body)
    Vermilion Workshop -> Vermilion Workshop (body)
    Taller de Gráfica Popular -> Taller de Gráfica Popular (body)
    School of Visual Arts -> School of Visual Arts (body)
    """
)
def test_a_qualifier_in_the_names_cell_is_a_role_and_the_name_is_the_masters(
    text: str, expected: str
) -> None:
    assert reading(text) == expected


@becomes(
    """
    Theodor Galle after Jan van der Straet -> Theodor Galle + source: Jan van der Straet
    Galle, Theodor after Jan van der Straet -> Theodor Galle + source: Jan van der Straet
    Jan Prent, naar Rubens -> Jan Prent + source: Rubens
    Jan Prent nach Rubens -> Jan Prent + source: Rubens
    gravé par Jean Audran d'après Rubens -> Jean Audran + source: Rubens
    prentmaker: Jan Prent; naar schilderij van: Rubens -> Jan Prent + source: Rubens
    Rubens pinxit, Vorsterman sculpsit -> source: Rubens + Vorsterman
    Galle, Philip, Attributed to after Pieter Bruegel -> Philip Galle? + source: Pieter Bruegel
    after Rubens; published by Carl Dorn -> after: Rubens + published by: Carl Dorn
    William Sharp (engraver), Benjamin West (after) -> William Sharp + source: Benjamin West
    by John Smith, after Sir Godfrey Kneller, Bt -> John Smith + source: Sir Godfrey Kneller
    Print made by Wenceslaus Hollar -> Wenceslaus Hollar
    Eva Falk, printed by Carl Dorn -> Eva Falk + printed by: Carl Dorn
    Jean Condé (printmaker); Richard Cosway (after) -> Jean Condé + source: Richard Cosway
    """
)
def test_who_gave_the_design_of_a_print_is_its_source(text: str, expected: str) -> None:
    assert reading(text) == expected


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"prefix": "Copy after"}, "copy after: Hendrik van Rijnland"),
        ({"prefix": "Workshop of"}, "workshop of: Hendrik van Rijnland"),
        ({"prefix": "Style of"}, "manner of: Hendrik van Rijnland"),
        ({"prefix": "After"}, "after: Hendrik van Rijnland"),
        ({"prefix": "Attributed to"}, "Hendrik van Rijnland?"),
        ({"prefix": "Possibly by"}, "Hendrik van Rijnland?"),
        ({"prefix": "Formerly attributed to"}, "formerly attributed to: Hendrik van Rijnland"),
        ({"prefix": "Published by"}, "nobody + published by: Hendrik van Rijnland"),
        ({"prefix": "Engraved by"}, "Hendrik van Rijnland"),
        ({"prefix": "nach"}, "after: Hendrik van Rijnland"),
        ({"prefix": "da"}, "after: Hendrik van Rijnland"),
        ({"suffix": "(?)"}, "Hendrik van Rijnland?"),
        ({"suffix": "?"}, "Hendrik van Rijnland?"),
        ({"suffix": "workshop"}, "workshop of: Hendrik van Rijnland"),
        ({"suffix": "(copy after)"}, "copy after: Hendrik van Rijnland"),
        ({"suffix": "school"}, "school of: Hendrik van Rijnland"),
        ({"suffix": "Werkstatt"}, "workshop of: Hendrik van Rijnland"),
        ({"suffix": "Umkreis"}, "circle of: Hendrik van Rijnland"),
        (
            {"suffix": "and workshop"},
            "Hendrik van Rijnland + workshop of: Hendrik van Rijnland",
        ),
        ({"suffix": "the Younger"}, "Hendrik van Rijnland the Younger"),
        ({"role": "Artist"}, "Hendrik van Rijnland"),
        ({"role": "pupil of"}, "pupil of: Hendrik van Rijnland"),
        ({"role": "after"}, "after: Hendrik van Rijnland"),
        ({"role": "circle of"}, "circle of: Hendrik van Rijnland"),
        ({"role": "Printer"}, "nobody + printed by: Hendrik van Rijnland"),
        ({"role": "printer and publisher"}, "nobody + printed by: Hendrik van Rijnland"),
        ({"role": "attributed designer"}, "Hendrik van Rijnland?"),
        ({"role": "Author"}, "Hendrik van Rijnland"),
        ({"role": "Sitter"}, "nobody"),
        ({"role": "Former Attribution"}, "formerly attributed to: Hendrik van Rijnland"),
        ({"role": "Artist", "prefix": "Follower of"}, "follower of: Hendrik van Rijnland"),
    ],
)
def test_a_qualifier_in_a_column_of_its_own_is_a_role(cells: dict[str, str], expected: str) -> None:
    assert reading("Hendrik van Rijnland", **cells) == expected


@pytest.mark.parametrize(
    ("name", "cells", "expected"),
    [
        (
            "Jan Prent|Hendrik van Rijnland",
            {"role": "Artist|Artist", "prefix": "|After", "suffix": "|"},
            "Jan Prent + source: Hendrik van Rijnland",
        ),
        (
            "Jan Prent|Hendrik van Rijnland",
            {"role": "Engraver|Designer"},
            "Jan Prent + source: Hendrik van Rijnland",
        ),
        (
            "Marcel Breuer|Embru-Werke AG",
            {"role": "designer|manufacturer"},
            "Marcel Breuer + Embru-Werke AG (body)",
        ),
        (
            "Kawase Hasui|Watanabe Shôzaburô",
            {"role": "artist|publisher"},
            "Kawase Hasui + published by: Watanabe Shôzaburô",
        ),
        (
            "Carl Dorn|Eva Falk",
            {"role": "Printer|Publisher"},
            "nobody + printed by: Carl Dorn + published by: Eva Falk",
        ),
        (
            "Anonymous|Hendrik van Rijnland",
            {"role": "Artist|Artist", "prefix": "|After"},
            "after: Hendrik van Rijnland",
        ),
        (
            "Petra Eismann|Anna Berg",
            {"role": "Artist|Sitter"},
            "Petra Eismann",
        ),
        ("Petra Eismann, Robert Kohl", {"role": "Artist"}, "Petra Eismann + Robert Kohl"),
        (
            "Petra Eismann, Robert Kohl",
            {"role": "Artist, Printer"},
            "Petra Eismann + printed by: Robert Kohl",
        ),
    ],
)
def test_parallel_columns_are_read_in_parallel(
    name: str, cells: dict[str, str], expected: str
) -> None:
    assert reading(name, **cells) == expected


def test_identifiers_follow_their_names_and_empty_places_stay_empty() -> None:
    line = line_of(
        "Jan Prent|Hendrik van Rijnland",
        prefix="|After",
        ulan="http://vocab.getty.edu/page/ulan/500099002|http://vocab.getty.edu/page/ulan/500099001",
        wikidata="|https://www.wikidata.org/wiki/Q900001",
    )
    assert [one.identifiers for one in line.contributors] == [
        (("ulan", "500099002"),),
        (("ulan", "500099001"), ("wikidata", "Q900001")),
    ]
    assert line.doubts == ()


def test_identifiers_of_another_number_than_the_names_are_left_out_and_said() -> None:
    line = line_of("Petra Eismann|Robert Kohl|Eva Falk", wikidata="Q1|Q2")
    assert [one.identifiers for one in line.contributors] == [(), (), ()]
    assert "left out" in line.doubts[0]


def test_roles_of_another_number_than_the_names_are_asked_about() -> None:
    line = line_of("Petra Eismann|Robert Kohl|Eva Falk", prefix="|After")
    assert line.question and line.contributors[0].kind is Kind.UNDECIDED


def test_a_word_before_a_name_that_is_no_known_role_is_asked_about() -> None:
    line = line_of("Petra Eismann", prefix="Zwischengutachten zu")
    assert line.question and line.contributors[0].kind is Kind.UNDECIDED


def test_a_role_that_is_not_known_makes_a_maker_and_is_said() -> None:
    line = line_of("Petra Eismann", role="Zuckerbäckerin")
    assert shown(line) == "Petra Eismann"
    assert "Zuckerbäckerin" in line.doubts[0]


def test_the_role_column_of_a_table_is_read_row_by_row() -> None:
    rows = [
        CreditCells(name="Turner, Jonas Malcolm", role=role, identifiers=(("local", "558"),))
        for role in ("artist", "pupil of", "after", "circle of")
    ]
    assert [shown(line) for line in read_credit_lines(rows)] == [
        "Jonas Malcolm Turner",
        "pupil of: Jonas Malcolm Turner",
        "after: Jonas Malcolm Turner",
        "circle of: Jonas Malcolm Turner",
    ]
