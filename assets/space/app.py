"""The studio on a Hugging Face Space with the Gradio SDK, with or without ZeroGPU.

In: the Space's environment. Out: the studio, its painting and tracing given to `spaces.GPU`, which
lends a GPU for so long; elsewhere that does nothing. Pushing it: assets/docs/deployment.md.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

try:
    import spaces  # before torch: it stands in for the GPU until one is lent
except ImportError:
    spaces = None

# this folder holds an `app.py`; the package `app` lies two floors above
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

PAINTING, TRACING = 90, 60  # seconds that one picture may take on a lent GPU
Lend = Callable[..., Callable[[Callable[..., Any]], Callable[..., Any]]]


def lend(engine: Any, gpu: Lend) -> None:
    """Give painting and tracing to `gpu`, a decorator as `spaces.GPU`; everything that passes is
    plain values: the model is there on both sides."""
    paint, attribute, compare = engine.paint, engine.attribute, engine.compare

    @gpu(duration=PAINTING)
    def painting(style: str, options: dict[str, Any]) -> Iterator[Any]:
        yield from paint(style, **options)

    @gpu(duration=TRACING)
    def tracing(image: Any, options: dict[str, Any]) -> Any:
        return attribute(image, **options)

    @gpu(duration=TRACING)
    def comparing(image: Any, style: str, names: list[str]) -> Any:
        return compare(image, style, names)

    engine.paint = lambda style, **options: painting(style, options)
    engine.attribute = lambda image, **options: tracing(image, options)
    engine.compare = lambda image, style, names: comparing(image, style, list(names))


def prepare(studio: Any) -> None:
    """What a Space with ZeroGPU wants before anybody is answered."""
    if spaces is None:
        return
    lend(studio.engine, spaces.GPU)
    startup = getattr(spaces.zero, "startup", None)  # there on ZeroGPU alone
    if startup is not None:
        startup()  # Gradio's `launch` would say it, and the studio is mounted instead


def main() -> None:
    """Serve the studio where Spaces expect it."""
    kept = Path("/data")  # a Space's persistent disk, where it has one
    os.environ.setdefault("CREDITLINE_HOST", "0.0.0.0")
    os.environ.setdefault("CREDITLINE_PORT", "7860")
    os.environ.setdefault("CREDITLINE_OPEN", "0")
    if os.access(kept, os.W_OK):
        os.environ.setdefault("CREDITLINE_HOME", str(kept))
    from app.settings import read_settings
    from app.web.server import serve

    serve(read_settings(), prepare)


if __name__ == "__main__":
    main()
