"""What a page shows of the benchmark by artist: the file's own figures, in order, between axes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from core.evaluation.agreement import Interval
from core.evaluation.artist_report import (
    EVEN,
    SHOWN,
    TOO_EVEN,
    TOO_STEEP,
    UNRELATED,
    ArtistsMeasured,
    CalibrationChart,
    artists_measured,
    forgetting_agreements,
)
from core.evaluation.report import artist_figures
from tests.core.evaluation.measured_artists import artists_json, finalist


def written(result: dict[str, Any]) -> dict[str, Any]:
    """What a collection's `report.json` holds of it."""
    report: dict[str, Any] = json.loads(json.dumps({"artists": artist_figures(result)}))
    return report


def of_artists(result: dict[str, Any]) -> ArtistsMeasured:
    measured = artists_measured(written(result))
    assert measured is not None
    return measured


def test_every_shown_booking_stands_in_its_place_with_the_figures_of_the_file() -> None:
    result = artists_json()
    result["finalists"].reverse()
    measured = of_artists(result)
    assert [one.split for one in measured.splits] == ["generation", "validation"]
    for split in measured.splits:
        assert (tuple(one.name for one in split.rows), split.pictures) == (SHOWN, 40)
        for booking in split.rows:
            (source,) = [
                one
                for one in result["finalists"]
                if (one["name"], one["row"]["split"]) == (booking.name, split.split)
            ]
            for name, interval in source["intervals"].items():
                assert getattr(booking, name) == Interval(**interval)
            assert booking.attributed == source["row"]["attributed"]
            best = booking.name == SHOWN[-1]
            assert booking.chosen == (source["row"]["shape"] if best else "")
    assert (measured.artists, measured.seeds) == (24, 3)


def test_an_lds_by_halves_has_the_normal_laws_interval() -> None:
    rows = {one.name: one for one in of_artists(artists_json()).splits[0].rows}
    low, high = norm.interval(0.95, loc=62.0, scale=5.0)
    group = rows["booked"].group_lds
    assert group is not None
    np.testing.assert_allclose((group.low, group.value, group.high), (low, 62.0, high), atol=1e-3)
    assert rows["measured by one seed"].group_lds is None


def test_the_headline_is_of_painted_pictures() -> None:
    result = artists_json()
    now = of_artists(result).headline
    assert now is not None and (now.split, now.pictures, now.verdict) == ("generation", 40, EVEN)
    source = {
        one["name"]: one["intervals"]["top1"]["value"]
        for one in result["finalists"]
        if one["row"]["split"] == "generation"
    }
    assert now.right_first.value == source["booked"]
    assert now.chance == source["random, summed"]
    assert now.pixels == source["pixels"]
    assert now.one_seed == source["measured by one seed"]
    assert now.per_ten.low == pytest.approx(9.1) and now.per_ten.high == pytest.approx(11.3)


@pytest.mark.parametrize(
    ("slope", "verdict"),
    [
        ((1.0, 0.9, 1.1), EVEN),
        ((1.3, 1.1, 1.5), TOO_EVEN),
        ((0.7, 0.5, 0.9), TOO_STEEP),
        ((0.7, -0.1, 1.9), UNRELATED),
    ],
)
def test_a_slope_is_judged_by_its_whole_interval(
    slope: tuple[float, float, float], verdict: str
) -> None:
    result = artists_json()
    result["finalists"] = [finalist("booked", "generation", slope=slope)]
    now = of_artists(result).headline
    assert now is not None and now.verdict == verdict
    assert (now.chance, now.pixels, now.one_seed) == (None, None, None)


@pytest.mark.parametrize(
    "points",
    [
        [(0.0, 0.01, 9), (0.57, 0.66, 9)],
        [(0.0, -0.3, 9), (0.4, 0.1, 9)],
        [(0.0, 0.0, 9)],
        [(0.001, 0.0004, 9), (0.003, 0.0042, 9)],
        [(0.2, 7.3, 9), (1.0, -2.1, 9)],
    ],
)
def test_a_point_lies_where_the_ticks_say(points: list[tuple[float, float, int]]) -> None:
    chart = CalibrationChart.of({"generation": points, "validation": []})
    assert chart is not None
    places, shares = np.array(chart.ticks).T
    assert 2 <= len(places) <= 6 and (places[0], places[-1]) == (0.0, 1.0)
    np.testing.assert_allclose(np.diff(shares), np.diff(shares)[0])
    (line,) = chart.lines
    assert line.points == tuple((x, y) for x, y, _ in points)
    np.testing.assert_allclose(np.interp(line.places, places, shares), line.points, atol=1e-9)
    assert CalibrationChart.of({"generation": []}) is None


def test_without_the_benchmark_by_artist_nothing_is_said_of_it() -> None:
    for report in ({}, {"artists": None}):
        assert artists_measured(report) is None
        assert forgetting_agreements(report) == ()


def test_an_older_report_without_todays_booking_still_has_its_rows() -> None:
    report = written(artists_json(["booked before", "das"]))
    del report["artists"]["pictures"]
    for one in report["artists"]["rows"]:
        del one["shape"]
    measured = artists_measured(report)
    assert measured is not None
    assert measured.headline is None and measured.chart is None
    assert [one.name for one in measured.splits[0].rows] == ["booked before", "das"]
    assert measured.splits[0].pictures is None


def test_forgetting_is_that_of_painted_pictures_by_target() -> None:
    by_base, by_neighbours = of_artists(artists_json()).forgetting
    assert (by_base.target, by_base.right_first) == ("base", Interval(0.44, 0.34, 0.54))
    assert (by_neighbours.target, by_neighbours.right_first.value) == ("neighbours", 0.77)
    assert (by_base.artists, by_base.chance) == (8, 0.125)
