"""`serve`: the studio in the browser."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.options import CapOption, CollectionOption, Device, RayAddress, RuleOption, Workers
from app.cli.output import complain
from app.settings import read_settings


def serve(
    collection: CollectionOption = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    hosts: Annotated[
        str | None, typer.Option("--allow-host", help="More names it answers to, by comma.")
    ] = None,
    root_path: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Below which path a proxy shows it, as /credit."),
    ] = None,
    proxies: Annotated[
        str | None,
        typer.Option(
            "--behind-proxy",
            metavar="ADDRESSES",
            help="Whose X-Forwarded-Prefix, -Host, -Proto and -For count, by comma; else nobody's.",
        ),
    ] = None,
    user_header: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Header in which such a proxy names who has signed in with it."
        ),
    ] = None,
    accounts: Annotated[
        bool | None,
        typer.Option(
            "--accounts/--without-accounts",
            help="Whether whoever does more than look, paint and trace signs in; required where "
            "others reach the studio, unless you say --without-accounts.",
        ),
    ] = None,
    per_hour: Annotated[
        int | None, typer.Option(help="Pictures per address and hour without an account.")
    ] = None,
    open_browser: Annotated[
        bool | None, typer.Option("--open/--no-open", help="Open a browser.")
    ] = None,
    rule: RuleOption = None,
    cap: CapOption = None,
    device: Device = None,
    ray: RayAddress = None,
    workers: Workers = None,
) -> None:
    """Serve the studio in the browser."""
    settings = read_settings(
        collection=collection,
        host=host,
        port=port,
        hosts=hosts,
        root_path=root_path,
        proxies=proxies,
        user_header=user_header,
        accounts=None if accounts is None else "required" if accounts else "none",
        per_hour=per_hour,
        open=open_browser,
        rule=rule,
        cap=cap,
        device=device,
        ray=ray,
        workers=workers,
    )
    for name, value in settings.describe().items():
        complain(f"  {name:<11}{value}")
    from app.web.server import serve as serve_studio

    serve_studio(settings)
