"""How far a query may be trusted: does this model know images like it?

In: denoising losses and leverages of pictures that the model knows (training, held-out and
generated ones) and of foreign ones. Out: for a query, a familiarity in [0, 1], a verdict and words
for people. Knows no model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import StoreError

Vector = NDArray[np.float64]
FAMILIAR, UNCERTAIN, UNFAMILIAR = "familiar", "uncertain", "unfamiliar"
WORDS = {
    FAMILIAR: "This model has learnt images like this.",
    UNCERTAIN: "This model may have learnt images like this: take the names below as hints.",
    UNFAMILIAR: "This model has not learnt images like this: the names below say little.",
}
SURE, UNLIKELY = 0.8, 0.3


@dataclass(frozen=True)
class Trust:
    """`familiarity` in [0, 1]; `verdict` familiar, uncertain or unfamiliar; `words` for people."""

    familiarity: float
    verdict: str
    words: str


@dataclass(frozen=True)
class Familiarity:
    """A line between known and foreign in (log loss, log leverage): w . (x - centre) + bias."""

    centre: tuple[float, float]
    weights: tuple[float, float]
    bias: float

    @classmethod
    def fit(cls, known: Sequence[Vector], foreign: Vector) -> Familiarity:
        """Linear discriminant between known and foreign pictures, each `[m, 2]` (loss, leverage).

        `known` is a list of kinds; each kind counts alike, however many pictures it has.
        """
        if not len(foreign) or not all(len(kind) for kind in known):
            raise StoreError(
                "The trust verdict needs known and foreign reference pictures, and one kind is "
                "empty. Run `python -m app featurize` again."
            )
        kinds = [signals(kind[:, 0], kind[:, 1]) for kind in (*known, foreign)]
        here = np.mean([kind.mean(axis=0) for kind in kinds[:-1]], axis=0)
        there = kinds[-1].mean(axis=0)
        scatter = [np.cov(kind.T, bias=True) for kind in kinds]
        within = 0.5 * np.mean(scatter[:-1], axis=0) + 0.5 * scatter[-1]
        within += 1e-6 * np.trace(within) * np.eye(2) + 1e-12 * np.eye(2)
        weights = np.linalg.solve(within, here - there)
        centre = 0.5 * (here + there)
        return cls(
            (float(centre[0]), float(centre[1])), (float(weights[0]), float(weights[1])), 0.0
        )

    def of(self, loss: float, leverage: float) -> float:
        """The probability that a picture with this loss and leverage is known, in [0, 1]."""
        place = signals(np.array([loss]), np.array([leverage]))[0] - np.array(self.centre)
        score = float(np.clip(place @ np.array(self.weights) + self.bias, -50, 50))
        return float(1.0 / (1.0 + np.exp(-score)))

    def trust(self, loss: float, leverage: float) -> Trust:
        """The verdict, with its words."""
        familiarity = self.of(loss, leverage)
        verdict = UNCERTAIN
        if familiarity >= SURE:
            verdict = FAMILIAR
        elif familiarity < UNLIKELY:
            verdict = UNFAMILIAR
        return Trust(familiarity, verdict, WORDS[verdict])

    def plain(self) -> dict[str, object]:
        """For json."""
        return {"centre": self.centre, "weights": self.weights, "bias": self.bias}

    @classmethod
    def from_plain(cls, values: Mapping[str, Sequence[float]]) -> Familiarity:
        """The inverse of `plain`."""
        (c0, c1), (w0, w1) = values["centre"], values["weights"]
        return cls((c0, c1), (w0, w1), float(values["bias"]))  # type: ignore[arg-type]


def signals(losses: Vector, leverages: Vector) -> Vector:
    """(log loss, log leverage) `[m, 2]`, with a floor so that zero stays finite."""
    return np.log(np.maximum(np.stack([losses, leverages], axis=1), 1e-12))
