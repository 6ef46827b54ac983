"""The paper's tables and figures, and ours, as lists of trials.

In: a preset. Out: which trials an experiment makes, and how it is drawn. Nothing is computed here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product

from core.attribution.methods import METHODS
from core.attribution.scoring.ridge import LambdaRule
from core.errors import UsageError
from core.evaluation.benchmark import ARTIST_POOL
from core.evaluation.presets import Preset
from core.evaluation.trials import CLIP, FLOAT32_INVERSE, OURS, Trial

INDEPENDENT, SHARED, CYCLE = "independent", "shared", "cycle"
OBJECTIVE_ROWS = (
    "d-trak",
    "trak",
    "d-trak-avg",
    "d-trak-l1",
    "d-trak-l2",
    "d-trak-linf",
    "d-trak-elbo",
)
OUTCOMES = ("simple", "elbo", "square", "average", "l1", "l2", "linf")
SEPARATE = (
    "trak-ensemble",
    "d-trak-ensemble",
    "empirical-influence",
    "datamodel",
    "datamodel-lasso",
)
ETAS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
FRONTIER = (1, 2, 5, 10, 20, 100)
DIMENSIONS = (64, 256, 1024, 4096, 32768)
ENSEMBLES = (1, 2, 4, 8)
FEWEST = 16  # retrained models of which a work is both in some and not in others


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """`trials` of a preset; `x` is the field of a row along which its figure runs, if any."""

    name: str
    title: str
    trials: Callable[[Preset, bool], list[Trial]]
    x: str = ""
    lambda_rule: str = "best"


def _gradient_methods() -> list[str]:
    return [
        name
        for name, row in METHODS.items()
        if row.objective is not None and name not in SEPARATE and name != "d-trak-eta"
    ]


def _at(timesteps: Sequence[int]) -> list[tuple[int, str]]:
    """Every gradient method at every K; those that pay a pass per timestep at the least alone."""
    return [
        (k, name)
        for k, name in product(timesteps, _gradient_methods())
        if k == min(timesteps) or not METHODS[name].row_by_row
    ]


def _similarities(clip: bool) -> list[Trial]:
    names = [name for name, row in METHODS.items() if row.representation == "latents"]
    names += [name for name, row in METHODS.items() if row.representation == CLIP and clip]
    return [Trial(method=name) for name in names]


def main(preset: Preset, clip: bool) -> list[Trial]:
    """Every method that needs no further training: independent noise at every K, shared at the
    smallest; those of several checkpoints, journeys, and those that pay a pass per timestep, at the
    smallest K only. In groups too, where subsets by artist are trained."""
    least = preset.timesteps[0]
    trials = _similarities(clip)
    settings = [(INDEPENDENT, k) for k in preset.timesteps] + [(SHARED, least)]
    for (noise, k), name in product(settings, _gradient_methods()):
        row = METHODS[name]
        each = row.stack == "final" and row.query == "example" and not row.row_by_row
        if k == least or each:
            trials.append(Trial(method=name, noise=noise, timesteps=k))
    if preset.by_artist:
        chosen = [t for t in trials if not t.has_gradient or t.noise == SHARED]
        trials += [replace(trial, pool=ARTIST_POOL) for trial in chosen]
    return trials


def methods(preset: Preset, clip: bool) -> list[Trial]:
    """Tables 2, 3 and 6: the methods at every K, independent noise."""
    return _similarities(clip) + [
        Trial(method=name, noise=INDEPENDENT, timesteps=k) for k, name in _at(preset.timesteps)
    ]


def objectives(preset: Preset, clip: bool) -> list[Trial]:
    """Table 1: the output functions behind phi."""
    return [
        Trial(method=name, noise=INDEPENDENT, timesteps=k)
        for k, name in product(preset.timesteps, OBJECTIVE_ROWS)
    ]


def outcomes(preset: Preset, clip: bool) -> list[Trial]:
    """Table 4: the function behind phi against the function that is predicted."""
    k = preset.timesteps[-1]
    pairs = product(OBJECTIVE_ROWS, OUTCOMES)
    return [
        Trial(method=name, noise=INDEPENDENT, timesteps=k, outcome=outcome)
        for name, outcome in pairs
    ]


def placements(preset: Preset, clip: bool) -> list[Trial]:
    """Table 5: 100 evaluations as timesteps x noises, spread out or from the first on."""
    pairs = ((100, 1), (50, 2), (20, 5), (10, 10))
    grid = product(("trak", "d-trak"), ("uniform", "cumulative"), pairs)
    return [
        Trial(method=name, noise=INDEPENDENT, timesteps=k, placement=kind, draws=draws)
        for name, kind, (k, draws) in grid
    ]


def ensembles(preset: Preset, clip: bool) -> list[Trial]:
    """Tables 7 and 8: means over retrained models, with shared projections (the code's) and own
    (the paper's), and the retraining baselines."""
    trials = [
        Trial(method=name, noise=INDEPENDENT, timesteps=k, members=count)
        for k, name, count in product(preset.timesteps, SEPARATE[:2], ENSEMBLES)
        if count <= preset.retrained
    ]
    if preset.projection.kind != "identity":  # where there is a projection to own
        trials += [replace(trial, projections="own") for trial in trials if trial.members > 1]
    counts = sorted({preset.retrained // part for part in (8, 4, 2, 1)} - {0})
    return trials + [
        Trial(method=name, members=count)
        for name, count in product(SEPARATE[2:], counts)
        if count >= FEWEST
    ]


def interpolation(preset: Preset, clip: bool) -> list[Trial]:
    """Figure 1: from L_Simple - L_Square to L_Square; eta = 1/2 is TRAK."""
    return [
        Trial(method="d-trak-eta", noise=INDEPENDENT, timesteps=k, eta=eta)
        for k, eta in product(preset.timesteps, ETAS)
    ]


def checkpoints(preset: Preset, clip: bool) -> list[Trial]:
    """Figures 2, 6, 7 and 8: features of earlier and earlier models."""
    grid = product(preset.timesteps, ("trak", "d-trak"), range(1, preset.checkpoints + 1))
    return [
        Trial(method=name, noise=INDEPENDENT, timesteps=k, checkpoint=number)
        for k, name, number in grid
    ]


def dimensions(preset: Preset, clip: bool) -> list[Trial]:
    """Figure 5: the projection dimension."""
    most = preset.projection.dimension if preset.projection.kind != "identity" else DIMENSIONS[-1]
    kept = [dimension for dimension in DIMENSIONS if dimension <= most]
    grid = product(preset.timesteps, ("trak", "d-trak"), kept)
    return [
        Trial(method=name, noise=INDEPENDENT, timesteps=k, dimension=dimension)
        for k, name, dimension in grid
    ]


def lambdas(preset: Preset, clip: bool) -> list[Trial]:
    """Figures 9 and 10: the LDS along lambda (the curves are kept with every result)."""
    return [
        Trial(method=name, noise=INDEPENDENT, timesteps=k)
        for k, name in product(preset.timesteps, ("trak", "d-trak"))
    ]


def inverse(preset: Preset, clip: bool) -> list[Trial]:
    """The reference's float32 inverse beside ours: its collapse at small lambda is round-off."""
    names = product(("trak", "d-trak"), (OURS, FLOAT32_INVERSE))
    return [
        Trial(method=name, noise=INDEPENDENT, timesteps=preset.timesteps[-1], arithmetic=kind)
        for name, kind in names
    ]


def rules(preset: Preset, clip: bool) -> list[Trial]:
    """Ours: which rule for lambda falls least behind the peeked best."""
    settings = [(INDEPENDENT, k) for k in preset.timesteps] + [(SHARED, preset.timesteps[0])]
    kinds = [LambdaRule("dof", share) for share in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)]
    kinds += [LambdaRule("mean-eigenvalue", c) for c in (0.001, 0.01, 0.1, 1.0)]
    grid = product(kinds, settings, ("d-trak", "d-trak-avg", "trak", "das"))
    return [
        Trial(method=name, noise=noise, timesteps=k, rule=rule) for rule, (noise, k), name in grid
    ]


def frontier(preset: Preset, clip: bool) -> list[Trial]:
    """Ours: what K buys under each rule of noise and each placement of timesteps."""
    kept = [k for k in FRONTIER if k <= max(preset.timesteps)]
    names = (*OBJECTIVE_ROWS, "das")
    trials = [
        Trial(method=name, noise=noise, timesteps=k)
        for noise, name, k in product((SHARED, INDEPENDENT, CYCLE), names, kept)
    ]
    return trials + [
        Trial(method=name, noise=SHARED, timesteps=k, placement="cumulative")
        for name, k in product(("trak", "d-trak", "d-trak-avg", "das"), kept)
    ]


EXPERIMENTS: dict[str, Experiment] = {
    experiment.name: experiment
    for experiment in (
        Experiment(name="main", title="Every method that needs no further training", trials=main),
        Experiment(name="table1", title="Output functions (Table 1)", trials=objectives),
        Experiment(name="table2", title="Methods, CIFAR (Table 2)", trials=methods),
        Experiment(name="table3", title="Methods, ArtBench (Table 3)", trials=methods),
        Experiment(
            name="table4", title="Output functions against outcomes (Table 4)", trials=outcomes
        ),
        Experiment(name="table5", title="Timesteps and noises (Table 5)", trials=placements),
        Experiment(name="table6", title="Methods, CelebA (Table 6)", trials=methods),
        Experiment(
            name="table7",
            title="Ensembles and retraining, CIFAR-2 (Table 7)",
            trials=ensembles,
            x="members",
        ),
        Experiment(
            name="table8",
            title="Ensembles and retraining, CelebA (Table 8)",
            trials=ensembles,
            x="members",
        ),
        Experiment(name="fig1", title="Interpolation (Figure 1)", trials=interpolation, x="eta"),
        Experiment(name="fig2", title="Checkpoints (Figure 2)", trials=checkpoints, x="checkpoint"),
        Experiment(
            name="fig5", title="Projection dimension (Figure 5)", trials=dimensions, x="dimension"
        ),
        Experiment(
            name="fig6", title="Checkpoints, CIFAR-2 (Figure 6)", trials=checkpoints, x="checkpoint"
        ),
        Experiment(
            name="fig7", title="Checkpoints, CelebA (Figure 7)", trials=checkpoints, x="checkpoint"
        ),
        Experiment(
            name="fig8",
            title="Checkpoints, ArtBench-2 (Figure 8)",
            trials=checkpoints,
            x="checkpoint",
        ),
        Experiment(name="fig9", title="Lambda, CIFAR-2 (Figure 9)", trials=lambdas, x="c"),
        Experiment(name="fig10", title="Lambda, CIFAR-10 (Figure 10)", trials=lambdas, x="c"),
        Experiment(
            name="inverse", title="The float32 inverse at small lambda", trials=inverse, x="c"
        ),
        Experiment(
            name="frontier",
            title="LDS against cost",
            trials=frontier,
            x="timesteps",
            lambda_rule="default",
        ),
        Experiment(name="rules", title="Rules for lambda", trials=rules, x="rule"),
    )
}


def experiment(name: str) -> Experiment:
    """The experiment of this name, or a `UsageError` that lists them."""
    if name not in EXPERIMENTS:
        raise UsageError(
            f"There is no experiment '{name}'. Choose one of: {', '.join(EXPERIMENTS)}."
        )
    return EXPERIMENTS[name]
