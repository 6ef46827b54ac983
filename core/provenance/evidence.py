"""An evidence pack: everything that supports one run's credits, in one ZIP file.

In: named texts and pictures. Out: the archive's bytes, the same for the same contents. Knows no
run and no database.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping

FIRST_DAY = (1980, 1, 1, 0, 0, 0)


def evidence_pack(files: Mapping[str, bytes]) -> bytes:
    """The files, and SHA256SUMS over them."""
    sums = "".join(
        f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files.items())
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in [*sorted(files.items()), ("SHA256SUMS", sums.encode())]:
            archive.writestr(zipfile.ZipInfo(name, FIRST_DAY), data)
    return buffer.getvalue()
