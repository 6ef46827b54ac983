"""What a catalogue says of a work's time is read right or not at all: a wrong year is worse."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.collection.importing.years import is_undated, year_range

READ = {
    "1872": (1872, 1872),
    "c. 1650–55": (1650, 1655),
    "c.1395": (1395, 1395),
    "1889-1890": (1889, 1890),
    "1898 to 1902": (1898, 1902),
    "1930/31": (1930, 1931),
    "1950s": (1950, 1959),
    "the 1860’s": (1860, 1869),
    "17th century": (1601, 1700),
    "late 18th-century": (1701, 1800),
    "1775-01-01": (1775, 1775),
    "begun 1503, finished 1506": (1503, 1506),
    "[1901?]": (1901, 1901),
    "2011": (2011, 2011),
    "500 BC": (-500, -500),
    "c. 1200 B.C.E.": (-1200, -1200),
    "5. Jh. v. Chr.": (-500, -401),
    "ca. 300 av. J.-C.": (-300, -300),
    "III sec. a.C.": (-300, -201),
    "300-200 BC": (-300, -200),
    "100 BC – AD 50": (-100, 50),
    "100 BC-50 AD": (-100, 50),
    "2nd millennium BC": (-2000, -1001),
    "1st half of the 5th century BC": (-500, -451),
    "10,000 BC": (-10000, -10000),
    "3000-2500 v. Chr.": (-3000, -2500),
    "500 a. de C.": (-500, -500),
    "siglo V a.C.": (-500, -401),
    "IVe siècle av. J.-C.": (-400, -301),
    "4e eeuw v.Chr.": (-400, -301),
    "紀元前500年": (-500, -500),
    "5th–4th century BC": (-500, -301),
    "5th century BC - 1st century AD": (-500, 100),
    "V в. до н. э.": (-500, -401),
    "c. 500 BCE": (-500, -500),
    "44 v.Chr.": (-44, -44),
    "19. Jahrhundert": (1801, 1900),
    "XIXe siècle": (1801, 1900),
    "17de eeuw": (1601, 1700),
    "XVI secolo": (1501, 1600),
    "siglo XV": (1401, 1500),
    "early 16th century": (1501, 1600),
    "1st half 17th c.": (1601, 1650),
    "first half of the 17th century": (1601, 1650),
    "2. Hälfte 17. Jh.": (1651, 1700),
    "seconde moitié du XVIIIe siècle": (1751, 1800),
    "4. Viertel 19. Jh.": (1876, 1900),
    "last quarter of the 18th century": (1776, 1800),
    "prima metà del XVI secolo": (1501, 1550),
    "segunda mitad del siglo XVII": (1651, 1700),
    "eerste helft 17de eeuw": (1601, 1650),
    "XIX век": (1801, 1900),
    "sec. XVI": (1501, 1600),
    "s. XV": (1401, 1500),
    "19世紀": (1801, 1900),
    "nineteenth century": (1801, 1900),
    "15th-16th century": (1401, 1600),
    "16./17. Jh.": (1501, 1700),
    "Ende 19. / Anfang 20. Jahrhundert": (1801, 2000),
    "late 15th–early 16th century": (1401, 1600),
    "Quattrocento": (1401, 1500),
    "1800-talet": (1800, 1899),
    "1600s": (1600, 1699),
    "XVI-XVII sec.": (1501, 1700),
    "19th c.": (1801, 1900),
    "17e eeuw": (1601, 1700),
    "XVIIème siècle": (1601, 1700),
    "19 Jh": (1801, 1900),
    "Mitte des 18. Jahrhunderts": (1701, 1800),
    "1. Jh. n. Chr.": (1, 100),
    "siglos XV-XVI": (1401, 1600),
    "século XIX": (1801, 1900),
    "18th cent.": (1701, 1800),
    "19th century (1850)": (1850, 1850),
    "late 19th century (acquired 1920)": (1801, 1900),
    "Meiji 23": (1890, 1890),
    "明治23年": (1890, 1890),
    "明治二十三年": (1890, 1890),
    "昭和元年": (1926, 1926),
    "Edo period": (1603, 1868),
    "Edo period, 19th century": (1801, 1900),
    "AH 1020": (1611, 1612),
    "1020 AH": (1611, 1612),
    "A.H. 1020": (1611, 1612),
    "AH 1020 (1611-12)": (1611, 1612),
    "1020 AH / 1611 AD": (1611, 1611),
    "Kaei 5 (1852)": (1852, 1852),
    "Qianlong period": (1736, 1796),
    "Ming dynasty": (1368, 1644),
    "江戸時代": (1603, 1868),
    "江戸時代 19世紀": (1801, 1900),
    "光绪三年": (1877, 1877),
    "Meiji era": (1868, 1912),
    "Shōwa 5": (1930, 1930),
    "AH 1299–1300": (1881, 1883),
    "民國23年": (1934, 1934),
    "清代": (1644, 1912),
    "1311 H.": (1893, 1894),
    "between 1650 and 1700": (1650, 1700),
    "after 1650, before 1700": (1650, 1700),
    "zwischen 1650 und 1700": (1650, 1700),
    "entre 1650 et 1700": (1650, 1700),
    "tussen 1650 en 1700": (1650, 1700),
    "1650 bis 1655": (1650, 1655),
    "n. 1650": (1650, 1650),
    "c. 1650/55": (1650, 1655),
    "1889-90": (1889, 1890),
    "[1889?]": (1889, 1889),
    "1889 (printed 1920)": (1889, 1889),
    "1889, printed 1920": (1889, 1889),
    "printed 1920": (1920, 1920),
    "1889, cast 1920": (1889, 1889),
    "12 May 1889": (1889, 1889),
    "12.05.1889": (1889, 1889),
    "12/05/1889": (1889, 1889),
    "May 5th, 1889": (1889, 1889),
    "[189-]": (1890, 1899),
    "[189-?]": (1890, 1899),
    "[18--]": (1800, 1899),
    "189?": (1890, 1899),
    "1889.0": (1889, 1889),
    "AD 79": (79, 79),
    "79 AD": (79, 79),
    "c. 850": (850, 850),
    "c. 850–900": (850, 900),
    "années 1860": (1860, 1869),
    "1860er Jahre": (1860, 1869),
    "1860–70s": (1860, 1879),
    "1860s-1870s": (1860, 1879),
    "MDCCCLXXXIX": (1889, 1889),
    "anni 1950": (1950, 1959),
    "1889 AD": (1889, 1889),
    "A.D. 1889": (1889, 1889),
    "1889 n. Chr.": (1889, 1889),
    "1889 d.C.": (1889, 1889),
    "1889 or 1899": (1889, 1899),
    "Spring 1889": (1889, 1889),
    "um 1650": (1650, 1650),
    "vers 1650": (1650, 1650),
    "hacia 1650": (1650, 1650),
    "omstreeks 1650": (1650, 1650),
    "1889年": (1889, 1889),
    "1860年代": (1860, 1869),
    "1889 г.": (1889, 1889),
    "1889-05-12T00:00:00": (1889, 1889),
    "1889~": (1889, 1889),
    "probably 1889": (1889, 1889),
    "signed and dated 1889": (1889, 1889),
    "dated 1889": (1889, 1889),
    "mid-1880s": (1880, 1889),
    "Early 1900s": (1900, 1999),
    "1889–90 (?)": (1889, 1890),
    "from 1650 to 1655": (1650, 1655),
    "de 1650 a 1655": (1650, 1655),
    "Tenpō 2-3": (1831, 1832),
    "1840-tallet": (1840, 1849),
    "H 1020": (1611, 1612),
    "1311H": (1893, 1894),
    "1020/1611-12": (1611, 1612),
    "18.Jh.": (1701, 1800),
    "VI secolo a.C.": (-600, -501),
    "3. Jahrtausend v. Chr.": (-3000, -2001),
    "大正十二年": (1923, 1923),
    "1932, manufactured 1934": (1932, 1932),
    "1889 [posthumous cast 1920]": (1889, 1889),
}
DOUBTED = (
    "",
    "autumn",
    "99",
    "12345",
    "inv. 187",
    "July 8",
    "<1650",
    ">1700",
    "27 BC - 14",
    "before 300 BC",
    "turn of the 20th century",
    "Meiji 99",
    "Vikram Samvat 1920",
    "Saka 1820",
    "AM 5700",
    "B.E. 2500",
    "2500 BE",
    "1302 SH",
    "after 1650",
    "before 1700",
    "nach 1650",
    "vor 1700",
    "après 1650",
    "avant 1700",
    "1650 or later",
    "1889-",
    "1889–present",
    "by 1700",
    "1889/..",
    "../1890",
    "ante 1700",
    "post 1650",
    "dopo il 1650",
    "prima del 1700",
    "después de 1650",
    "antes de 1700",
    "na 1650",
    "voor 1700",
    "not before 1650",
    "32874",
    "1889.45",
    "988",
    "-500",
    "inv. 1889",
    "No. 1650",
    "from 1650",
    "1302 (solar)",
    "no earlier than 1650",
    "born 1850",
    "5700",
    "an XII",
    "43831.0",
    "before the 19th century",
    "'89",
    "before 500 BC",
)


@pytest.mark.parametrize("text", READ)
def test_a_time_is_read_in_many_languages_and_calendars(text: str) -> None:
    assert year_range(text) == READ[text]
    assert not is_undated(text)


@pytest.mark.parametrize("text", DOUBTED)
def test_what_names_no_year_or_leaves_an_end_open_is_read_as_none(text: str) -> None:
    assert year_range(text) is None


@pytest.mark.parametrize("text", ["", "0", "n.d.", " Unknown ", "s.d.", "?", "б.г.", "NaN"])
def test_undated_is_said_in_many_ways(text: str) -> None:
    assert is_undated(text)


def test_a_range_that_runs_backwards_is_its_first_year() -> None:
    assert year_range("1900-1890") == (1900, 1900)


@given(st.integers(1000, 2099), st.integers(0, 99))
def test_a_short_second_year_is_of_the_same_century(first: int, tail: int) -> None:
    low, high = year_range(f"{first}–{tail:02d}") or (0, 0)
    assert low == first and (high == first // 100 * 100 + tail or high == first)


@given(st.text(max_size=60))
def test_any_text_is_read_and_a_span_never_runs_backwards(text: str) -> None:
    span = year_range(text)
    assert span is None or (span[0] <= span[1] and 0 not in span)


VOCABULARY = """
1889 1650 16 5 23 th. c. century Jh. v. Chr. BC AD AH Meiji 明治 年 - / ( ) ? to after before siècle
XIX s. half 1st 2. Hälfte [18--] 1860s printed Edo period
"""


@given(st.lists(st.sampled_from(VOCABULARY.split()), max_size=7))
def test_any_words_of_catalogues_give_a_span_or_none(words: list[str]) -> None:
    span = year_range(" ".join(words))
    assert span is None or (span[0] <= span[1] and 0 not in span)


@given(st.integers(1, 3000))
def test_a_year_before_christ_is_one_by_every_name(year: int) -> None:
    names = ("{} BC", "{} B.C.E.", "{} v. Chr.", "{} av. J.-C.", "{} a.C.", "{} v.Chr.")
    assert {year_range(name.format(year)) for name in names} == {(-year, -year)}


@given(st.integers(1, 20), st.booleans())
def test_a_century_is_one_in_every_language(number: int, before: bool) -> None:
    tens, ones = divmod(number, 10)
    units = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")
    roman = "X" * tens + units[ones]
    names = {
        f"{number}. Jahrhundert": "v. Chr.",
        f"{roman}e siècle": "av. J.-C.",
        f"{number}e eeuw": "v.Chr.",
        f"{roman} secolo": "a.C.",
        f"siglo {roman}": "a. de C.",
        f"{number}th century": "BC",
    }
    first, last = 100 * number - 99, 100 * number
    expected = (-last, -first) if before else (first, last)
    for name, era in names.items():
        assert year_range(f"{name} {era}" if before else name) == expected, name


def test_a_year_of_the_hijra_is_that_of_known_days() -> None:
    """1 Muharram 1400 was 20 or 21 November 1979; 1 Muharram 1445 was 19 July 2023."""
    assert year_range("AH 1400") == (1979, 1980) and year_range("AH 1445") == (2023, 2024)
    assert year_range("AH 1") == (622, 623)
