"""An experiment's figure as PNG: bars of methods, or lines along what the experiment varies.

In: `Finished`. Out: a file. Needs no display.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from core.evaluation.counterfactual import Repainted
from core.evaluation.experiments import Experiment
from core.evaluation.runner import Finished, lambda_losses
from core.evaluation.trials import OURS, Row

INK, MUTED = "#22262e", "#8a8f98"
COLOURS = ("#1f5fa8", "#c2542d", "#2f7d4f", "#8b5aa8", "#b08a1e", "#4b8b95", "#a33b5a", "#5c6470")
DASHES = ("-", "--", ":", "-.", (0, (1, 3)), (0, (5, 1, 1, 1, 1, 1)))
SPLITS = ("validation", "generation")


def draw(finished: Finished, experiment: Experiment, file: Path) -> None:
    """One panel a split."""
    plt = _pyplot()
    figure, panels = plt.subplots(1, 2, figsize=(11, 4.6), sharey=True)
    for panel, split in zip(panels, SPLITS, strict=True):
        if experiment.x == "c":
            _curves(panel, finished, split)
        elif experiment.x == "rule":
            _losses(panel, [row for row in finished.rows if row.split == split])
        elif experiment.x:
            _lines(panel, finished, experiment, split)
        else:
            _bars(panel, finished, split)
        panel.set_title(split, color=INK, fontsize=11)
        panel.spines[["top", "right"]].set_visible(False)
        if experiment.x in ("", "rule"):  # bars lie: their values run along x
            panel.axvline(0.0, color=MUTED, linewidth=0.8)
        else:
            panel.axhline(0.0, color=MUTED, linewidth=0.8)
    panels[0].set_ylabel("" if experiment.x in ("", "rule") else "LDS (%)")
    figure.suptitle(f"{finished.preset}: {experiment.title}", color=INK)
    _write(plt, figure, file)


def draw_counterfactual(figures: Repainted, file: Path) -> None:
    """A box per method: how far the same seeds' pictures moved."""
    plt = _pyplot()
    figure, panel = plt.subplots(figsize=(6.4, 4.2))
    panel.boxplot(
        [row.l2 for row in figures.rows],
        tick_labels=[row.method for row in figures.rows],
        medianprops={"color": COLOURS[1]},
        flierprops={"markersize": 3},
    )
    panel.set_ylabel(f"distance in {figures.space}")
    panel.set_title(f"{figures.preset}: {figures.removed} of {figures.works} works taken away")
    panel.spines[["top", "right"]].set_visible(False)
    _write(plt, figure, file)


def draw_sheet(rows: Mapping[str, Tensor], file: Path, *, columns: int = 8) -> None:
    """Pictures under each other: name -> `[b, c, h, w]`, the same seeds in each column."""
    plt = _pyplot()
    count = min(columns, min(len(pixels) for pixels in rows.values()))
    shape = {"figsize": (1.15 * count + 1.4, 1.2 * len(rows)), "squeeze": False}
    figure, grid = plt.subplots(len(rows), count, **shape)
    for panels, (name, pixels) in zip(grid, rows.items(), strict=True):
        for number, panel in enumerate(panels):
            shown = ((pixels[number].clamp(-1, 1) + 1) / 2).permute(1, 2, 0).squeeze(-1).numpy()
            panel.imshow(shown, cmap="gray" if shown.ndim == 2 else None, vmin=0, vmax=1)
            panel.set_xticks([])
            panel.set_yticks([])
            panel.spines[:].set_visible(False)
        panels[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=8)
    _write(plt, figure, file)


def _write(plt: Any, figure: Any, file: Path) -> None:
    figure.tight_layout()
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=130)
    plt.close(figure)


def _pyplot() -> Any:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt


def _label(row: Row) -> str:
    setting = f" {row.noise} K={row.timesteps}" if row.noise else ""
    return f"{row.method}{setting}{'' if row.pool == 'lds' else ' (artists)'}"


def _arithmetic(curve: Mapping[str, object]) -> str:
    return "" if curve["arithmetic"] == OURS else f", {curve['arithmetic']}"


def _rule(row: Row, wanted: str) -> bool:
    return row.lambda_rule in (wanted, "none")


def _bars(panel: Any, finished: Finished, split: str) -> None:
    rows = [row for row in finished.rows if row.split == split and _rule(row, "default")]
    most = max((row.timesteps or 0) for row in finished.rows)
    rows = [row for row in rows if row.noise is None or row.timesteps == most] or rows
    rows.sort(key=lambda row: row.lds)
    panel.barh(
        [_label(row) for row in rows],
        [row.lds for row in rows],
        xerr=[row.sd for row in rows],
        color=COLOURS[0],
        ecolor=MUTED,
    )
    panel.tick_params(axis="y", labelsize=7)
    panel.set_xlabel("LDS (%), lambda by the default rule")


def _lines(panel: Any, finished: Finished, experiment: Experiment, split: str) -> None:
    """A line per method and setting: the method gives the colour, the rest the dashes."""
    lines: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
    for row in finished.rows:
        if row.split == split and _rule(row, experiment.lambda_rule):
            key = (row.method, _setting(row, experiment))
            value = float(getattr(row, experiment.x))
            lines.setdefault(key, []).append((value, row.lds, row.sd))
    methods = list(dict.fromkeys(method for method, _ in lines))
    settings = list(dict.fromkeys(setting for _, setting in lines))
    for (method, setting), points in lines.items():
        xs, ys, sds = zip(*sorted(points), strict=True)
        panel.errorbar(
            xs,
            ys,
            yerr=sds,
            label=f"{method} {setting}".strip(),
            marker="o",
            markersize=3,
            linewidth=1.2,
            color=COLOURS[methods.index(method) % len(COLOURS)],
            linestyle=DASHES[settings.index(setting) % len(DASHES)],
        )
    if experiment.x in ("timesteps", "dimension", "members"):
        panel.set_xscale("log")
    panel.set_xlabel(experiment.x)
    if split == SPLITS[-1]:  # one legend for both panels, beside them
        style = {"fontsize": 6.5, "frameon": False, "handlelength": 3.6}
        panel.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), **style)


def _setting(row: Row, experiment: Experiment) -> str:
    words = [row.noise or ""]
    words += [f"K={row.timesteps}"] if experiment.x != "timesteps" and row.timesteps else []
    words += ["cumulative"] if row.placement == "cumulative" else []
    words += ["own projections"] if row.projections == "own" else []
    return " ".join(word for word in words if word)


def _losses(panel: Any, rows: Sequence[Row]) -> None:
    """A bar a rule: the mean loss to the peeked best, and a dot for the worst."""
    losses = lambda_losses(rows)
    names = [loss.rule for loss in losses]
    panel.barh(names, [-loss.mean for loss in losses], color=COLOURS[0])
    panel.plot([-loss.worst for loss in losses], names, "o", color=COLOURS[1], markersize=4)
    panel.set_xlabel("points lost to the peeked best: mean (bar), worst (dot)")


def _curves(panel: Any, finished: Finished, split: str) -> None:
    chosen = [curve for curve in finished.curves if curve["split"] == split]
    for number, curve in enumerate(chosen):
        points: Any = curve["points"]
        panel.plot(
            [point["c"] for point in points],
            [point["lds"] for point in points],
            label=f"{curve['method']} K={curve['timesteps']}{_arithmetic(curve)}",
            color=COLOURS[number % len(COLOURS)],
            linestyle="-" if curve["arithmetic"] == OURS else "--",
        )
    panel.set_xscale("log")
    panel.set_xlabel("lambda, in mean eigenvalues of the Gram matrix")
    panel.legend(fontsize=7, frameon=False)
