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
