"""A run as tables: what a spreadsheet sums is the run's, and no name becomes a formula."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

from app.services.run_tables import CREDIT_COLUMNS, WORK_COLUMNS, credit_table, works_table
from core.ledger.records import RunView
from core.ledger.shares import WHOLE
from tests.runs import NAMES, influence, record


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_credit_of_a_run_sums_to_one_and_names_who_gets_it() -> None:
    lines = rows(credit_table(RunView(12, record(), 3), NAMES))
    assert tuple(lines[0]) == CREDIT_COLUMNS
    assert sum(int(line["micro"]) for line in lines) == WHOLE
    assert sum(float(line["percent"]) for line in lines) == 100
    assert [line["artist"] for line in lines] == [
        "Indigo Workshop",
        "Ochre Workshop",
        "unattributed",
    ]
    assert {line["entry"] for line in lines} == {"3"}


def test_the_works_of_a_run_are_those_that_were_named_in_their_order() -> None:
    run = replace(record(), influences=(influence(1), replace(influence(2), part=0.25)))
    lines = rows(works_table(RunView(12, run, None)))
    assert tuple(lines[0]) == WORK_COLUMNS
    assert [(line["rank"], line["part"]) for line in lines] == [("1", ""), ("2", "0.25")]
    assert {line["licence"] for line in lines} == {"CC0-1.0"}


def test_no_name_becomes_a_formula() -> None:
    hostile = '=HYPERLINK("http://example.org")'
    run = replace(
        record(),
        artist_micro={hostile: 1_000_000},
        unattributed_micro=0,
        influences=(replace(influence(1), title=hostile, artist=hostile, licence=hostile),),
    )
    for text in (
        credit_table(RunView(1, run, None), {hostile: hostile}),
        works_table(RunView(1, run, None)),
    ):
        cells = [cell for line in csv.reader(io.StringIO(text)) for cell in line]
        assert not [cell for cell in cells if cell.startswith("=")]
        assert f"'{hostile}" in cells
