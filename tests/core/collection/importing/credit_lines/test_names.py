"""A name is clean: what stands beside it, years and nationality, is filled in elsewhere."""

from __future__ import annotations

import pytest

from tests.core.collection.importing.credit_lines.reading import line_of


@pytest.mark.parametrize(
    ("written", "name", "born", "died", "nationality"),
    [
        ("Rembrandt van Rijn (1606–1669)", "Rembrandt van Rijn", "1606", "1669", ""),
        ("Rembrandt van Rijn, 1606-1669", "Rembrandt van Rijn", "1606", "1669", ""),
        ("Rembrandt van Rijn 1606-1669", "Rembrandt van Rijn", "1606", "1669", ""),
        ("Petra Eismann, born 1932", "Petra Eismann", "1932", "", ""),
        ("Petra Eismann b. 1932", "Petra Eismann", "1932", "", ""),
        ("Petra Eismann, geb. 1932", "Petra Eismann", "1932", "", ""),
        ("Petra Eismann (né en 1932)", "Petra Eismann", "1932", "", ""),
        ("Petra Eismann (nata nel 1932)", "Petra Eismann", "1932", "", ""),
        ("Jan Steen, fl. 1650", "Jan Steen", "", "", ""),
        ("Jan Steen (active 1640–60)", "Jan Steen", "", "", ""),
        ("Jan Steen, d. 1700", "Jan Steen", "", "1700", ""),
        ("Jan Steen († 1700)", "Jan Steen", "", "1700", ""),
        ("Jan Steen (ca. 1600 – ca. 1650)", "Jan Steen", "1600", "1650", ""),
        ("Jan Steen (um 1600–nach 1650)", "Jan Steen", "1600", "1650", ""),
        ("Jan Steen (vers 1600 - 1650)", "Jan Steen", "1600", "1650", ""),
        ("Jan Steen (Leiden 1606 – 1669 Amsterdam)", "Jan Steen", "1606", "1669", ""),
        ("Jan Steen (Dutch, 1606-1669)", "Jan Steen", "1606", "1669", "Dutch"),
        ("Jan Steen, Dutch, 1606-1669", "Jan Steen", "1606", "1669", "Dutch"),
        ("Jan Steen (niederländisch, 1606-1669)", "Jan Steen", "1606", "1669", "niederländisch"),
        ("Anna Berg (American, born 1938)", "Anna Berg", "1938", "", "American"),
        ("Anna Berg (American, born Germany 1938)", "Anna Berg", "1938", "", "American"),
        ("Anna Berg (French, born Germany. 1891–1976)", "Anna Berg", "1891", "1976", "French"),
        ("Berg, Anna (Deutsche, 1891–1976)", "Anna Berg", "1891", "1976", "Deutsche"),
        ("Steen, Jan, 1626-1679", "Jan Steen", "1626", "1679", ""),
        ("Steen, Jan; 1626-1679", "Jan Steen", "1626", "1679", ""),
        ("[Jan Steen]", "Jan Steen", "", "", ""),
        ("Rembrandt [van Rijn]", "Rembrandt van Rijn", "", "", ""),
        ("Kunisada (Toyokuni III)", "Kunisada (Toyokuni III)", "", "", ""),
        ("Sir Joshua Reynolds", "Sir Joshua Reynolds", "", "", ""),
        ("  Jan   Steen , ", "Jan Steen", "", "", ""),
        (
            "Grünewald, Matthias (German, c. 1475/1480 - 1528)",
            "Matthias Grünewald",
            "1475",
            "1528",
            "German",
        ),
        ("Anna Berg, American, b. Luxembourg, 1879–1973", "Anna Berg", "1879", "1973", "American"),
        ("Sanzio, Raffaello, dit Raphaël", "Raffaello Sanzio", "", "", ""),
        ("Anna Berg.", "Anna Berg", "", "", ""),
        ("J. Cooper (British, 18th century)", "J. Cooper", "", "", "British"),
    ],
)
def test_a_life_beside_a_name_is_filled_in_and_taken_off(
    written: str, name: str, born: str, died: str, nationality: str
) -> None:
    (one,) = line_of(written).contributors
    assert (one.name, one.born, one.died, one.nationality) == (name, born, died, nationality)


def test_a_cell_for_birth_wins_over_what_stands_beside_the_name() -> None:
    (one,) = line_of("Anna Berg (American, born 1938)", born="12 May 1939", died="0").contributors
    assert (one.born, one.died, one.nationality) == ("1939", "", "American")


def test_what_was_founded_is_a_body() -> None:
    (one,) = line_of("Bandai", bio="Japanese, est. 1950").contributors
    assert (one.kind, one.nationality) == ("body", "Japanese")
