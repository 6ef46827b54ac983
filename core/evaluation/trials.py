"""One trial: a method with its settings, held against what retrained models did.

In: a benchmark and a trial. Out: an LDS a split and a way to choose lambda: by the default rule,
peeked (the best of a grid), or chosen on half of the queries and tested on the other half.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch

from core.attribution.features.spec import FeatureSpec, NoiseRule, ProjectionSpec
from core.attribution.features.timesteps import TimestepRule
from core.attribution.methods import Method, method
from core.attribution.scoring.ridge import DEFAULT_RULE, LambdaRule
from core.attribution.scoring.scorer import PreparedQueries, Scorer
from core.errors import UsageError
from core.evaluation.benchmark import (
    GENERATION,
    LDS_POOL,
    RETRAINED_POOL,
    SPLITS,
    VALIDATION,
    WORKS,
    Benchmark,
)
from core.evaluation.features import Vectors, Wanted, isometric, load_vectors
from core.evaluation.lds import Matrix, Spread, Truth
from core.evaluation.retrieval import group_precision, positive_mass

DEFAULT, BEST, HELD_OUT, NONE = "default", "best", "half", "none"
GRID = tuple(digit * 10.0**power for power in range(-8, 4) for digit in (1.0, 2.0, 5.0))
CLIP = "clip"
OURS, FLOAT32_INVERSE = "float64", "float32 inverse"


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A method, what its features are made with, how many models are averaged, and what it is
    held against: the `outcome` objective's losses of the models of a `pool`."""

    method: str
    noise: str = "independent"
    timesteps: int = 10
    placement: str = "uniform"
    draws: int = 1
    dimension: int = 0  # of the projection; 0: the preset's own
    eta: float | None = None
    checkpoint: int = 0  # which of the full model's, counted from 1; 0: the last
    members: int = 1
    projections: str = "shared"  # by the members of an ensemble; "own": another seed each
    outcome: str = "simple"
    pool: str = LDS_POOL
    arithmetic: str = OURS
    rule: LambdaRule = DEFAULT_RULE  # for the rows of the default rule

    @cached_property
    def row(self) -> Method:
        """The method's row, with this trial's eta."""
        base = method(self.method)
        return base if self.eta is None else replace(base, representation=f"eta={self.eta:g}")

    @property
    def retrains(self) -> bool:
        """Whether it needs the pool of retrained models."""
        return self.row.representation == "outcomes" or self.row.stack == "members"

    @property
    def has_gradient(self) -> bool:
        """Whether noise and timesteps play a part."""
        return self.row.objective is not None

    def splits(self) -> tuple[str, ...]:
        """A journey is only of generated pictures."""
        return SPLITS if self.row.query == "example" else (GENERATION,)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure of a table, in percent; `bootstrap_mean` is what the paper's tables print."""

    method: str
    noise: str | None
    timesteps: int | None
    split: str
    lambda_rule: str
    lds: float
    sd: float
    bootstrap_mean: float
    c: float | None  # the peeked lambda, in mean eigenvalues
    placement: str | None
    draws: int
    dimension: int
    eta: float | None
    checkpoint: int
    members: int
    projections: str
    outcome: str
    pool: str
    arithmetic: str
    rule: str
    artist_top1: float | None  # of validation works whose artist is known: right artist first
    seconds: float | None  # one work's features


def spec_of(bench: Benchmark, trial: Trial) -> FeatureSpec:
    """The features a gradient trial needs."""
    projection = bench.preset.projection
    if trial.dimension:
        projection = ProjectionSpec("sjlt", trial.dimension, projection.seed)
    return FeatureSpec(
        objective=trial.row.objective or "latents",
        timesteps=TimestepRule(trial.placement, trial.timesteps),
        noise=NoiseRule(trial.noise, draws=trial.draws),
        projection=projection,
        normalised=trial.row.normalised,
        preconditioner=trial.row.preconditioner,
    )


def wanted_vectors(bench: Benchmark, trial: Trial) -> list[Wanted]:
    """The vectors that a trial reads, a model each; none for those without a gradient."""
    if not trial.has_gradient:
        return []
    spec, stack = spec_of(bench, trial), trial.row.stack
    if stack == "members":
        return [
            Wanted(_of_member(spec, trial, number), f"{RETRAINED_POOL}-{number}")
            for number in range(trial.members)
        ]
    if stack == "checkpoints":
        return [Wanted(spec, f"step-{step}") for step in bench.snapshots]
    model = f"step-{bench.snapshots[trial.checkpoint - 1]}" if trial.checkpoint else "full"
    return [Wanted(spec, model, journeys=trial.row.query != "example")]


def _of_member(spec: FeatureSpec, trial: Trial, number: int) -> FeatureSpec:
    if trial.projections not in ("shared", "own"):
        raise UsageError(f"Projections are shared or own, not '{trial.projections}'.")
    if trial.projections == "shared":
        return spec
    own = replace(spec.projection, seed=spec.projection.seed + number)
    return replace(spec, projection=own)


class Contest:
    """A trial ready to be scored: its vectors, read once for every lambda."""

    def __init__(self, bench: Benchmark, trial: Trial, clip: Vectors | None = None) -> None:
        self.bench = bench
        self.trial = trial
        row = trial.row
        if row.representation == "outcomes":
            inclusion = bench.inclusion(RETRAINED_POOL)[: trial.members].T.astype(np.float64)
            losses = {
                name: bench.losses(RETRAINED_POOL, name, 0)[: trial.members].T for name in SPLITS
            }
            self._models = [Vectors({WORKS: inclusion, **losses}, np.zeros(0), 0.0)]
        elif row.representation == "latents":
            parts = [bench.pictures(name).latents.flatten(1) for name in (WORKS, *SPLITS)]
            of = dict(zip((WORKS, *SPLITS), isometric(parts), strict=True))
            self._models = [Vectors(of, np.zeros(0), 0.0)]
        elif row.representation == CLIP:
            assert clip is not None
            self._models = [clip]
        else:
            self._models = [load_vectors(bench, wanted) for wanted in wanted_vectors(bench, trial)]
        self._scorers = [
            Scorer(row, model.of[WORKS], np.sqrt(model.losses) if model.losses.size else None)
            for model in self._models
        ]
        self._prepared: dict[str, list[PreparedQueries]] = {}

    @property
    def has_lambda(self) -> bool:
        """Whether there is a ridge to choose; a regression chooses its own."""
        return self._scorers[0].has_lambda and self.trial.row.representation != "outcomes"

    @property
    def seconds(self) -> float:
        """What the features of one work took, over all models."""
        return sum(model.seconds for model in self._models)

    def scores(self, split: str, rule: LambdaRule = DEFAULT_RULE) -> Matrix:
        """`[q, n]`, the mean over the trial's models, each with its own lambda by the rule."""
        name = split if self.trial.row.query == "example" else self.trial.row.query
        if self.trial.arithmetic == FLOAT32_INVERSE:
            (scorer,), (model,) = self._scorers, self._models
            return float32_scores(scorer.phi, model.of[name], scorer.kernel.lambda_(rule))
        if name not in self._prepared:
            self._prepared[name] = [
                scorer.prepare(model.of[name])
                for scorer, model in zip(self._scorers, self._models, strict=True)
            ]
        return np.mean([question.scores(rule) for question in self._prepared[name]], axis=0)

    def curve(self, truth: Truth, split: str) -> dict[float, Matrix]:
        """c -> the LDS of every query `[q]`, over the grid."""
        return {c: truth.per_query(self.scores(split, in_eigenvalues(c))) for c in GRID}


def in_eigenvalues(c: float) -> LambdaRule:
    """lambda = c x the mean eigenvalue of the Gram matrix: a grid that fits every scale."""
    return LambdaRule("mean-eigenvalue", c)


def float32_scores(phi: Matrix, queries: Matrix, lambda_: float) -> Matrix:
    """q' (Phi'Phi + lambda I)^-1 phi_n by an explicit k x k inverse in float32, as the reference
    code has it (specification, B4). Not for use: it shows what round-off does at small lambda."""
    works, vectors = torch.from_numpy(phi).float(), torch.from_numpy(queries).float()
    gram = works.T @ works + lambda_ * torch.eye(works.shape[1])
    inverse, failed = torch.linalg.inv_ex(gram)
    scores: Matrix = (vectors @ inverse @ works.T).double().numpy()
    return np.zeros_like(scores) if failed else np.nan_to_num(scores)


def best_of(curve: dict[float, Matrix], queries: np.ndarray | None = None) -> float:
    """The c with the highest mean LDS over (some of) the queries."""
    means = {c: float((v if queries is None else v[queries]).mean()) for c, v in curve.items()}
    return max(means, key=lambda c: (means[c], c))


@dataclass(frozen=True, eq=False)
class Result:
    """A trial's rows, the scores behind them by (split, lambda rule), and its lambda curves."""

    trial: Trial
    rows: tuple[Row, ...]
    scores: dict[tuple[str, str], Matrix]
    curves: dict[str, dict[float, float]]


def run_trial(bench: Benchmark, trial: Trial, clip: Vectors | None = None) -> Result:
    """Every split and way to choose lambda."""
    contest = Contest(bench, trial, clip)
    rows: list[Row] = []
    kept: dict[tuple[str, str], Matrix] = {}
    curves: dict[str, dict[float, float]] = {}
    for split in trial.splits():
        truth = bench.truth(trial.pool, split, trial.outcome)
        if not contest.has_lambda:
            kept[split, NONE] = contest.scores(split)
            rows.append(_row(contest, truth, split, NONE, kept[split, NONE], None))
            continue
        curve = contest.curve(truth, split)
        curves[split] = {c: float(values.mean()) for c, values in curve.items()}
        best = best_of(curve)
        kept[split, DEFAULT] = contest.scores(split, trial.rule)
        kept[split, BEST] = contest.scores(split, in_eigenvalues(best))
        for rule, c in ((DEFAULT, None), (BEST, best)):
            rows.append(_row(contest, truth, split, rule, kept[split, rule], c))
        kept[split, HELD_OUT] = _held_out(contest, curve, split)
        rows.append(_row(contest, truth, split, HELD_OUT, kept[split, HELD_OUT], None))
    return Result(trial, tuple(rows), kept, curves)


def _artist_top1(contest: Contest, split: str, scores: Matrix) -> float | None:
    """The share of held-out works whose own artist has the largest positive sum."""
    bench = contest.bench
    if split != VALIDATION or not bench.prompted:
        return None
    given = positive_mass(scores, bench.split.works.artists)
    wanted = [{artist} for artist in bench.split.validation.artists]
    return group_precision(given, wanted).value


def _held_out(contest: Contest, curve: dict[float, Matrix], split: str) -> Matrix:
    """Every second query is scored with the lambda that was best for the others."""
    count = len(next(iter(curve.values())))
    even = np.arange(count) % 2 == 0
    scores = contest.scores(split, in_eigenvalues(best_of(curve, ~even)))
    scores[~even] = contest.scores(split, in_eigenvalues(best_of(curve, even)))[~even]
    return scores


def _row(
    contest: Contest, truth: Truth, split: str, rule: str, scores: Matrix, c: float | None
) -> Row:
    trial = contest.trial
    resampled = truth.resampled(scores)
    spread = Spread(truth.lds(scores), float(resampled.std()))
    gradient = trial.has_gradient
    dimension = trial.dimension or contest.bench.preset.projection.dimension
    exact = not trial.dimension and contest.bench.preset.projection.kind == "identity"
    return Row(
        method=trial.method,
        noise=trial.noise if gradient else None,
        timesteps=trial.timesteps if gradient else None,
        split=split,
        lambda_rule=rule,
        lds=spread.value,
        sd=spread.sd,
        bootstrap_mean=float(resampled.mean()),
        c=c,
        placement=trial.placement if gradient else None,
        draws=trial.draws,
        dimension=0 if exact else dimension,
        eta=trial.eta,
        checkpoint=trial.checkpoint,
        members=trial.members,
        projections=trial.projections,
        outcome=trial.outcome,
        pool=trial.pool,
        arithmetic=trial.arithmetic,
        rule=str(trial.rule),
        artist_top1=_artist_top1(contest, split, scores),
        seconds=contest.seconds if gradient else None,
    )
