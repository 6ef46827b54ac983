"""`evaluate`: do credits predict reality, and does attribution find what is known?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import AsJson, CollectionOption, CommonOptions, Device, group, spread_options
from app.cli.output import last, say, show_json, table
from app.settings import Settings, read_settings
from core.errors import UsageError

verbs = group("Check the attribution where the truth is known.")

if TYPE_CHECKING:
    from app.services.evaluation import BenchmarkRequest
    from app.services.serialize import Record

Preset = Annotated[
    str, typer.Option(metavar="NAME", help="digits-small, cifar2-small, workshops, cifar2, ...")
]
Output = Annotated[
    Path | None,
    typer.Option("-o", "--output", metavar="DIR", help="The benchmark's folder; it resumes."),
]


@dataclass(frozen=True, kw_only=True)
class BenchmarkOptions:
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
        int,
        typer.Option(min=1, help="Processes that share the work, each with a GPU or some threads."),
    ] = 1


@verbs.command("lds")
@spread_options
def evaluate_lds(
    preset: Preset = "digits-small",
    output: Output = None,
    experiment: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="main, frontier, rules, inverse, table1-8, fig1-2, fig5-10."
        ),
    ] = "main",
    subsets: Annotated[
        int | None, typer.Option(min=3, help="Subsets, instead of the preset's.")
    ] = None,
    *,
    options: BenchmarkOptions,
    common: CommonOptions,
    as_json: AsJson = False,
) -> None:
    """Do credits predict reality? Retrain without half of the works, and compare (LDS).

    Run again after a stop, it goes on where it was and finds the same.
    """
    from app.services.evaluation import LdsRecord, LdsResult, evaluate_lds

    settings = common.settings()
    request = _request(settings, preset, output, options, subsets)
    result = last(evaluate_lds(settings, request, experiment), LdsResult)
    where = f"{result.finished.seconds:.0f} s. Also in {result.table} and {result.figure}."
    _answer(LdsRecord.model_validate(result.finished), [result.text.rstrip(), where], as_json)


@verbs.command("artists")
@spread_options
def evaluate_artists(
    preset: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="workshops-artists, workshops-artists-large, digits-artists, ..."
        ),
    ] = "workshops-artists",
    output: Output = None,
    methods: Annotated[str, typer.Option(metavar="NAMES", help="By comma, or 'all'.")] = "all",
    seeds: Annotated[
        int | None,
        typer.Option(min=2, help="Trainings of each kind, instead of the preset's; more go on."),
    ] = None,
    forgetting: Annotated[
        int, typer.Option(min=0, help="Artists forgotten too, to compare with retraining (8).")
    ] = 0,
    *,
    options: BenchmarkOptions,
    common: CommonOptions,
    as_json: AsJson = False,
) -> None:
    """Are the right artists paid? Retrain without each of them, and compare what is booked.

    Run again after a stop, it goes on where it was and finds the same.
    """
    from app.services.evaluation import ArtistsCompared, ArtistsRecord, evaluate_artists

    settings = common.settings()
    request = replace(_request(settings, preset, output, options), removals=seeds)
    named = None if methods == "all" else _names(methods)
    result = last(evaluate_artists(settings, request, named, forgetting), ArtistsCompared)
    where = f"{result.finished.seconds:.0f} s. Also in {result.table} and {result.figures}."
    _answer(ArtistsRecord.model_validate(result.finished), [result.text.rstrip(), where], as_json)


@verbs.command("counterfactual")
@spread_options
def evaluate_counterfactual(
    preset: Preset = "digits-small",
    output: Output = None,
    methods: Annotated[
        str, typer.Option(metavar="NAMES", help="By comma; 'random' is the one to beat.")
    ] = "d-trak,trak,raw-pixel-dot,random",
    remove: Annotated[int, typer.Option(min=1, help="Works taken away per picture.")] = 10,
    images: Annotated[int, typer.Option(min=1, help="Pictures painted again.")] = 20,
    noise: Annotated[str, typer.Option(help="Noise of the features.")] = "shared",
    timesteps: Annotated[int, typer.Option(min=1, help="Timesteps of the features (K).")] = 10,
    seeds: Annotated[
        int, typer.Option(min=1, help="Trainings of each model; several are paired.")
    ] = 1,
    artists: Annotated[
        bool, typer.Option("--artists", help="The artist named first goes, with all works.")
    ] = False,
    *,
    options: BenchmarkOptions,
    common: CommonOptions,
    as_json: AsJson = False,
) -> None:
    """Take away the works a method names, retrain, paint again: how far does the picture move?"""
    from app.services.evaluation import (
        CounterfactualRecord,
        CounterfactualResult,
        evaluate_counterfactual,
    )
    from core.evaluation.counterfactual import Removal

    names = _names(methods)
    removal = Removal(
        methods=names,
        works=remove,
        images=images,
        noise=noise,
        timesteps=timesteps,
        seeds=seeds,
        artists=artists,
    )
    settings = common.settings()
    request = _request(settings, preset, output, options)
    result = last(evaluate_counterfactual(settings, request, removal), CounterfactualResult)
    where = f"Also in {result.boxplot} and {result.sheet}."
    _answer(
        CounterfactualRecord.model_validate(result.figures), [result.text.rstrip(), where], as_json
    )


@verbs.command("artist")
@spread_options
def evaluate_artist(
    artist: Annotated[str, typer.Option(help="Who is left out: name or id.")],
    style: Annotated[
        str | None, typer.Option("--class", help="What is painted; else the artist's own class.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The seed that is painted twice.")] = 7,
    retrain: Annotated[
        bool, typer.Option("--retrain", help="Train again without them, instead of forgetting.")
    ] = False,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="What their works are to be answered like: base (the model without LoRA), or "
            "neighbours (the nearest works of others).",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="The picture without.")
    ] = None,
    *,
    common: CommonOptions,
    as_json: AsJson = False,
) -> None:
    """What if this artist had not been there? The same seed, without their works."""
    from app.services.artist_ablation import (
        ArtistAblationRecord,
        ArtistAblationRequest,
        ArtistAblationResult,
        leave_out_by_name,
    )
    from core.evaluation.artist_ablation import DEFAULT_WAY, RETRAIN, way_of

    settings = common.settings()
    if retrain and target is not None:
        raise UsageError("Retraining has no target: give --retrain or --target, not both.")
    way = DEFAULT_WAY if target is None else way_of(target)
    request = ArtistAblationRequest(artist, style, seed, RETRAIN if retrain else way, output)
    result = last(leave_out_by_name(settings, request), ArtistAblationResult)
    lines = [result.words, f"Painted: {result.file}"]
    _answer(ArtistAblationRecord.model_validate(result), lines, as_json)


def _answer(record: Record, lines: Sequence[str], as_json: bool) -> None:
    """As JSON, or in words."""
    if as_json:
        show_json(record)
        return
    for line in lines:
        say(line)


def _names(methods: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in methods.split(",") if name.strip())


def _request(
    settings: Settings,
    preset: str,
    output: Path | None,
    options: BenchmarkOptions,
    subsets: int | None = None,
) -> BenchmarkRequest:
    from app.services.evaluation import BenchmarkRequest

    folder = output or settings.home / "benchmarks" / preset
    return BenchmarkRequest(preset=preset, output=folder, subsets=subsets, **vars(options))


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
    artists: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A finished `evaluate artists` folder.")
    ] = None,
    retrieval: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The output of `evaluate retrieval --method all --json`."
        ),
    ] = None,
    pictures: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The output of `evaluate pictures --json`."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Queries per retrieval check.")] = 60,
    checks: Annotated[bool, typer.Option(help="Whether retrieval is checked too.")] = True,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Write report.json into the collection: how far its credits can be trusted."""
    from app.services.report import ReportRecord, ReportResult, make_report

    settings = read_settings(collection=collection, device=device)
    events = make_report(
        settings,
        benchmark,
        removals=removals,
        artists=artists,
        retrieval=retrieval,
        pictures=pictures,
        limit=limit,
        checks=checks,
    )
    written = last(events, ReportResult)
    where = f"The report of '{written.report.collection}': {written.file}"
    _answer(ReportRecord.model_validate(written.report), [where], as_json)


@verbs.command("retrieval")
def evaluate_retrieval(
    collection: CollectionOption = None,
    method: Annotated[
        str, typer.Option(metavar="NAME", help="A method, or 'all' whose features are at hand.")
    ] = "d-trak",
    limit: Annotated[int, typer.Option(min=1, help="Queries per check.")] = 60,
    seed: Annotated[int, typer.Option(help="Which works and paintings are the queries.")] = 0,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Self-retrieval, style precision, artist precision: where the truth is known."""
    from app.services.retrieval import ALL, RetrievalRecord, RetrievalResults, check_retrieval

    settings = read_settings(collection=collection, device=device)
    events = check_retrieval(settings, method=method, limit=limit, seed=seed)
    checked = last(events, RetrievalResults).methods
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


@verbs.command("pictures")
def evaluate_pictures(
    collection: CollectionOption = None,
    count: Annotated[int, typer.Option(min=2, help="Pictures painted, the classes in turn.")] = 96,
    seed: Annotated[int, typer.Option(min=0, help="Other seeds, other pictures.")] = 0,
    clip: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Judge by this CLIP vision model instead.")
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A contact sheet of the paintings.")
    ] = None,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Does the model paint as its works look? Hands, distance, sharpness, copies.

    The judge sees by EfficientNet-Lite0, whose weights come with the extra `judge`.
    """
    from app.services.painted_pictures import PicturesJudged, judge_pictures

    settings = read_settings(collection=collection, device=device)
    events = judge_pictures(settings, count=count, seed=seed, clip=clip, sheet=sheet)
    judged = last(events, PicturesJudged)
    record = judged.record
    if as_json:
        show_json(record)
        return
    rows = [("works of the same hands, held out", record.held_out, record.distance_held_out)]
    rows.append(("painted", record.painted, record.distance))
    table(
        ("pictures", "number", "hand of the class", "confidence", "distance"),
        [
            (name, one.pictures, f"{one.in_class:.2f}", f"{one.confidence:.2f}", f"{apart:.1f}")
            for name, one, apart in rows
            if one is not None and apart is not None
        ],
    )
    sharp = ", ".join(f"{style} {value:.2f}" for style, value in record.sharpness.items())
    say(f"Sharpness against the works: {sharp}")
    say(f"Perhaps copies: {100 * record.copies:.0f} % of the paintings")
    say(f"The judge ({record.embedding}) names the hand of {record.hands:.2f} of {record.hands_of}")
    if record.sheet is not None:
        say(f"Contact sheet: {record.sheet}")
