"""Options that several verbs share, said once.

In: nothing. Out: annotated types for signatures. Knows no verb.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]
CollectionOption = Annotated[
    Path | None,
    typer.Option(
        "--collection", metavar="DIR", help="The collection's folder, or its name at hand."
    ),
]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:0 or mps.")]
Method = Annotated[str, typer.Option(help="How influence is measured; see `methods`.")]
RayAddress = Annotated[
    str | None,
    typer.Option(
        "--ray", metavar="ADDRESS", help="Let other processes do it: local, auto, or HOST:PORT."
    ),
]
Workers = Annotated[int | None, typer.Option(min=1, help="With --ray: how many processes.")]
