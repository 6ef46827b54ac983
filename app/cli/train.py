"""`train`: train a LoRA on a collection."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from app.cli.options import AsJson, Device, Directory
from app.cli.output import run, say, show_json
from app.settings import downloads_allowed, read_settings


def train(
    directory: Directory,
    base: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR|NAME",
            help="What the LoRA builds on: a model's folder in diffusers' layout, its one "
            ".safetensors, its name on the hub, or a collection to train a small one on from "
            "nothing. Needed once.",
        ),
    ] = None,
    base_config: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Configuration and tokenizers for a --base that is one file, in diffusers' "
            "layout.",
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
            help="Bring a ready LoRA, LoHa, LoKr or DoRA instead of training one.",
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
    batch_size: Annotated[int | None, typer.Option(min=1, help="Works per step.")] = None,
    accumulate: Annotated[
        int, typer.Option(min=1, help="A step in so many parts, to spare memory.")
    ] = 1,
    checkpointing: Annotated[
        bool,
        typer.Option(
            "--checkpointing", help="Keep fewer activations: much less memory, a third more time."
        ),
    ] = False,
    precision: Annotated[
        Literal["auto", "float32", "bfloat16"],
        typer.Option(
            help="Of the network on a GPU; auto is bfloat16 where the GPU has it. The LoRA "
            "stays in float32."
        ),
    ] = "auto",
    subset: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Learn only these works: one id per line. Kept apart."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed, another training.")] = 2,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Train a LoRA on a collection.

    Run again after a stop, it goes on where it was and ends with the same model.
    """
    from app.services.training import TrainingRequest, train_collection, training_record

    request = TrainingRequest(
        base,
        base_steps,
        decoder_steps,
        steps,
        epochs,
        rank,
        subset,
        seed,
        preset,
        batch_size,
        precision,
        accumulate,
        lora,
        download or downloads_allowed(),
        base_config,
        checkpointing,
    )
    run(train_collection(directory, request, read_settings(device=device).device))
    training = training_record(directory, request)
    if as_json:
        show_json(training)
    else:
        did = "learnt" if lora is None else "was brought; it stands for"
        say(f"The LoRA of rank {training.rank} {did} {training.works} works: {training.lora}")
