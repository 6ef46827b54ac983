"""`score`: a method over plain arrays in files, for researchers and for checking.

In: two npz files. Out: one with `scores [m, n]`. Nothing pickled is ever read.
"""

from __future__ import annotations

import io
import tokenize
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.services.serialize import ScoresRecord
from core.attribution.methods import method
from core.attribution.scoring.scorer import score
from core.errors import UsageError
from core.files import write_bytes


def score_files(
    features: Path, queries: Path, output: Path, name: str, lambda_: float | None
) -> ScoresRecord:
    """Read, score, write. Raises `UsageError` for files that hold something else."""
    row = method(name)
    works, residuals = _array(features, "features"), _array(features, "residuals", needed=False)
    vectors = _array(queries, "queries")
    assert works is not None and vectors is not None
    scores = score(row, works, vectors, lambda_, residuals)
    written = output if output.suffix == ".npz" else output.with_name(output.name + ".npz")
    buffer = io.BytesIO()
    np.savez_compressed(buffer, scores=scores)
    write_bytes(written, buffer.getvalue())
    return ScoresRecord(
        method=name,
        works=scores.shape[1],
        queries=scores.shape[0],
        lambda_=lambda_,
        output=written,
    )


def _array(path: Path, name: str, *, needed: bool = True) -> NDArray[np.float64] | None:
    try:
        arrays = np.load(path, allow_pickle=False)
        if not isinstance(arrays, np.lib.npyio.NpzFile):
            raise ValueError("a single array")
        with arrays:
            if name in arrays:
                values = arrays[name]
                if values.dtype.kind not in "fiub":
                    raise ValueError(f"numbers of the kind {values.dtype}")
                return np.asarray(values, dtype=np.float64)
            held = ", ".join(arrays.files) or "nothing"
    except FileNotFoundError as error:
        raise UsageError(f"There is no file '{path}'. Check the path.") from error
    except (
        OSError,
        ValueError,
        TypeError,
        EOFError,
        SyntaxError,
        tokenize.TokenError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise UsageError(
            f"'{path.name}' is not a readable npz file of plain numbers. Write it with numpy.savez."
        ) from error
    if needed:
        raise UsageError(f"'{path.name}' holds {held}, and no array '{name}'.")
    return None
