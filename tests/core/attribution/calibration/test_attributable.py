"""Attributable: known pictures owe, foreign ones owe nothing, and the words follow the number."""

from __future__ import annotations

import json

import numpy as np
import pytest

from core.attribution.calibration.attributable import (
    TAKEN,
    WIDTH,
    Attributable,
    signals,
    verdict_of,
)
from core.errors import StoreError

RNG = np.random.default_rng(0)


def drawn(count: int, explained: float, gain: float, loss: float) -> np.ndarray:
    """Signals of `count` pictures around these values."""
    odds = np.log(explained / (1 - explained)) + RNG.normal(0, 0.6, count)
    share = 1 / (1 + np.exp(-odds))
    return signals(
        share, RNG.normal(gain, 0.06, count), np.exp(RNG.normal(np.log(loss), 0.1, count))
    )


GENERATED, HELD_OUT = drawn(80, 0.95, 0.15, 0.95), drawn(60, 0.97, 0.2, 0.9)
FOREIGN, BASE = drawn(60, 0.7, 0.05, 1.2), drawn(40, 0.85, -0.15, 0.95)
FITTED = Attributable.fit([GENERATED, HELD_OUT], [FOREIGN, BASE])


def test_new_known_pictures_owe_and_new_foreign_ones_owe_nothing() -> None:
    known = FITTED.probabilities(drawn(200, 0.96, 0.17, 0.93)) >= FITTED.level
    foreign = FITTED.probabilities(drawn(200, 0.7, 0.05, 1.2)) >= FITTED.level
    base = FITTED.probabilities(drawn(200, 0.85, -0.15, 0.95)) >= FITTED.level
    assert known.mean() > 0.85
    assert max(foreign.mean(), base.mean()) < 0.1


def test_what_the_lora_made_worse_owes_nothing_however_well_the_works_explain_it() -> None:
    assert FITTED.of(0.95, 0.2, 0.9) > 0.5
    assert FITTED.of(0.95, -0.3, 0.9) == 0.0


def test_a_picture_far_from_everything_learnt_owes_nothing() -> None:
    for strange in ((0.0, 0.0, 50.0), (0.01, -5.0, 1e-9), (0.3, 0.5, 9.0)):
        assert FITTED.of(*strange) == 0.0


def test_scores_are_those_of_the_library() -> None:
    """The stored numbers against sklearn's own machine over the same pictures."""
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    values = np.concatenate([GENERATED, HELD_OUT, FOREIGN, BASE])
    owed = np.repeat([True, True, False, False], [80, 60, 60, 40])
    weight = np.repeat([240 / 4 / n for n in (80, 60, 60, 40)], [80, 60, 60, 40])
    scaler = StandardScaler().fit(values)
    machine = SVC(C=0.3, gamma=WIDTH).fit(scaler.transform(values), owed, sample_weight=weight)
    asked = drawn(50, 0.9, 0.0, 1.0)
    np.testing.assert_allclose(
        FITTED.scores(asked), machine.decision_function(scaler.transform(asked)), atol=1e-9
    )


def test_next_to_no_foreign_picture_is_taken_by_a_machine_that_had_not_seen_it() -> None:
    assert FITTED.checked["taken_foreign"] < 6 * TAKEN
    assert FITTED.checked["auc"] > 0.95
    assert FITTED.checked["refused_known"] < 0.2
    assert FITTED.checked["pictures"] == 240


def test_how_many_are_taken_and_refused_is_what_new_pictures_say() -> None:
    """Not at the level that these very pictures set: that many are taken there by definition."""
    said, fresh, refused, fresh_refused = [], [], [], []
    for _ in range(12):
        known, foreign = drawn(100, 0.95, 0.15, 1.0), drawn(100, 0.85, 0.05, 1.05)
        line = Attributable.fit([known], [foreign])
        said.append(line.checked["taken_foreign"])
        refused.append(line.checked["refused_known"])
        new = [drawn(1000, 0.85, 0.05, 1.05), drawn(1000, 0.95, 0.15, 1.0)]
        taken = [float(np.mean(line.probabilities(kind) >= line.level)) for kind in new]
        fresh.append(taken[0])
        fresh_refused.append(1 - taken[1])
    assert len(set(said)) > 1
    assert np.mean(said) == pytest.approx(np.mean(fresh), abs=0.02)
    assert np.mean(refused) == pytest.approx(np.mean(fresh_refused), abs=0.08)


def test_pictures_that_cannot_be_told_apart_are_not_told_apart() -> None:
    """The figures come from unseen pictures: on noise they say chance, not what was memorised."""
    same = [drawn(60, 0.9, 0.1, 1.0) for _ in range(4)]
    assert Attributable.fit(same[:2], same[2:]).checked["auc"] == pytest.approx(0.5, abs=0.12)


def test_it_survives_json() -> None:
    again = Attributable.from_plain(json.loads(json.dumps(FITTED.plain())))
    asked = drawn(20, 0.9, 0.1, 1.0)
    np.testing.assert_array_equal(again.probabilities(asked), FITTED.probabilities(asked))
    assert (again.level, again.checked) == (FITTED.level, FITTED.checked)
    with pytest.raises(ValueError, match="signals"):
        Attributable.from_plain({**FITTED.plain(), "signals": ["loss"]})


def test_signals_are_finite_for_every_picture() -> None:
    edge = np.array([0.0, 1.0, 1e-30])
    assert np.isfinite(signals(edge, np.array([-1e9, 1e9, 0.0]), edge)).all()


@pytest.mark.parametrize("empty", [0, 1])
def test_a_missing_kind_is_refused(empty: int) -> None:
    kinds = [[GENERATED], [FOREIGN]]
    kinds[empty] = [*kinds[empty], np.zeros((0, 3))]
    with pytest.raises(StoreError, match="featurize"):
        Attributable.fit(*kinds)


def test_kinds_of_one_or_two_pictures_are_enough_to_open_with() -> None:
    tiny = Attributable.fit([GENERATED[:1]], [FOREIGN[:2]])
    assert 0 <= tiny.level <= 1


def test_the_verdict_is_the_number() -> None:
    assert verdict_of(0.95).verdict == "familiar"
    assert verdict_of(0.6).verdict == "uncertain"
    nothing = verdict_of(0.0)
    assert (nothing.verdict, nothing.familiarity) == ("unfamiliar", 0.0)
    assert "nobody is credited" in nothing.words
