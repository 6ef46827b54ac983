"""Several makers are told from one, by what the table proves; else it is asked."""

from __future__ import annotations

import pytest

from core.collection.importing.credit_lines.line import CreditCells, Kind
from core.collection.importing.credit_lines.read import read_credit_lines
from tests.core.collection.importing.credit_lines.reading import line_of, reading, shown
from tests.tables import becomes

MOMA = (
    ("Petra Eismann, Robert Kohl", "6956, 6957", "Petra Eismann + Robert Kohl"),
    ("Petra Eismann", "6956", "Petra Eismann"),
    ("Krista, Jeanne-Marie", "11,12", "Krista + Jeanne-Marie"),
    ("Komar, Melamid", "13, 14", "Komar + Melamid"),
    ("Anna Berg, Carl Dorn, Eva Falk", "1,2,3", "Anna Berg + Carl Dorn + Eva Falk"),
    ("Petra Eismann; Robert Kohl", "6956; 6957", "Petra Eismann + Robert Kohl"),
    ("Petra Eismann|Robert Kohl", "6956|6957", "Petra Eismann + Robert Kohl"),
    ("Petra Eismann and Robert Kohl", "6956|6957", "Petra Eismann + Robert Kohl"),
    ('["Petra Eismann", "Robert Kohl"]', "[6956, 6957]", "Petra Eismann + Robert Kohl"),
    ("Gilbert & George", "20, 21", "Gilbert + George"),
    ("Gilbert & George", "22", "Gilbert & George (body)"),
    ("Kokoschka, Oskar", "23", "Oskar Kokoschka"),
    ("Lissitzky, El", "24", "El Lissitzky"),
)


@pytest.mark.parametrize(("name", "numbers", "expected"), MOMA)
def test_the_number_of_identifiers_decides(name: str, numbers: str, expected: str) -> None:
    line = line_of(name, local=numbers)
    assert shown(line) == expected
    values = [value for one in line.contributors for _, value in one.identifiers]
    assert len(values) == len(line.contributors)


@becomes(
    """
    Gilbert Prowse, George Passmore -> Gilbert Prowse + George Passmore
    Jan Brueghel, Peter Paul Rubens -> Jan Brueghel + Peter Paul Rubens
    Hans Haacke, Joseph Beuys -> Hans Haacke + Joseph Beuys
    Bernd Becher, Hilla Becher -> Bernd Becher + Hilla Becher
    Charles Eames, Ray Eames -> Charles Eames + Ray Eames
    Ilya Kabakov, Emilia Kabakov -> Ilya Kabakov + Emilia Kabakov
    Le Corbusier, Pierre Jeanneret -> Le Corbusier + Pierre Jeanneret
    Wiener Werkstätte, Josef Hoffmann -> Wiener Werkstätte (body) + Josef Hoffmann
    Josef Hoffmann, Wiener Werkstätte -> Josef Hoffmann + Wiener Werkstätte (body)
    Bernd and Hilla Becher -> Bernd Becher + Hilla Becher
    Bernd und Hilla Becher -> Bernd Becher + Hilla Becher
    Ilya & Emilia Kabakov -> Ilya Kabakov + Emilia Kabakov
    Charles and Ray Eames -> Charles Eames + Ray Eames
    Shattuck, Frederick and Elizabeth -> Frederick Shattuck + Elizabeth Shattuck
    Jean et Jacques Bottex -> Jean Bottex + Jacques Bottex
    Anni Albers and Josef Albers -> Anni Albers + Josef Albers
    Tom Dewitt, Vibeke Sorensen, and Dean Winkler -> Tom Dewitt + Vibeke Sorensen + Dean Winkler
    Dewitt, Tom, Sorensen, Vibeke and Winkler, Dean -> Tom Dewitt + Vibeke Sorensen + Dean Winkler
    Iturbide, Graciela and Francisco Toledo -> Graciela Iturbide + Francisco Toledo
    Kokoschka, Oskar; Klimt, Gustav -> Oskar Kokoschka + Gustav Klimt
    Kokoschka, Oskar / Klimt, Gustav -> Oskar Kokoschka + Gustav Klimt
    Rembrandt and Jan Lievens -> Rembrandt + Jan Lievens
    Petra Eismann with Robert Kohl -> Petra Eismann + Robert Kohl
    Petra Eismann + Robert Kohl -> Petra Eismann + Robert Kohl
    Petra Eismann und Robert Kohl -> Petra Eismann + Robert Kohl
    Pedro Ruiz y Carmen Ortega -> Pedro Ruiz + Carmen Ortega
    Mario Rossi e Anna Bianchi -> Mario Rossi + Anna Bianchi
    Pieter Maes en Anna Visser -> Pieter Maes + Anna Visser
    after Jan de Douai and Jacques Nivelles -> after: Jan de Douai + after: Jacques Nivelles
    """
)
def test_several_makers_in_one_cell_are_several(text: str, expected: str) -> None:
    assert reading(text) == expected


@becomes(
    """
    Kokoschka, Oskar -> Oskar Kokoschka
    van Gogh, Vincent -> Vincent van Gogh
    De Kooning, Willem -> Willem De Kooning
    Utagawa, Hiroshige -> Utagawa Hiroshige
    Feure, Georges de -> Georges de Feure
    Leck, Bart van der -> Bart van der Leck
    Toulouse-Lautrec, Henri de -> Henri de Toulouse-Lautrec
    Bell, Laura Anning -> Laura Anning Bell
    Lely, Sir Peter -> Sir Peter Lely
    Turner, Charles, Sir -> Sir Charles Turner
    Foot, F.H. -> F.H. Foot
    Cooper, J. -> J. Cooper
    Bruegel, Pieter, the Elder -> Pieter Bruegel the Elder
    Holbein, Hans, the Younger -> Hans Holbein the Younger
    Fouquet, Jr., Pierre -> Pierre Fouquet Jr.
    Moore, Henry, OM, CH -> Henry Moore
    Taylor, John, of Bath -> John Taylor of Bath
    Crawford, James Ludovic Lindsay, 26th Earl of -> James Ludovic Lindsay, 26th Earl of Crawford
    Fox Pitt, Douglas -> Douglas Fox Pitt
    Репин, Илья, 1844-1930 -> Илья Репин
    Francisco de Goya y Lucientes -> Francisco de Goya y Lucientes
    Antoni Gaudí i Cornet -> Antoni Gaudí i Cornet
    Smith, Florence -> Florence Smith
    Harris, Charles "Teenie" -> Charles "Teenie" Harris
    """
)
def test_surname_and_first_name_are_one_maker(text: str, expected: str) -> None:
    assert reading(text) == expected


@pytest.mark.parametrize(
    "written",
    [
        "Herzog & de Meuron",
        "Art & Language",
        "Guerrilla Girls, New York",
        "Ateliers Jean Perzel, Paris",
        "Gilbert & George",
        "Komar and Melamid",
        "Skidmore, Owings & Merrill",
        "Shepley, Bulfinch, Richardson & Abbott",
        "Boston & Sandwich Glass Co.",
        "Richard Dudensing & Son",
        "Poli and Cuteri Architects",
        "Celli-Flynn and Associates",
        "Gilardi & Barzaghi, Italy",
        "Tiffany Studios, New York, NY",
        "Aoshima Shoten Co., Ltd., Japan",
        "Damianos Brown Andrews, Inc.",
        "Staatliche Majolika-Manufaktur",
        "Royal Danish Porcelain Factory",
        "Muntean/Rosenblum",
        "J. & R. Kemp",
        "Fratelli Guzzini",
        "Christofle et Cie",
        "Manufacture nationale de Sèvres",
    ],
)
def test_a_body_s_name_stays_one_name(written: str) -> None:
    assert reading(written) == f"{written} (body)"


def test_who_stands_alone_elsewhere_is_a_maker_of_their_own() -> None:
    assert reading("Komar, Melamid", ("Komar", "Melamid")) == "Komar + Melamid"
    assert reading("Gilbert & George", ("Gilbert", "George")) == "Gilbert + George"
    assert reading("Komar, Melamid", ("Melamid Komar",)) == "Melamid Komar"


def test_the_habit_of_the_column_decides_what_one_cell_leaves_open() -> None:
    inverted = ("Kokoschka, Oskar", "van Gogh, Vincent", "Albers, Josef", "Beckmann, Max")
    assert reading("Paul, Pallavi", inverted) == "Pallavi Paul"
    assert reading("Qvarnstrom, Xyl", inverted) == "Xyl Qvarnstrom"


@pytest.mark.parametrize("written", ["Komar, Melamid", "Krista, Jeanne-Marie"])
def test_what_nothing_decides_is_asked_with_its_readings(written: str) -> None:
    line = line_of(written)
    (one,) = line.contributors
    first, last = written.split(", ")
    assert (one.kind, one.name) == (Kind.UNDECIDED, written)
    assert line.readings == ((f"{last} {first}",), (first, last))
    assert written in line.question


@pytest.mark.parametrize(
    ("written", "readings"),
    [
        (
            "Edmonia Lewis und Jacob Maes",
            (("Edmonia Lewis Maes", "Jacob Maes"), ("Edmonia Lewis", "Jacob Maes")),
        ),
        ("Jan Steen or Frans Hals", (("Jan Steen",), ("Frans Hals",), ("Jan Steen", "Frans Hals"))),
    ],
)
def test_a_surname_is_not_shared_out_and_no_one_of_two_is_chosen(
    written: str, readings: tuple[tuple[str, ...], ...]
) -> None:
    line = line_of(written)
    assert line.contributors[0].kind is Kind.UNDECIDED
    assert line.readings == readings


def test_who_stands_alone_elsewhere_does_not_share_a_surname() -> None:
    made = reading("Edmonia Lewis und Jacob Maes", ("Edmonia Lewis",))
    assert made == "Edmonia Lewis + Jacob Maes"


def test_a_column_of_lists_is_no_column_of_inverted_names() -> None:
    beside = (
        *("Kokoschka, Oskar", "van Gogh, Vincent", "De Kooning, Willem", "Utagawa, Hiroshige"),
        *("Gilbert Prowse", "George Passmore", "Hans Haacke, Joseph Beuys"),
        *("Bernd Becher, Hilla Becher", "Charles Eames, Ray Eames"),
        *("Ilya Kabakov, Emilia Kabakov", "Jan Brueghel, Pieter Snayers"),
    )
    assert line_of("Komar, Melamid", beside).readings == (
        ("Melamid Komar",),
        ("Komar", "Melamid"),
    )


def test_lives_go_to_their_names() -> None:
    line = line_of(
        "Petra Eismann, Robert Kohl",
        local="6956, 6957",
        bio="(American, born 1932) (German, 1938–2001)",
    )
    assert [(one.born, one.died, one.nationality) for one in line.contributors] == [
        ("1932", "", "American"),
        ("1938", "2001", "German"),
    ]


def test_makers_beside_unnamed_others_are_credited_and_the_others_said() -> None:
    line = line_of("Petra Eismann and others")
    assert shown(line) == "Petra Eismann"
    assert "others" in line.doubts[0]


def test_a_second_column_in_natural_order_tells_how_to_turn_the_first() -> None:
    row = CreditCells(name="Zyx, Vut", sort_name="Vut Zyx")
    assert shown(read_credit_lines([row])[0]) == "Vut Zyx"
