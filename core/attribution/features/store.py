"""Features on disk: a header that says what they are, and shards that are whole or absent.

In: features, each with the key of the picture it belongs to. Out: the same features in any order,
or a `StoreError` that names what does not fit. A shard is written to a draft, synced, renamed; what
is there already is not made twice, whether a run was stopped or a collection grew. Of works that
left, `departed.safetensors` keeps what a kernel needs and no feature of one work.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.attribution.features.featurizer import Features
from core.attribution.features.quantization import Packed
from core.attribution.features.spec import FeatureSpec
from core.collection.types import Collection
from core.diffusion.tensors import read_tensors, save_tensors, undamaged
from core.errors import CollectionError, StoreError
from core.files import read_json, write_text

FORMAT = 2
HEADER = "header.json"
SHARD = "shard-{:05d}.safetensors"
DEPARTED = "departed.safetensors"
PICTURES = "pictures"
BESIDE = ("losses", "keys", PICTURES)  # what a shard holds for each row beside its numbers


@dataclass(frozen=True)
class Header:
    """What a store holds: which numbers (spec), of which model, packed how."""

    spec: FeatureSpec
    model_digest: str
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
            "format": FORMAT,
            **fields,
            "spec": self.spec.plain(),
            "spec_digest": self.spec.digest,
        }


def key_of(content: str, style: str, turn: int = 0) -> int:
    """64 bits that stand for a picture under its prompt (and, for noise that goes in cycles, its
    turn): features belong to this, not to a place in a list."""
    text = f"{content}/{style}" + (f"/{turn}" if turn else "")
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True)


def picture_key(content: str) -> int:
    """64 bits that stand for a picture whatever its prompt."""
    return key_of(content, "")


@dataclass(frozen=True, eq=False)
class FeatureStore:
    """A directory with `header.json` and `shard-00000.safetensors`, ..."""

    directory: Path
    header: Header

    @classmethod
    def begin(cls, directory: Path, header: Header) -> FeatureStore:
        """Start, or go on with, a store of exactly this header. Another header is refused."""
        if (directory / HEADER).is_file():
            existing = cls.open(directory)
            if existing.header != header:
                difference = _difference(existing.header, header)
                raise StoreError(
                    f"The features '{directory.name}' were made otherwise: {difference}. "
                    "Remove that folder to make them again, or choose another name."
                )
            return existing
        directory.mkdir(parents=True, exist_ok=True)
        text = json.dumps(header.plain(), indent=1, sort_keys=True)
        write_text(directory / HEADER, text + "\n")
        return cls(directory, header)

    @classmethod
    def open(cls, directory: Path) -> FeatureStore:
        """An existing store. Raises `StoreError` when there is none or its header is damaged."""

        def parse(values: Any) -> tuple[Any, FeatureSpec, Header]:
            spec = FeatureSpec.from_plain(values["spec"])
            kept = ("model_digest", "shard_size", "storage")
            return values, spec, Header(spec, **{name: values[name] for name in kept})

        values, spec, header = read_json(
            directory / HEADER,
            parse,
            missing=f"There are no features '{directory.name}' yet. Make them with "
            "`python -m app featurize`.",
            damaged=f"The header of the features '{directory.name}' is damaged. Remove that folder "
            "and make them again with `python -m app featurize`.",
            error=StoreError,
        )
        if values.get("format") != FORMAT or values.get("spec_digest") != spec.digest:
            raise StoreError(
                f"The features '{directory.name}' were made by another version of this program. "
                "Remove that folder and make them again with `python -m app featurize`."
            )
        return cls(directory, header)

    def require(self, model_digest: str) -> None:
        """Refuse, naming both digests, a store of another model."""
        if self.header.model_digest != model_digest:
            raise StoreError(
                f"The features '{self.directory.name}' were made for another model (digest "
                f"{self.header.model_digest[:12]}, and here it is {model_digest[:12]}). Remove "
                "that folder and make them again with `python -m app featurize`."
            )

    def shards(self) -> list[int]:
        """The numbers of the shards that are there."""
        files = self.directory.glob("shard-*.safetensors")
        return sorted(int(path.stem.removeprefix("shard-")) for path in files)

    def path(self, number: int) -> Path:
        """Where shard `number` lies."""
        return self.directory / SHARD.format(number)

    def plan(self, keys: Sequence[int]) -> Iterator[tuple[int, list[int]]]:
        """What is still to be made of `keys`: (shard number, places in `keys`), one by one.

        Each is planned when the iterator reaches it, so several processes may write one store.
        """
        have = set(self.keys())
        todo = list({key: place for place, key in enumerate(keys) if key not in have}.values())
        todo.sort()
        there = set(self.shards())
        # a gap is filled first, so that resumed runs leave the same files as undisturbed ones
        free = (number for number in count() if number not in there)
        size = self.header.shard_size
        for start in range(0, len(todo), size):
            yield next(free), todo[start : start + size]

    def write(
        self,
        number: int,
        features: Features,
        keys: Sequence[int],
        pictures: Sequence[int] | None = None,
    ) -> None:
        """Write shard `number`, all of it or nothing; `pictures`: the `picture_key` of each row.
        Raises `StoreError` on a full disk."""
        beside = {"losses": features.losses.double(), "keys": torch.tensor(list(keys))}
        if pictures is not None:
            beside[PICTURES] = torch.tensor(list(pictures))
        self._write(number, Packed.of(features.phi, self.header.storage), beside)

    def _write(self, number: int, packed: Packed, beside: Mapping[str, Tensor]) -> None:
        self._save(self.path(number), {**packed.tensors(), **beside})

    def _save(self, path: Path, tensors: dict[str, Tensor]) -> None:
        marks = {"header": self.header.digest, "checksum": checksum(tensors)}
        try:
            save_tensors(path, tensors, marks)
        except CollectionError as error:
            raise StoreError(
                f"The features '{self.directory.name}' are unfinished: {error.message} What is "
                "finished is kept."
            ) from error

    def forget(self, keys: Sequence[int]) -> int:
        """Take rows out, shard by shard, for good; the number of rows taken."""
        unwanted = torch.tensor(sorted(set(keys)), dtype=torch.int64)
        taken = 0
        for number in self.shards():
            tensors = self._tensors(number)
            own = tensors["keys"]
            kept = (~torch.isin(own, unwanted)).nonzero()[:, 0]
            if len(kept) == len(own):
                continue
            taken += len(own) - len(kept)
            if len(kept):
                beside = {name: tensors[name][kept] for name in BESIDE if name in tensors}
                self._write(number, Packed.read(tensors).of_rows(kept), beside)
            else:
                self.path(number).unlink()
        return taken

    def departed(self) -> tuple[Tensor, list[int]]:
        """Of works that left: rows `[d, k]` with the same phi' phi as theirs, and their keys."""
        path = self.directory / DEPARTED
        if not path.is_file():
            return torch.zeros(0, 0), []
        tensors = self._checked(path, {"phi", "keys"})
        return tensors["phi"], tensors["keys"].tolist()

    def keep_departed(self, phi: Tensor, keys: Sequence[int]) -> None:
        """Write what `departed` reads: of these works, and of nobody else."""
        tensors = {"phi": phi.float(), "keys": torch.tensor(list(keys), dtype=torch.int64)}
        self._save(self.directory / DEPARTED, tensors)

    def keys(self) -> list[int]:
        """The key of every row that is there, in the order of the shards."""
        keys: list[int] = []
        for number in self.shards():
            keys.extend(self._tensors(number, only="keys")["keys"].tolist())
        return keys

    def pictures(self) -> dict[int, int]:
        """key -> `picture_key` of the rows that say whose they are; older ones do not."""
        known: dict[int, int] = {}
        for number in self.shards():
            tensors = self._tensors(number)
            if PICTURES in tensors:
                known.update(zip(tensors["keys"].tolist(), tensors[PICTURES].tolist(), strict=True))
        return known

    def _parts(self, number: int) -> tuple[Packed, Tensor, Tensor]:
        tensors = self._tensors(number)
        return Packed.read(tensors), tensors["losses"], tensors["keys"]

    def _tensors(self, number: int, only: str = "") -> dict[str, Tensor]:
        return self._checked(self.path(number), {"rows", "losses", "keys"}, only)

    def _checked(self, path: Path, names: set[str], only: str = "") -> dict[str, Tensor]:
        name = path.name
        remedy = "Remove that file and run `python -m app featurize` again: only it is made again."
        tensors, marks = undamaged(
            lambda: read_tensors(path, only),
            f"{name} of the features '{self.directory.name}'",
            remedy,
            StoreError,
        )
        complete = only or names <= set(tensors)
        if marks.get("header") != self.header.digest or not complete:
            raise StoreError(
                f"{name} belongs to other features than '{self.directory.name}' (digest "
                f"{marks.get('header', 'none')[:12]}, not {self.header.digest[:12]}). {remedy}"
            )
        if not only and marks.get("checksum") != checksum(tensors):
            raise StoreError(
                f"{name} of the features '{self.directory.name}' was changed after it was written. "
                f"{remedy}"
            )
        return tensors

    def load(self, keys: Sequence[int] | None = None) -> Features:
        """The rows of `keys` (None: all that is there) in their order, `phi [n, k]` float32."""
        row_keys = self.keys() if keys is None else list(keys)
        phi, losses = None, torch.zeros(len(row_keys), dtype=torch.float64)
        for packed, part_losses, places, own in self._gather(row_keys):
            if phi is None:
                phi = torch.zeros(len(row_keys), packed.dimension)
            phi[places] = packed.floats()[own]
            losses[places] = part_losses[own]
        return Features(torch.zeros(0, 0) if phi is None else phi, losses)

    def packed(self, keys: Sequence[int]) -> Packed:
        """The same as `load`, as the rows lie on the disk."""
        values, scales = None, torch.zeros(len(keys))
        for packed, _, places, own in self._gather(list(keys)):
            if values is None:
                shape = (len(keys), packed.dimension)
                values = torch.zeros(shape, dtype=packed.values.dtype)
            values[places] = packed.values[own]
            if packed.scales is not None:
                scales[places] = packed.scales[own]
        assert values is not None
        return Packed(values, None if values.dtype == torch.float32 else scales)

    def _gather(self, keys: list[int]) -> Iterator[tuple[Packed, Tensor, Tensor, Tensor]]:
        """Shard by shard: rows, losses, the places in `keys` that are filled, and by which rows."""
        places_of: dict[int, list[int]] = {}
        for place, key in enumerate(keys):
            places_of.setdefault(key, []).append(place)
        filled = 0
        for number in self.shards():
            if not places_of:
                break
            if places_of.keys().isdisjoint(self._tensors(number, only="keys")["keys"].tolist()):
                continue
            packed, losses, own = self._parts(number)  # with its keys: works may leave meanwhile
            pairs = [
                (place, row)
                for row, key in enumerate(own.tolist())
                for place in places_of.pop(key, ())
            ]
            if pairs:
                filled += len(pairs)
                places, rows = torch.tensor(pairs).unbind(1)
                yield packed, losses, places, rows
        if places_of:
            raise self._unfinished(len(keys) - filled, len(keys))

    def require_rows(self, keys: Sequence[int]) -> None:
        """Raise `StoreError` where one of these pictures has no row."""
        have = set(self.keys())
        if missing := sum(key not in have for key in keys):
            raise self._unfinished(missing, len(keys))

    def _unfinished(self, missing: int, count: int) -> StoreError:
        return StoreError(
            f"The features '{self.directory.name}' are unfinished: {missing} of {count} pictures "
            "have none. Run `python -m app featurize` again; it goes on where it stopped."
        )


def _difference(existing: Header, requested: Header) -> str:
    here, there = existing.plain(), requested.plain()
    names = [name for name in here if here[name] != there[name] and name != "spec_digest"]
    return "; ".join(
        f"{name} is {_short(here[name])}, requested is {_short(there[name])}" for name in names
    )


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
        total.update(tensors[name].contiguous().flatten().view(torch.uint8).numpy().data)
    return total.hexdigest()


def features_directory(collection: Collection, name: str) -> Path:
    """`features/<name>` of the collection."""
    return collection.path / "features" / name
