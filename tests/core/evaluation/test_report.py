"""The report: a ROC judged out of sample, and figures taken from an experiment's rows."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from core.errors import StoreError
from core.evaluation.agreement import Interval
from core.evaluation.report import (
    EVEN,
    SHOWN,
    TOO_EVEN,
    TOO_STEEP,
    UNRELATED,
    ArtistsMeasured,
    CalibrationChart,
    artist_figures,
    artists_measured,
    forgetting_agreements,
    method_figures,
    trust_roc,
)
from tests.core.evaluation.measured_artists import artists_json, finalist


def test_pictures_that_differ_are_told_apart_and_equal_ones_are_not() -> None:
    rng = np.random.default_rng(0)
    known = [np.exp(rng.normal(0.0, 0.3, (30, 2))) for _ in range(2)]
    far = np.exp(rng.normal(3.0, 0.3, (30, 2)))
    same = np.exp(rng.normal(0.0, 0.3, (30, 2)))
    assert trust_roc(known, far).auc == 1.0
    assert 0.25 < trust_roc(known, same).auc < 0.75
    roc = trust_roc(known, same)
    assert (roc.known, roc.foreign) == (60, 30)
    xs = [x for x, _ in roc.points]
    assert xs == sorted(xs) and roc.points[0] == (0.0, 0.0) and roc.points[-1] == (1.0, 1.0)
    area = np.trapezoid([y for _, y in roc.points], xs)
    assert area == pytest.approx(roc.auc)
    assert roc_auc_score([0, 1], [0.1, 0.9]) == 1.0


def test_too_few_reference_pictures() -> None:
    with pytest.raises(StoreError, match="fewer than 5"):
        trust_roc([np.ones((4, 2))], np.ones((9, 2)))


def row(method: str, pool: str, split: str, lds: float, **more: object) -> dict[str, object]:
    plain = {"lambda_rule": "default", "noise": "shared", "sd": 1.0, "artist_top1": None}
    return {"method": method, "pool": pool, "split": split, "lds": lds, **plain, **more}


def test_figures_are_those_of_shared_noise_and_the_default_lambda() -> None:
    rows = [
        row("d-trak", "lds", "validation", 30.0, artist_top1=0.5),
        row("d-trak", "lds", "validation", 99.0, lambda_rule="best"),
        row("d-trak", "lds", "validation", 11.0, noise="independent"),
        row("d-trak", "artists", "generation", 50.0, sd=2.0),
        row("raw-pixel-dot", "lds", "generation", 7.0, lambda_rule="none", noise=None),
    ]
    first, second = method_figures({"rows": rows})
    assert (first.lds_validation, first.group_lds_generation) == (30.0, 50.0)
    assert (first.artist_top1, first.sd, first.lds_generation) == (0.5, 2.0, None)
    assert (second.method, second.lds_generation) == ("raw-pixel-dot", 7.0)


def test_what_rules_pay_stands_beside_the_methods() -> None:
    def booked(rule: str, pool: str, **more: object) -> dict[str, object]:
        plain = {"method": "d-trak", "split": "validation", "lds": 21.0, "sd": 2.0}
        return {**plain, "noise": "shared", "rule": rule, "pool": pool, **more}

    rows = [row("d-trak", "lds", "validation", 30.0)]
    paid = [
        booked("top-k-positive@1", "artists"),
        booked("summed", "artists", shape="p = 2"),
        booked("hybrid@1", "lds", noise="independent"),
    ]
    _, second = method_figures({"rows": rows, "booked": paid})
    assert (second.method, second.group_lds_validation, second.sd) == (
        "booked: top-k-positive@1",
        21.0,
        2.0,
    )


def test_sharpened_scores_stand_beside_the_plain_ones() -> None:
    """A learnt power alone, of the same noise; the widest deviation of both counts."""
    rows = [row("das", "artists", "generation", 77.0), row("trak", "lds", "validation", 9.0)]
    plain = {"method": "das", "pool": "artists", "split": "generation", "noise": "shared"}
    learnt = {**plain, "rule": "summed", "shape": "p learnt on other queries", "sd": 4.0}
    booked = [
        {**learnt, "lds": 60.0, "shape": "p = 1"},
        {**learnt, "lds": 50.0, "noise": "independent"},
        {**learnt, "lds": 81.0},
    ]
    das, trak = method_figures({"rows": rows, "booked": booked})
    assert (das.group_lds_generation, das.sharpened_group_lds_generation, das.sd) == (77.0, 81.0, 4)
    assert das.sharpened_lds_generation is None and trak.sharpened_lds_validation is None


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
    figures = {one.target: one for one in of_artists(artists_json()).forgetting}
    assert figures.keys() == {"base", "neighbours"}
    assert figures["neighbours"].right_first == Interval(0.77, 0.67, 0.87)
    assert figures["base"].artists == 8 and figures["base"].chance == 0.125
