"""`serve` and `doctor`: open the studio; say what is wrong with this machine and the remedy."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.options import (
    AsJson,
    CollectionOption,
    Device,
    RayAddress,
    Where,
    Workers,
    spread_options,
)
from app.cli.output import complain, say, show_json
from app.settings import read_settings


def serve(
    collection: CollectionOption = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    hosts: Annotated[
        str | None, typer.Option("--allow-host", help="More names it answers to, by comma.")
    ] = None,
    open_browser: Annotated[
        bool | None, typer.Option("--open/--no-open", help="Open a browser.")
    ] = None,
    device: Device = None,
    ray: RayAddress = None,
    workers: Workers = None,
) -> None:
    """Serve the studio in the browser."""
    settings = read_settings(
        collection=collection, host=host, port=port, hosts=hosts, open=open_browser,
        device=device, ray=ray, workers=workers,
    )  # fmt: skip
    for name, value in settings.describe().items():
        complain(f"  {name:<11}{value}")
    from app.web.server import serve as serve_studio

    serve_studio(settings)


@spread_options
def doctor(where: Where, as_json: AsJson = False) -> None:
    """Say what is wrong here, and the remedy."""
    from app.services.doctor import examine

    findings = examine(where.settings())
    healthy = all(finding.ok for finding in findings)
    if as_json:
        show_json({"ok": healthy, "checks": findings})
    else:
        for finding in findings:
            say(f"{'ok   ' if finding.ok else 'wrong'}  {finding.name:<11}{finding.words}")
            if finding.remedy:
                say(f"{'':<18}{finding.remedy}")
    raise typer.Exit(0 if healthy else 1)
