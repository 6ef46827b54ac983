"""The report: a ROC judged out of sample, and figures taken from an experiment's rows."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from core.errors import StoreError
from core.evaluation.report import method_figures, trust_roc


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
