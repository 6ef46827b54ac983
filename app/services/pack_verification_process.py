"""A stranger's pack, verified in a process of its own, which can be ended.

In: the pack's bytes. Out: the answer of `pack_verification`, or its refusal in words. Readers of
pictures and signatures are native code: one that hangs or dies in a crafted file must take nobody
along. Each child has limits of time and memory; how many run at a time is the caller's to bound.
Run as a module, this is the child's side.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys

from app.services.serialize_provenance import PackRecord
from app.settings import ROOT
from core.collection.images.decoding_process import child_environment
from core.errors import CreditlineError, ProvenanceError
from core.provenance.pack import LIMITS

try:
    import resource
except ImportError:  # Windows: the parent's clock is the only limit
    resource = None  # type: ignore[assignment]

SECONDS = 30.0  # of the clock, the child's start among them: an honest pack needs two
MEMORY = 2 * 1024**3  # bytes of address space: libraries, mostly
CHILD = ("-m", __name__)
NO_ANSWER = (
    "The pack could not be verified: reading it took too long, or ended the process that read it. "
    "It is damaged or made to do harm. Ask whoever gave it to you for it again."
)


def verified_apart(data: bytes, name: str) -> PackRecord:
    """As `verify_pack`, without anything of the reader's own.

    Raises `ProvenanceError` also where the child gave no answer in time, or none can be started.
    """
    try:
        done = subprocess.run(
            [sys.executable, *CHILD, name],
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            cwd=ROOT,
            env=child_environment(os.environ),
            check=True,
        )
        answer = json.loads(done.stdout)
        if "refused" in answer:
            raise ProvenanceError(str(answer["refused"]))
        return PackRecord.model_validate(answer)
    except (subprocess.SubprocessError, OSError, ValueError, TypeError) as error:
        raise ProvenanceError(NO_ANSWER) from error


def main() -> None:
    """The child's side: a pack on standard input, the answer as JSON on standard output."""
    from app.services.pack_verification import verify_pack

    if resource is not None:
        for kind, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CORE, 0)):
            with contextlib.suppress(OSError, ValueError):  # macOS refuses
                resource.setrlimit(kind, (most, most))
    try:
        answer = verify_pack(sys.stdin.buffer.read(LIMITS.pack + 1), sys.argv[1]).plain()
    except CreditlineError as error:
        answer = {"refused": error.message}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
