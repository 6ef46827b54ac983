"""Options that several verbs share, said once.

In: nothing, or a command with a group of options. Out: annotated types for signatures, and the
command with the group's options spread out. Knows no verb.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from app.settings import Settings, read_settings

AsJson = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]
CollectionOption = Annotated[
    Path | None,
    typer.Option(
        "--collection", metavar="DIR", help="The collection's folder, or its name at hand."
    ),
]
Directory = Annotated[Path, typer.Argument(metavar="DIR", help="The collection's folder.")]
StyleOption = Annotated[str | None, typer.Option("--class", metavar="C", help="The class.")]
Top = Annotated[int, typer.Option(min=1, help="How many works to name on each side.")]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:0 or mps.")]
Method = Annotated[str, typer.Option(help="How influence is measured; see `methods`.")]
RuleOption = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Share rule: artist-influence or royalty-pool."),
]
CapOption = Annotated[
    float | None, typer.Option(help="The largest share of one picture per artist (1: no cap).")
]
RayAddress = Annotated[
    str | None,
    typer.Option(
        "--ray", metavar="ADDRESS", help="Let other processes do it: local, auto, or HOST:PORT."
    ),
]
Workers = Annotated[int | None, typer.Option(min=1, help="With --ray: how many processes.")]


def group(text: str) -> typer.Typer:
    """Verbs under one word."""
    return typer.Typer(help=text, no_args_is_help=True, add_completion=False, rich_markup_mode=None)


@dataclass(frozen=True, kw_only=True)
class CommonOptions:
    """Which collection, and which processor; None leaves it to the environment."""

    collection: CollectionOption = None
    device: Device = None

    def settings(self) -> Settings:
        """The settings, with these put first."""
        return read_settings(collection=self.collection, device=self.device)


def spread_options(command: Callable[..., None]) -> Callable[..., None]:
    """A command, with each field of its dataclass parameters as an option of its own.

    What several verbs ask in the same words is one dataclass of annotated fields; typer, which
    knows only flat signatures, sees the fields in its place, and the command gets the dataclass.
    """
    parameters = inspect.signature(command, eval_str=True).parameters.values()
    groups: dict[str, type[Any]] = {
        one.name: one.annotation
        for one in parameters
        if isinstance(one.annotation, type) and is_dataclass(one.annotation)
    }
    flat: list[inspect.Parameter] = []
    for one in parameters:
        options = _options(groups[one.name]) if one.name in groups else [one]
        flat += [option.replace(kind=inspect.Parameter.KEYWORD_ONLY) for option in options]

    @wraps(command)
    def flat_command(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = group(**{field.name: values.pop(field.name) for field in fields(group)})
        command(**values)

    vars(flat_command)["__signature__"] = inspect.Signature(flat)
    flat_command.__annotations__ = {option.name: option.annotation for option in flat}
    return flat_command


def _options(group: type[Any]) -> list[inspect.Parameter]:
    types = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=types[field.name],
        )
        for field in fields(group)
    ]
