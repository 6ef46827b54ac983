"""Pictures that look alike are told, and nothing else is."""

from __future__ import annotations

from io import BytesIO

from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from core.collection.images.near_duplicates import ALIKE, PLAIN, look_alikes, look_of
from tests.core.collection.painting import soft


def bits(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


def test_saving_again_and_scaling_hardly_change_a_look() -> None:
    picture = soft(3, (200, 160))
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=60)
    again = Image.open(buffer).resize((90, 72))
    assert bits(look_of(picture), look_of(again)) <= ALIKE


def test_different_pictures_look_different() -> None:
    looks = [look_of(soft(seed, (80, 80))) for seed in range(12)]
    assert all(bits(a, b) > ALIKE for n, a in enumerate(looks) for b in looks[:n])


def test_a_picture_all_of_one_tone_looks_like_no_other() -> None:
    plain = look_of(Image.new("RGB", (40, 40), "#c04040"))
    assert plain == PLAIN == look_of(Image.new("RGB", (40, 40), "white"))
    assert look_alikes([plain, plain, "", ""], [0, 1, 2, 3]) == []


def test_the_nearest_that_came_before_is_named_once_per_query() -> None:
    looks = ["0000000000000000", "00000000000000ff", "0000000000000001", "0000000000000003"]
    assert look_alikes(looks, [0, 1, 2, 3]) == [(2, 0, 1), (3, 2, 1)]
    assert look_alikes(looks, [3]) == [(3, 2, 1)]
    assert look_alikes(looks, [1], within=8) == [(1, 0, 8)]
    assert look_alikes([], []) == []


LOOKS = st.lists(st.one_of(st.just(""), st.just(PLAIN), st.integers(0, 3).map("{:016x}".format)))


@given(LOOKS, st.integers(0, 2))
def test_it_is_what_comparing_every_pair_gives(looks: list[str], within: int) -> None:
    comparable = [place for place, look in enumerate(looks) if look not in ("", PLAIN)]
    expected = []
    for place in comparable:
        near = [(bits(looks[place], looks[one]), one) for one in comparable if one < place]
        if near and min(near)[0] <= within:
            expected.append((place, min(near)[1], min(near)[0]))
    assert look_alikes(looks, range(len(looks)), within) == expected
