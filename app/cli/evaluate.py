"""`evaluate`: do credits predict reality, and does attribution find what is known?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import AsJson, CollectionOption, Device, Where, group, spread_options
from app.cli.output import last, say, show_json, table
from app.settings import Settings, read_settings

verbs = group("Check the attribution where the truth is known.")

if TYPE_CHECKING:
    from app.services.evaluation import Choice

Preset = Annotated[
    str, typer.Option(metavar="NAME", help="digits-small, cifar2-small, workshops, cifar2, ...")
]
Output = Annotated[
    Path | None,
    typer.Option("-o", "--output", metavar="DIR", help="The benchmark's folder; it resumes."),
]


@dataclass(frozen=True, kw_only=True)
class Instead:
    """What a benchmark takes instead of its preset's own, and with what it is measured."""

    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The pictures: photographs, or a collection's folder."),
    ] = None
    works: Annotated[int | None, typer.Option(min=2, help="Works, instead of the preset's.")] = None
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs, instead of the preset's.")] = (
        None
    )
    data_seed: Annotated[int | None, typer.Option(help="Which pictures are taken.")] = None
    clip: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A CLIP vision model, for CLIP's figures.")
    ] = None
    workers: Annotated[
        int, typer.Option(min=1, help="Processes that share the work, a GPU or some threads each.")
    ] = 1


@verbs.command("lds")
@spread_options
def evaluate_lds(
    preset: Preset = "digits-small",
    output: Output = None,
    experiment: Annotated[
        str,
        typer.Option(metavar="NAME", help="main, frontier, rules, inverse, table1-8, fig1-10."),
    ] = "main",
    subsets: Annotated[
        int | None, typer.Option(min=3, help="Subsets, instead of the preset's.")
    ] = None,
    *,
    instead: Instead,
    where: Where,
    as_json: AsJson = False,
) -> None:
    """Do credits predict reality? Retrain without half of the works, and compare (LDS).

    Run again after a stop, it goes on where it was and finds the same.
    """
    from app.services.evaluation import Evaluated, LdsRecord, evaluate_lds

    settings = where.settings()
    choice = _choice(settings, preset, output, instead, subsets)
    result = last(evaluate_lds(settings, choice, experiment), Evaluated)
    if as_json:
        show_json(LdsRecord.model_validate(result.finished))
    else:
        say(result.text.rstrip())
        say(f"{result.finished.seconds:.0f} s. Also in {result.table} and {result.figure}.")


@verbs.command("counterfactual")
@spread_options
def evaluate_counterfactual(
    preset: Preset = "digits-small",
    output: Output = None,
    methods: Annotated[
        str, typer.Option(metavar="NAMES", help="By comma; 'random' is the one to beat.")
    ] = "d-trak,trak,raw-pixel-dot,random",
    remove: Annotated[int, typer.Option(min=1, help="Works taken away for each picture.")] = 10,
    images: Annotated[int, typer.Option(min=1, help="Pictures painted again.")] = 20,
    noise: Annotated[str, typer.Option(help="Noise of the features.")] = "shared",
    timesteps: Annotated[int, typer.Option(min=1, help="Timesteps of the features (K).")] = 10,
    *,
    instead: Instead,
    where: Where,
    as_json: AsJson = False,
) -> None:
    """Take away the works a method names, retrain, paint again: how far does the picture move?"""
    from app.services.evaluation import (
        Compared,
        CounterfactualRecord,
        evaluate_counterfactual,
    )
    from core.evaluation.counterfactual import Removal

    names = tuple(name.strip() for name in methods.split(",") if name.strip())
    removal = Removal(methods=names, works=remove, images=images, noise=noise, timesteps=timesteps)
    settings = where.settings()
    choice = _choice(settings, preset, output, instead)
    result = last(evaluate_counterfactual(settings, choice, removal), Compared)
    if as_json:
        show_json(CounterfactualRecord.model_validate(result.figures))
    else:
        say(result.text.rstrip())
        say(f"Also in {result.boxplot} and {result.sheet}.")


@verbs.command("artist")
@spread_options
def evaluate_artist(
    artist: Annotated[str, typer.Option(help="Who is left out: name or id.")],
    style: Annotated[
        str | None, typer.Option("--class", help="What is painted; else the artist's own class.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The seed that is painted twice.")] = 7,
    retrain: Annotated[
        bool, typer.Option("--retrain", help="Train anew without them, instead of forgetting.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="The picture without.")
    ] = None,
    *,
    where: Where,
    as_json: AsJson = False,
) -> None:
    """What if this artist had not been there? The same seed, without their works."""
    from app.services.artist_ablation import LeftOut, Wanted, leave_out_anew
    from app.services.evaluation import ArtistAblationRecord
    from app.web.views.without import words
    from core.evaluation.artist_ablation import FORGET, RETRAIN

    settings = where.settings()
    wanted = Wanted(artist, style, seed, RETRAIN if retrain else FORGET, output)
    answer = last(leave_out_anew(settings, wanted), LeftOut)
    if as_json:
        show_json(ArtistAblationRecord.model_validate(answer))
    else:
        say(words(answer.artist, answer.figures))
        say(f"Painted: {answer.file}")


def _choice(
    settings: Settings,
    preset: str,
    output: Path | None,
    instead: Instead,
    subsets: int | None = None,
) -> Choice:
    from app.services.evaluation import Choice

    folder = output or settings.home / "benchmarks" / preset
    return Choice(preset=preset, output=folder, subsets=subsets, **vars(instead))


@verbs.command("report")
def evaluate_report(
    collection: CollectionOption = None,
    benchmark: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A finished `evaluate lds --preset workshops` folder."),
    ] = None,
    removals: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="A finished `evaluate counterfactual` folder, if it is another."
        ),
    ] = None,
    retrieval: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The output of `evaluate retrieval --method all --json`."
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Queries a retrieval check.")] = 60,
    checks: Annotated[bool, typer.Option(help="Whether retrieval is checked too.")] = True,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Write report.json into the collection: how far its credits can be trusted."""
    from app.services.evaluation import ReportRecord
    from app.services.report import Reported, make_report

    settings = read_settings(collection=collection, device=device)
    events = make_report(
        settings, benchmark, removals=removals, retrieval=retrieval, limit=limit, checks=checks
    )
    written = last(events, Reported)
    if as_json:
        show_json(ReportRecord.model_validate(written.report))
    else:
        say(f"The report of '{written.report.collection}': {written.file}")


@verbs.command("retrieval")
def evaluate_retrieval(
    collection: CollectionOption = None,
    method: Annotated[
        str, typer.Option(metavar="NAME", help="A method, or 'all' whose features are at hand.")
    ] = "d-trak",
    limit: Annotated[int, typer.Option(min=1, help="Queries a check.")] = 60,
    seed: Annotated[int, typer.Option(help="Which works and which paintings are asked.")] = 0,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Self-retrieval, style precision, artist precision: where the truth is known."""
    from app.services.evaluation import RetrievalRecord
    from app.services.retrieval import ALL, AllChecked, check_retrieval

    settings = read_settings(collection=collection, device=device)
    events = check_retrieval(settings, method=method, limit=limit, seed=seed)
    checked = last(events, AllChecked).methods
    if as_json:
        records = [RetrievalRecord.model_validate(one) for one in checked]
        show_json(records if method == ALL else records[0])
        return
    checks = [(row.check, row.queries) for row in checked[0].rows]
    head = ("check", "queries", *(one.method for one in checked))
    lines = [
        (check, queries, *(f"{one.rows[place].value:.3f}" for one in checked))
        for place, (check, queries) in enumerate(checks)
    ]
    table(head, lines)
