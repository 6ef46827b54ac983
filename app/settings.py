"""What can be set from outside: CREDITLINE_* in the environment or in `.env`, read once.

In: the environment, and options that a command gives. Out: one frozen `Settings`, handed on as an
argument. Holds no secret, so it can be printed as it is. Imports nothing heavy.
"""

from __future__ import annotations

import codecs
import difflib
import io
import ipaddress
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from dotenv import dotenv_values
from dotenv.parser import parse_stream
from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from core.errors import UsageError

PREFIX = "CREDITLINE_"
ROOT = Path(__file__).resolve().parent.parent  # the checkout, or where the wheel was installed
ASSETS = ROOT / "assets"
EMBEDDED = ASSETS / "workshops"
ENV_FILE = Path(".env")  # where the command runs
BYTE_ORDER_MARKS = (  # UTF-32's begins with UTF-16's, so it is looked for first
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF8, "UTF-8-sig"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)


class Settings(BaseSettings):
    """Every setting with its default; each can be given as CREDITLINE_NAME."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="ignore", frozen=True, env_ignore_empty=True
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
    root_path: str = Field(default="", description="Below which path a proxy shows the studio")
    proxies: str = Field(default="", description="Whose X-Forwarded-* count: addresses, by comma")
    user_header: str = Field(default="", description="Header in which such a proxy names who asks")
    accounts: Literal["auto", "required", "none"] = Field(
        default="auto", description="Whether accounts are required: auto, required, none"
    )
    per_hour: int = Field(
        default=60, ge=1, description="Pictures per address and hour without an account"
    )
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
        try:
            return path.expanduser()
        except RuntimeError as error:
            raise ValueError(
                "the person that ~ names has no home on this machine; write the folder in full"
            ) from error

    @field_validator("home")
    @classmethod
    def _no_file(cls, home: Path) -> Path:
        for place in (home, *home.parents):
            if os.path.lexists(place) and not os.path.isdir(place):
                is_it = "it" if place == home else f"{place}"
                raise ValueError(f"{is_it} is not a folder; move that aside or name a folder")
        return home

    @field_validator("root_path")
    @classmethod
    def _path(cls, root_path: str) -> str:
        path = "/" + root_path.strip("/")
        if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+|/", path) or {".", ".."} & set(path.split("/")):
            raise ValueError("it is a path as /credit, of letters, digits, and . _ ~ - between /")
        return path.rstrip("/")

    @field_validator("proxies")
    @classmethod
    def _addresses(cls, proxies: str) -> str:
        for one in filter(None, (part.strip() for part in proxies.split(","))):
            try:
                ipaddress.ip_network(one)
            except ValueError as error:
                raise ValueError(
                    f"{one} is not the address of a proxy or of a network (as 10.0.0.0/8)"
                ) from error
        return proxies

    @field_validator("user_header")
    @classmethod
    def _of_a_proxy(cls, user_header: str, info: ValidationInfo) -> str:
        if user_header and not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{1,63}", user_header):
            raise ValueError("it is the name of a header, as X-Remote-User")
        if user_header and not info.data.get("proxies"):
            raise ValueError(
                "a header says who asks only where a proxy writes it; name its address too "
                "(--behind-proxy, CREDITLINE_PROXIES)"
            )
        return user_header.lower()

    @property
    def proxy_addresses(self) -> tuple[str, ...]:
        """Whose X-Forwarded-* count: addresses and networks."""
        return tuple(filter(None, (part.strip() for part in self.proxies.split(","))))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Options, then the environment, then `.env`, as we decode it ourselves."""
        known = InitSettingsSource(settings_cls, _from_env_file(ENV_FILE))
        return init_settings, env_settings, known

    @property
    def ledger_file(self) -> Path:
        """The database of runs and credit."""
        return self.home / "ledger.sqlite3"

    @property
    def accounts_file(self) -> Path:
        """Who may do more than a visitor; apart from the ledger, which is shown to everybody."""
        return self.home / "accounts.sqlite3"

    @property
    def authority(self) -> Path:
        """Who signs pictures, where somebody does: a key and its certificates."""
        return self.home / "keys" / "provenance"

    @property
    def outputs(self) -> Path:
        """Pictures that were painted or recorded."""
        return self.home / "outputs"

    @property
    def jobs(self) -> Path:
        """What was promised and is not painted or traced yet."""
        return self.home / "jobs"

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
    """Settings from the environment; options that were given (not None) win.

    Raises `UsageError`, in one sentence, for a value or a `.env` that cannot be read, and for a
    CREDITLINE_* that no setting has.
    """
    options = {name: value for name, value in overrides.items() if value is not None}
    _require_known(os.environ, "the environment")
    try:
        return Settings(**options)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise UsageError(
            f"{PREFIX}{name.upper()} cannot be {str(first['input'])!r}: "
            f"{first['msg'].removeprefix('Value error, ')}. Correct it in the environment or .env."
        ) from error


def _require_known(names: Iterable[str], place: str) -> None:
    """A misspelt setting would have no effect, and nobody would learn why."""
    known = [PREFIX + name.upper() for name in Settings.model_fields]
    for name in names:
        upper = name.upper()
        if upper.startswith(PREFIX) and upper not in known:
            near = difflib.get_close_matches(upper, known, n=1, cutoff=0)[0]
            raise UsageError(
                f"There is no setting {name} (in {place}). The nearest is {near}: correct the "
                "name, or remove it."
            )


def _from_env_file(path: Path) -> dict[str, str]:
    """Our settings in `path`, by field; without those that are empty. Raises `UsageError`."""
    text = _env_text(path)
    for binding in parse_stream(io.StringIO(text)):
        if binding.error and PREFIX in binding.original.string.upper():
            raise UsageError(
                f"Line {binding.original.line} of {path} cannot be read. Write {PREFIX}NAME=value, "
                "with both quotes if any."
            )
    values = dotenv_values(stream=io.StringIO(text))
    _require_known(values, str(path))
    return {
        name.upper().removeprefix(PREFIX).lower(): value
        for name, value in values.items()
        if name.upper().startswith(PREFIX) and value
    }


def _env_text(path: Path) -> str:
    """The text of `.env`: UTF-8, or what its byte order mark says; "" without one.

    Nothing is guessed: another encoding is refused by name, because a wrong guess would change
    a path or a name without a word.
    """
    if not os.path.lexists(path) or os.path.isfile(path / "pyvenv.cfg"):  # a virtual environment
        return ""
    if os.path.isdir(path):
        raise UsageError(
            f"{path} is a folder, and must be a file with a {PREFIX}NAME=value per line (Docker "
            "makes a folder where it mounts a file that is not there). Move it aside."
        )
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read ({error.strerror or error}). Give yourself the right to read "
            "it, or move it aside."
        ) from error
    remedy = "Save it again as UTF-8 (in PowerShell: Set-Content -Encoding utf8)."
    encoding = next((name for mark, name in BYTE_ORDER_MARKS if data.startswith(mark)), None)
    name = (encoding or "").removesuffix("-sig")
    mixed = UsageError(
        f"{path} begins as {name} and does not go on as {name}: it is cut off, or another encoding "
        f"was appended. {remedy}"
    )
    if name.startswith(("UTF-16", "UTF-32")) and PREFIX.encode() in data:
        raise mixed  # two letters appended in UTF-8 would be read as one of Chinese
    try:
        text = data.decode(encoding or "utf-8")
    except UnicodeDecodeError as error:
        if encoding is not None:
            raise mixed from error
        if b"\0" not in data:
            line = data[: error.start].count(b"\n") + 1
            raise UsageError(
                f"{path} is not UTF-8 (line {line}, byte 0x{data[error.start]:02x}): probably "
                f"Windows-1252 or another encoding of one byte per letter. {remedy}"
            ) from error
        text = "\0"
    if "\0" in text:
        raise UsageError(
            f"{path} holds NUL bytes: it is UTF-16 without a byte order mark (whole or in part) "
            f"or not a text. {remedy}"
        )
    return text
