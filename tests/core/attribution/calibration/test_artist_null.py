"""The null per artist: length says nothing, chances are kept, an unknown artist earns nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.attribution.calibration.artist_null import ArtistNull, log_shares
from core.attribution.calibration.calibrate import _labels, _unshaped
from core.attribution.calibration.references import GENERATED, HELD_OUT, Reference
from core.collection.types import Artist, Collection, Work

RNG = np.random.default_rng(1)
ARTISTS = ("a", "b", "c", "d")
USUAL = np.array([1.0, 2.0, 0.5, 4.0])


def test_the_whole_holds_what_works_that_left_have() -> None:
    influence = np.array([[3.0, 1.0], [2.0, 2.0]])
    shares = np.exp(log_shares(influence, np.array([4.0, 0.0])))
    np.testing.assert_allclose(shares, [[3 / 8, 1 / 8], [0.5, 0.5]])
    np.testing.assert_allclose(np.exp(log_shares(influence)), [[0.75, 0.25], [0.5, 0.5]])


def influence(count: int) -> np.ndarray:
    """Influence that nobody in particular has: each artist's usual part, with heavy tails."""
    return USUAL * np.exp(0.5 * RNG.standard_t(3, (count, 4)))


NULL = ArtistNull.fit(ARTISTS, influence(200), np.ones((200, 4), dtype=bool))


def test_the_length_of_a_picture_changes_no_chance() -> None:
    asked = influence(1)[0]
    np.testing.assert_allclose(NULL.chances(asked), NULL.chances(1e6 * asked))


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.2])
def test_without_a_part_a_chance_below_the_rate_is_as_rare_as_the_rate(rate: float) -> None:
    chances = np.array([NULL.chances(row) for row in influence(2000)])
    np.testing.assert_allclose((chances <= rate).mean(axis=0), rate, atol=0.5 * rate + 0.01)


def test_who_has_most_of_a_picture_has_the_least_chance() -> None:
    asked = USUAL * np.array([1, 1, 300.0, 1])
    chances = NULL.chances(asked)
    assert chances.argmin() == 2
    assert chances[2] < 0.01


def test_chances_are_ranks_of_the_pooled_null() -> None:
    """An independent count for one artist."""
    asked = USUAL * np.array([1, 1, 5.0, 1])
    log = np.log(asked / asked.sum())
    above = (log - NULL.centre) / NULL.spread
    for place in range(4):
        reached = sum(1 for value in NULL.tail if value >= above[place])
        assert NULL.chances(asked)[place] == (1 + reached) / (1 + len(NULL.tail))


def test_only_pictures_without_a_part_are_usual() -> None:
    rows = influence(100)
    rows[:50, 0] *= 1e4  # painted by the first
    unshaped = np.ones((100, 4), dtype=bool)
    unshaped[:50, 0] = False
    asked = USUAL * np.array([50.0, 1, 1, 1])
    with_them = ArtistNull.fit(ARTISTS, rows, np.ones((100, 4), dtype=bool)).chances(asked)[0]
    assert ArtistNull.fit(ARTISTS, rows, unshaped).chances(asked)[0] < 0.05 < with_them


def test_an_artist_without_a_null_is_never_above_chance() -> None:
    unshaped = np.ones((50, 4), dtype=bool)
    unshaped[:, 1] = False
    null = ArtistNull.fit(ARTISTS, influence(50), unshaped)
    assert null.chances(USUAL * np.array([1, 1e9, 1, 1]))[1] == 1.0
    again = ArtistNull.from_plain(json.loads(json.dumps(null.plain())), ARTISTS)
    assert again.chances(USUAL * np.array([1, 1e9, 1, 1]))[1] == 1.0


def test_a_lone_artists_share_is_all_of_it_so_what_is_attributable_decides() -> None:
    alone = ArtistNull.fit(("a",), influence(200)[:, :1], np.ones((200, 1), dtype=bool))
    assert alone.chances(np.array([3.0])).tolist() == [0.0]
    assert alone.chances(np.array([0.0])).tolist() == [1.0]
    assert alone.chances(np.array([3.0]), departed=3.0)[0] > 0.0  # others were there, and left


def test_it_survives_json() -> None:
    again = ArtistNull.from_plain(json.loads(json.dumps(NULL.plain())), ("a", "c", "new"))
    asked = np.array([1.0, 30.0, 5.0])
    assert again.chances(asked)[2] == 1.0
    assert again.chances(asked)[1] < 0.2


def test_no_influence_at_all_is_no_evidence() -> None:
    assert (NULL.chances(np.zeros(4)) > 0.5).all()


def test_an_artist_of_every_class_is_judged_by_all_pictures_instead_of_never_credited() -> None:
    painted = [Reference(GENERATED, "p.png", style, "0") for style in ("x", "y")]
    held_out = Reference(HELD_OUT, "h.png", "x", "1", "a")
    classes = {"a": {"x"}, "b": {"x", "y"}}
    assert _unshaped(painted, classes).tolist() == [[False, True], [True, True]]
    # another hand's held-out work is one that the artist of every class had no part in
    assert _unshaped([*painted, held_out], classes).tolist() == [
        [False, False],
        [True, False],
        [False, True],
    ]


def test_a_picture_of_an_artists_own_caption_is_not_one_they_had_no_part_in(tmp_path: Path) -> None:
    works = tuple(
        Work(str(n), f"{n}.png", "", artist, "realism", "", "", "", "0", caption=f"a {thing}")
        for n, (artist, thing) in enumerate([("a", "tree"), ("b", "boat"), ("a", "road")])
    )
    artists = tuple(Artist(name, name, name) for name in "ab")
    by_caption = Collection(
        tmp_path, "c", "", "", works=works, artists=artists, image_size=8, by_caption=True
    )
    painted = [Reference(GENERATED, "p.png", label, "0") for label in by_caption.labels]
    assert [row.style for row in painted] == ["a boat", "a road", "a tree"]
    unshaped = _unshaped(painted, _labels(by_caption, ("a", "b")))
    assert unshaped.tolist() == [[True, False], [False, True], [False, True]]
    by_class = _labels(replace(by_caption, by_caption=False), ("a", "b"))
    assert by_class == {"a": {"realism"}, "b": {"realism"}}
