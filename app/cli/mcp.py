"""`mcp`: the studio as tools of an assistant."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from core.errors import UsageError


def mcp(
    studio: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Of the studio.")
    ] = "http://127.0.0.1:7860",
    token: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where a token is written.")
    ] = None,
    pictures: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Whose pictures may be traced; else none.")
    ] = None,
) -> None:
    """Speak the Model Context Protocol through stdin and stdout; the studio is served beside it."""
    try:
        from app.web.api.mcp_server import ApiClient, mcp_server, token_in
    except ImportError as error:
        raise UsageError(
            "This needs the library mcp: pip install -c constraints.txt -e '.[mcp]'."
        ) from error
    if not studio.startswith(("http://", "https://")):
        raise UsageError(f"'{studio}' is no address of a studio: write http://HOST:PORT.")
    if pictures is not None and not pictures.is_dir():
        raise UsageError(f"There is no folder {pictures}. Name the folder of your pictures.")
    client = ApiClient(studio, token_in(token) if token is not None else "")
    mcp_server(client, pictures).run("stdio")
