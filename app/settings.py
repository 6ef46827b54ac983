"""What can be set from outside: CREDITLINE_* in the environment or in `.env`, read once.

In: the environment, and options that a command gives. Out: one frozen `Settings`, handed on as an
argument. Holds no secret, so it can be printed as it is. Imports nothing heavy.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.errors import UsageError

PREFIX = "CREDITLINE_"
ROOT = Path(__file__).resolve().parent.parent  # the checkout, or where the wheel was installed
ASSETS = ROOT / "assets"
EMBEDDED = ASSETS / "workshops"


class Settings(BaseSettings):
    """Every setting with its default; each can be given as CREDITLINE_NAME."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", extra="ignore", frozen=True, env_ignore_empty=True
    )

    home: Path = Field(
        default=Path("~/.creditline"), description="Where all data lives", validate_default=True
    )
    collection: Path = Field(
        default=EMBEDDED, description="The collection's directory, or its name"
    )
    host: str = Field(default="127.0.0.1", description="Address the studio listens on")
    port: int = Field(default=7860, ge=0, le=65535, description="Port the studio listens on")
    hosts: str = Field(default="", description="More names it answers to, by comma")
    importing: Literal["key", "anyone", "nobody"] = Field(
        default="key", description="Who may import in the browser: key, anyone, nobody"
    )
    open: bool = Field(default=True, description="Open a browser when the studio starts")
    rule: Literal["artist-influence", "royalty-pool"] = Field(
        default="artist-influence", description="How new pictures are credited"
    )
    cap: float = Field(
        default=1.0, gt=0, le=1, description="The largest share of one picture per artist"
    )
    device: str = Field(default="auto", description="auto, cpu, cuda, cuda:0, mps")
    ray: str = Field(default="", description="Other processes: local, auto, or a Ray address")
    workers: int = Field(default=2, ge=1, description="How many of them")

    @field_validator("home", "collection")
    @classmethod
    def _without_tilde(cls, path: Path) -> Path:
        return path.expanduser()

    @property
    def ledger_file(self) -> Path:
        """The database of runs and credit."""
        return self.home / "ledger.sqlite3"

    @property
    def outputs(self) -> Path:
        """Pictures that were painted or recorded."""
        return self.home / "outputs"

    @property
    def temporary(self) -> Path:
        """Uploads and previews; swept while the studio runs."""
        return self.home / "tmp"

    @property
    def collections(self) -> Path:
        """Where collections are looked for, besides the embedded one."""
        return self.home / "collections"

    @property
    def collection_roots(self) -> tuple[Path, ...]:
        """Every place a collection is looked for, the embedded one first."""
        return (EMBEDDED, self.collections)

    def describe(self) -> dict[str, str]:
        """Each setting as it took effect, for people."""
        return {name: str(getattr(self, name)) for name in type(self).model_fields}


def downloads_allowed() -> bool:
    """Whether the environment lets models and data sets that are named be fetched."""
    return os.environ.get("HF_HUB_OFFLINE", "1") in ("0", "")


def read_settings(**overrides: Any) -> Settings:
    """Settings from the environment; options that were given (not None) win."""
    options = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**options)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise UsageError(
            f"{PREFIX}{name.upper()} cannot be {str(first['input'])!r}: "
            f"{first['msg'].removeprefix('Value error, ')}. Correct it in the environment or .env."
        ) from error
