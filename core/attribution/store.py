"""Features on disk: a header that says what they are, and shards that are whole or absent.

In: features and what they were made of. Out: the same features, or a `StoreError` that names what
does not fit. A shard is written to a draft, synced, renamed; resuming skips the finished ones.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from core.attribution.features import Features
from core.attribution.packing import pack, unpack
from core.attribution.spec import FeatureSpec
from core.collection.atomic import write_text
from core.diffusion.weights import save_tensors
from core.errors import StoreError

FORMAT = 1
HEADER = "header.json"


@dataclass(frozen=True)
class Header:
    """What a store holds: which numbers (spec), of which model, of which works, how many."""

    spec: FeatureSpec
    model_digest: str
    works_digest: str
    count: int
    shard_size: int = 50
    storage: str = "float16"

    @cached_property
    def digest(self) -> str:
        """sha256 over every field; each shard carries it."""
        return hashlib.sha256(json.dumps(self.plain(), sort_keys=True).encode()).hexdigest()

    def plain(self) -> dict[str, Any]:
        """As nested plain values, for json."""
        fields = {name: value for name, value in asdict(self).items() if name != "spec"}
        return {
            "format": FORMAT, **fields, "spec": self.spec.plain(), "spec_digest": self.spec.digest
        }  # fmt: skip

    @property
    def shards(self) -> list[range]:
        """The rows of every shard."""
        starts = range(0, self.count, self.shard_size)
        return [range(start, min(start + self.shard_size, self.count)) for start in starts]


@dataclass(frozen=True, eq=False)
class FeatureStore:
    """A directory with `header.json` and `shard-00000.safetensors`, ..."""

    directory: Path
    header: Header

    @classmethod
    def begin(cls, directory: Path, header: Header) -> FeatureStore:
        """Start, or go on with, a store of exactly this header. Another header is refused."""
        if (directory / HEADER).is_file():
            found = cls.open(directory)
            if found.header != header:
                raise StoreError(
                    f"The features '{directory.name}' were made otherwise: "
                    f"{_difference(found.header, header)}. Remove that folder to make them again, "
                    "or choose another name."
                )
            return found
        directory.mkdir(parents=True, exist_ok=True)
        text = json.dumps(header.plain(), indent=1, sort_keys=True)
        write_text(directory / HEADER, text + "\n")
        return cls(directory, header)

    @classmethod
    def open(cls, directory: Path) -> FeatureStore:
        """An existing store. Raises `StoreError` when there is none or its header is damaged."""
        try:
            values = json.loads((directory / HEADER).read_text(encoding="utf-8"))
            spec = FeatureSpec.from_plain(values["spec"])
            kept = ("model_digest", "works_digest", "count", "shard_size", "storage")
            header = Header(spec, **{name: values[name] for name in kept})
        except FileNotFoundError as error:
            raise StoreError(
                f"There are no features '{directory.name}' yet. Make them with "
                "`python -m app featurize`."
            ) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"The header of the features '{directory.name}' is damaged. Remove that folder "
                "and make them again with `python -m app featurize`."
            ) from error
        if values.get("format") != FORMAT or values.get("spec_digest") != spec.digest:
            raise StoreError(
                f"The features '{directory.name}' were made by another version of this program. "
                "Make them again with `python -m app featurize`."
            )
        return cls(directory, header)

    def require(self, *, model_digest: str, works_digest: str) -> None:
        """Refuse, naming both digests, a store of another model or of other works."""
        wanted = {"model": model_digest, "works": works_digest}
        found = {"model": self.header.model_digest, "works": self.header.works_digest}
        for what, digest in wanted.items():
            if found[what] != digest:
                raise StoreError(
                    f"The features '{self.directory.name}' were made for other {what} (digest "
                    f"{found[what][:12]}, and here it is {digest[:12]}). Make them again with "
                    "`python -m app featurize`."
                )

    def path(self, number: int) -> Path:
        """Where shard `number` lies."""
        return self.directory / f"shard-{number:05d}.safetensors"

    def missing(self) -> list[int]:
        """The shards that are not written yet."""
        return [
            number for number in range(len(self.header.shards)) if not self.path(number).exists()
        ]

    def write(self, number: int, features: Features) -> None:
        """Write shard `number`, whole or not at all."""
        tensors = {**pack(features.phi, self.header.storage), "losses": features.losses.double()}
        marks = {"header": self.header.digest, "checksum": checksum(tensors)}
        try:
            save_tensors(self.path(number), tensors, marks)
        except OSError as error:
            raise StoreError(
                f"The features '{self.directory.name}' could not be written "
                f"({error.strerror or error}). Free some space; what is finished is kept."
            ) from error

    def read(self, number: int) -> Features:
        """Shard `number`: `phi [m, k]` float32, `losses [m]`."""
        name = self.path(number).name
        remedy = "Remove that file and run `python -m app featurize` again: only it is made anew."
        if not self.path(number).is_file():
            raise StoreError(
                f"The features '{self.directory.name}' are unfinished: {name} is missing. "
                "Run `python -m app featurize` again; it goes on where it stopped."
            )
        try:
            tensors, marks = read_tensors(self.path(number))
        except (SafetensorError, OSError, ValueError) as error:
            raise StoreError(
                f"{name} of the features '{self.directory.name}' is truncated or damaged. {remedy}"
            ) from error
        if marks.get("header") != self.header.digest:
            raise StoreError(
                f"{name} belongs to other features than '{self.directory.name}' (digest "
                f"{marks.get('header', 'none')[:12]}, not {self.header.digest[:12]}). {remedy}"
            )
        if marks.get("checksum") != checksum(tensors):
            raise StoreError(
                f"{name} of the features '{self.directory.name}' was changed after it was written. "
                f"{remedy}"
            )
        return Features(unpack(tensors), tensors["losses"])

    def load(self) -> Features:
        """All rows, in the works' order: `phi [n, k]` float32, `losses [n]`."""
        parts = [self.read(number) for number in range(len(self.header.shards))]
        return Features(
            torch.cat([part.phi for part in parts]), torch.cat([part.losses for part in parts])
        )


def _difference(found: Header, wanted: Header) -> str:
    here, there = found.plain(), wanted.plain()
    names = [name for name in here if here[name] != there[name] and name != "spec_digest"]
    return "; ".join(f"{name} is {_short(here[name])}, asked is {_short(there[name])}"
                     for name in names)  # fmt: skip


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 80 and not _is_digest(text) else text[:12]


def _is_digest(text: str) -> bool:
    return len(text) == 64 and all(letter in "0123456789abcdef" for letter in text)


def checksum(tensors: Mapping[str, Tensor]) -> str:
    """sha256 over names and bytes."""
    total = hashlib.sha256()
    for name in sorted(tensors):
        total.update(name.encode())
        total.update(tensors[name].contiguous().numpy().tobytes())
    return total.hexdigest()


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """A safetensors file's tensors and its metadata."""
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.offset_keys()}
        return tensors, json.loads((file.metadata() or {}).get("about", "{}"))
