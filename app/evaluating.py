"""`evaluate lds`: an experiment of the paper in a folder, with table, JSON and figure.

In: names and folders. Out: progress, then what was found. The experiment itself is
`core.evaluation`; here only choices and files meet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from app.settings import Settings
from app.shelf import chosen_collection
from core.attribution.engine import choose_device
from core.collection.atomic import write_text
from core.errors import UsageError
from core.evaluation.experiments import experiment
from core.evaluation.presets import COLLECTION, Preset, preset
from core.evaluation.running import Finished, run_experiment
from core.evaluation.sources import open_benchmark
from core.evaluation.tables import text_of
from core.progress import Progress


@dataclass(frozen=True)
class LdsChoice:
    """What to evaluate. None keeps the preset's own."""

    preset: str
    experiment: str
    data: Path | None
    output: Path
    works: int | None = None
    subsets: int | None = None
    epochs: int | None = None
    data_seed: int | None = None


@dataclass(frozen=True)
class Evaluated:
    """What was found, and the files that hold it."""

    finished: Finished
    text: str
    table: Path
    figure: Path


def evaluate_lds(settings: Settings, choice: LdsChoice) -> Iterator[Progress | Evaluated]:
    """Run, then write `EXPERIMENT.json`, `.txt` and `.png` into the folder."""
    from core.evaluation.plots import draw

    chosen, asked = chosen_preset(choice), experiment(choice.experiment)
    device = choose_device(settings.device)
    if chosen.needs_gpu and device.type == "cpu":
        raise UsageError(
            f"The preset '{chosen.name}' is the paper's at its scale and would take months on this "
            "processor. Run it with --device cuda, or choose digits-small, cifar2-small, workshops."
        )
    data = choice.data
    if data is None and chosen.source == COLLECTION:
        data = chosen_collection(settings).path
    bench = open_benchmark(chosen, choice.output, data=data, device=device)
    for event in run_experiment(bench, asked):
        if not isinstance(event, Finished):
            yield event
            continue
        text = text_of(event)
        table = choice.output / f"{asked.name}.txt"
        figure = choice.output / f"{asked.name}.png"
        write_text(table, text)
        draw(event, asked, figure)
        yield Evaluated(event, text, table, figure)


def chosen_preset(choice: LdsChoice) -> Preset:
    """The preset, with what the caller wants otherwise."""
    found = preset(choice.preset)
    subsets = found.subsets if choice.subsets is None else choice.subsets
    return replace(
        found,
        works=found.works if choice.works is None else choice.works,
        subsets=subsets,
        twice=min(found.twice, subsets),
        epochs=found.epochs if choice.epochs is None else choice.epochs,
        data_seed=found.data_seed if choice.data_seed is None else choice.data_seed,
    )
