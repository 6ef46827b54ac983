"""Pictures that were damaged by a seed, for whoever opens strangers' files.

`make attack COUNT=2000 SEED=1`, or `python -m tests.attack.mutated_pictures 2000 --seed 1`: opens
so many and says what became of them. Anything but a picture or a refusal in words ends it at once;
the file that did it can be made again by its seed and number.
"""

from __future__ import annotations

import argparse
import random
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from core.collection.images.decoding_process import POOL
from core.collection.images.open import open_image
from core.errors import ImageRefused
from tests.core.collection.images import crafted

Mutation = Callable[[bytearray, random.Random], bytearray]
EXTREME = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0xFFFF_FFFF)


def originals() -> dict[str, bytes]:
    """Honest pictures of every kind that is opened, with something in them to be damaged."""
    picture = Image.frombytes("RGB", (96, 64), random.Random(0).randbytes(96 * 64 * 3))
    frames = [picture.rotate(90 * turn) for turn in range(1, 4)]
    whole = {
        "png": crafted.saved(picture, "PNG"),
        "png of a palette": crafted.saved(picture.quantize(16), "PNG"),
        "jpeg": crafted.saved(picture, "JPEG", exif=_exif()),
        "progressive jpeg": crafted.saved(picture, "JPEG", progressive=True, quality=60),
        "gif": crafted.saved(picture, "GIF", save_all=True, append_images=frames),
        "webp": crafted.saved(picture, "WEBP", lossless=True),
        "lossy webp": crafted.saved(picture, "WEBP", quality=50),
        "bmp": crafted.saved(picture, "BMP"),
        "avif": crafted.saved(picture, "AVIF", speed=10),
    }
    for packing in ("raw", "tiff_lzw", "tiff_adobe_deflate", "jpeg"):
        whole[f"tiff {packing}"] = crafted.saved(picture, "TIFF", compression=packing)
    return whole


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a painting"
    return exif


def _flip(data: bytearray, chance: random.Random) -> bytearray:
    for _ in range(chance.choice((1, 1, 2, 8, 64))):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return data


def _overwrite(data: bytearray, chance: random.Random) -> bytearray:
    """A number of one to four bytes, at its limits: lengths, counts, offsets."""
    value, order = chance.choice(EXTREME), chance.choice("<>")
    code = "B" if value <= 0xFF else "H" if value <= 0xFFFF else "I"
    part = struct.pack(order + code, value)
    at = chance.randrange(max(1, min(len(data), chance.choice((64, 512, len(data))))))
    data[at : at + len(part)] = part
    return data


def _cut(data: bytearray, chance: random.Random) -> bytearray:
    return data[: chance.randrange(len(data))]


def _remove(data: bytearray, chance: random.Random) -> bytearray:
    at = chance.randrange(len(data))
    del data[at : at + chance.choice((1, 4, 50, 1000))]
    return data


def _repeat(data: bytearray, chance: random.Random) -> bytearray:
    at, length = chance.randrange(len(data)), chance.choice((4, 50, 1000))
    data[at:at] = data[at : at + length] * chance.choice((1, 3, 200))
    return data


def _insert(data: bytearray, chance: random.Random) -> bytearray:
    at = chance.randrange(len(data))
    data[at:at] = chance.randbytes(chance.choice((1, 2, 64, 4096)))
    return data


def _swap(data: bytearray, chance: random.Random) -> bytearray:
    one, other = sorted(chance.randrange(len(data)) for _ in range(2))
    length = chance.choice((4, 64))
    data[one : one + length], data[other : other + length] = (
        data[other : other + length],
        data[one : one + length],
    )
    return data


MUTATIONS: tuple[Mutation, ...] = (_flip, _overwrite, _cut, _remove, _repeat, _insert, _swap)


def mutated(original: bytes, chance: random.Random) -> bytes:
    """One to four mutations of a file."""
    data = bytearray(original)
    for _ in range(chance.choice((1, 1, 2, 4))):
        data = chance.choice(MUTATIONS)(data or bytearray(b"\0"), chance)
    return bytes(data)


def mutants(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of `count` damaged pictures, of every kind in turn; the same for one seed."""
    kinds = originals()
    names = list(kinds)
    for number in range(count):
        name = names[number % len(names)]
        yield f"{seed}/{number} {name}", mutated(kinds[name], random.Random(f"{seed}/{number}"))


@dataclass
class Outcome:
    """What became of them; seconds and bytes are the largest of all."""

    opened: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    slowest_name: str = ""
    peak: int = 0


def attack(count: int, seed: int) -> Outcome:
    """Open every mutant; what is raised beside `ImageRefused` passes, with the mutant's name."""
    outcome = Outcome()
    for name, data in mutants(count, seed):
        began = time.monotonic()
        try:
            open_image(data, "mutant")
            outcome.opened += 1
        except ImageRefused as refusal:
            assert refusal.message and "\n" not in refusal.message, name
            outcome.refused[refusal.message.split(".")[0]] += 1
        except Exception as error:
            error.add_note(f"by the mutant {name}")
            raise
        passed = time.monotonic() - began
        if passed > outcome.slowest:
            outcome.slowest, outcome.slowest_name = passed, name
        outcome.peak = max([outcome.peak, *map(_peak, POOL.process_ids())])
    return outcome


def _peak(process: int) -> int:
    """The most memory that a child ever held, in bytes; 0 where the system does not tell."""
    try:
        text = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in text.splitlines() if "VmHWM" in line), 0)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("count", type=int)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    result = attack(given.count, given.seed)
    print(f"{given.count} mutants, seed {given.seed}: {result.opened} opened, the rest refused")
    for words, number in result.refused.most_common():
        print(f"  {number:6d}  {words}")
    print(f"slowest {result.slowest:.2f} s ({result.slowest_name})")
    print(f"most memory of a child {result.peak / 2**20:.0f} MB")
