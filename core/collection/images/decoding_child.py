"""The child's side of decoding: reads pictures from its standard input, answers with pixels.

In: messages of `decoding_process`. Out: the same. Run by `DecodingPool` as a module of its own. It
gives up what it does not need before the first file arrives: core dumps and files it could write;
then, request by request, memory and time. Ends with its input.
"""

from __future__ import annotations

import contextlib
import os
import signal
from io import FileIO
from pathlib import Path

from PIL import AvifImagePlugin, TiffImagePlugin, WebPImagePlugin

from core.collection.images.container_limits import ImageLimits
from core.collection.images.decoding_process import (
    Decoded,
    band_rows,
    out_of_memory,
    read_exactly,
    read_header,
    write_message,
)
from core.collection.images.open import decode_image
from core.errors import ImageRefused

try:
    import resource
except ImportError:  # Windows: the parent's clock is the only limit
    resource = None  # type: ignore[assignment]

# imported here, before the first picture needs them and before files can no longer be written
PLUGINS = (AvifImagePlugin, TiffImagePlugin, WebPImagePlugin)
_GRACE = 2.0  # seconds after which a picture ends its process itself, should the parent be gone


def main() -> None:
    """Answer picture after picture until the parent closes the pipe."""
    requests, answers = _pipes()
    _give_up_rights()
    start = _address_space()
    write_message(answers, {"ready": True})
    while (request := read_header(requests)) is not None:
        data = bytes(read_exactly(requests, request["bytes"]))
        _limit_memory(start + request["memory"])
        _limit_time(request["seconds"] + _GRACE)
        _answer(answers, data, ImageLimits(**request["limits"]))
        _limit_time(0)


def _answer(answers: FileIO, data: bytes, limits: ImageLimits) -> None:
    try:
        decoded = decode_image(data, limits)
    except ImageRefused as error:
        write_message(answers, {"refused": error.message})
        return
    except MemoryError:
        write_message(answers, {"refused": out_of_memory().message})
        return
    _send(answers, decoded)


def _send(answers: FileIO, decoded: Decoded) -> None:
    image = decoded.image
    width, height = image.size
    write_message(answers, {"width": width, "height": height, "notes": decoded.notes})
    step = band_rows(width)
    for top in range(0, height, step):
        band = image.crop((0, top, width, min(top + step, height)))
        rest = memoryview(band.tobytes())
        while rest:
            rest = rest[answers.write(rest) or 0 :]


def _pipes() -> tuple[FileIO, FileIO]:
    """Standard input and output for messages alone: what a library prints goes nowhere."""
    requests, answers = os.dup(0), os.dup(1)
    with open(os.devnull, "r+b", buffering=0) as nowhere:
        os.dup2(nowhere.fileno(), 0)
        os.dup2(nowhere.fileno(), 1)
    return FileIO(requests, "rb"), FileIO(answers, "wb")


def _give_up_rights() -> None:
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    with contextlib.suppress(OSError):  # if memory runs out, this process goes first
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    if resource is None:
        return
    for kind in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(kind, (0, 0))


def _address_space() -> int:
    """Bytes that are mapped before the first picture: code, mostly."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return 512 * 1024 * 1024  # not Linux: a guess above what is mapped
    return pages * os.sysconf("SC_PAGE_SIZE")


def _limit_memory(most: int) -> None:
    if resource is None:
        return
    with contextlib.suppress(OSError, ValueError):  # macOS refuses
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        if hard != resource.RLIM_INFINITY:
            most = min(most, hard)
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def _limit_time(seconds: float) -> None:
    """Whatever becomes of the parent, SIGALRM ends this process then; 0: no more."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


if __name__ == "__main__":
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionError):
        main()
