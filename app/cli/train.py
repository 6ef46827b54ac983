"""`train` and `featurize`: teach a collection, remember its features."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from app.cli.options import AsJson, Device, RayAddress, Workers
from app.cli.output import last, run, say, show_json
from app.settings import read_settings

Directory = Annotated[Path, typer.Argument(metavar="DIR", help="The collection's folder.")]


def train(
    directory: Directory,
    base: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR|NAME",
            help="What the LoRA builds on: a Stable Diffusion in diffusers' layout, its name on "
            "the hub, or a collection to train a small one on from nothing. Needed once.",
        ),
    ] = None,
    preset: Annotated[
        Literal["small", "paper"],
        typer.Option(help="paper: rank 128, 100 epochs, batches of 64, as D-TRAK trains ArtBench."),
    ] = "small",
    lora: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Bring a ready LoRA (diffusers, peft or kohya) instead of training one.",
        ),
    ] = None,
    download: Annotated[
        bool,
        typer.Option(
            "--download", help="Fetch a --base that is named as on the hub and is not here yet."
        ),
    ] = False,
    base_steps: Annotated[int, typer.Option(min=1, help="Steps of a base from nothing.")] = 4500,
    decoder_steps: Annotated[int, typer.Option(min=1, help="Steps of its decoder.")] = 3000,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps of the LoRA.")] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Instead of --steps: times each work is seen.")
    ] = None,
    rank: Annotated[int | None, typer.Option(min=1, help="Rank of the LoRA.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Works a step.")] = None,
    accumulate: Annotated[
        int, typer.Option(min=1, help="A step in so many parts, to spare memory.")
    ] = 1,
    precision: Annotated[
        Literal["auto", "float32", "bfloat16"],
        typer.Option(
            help="Of the network on a GPU; auto is bfloat16 where the GPU has it. The LoRA "
            "stays in float32."
        ),
    ] = "auto",
    subset: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Learn only these works: one id a line. Kept apart."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed, another training.")] = 2,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Teach a collection to a model, as a LoRA.

    Run again after a stop, it goes on where it was and ends with the same model.
    """
    if download:  # before the libraries are imported: they read it once
        os.environ["HF_HUB_OFFLINE"] = "0"
    from app.services.training import Lesson, taught, teach

    lesson = Lesson(
        base, base_steps, decoder_steps, steps, epochs, rank, subset, seed, preset, batch_size,
        precision, accumulate, lora,
    )  # fmt: skip
    run(teach(directory, lesson, read_settings(device=device).device))
    told = taught(directory, lesson)
    if as_json:
        show_json(told)
    else:
        did = "learnt" if lora is None else "was brought; it stands for"
        say(f"The LoRA of rank {told['rank']} {did} {told['works']} works: {told['lora']}")


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
    draws: Annotated[int, typer.Option(min=1, help="Noises a timestep.")] = 1,
    projection: Annotated[
        Literal["sjlt", "identity", "dense", "trak"], typer.Option(help="How gradients shrink.")
    ] = "sjlt",
    dimension: Annotated[int, typer.Option(min=1, help="Features a work (k).")] = 4096,
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
    device: Device = None,
    ray: RayAddress = None,
    workers: Workers = None,
    as_json: AsJson = False,
) -> None:
    """Compute features, index and null of the works.

    Run again after a stop, it goes on where it was and gives the same features, bit for bit.
    """
    from app.services.featurizing import FeatureChoice, Remembered, remember

    choice = FeatureChoice(
        name, objective, timesteps, rule, noise, noise_seed, draws, projection, dimension,
        projection_seed, storage, references, memory, precision,
    )  # fmt: skip
    settings = read_settings(device=device, ray=ray, workers=workers)
    told = last(remember(directory, choice, settings), Remembered)
    if as_json:
        show_json(told)
    else:
        say(f"{told.works} works, {told.dimension} features each: {told.path} ({told.spec_digest})")
