"""D-TRAK with its query weighed by groups of parameters, the weights learnt on other queries.

In: a benchmark, a trial of D-TRAK, what was measured. Out: scores of every half of the queries, by
weights that the other half chose. With q_g the query's projected gradient whose numbers outside
group g are zero, score_n(x) = sum_g w_g q_g' (Phi'Phi + lambda I)^-1 phi_n with w_g >= 0: all
weights 1 is D-TRAK, for the works' side stays as it is. Weights need a truth to be learnt from, so
this is a row of benchmarks and not a method of the studio. Costs one more round of features, with a
projection per group of every query.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from core.attribution.methods import D_TRAK
from core.attribution.scoring.ridge import DEFAULT_RULE, LambdaRule
from core.attribution.scoring.scorer import Scorer
from core.evaluation.benchmark import WORKS, Benchmark
from core.evaluation.features import Wanted, group_of, load_vectors
from core.evaluation.lds import Matrix, Truth
from core.evaluation.trials import Trial, spec_of

GROUPED = "d-trak, groups learnt"


def wanted_groups(bench: Benchmark, trial: Trial) -> list[Wanted]:
    """The vectors that `GroupedScores` reads: of D-TRAK at the least K under the last model; of any
    other trial none."""
    plain = Trial(
        method=D_TRAK, noise=trial.noise, timesteps=bench.preset.timesteps[0], pool=trial.pool
    )
    return [Wanted(spec_of(bench, trial), groups=True)] if trial == plain else []


class GroupedScores:
    """The scores of each group alone, which sum up to the method's."""

    def __init__(self, bench: Benchmark, trial: Trial) -> None:
        (wanted,) = wanted_groups(bench, trial)
        self._vectors = load_vectors(bench, wanted)
        self._scorer = Scorer(trial.row, self._vectors.of[WORKS], None)

    def groups(self, split: str) -> tuple[str, ...]:
        """Their names, sorted."""
        named = sorted(group_of(name) for name in self._vectors.of)
        return tuple(group for of, group in named if of == split and group)

    def parts(self, split: str, rule: LambdaRule = DEFAULT_RULE) -> Matrix:
        """`[g, q, n]`."""
        queries = [self._vectors.of[f"{split}/{group}"] for group in self.groups(split)]
        return np.stack([self._scorer.scores(vectors, rule) for vectors in queries])


def weights(predicted: Matrix, measured: Matrix) -> Matrix:
    """The w `[g]`, none negative, of the least squares sum |sum_g w_g p_gq - m_q|^2 over queries q,
    from `predicted [g, c, q]` and `measured [c, q]` over c cases (models, or artists).

    Each query's cases are centred, its measured values brought to length one, and its predictions
    to length one in their plain sum, so that every query counts alike. All zero where no group
    points the right way.
    """
    centred = predicted - predicted.mean(axis=1, keepdims=True)
    aims = measured - measured.mean(axis=0)
    lengths = np.linalg.norm(centred.sum(axis=0), axis=0), np.linalg.norm(aims, axis=0)
    telling = (lengths[0] > 0) & (lengths[1] > 0)  # a query whose cases are all equal says nothing
    design = (centred[:, :, telling] / lengths[0][telling]).reshape(len(predicted), -1).T
    learnt: Matrix = nnls(design, (aims[:, telling] / lengths[1][telling]).reshape(-1))[0]
    return learnt


def learnt_on_others(predicted: Matrix, measured: Matrix) -> tuple[Matrix, Matrix]:
    """The weights that even and odd queries get: each learnt on the others alone."""
    return (
        weights(predicted[:, :, 1::2], measured[:, 1::2]),
        weights(predicted[:, :, 0::2], measured[:, 0::2]),
    )


def weights_for_lds(parts: Matrix, truth: Truth) -> tuple[Matrix, Matrix]:
    """From `parts [g, q, n]`: what best follows the losses of models retrained on subsets."""
    return learnt_on_others(np.stack([truth.expected(part) for part in parts]), truth.losses)


def weighed(parts: Matrix, by: Matrix) -> Matrix:
    """sum_g w_g of `[g, q, n]` -> `[q, n]`."""
    summed: Matrix = (by[:, None, None] * parts).sum(axis=0)
    return summed
