"""`featurize`: features of every work, then the index and its null."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from app.cli.options import AsJson, Device, Directory, RayAddress, Workers
from app.cli.output import last, say, show_json
from app.settings import read_settings


def featurize(
    directory: Directory,
    name: Annotated[
        str,
        typer.Option(help="The features' name; 'all' makes what every method of the studio needs."),
    ] = "all",
    objective: Annotated[str, typer.Option(help="The output whose gradient is taken.")] = "square",
    timesteps: Annotated[int, typer.Option(min=1, help="How many timesteps (K).")] = 10,
    rule: Annotated[
        Literal["uniform", "cumulative"], typer.Option(help="Which timesteps.")
    ] = "uniform",
    noise: Annotated[
        Literal["shared", "independent", "cycle"], typer.Option(help="Which noise.")
    ] = "shared",
    noise_seed: Annotated[int, typer.Option(help="Seed of the noise.")] = 0,
    draws: Annotated[int, typer.Option(min=1, help="Noise samples per timestep.")] = 1,
    projection: Annotated[
        Literal["sjlt", "identity", "dense", "trak"], typer.Option(help="How gradients shrink.")
    ] = "sjlt",
    dimension: Annotated[int, typer.Option(min=1, help="Features per work (k).")] = 4096,
    projection_seed: Annotated[int, typer.Option(help="Seed of the projection.")] = 0,
    storage: Annotated[
        Literal["float32", "float16", "int8"], typer.Option(help="How features lie on the disk.")
    ] = "float16",
    references: Annotated[
        int, typer.Option(min=2, help="Pictures painted to measure what chance looks like.")
    ] = 96,
    memory: Annotated[
        float | None,
        typer.Option(metavar="GB", help="What a pass may take; without it, most of what is free."),
    ] = None,
    precision: Annotated[
        Literal["auto", "float32", "bfloat16"],
        typer.Option(help="Of the network on a GPU; auto is bfloat16 where the GPU has it."),
    ] = "auto",
    normalised: Annotated[
        bool,
        typer.Option(
            "--normalised",
            help="Every timestep's gradient at length 1, at a pass each: features for the methods "
            "that need them, under the name that they ask for.",
        ),
    ] = False,
    device: Device = None,
    ray: RayAddress = None,
    workers: Workers = None,
    as_json: AsJson = False,
) -> None:
    """Compute features, index and null of the works.

    Run again after a stop, it goes on where it was and gives the same features, bit for bit.
    """
    from app.services.featurizing import FeaturizeRequest, make_features
    from app.services.serialize import FeaturesRecord

    request = FeaturizeRequest(
        name,
        objective,
        timesteps,
        rule,
        noise,
        noise_seed,
        draws,
        projection,
        dimension,
        projection_seed,
        storage,
        references,
        memory,
        precision,
        normalised,
    )
    settings = read_settings(device=device, ray=ray, workers=workers)
    made = last(make_features(directory, request, settings), FeaturesRecord)
    if as_json:
        show_json(made)
    else:
        say(f"{made.works} works, {made.dimension} features each: {made.path} ({made.spec_digest})")
