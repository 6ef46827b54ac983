"""What an import says it did: every row once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.collection.importing.report import Duplicate, ImportReport, NothingImported, Selection
from core.collection.importing.rows import Refusal
from core.collection.types import Artist, Collection, Work
from core.errors import UsageError

EMPTY = Collection(Path("c"), "c", "C", "", 32, (), ())
NOTHING = ImportReport(EMPTY, 0, 0, 0, 0, (), ())


def work(n: int, year: str, licence: str = "CC0") -> Work:
    return Work(f"w{n}", f"images/{n}.jpg", "T", "a", "s", year, licence, "", "0")


def test_rows_are_counted_once_each_and_look_alikes_are_no_rows() -> None:
    report = replace(
        NOTHING,
        imported=5,
        updated=4,
        unchanged=3,
        skipped=2,
        refused=(Refusal("1", "x"),),
        duplicates=(Duplicate("2", "w"), Duplicate("3", "w", "look", 4), Duplicate("4", "w")),
    )
    assert (report.rows, report.twice) == (5 + 4 + 3 + 2 + 1 + 2, 2)


def test_years_and_licences_are_summed_up() -> None:
    works = (work(1, "c. 1650–55"), work(2, "unknown"), work(3, "1890s", ""), work(4, ""))
    report = replace(
        NOTHING, collection=replace(EMPTY, works=works, artists=(Artist("a", "a", "A"),))
    )
    assert (report.works, report.artists) == (4, 1)
    assert report.years == (1650, 1899) and report.unlicensed == 1
    assert NOTHING.years is None


@pytest.mark.parametrize(
    ("report", "phrase"),
    [
        (replace(NOTHING, refused=(Refusal("1", "It is damaged."),)), "of 1 row none.*damaged"),
        (replace(NOTHING, refused=(Refusal("1", "Bad."),) * 3), "of 3 rows none.*Bad"),
        (replace(NOTHING, skipped=4), "chosen styles and limits left out all 4 rows"),
        (replace(NOTHING, skipped=2, refused=(Refusal("1", "Bad."),)), "2 were left out by"),
    ],
)
def test_where_nothing_could_be_taken_the_reason_is_said(report: ImportReport, phrase: str) -> None:
    error = NothingImported(report)
    assert error.report is report
    with pytest.raises(NothingImported, match=f"Nothing was imported: .*{phrase}"):
        raise error


@pytest.mark.parametrize("limit", [0, -3])
def test_a_limit_that_takes_nothing_is_asked_wrongly(limit: int) -> None:
    for limits in ({"limit": limit}, {"limit_per_artist": limit}):
        with pytest.raises(UsageError, match=f"limit of {limit} would take nothing"):
            Selection(**limits)
