"""What is said of a work beside a picture: its influence in words, its makers, what is unknown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.web.formatting import render
from app.web.views.looking import LookAlike
from core.collection.types import Collection, Work
from core.ledger.records import MEMORISED, OPPONENT, PROPONENT, RunInfluence
from tests.runs import influence


def words(row: RunInfluence) -> str:
    return render("looking.influence", row=row).strip()


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (replace(influence(2), side=PROPONENT, part=0.123), "No. 2 of the works that shaped"),
        (replace(influence(2), side=PROPONENT, part=0.123), "its part is 12.3 %, by estimate"),
        (replace(influence(1), side=PROPONENT, z=4.1), "+4.1σ above what it does to other"),
        (replace(influence(3), side=OPPONENT), "Nothing is debited for it"),
        (replace(influence(1), side=MEMORISED, self_influence=0.5), "50.0 % to know the work"),
        (replace(influence(1), part=0.1, self_influence=0.995), "says little about other"),
    ],
)
def test_influence_is_said_in_words_by_what_was_measured(row: RunInfluence, said: str) -> None:
    assert said in words(row)


@pytest.mark.parametrize("side", [OPPONENT, MEMORISED])
def test_no_part_of_the_picture_is_claimed_for_a_work_that_did_not_shape_it(side: str) -> None:
    assert "its part" not in words(replace(influence(1), side=side, part=0.2))


def test_a_card_holds_what_its_dialog_says() -> None:
    row = replace(
        influence(1), year="", licence="", makers=(("a", "Anna Berg", 1), ("b", "Carl Dorn", 1))
    )
    html = render("works.gallery", side=PROPONENT, rows=[row])
    assert 'href="./artists?id=a">Anna Berg</a>, <a href="./artists?id=b">Carl Dorn</a>' in html
    assert "not known" in html and "not stated" in html
    assert "Raw score" in html
    memorised = replace(row, side=MEMORISED)
    assert "Raw score" not in render("works.gallery", side=MEMORISED, rows=[memorised])


def test_a_work_that_looks_alike_names_its_makers_and_claims_no_influence(
    ready: Collection,
) -> None:
    work: Work = ready.works[0]
    row = LookAlike.of(ready, work, 0.93)
    assert row.makers == ((work.artist_id, ready.artist_names[work.artist_id]),)
    html = render("works.alike", rows=[row])
    assert "Looks 93 % alike. That is not influence" in html
    assert f'data-id="{work.id}"' in html
