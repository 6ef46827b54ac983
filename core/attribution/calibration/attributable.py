"""How much of a picture is owed to the collection at all: one calibrated number in [0, 1].

In: three signals per picture: how far the works explain its feature, what the LoRA took off the
base model's loss, and the loss at the least noise. Out: `attributable`, from which verdict and
shares follow. Fitted on reference pictures that the model knows against such that owe it nothing:
foreign ones, and pictures that the base model painted without the LoRA. Knows no model and no
picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.attribution.calibration.trust import FAMILIAR, UNCERTAIN, UNFAMILIAR, WORDS, Trust
from core.errors import StoreError

Vector = NDArray[np.float64]
SIGNALS = ("explained", "gain", "fine_loss")
TAKEN = 0.01  # of the reference pictures that owe nothing, so many may be said to owe something
FOLDS = 10
SOFTNESS, WIDTH = 0.3, 0.3  # the support vector machine's C and gamma
SURE = 0.9
TINY = 1e-6
GAINS = (-0.5, 0.5)  # beyond, a gain says no more


@dataclass(frozen=True, kw_only=True, eq=False)
class Attributable:
    """A support vector machine over the signals, turned into a probability, and a level.

    score(x) = sum_i `weights_i` exp(-gamma |x - `supports_i`|^2) + `bias` over the scaled signals;
    probability = 1 / (1 + exp(-(`slope` score + `offset`))), by Platt. Below `level` nothing is
    attributable. `checked`: what cross-validation found, for the report.
    """

    centre: Vector
    scale: Vector
    supports: Vector
    weights: Vector
    bias: float
    slope: float = 1.0
    offset: float = 0.0
    level: float = 0.0
    checked: Mapping[str, float]

    @classmethod
    def fit(cls, known: Sequence[Vector], foreign: Sequence[Vector]) -> Attributable:
        """From `signals` `[m, 3]` kind by kind; each kind counts alike, however many it has.

        Probability and level are fitted to scores of pictures by machines that had not seen them.
        The level is where `TAKEN` of the foreign ones would be taken: strict, for real pictures are
        harder to tell than these. How many are taken and refused is counted fold by fold, at the
        level that the other folds' pictures set. Raises `StoreError` where a kind is empty.
        """
        from sklearn.linear_model import LogisticRegression
        from sklearn.metrics import roc_auc_score

        values, kind_of, weight = _stacked(known, foreign)
        owed = kind_of < len(known)
        whole = cls._machine(values, owed, weight)
        folds = _folds(kind_of)
        unseen = cls.unseen_scores(known, foreign)
        platt = LogisticRegression(max_iter=1000)
        platt.fit(unseen[:, None], owed, sample_weight=weight)
        fitted = replace(
            whole, slope=max(float(platt.coef_[0, 0]), TINY), offset=float(platt.intercept_[0])
        )
        border = _border(unseen[~owed])
        taken = np.zeros(len(values), dtype=bool)
        for fold in range(folds.max() + 1):
            judged = folds == fold
            others = ~judged if folds.max() else judged
            taken[judged] = unseen[judged] >= _border(unseen[others & ~owed])
        checked = {
            "auc": float(roc_auc_score(owed, unseen)),
            "refused_known": float(np.mean(~taken[owed])),
            "taken_foreign": float(np.mean(taken[~owed])),
            "pictures": float(len(values)),
        }
        return replace(fitted, level=float(fitted._probability(border)), checked=checked)

    @classmethod
    def unseen_scores(cls, known: Sequence[Vector], foreign: Sequence[Vector]) -> Vector:
        """The score of each picture, kind after kind, by a machine fitted without it `[m]`.

        A kind of one picture cannot be judged without being learnt.
        """
        values, kind_of, weight = _stacked(known, foreign)
        owed, folds = kind_of < len(known), _folds(kind_of)
        if not folds.max():
            return cls._machine(values, owed, weight).scores(values)
        unseen = np.zeros(len(values))
        for fold in range(folds.max() + 1):
            judged, learnt = folds == fold, folds != fold
            part = cls._machine(values[learnt], owed[learnt], weight[learnt])
            unseen[judged] = part.scores(values[judged])
        return unseen

    @classmethod
    def _machine(cls, values: Vector, owed: NDArray[np.bool_], weight: Vector) -> Attributable:
        from sklearn.preprocessing import StandardScaler
        from sklearn.svm import SVC

        scaler = StandardScaler().fit(values)
        machine = SVC(C=SOFTNESS, gamma=WIDTH)
        machine.fit(scaler.transform(values), owed, sample_weight=weight)
        return cls(
            centre=scaler.mean_,
            scale=scaler.scale_,
            supports=machine.support_vectors_,
            weights=machine.dual_coef_[0],
            bias=float(machine.intercept_[0]),
            checked={},
        )

    def scores(self, values: Vector) -> Vector:
        """Signals `[m, 3]` -> how far on the known side, `[m]`."""
        scaled = (np.atleast_2d(values) - self.centre) / self.scale
        gaps = np.square(scaled[:, None] - self.supports[None]).sum(axis=2)
        scores: Vector = np.exp(-WIDTH * gaps) @ self.weights + self.bias
        return scores

    def probabilities(self, values: Vector) -> Vector:
        """That pictures with these signals `[m, 3]` are the collection's, before the level."""
        return self._probability(self.scores(values))

    def _probability(self, scores: Any) -> Any:
        return 1.0 / (1.0 + np.exp(-np.clip(self.slope * scores + self.offset, -50, 50)))

    def of(self, explained: float, gain: float, fine_loss: float) -> float:
        """How much is owed to the collection: a probability, or 0 below the level."""
        values = signals(np.array([explained]), np.array([gain]), np.array([fine_loss]))
        probability = float(self.probabilities(values)[0])
        return probability if probability >= self.level else 0.0

    def plain(self) -> dict[str, Any]:
        """For json."""
        return {
            "signals": list(SIGNALS),
            "gamma": WIDTH,
            "centre": self.centre.tolist(),
            "scale": self.scale.tolist(),
            "supports": self.supports.tolist(),
            "weights": self.weights.tolist(),
            "bias": self.bias,
            "slope": self.slope,
            "offset": self.offset,
            "level": self.level,
            "checked": dict(self.checked),
        }

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> Attributable:
        """The inverse of `plain`. Raises `ValueError` for another machine than this."""
        if (tuple(values["signals"]), values["gamma"]) != (SIGNALS, WIDTH):
            raise ValueError(f"signals {values['signals']}, gamma {values['gamma']}")
        centre, scale, supports, weights = (
            np.array(values[name], dtype=np.float64)
            for name in ("centre", "scale", "supports", "weights")
        )
        return cls(
            centre=centre,
            scale=scale,
            supports=supports,
            weights=weights,
            bias=float(values["bias"]),
            slope=float(values["slope"]),
            offset=float(values["offset"]),
            level=float(values["level"]),
            checked=values["checked"],
        )


def _stacked(
    known: Sequence[Vector], foreign: Sequence[Vector]
) -> tuple[Vector, NDArray[np.int64], Vector]:
    """All signals `[m, 3]`, which kind each is of, and its weight: the two sides count alike, and
    within a side its kinds do."""
    kinds = [*known, *foreign]
    if not known or not foreign or not all(len(kind) for kind in kinds):
        raise StoreError(
            "What is attributable is learnt from known and foreign reference pictures, and one "
            "kind is empty. Run `python -m app featurize` again."
        )
    kind_of = np.concatenate([np.full(len(kind), n) for n, kind in enumerate(kinds)])
    sides = np.array([len(known)] * len(known) + [len(foreign)] * len(foreign))
    sizes = np.array([len(kind) for kind in kinds])
    weight = len(kind_of) / 2 / sides[kind_of] / sizes[kind_of]
    return np.concatenate(kinds), kind_of, weight


def _folds(kind_of: NDArray[np.int64]) -> NDArray[np.int64]:
    """The fold of each picture, every kind in all of them: as many as the smallest kind bears, at
    most `FOLDS`; all in the first where a kind has one picture."""
    from sklearn.model_selection import StratifiedKFold

    folds = np.zeros(len(kind_of), dtype=np.int64)
    count = min(FOLDS, int(np.bincount(kind_of).min()))
    if count >= 2:
        split = StratifiedKFold(count, shuffle=True, random_state=0)
        for fold, (_, judged) in enumerate(split.split(kind_of, kind_of)):
            folds[judged] = fold
    return folds


def _border(foreign: Vector) -> float:
    """The score that `TAKEN` of these foreign pictures reach."""
    return float(np.quantile(foreign, 1.0 - TAKEN))


def signals(explained: Vector, gain: Vector, fine_loss: Vector) -> Vector:
    """log odds of the explained share, gain within bounds, log of the loss at the least noise:
    `[m, 3]`, always finite."""
    share = np.clip(explained, TINY, 1.0 - TINY)
    odds = np.log(share / (1.0 - share))
    return np.stack([odds, np.clip(gain, *GAINS), np.log(np.maximum(fine_loss, 1e-12))], axis=1)


def verdict_of(attributable: float) -> Trust:
    """The verdict that follows from what is attributable, with its words."""
    verdict = UNCERTAIN
    if attributable >= SURE:
        verdict = FAMILIAR
    elif attributable == 0.0:
        verdict = UNFAMILIAR
    return Trust(attributable, verdict, WORDS[verdict] if verdict != UNFAMILIAR else OWES_NOTHING)


OWES_NOTHING = (
    "This model has not learnt images like this: nothing of it is owed to the collection, and "
    "nobody is credited. The names below say little."
)
SHARED_EQUALLY = (
    "This model has not learnt images like this: nothing of it is owed to the collection. What is "
    "credited is shared equally among its artists. The names below say little."
)
