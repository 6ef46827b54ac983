"""Names of one person, however they are spelt, are near; names of two are not."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.collection.artists.name_comparison import folded, may_be_one, name_key, near_pairs

SPELLINGS = {
    "Käthe Müller": """
        Kaethe Mueller; Kathe Muller; Käthe Mueller; Kaethe Müller; Kathe Mueller; MÜLLER, KÄTHE;
        Müller, Käthe; Müller Käthe; käthe müller; K. Müller; Müller, K.; Käthe  Müller;
        Käte Müller; Kaete Mueller; Kathé Müller; Käthe Anna Müller; Käthe Müller-Berg;
        Käthe Muller Berg; Kathe Miller; Kätha Müller; Käthe Mülller; Kähte Müller; Kete Miuller;
        Keta Mjuller; Кете Мюллер; Мюллер, Кете; КЕТЕ МЮЛЛЕР; ケーテ・ミュラー; Kæthe Müller;
        Käthe MÜLLER (1867–1945); Müller; Mueller; Dr. Käthe Müller; Frau Käthe Müller""",
    "Žofie Dvořáková": """
        Zofie Dvorakova; Dvořáková, Žofie; Dvořáková Žofie; DVOŘÁKOVÁ; Ž. Dvořáková; Z. Dvorakova;
        Zofia Dworzakowa; Žofia Dvořáková; Žofie Dvořák; Žofie Dvořákova; Sofie Dvorakova;
        Zhofie Dvorzhakova; Жофие Дворжакова; Жофия Дворжакова; Zsófie Dvoráková;
        Žofie Marie Dvořáková; Dvorakova, Z.; Zofie Dvoráková""",
    "Ōtani Haruko": """
        Otani Haruko; Haruko Otani; Ohtani Haruko; Ootani Haruko; Otani, Haruko; H. Otani""",
}
DIFFERENT = [
    ("Anna Berg", "Carl Dorn"),
    ("Käthe Müller", "Käthe Kollwitz"),
    ("Käthe Müller", "Otto Müller"),
    ("Jan Brueghel", "Pieter Brueghel"),
    ("Claude Monet", "Édouard Manet"),
    ("Peter Paul Rubens", "Paul Klee"),
    ("Utagawa Hiroshige", "Utagawa Kunisada"),
    ("Max Ernst", "Ernst Barlach"),
    ("NULL", "Käthe Müller"),
    ("Berg", "Anna Bergson Keller"),
]
PAIRS = [
    (name, spelling.strip()) for name, text in SPELLINGS.items() for spelling in text.split(";")
]


@pytest.mark.parametrize(("name", "spelling"), PAIRS)
def test_a_name_spelt_otherwise_is_near(name: str, spelling: str) -> None:
    assert may_be_one(name, spelling) and may_be_one(spelling, name)


def test_there_are_fifty_spellings() -> None:
    assert len(PAIRS) >= 50


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_two_names_are_two(one: str, other: str) -> None:
    assert not may_be_one(one, other) and not may_be_one(other, one)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Käthe Müller", "MUELLER, Kaethe", True),
        ("Żofia", "zofia", True),
        ("Anna Berg", "Berg Anna", True),
        ("Anna Berg", "Anna Burg", False),
        ("葛飾北斎", "歌川広重", False),
    ],
)
def test_a_key_is_shared_by_what_differs_in_marks_and_order_alone(
    one: str, other: str, same: bool
) -> None:
    assert (name_key(one) == name_key(other)) is same


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_can_be_compared_and_nearness_has_no_direction(one: str, other: str) -> None:
    assert may_be_one(one, other) == may_be_one(other, one)
    assert folded(folded(one)) == folded(one)


def test_pairs_among_many_are_those_that_are_near_and_each_once() -> None:
    names = list(SPELLINGS) + [text for pair in DIFFERENT for text in pair]
    names += ["Kaethe Mueller", "Zofie Dvorakova"]
    every = {
        (one, other)
        for one, other in combinations(range(len(names)), 2)
        if may_be_one(names[one], names[other]) and names[one] != names[other]
    }
    near = [pair for pair in near_pairs(names) if names[pair[0]] != names[pair[1]]]
    assert len(set(near)) == len(near) and set(near) <= every
    assert len(near) >= 0.9 * len(every)
